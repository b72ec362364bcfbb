"""Bank transfers that arrive in part, too late, or for too much: their money is never lost sight of."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import customer_url, dashboard_url
from saleor_stripe_audience.payments import cash_balances, notices, reconcile, upkeep
from saleor_stripe_audience.payments.models import Notice, Payment
from saleor_stripe_audience.shops.models import Installation, Problem

from .test_delayed import PROCESS, awaited_transfer, choose_method, complete
from .test_reporting import ORDERS, Town, orders, town

__all__ = ["awaited_transfer", "town"]

Json = dict[str, Any]
CANCEL = "mutation($id: ID!) { orderCancel(id: $id) { errors { code } } }"


def customer_of(town: Town) -> str:
    return str(town.stripe.account.table("payment_intent")[town.intent]["customer"])


def send(town: Town, amount: int | None = None) -> None:
    """A transfer for the payment arrives, and Stripe reports it."""
    town.stripe.pay_voucher(town.intent, amount)
    town.deliver_all(town.events())


def cancel_order(town: Town, order: Json) -> None:
    """Staff cancel the order in Saleor, so the app cancels its payment; Stripe's events are not delivered yet."""
    town.shop.gql(CANCEL, {"id": order["id"]}, town.shop.staff_token())
    town.shop.drain()
    while town.work():
        pass


def notes(town: Town) -> list[str]:
    """Return the notes in the payment's history, oldest first."""
    return [each["message"] for each in town.reported("INFO")][::-1]


def cash_problems() -> list[str]:
    return [each.message for each in Problem.objects.filter(key__startswith="cash-")]


def begin_another(town: Town) -> str:
    """The same Stripe Customer starts a second payment by bank transfer, of the same checkout's total."""
    first = town.intent, town.transaction
    customer = customer_of(town)
    town.begin(key="k2")
    town.api.payment_intents.update(town.intent, {"customer": customer})
    choose_method(town, "customer_balance", "usd")
    town.shop.gql(PROCESS, {"id": town.transaction})
    second = town.transaction
    town.intent, town.transaction = first
    return second


class TestInPart:
    @pytest.mark.parametrize("order", ORDERS)
    def test_each_amount_is_noted_once(self, awaited_transfer: Town, order: str) -> None:
        complete(awaited_transfer)
        total = awaited_transfer.total()
        send(awaited_transfer, 100)
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        assert notes(awaited_transfer) == [f"1.00 USD of {total:.2f} USD has arrived by bank transfer."]
        send(awaited_transfer, 250)
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        reconcile.reconcile(Installation.objects.get())
        assert notes(awaited_transfer)[1:] == [f"3.50 USD of {total:.2f} USD has arrived by bank transfer."]
        [event] = [each for each in awaited_transfer.reported("INFO") if each["message"].startswith("3.50")]
        assert (event["pspReference"], awaited_transfer.amounts()) == (awaited_transfer.intent, (0, 0, 0, 0))
        assert not Problem.objects.exists()

    def test_the_rest_completes_it(self, awaited_transfer: Town) -> None:
        complete(awaited_transfer)
        send(awaited_transfer, 100)
        send(awaited_transfer)
        awaited_transfer.deliver_all(awaited_transfer.events() * 2)
        assert awaited_transfer.amounts() == (awaited_transfer.total(), 0, 0, 0)
        assert len(notes(awaited_transfer)) == 1
        assert Notice.objects.filter(reference=awaited_transfer.intent, is_last=True).count() == 1
        assert not Problem.objects.exists()

    def test_a_transfer_in_one_part_is_not_noted(self, awaited_transfer: Town) -> None:
        complete(awaited_transfer)
        send(awaited_transfer)
        assert notes(awaited_transfer) == []
        assert not Notice.objects.exists()

    def test_staff_read_it_in_french(self, awaited_transfer: Town, settings: Any) -> None:
        settings.STAFF_LANGUAGE = "fr"
        send(awaited_transfer, 100)
        [note] = notes(awaited_transfer)
        assert note.startswith("1,00 USD sur ")


class TestCanceled:
    @pytest.mark.parametrize("order", ORDERS)
    def test_a_part_of_a_canceled_order_is_a_problem_until_it_is_sent_back(
        self, awaited_transfer: Town, order: str
    ) -> None:
        placed = complete(awaited_transfer)
        send(awaited_transfer, 100)
        cancel_order(awaited_transfer, placed)
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        [message] = cash_problems()
        assert "1.00 USD" in message
        assert f"order {placed['number']} " in message
        customer = customer_of(awaited_transfer)
        assert customer_url(customer, livemode=False) in message
        assert dashboard_url(awaited_transfer.intent, livemode=False) in message
        assert "cash balance" in notes(awaited_transfer)[-1]
        assert len(notes(awaited_transfer)) == 2
        awaited_transfer.stripe.send_back(customer, "usd")
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        assert not Problem.objects.exists()
        assert len(notes(awaited_transfer)) == 2
        assert awaited_transfer.amounts() == (0, 0, 0, 0)

    def test_what_is_left_after_a_part_was_sent_back_is_still_a_problem(self, awaited_transfer: Town) -> None:
        placed = complete(awaited_transfer)
        send(awaited_transfer, 100)
        cancel_order(awaited_transfer, placed)
        awaited_transfer.stripe.send_back(customer_of(awaited_transfer), "usd", 40)
        awaited_transfer.deliver_all(awaited_transfer.events())
        assert "0.60 USD" in cash_problems()[0]

    def test_a_checkout_that_is_gone(self, awaited_transfer: Town) -> None:
        send(awaited_transfer, 100)
        awaited_transfer.shop.host.store.checkouts.clear()
        awaited_transfer.api.payment_intents.cancel(awaited_transfer.intent)
        awaited_transfer.deliver_all(awaited_transfer.events() * 2)
        [message] = cash_problems()
        assert "checkout without an order" in message
        assert awaited_transfer.intent in message

    def test_another_payment_covers_everything(self, town: Town) -> None:
        """The app cancels the one that waits for the rest of its transfer."""
        town.begin()
        customer = town.api.customers.create({"name": "Robin Vale"}).id
        town.api.payment_intents.update(town.intent, {"customer": customer})
        choose_method(town, "customer_balance", "usd")
        waiting = town.intent
        town.stripe.pay_voucher(waiting, 100)
        town.attempt("k2")
        town.pay()
        town.events()
        town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        assert town.stripe.account.table("payment_intent")[waiting]["status"] == "canceled"
        town.deliver_all(town.events() * 2)
        [message] = cash_problems()
        assert ("1.00 USD" in message, waiting in message) == (True, True)

    def test_a_canceled_payment_without_a_part_is_no_problem(self, awaited_transfer: Town) -> None:
        placed = complete(awaited_transfer)
        cancel_order(awaited_transfer, placed)
        awaited_transfer.deliver_all(awaited_transfer.events())
        assert (notes(awaited_transfer), cash_problems()) == ([], [])

    def test_a_transfer_that_arrives_after_the_cancelation(self, awaited_transfer: Town) -> None:
        placed = complete(awaited_transfer)
        cancel_order(awaited_transfer, placed)
        awaited_transfer.stripe.transfer(customer_of(awaited_transfer), "usd", 700)
        awaited_transfer.deliver_all(awaited_transfer.events() * 2)
        [message] = cash_problems()
        assert ("7.00 USD" in message, f"order {placed['number']} " in message) == (True, True)

    def test_the_shopper_pays_by_card_after_a_part(self, awaited_transfer: Town) -> None:
        send(awaited_transfer, 100)
        awaited_transfer.pay()
        awaited_transfer.deliver_all(awaited_transfer.events() * 2)
        assert awaited_transfer.amounts() == (awaited_transfer.total(), 0, 0, 0)
        assert "1.00 USD" in cash_problems()[0]


class TestTooMuch:
    @pytest.mark.parametrize("order", ORDERS)
    def test_the_rest_is_a_problem_until_it_is_sent_back(self, awaited_transfer: Town, order: str) -> None:
        placed = complete(awaited_transfer)
        total = awaited_transfer.total()
        awaited_transfer.stripe.pay_voucher(awaited_transfer.intent, round(total * 100) + 1000)
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        assert awaited_transfer.amounts() == (total, 0, 0, 0)
        [message] = cash_problems()
        assert ("10.00 USD" in message, f"order {placed['number']} " in message) == (True, True)
        awaited_transfer.stripe.send_back(customer_of(awaited_transfer), "usd")
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        assert not Problem.objects.exists()

    def test_stripe_takes_it_for_another_payment_which_alone_is_booked(self, awaited_transfer: Town) -> None:
        complete(awaited_transfer)
        total = awaited_transfer.total()
        awaited_transfer.stripe.pay_voucher(awaited_transfer.intent, round(total * 100) + 1000)
        awaited_transfer.deliver_all(awaited_transfer.events())
        assert cash_problems()
        second = begin_another(awaited_transfer)
        awaited_transfer.deliver_all(awaited_transfer.events() * 2)
        assert cash_problems() == []
        assert awaited_transfer.amounts() == (total, 0, 0, 0)
        assert notes(awaited_transfer) == []
        awaited_transfer.transaction = second
        assert awaited_transfer.amounts() == (0, 0, 0, 0)
        assert [each.startswith("10.00 USD of ") for each in notes(awaited_transfer)] == [True]
        awaited_transfer.intent = Payment.objects.get(transaction_id=second).payment_intent_id
        send(awaited_transfer)
        assert awaited_transfer.amounts() == (total, 0, 0, 0)

    def test_the_part_of_a_canceled_order_pays_the_customers_other_order(
        self, awaited_transfer: Town
    ) -> None:
        placed = complete(awaited_transfer)
        send(awaited_transfer, 100)
        second = begin_another(awaited_transfer)
        cancel_order(awaited_transfer, placed)
        awaited_transfer.deliver_all(awaited_transfer.events() * 2)
        assert cash_problems() == []
        assert awaited_transfer.amounts() == (0, 0, 0, 0)
        awaited_transfer.transaction = second
        assert [each.startswith("1.00 USD of ") for each in notes(awaited_transfer)] == [True]


class TestWhose:
    def test_a_customer_without_payments_of_the_shop_is_not_its_problem(self, town: Town) -> None:
        customer = town.api.customers.create({"name": "Someone else"}).id
        town.stripe.transfer(customer, "usd", 700)
        town.deliver_all(town.events())
        assert not Problem.objects.exists()

    def test_what_is_left_of_another_payment_at_stripe_is_not_its_problem(
        self, awaited_transfer: Town
    ) -> None:
        send(awaited_transfer)
        other = awaited_transfer.api.payment_intents.create(
            {
                "amount": 5000,
                "currency": "usd",
                "customer": customer_of(awaited_transfer),
                "confirm": True,
                "payment_method_data": {"type": "customer_balance"},
                "return_url": "https://shop.example.com",
            }
        )
        awaited_transfer.stripe.pay_voucher(other.id, 6000)
        awaited_transfer.deliver_all(awaited_transfer.events())
        assert not Problem.objects.exists()

    def test_an_order_that_saleor_no_longer_knows_is_left_out(self, awaited_transfer: Town) -> None:
        send(awaited_transfer, 100)
        awaited_transfer.api.payment_intents.cancel(awaited_transfer.intent)
        Payment.objects.update(transaction_id=str(uuid.uuid4()))
        cash_balances.check(awaited_transfer.account, customer_of(awaited_transfer))
        assert "checkout without an order" in cash_problems()[0]


class TestSwept:
    @pytest.mark.parametrize("order", ORDERS)
    def test_what_stripe_moved_to_the_account_is_a_problem_until_staff_say_so(
        self, awaited_transfer: Town, order: str
    ) -> None:
        complete(awaited_transfer)
        awaited_transfer.stripe.pay_voucher(awaited_transfer.intent, 3300)
        awaited_transfer.stripe.sweep(customer_of(awaited_transfer), "usd")
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        [problem] = Problem.objects.all()
        assert "10.00 USD" in problem.message
        assert awaited_transfer.intent in problem.message
        assert len(notes(awaited_transfer)) == 1
        assert notices.mark_resolved(Installation.objects.get(), problem.key)
        awaited_transfer.deliver_all(orders(awaited_transfer.events())[order])
        assert not Problem.objects.exists()
        assert len(notes(awaited_transfer)) == 1

    def test_that_of_another_customer_is_not_the_shops(self, town: Town) -> None:
        customer = town.api.customers.create({"name": "Someone else"}).id
        town.stripe.transfer(customer, "usd", 700)
        town.stripe.sweep(customer, "usd")
        town.deliver_all(town.events())
        assert not Problem.objects.exists()


class TestLostEvents:
    def left(self, town: Town) -> None:
        complete(town)
        town.stripe.pay_voucher(town.intent, round(town.total() * 100) + 1000)

    def test_the_hourly_comparison_finds_what_is_left(self, awaited_transfer: Town) -> None:
        self.left(awaited_transfer)
        awaited_transfer.events()
        reconcile.reconcile(Installation.objects.get(), timezone.now() - timedelta(hours=1))
        while awaited_transfer.work():
            pass
        assert len(cash_problems()) == 1

    def test_the_hourly_check_finds_that_it_was_sent_back(self, awaited_transfer: Town) -> None:
        self.left(awaited_transfer)
        awaited_transfer.deliver_all(awaited_transfer.events())
        upkeep.check_accounts()
        assert len(cash_problems()) == 1
        awaited_transfer.stripe.send_back(customer_of(awaited_transfer), "usd")
        for _ in range(2):
            upkeep.check_accounts()
            assert cash_problems() == []

    def test_a_problem_of_a_disconnected_account_ends(self, awaited_transfer: Town) -> None:
        self.left(awaited_transfer)
        awaited_transfer.deliver_all(awaited_transfer.events())
        assert len(cash_problems()) == 1
        disconnect(StripeAccount.objects.get())
        upkeep.check_accounts()
        assert cash_problems() == []

    def test_an_event_without_a_customer_changes_nothing(self, awaited_transfer: Town) -> None:
        """Stripe's Accounts can be customers, too; the app creates none of these."""
        self.left(awaited_transfer)
        [event, *_] = awaited_transfer.stripe.events("customer_cash_balance_transaction.created")
        event["data"]["object"].update(customer=None, customer_account="acct_1")
        awaited_transfer.deliver_all([event])
        assert not Problem.objects.exists()
