"""A payment counts only if it is the transaction's own; and older data never overwrites newer data."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client, payment_intents, sources
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent, parse
from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.payments import ownership, records, report
from saleor_stripe_audience.payments.models import Attempt, Payment
from saleor_stripe_audience.payments.reconcile import reconcile
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Problem

from .conftest import Buy, connect, install
from .test_reporting import Town, town

__all__ = ["town"]

Json = dict[str, Any]


def plant(town: Town, **changed: Any) -> str:
    """Create a paid PaymentIntent with the metadata of the town's own payment."""
    metadata = dict(town.stripe.account.table("payment_intent")[town.intent]["metadata"])
    paid: Json = {
        "amount": Payment.objects.get().amount_minor,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_visa",
        "return_url": "https://shop.example.com",
        "metadata": metadata,
    }
    return str(town.api.payment_intents.create(paid | changed).id)


def foreign_problems() -> list[str]:
    return list(Problem.objects.filter(key__startswith="foreign-").values_list("key", flat=True))


class TestAnotherIntent:
    @pytest.mark.parametrize("currency", ["usd", "pln"])
    def test_is_a_problem_and_no_money(self, town: Town, currency: str) -> None:
        town.begin()
        other = plant(town, currency=currency)
        town.deliver_all(town.events())
        assert town.amounts() == (0, 0, 0, 0)
        assert foreign_problems() == [f"foreign-{other}"]
        assert Payment.objects.get().payment_intent_id == town.intent
        assert not Handling.objects.filter(given_up_at__isnull=False).exists()

    def test_does_not_hide_the_true_one(self, town: Town) -> None:
        town.begin()
        plant(town)
        town.pay()
        town.deliver_all(town.events())
        assert town.amounts()[0] == town.total()
        assert len(town.reported("CHARGE_SUCCESS")) == 1

    def test_of_another_account_of_the_shop(self, town: Town, stripe_sandbox: StripeSandbox) -> None:
        town.begin()
        stripe_sandbox.create_account("Second", "pk_test_second", "sk_test_second")
        second = connect(town.account.installation, secret_key="sk_test_second")
        api = client.client_with("sk_test_second").v1
        metadata = dict(town.stripe.account.table("payment_intent")[town.intent]["metadata"])
        made = api.payment_intents.create(
            {
                "amount": 100,
                "currency": "usd",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "return_url": "https://shop.example.com",
                "metadata": metadata,
            }
        )
        intent = payment_intents.retrieve(second, made.id)
        with pytest.raises(Rejected) as refused:
            report.report_missing(second, intent)
        assert refused.value.code == ownership.FOREIGN
        assert town.amounts() == (0, 0, 0, 0)

    def test_disappears_once_its_money_is_refunded(self, town: Town) -> None:
        town.begin()
        other = plant(town)
        town.deliver_all(town.events())
        town.api.refunds.create({"payment_intent": other})
        town.deliver_all(town.events())
        assert foreign_problems() == []

    def test_is_found_by_the_comparison_too(self, town: Town) -> None:
        town.begin()
        other = plant(town)
        report = reconcile(town.account.installation)
        assert any(other in each.where and not each.fixed for each in report.differences)
        assert town.amounts() == (0, 0, 0, 0)
        assert foreign_problems() == [f"foreign-{other}"]

    def test_of_the_other_mode(self, town: Town) -> None:
        town.begin()
        town.pay()
        StripeAccount.objects.update(livemode=True)
        intent = payment_intents.retrieve(town.account, town.intent)
        with pytest.raises(Rejected) as refused:
            report.report_missing(StripeAccount.objects.get(), intent)
        assert refused.value.code == ownership.FOREIGN


class TestTheRowIsLost:
    def test_what_was_written_down_before_says_which_intent_it_is(self, town: Town) -> None:
        town.begin()
        town.pay()
        Payment.objects.all().delete()
        town.deliver_all(town.events())
        assert Payment.objects.get().payment_intent_id == town.intent
        assert town.amounts()[0] == town.total()

    def test_so_does_saleor(self, town: Town) -> None:
        town.begin()
        town.pay()
        Payment.objects.all().delete()
        Attempt.objects.all().delete()
        town.deliver_all(town.events())
        assert Payment.objects.get().payment_intent_id == town.intent
        assert town.amounts()[0] == town.total()

    def test_an_intent_that_saleor_does_not_know_is_not_trusted(self, town: Town) -> None:
        town.begin()
        other = plant(town, amount=100)
        Payment.objects.all().delete()
        Attempt.objects.all().delete()
        town.deliver_all(town.stripe.events("payment_intent.succeeded"))
        assert town.amounts() == (0, 0, 0, 0)
        assert foreign_problems() == [f"foreign-{other}"]
        assert not Payment.objects.exists()


class TestTheDatabaseIsLost:
    """The shop installs the app again, and is another installation for it."""

    FORMER = "0f5a3c1e-5d7e-4a36-9d3c-3c0f5a1b2c3d"

    def lose(self, one: Buy, stripe_sandbox: StripeSandbox, installation_id: str) -> None:
        stripe_sandbox.account.table("payment_intent")[one.psp]["metadata"]["saleor_installation"] = (
            installation_id
        )
        Payment.objects.all().delete()
        Attempt.objects.all().delete()

    def test_a_refund_is_made_and_later_events_are_recognized(
        self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox
    ) -> None:
        one = buy(amount="12.30").paid()
        self.lose(one, stripe_sandbox, self.FORMER)
        answer = one.request("REFUND", "5.00")
        assert (answer["result"], answer["amount"]) == ("REFUND_SUCCESS", "5.00")
        assert one.row().refunded_minor == 500
        [refund] = stripe_sandbox.account.table("refund").values()
        assert refund["metadata"]["saleor_installation"] == str(one.installation.pk)
        intent = payment_intents.retrieve(one.row().account, one.psp)
        assert ownership.recognize(one.row().account, intent).belongs_to(one.installation.pk, one.id)

    def test_a_hold_is_charged(self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox) -> None:
        one = buy(amount="12.30", flow="AUTHORIZATION").paid()
        self.lose(one, stripe_sandbox, self.FORMER)
        assert one.request("CHARGE", "12.30")["result"] == "CHARGE_SUCCESS"

    def test_not_what_another_shop_has(self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox) -> None:
        one = buy(amount="12.30").paid()
        self.lose(one, stripe_sandbox, str(install("other").pk))
        assert one.request("REFUND", "5.00")["result"] == "REFUND_FAILURE"
        assert not stripe_sandbox.account.table("refund")

    def test_not_another_transactions(self, buy: Callable[..., Buy], stripe_sandbox: StripeSandbox) -> None:
        one, other = buy(amount="12.30").paid(), buy(amount="9.00").paid()
        self.lose(one, stripe_sandbox, self.FORMER)
        other.psp = one.psp
        assert other.request("REFUND", "5.00")["result"] == "REFUND_FAILURE"


class TestEditedMetadata:
    @pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
    @pytest.mark.parametrize("kept", [{}, {"saleor_flow": "CHARGE"}, {"saleor_transaction": "another"}])
    def test_changes_nothing_of_a_payment_we_know(self, town: Town, flow: str, kept: Json) -> None:
        town.begin(flow)
        town.api.payment_intents.update(town.intent, {"metadata": ""})
        if kept:
            town.api.payment_intents.update(town.intent, {"metadata": kept})
        town.pay()
        town.deliver_all(town.events())
        charged, authorized, *_ = town.amounts()
        assert (charged, authorized)[flow == "AUTHORIZATION"] == town.total()
        assert Payment.objects.get().flow == flow
        report = reconcile(town.account.installation)
        assert report.differences == []

    def test_fees_are_noted_all_the_same(self, town: Town) -> None:
        town.begin()
        town.api.payment_intents.update(town.intent, {"metadata": ""})
        town.pay()
        town.deliver_all(town.events())
        assert Payment.objects.get().gross_minor == Payment.objects.get().amount_minor


class TestOrder:
    def test_a_decline_read_before_never_overwrites_the_success(self, town: Town) -> None:
        town.begin()
        town.pay("pm_card_chargeDeclined")
        early = payment_intents.retrieve(town.account, town.intent)
        town.pay()
        late = payment_intents.retrieve(town.account, town.intent)
        for intent in (late, early):
            records.save(town.account, intent)
        assert Payment.objects.get().status == "succeeded"
        assert Payment.objects.get().captured_minor == late.amount

    def test_a_refund_read_before_it_failed_does_not_come_back(self, town: Town) -> None:
        town.begin()
        town.pay()
        account = town.account
        then = timezone.now()
        refund = town.api.refunds.create({"payment_intent": town.intent, "amount": 100})
        early = payment_intents.retrieve(account, town.intent)
        town.stripe.end_refund(refund.id, ok=False)
        late = payment_intents.retrieve(account, town.intent)
        records.save(account, late, then + timedelta(seconds=2))
        records.save(account, early, then + timedelta(seconds=1))
        assert Payment.objects.get().refunded_minor == 0

    @pytest.mark.parametrize("last", ["payment_intent.succeeded", "payment_intent.payment_failed"])
    def test_success_and_failure_worked_at_once(
        self, town: Town, monkeypatch: pytest.MonkeyPatch, last: str
    ) -> None:
        """Both handlers query Stripe before either writes; the failure's handler did so before the shopper had paid."""
        town.begin()
        town.pay("pm_card_chargeDeclined")
        read_failed, may_write = threading.Event(), threading.Event()
        settle = report.report_missing

        def slow_settle(account: StripeAccount, intent: PaymentIntent, **more: Any) -> Any:
            result = settle(account, intent, **more)
            if intent.status == "requires_payment_method":
                read_failed.set()
                assert may_write.wait(timeout=60)
            return result

        monkeypatch.setattr(report, "report_missing", slow_settle)
        [failed] = [each for each in town.events() if each["type"] == "payment_intent.payment_failed"]
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(_handle, failed, town)
            assert read_failed.wait(timeout=60)
            town.pay()
            if last == "payment_intent.succeeded":
                may_write.set()
                first.result(timeout=60)
            [paid] = town.stripe.events("payment_intent.succeeded")
            threads.submit(_handle, paid, town).result(timeout=60)
            may_write.set()
            first.result(timeout=60)
        row = Payment.objects.get()
        assert (row.status, row.captured_minor, row.decline_code) == ("succeeded", row.amount_minor, "")
        assert town.amounts()[0] == town.total()


def _handle(event: Json, town: Town) -> None:
    """Handle the event in this thread, as a separate worker would."""
    from saleor_stripe_audience.inbox import engine
    from saleor_stripe_audience.inbox.models import Event

    try:
        assert town.deliver(event).status_code == 200
        engine.dispatch(Event.objects.get(key=event["id"]).pk)
    finally:
        connections.close_all()


def labelled(intent_id: str, metadata: Json) -> PaymentIntent:
    found = {"id": intent_id, "status": "succeeded", "amount": 100, "currency": "usd", "livemode": False}
    return parse(PaymentIntent, found | {"metadata": metadata})


class TestWhoseDeclineItIs:
    """The audience's facts have the checkout of the app's own row, however the metadata was edited."""

    @pytest.mark.parametrize(
        "metadata", [{}, {"saleor_installation": "x"}, {"saleor_source": "Q2hlY2tvdXQ6OTk="}]
    )
    def test_edited_metadata_change_nothing(self, town: Town, metadata: Json) -> None:
        town.begin()
        payment = Payment.objects.get()
        intent = labelled(town.intent, metadata)
        assert sources.source_of(payment.installation_id, intent) == payment.source_id

    def test_another_intent_with_the_same_metadata_belongs_to_nobody(self, town: Town) -> None:
        town.begin()
        payment = Payment.objects.get()
        metadata = dict(town.stripe.account.table("payment_intent")[town.intent]["metadata"])
        assert sources.source_of(payment.installation_id, labelled("pi_planted", metadata)) == ""

    def test_where_the_row_is_lost_the_metadata_tell(self, town: Town) -> None:
        town.begin()
        payment = Payment.objects.get()
        metadata = dict(town.stripe.account.table("payment_intent")[town.intent]["metadata"])
        Payment.objects.all().delete()
        intent = labelled(town.intent, metadata)
        assert sources.source_of(payment.installation_id, intent) == payment.source_id
