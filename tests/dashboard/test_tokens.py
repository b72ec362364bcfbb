"""Every token that must not open the page."""

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from saleor_stripe_audience.dashboard import hosted
from saleor_stripe_audience.dashboard.urls import urlpatterns
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.saleor import signatures
from saleor_stripe_audience.saleor.tokens import LONGEST_TOKEN, DashboardUser, verify_dashboard_token
from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from tests.dashboard.conftest import API_URL, Shop, make_shop

Json = dict[str, Any]


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def verify(shop: Shop, token: str) -> DashboardUser:
    return verify_dashboard_token(shop.installation.saleor_api_url, token)


@pytest.fixture(autouse=True)
def no_keys_to_fetch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Saleor publishes no other key; requests for keys are recorded."""
    asked: list[str] = []

    def fetch(api_url: str) -> Json:
        asked.append(api_url)
        return {"keys": []}

    monkeypatch.setattr(signatures, "fetch_jwks", fetch)
    monkeypatch.setattr(signatures, "_fetched_at", {})
    return asked


def test_a_valid_token_identifies_the_user(shop: Shop) -> None:
    user = verify(shop, shop.token(user_permissions=["MANAGE_APPS"]))
    assert user == DashboardUser(
        shop.installation, "staff@example.com", frozenset({"MANAGE_APPS"}), "VXNlcjox"
    )
    assert user.may("MANAGE_APPS")
    assert not user.may("MANAGE_USERS")


def test_what_the_app_may_is_not_what_the_user_may(shop: Shop) -> None:
    user = verify(shop, shop.token(permissions=["MANAGE_USERS"], user_permissions=[]))
    assert not user.may("MANAGE_USERS")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example.com/graphql/"},
        {"iss": API_URL.rstrip("/")},
        {"iss": None},
        {"type": "access"},
        {"type": "refresh"},
        {"type": ["access", "thirdparty"]},
        {"type": None},
        {"app": "QXBwOjI="},
        {"app": ["QXBwOjE="]},
        {"app": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 600},
    ],
)
def test_a_claim_that_does_not_fit_is_refused(shop: Shop, changed: Json) -> None:
    with pytest.raises(Rejected) as refused:
        verify(shop, shop.token(**changed))
    assert refused.value.code == "invalid_token"


def test_the_page_learns_that_a_token_has_expired(shop: Shop, client: Client) -> None:
    """It then waits for the Dashboard's next one, and keeps what was typed."""
    expired, foreign = shop.token(exp=int(time.time()) - 31), shop.token(app="QXBwOjI=")
    with pytest.raises(Rejected) as refused:
        verify(shop, expired)
    assert refused.value.code == "expired_token"
    for token, is_expired in ((expired, True), (foreign, False)):
        headers = shop.headers() | {"Authorization": f"Bearer {token}"}
        answer = client.get("/dashboard/overview", headers=headers)
        assert answer.status_code == 401
        assert ("expired" in answer.headers.get("WWW-Authenticate", "")) is is_expired


def test_clocks_may_differ_a_little(shop: Shop) -> None:
    now = int(time.time())
    assert verify(shop, shop.token(exp=now - 5, iat=now + 5))


def test_an_unsigned_token_is_refused(shop: Shop) -> None:
    for algorithm in ("none", "None", "NONE"):
        head = encoded({"alg": algorithm, "kid": shop.key.kid, "typ": "JWT"})
        with pytest.raises(Rejected):
            verify(shop, f"{head}.{encoded(shop.claims())}.")


def test_the_public_key_is_no_shared_secret(shop: Shop) -> None:
    """The well-known attack: an HMAC with the public key, which everybody can read."""
    head = encoded({"alg": "HS256", "kid": shop.key.kid, "typ": "JWT"})
    message = f"{head}.{encoded(shop.claims())}"
    secret = json.dumps(shop.key.jwk()).encode()
    signature = base64.urlsafe_b64encode(hmac.digest(secret, message.encode(), hashlib.sha256))
    with pytest.raises(Rejected):
        verify(shop, f"{message}.{signature.rstrip(b'=').decode()}")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "ES256", "", None, ["RS256"]])
def test_no_other_algorithm_is_tried(shop: Shop, algorithm: object, no_keys_to_fetch: list[str]) -> None:
    _, payload, signature = shop.token().split(".")
    head = encoded({"alg": algorithm, "kid": "unknown"})
    with pytest.raises(Rejected):
        verify(shop, f"{head}.{payload}.{signature}")
    assert no_keys_to_fetch == []


def test_another_key_under_the_known_id_is_refused(shop: Shop) -> None:
    forger = SigningKey(SigningKey.generate().private, shop.key.kid)
    with pytest.raises(Rejected):
        verify(shop, forger.token(shop.claims()))


def test_an_unknown_key_is_asked_for_once_and_then_refused(shop: Shop, no_keys_to_fetch: list[str]) -> None:
    forger = SigningKey.generate()
    for _ in range(50):
        with pytest.raises(Unavailable):
            verify(shop, forger.token(shop.claims()))
    assert no_keys_to_fetch == [API_URL]


def test_a_rotated_key_is_found(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is published together with a known one; tests/saleor/test_changed_hands.py tests the others."""
    rotated = SigningKey.generate()
    monkeypatch.setattr(signatures, "fetch_jwks", lambda _: {"keys": [shop.key.jwk(), rotated.jwk()]})
    assert verify(shop, rotated.token(shop.claims()))


def test_a_key_without_an_id_is_refused(shop: Shop) -> None:
    _, payload, signature = shop.token().split(".")
    with pytest.raises(Rejected):
        verify(shop, f"{encoded({'alg': 'RS256'})}.{payload}.{signature}")


def test_a_changed_token_is_refused(shop: Shop) -> None:
    head, _, signature = shop.token(user_permissions=[]).split(".")
    with pytest.raises(Rejected):
        verify(shop, f"{head}.{encoded(shop.claims())}.{signature}")


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        " ",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "é.ü.ß",
        "\x00",
        "e30.e30.e30",
        "x" * (LONGEST_TOKEN + 1),
    ],
)
def test_rubbish_is_refused(shop: Shop, rubbish: str) -> None:
    with pytest.raises(Rejected):
        verify(shop, rubbish)


def test_a_deeply_nested_header_is_refused(shop: Shop) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 9000).rstrip(b"=").decode()
    with pytest.raises(Rejected):
        verify(shop, f"{deep}.e30.e30")


def test_a_token_of_one_shop_does_not_open_another(shop: Shop) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    with pytest.raises(Rejected):
        verify(other, shop.token())
    with pytest.raises(Rejected):
        verify(shop, other.token())


def test_a_removed_app_opens_nothing(shop: Shop) -> None:
    token = shop.token()
    shop.installation.is_active = False
    shop.installation.save()
    with pytest.raises(Rejected):
        verify(shop, token)


def test_permissions_that_are_no_list_give_nothing(shop: Shop) -> None:
    for given in (None, "MANAGE_APPS", {"MANAGE_APPS": True}, [1, None]):
        assert verify(shop, shop.token(user_permissions=given)).permissions == frozenset()


PATHS = [
    "overview",
    "accounts",
    "channels",
    "payments",
    "contacts",
    "problems",
]
POSTS = ["accounts/connect", "channels/save", "channels/read", "problems/1/replay"]
NEEDED = {
    "accounts": "MANAGE_APPS",
    "channels": "MANAGE_APPS",
    "payments": "HANDLE_PAYMENTS",
    "contacts": "MANAGE_USERS",
    "problems": "MANAGE_APPS",
}
PERMISSION_NAMES = {
    "MANAGE_APPS": "Manage apps",
    "HANDLE_PAYMENTS": "Handle payments",
    "MANAGE_USERS": "Manage customers",
}


def asked(client: Client, path: str, headers: Json) -> int:
    method = client.post if path in POSTS else client.get
    return method(f"/dashboard/{path}", headers=headers).status_code


@pytest.mark.parametrize("path", PATHS + POSTS)
def test_nothing_is_shown_without_a_token(shop: Shop, client: Client, path: str) -> None:
    good = shop.headers()
    assert asked(client, path, {}) == 401
    assert asked(client, path, {"Saleor-Api-Url": API_URL}) == 401
    assert asked(client, path, {"Authorization": good["Authorization"]}) == 401
    assert (
        asked(client, path, good | {"Authorization": good["Authorization"].replace("Bearer", "Basic")}) == 401
    )
    assert asked(client, path, shop.headers(type="access")) == 401
    assert asked(client, path, shop.headers(exp=1)) == 401
    assert asked(client, path, shop.headers(token=SigningKey.generate().token(shop.claims()))) == 503


@pytest.mark.parametrize("path", [*PATHS[1:], *POSTS])
def test_each_part_needs_its_permission(shop: Shop, client: Client, path: str) -> None:
    needed = NEEDED[path.split("/", maxsplit=1)[0]]
    others = sorted(set(NEEDED.values()) - {needed})
    answer = (client.post if path in POSTS else client.get)(
        f"/dashboard/{path}", headers=shop.headers(user_permissions=others)
    )
    assert answer.status_code == 403
    text = answer.content.decode()
    assert f"This requires the permission “{PERMISSION_NAMES[needed]}”." in text
    assert needed not in text
    assert "Try again" not in text


def test_a_refusal_is_never_kept_and_says_what_to_do(shop: Shop, client: Client) -> None:
    answer = client.get("/dashboard/overview", headers=shop.headers(exp=1))
    assert "no-store" in answer["Cache-Control"]
    assert "Open this page again from Saleor&#x27;s Dashboard." in answer.content.decode()
    assert not answer.cookies


@pytest.mark.parametrize("is_staff", [False, None, "true", 1])
def test_only_staff_open_the_page(shop: Shop, is_staff: object) -> None:
    with pytest.raises(Rejected):
        verify(shop, shop.token(is_staff=is_staff))


# Not sections: the shell at any URL, and the pages to Stripe and back, which have their own tokens.
OPEN = {"page", "deep", hosted.BEGIN, hosted.AGAIN, hosted.BACK}
SAMPLES = {"uuid": str(UUID(int=1)), "int": "1", "slug": "terms"}
ROUTES = [
    (str(each.name), re.sub(r"<(\w+):\w+>", lambda part: SAMPLES[part[1]], str(each.pattern)))
    for each in urlpatterns
    if each.name not in OPEN
]


@pytest.mark.parametrize(("name", "path"), ROUTES)
def test_every_address_refuses_who_may_not(
    shop: Shop, client: Client, settings: Settings, name: str, path: str
) -> None:
    """No token, expired, another shop's, forged, another Dashboard's, without the permission."""
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    methods = (client.get, client.post)
    good = shop.headers()

    def answers(headers: Json) -> set[int]:
        # 405: the URL does not allow this method; the other one is tested too.
        return {method(f"/dashboard/{path}", headers=headers).status_code for method in methods} - {405}

    assert answers({}) == {401}
    assert answers(shop.headers(exp=1)) == {401}
    assert answers(shop.headers(type="access")) == {401}
    assert answers(good | {"Authorization": other.headers()["Authorization"]}) == {401}
    assert answers(other.headers() | {"Authorization": good["Authorization"]}) == {401}
    if name not in (
        "overview",
        "order_widget",
        "customer_widget",
    ):  # these show what each person has access to
        assert answers(shop.headers(user_permissions=[])) == {403}
    settings.DASHBOARD_ORIGINS = ("https://dashboard.example.com",)
    assert answers(good | {"Dashboard-Origin": "https://evil.example"}) == {403}
