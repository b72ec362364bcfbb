"""Vouchers, bank transfers, microdeposits: the order is placed, and the money arrives days later or never."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests
import stripe

from saleor_stripe_audience.gateway import onboarding
from saleor_stripe_audience.gateway.metadata import FLOW
from saleor_stripe_audience.gateway.objects import PaymentIntent, parse
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import declines, handlers, shopper_messages
from saleor_stripe_audience.payments.ledger import ReportedEvent, StripeState, missing_events
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.outcomes import outcome_of
from saleor_stripe_audience.sandbox.demo.shopper import COMPLETE, change
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, StripeSandbox
from saleor_stripe_audience.wording import in_language

from .conftest import Buy
from .test_reporting import Town, orders, town

__all__ = ["town"]

EXPIRED = "payment_intent_payment_attempt_expired"

Begin = Callable[..., Buy]
Json = dict[str, Any]

LATER = [
    "boleto_display_details",
    "card_await_notification",
    "display_bank_transfer_instructions",
    "konbini_display_details",
    "multibanco_display_details",
    "oxxo_display_details",
    "verify_with_microdeposits",
]
AT_ONCE = [
    "alipay_handle_redirect",
    "blik_authorize",
    "cashapp_handle_redirect_or_display_qr_code",
    "klarna_display_qr_code",
    "paynow_display_qr_code",
    "pix_display_qr_code",
    "promptpay_display_qr_code",
    "redirect_to_url",
    "swish_handle_redirect_or_display_qr_code",
    "upi_handle_redirect_or_display_qr_code",
    "use_stripe_sdk",
    "wechat_pay_display_qr_code",
    "wechat_pay_redirect_to_android_app",
    "wechat_pay_redirect_to_ios_app",
]


def an_intent(kind: str | None, *, status: str = "requires_action", **more: Any) -> PaymentIntent:
    found = {
        "id": "pi_1",
        "status": status,
        "amount": 5000,
        "amount_received": 0,
        "amount_capturable": 0,
        "currency": "eur",
        "livemode": False,
        "metadata": {},
        "last_payment_error": None,
        "latest_charge": None,
        "next_action": {"type": kind, kind: {}} if kind else None,
        **more,
    }
    return parse(PaymentIntent, found)


def expired_intent(code: str = EXPIRED, kind: str | None = "boleto", **more: Any) -> PaymentIntent:
    error = {"code": code, "message": "…"} | ({"payment_method": {"type": kind}} if kind else {})
    return an_intent(None, status="requires_payment_method", last_payment_error=error, **more)


class TestKinds:
    def test_every_kind_that_stripe_has_is_decided(self) -> None:
        known = set(stripe.PaymentIntent.NextAction.__annotations__) - {"type"}
        assert known == {*LATER, *AT_ONCE}

    @pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
    @pytest.mark.parametrize("kind", [*LATER, "new_display_details"])
    def test_what_is_paid_later_is_pending(self, kind: str, flow: str) -> None:
        found = outcome_of(an_intent(kind), flow)
        assert (found.result, found.psp_reference) == (f"{flow}_REQUEST", "pi_1")
        assert (found.money.minor, found.actions) == (5000, ())
        assert found.message

    @pytest.mark.parametrize("kind", [*AT_ONCE, None])
    def test_what_is_paid_at_once_is_not(self, kind: str | None) -> None:
        assert outcome_of(an_intent(kind), "CHARGE").result == "CHARGE_ACTION_REQUIRED"

    def test_only_while_it_waits(self) -> None:
        left_over = an_intent("boleto_display_details", status="canceled")
        assert outcome_of(left_over, "CHARGE").result == "CHARGE_FAILURE"

    @pytest.mark.parametrize("kind", [each for each in LATER if each != "card_await_notification"])
    def test_it_cannot_be_held(self, kind: str) -> None:
        asked: Json = {"metadata": {FLOW: "AUTHORIZATION"}, "capture_method": "automatic"}
        assert an_intent(kind, **asked).flow == "CHARGE"
        card = {"id": "ch_0", "payment_method_details": {"type": "card"}, "status": "failed", "amount": 5000}
        manual = {"card": {"capture_method": "manual"}}
        tried_before = an_intent(kind, latest_charge=card, payment_method_options=manual, **asked)
        assert tried_before.flow == "CHARGE"

    def test_a_card_whose_bank_is_reported_first_can_be(self) -> None:
        asked = an_intent("card_await_notification", metadata={FLOW: "AUTHORIZATION"})
        assert asked.flow == "AUTHORIZATION"

    @pytest.mark.parametrize(
        ("language", "word", "amount"),
        [("en", "transfer", "12.50 EUR"), ("fr-CA", "virement", "12,50 EUR"), ("", "transfer", "12.50 EUR")],
    )
    def test_it_says_what_is_still_to_come(self, language: str, word: str, amount: str) -> None:
        kind, metadata = "display_bank_transfer_instructions", {"saleor_language": language}
        waiting = an_intent(kind, metadata=metadata)
        assert word in outcome_of(waiting, "CHARGE").message
        next_action = {"type": kind, kind: {"amount_remaining": 1250}}
        partly = an_intent(kind, metadata=metadata, next_action=next_action)
        assert amount in outcome_of(partly, "CHARGE").message


class TestEnds:
    STARTED = ReportedEvent("CHARGE_REQUEST", "pi_1", Decimal("50.00"))

    def results(self, intent: PaymentIntent, *reported: ReportedEvent) -> list[str]:
        return [each.result for each in missing_events(StripeState(intent, intent.flow), reported)]

    @pytest.mark.parametrize(
        "intent",
        [
            expired_intent(),
            expired_intent(kind="konbini"),
            expired_intent(kind=None),
            expired_intent("payment_intent_payment_attempt_failed", "multibanco"),
            expired_intent("payment_method_microdeposit_verification_attempts_exceeded", "us_bank_account"),
            expired_intent("payment_method_microdeposit_verification_timeout", None),
            expired_intent(metadata={FLOW: "AUTHORIZATION"}),
        ],
    )
    def test_a_slip_that_ran_out_is_a_failure(self, intent: PaymentIntent) -> None:
        assert self.results(intent, self.STARTED) == ["CHARGE_FAILURE"]
        failed = ReportedEvent("CHARGE_FAILURE", "pi_1", Decimal("50.00"))
        assert self.results(intent, self.STARTED, failed) == []

    @pytest.mark.parametrize(
        "intent",
        [
            expired_intent(kind="promptpay"),
            expired_intent(kind="pix"),
            expired_intent(kind="card"),
            expired_intent("tax_id_invalid", "boleto"),
            expired_intent("card_declined", "card"),
            expired_intent("payment_intent_payment_attempt_failed", None),
        ],
    )
    def test_what_can_be_tried_again_is_none(self, intent: PaymentIntent) -> None:
        assert self.results(intent, self.STARTED) == []
        assert outcome_of(intent, "CHARGE").result == "CHARGE_ACTION_REQUIRED"

    @pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
    @pytest.mark.parametrize("charge", ["failed", None])
    @pytest.mark.parametrize("waiting", ["processing", "card_await_notification"])
    def test_a_card_that_waited_for_its_bank_and_was_declined_is_a_failure(
        self, flow: str, charge: str | None, waiting: str
    ) -> None:
        """In India, Stripe charges the card a day after the bank has notified its holder: nobody can try again then."""
        manual = {"card": {"capture_method": "manual"}} if flow == "AUTHORIZATION" else {}
        facts: Json = {"metadata": {FLOW: flow}, "payment_method_options": manual}
        if waiting == "processing":
            pending = an_intent(None, status="processing", **facts)
        else:
            pending = an_intent(waiting, **facts)
        [reported] = missing_events(StripeState(pending, flow), [])
        request = ReportedEvent(reported.result, reported.psp_reference, reported.amount, reported.message)
        latest = charge and {"id": "ch_1", "status": charge, "amount": 5000}
        declined = expired_intent("card_declined", "card", latest_charge=latest, **facts)
        assert self.results(declined, request) == [f"{flow}_FAILURE"]
        failed = ReportedEvent(f"{flow}_FAILURE", "pi_1", Decimal("50.00"))
        assert self.results(declined, request, failed) == []

    @pytest.mark.parametrize("staff", ["en", "fr"])
    def test_staff_read_reports_in_their_own_language(self, settings: Any, staff: str) -> None:
        """Responses to the storefront are in the shopper's."""
        settings.STAFF_LANGUAGE = staff
        metadata = {"saleor_language": "fr" if staff == "en" else "en"}
        waiting = an_intent("boleto_display_details", metadata=metadata)
        expired = expired_intent(metadata=metadata)
        canceled = an_intent(None, status="canceled", metadata=metadata)
        messages = [
            each.message
            for intent in (waiting, expired, canceled)
            for each in missing_events(StripeState(intent, "CHARGE"), [])
        ]
        run_out = "payment_intent_payment_attempt_expired"
        assert messages == [
            in_language(shopper_messages.for_pending(waiting), staff),
            declines.for_merchant(run_out, staff),
            in_language(shopper_messages.CANCELED, staff),
        ]

    def test_a_voucher_that_saleor_does_not_know_is_reported(self) -> None:
        assert self.results(an_intent("oxxo_display_details")) == ["CHARGE_REQUEST"]
        assert self.results(an_intent("oxxo_display_details"), self.STARTED) == []

    def test_a_transfer_that_was_called_off_in_a_shop_that_holds(self) -> None:
        intent = an_intent(None, status="canceled", metadata={FLOW: "AUTHORIZATION"})
        assert self.results(intent, self.STARTED) == ["CHARGE_FAILURE"]
        assert self.results(intent) == ["AUTHORIZATION_FAILURE"]


def choose_method(town: Town, kind: str, currency: str) -> None:
    """Choose the method as the shopper; change the intent's currency, because the stand-in's shop sells in dollars."""
    row = town.stripe.account.table("payment_intent")[town.intent]
    row.update(currency=currency, amount=20000 if currency == "jpy" else row["amount"])
    data = {
        "client_secret": row["client_secret"],
        "payment_method_data[type]": kind,
        "return_url": "https://shop.example.com/",
    }
    answer = requests.post(
        f"{town.stripe_url}/v1/payment_intents/{town.intent}/confirm",
        data=data,
        headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
        timeout=10,
    )
    assert answer.ok, answer.text


PROCESS = "mutation($id: ID!) { transactionProcess(id: $id) { transactionEvent { type message } } }"


@pytest.fixture
def awaited_transfer(town: Town) -> Town:
    """A payment that waits for the shopper's bank transfer."""
    town.begin()
    customer = town.api.customers.create({"name": "Robin Vale"})
    town.api.payment_intents.update(town.intent, {"customer": customer.id})
    choose_method(town, "customer_balance", "usd")
    event = town.shop.gql(PROCESS, {"id": town.transaction})["transactionProcess"]["transactionEvent"]
    assert event["type"] == "CHARGE_REQUEST"
    assert "transfer" in event["message"]
    return town


def complete(town: Town) -> Json:
    done: Json = change(town, COMPLETE, None, id=Payment.objects.get().source_id)  # type: ignore[arg-type]  # it only needs the URL
    order: Json = done["order"]
    return order


class TestInTheShop:
    def test_the_order_is_made_and_paid_later(self, awaited_transfer: Town) -> None:
        assert complete(awaited_transfer)
        assert awaited_transfer.amounts() == (0, 0, 0, 0)
        awaited_transfer.stripe.pay_voucher(awaited_transfer.intent)
        awaited_transfer.deliver_all(awaited_transfer.events() * 2)
        assert awaited_transfer.amounts() == (awaited_transfer.total(), 0, 0, 0)
        assert len(awaited_transfer.reported("CHARGE_SUCCESS")) == 1

    @pytest.mark.parametrize("order", ["as sent", "doubled", "backwards", "shuffled"])
    def test_a_transfer_in_two_parts(self, awaited_transfer: Town, order: str) -> None:
        awaited_transfer.stripe.pay_voucher(awaited_transfer.intent, 100)
        awaited_transfer.deliver_all(awaited_transfer.events())
        assert awaited_transfer.amounts() == (0, 0, 0, 0)
        awaited_transfer.stripe.pay_voucher(awaited_transfer.intent)
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        assert awaited_transfer.amounts() == (awaited_transfer.total(), 0, 0, 0)

    def test_a_transfer_that_is_called_off_ends_it(self, awaited_transfer: Town) -> None:
        assert complete(awaited_transfer)
        awaited_transfer.api.payment_intents.cancel(awaited_transfer.intent)
        awaited_transfer.deliver_all(awaited_transfer.events() * 2)
        assert len(awaited_transfer.reported("CHARGE_FAILURE")) == 1
        assert awaited_transfer.amounts() == (0, 0, 0, 0)

    def test_small_deposits_that_never_came_end_it(self, town: Town) -> None:
        town.begin()
        town.api.payment_intents.confirm(
            town.intent,
            {
                "payment_method_data": {"type": "us_bank_account"},
                "payment_method_options": {"us_bank_account": {"verification_method": "microdeposits"}},
                "return_url": "https://shop.example.com",
            },
        )
        event = town.shop.gql(PROCESS, {"id": town.transaction})["transactionProcess"]["transactionEvent"]
        assert event["type"] == "CHARGE_REQUEST"
        assert complete(town)
        town.stripe.expire_voucher(town.intent)
        town.deliver_all(town.events() * 2)
        assert len(town.reported("CHARGE_FAILURE")) == 1
        assert Payment.objects.get().status == "requires_payment_method"

    def test_three_d_secure_is_not_looked_up(self, town: Town) -> None:
        town.begin()
        town.pay("pm_card_threeDSecure2Required")
        [event] = [each for each in town.events() if each["type"] == "payment_intent.requires_action"]
        town.stripe.log.clear()
        received = Event(origin=town.account.pk, kind=event["type"], payload=event)
        assert handlers.report_voucher(received) is None
        assert town.stripe.log.entries() == []


@pytest.mark.parametrize(
    ("kind", "currency", "amount"),
    [
        ("boleto", "BRL", "1200.00"),
        ("oxxo", "MXN", "1200.00"),
        ("konbini", "JPY", "1200"),
        ("multibanco", "EUR", "12"),
    ],
)
def test_a_voucher_in_a_shop_that_holds(
    buy: Begin, stripe_sandbox: StripeSandbox, kind: str, currency: str, amount: str
) -> None:
    one = buy(flow="AUTHORIZATION", amount=amount, currency=currency)
    one.initialize()
    confirm(one, kind)
    pending = one.process()
    assert (pending["result"], "voucher" in pending["message"]) == ("CHARGE_REQUEST", True)
    stripe_sandbox.pay_voucher(one.psp)
    paid = one.process()
    assert paid["message"] == in_language(shopper_messages.CHARGED_INSTEAD, "en")
    assert (paid["result"], paid["pspReference"], paid["actions"]) == ("CHARGE_SUCCESS", one.psp, ["REFUND"])


@pytest.mark.parametrize(
    ("kind", "currency"), [("pix", "BRL"), ("promptpay", "THB"), ("swish", "SEK"), ("wechat_pay", "CNY")]
)
def test_a_qr_code_is_paid_now(buy: Begin, stripe_sandbox: StripeSandbox, kind: str, currency: str) -> None:
    one = buy(amount="120.00", currency=currency)
    one.initialize()
    confirm(one, kind)
    assert one.process()["result"] == "CHARGE_ACTION_REQUIRED"
    stripe_sandbox.expire_voucher(one.psp)
    again = one.process()
    assert (again["result"], bool(again["data"]["paymentIntent"]["errors"])) == (
        "CHARGE_ACTION_REQUIRED",
        True,
    )
    confirm(one, kind)
    stripe_sandbox.pay_voucher(one.psp)
    assert one.process()["result"] == "CHARGE_SUCCESS"


def test_vouchers_expire_with_time(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    one = buy(amount="1200.00", currency="BRL")
    one.initialize()
    confirm(one, "boleto")
    assert one.process()["result"] == "CHARGE_REQUEST"
    stripe_sandbox.advance(4 * 24 * 3600)
    row = stripe_sandbox.account.table("payment_intent")[one.psp]
    assert (row["status"], row["last_payment_error"]["code"]) == ("requires_payment_method", EXPIRED)


@pytest.mark.parametrize("kind", ["payment_intent.requires_action", "payment_intent.partially_funded"])
def test_stripe_is_asked_for_these_events(kind: str) -> None:
    assert kind in onboarding.EVENTS
    assert is_handled("stripe", kind)


def confirm(one: Buy, kind: str) -> None:
    data = {
        "client_secret": one.secret,
        "payment_method_data[type]": kind,
        "return_url": "https://shop.example.com/",
    }
    answer = requests.post(
        f"{one.stripe_url}/v1/payment_intents/{one.psp}/confirm",
        data=data,
        headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
        timeout=10,
    )
    assert answer.ok, answer.text
