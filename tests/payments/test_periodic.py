"""One bad row never stops the rest: every scheduled task, with two shops, the first of which is broken."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.module_loading import import_string

from saleor_stripe_audience.gateway import client, onboarding
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Cursor, Event
from saleor_stripe_audience.payments import reconcile as reconciling
from saleor_stripe_audience.payments import upkeep
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor import webhook_sync as webhooks
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation, Problem

from .conftest import connect, install
from .test_reporting import Town, town

__all__ = ["town"]

Json = dict[str, Any]
BACKEND: Json = settings.TASKS["default"]
TASKS = [each["task"] for each in BACKEND["OPTIONS"]["SCHEDULES"].values()]
FIRST_KEY = "sk_test_first"
PAID: Any = {"amount": 900, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}


class Broken:
    """The first shop: older than the town's, so that it is always processed first."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.shop = install("first")
        Installation.objects.filter(pk=self.shop.pk).update(
            registered_at=timezone.now() - timedelta(days=400), schema_version="3.23"
        )
        town.stripe.create_account("First", "pk_test_first", FIRST_KEY)
        self.account = connect(self.shop, "default-channel", secret_key=FIRST_KEY)
        StripeAccount.objects.filter(pk=self.account.pk).update(
            created_at=timezone.now() - timedelta(days=400)
        )
        asked: Any = {**PAID, "return_url": "https://shop.example.com"}
        made = client.client_with(FIRST_KEY).v1.payment_intents.create(asked)
        self.payment = Payment.objects.create(
            installation=self.shop,
            account=self.account,
            transaction_id="VHJhbnNhY3Rpb25JdGVtOjE=",
            payment_intent_id=made.id,
            flow="CHARGE",
            source_id="Q2hlY2tvdXQ6MQ==",
            channel_slug="default-channel",
            amount_minor=900,
            currency="USD",
            status="requires_payment_method",
        )


def unreachable(_: Broken) -> None:
    """Change nothing: its URL does not respond."""


def dead_key(first: Broken) -> None:
    first.town.stripe.revoke_key(FIRST_KEY)


def narrowed_key(first: Broken) -> None:
    account = next(each for each in first.town.stripe.accounts.values() if FIRST_KEY in each.keys)
    first.town.stripe.add_key(account, FIRST_KEY, ["product_read"])


def unreadable_secrets(first: Broken) -> None:
    """Replace its secrets, as if they had been stored with a lost SECRET_KEY."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE shops_installation SET token = 'gAAAA-broken' WHERE saleor_api_url = %s",
            [first.shop.saleor_api_url],
        )
        cursor.execute(
            "UPDATE gateway_stripeaccount SET secret_key = 'gAAAA-broken', webhook_secret = 'x' WHERE stripe_id = %s",
            [first.account.stripe_id],
        )


def nonsense_rows(first: Broken) -> None:
    Payment.objects.filter(pk=first.payment.pk).update(
        currency="???", status="nonsense", amount_minor=-5, flow="", transaction_id="?", payment_intent_id=" "
    )
    Problem.objects.create(installation=first.shop, key="x" * 128, message="")
    Event.objects.create(
        source="stripe",
        origin=first.account.pk,
        key="e",
        kind="refund.created",
        payload={},
        occurred_at=timezone.now(),
    )
    Event.objects.update(received_at=timezone.now() - timedelta(hours=1))


BREAKAGES = [unreachable, dead_key, narrowed_key, unreadable_secrets, nonsense_rows]


def run_all() -> None:
    for path in TASKS:
        import_string(path).call()


@pytest.fixture
def first(town: Town) -> Broken:
    StripeAccount.objects.all().delete()
    town.account = onboarding.connect(
        Installation.objects.get(), "pk_test_sandbox", "sk_test_sandbox", ["default-channel", "channel-pln"]
    )
    town.stripe.lose_webhooks()
    del town.shop.host.store.products[1:]  # each of them would be pushed
    town.begin()
    town.pay()
    town.stripe.drain()
    return Broken(town)


def total(town: Town) -> float:
    return Payment.objects.get(payment_intent_id=town.intent).amount_minor / 100


@pytest.mark.parametrize("break_it", BREAKAGES)
def test_every_task_of_the_clock(first: Broken, town: Town, break_it: Callable[[Broken], None]) -> None:
    break_it(first)
    run_all()
    while town.work():
        pass
    assert town.amounts()[0] == total(town)
    assert not Problem.objects.filter(installation=town.account.installation).exists()
    assert webhooks.sync_all_webhooks.call()[town.shop.api_url] == "as it should be"


ODD = [
    "null",
    "[]",
    "7",
    '{"data": null}',
    '{"data": {"app": 7}}',
    '{"data": {"app": {}}}',
    "<html>",
    '{"errors": [7]}',
]


@pytest.fixture
def odd_answers() -> Iterator[Callable[[str], str]]:
    """Return the address of a shop that responds to everything with the same text."""
    text = ["null"]

    def answer(_: Json, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return [text[0].encode()]

    with Served(answer) as served:

        def use(chosen: str) -> str:
            text[0] = chosen
            return f"{served.url}/graphql/"

        yield use


def test_unusual_responses_of_a_shop(
    first: Broken, town: Town, odd_answers: Callable[[str], str], settings: Any
) -> None:
    for text in ODD:
        url = odd_answers(text)
        settings.ALLOWED_SALEOR_URLS = (town.shop.api_url, url)
        Installation.objects.filter(pk=first.shop.pk).update(
            saleor_api_url=url, is_active=True, removed_at=None
        )
        run_all()
    while town.work():
        pass
    assert town.amounts()[0] == total(town)
    assert webhooks.sync_all_webhooks.call()[town.shop.api_url] == "as it should be"


@pytest.mark.parametrize("error", [RuntimeError, KeyError, json.JSONDecodeError("x", "y", 0), RecursionError])
def test_a_mistake_of_ours(first: Broken, town: Town, monkeypatch: pytest.MonkeyPatch, error: Any) -> None:
    """Whatever exception the first shop causes, the second one is processed."""

    def failing(true: Callable[..., Any]) -> Callable[..., Any]:
        def function(*arguments: Any, **named: Any) -> Any:
            whose = [getattr(each, "pk", None) for each in arguments]
            if first.shop.pk in whose or first.account.pk in whose:
                raise error
            return true(*arguments, **named)

        return function

    for module, name in [
        (webhooks, "sync_webhooks"),
        (upkeep, "_check"),
        (upkeep, "report_obstacles"),
        (upkeep, "_sync_endpoint"),
        (reconciling, "record_missed_events"),
        (reconciling, "_record_missed_events"),
        (reconciling, "_compare"),
    ]:
        monkeypatch.setattr(module, name, failing(getattr(module, name)))
    run_all()
    while town.work():
        pass
    assert town.amounts()[0] == total(town)
    reports = {each.shop: each for each in reconciling.reconcile_all()}
    assert any(not each.fixed for each in reports[first.shop.saleor_api_url].differences)
    assert all(each.fixed for each in reports[town.shop.api_url].differences)


def test_edited_metadata_and_other_payments_of_the_same_account(
    town: Town, stripe_sandbox: StripeSandbox
) -> None:
    town.begin()
    town.pay()
    for metadata in (
        {},
        {"saleor_installation": str(town.account.installation_id)},
        {"saleor_transaction": "x"},
    ):
        town.api.payment_intents.create(
            {**PAID, "return_url": "https://shop.example.com", "metadata": metadata}
        )
    town.api.payment_intents.update(town.intent, {"metadata": ""})
    stripe_sandbox.account.table("event").clear()
    report = reconciling.reconcile(town.account.installation)
    assert all(each.fixed for each in report.differences)
    assert town.amounts()[0] == town.total()


class TestFortyFiveDays:
    def test_a_dead_key_and_then_another(self, town: Town) -> None:
        """Open payments, and ones paid long before, have changed in Stripe, which no longer has the events."""
        town.begin()
        town.pay()
        town.deliver_all(town.events())
        reconciling.reconcile(town.account.installation)
        long_ago = timezone.now() - timedelta(days=400)
        Payment.objects.update(created_at=long_ago, updated_at=long_ago)
        town.stripe.account.table("payment_intent")[town.intent]["created"] -= 400 * 86_400
        town.stripe.revoke_key("sk_test_sandbox")
        refund: Any = {"payment_intent": town.intent, "amount": 500}
        town.stripe.add_key(town.stripe.account, "sk_test_dashboard")
        api = client.client_with("sk_test_dashboard").v1
        api.refunds.create(refund)
        town.stripe.drain()
        town.stripe.account.table("event").clear()
        Cursor.objects.update(at=timezone.now() - timedelta(days=45))
        assert not reconciling.reconcile(town.account.installation).differences[0].fixed
        assert Cursor.objects.get(name="payments").at < timezone.now() - timedelta(days=44)
        StripeAccount.objects.update(secret_key="sk_test_dashboard")
        report = reconciling.reconcile(town.account.installation)
        assert all(each.fixed for each in report.differences)
        assert town.amounts() == (town.total() - 5, 0, 5, 0)

    def test_a_payment_that_was_open_all_the_while(self, town: Town) -> None:
        town.begin()
        town.pay()
        long_ago = timezone.now() - timedelta(days=100)
        Payment.objects.update(created_at=long_ago, updated_at=long_ago)
        town.stripe.account.table("payment_intent")[town.intent]["created"] -= 100 * 86_400
        town.stripe.account.table("event").clear()
        report = reconciling.reconcile(town.account.installation)
        assert report.compared == 1
        assert town.amounts()[0] == town.total()

    def test_what_could_not_be_compared_is_looked_at_again(self, town: Town) -> None:
        town.begin()
        town.pay()
        town.shop.faults.statuses.extend([500] * 3)
        reconciling.reconcile(town.account.installation)
        assert not Cursor.objects.filter(name="payments").exists()
