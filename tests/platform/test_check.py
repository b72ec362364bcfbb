"""`check` on a whole installation: both stand-ins, the app between them, and each part broken in turn."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.gateway import onboarding
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.engine import sweep_inbox
from saleor_stripe_audience.inbox.models import Event, Handling, Pulse
from saleor_stripe_audience.inbox.pulse import WORKER
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Channel, Installation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stripe(settings: Any) -> Iterator[StripeSandbox]:
    with StripeSandbox() as sandbox, Served(sandbox.wsgi) as served:
        settings.STRIPE_API_BASE = served.url
        yield sandbox


@pytest.fixture
def shop(settings: Any, stripe: StripeSandbox) -> Iterator[SaleorSandbox]:
    with SaleorSandbox() as sandbox, Served(get_wsgi_application()) as app:
        settings.PUBLIC_URL = app.url
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        sandbox.install(f"{app.url}/api/manifest")
        installation = Installation.objects.get()
        slugs = list(installation.channels.values_list("slug", flat=True))
        onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, slugs)
        Pulse.objects.create(name=f"{WORKER}machine 1", at=timezone.now() + timedelta(hours=1))
        yield sandbox


def to_fix(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what has to be fixed, according to `check --json`."""
    capsys.readouterr()
    code = main(["check", "--json"])
    found = {each["name"]: each["fix"] for each in json.loads(capsys.readouterr().out) if each["fix"]}
    assert code == (1 if found else 0)
    return found


def only(found: dict[str, str]) -> str:
    assert len(found) == 1, found
    return next(iter(found.values()))


def test_all_is_well(shop: SaleorSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert to_fix(capsys) == {}
    assert main(["check"]) == 0
    assert "FIX" not in capsys.readouterr().out


def test_bounces_need_a_mail_service_only_with_an_audience(
    shop: SaleorSandbox, capsys: pytest.CaptureFixture[str], mail_server: None
) -> None:
    assert "None does" in only(to_fix(capsys))
    app = shop.app("saleor.app.stripe-audience")
    assert app is not None
    app.permissions = frozenset({"HANDLE_PAYMENTS", "MANAGE_PRODUCTS"})
    Installation.objects.update(variant="payments-only")
    assert not any("bounces" in name for name in to_fix(capsys))


def test_a_webhook_is_missing(shop: SaleorSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    installation = Installation.objects.get()
    client.delete_webhook(installation, client.fetch_installed(installation).webhooks[0].id)
    assert "not yet created" in only(to_fix(capsys))


def test_a_permission_is_missing(shop: SaleorSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    app = shop.app("saleor.app.stripe-audience")
    assert app is not None
    app.permissions = app.permissions - {"MANAGE_USERS"}
    assert "Manage customers" in only(to_fix(capsys))


def test_a_channel_has_no_account(shop: SaleorSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    Channel.objects.create(installation=Installation.objects.get(), slug="new", name="New", currency="EUR")
    assert "None for new" in only(to_fix(capsys))


def test_the_endpoint_is_switched_off(
    shop: SaleorSandbox, stripe: StripeSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    for endpoint in stripe.account.table("webhook_endpoint").values():
        endpoint["status"] = "disabled"
    assert "disabled" in only(to_fix(capsys))
    stripe.account.table("webhook_endpoint").clear()
    assert "Paste the account's keys again" in only(to_fix(capsys))


def test_the_key_was_revoked(shop: SaleorSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    StripeAccount.objects.update(secret_key="sk_test_revoked")
    found = to_fix(capsys)
    assert len(found) == 2
    assert all("sk_test" not in text for text in found.values())


def test_the_public_address_leads_elsewhere(
    shop: SaleorSandbox, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    assert "ConnectionError). Start `serve`" in to_fix(capsys)["http://127.0.0.1:9 leads to this app"]


def test_the_public_address_leads_to_something_else(
    shop: SaleorSandbox, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PUBLIC_URL = shop.api_url.removesuffix("/graphql/")
    assert "does not return this app's manifest" in to_fix(capsys)[f"{settings.PUBLIC_URL} leads to this app"]


def test_nobody_works_the_tasks(shop: SaleorSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sweep_inbox.enqueue()
    assert to_fix(capsys) == {}
    OxTask.objects.update(enqueued_at=timezone.now() - timedelta(minutes=6))
    assert "start more `work`" in only(to_fix(capsys))
    Pulse.objects.all().delete()
    assert "Start `work`" in only(to_fix(capsys))
    OxTask.objects.all().delete()
    assert "No worker has ever run" in only(to_fix(capsys)), "a minute after the installation too"


def test_an_account_without_channels_is_still_looked_at(
    shop: SaleorSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    AccountChannel.objects.all().delete()
    assert "None for" in only(to_fix(capsys))


def test_an_accounts_lines_name_its_shop_mode_and_channels(
    shop: SaleorSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two shops can use the same account, and two accounts of a shop can have the same name."""
    other = Installation.objects.create(
        saleor_api_url="https://other.example.com/graphql/",
        app_id="QXBwOjk=",
        token="token",
        registered_at=timezone.now(),
    )
    onboarding.connect(other, PUBLISHABLE_KEY, SECRET_KEY, ["b", "a"])
    StripeAccount.objects.filter(installation=other).update(secret_key="sk_test_revoked", livemode=True)
    of_other = "of https://other.example.com/graphql/ (live: a, b)"
    assert {name for name in to_fix(capsys) if "“" in name} == {
        f"Stripe accepts the key of “Sandbox Shop” {of_other}",
        f"Stripe sends the events of “Sandbox Shop” {of_other}",
    }
    assert main(["check"]) == 1
    of_shop = f"of {shop.api_url} (test: channel-pln, default-channel)"
    assert f"ok    Stripe lets “Sandbox Shop” {of_shop} take payments" in capsys.readouterr().out
    AccountChannel.objects.filter(installation=other).delete()
    assert any("(live: no channel)" in name for name in to_fix(capsys))
    Installation.objects.filter(pk=other.pk).update(is_active=False)
    assert to_fix(capsys) == {}, "a shop that has removed the app has nothing to fix"


@pytest.mark.parametrize("source", ["saleor", "stripe"])
def test_a_given_up_event_names_its_shop(
    shop: SaleorSandbox, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    installation, account = Installation.objects.get(), StripeAccount.objects.get()
    for number, words in ((1, "1 was given up"), (2, "2 were given up")):
        event = Event.objects.create(
            source=source,
            origin=installation.pk if source == "saleor" else account.pk,
            key=str(number),
            kind="order_created",
            payload={},
            occurred_at=timezone.now(),
            handled_at=timezone.now(),
        )
        Handling.objects.create(
            event=event, handler="x", attempts=1, given_up_at=timezone.now(), reasons={"en": "No address."}
        )
        assert only(to_fix(capsys)) == f"{words}; the latest, of {shop.api_url}, because: No address."
