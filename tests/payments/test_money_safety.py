"""No payment, capture or refund is lost or made twice, whether details change or a process is killed."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_ox.models import OxTask
from django_ox.testing import run_tasks

from saleor_stripe_audience.gateway import onboarding
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import attempts
from saleor_stripe_audience.payments.models import Attempt, Payment
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from tests.conftest import Work

from .conftest import Buy, connect
from .dying import alive, deaths, no_connection_outlives_a_request  # noqa: F401 - a fixture
from .test_reporting import Town, town  # noqa: F401 - a fixture

Begin = Callable[..., Buy]
Json = dict[str, Any]


def intents_of(sandbox: StripeSandbox, one: Buy) -> list[Json]:
    made = sandbox.account.table("payment_intent").values()
    return [each for each in made if each["metadata"].get("saleor_transaction") == one.id]


def forget(one: Buy) -> None:
    """Delete the rows, as if the database had been restored from yesterday."""
    Payment.objects.all().delete()
    Attempt.objects.all().delete()


class TestGoingLive:
    @pytest.mark.parametrize("is_freed", [False, True])
    def test_a_test_payment_from_before_can_no_longer_be_paid(
        self, buy: Begin, installation: Installation, account: StripeAccount, run_due_tasks: Work,
        *, is_freed: bool,
    ) -> None:  # fmt: skip
        """A test card would pay a real order."""
        one, other = buy(), buy(channel="channel-pln")
        AccountChannel.objects.create(installation=installation, account=account, channel_slug="channel-pln")
        one.initialize()
        other.initialize()
        if is_freed:
            disconnect(account)
        live = connect(installation)
        StripeAccount.objects.filter(pk=live.pk).update(livemode=True)
        live.refresh_from_db()
        onboarding.map_channels(live, ["default-channel"])
        run_due_tasks()
        for each in (one, other):
            each.pay()
        assert one.process()["result"] == "CHARGE_FAILURE"
        assert other.process()["result"] == "CHARGE_SUCCESS"


class TestChangedDetails:
    @pytest.mark.parametrize("lost", [False, True])
    def test_another_amount_is_put_on_the_same_payment(
        self, buy: Begin, stripe_sandbox: StripeSandbox, *, lost: bool
    ) -> None:
        one = buy(amount="12.30")
        first = one.initialize()
        if lost:
            forget(one)
        one.amount = "20.00"
        second = one.initialize()
        assert second["result"] == "CHARGE_ACTION_REQUIRED"
        assert second["pspReference"] == first["pspReference"]
        assert second["amount"] == "20.00"
        assert [each["amount"] for each in intents_of(stripe_sandbox, one)] == [2000]
        assert one.row().amount_minor == 2000

    def test_an_amount_that_comes_back_is_put_back(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy(amount="12.30")
        for amount in ("12.30", "20.00", "12.30", "20.00"):
            one.amount = amount
            assert one.initialize()["amount"] == amount
        assert [each["amount"] for each in intents_of(stripe_sandbox, one)] == [2000]

    def test_a_payment_can_become_a_hold(self, buy: Begin) -> None:
        one = buy(flow="CHARGE")
        one.initialize()
        one.flow = "AUTHORIZATION"
        assert one.initialize()["result"] == "AUTHORIZATION_ACTION_REQUIRED"
        one.pay()
        assert one.process()["result"] == "AUTHORIZATION_SUCCESS"

    def test_what_was_paid_is_reported_and_not_changed(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        one = buy(amount="12.30").paid()
        one.amount = "20.00"
        answer = one.initialize()
        assert (answer["result"], answer["amount"]) == ("CHARGE_SUCCESS", "12.30")
        assert len(intents_of(stripe_sandbox, one)) == 1

    def test_another_currency_is_refused_in_words(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy()
        one.initialize()
        one.currency = "EUR"
        answer = one.initialize()
        assert answer["result"] == "CHARGE_ACTION_REQUIRED", "the payment in dollars may be paid by now"
        assert "EUR" in answer["data"]["paymentIntent"]["errors"][0]["message"]
        assert len(intents_of(stripe_sandbox, one)) == 1

    def test_a_key_that_stands_for_a_refusal_does_not_block_the_payment(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        one = buy()
        one.initialize()
        sandbox_intents = stripe_sandbox.account.table("payment_intent")
        sandbox_intents.clear()  # Stripe has the key, but no PaymentIntent for it
        forget(one)
        one.amount = "20.00"
        assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
        assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
        assert len(intents_of(stripe_sandbox, one)) == 1

    def test_a_refusal_ends_the_attempt(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        refusal = {"error": {"type": "invalid_request_error", "message": "No.", "code": "parameter_unknown"}}
        stripe_sandbox.add_fault("POST /v1/payment_intents", status=400, body=refusal, times=2)
        one = buy()
        assert one.initialize()["result"] == "CHARGE_FAILURE"
        assert not Attempt.objects.exists()
        one.amount = "20.00"
        assert one.initialize()["amount"] == "20.00"

    def test_what_was_written_down_is_forgotten_when_stripe_forgets(self, buy: Begin) -> None:
        one = buy()
        one.initialize()
        assert attempts.delete_old() == 0
        Attempt.objects.update(created_at=timezone.now() - timedelta(days=3))
        assert attempts.delete_old() == 1
        assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"


class TestKilledAtAnyStep:
    """A process is killed at each of its steps in turn; then Saleor repeats its request."""

    def test_initialize(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        for step, one in deaths(buy, Buy.initialize):
            answer = alive(one.initialize)
            assert answer["result"] == "CHARGE_ACTION_REQUIRED", step
            assert [each["id"] for each in intents_of(stripe_sandbox, one)] == [answer["pspReference"]], step
            assert one.row().payment_intent_id == answer["pspReference"], step

    def test_charge(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        def act(one: Buy) -> Json:
            return one.request("CHARGE", "10.00", again=True)

        for step, one in deaths(lambda: prepare_request(buy(flow="AUTHORIZATION"), "CHARGE", "10.00"), act):
            answer = alive(lambda: act(one))  # noqa: B023 - it is run here and now
            assert (answer["result"], answer["amount"]) == ("CHARGE_SUCCESS", "10.00"), step
            assert [each["amount_received"] for each in intents_of(stripe_sandbox, one)] == [1000], step
            assert one.row().captured_minor == 1000, step

    def test_refund(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        def act(one: Buy) -> Json:
            return one.request("REFUND", "5.00", again=True)

        for step, one in deaths(lambda: prepare_request(buy(), "REFUND", "5.00"), act):
            answer = alive(lambda: act(one))  # noqa: B023 - it is run here and now
            assert (answer["result"], answer["amount"]) == ("REFUND_SUCCESS", "5.00"), step
            refunds = stripe_sandbox.account.table("refund").values()
            amounts = [each["amount"] for each in refunds if each["payment_intent"] == one.psp]
            assert amounts == [500], step
            assert one.row().refunded_minor == 500, step

    def test_cancel(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        def act(one: Buy) -> Json:
            return one.request("CANCEL", None, again=True)

        for step, one in deaths(lambda: prepare_request(buy(flow="AUTHORIZATION"), "CANCEL", None), act):
            answer = alive(lambda: act(one))  # noqa: B023 - it is run here and now
            assert answer["result"] == "CANCEL_SUCCESS", step
            assert [each["status"] for each in intents_of(stripe_sandbox, one)] == ["canceled"], step
            assert one.row().status == "canceled", step

    def test_report(self, town: Town) -> None:  # noqa: F811 - the fixture
        """Stripe repeats an event until it is accepted; a task that lost its worker goes to another one."""
        town.begin()
        town.pay()
        latest = town.events()[-1]

        def a_new_event() -> Json:
            return {**latest, "id": f"evt_{uuid.uuid4().hex}"}

        def act(event: Json) -> int:
            answer = town.deliver(event)
            # The lease of a killed worker expires after 30 s; then another one takes the task.
            OxTask.objects.filter(status=OxTask.Status.RUNNING).update(status=OxTask.Status.READY)
            while run_tasks():
                pass
            return int(answer.status_code)

        for step, event in deaths(a_new_event, act):
            assert alive(lambda: act(event)) == 200, step  # noqa: B023 - it is run here and now
            assert town.amounts()[0] == town.total(), step
            assert len(town.reported("CHARGE_SUCCESS")) == 1, step
            assert Payment.objects.get().status == "succeeded", step
            assert Event.objects.get(key=event["id"]).handled_at is not None, step


def prepare_request(one: Buy, kind: str, amount: str | None) -> Buy:
    """Pay; return the payment with a request that Saleor has stored and is about to send."""
    one.paid()
    one.events.append(one._request_event(kind, amount))
    return one
