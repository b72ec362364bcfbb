"""Stripe's events in any order, duplicate or late: the stand-in's ledger is the same in the end."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
import stripe
from django.core.wsgi import get_wsgi_application
from django.test import Client

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.payments import declines, shopper_messages
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.sandbox.demo.shopper import GATEWAY, INITIALIZE, PROCESS, Shopper, change
from saleor_stripe_audience.sandbox.demo.stage import APP_ID, Stage
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY, StripeSandbox, payment_intents, signature
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import in_language

from .conftest import check_answer, connect

Json = dict[str, Any]
Work = Callable[[], int]
LEDGER = """query Ledger($id: ID!) { transaction(id: $id) { actions
  chargedAmount { amount } authorizedAmount { amount } refundedAmount { amount } canceledAmount { amount }
  events { type pspReference message externalUrl amount { amount } } } }"""


@dataclass
class Town:
    """A shop with the app installed, and Stripe; Stripe's events only arrive when the test delivers them."""

    shop: SaleorSandbox
    stripe: StripeSandbox
    stripe_url: str
    account: StripeAccount
    work: Work
    checkout: str = ""
    transaction: str = ""
    intent: str = ""

    @property
    def saleor_api_url(self) -> str:
        return self.shop.api_url

    @property
    def api(self) -> Any:
        return stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.stripe_url}).v1

    def begin(self, flow: str = "CHARGE", key: str = "k1") -> None:
        """Create a checkout and initialize its transaction; the shopper has not paid yet."""
        for channel in self.shop.host.store.channels:
            channel.flow = flow
        stage = cast("Stage", self)  # the shopper only needs the two URLs
        shopper = Shopper(stage)
        self.checkout = shopper._checkout(shopper.products()[0]["variants"][0]["id"], "robin@example.com")
        change(stage, GATEWAY, None, id=self.checkout, gateways=[{"id": APP_ID}])
        self.attempt(key)

    def attempt(self, key: str) -> None:
        """Initialize another transaction of the checkout."""
        stage = cast("Stage", self)
        gateway = {"id": APP_ID, "data": None}
        started = change(stage, INITIALIZE, None, id=self.checkout, gateway=gateway, key=key)
        self.transaction = started["transaction"]["id"]
        self.intent = started["transactionEvent"]["pspReference"]

    def pay(self, method: str = "pm_card_visa") -> None:
        """Try to pay in Stripe, without a report to Saleor."""
        confirm: Any = {"payment_method": method, "return_url": "https://shop.example.com"}
        try:
            self.api.payment_intents.confirm(self.intent, confirm)
        except stripe.CardError:
            return

    def events(self) -> list[Json]:
        """Return Stripe's events so far, oldest first."""
        self.stripe.drain()
        return self.stripe.events()

    def deliver_all(self, events: list[Json]) -> None:
        """Deliver these events in this order, and handle them."""
        for event in events:
            assert self.deliver(event).status_code == 200
        while self.work():
            pass

    def deliver(self, event: Json) -> Any:
        body = json.dumps(event).encode()
        signed = signature(self.account.webhook_secret, body, int(time.time()))
        path = f"/api/webhooks/stripe/{self.account.pk}"
        headers = {"Stripe-Signature": signed}
        return Client().post(path, body, content_type="application/json", headers=headers)

    def ledger(self) -> Json:
        found: Json = self.shop.gql(LEDGER, {"id": self.transaction}, self.shop.staff_token())["transaction"]
        return found

    def amounts(self) -> tuple[float, float, float, float]:
        """Return the charged, authorized, refunded and canceled amounts."""
        found = self.ledger()
        names = ("chargedAmount", "authorizedAmount", "refundedAmount", "canceledAmount")
        charged, authorized, refunded, canceled = (float(found[name]["amount"]) for name in names)
        return charged, authorized, refunded, canceled

    def total(self) -> float:
        return float(Payment.objects.get().amount_minor / 100)

    def reported(self, kind: str) -> list[Json]:
        """Return the ledger's events of one type."""
        return [each for each in self.ledger()["events"] if each["type"] == kind]


@contextmanager
def create_town(settings: Any, stripe: StripeSandbox, stripe_url: str, work: Work) -> Iterator[Town]:
    """Create a town and set its settings; at the end, check the app's responses against Saleor's schemas."""
    with SaleorSandbox(retry_scale=0.001) as shop, Served(get_wsgi_application()) as served:
        settings.PUBLIC_URL = served.url
        settings.ALLOWED_SALEOR_URLS = (shop.api_url,)
        shop.install(f"{served.url}/api/manifest")
        installation = Installation.objects.get()
        account = connect(installation, *installation.channels.values_list("slug", flat=True))
        made = Town(shop, stripe, stripe_url, account, work)
        yield made
        shop.drain()
        for each in shop.deliveries:
            if each.event.startswith("TRANSACTION_") and each.attempts:
                check_answer(each.event.lower(), json.loads(each.attempts[-1].text))


@pytest.fixture
def town(
    transactional_db: None,
    settings: Any,
    stripe_sandbox: StripeSandbox,
    stripe_url: str,
    run_due_tasks: Work,
) -> Iterator[Town]:
    with create_town(settings, stripe_sandbox, stripe_url, run_due_tasks) as made:
        yield made


def orders(events: list[Json]) -> dict[str, list[Json]]:
    """Return the events in the ways in which they may be delivered."""
    shuffled = events * 2
    random.Random(7).shuffle(shuffled)
    return {
        "as sent": events,
        "doubled": [each for event in events for each in (event, event)],
        "backwards": events[::-1],
        "shuffled": shuffled,
        "last only": events[-1:],
    }


ORDERS = ["as sent", "doubled", "backwards", "shuffled"]


@pytest.mark.parametrize("order", [*ORDERS, "last only"])
def test_a_charge_is_reported(town: Town, order: str) -> None:
    town.begin()
    town.pay("pm_card_chargeDeclined")
    town.pay()
    paid = [each for each in town.events() if each["type"] != "charge.updated"]
    town.deliver_all(
        orders(paid)[order] if order != "last only" else town.stripe.events("payment_intent.succeeded")
    )
    assert town.amounts() == (town.total(), 0, 0, 0)
    [event] = town.reported("CHARGE_SUCCESS")
    assert event["pspReference"] == town.intent
    assert event["externalUrl"] == f"https://dashboard.stripe.com/test/payments/{town.intent}"
    assert town.ledger()["actions"] == ["REFUND"]
    assert Payment.objects.get().status == "succeeded"


def test_a_decline_is_reported_so_that_the_shopper_may_try_again(town: Town, run_all_tasks: Work) -> None:
    town.begin()
    town.pay("pm_card_visa_chargeDeclinedStolenCard")
    town.deliver_all(town.events())
    run_all_tasks()
    messages = [each["message"] for each in town.reported("CHARGE_ACTION_REQUIRED")]
    assert declines.for_shopper("stolen_card") in messages
    assert "stolen" in declines.for_merchant(Payment.objects.get().decline_code)
    assert "stolen" not in str(town.ledger()).lower()
    assert Payment.objects.get().decline_code == "stolen_card"


def reported_declines(town: Town) -> int:
    messages = [each["message"] for each in town.reported("CHARGE_ACTION_REQUIRED")]
    return messages.count(declines.for_shopper("generic_decline"))


@pytest.mark.parametrize("first", ["the storefront", "Stripe"])
def test_a_decline_stands_once_in_the_history(town: Town, run_all_tasks: Work, first: str) -> None:
    town.begin()
    town.pay("pm_card_chargeDeclined")
    sent = town.stripe.events("payment_intent.payment_failed") if first == "Stripe" else []
    town.deliver_all(sent * 2)
    assert reported_declines(town) == 0, "the shopper's browser is about to ask"
    town.shop.gql(PROCESS, {"id": town.transaction})
    town.deliver_all(town.events())
    run_all_tasks()
    assert reported_declines(town) == 1


@pytest.fixture
def replace(town: Town, settings: Any, run_all_tasks: Work) -> Callable[..., list[tuple[str, str]]]:
    """Decline a first transaction, pay with a second one as the stock storefront does; return the first's history."""

    def replace(method: str, *, was_read: bool = False) -> list[tuple[str, str]]:
        settings.STAFF_LANGUAGE = "fr"
        town.begin()
        first, intent = town.transaction, town.intent
        if method:
            town.pay(method)
        if was_read:
            town.shop.gql(PROCESS, {"id": first})
        town.attempt("k2")
        town.pay()
        town.shop.gql(PROCESS, {"id": town.transaction})
        town.deliver_all(town.events() * 2)
        run_all_tasks()
        assert town.api.payment_intents.retrieve(intent).status == "canceled"
        assert town.amounts() == (town.api.payment_intents.retrieve(town.intent).amount / 100, 0, 0, 0)
        town.transaction = first
        assert town.amounts() == (0, 0, 0, 0)
        return [(each["type"], each["message"]) for each in reversed(town.ledger()["events"])]

    return replace


REPLACED = ("CHARGE_FAILURE", in_language(shopper_messages.REPLACED, "fr"))


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_decline_is_reported_although_another_transaction_paid(
    replace: Callable[..., list[tuple[str, str]]], method: str, code: str
) -> None:
    history = replace(method)
    assert history[-1] == ("CHARGE_FAILURE", declines.for_shopper(code, "fr"))
    assert len([each for each in history if each[0] == "CHARGE_FAILURE"]) == 1


def test_a_decline_that_the_storefront_has_read_is_not_repeated_at_the_end(
    replace: Callable[..., list[tuple[str, str]]],
) -> None:
    history = replace("pm_card_chargeDeclined", was_read=True)
    declined = ("CHARGE_ACTION_REQUIRED", declines.for_shopper("generic_decline", "en"))
    assert history[-2:] == [declined, REPLACED]


def test_a_decline_is_reported_although_stripe_no_longer_has_it(
    replace: Callable[..., list[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe removes an intent's error when the intent changes."""
    end_intent = payment_intents.end_intent

    def end_without_error(call: Any, intent: Json, reason: str | None) -> Json:
        intent["last_payment_error"] = None
        return end_intent(call, intent, reason)

    monkeypatch.setattr(payment_intents, "end_intent", end_without_error)
    history = replace("pm_card_chargeDeclined")
    declined = ("CHARGE_ACTION_REQUIRED", declines.for_shopper("generic_decline", "fr"))
    assert history[-2:] == [REPLACED, declined]


def test_a_transaction_that_was_never_tried_is_not_called_a_failed_one(
    replace: Callable[..., list[tuple[str, str]]],
) -> None:
    history = replace("")
    assert history[-1] == ("CHARGE_FAILURE", in_language(shopper_messages.ALREADY_PAID, "fr"))


def test_a_decline_after_which_the_shopper_paid_is_not_reported_late(town: Town, run_all_tasks: Work) -> None:
    town.begin()
    town.pay("pm_card_chargeDeclined")
    town.deliver_all(town.events())
    town.pay()
    run_all_tasks()
    assert reported_declines(town) == 0


@pytest.mark.parametrize(
    ("language", "reason", "message"),
    [
        ("en", "requested_by_customer", "From Stripe: requested by the customer."),
        ("fr", "duplicate", "Depuis Stripe\N{NO-BREAK SPACE}: payé deux fois."),
        ("en", None, ""),
    ],
)
def test_a_refund_made_at_stripe_carries_its_reason(
    town: Town, settings: Any, language: str, reason: str | None, message: str
) -> None:
    settings.STAFF_LANGUAGE = language
    town.begin()
    town.pay()
    asked: Any = {"payment_intent": town.intent, "amount": 500} | ({"reason": reason} if reason else {})
    town.api.refunds.create(asked)
    town.deliver_all(town.events())
    assert [each["message"] for each in town.reported("REFUND_SUCCESS")] == [message]


@pytest.mark.parametrize("order", ORDERS)
def test_refunds_made_at_stripe_are_reported(town: Town, order: str) -> None:
    town.begin()
    town.pay()
    for amount in (200, 200, 100):
        town.api.refunds.create({"payment_intent": town.intent, "amount": amount})
    town.deliver_all(orders(town.events())[order])
    assert town.amounts() == (town.total() - 5, 0, 5, 0)
    assert len({each["pspReference"] for each in town.reported("REFUND_SUCCESS")}) == 3
    assert Payment.objects.get().refunded_minor == 500


@pytest.mark.parametrize("order", ORDERS)
def test_a_refund_that_fails_later_is_money_that_stayed(town: Town, order: str) -> None:
    town.begin()
    town.pay("pm_card_refundFail")
    town.api.refunds.create({"payment_intent": town.intent, "amount": 200})
    town.deliver_all(orders(town.events())[order])
    assert town.amounts() == (town.total(), 0, 0, 0)
    assert Payment.objects.get().refunded_minor == 0


@pytest.mark.parametrize("order", ORDERS)
def test_a_hold_of_which_a_part_is_taken(town: Town, order: str) -> None:
    town.begin("AUTHORIZATION")
    town.pay()
    town.api.payment_intents.capture(town.intent, {"amount_to_capture": 500})
    town.deliver_all(orders(town.events())[order])
    assert town.amounts() == (5, 0, 0, town.total() - 5)
    assert town.reported("REFUND_SUCCESS") == []
    assert town.ledger()["actions"] == ["REFUND"]
    assert town.reported("CHARGE_SUCCESS")[0]["pspReference"].startswith("ch_")


@pytest.mark.parametrize("order", ORDERS)
def test_a_hold_that_is_given_up(town: Town, order: str) -> None:
    town.begin("AUTHORIZATION")
    town.pay()
    town.api.payment_intents.cancel(town.intent)
    town.deliver_all(orders(town.events())[order])
    charged, authorized, refunded, _ = town.amounts()
    assert (charged, authorized, refunded) == (0, 0, 0)
    assert town.reported("REFUND_SUCCESS") == []
    assert town.ledger()["actions"] == []
    assert Payment.objects.get().status == "canceled"


@pytest.mark.parametrize("order", ["as sent", "backwards"])
def test_a_hold_that_lapses_after_its_success_was_reported(town: Town, order: str) -> None:
    town.begin("AUTHORIZATION")
    town.pay()
    town.deliver_all(town.events())
    assert town.amounts() == (0, town.total(), 0, 0)
    assert set(town.ledger()["actions"]) == {"CHARGE", "CANCEL"}
    town.api.payment_intents.cancel(town.intent)
    town.deliver_all(orders(town.events())[order])
    assert town.amounts() == (0, 0, 0, town.total())


def test_a_payment_that_never_came_is_over(town: Town) -> None:
    town.begin()
    town.api.payment_intents.cancel(town.intent)
    town.deliver_all(town.events())
    assert town.amounts() == (0, 0, 0, 0)
    assert town.reported("CHARGE_FAILURE")


@pytest.mark.parametrize("ok", [True, False])
def test_a_debit_that_takes_days(town: Town, ok: bool) -> None:
    town.begin()
    town.pay("pm_usBankAccount_success")
    town.deliver_all(town.events())
    # Saleor mistakes the report for its own session request, which has the same reference: nothing is charged.
    assert town.amounts() == (0, 0, 0, 0)
    assert Payment.objects.get().status == "processing"
    town.stripe.end_processing(town.intent, ok=ok)
    town.deliver_all(town.events())
    assert town.amounts()[0] == (town.total() if ok else 0)


def test_what_is_not_ours_is_left_alone(town: Town) -> None:
    town.begin()
    other = {"saleor_installation": "00000000-0000-4000-8000-000000000000", "saleor_transaction": "x"}
    for metadata in ({}, other):
        made = town.api.payment_intents.create(
            {
                "amount": 1000,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "return_url": "https://shop.example.com",
                "metadata": metadata,
            }
        )
        town.api.refunds.create({"payment_intent": made.id})
    before = town.ledger()
    town.deliver_all(town.events())
    assert town.ledger() == before
    assert Payment.objects.count() == 1
    assert not Handling.objects.exclude(done_at=None, given_up_at=None).filter(done_at=None).exists()


def test_a_row_that_was_lost_is_written_again(town: Town) -> None:
    town.begin()
    total = town.total()
    Payment.objects.all().delete()
    town.pay()
    town.deliver_all(town.events())
    assert (town.total(), Payment.objects.get().transaction_id) == (total, town.transaction)
    assert Payment.objects.get().captured_minor == int(total * 100)


def test_the_report_is_repeated_while_saleor_is_down(town: Town, run_all_tasks: Work) -> None:
    town.begin()
    town.pay()
    town.shop.faults.statuses.extend([500, 502])
    town.deliver_all(town.events())
    run_all_tasks()
    assert town.amounts()[0] == town.total()
    assert not Event.objects.filter(source="stripe", handled_at=None).exists()


def test_a_transaction_that_saleor_no_longer_has_is_given_up_with_a_reason(town: Town) -> None:
    town.begin()
    town.pay()
    Payment.objects.update(
        transaction_id="VHJhbnNhY3Rpb25JdGVtOjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMA=="
    )
    town.deliver_all(town.stripe.events("payment_intent.succeeded"))
    given_up = Handling.objects.get(handler="payments.handlers.report_payment")
    assert given_up.given_up_at is not None
    assert "Saleor refused" in given_up.reason


def test_a_payment_asked_for_and_reported_at_once_is_counted_once(town: Town) -> None:
    town.begin()
    town.pay()
    query = "mutation($id: ID!) { transactionProcess(id: $id) { transactionEvent { type } errors { code } } }"
    done = town.shop.gql(query, {"id": town.transaction})["transactionProcess"]
    assert done["transactionEvent"]["type"] == "CHARGE_SUCCESS"
    town.deliver_all(town.events())
    assert town.amounts() == (town.total(), 0, 0, 0)
    assert len(town.reported("CHARGE_SUCCESS")) == 1
