"""A URL with different signing keys than the shop that installed the app: it inherits nothing without proof."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.saleor import client, register, registration_limits, signatures, trouble
from saleor_stripe_audience.saleor.client import AppIdentity
from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from saleor_stripe_audience.shops.models import Installation
from tests.dashboard.conftest import API_URL, KEY, Shop, make_shop

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "token-of-the-new-installation"
OTHER_KEY = SigningKey.generate()


class Host:
    """Whoever responds at the shop's URL."""

    def __init__(self) -> None:
        self.keys = [KEY.jwk()]
        self.tokens = {NEW: "QXBwOjI="}
        self.takes_any = False

    def fetch_app(self, _url: str, token: str) -> AppIdentity:
        if token not in self.tokens and not self.takes_any:
            raise Rejected(client.REINSTALL, code=trouble.APP_UNKNOWN)
        return AppIdentity(self.tokens.get(token, "QXBwOjE="), "saleor.app.stripe-audience")

    def fetch_jwks(self, _url: str) -> dict[str, Any]:
        return {"keys": self.keys}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Host]:
    made = Host()
    settings.ALLOWED_SALEOR_URLS = (API_URL,)
    monkeypatch.setattr(client, "fetch_app", made.fetch_app)
    monkeypatch.setattr(client, "fetch_channels", lambda *_: [])
    monkeypatch.setattr(signatures, "fetch_jwks", made.fetch_jwks)
    signatures._fetched_at.clear()
    yield made
    signatures._fetched_at.clear()


@pytest.fixture
def shop() -> Shop:
    return make_shop()


def install() -> Any:
    headers = {"Saleor-Api-Url": API_URL}
    return Client().post("/api/register", {"auth_token": NEW}, "application/json", headers=headers)


def test_a_reinstall_by_the_same_shop_keeps_its_row(host: Host, shop: Shop) -> None:
    assert install().json() == {"success": True}
    assert Installation.objects.get().pk == shop.installation.pk
    assert install().json() == {"success": True}, "repeating it changes nothing"


def test_another_shop_at_the_address_gets_nothing_of_the_former_one(host: Host, shop: Shop) -> None:
    host.keys = [OTHER_KEY.jwk()]
    answer = install()
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_shop")
    assert "hand-over" in answer.json()["error"]["message"]
    kept = Installation.objects.get()
    assert (kept.token, kept.app_id) == (shop.installation.token, shop.installation.app_id)


def test_the_key_counts_not_its_name(host: Host, shop: Shop) -> None:
    host.keys = [SigningKey(OTHER_KEY.private, KEY.kid).jwk()]
    assert install().status_code == 403


def test_new_keys_are_accepted_from_who_knows_the_old_token(host: Host, shop: Shop) -> None:
    host.keys = [OTHER_KEY.jwk()]
    host.tokens["token-of-the-app"] = shop.installation.app_id
    assert install().json() == {"success": True}


def test_a_shop_that_accepts_every_token_proves_nothing(host: Host, shop: Shop) -> None:
    host.keys = [OTHER_KEY.jwk()]
    host.takes_any = True
    assert install().status_code == 403


def test_the_operator_lets_the_same_shop_continue_once(host: Host, shop: Shop) -> None:
    host.keys = [OTHER_KEY.jwk()]
    assert main(["hand-over", "--saleor-api-url", API_URL, "--same-shop"]) == 0
    assert install().json() == {"success": True}
    assert Installation.objects.get().accepts_new_keys_until is None
    host.keys = [SigningKey.generate().jwk()]
    host.tokens = {NEW: "QXBwOjM="}
    assert install().status_code == 403


def test_the_operators_decision_ends_after_a_day(host: Host, shop: Shop) -> None:
    host.keys = [OTHER_KEY.jwk()]
    Installation.objects.update(accepts_new_keys_until=timezone.now() - timedelta(seconds=1))
    assert install().status_code == 403


def test_the_operator_forgets_the_former_shop(host: Host, shop: Shop) -> None:
    host.keys = [OTHER_KEY.jwk()]
    assert main(["hand-over", "--saleor-api-url", API_URL, "--forget"]) == 0
    assert not Installation.objects.exists()
    assert install().json() == {"success": True}
    assert Installation.objects.get().pk != shop.installation.pk


def test_signatures_of_a_later_owner_are_not_believed(host: Host, shop: Shop) -> None:
    host.keys = [OTHER_KEY.jwk()]
    with pytest.raises(Unavailable) as refused:
        signatures.verify(shop.installation, OTHER_KEY.signature(b"{}"), b"{}")
    assert refused.value.code == "keys_not_proven"
    assert Installation.objects.get().jwks == {"keys": [KEY.jwk()]}


def test_keys_published_with_a_known_one_are_trusted(host: Host, shop: Shop) -> None:
    host.keys = [KEY.jwk(), OTHER_KEY.jwk()]
    signatures.verify(shop.installation, OTHER_KEY.signature(b"{}"), b"{}")


class TestLimits:
    @pytest.fixture(autouse=True)
    def _no_minute_ends(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG002 - it must respond
        monkeypatch.setattr("time.time", lambda: 1_790_000_000.0)

    def test_a_shop_registers_so_often_in_a_minute(self) -> None:
        answers = [install().status_code for _ in range(registration_limits.PER_SHOP + 1)]
        assert answers == [200] * registration_limits.PER_SHOP + [429]
        assert install()["Retry-After"]

    def test_a_caller_registers_so_many_shops_in_a_minute(self) -> None:
        def of(number: int) -> int:
            headers = {"Saleor-Api-Url": f"https://shop-{number}.example.com/graphql/"}
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(register, "check_allowed", lambda _: None)
                answer = Client().post(
                    "/api/register", {"auth_token": NEW}, "application/json", headers=headers
                )
            return int(answer.status_code)

        answers = [of(number) for number in range(registration_limits.PER_CALLER + 1)]
        assert answers == [200] * registration_limits.PER_CALLER + [429]

    def test_registrations_that_are_refused_at_once_do_not_count(self) -> None:
        headers = {"Saleor-Api-Url": API_URL}
        for _ in range(registration_limits.PER_CALLER + 1):
            assert Client().post("/api/register", {}, "application/json", headers=headers).status_code == 403
        assert install().status_code == 200

    @pytest.mark.parametrize("held", ["the shop", "every place"])
    def test_slow_shops_hold_few_threads(
        self, host: Host, held: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inside: list[int] = []

        def fetch_app(url: str, token: str) -> AppIdentity:
            if not inside:
                inside.append(1)
                inside.append(install().status_code)
            return host.fetch_app(url, token)

        if held == "every place":
            monkeypatch.setattr(registration_limits, "_places", _no_places())
            assert install().status_code == 503
            return
        monkeypatch.setattr(client, "fetch_app", fetch_app)
        assert install().status_code == 200
        assert inside == [1, 503]


def _no_places() -> Any:
    semaphore = threading.BoundedSemaphore(1)
    semaphore.acquire()
    return semaphore


@pytest.mark.parametrize("token", ["\ud800", "a b", "é", "a\nb", "x" * 501, "\0"])
def test_a_token_that_could_not_be_sent_back_is_refused(host: Host, token: str) -> None:
    headers = {"Saleor-Api-Url": API_URL}
    answer = Client().post("/api/register", {"auth_token": token}, "application/json", headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("address", ["https://[", "https://a.example.com:port/graphql/", "https://", "[", ""])
def test_an_address_that_is_none_is_refused(host: Host, address: str) -> None:
    answer = Client().post(
        "/api/register", {"auth_token": NEW}, "application/json", headers={"Saleor-Api-Url": address}
    )
    assert answer.status_code == 403
    assert answer.json()["error"]["message"]
