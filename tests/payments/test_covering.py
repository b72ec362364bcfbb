"""One checkout, one payment: second tabs, totals that change, gift cards, and money that arrives anyway."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
import stripe
from django.utils import timezone

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway import metadata
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.payments import (
    amounts_due,
    handlers,
    order_matching,
    reconcile,
    report,
    shopper_messages,
    tasks,
)
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.shopper_messages import ALREADY_PAID
from saleor_stripe_audience.sandbox.demo.shopper import COMPLETE, INITIALIZE, PROCESS, REQUEST_ACTION, change
from saleor_stripe_audience.sandbox.demo.stage import APP_ID, Stage
from saleor_stripe_audience.sandbox.saleor.ledger import Amounts
from saleor_stripe_audience.sandbox.saleor.payments import amounts_changed
from saleor_stripe_audience.sandbox.saleor.state import Checkout, Order, Transaction, TransactionEvent
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import in_language

from .conftest import DECLINED, Buy
from .test_reporting import Town, town

__all__ = ["town"]

Json = dict[str, Any]
Begin = Callable[..., Buy]
Work = Callable[[], int]
PART = (
    "mutation($id: ID!, $gateway: PaymentGatewayToInitialize!, $key: String, $amount: PositiveDecimal) {"
    " transactionInitialize(id: $id, paymentGateway: $gateway, idempotencyKey: $key, amount: $amount) {"
    " transaction { id } transactionEvent { type message pspReference amount { amount } } data"
    " errors { field message code } } }"
)


def stage(town: Town) -> Stage:
    return cast("Stage", town)


def tab(town: Town, amount: str | None = None) -> tuple[str, str]:
    """Start another payment of the checkout, or of its order; return the ids of its transaction and PaymentIntent."""
    asked: Json = {"id": source(town).id, "gateway": {"id": APP_ID, "data": None}, "key": str(uuid.uuid4())}
    if amount is None:
        made = change(stage(town), INITIALIZE, None, **asked)
    else:
        made = change(stage(town), PART, None, **asked, amount=amount)
    return made["transaction"]["id"], made["transactionEvent"]["pspReference"]


def source(town: Town) -> Checkout | Order:
    held = town.shop.host.store
    return held.checkouts[0] if held.checkouts else held.orders[0]


def checkout(town: Town) -> Checkout:
    found = source(town)
    assert isinstance(found, Checkout)
    return found


def intent(town: Town, identifier: str) -> Json:
    return town.stripe.account.table("payment_intent")[identifier]


def pay(town: Town, identifier: str) -> None:
    before, town.intent = town.intent, identifier
    town.pay()
    town.intent = before


def process(town: Town, transaction: str) -> Json:
    event: Json = town.shop.gql(PROCESS, {"id": transaction})["transactionProcess"]["transactionEvent"]
    return event


def complete(town: Town) -> str:
    number: str = change(stage(town), COMPLETE, None, id=source(town).id)["order"]["number"]
    return number


def catch_up(town: Town) -> None:
    town.shop.drain()
    while town.work():
        pass


def set_quantity(town: Town, quantity: int) -> Decimal:
    """Change the checkout's only line, handle the events, and return the new total."""
    line = checkout(town).lines[0]
    town.shop.gql(
        "mutation($id: ID!, $lines: [CheckoutLineUpdateInput!]!) {"
        " checkoutLinesUpdate(id: $id, lines: $lines) { errors { code } } }",
        {"id": checkout(town).id, "lines": [{"lineId": line.id, "quantity": quantity}]},
    )
    catch_up(town)
    return line.variant.channel_listings[0].price * quantity + 5


def problems() -> list[str]:
    return list(Problem.objects.order_by("pk").values_list("message", flat=True))


class TestSecondTab:
    @pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
    def test_the_other_payment_is_cancelled_once_one_is_paid(self, town: Town, flow: str) -> None:
        town.begin(flow)
        other, other_intent = tab(town)
        town.pay()
        assert process(town, town.transaction)["type"] == f"{flow}_SUCCESS"
        assert intent(town, other_intent)["status"] == "canceled"
        with pytest.raises(stripe.InvalidRequestError, match="canceled"):
            pay(town, other_intent)
        event = process(town, other)
        assert event["type"] == f"{flow}_FAILURE"
        assert event["message"] == in_language(shopper_messages.BY_CODE["already_covered"], "en")
        assert complete(town)

    def test_one_that_cannot_be_cancelled_does_not_keep_the_others_open(self, town: Town) -> None:
        town.begin()
        _, other = tab(town)
        first = Payment.objects.order_by("created_at").first()
        assert first is not None
        everything = list(Payment.objects.select_related("account").order_by("created_at"))
        town.stripe.add_fault(f"* /v1/payment_intents/{first.payment_intent_id}*", status=503, times=9)
        gone = Rejected("The checkout no longer exists.", code="source_gone")
        with pytest.raises(Unavailable):
            amounts_due.cancel_all(first.installation, everything, gone)
        assert intent(town, other)["status"] == "canceled"
        assert intent(town, other)["cancellation_reason"] == "abandoned"

    @pytest.mark.parametrize("reported_by", ["process", "Stripe's event"])
    def test_the_second_tab_reads_that_it_is_paid(self, town: Town, reported_by: str) -> None:
        """Even if the checkout has become an order, and whichever reports to Saleor first."""
        town.begin()
        other, _ = tab(town)
        town.pay()
        process(town, town.transaction)
        assert complete(town)
        if reported_by == "process":
            assert process(town, other)["message"] == in_language(ALREADY_PAID, "en")
        town.deliver_all(town.stripe.events("payment_intent.canceled"))
        town.transaction = other
        assert {each["message"] for each in town.reported("CHARGE_FAILURE")} == {
            in_language(ALREADY_PAID, "en")
        }

    def test_by_stripes_event_alone(self, town: Town) -> None:
        town.begin()
        _, other = tab(town)
        town.pay()
        town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        assert intent(town, other)["status"] == "canceled"
        [event] = Event.objects.filter(kind="payment_intent.succeeded")
        handlers.follow_payment(event)
        assert (problems(), intent(town, town.intent)["status"]) == ([], "succeeded")

    def test_by_the_hourly_comparison_where_the_event_of_its_success_was_lost(self, town: Town) -> None:
        """Another event of the payment reported the money, so nothing is missing in Saleor."""
        town.begin()
        _, other = tab(town)
        town.pay()
        save = report.report_payment(town.account, town.intent, tasks.report_later)
        assert save is not None
        save()
        assert intent(town, other)["status"] == "requires_payment_method"
        assert reconcile.compare(Installation.objects.get(), town.account, town.intent) == []
        assert intent(town, other)["status"] == "canceled"

    def test_later_if_stripe_cannot_be_asked_now(self, town: Town) -> None:
        town.begin()
        _, other = tab(town)
        town.pay()
        town.stripe.add_fault(f"* /v1/payment_intents/{other}*", status=500, times=3)
        assert process(town, town.transaction)["type"] == "CHARGE_SUCCESS"
        town.stripe.faults.clear()
        catch_up(town)
        assert intent(town, other)["status"] == "canceled"

    @pytest.mark.parametrize("step", ["AUTHORIZATION_SUCCESS", "CHARGE_SUCCESS"])
    def test_a_gift_card_or_another_app_that_pays_everything_ends_it(self, town: Town, step: str) -> None:
        """Since Saleor 3.23, a gift card is a transaction; Saleor then only sends that the checkout is covered."""
        town.begin()
        covered = checkout(town)
        amount = Decimal(str(town.total()))
        card = Transaction("saleor.io.gift-card", "USD", checkout=covered)
        with town.shop.host.store.lock:
            town.shop.host.store.transactions.append(card)
            card.events.append(TransactionEvent(step, amount, "gift-1"))
            card.recalculate()
            amounts_changed(town.shop.host, card, Amounts(), None)
            town.shop.host.flush()
        catch_up(town)
        assert intent(town, town.intent)["status"] == "canceled"
        assert Payment.objects.get().status == "canceled"

    def test_two_payments_of_a_part_each_stand(self, town: Town) -> None:
        town.begin()
        first, first_intent = tab(town, "10.00")
        second, second_intent = tab(town, "13.00")
        pay(town, first_intent)
        assert process(town, first)["type"] == "CHARGE_SUCCESS"
        assert intent(town, second_intent)["amount"] == 1300
        assert intent(town, town.intent)["amount"] == 1300, "the payment for the rest is adjusted"
        pay(town, second_intent)
        assert process(town, second)["type"] == "CHARGE_SUCCESS"
        assert intent(town, town.intent)["status"] == "canceled"
        assert complete(town)
        assert problems() == []

    def test_what_is_covered_is_not_started_again(self, town: Town) -> None:
        town.begin()
        town.pay()
        process(town, town.transaction)
        asked: Json = {"id": source(town).id, "gateway": {"id": APP_ID, "data": None}, "key": "again"}
        event = change(stage(town), PART, None, **asked, amount="5.00")["transactionEvent"]
        assert (event["type"], event["message"]) == ("CHARGE_FAILURE", in_language(ALREADY_PAID, "en"))


class TestTheTotalChanges:
    def test_without_the_storefront_asking(self, town: Town) -> None:
        town.begin()
        for quantity in (3, 1):
            total = set_quantity(town, quantity)
            assert intent(town, town.intent)["amount"] == total * 100
        assert Payment.objects.get().amount_minor == total * 100

    def test_a_shopper_at_the_bank_pays_no_more_than_the_bank_shows(self, town: Town) -> None:
        town.begin()
        town.pay("pm_card_threeDSecure2Required")
        shown = intent(town, town.intent)["amount"]
        total = set_quantity(town, 3)
        assert (intent(town, town.intent)["amount"], shown < total * 100) == (shown, True)
        town.stripe.authenticate(town.intent)
        paid = process(town, town.transaction)
        assert (paid["type"], "separately" in paid["message"]) == ("CHARGE_SUCCESS", True)
        assert town.amounts()[0] == shown / 100
        _, rest = tab(town)
        assert intent(town, rest)["amount"] == total * 100 - shown

    def test_a_shopper_at_the_bank_may_pay_less(self, town: Town) -> None:
        town.begin()
        set_quantity(town, 3)
        town.pay("pm_card_threeDSecure2Required")
        total = set_quantity(town, 1)
        assert intent(town, town.intent)["amount"] == total * 100

    def test_a_shopper_who_left_the_bank_pays_the_new_total(self, town: Town) -> None:
        town.begin()
        town.pay("pm_card_threeDSecure2Required")
        total = set_quantity(town, 3)
        process(town, town.transaction)
        assert intent(town, town.intent)["amount"] == total * 100

    @pytest.mark.parametrize("left", ["0.30", "0"])
    def test_nothing_that_stripe_could_charge_is_left(self, town: Town, left: str) -> None:
        town.begin()
        checkout(town).gift_cards = Decimal(str(town.total())) - Decimal(left)
        town.shop.event("CHECKOUT_UPDATED", checkout=checkout(town))
        catch_up(town)
        assert intent(town, town.intent)["status"] == "canceled"
        assert process(town, town.transaction)["type"] == "CHARGE_FAILURE"

    def test_a_gift_card_lowers_what_is_asked(self, town: Town) -> None:
        """Saleor requests the total as if there were no gift cards."""
        town.begin()
        total = Decimal(str(town.total()))
        checkout(town).gift_cards = Decimal("13.21")
        asked: Json = {"id": source(town).id, "gateway": {"id": APP_ID, "data": None}, "key": "gift"}
        event = change(stage(town), PART, None, **asked, amount=str(total))["transactionEvent"]
        assert event["amount"]["amount"] == float(total - Decimal("13.21"))
        assert "is left to pay" in event["message"]
        pay(town, event["pspReference"])
        town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        complete(town)
        assert (
            town.shop.gql(
                "{ orders(first: 1) { edges { node { chargeStatus } } } }", {}, town.shop.staff_token()
            )["orders"]["edges"][0]["node"]["chargeStatus"]
            == "FULL"
        )

    def test_a_checkout_that_is_gone_by_now_says_nothing(self, town: Town) -> None:
        town.begin()
        town.shop.event("CHECKOUT_UPDATED", checkout=None)
        catch_up(town)
        ours = Handling.objects.filter(handler="payments.handlers.follow_totals")
        assert ours.exists()
        assert not ours.filter(given_up_at__isnull=False).exists()
        assert intent(town, town.intent)["status"] == "requires_payment_method"

    def test_an_order_that_is_cancelled_takes_its_open_payments_along(self, town: Town) -> None:
        town.shop.host.store.channels[0].allows_unpaid_orders = True
        town.begin()
        complete(town)
        catch_up(town)
        assert intent(town, town.intent)["status"] == "requires_payment_method"
        order = source(town)
        town.shop.gql(
            "mutation($id: ID!) { orderCancel(id: $id) { errors { code } } }",
            {"id": order.id},
            town.shop.staff_token(),
        )
        catch_up(town)
        assert intent(town, town.intent)["status"] == "canceled"

    @pytest.mark.parametrize("end", ["capture", "release"])
    def test_a_hold_of_an_order_that_is_cancelled_is_a_problem_until_staff_decide(
        self, town: Town, end: str
    ) -> None:
        town.begin("AUTHORIZATION")
        town.pay()
        process(town, town.transaction)
        complete(town)
        catch_up(town)
        assert problems() == []
        cancel = "mutation($id: ID!) { orderCancel(id: $id) { errors { code } } }"
        town.shop.gql(cancel, {"id": source(town).id}, town.shop.staff_token())
        catch_up(town)
        [message] = problems()
        assert "was cancelled, but Stripe still holds an authorization of" in message
        assert town.intent in message
        if end == "capture":
            town.api.payment_intents.capture(town.intent)
        else:
            town.api.payment_intents.cancel(town.intent)
        town.deliver_all(town.events())
        assert problems() == []

    @pytest.mark.parametrize("end", ["CANCELED", "EXPIRED"])
    @pytest.mark.parametrize("way", ["refunded", "fulfilled"])
    def test_a_debit_that_settles_after_its_order_ended_is_a_problem_until_staff_decide(
        self, town: Town, end: str, way: str
    ) -> None:
        """Stripe does not let anybody cancel it while it is on its way."""
        town.stripe._later_seconds = 600
        town.begin()
        town.pay("pm_usBankAccount")
        process(town, town.transaction)
        complete(town)
        catch_up(town)
        assert problems() == []
        order = source(town)
        if end == "CANCELED":
            cancel = "mutation($id: ID!) { orderCancel(id: $id) { errors { code } } }"
            town.shop.gql(cancel, {"id": order.id}, town.shop.staff_token())
        else:
            assert isinstance(order, Order)
            order.status = end
            town.shop.event("ORDER_UPDATED", order=order)
        catch_up(town)
        [message] = problems()
        assert "is still on its way and cannot be stopped" in message
        town.stripe.end_processing(town.intent, ok=True)
        town.deliver_all(town.events() * 2)
        catch_up(town)
        [message] = problems()
        assert isinstance(order, Order)
        assert order.status == "UNFULFILLED", "Saleor revives it"
        assert "was cancelled or had expired before 23.00 USD arrived" in message
        if way == "refunded":
            town.api.refunds.create({"payment_intent": town.intent})
            town.deliver_all(town.events())
        else:
            order.status = "FULFILLED"
            town.shop.event("ORDER_UPDATED", order=order)
            catch_up(town)
        assert problems() == []

    @pytest.mark.parametrize("end", ["cancelled", "gone", "expired"])
    def test_what_was_captured_of_a_hold_is_not_called_held(self, town: Town, end: str) -> None:
        town.stripe.account.multicapture = True
        town.begin("AUTHORIZATION")
        town.pay()
        process(town, town.transaction)
        if end != "gone":
            complete(town)
        catch_up(town)
        capture = {"id": town.transaction, "action": "CHARGE", "amount": 5}
        change(stage(town), REQUEST_ACTION, town.shop.staff_token(), **capture)
        town.deliver_all(town.events())
        catch_up(town)
        if end == "cancelled":
            cancel = "mutation($id: ID!) { orderCancel(id: $id) { errors { code } } }"
            town.shop.gql(cancel, {"id": source(town).id}, town.shop.staff_token())
            expected = "still holds an authorization of 18.00 USD"
        elif end == "gone":
            town.shop.host.store.transactions[0].checkout = None
            order_matching.check(Payment.objects.get())
            expected = "has payments of 23.00 USD for a checkout that no longer exists"
        else:
            town.stripe.advance(8 * 24 * 3600)
            town.deliver_all(town.events())
            expected = "The authorization of the last 18.00 USD for order 1 expired"
        catch_up(town)
        [message] = problems()
        assert expected in message

    def test_a_payment_before_the_order_is_cancelled_is_no_problem(self, town: Town) -> None:
        town.begin()
        town.pay()
        process(town, town.transaction)
        complete(town)
        town.deliver_all(town.events())
        cancel = "mutation($id: ID!) { orderCancel(id: $id) { errors { code } } }"
        town.shop.gql(cancel, {"id": source(town).id}, town.shop.staff_token())
        catch_up(town)
        assert problems() == []

    @pytest.mark.parametrize("end", ["CANCELED", "PAID"])
    def test_an_order_whose_authorization_expires_is_a_problem_until_it_is_paid_or_over(
        self, town: Town, end: str
    ) -> None:
        town.begin("AUTHORIZATION")
        town.pay()
        process(town, town.transaction)
        complete(town)
        catch_up(town)
        town.stripe.advance(8 * 24 * 3600)
        town.deliver_all(town.events() * 2)
        catch_up(town)
        assert intent(town, town.intent)["cancellation_reason"] == "automatic"
        [message] = problems()
        assert "expired before it was captured, so the order is not paid" in message
        [canceled] = town.reported("CANCEL_SUCCESS")
        assert canceled["message"] == "The authorization expired before it was captured."
        if end == "CANCELED":
            cancel = "mutation($id: ID!) { orderCancel(id: $id) { errors { code } } }"
            town.shop.gql(cancel, {"id": source(town).id}, town.shop.staff_token())
        else:
            other, other_intent = tab(town)
            pay(town, other_intent)
            process(town, other)
        catch_up(town)
        assert problems() == []

    @pytest.mark.parametrize("end", ["CANCELED", "PAID"])
    def test_an_order_whose_debit_fails_is_a_problem_until_it_is_paid_or_over(
        self, town: Town, end: str
    ) -> None:
        """Saleor shows the order as unfulfilled, and the failure only in the payment's history."""
        town.stripe._later_seconds = 600
        town.begin()
        town.pay("pm_usBankAccount")
        process(town, town.transaction)
        complete(town)
        town.deliver_all(town.events())
        catch_up(town)
        assert problems() == []
        town.stripe.end_processing(town.intent, ok=False)
        town.deliver_all(town.events() * 2)
        catch_up(town)
        [message] = problems()
        assert (
            "failed after the order had been placed, so the order is not paid. There is not enough" in message
        )
        [failed] = town.reported("CHARGE_FAILURE")
        assert failed["message"] == "There is not enough money on the card or account."
        if end == "CANCELED":
            cancel = "mutation($id: ID!) { orderCancel(id: $id) { errors { code } } }"
            town.shop.gql(cancel, {"id": source(town).id}, town.shop.staff_token())
        else:
            other, other_intent = tab(town)
            pay(town, other_intent)
            process(town, other)
        catch_up(town)
        assert problems() == []

    def test_a_decline_of_an_order_that_can_be_tried_again_is_no_problem(self, town: Town) -> None:
        town.shop.host.store.channels[0].allows_unpaid_orders = True
        town.begin()
        complete(town)
        catch_up(town)
        town.pay("pm_card_visa_chargeDeclined")
        process(town, town.transaction)
        town.deliver_all(town.events())
        catch_up(town)
        assert problems() == []

    def test_an_order_that_is_cancelled_can_no_longer_be_paid(self, town: Town) -> None:
        """Also if the app gets no events about orders, or if the payment begins after them."""
        town.shop.host.store.channels[0].allows_unpaid_orders = True
        town.begin()
        complete(town)
        order = cast("Order", source(town))
        order.status = "CANCELED"
        assert process(town, town.transaction)["type"] == "CHARGE_FAILURE"
        assert intent(town, town.intent)["status"] == "canceled"
        asked: Json = {"id": order.id, "gateway": {"id": APP_ID, "data": None}, "key": "late"}
        late = change(stage(town), INITIALIZE, None, **asked)["transactionEvent"]
        assert (late["type"], late["message"]) == ("CHARGE_FAILURE", in_language(ORDER_OVER, "en"))
        assert len(town.stripe.account.table("payment_intent")) == 1

    @pytest.mark.parametrize("edited", ["", "99.99", "lots"])
    def test_metadata_edited_at_stripe_never_raises_what_is_asked(
        self, buy: Begin, stripe_sandbox: StripeSandbox, edited: str
    ) -> None:
        one = buy(amount="18.00")
        one.initialize(sourceObject=of(18))
        row = stripe_sandbox.account.table("payment_intent")[one.psp]
        row["metadata"] |= {metadata.TOTAL: edited, metadata.REMAINING: edited}
        one.process(sourceObject=of(30))
        assert row["amount"] == 1800
        one.process(sourceObject=of(10))
        assert row["amount"] == 1000


def order_of(status: str) -> Json:
    return {
        "__typename": "Order",
        "id": "T3JkZXI6MQ==",
        "number": "12",
        "status": status,
        "channel": {"slug": "default-channel", "currencyCode": "USD"},
        "total": {"gross": {"amount": 18, "currency": "USD"}},
        "languageCodeEnum": "FR",
    }


ORDER_OVER = shopper_messages.BY_CODE["order_over"]


@pytest.mark.parametrize("amount", ["18.00", "5.00"])
@pytest.mark.parametrize("status", ["CANCELED", "EXPIRED"])
def test_an_order_that_is_over_is_not_paid(
    buy: Begin, stripe_sandbox: StripeSandbox, status: str, amount: str
) -> None:
    one = buy(amount=amount)
    one.initialize(sourceObject=order_of("UNFULFILLED"))
    response = one.process(sourceObject=order_of(status))
    assert (response["result"], response["message"]) == ("CHARGE_FAILURE", in_language(ORDER_OVER, "fr"))
    assert stripe_sandbox.account.table("payment_intent")[one.psp]["status"] == "canceled"
    assert one.process(sourceObject=order_of(status))["message"] == response["message"]
    another = buy(amount=amount)
    refused = another.initialize(sourceObject=order_of(status))
    assert (refused["result"], refused["message"]) == ("CHARGE_FAILURE", in_language(ORDER_OVER, "fr"))


def test_what_was_paid_before_the_order_was_cancelled_stays_paid(buy: Begin) -> None:
    one = buy(amount="18.00")
    one.initialize(sourceObject=order_of("UNFULFILLED"))
    one.pay()
    response = one.process(sourceObject=order_of("CANCELED"))
    assert (response["result"], response["amount"]) == ("CHARGE_SUCCESS", "18.00")


def of(total: float) -> Json:
    return {
        "__typename": "Checkout",
        "id": "Q2hlY2tvdXQ6MQ==",
        "channel": {"slug": "default-channel", "currencyCode": "USD"},
        "totalPrice": {"gross": {"amount": total, "currency": "USD"}},
        "languageCode": "EN",
    }


@pytest.mark.parametrize(
    ("paid", "total", "words"),
    [(18, 10, "only 10.00 USD is due"), (18, 0, "nothing was due"), (18, 30, "separately"), (18, 18, "")],
)
def test_a_total_that_changed_after_the_payment_is_noted(
    buy: Begin, paid: int, total: int, words: str
) -> None:
    one = buy(amount=str(paid))
    one.initialize(sourceObject=of(paid))
    one.pay()
    response = one.process(sourceObject=of(total))
    assert (response["result"], response["amount"]) == ("CHARGE_SUCCESS", f"{paid}.00")
    assert words in response["message"]
    assert bool(response["message"]) == bool(words)


def test_a_decline_and_a_lower_total_are_both_in_the_answer(buy: Begin) -> None:
    one = buy(amount="18.00")
    one.initialize(sourceObject=of(18))
    one.pay(DECLINED)
    response = one.process(sourceObject=of(10))
    assert (response["result"], response["amount"]) == ("CHARGE_ACTION_REQUIRED", "10.00")
    assert "declined" in response["message"]


class TestMoneyComesAllTheSame:
    def test_a_second_tab_is_paid_in_the_same_moment(self, town: Town) -> None:
        town.begin()
        _, other = tab(town)
        town.pay()
        pay(town, other)
        town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        [message] = problems()
        assert f"overpaid by {town.ledger()['chargedAmount']['amount']:.2f} USD" in message
        assert "https://dashboard.stripe.com/test/payments/pi_" in message
        town.api.refunds.create({"payment_intent": other})
        town.deliver_all(town.stripe.events("refund.created"))
        assert problems() == []

    def test_whichever_payment_is_checked_says_the_same(self, town: Town) -> None:
        """Saleor counts each change of a problem, so a message that alternates would count every time."""
        town.begin()
        (_, other), (_, unpaid) = tab(town), tab(town)
        town.pay()
        pay(town, other)
        town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        first, last = Payment.objects.exclude(payment_intent_id=unpaid).order_by("created_at")
        messages = set()
        for payment in (first, last, first):
            order_matching.check(payment)
            messages.update(problems())
        assert len(messages) == 1
        assert last.payment_intent_id in messages.pop()
        order_matching.check(Payment.objects.get(payment_intent_id=unpaid))
        assert len(problems()) == 1, "a payment without money does not clear it"

    def test_the_checkout_is_gone(self, town: Town) -> None:
        town.begin()
        town.shop.host.store.transactions[0].checkout = None
        town.pay()
        for _ in range(2):
            town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        [message] = problems()
        assert "there is no order" in message
        assert town.intent in message
        assert town.amounts()[0] == town.total()
        town.api.refunds.create({"payment_intent": town.intent})
        town.deliver_all(town.stripe.events("refund.created"))
        assert problems() == []

    def test_an_open_payment_of_a_checkout_that_is_gone_is_cancelled(self, town: Town) -> None:
        town.begin()
        town.shop.host.store.transactions[0].checkout = None
        order_matching.follow(Installation.objects.get(), town.transaction)
        assert intent(town, town.intent)["status"] == "canceled"

    def test_a_checkout_that_was_paid_and_left(self, town: Town) -> None:
        town.begin()
        town.pay()
        town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        assert order_matching.check_unordered() == 0, "the shopper may still be at it"
        Payment.objects.update(created_at=timezone.now() - timedelta(hours=2))
        assert order_matching.check_unordered() == 1
        [message] = problems()
        assert "did not become an order" in message
        complete(town)
        catch_up(town)
        assert problems() == []
        assert order_matching.check_unordered() == 0

    @pytest.mark.parametrize("is_gone", [True, False])
    @pytest.mark.parametrize(
        ("flow", "method", "words"),
        [
            ("CHARGE", "pm_card_visa", ("Stripe charged", "refund the payment")),
            ("AUTHORIZATION", "pm_card_visa", ("Stripe holds an authorization", "release")),
            ("CHARGE", "pm_usBankAccount_success", ("not all of it has been charged", "refund or release")),
        ],
    )
    def test_what_is_only_held_is_not_called_charged(
        self, town: Town, flow: str, method: str, words: tuple[str, str], *, is_gone: bool
    ) -> None:
        town.begin(flow)
        town.pay(method)
        town.deliver_all(town.events())
        if is_gone:
            town.shop.host.store.transactions[0].checkout = None
        Payment.objects.update(created_at=timezone.now() - timedelta(hours=2))
        order_matching.check_unordered()
        [message] = problems()
        assert ("no longer exists" in message) == is_gone
        assert all(each.lower() in message.lower() for each in words)

    def test_payments_that_are_held_and_charged_are_called_neither(self, town: Town) -> None:
        town.begin("AUTHORIZATION")
        for amount in ("5.00", "3.00"):
            town.intent = tab(town, amount)[1]
            town.pay()
        town.api.payment_intents.capture(town.intent)
        town.deliver_all(town.events())
        Payment.objects.update(created_at=timezone.now() - timedelta(hours=2))
        order_matching.check_unordered()
        [message] = problems()
        assert "Not all of it has been charged" in message

    def test_one_that_cannot_be_looked_at_does_not_keep_the_others_from_it(self, town: Town) -> None:
        town.begin()
        town.pay()
        town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        first = Payment.objects.get()
        first.pk, first.transaction_id, first.payment_intent_id = uuid.uuid4(), "broken", "pi_broken"
        first.save(force_insert=True)
        Payment.objects.update(created_at=timezone.now() - timedelta(hours=2))
        assert order_matching.check_unordered() == 2
        assert len(problems()) == 1


def test_the_number_reaches_stripe_without_any_event_of_orders(town: Town) -> None:
    """An app that only has payment permissions gets no order events."""
    town.begin()
    town.pay()
    town.deliver_all(town.stripe.events("payment_intent.succeeded"))
    number = complete(town)
    town.shop.drain()
    Payment.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert order_matching.check_unordered() == 0
    assert intent(town, town.intent)["description"] == f"Order {number}"
    assert intent(town, town.intent)["metadata"]["saleor_order_number"] == number
    assert Payment.objects.get().order_number == number
