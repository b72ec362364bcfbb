"""What needs staff's attention is reported once per state: on the payment, and as a problem until it is resolved."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone, translation
from django.utils.formats import date_format

from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.gateway import payment_intents
from saleor_stripe_audience.gateway.objects import PaymentIntent, Refund, parse
from saleor_stripe_audience.gateway.onboarding import EVENTS
from saleor_stripe_audience.money import from_minor
from saleor_stripe_audience.payments import notices, ownership, staff_messages
from saleor_stripe_audience.payments.models import Notice
from saleor_stripe_audience.payments.reconcile import reconcile
from saleor_stripe_audience.sandbox.demo.shopper import Staff
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import ENGLISH, FRENCH, in_language

from .test_reporting import Town, town

__all__ = ["town"]

Json = dict[str, Any]


def infos(town: Town) -> list[str]:
    """Return the messages of the ledger's notes, newest first."""
    return [each["message"] for each in town.reported("INFO")]


def problems() -> list[str]:
    return list(Problem.objects.filter(key__startswith="payment-").values_list("message", flat=True))


def paid(town: Town, method: str = "pm_card_visa") -> None:
    town.begin()
    town.pay(method)
    town.deliver_all(town.events())


def test_the_endpoint_asks_for_them() -> None:
    assert {
        "review.opened",
        "review.closed",
        "radar.early_fraud_warning.created",
        "radar.early_fraud_warning.updated",
        "charge.dispute.updated",
        "account.updated",
    } <= set(EVENTS)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("reason", ["approved", "refunded_as_fraud"])
def test_a_review(town: Town, order: int, reason: str) -> None:
    paid(town)
    review = town.stripe.open_review(town.intent)
    if order == 1:
        town.deliver_all(town.events())
        [message] = infos(town)
        assert "under review" in message
        assert len(problems()) == 1
    town.stripe.close_review(review["id"], reason)
    events = [each for each in town.events() if each["type"].startswith("review.")]
    town.deliver_all((events * 2)[:: -1 if order < 0 else 1])
    assert "closed" in infos(town)[0]
    assert len(infos(town)) == (2 if order == 1 else 1)
    assert problems() == []
    assert town.amounts()[0] == town.total()


def test_an_early_fraud_warning_until_it_is_settled(town: Town) -> None:
    paid(town, "pm_card_createIssuerFraudRecord")
    [message] = infos(town)
    assert "as fraud (no details given)" in message
    assert len(problems()) == 1
    assert "comme frauduleux" in Notice.objects.get().messages["fr"]
    [warning] = town.stripe.account.table("radar.early_fraud_warning").values()
    over = {**warning, "actionable": False}
    event = {
        **town.stripe.events("radar.early_fraud_warning.created")[0],
        "id": "evt_over",
        "data": {"object": over},
    }
    event["type"] = "radar.early_fraud_warning.updated"
    town.deliver_all([event, {**event, "id": "evt_again"}])
    assert problems() == []
    assert len(infos(town)) == 2
    assert town.amounts()[0] == town.total()


def test_an_inquiry_and_a_dispute_tell_by_when_to_answer(town: Town) -> None:
    paid(town, "pm_card_createDisputeInquiry")
    [inquiry] = town.stripe.account.table("dispute").values()
    due = datetime.fromtimestamp(inquiry["evidence_details"]["due_by"], UTC)
    [message] = infos(town)
    assert "inquiry" in message
    assert f"by {date_format(due, 'DATE_FORMAT')}" in message
    assert town.amounts()[0] == town.total()
    later = int(due.timestamp()) + 5 * 86_400
    town.stripe.ask_until(inquiry["id"], later)
    town.deliver_all(town.events() * 2)
    assert len(infos(town)) == 2
    day = datetime.fromtimestamp(later, UTC)
    assert f"by {date_format(day, 'DATE_FORMAT')}" in problems()[0]
    french = Problem.objects.get(key=f"payment-{inquiry['id']}").translations["fr"]
    with translation.override("fr"):
        assert f"Répondez dans Stripe au plus tard le {date_format(day, 'j F Y')}" in french
    town.stripe.end_dispute(inquiry["id"], "lost")
    town.deliver_all(town.events())
    assert "closed" in infos(town)[0]
    assert problems() == []


STRIPES_CODES = {
    **staff_messages.DISPUTE_REASONS,
    **staff_messages.FRAUD_KINDS,
    **staff_messages.REFUND_FAILURES,
}


@pytest.mark.parametrize("code", STRIPES_CODES)
def test_a_code_of_stripe_is_in_the_readers_language(code: str) -> None:
    words = STRIPES_CODES[code]
    assert in_language(words, FRENCH) != in_language(words, ENGLISH)


def test_a_refund_settles_what_the_bank_asks_about(town: Town) -> None:
    paid(town, "pm_card_createDisputeInquiry")
    total = town.total()
    Staff(town).refund(town.transaction, "5.00")  # type: ignore[arg-type]  # it needs the two addresses only
    town.shop.drain()
    town.deliver_all(town.events())
    assert town.amounts() == (total - 5, 0, 5, 0)
    assert [each["amount"]["amount"] for each in town.reported("REFUND_SUCCESS")] == [5]


def test_an_inquiry_that_becomes_a_dispute_withdraws_the_money(town: Town) -> None:
    paid(town, "pm_card_createDisputeInquiry")
    [inquiry] = town.stripe.account.table("dispute").values()
    town.stripe.escalate_inquiry(inquiry["id"])
    town.deliver_all(town.events() * 2)
    assert town.amounts() == (0, 0, 0, 0)
    assert len(town.reported("CHARGE_BACK")) == 1
    town.stripe.end_dispute(inquiry["id"], "won")
    town.deliver_all(town.events())
    assert town.amounts()[0] == town.total()


def test_a_dispute_that_is_answered_is_no_problem_any_more(town: Town) -> None:
    paid(town)
    dispute = town.stripe.open_dispute(town.intent)
    town.deliver_all(town.events())
    assert len(problems()) == 1
    town.api.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "see attached"}})
    town.deliver_all(town.events()[::-1])
    assert problems() == []
    town.stripe.end_dispute(dispute["id"], "won")
    town.deliver_all(town.events())
    assert "won" in infos(town)[0]
    assert town.amounts()[0] == town.total()


def test_a_refund_that_waits_for_balance(town: Town) -> None:
    paid(town, "pm_card_pendingRefund")
    town.stripe._later_seconds = 60
    Staff(town).refund(town.transaction, "5.00")  # type: ignore[arg-type]  # it needs the two addresses only
    town.shop.drain()
    [refund] = town.stripe.account.table("refund").values()
    town.stripe.hold_refund(refund["id"])
    events = [each for each in town.stripe.events() if each["type"].startswith("refund.")]
    town.deliver_all(events * 2)
    [message] = infos(town)
    assert "balance" in message
    assert len(problems()) == 1
    town.stripe.end_refund(refund["id"], ok=True)
    town.deliver_all([each for each in town.stripe.events() if each["type"].startswith("refund.")])
    assert problems() == []
    assert len(infos(town)) == 2


class TestFailedRefund:
    """The customer has not received the money, although staff saw the refund succeed."""

    @staticmethod
    def fail(town: Town, amount: int = 500) -> str:
        refund = town.api.refunds.create({"payment_intent": town.intent, "amount": amount})
        town.deliver_all(town.events())
        town.stripe.end_refund(refund.id, ok=False)
        town.deliver_all(town.events()[::-1] * 2)
        return str(refund.id)

    def test_it_is_a_problem_until_it_is_made_again(self, town: Town) -> None:
        paid(town)
        self.fail(town)
        [message] = problems()
        assert (
            "The refund of 5.00 USD did not reach the customer (the card expired or was cancelled)" in message
        )
        assert town.intent in message
        assert town.amounts() == (town.total(), 0, 0, 0)
        assert infos(town) == [], "Saleor has its failure"
        town.api.refunds.create({"payment_intent": town.intent, "amount": 300})
        town.deliver_all(town.events())
        assert len(problems()) == 1, "this refund was for something else"
        town.api.refunds.create({"payment_intent": town.intent, "amount": 500})
        town.deliver_all(town.events() * 2)
        assert problems() == []
        states = Notice.objects.order_by("pk").values_list("message", flat=True)
        assert states[1] == "The refund of 5.00 USD that had failed was made again."
        assert len(states) == 2

    def test_each_of_two_is_to_be_made_again(self, town: Town) -> None:
        paid(town)
        refunds = [
            town.api.refunds.create({"payment_intent": town.intent, "amount": 500}).id for _ in range(2)
        ]
        for each in refunds:
            town.stripe.end_refund(each, ok=False)
        town.deliver_all(town.events())
        assert len(problems()) == 2
        town.api.refunds.create({"payment_intent": town.intent, "amount": 500})
        town.deliver_all(town.events())
        assert len(problems()) == 1

    def test_one_whose_repetition_fails_is_one_problem(self, town: Town) -> None:
        paid(town)
        self.fail(town)
        self.fail(town)
        assert len(problems()) == 1

    def test_a_repetition_that_fails_at_once_is_one_problem(self, town: Town) -> None:
        """The events of its success never arrive; both refunds have the same amount, which is owed once."""
        paid(town)
        first = self.fail(town)
        Notice.objects.update(created_at=timezone.now() - timedelta(minutes=1))
        repeated = town.api.refunds.create({"payment_intent": town.intent, "amount": 500})
        town.stripe.end_refund(repeated.id, ok=False)
        town.deliver_all(town.events()[::-1] * 2)
        [problem] = Problem.objects.all()
        assert problem.key == f"payment-{repeated.id}-failed"
        assert Notice.objects.filter(reference=f"{first}-failed", state=notices.OVER).exists()
        town.api.refunds.create({"payment_intent": town.intent, "amount": 500})
        town.deliver_all(town.events())
        assert problems() == []

    def test_nothing_is_left_to_do_once_everything_is_refunded(self, town: Town) -> None:
        paid(town)
        self.fail(town)
        town.api.refunds.create({"payment_intent": town.intent})
        town.deliver_all(town.events())
        assert problems() == []

    def test_one_that_waited_for_balance_before(self, town: Town) -> None:
        paid(town, "pm_card_pendingRefund")
        town.stripe._later_seconds = 60
        refund = town.api.refunds.create({"payment_intent": town.intent, "amount": 500})
        town.stripe.hold_refund(refund.id)
        town.deliver_all(town.stripe.events())
        assert "balance" in problems()[0]
        town.stripe.end_refund(refund.id, ok=False)
        town.deliver_all(town.stripe.events())
        [message] = problems()
        assert "did not reach the customer" in message

    def test_staff_mark_it_as_resolved_for_good(self, town: Town) -> None:
        paid(town)
        refund = self.fail(town)
        shop, key = town.account.installation, f"payment-{refund}-failed"
        assert notices.mark_resolved(shop, key)
        assert not notices.mark_resolved(shop, key), "twice is once"
        town.deliver_all([{**each, "id": f"{each['id']}_again"} for each in town.events()])
        reconcile(shop)
        assert problems() == []
        assert Notice.objects.order_by("pk").last().messages["fr"].startswith("Un membre de l'équipe")  # type: ignore[union-attr]

    def test_nothing_else_is_marked_as_resolved(self, town: Town) -> None:
        paid(town)
        dispute = town.stripe.open_dispute(town.intent)
        town.deliver_all(town.events())
        shop = town.account.installation
        assert not notices.mark_resolved(shop, f"payment-{dispute['id']}")
        assert not notices.mark_resolved(shop, f"payment-{dispute['id']}-failed")
        assert len(problems()) == 1

    @pytest.mark.parametrize(
        ("status", "reason"), [("canceled", ""), ("failed", "charge_for_pending_refund_disputed")]
    )
    def test_one_that_needs_nothing(self, status: str, reason: str) -> None:
        """It was canceled by staff, or the bank pays the customer."""
        refund = parse(
            Refund,
            {"id": "re_1", "amount": 500, "currency": "usd", "status": status, "failure_reason": reason},
        )
        paid = parse(
            PaymentIntent,
            {
                "id": "pi_1",
                "amount": 1230,
                "amount_received": 1230,
                "currency": "usd",
                "status": "succeeded",
                "livemode": False,
            },
        )
        assert not any(note.to_do for note in notices.of_failed_refunds(Installation(), [refund], paid))


def test_reported_by_many_at_once_it_is_shown_once(town: Town) -> None:
    paid(town)
    intent = payment_intents.retrieve(town.account, town.intent)
    intent = ownership.recognize(town.account, intent)
    note = notices.Note("prv_1", "open", "Look at it.", from_minor(100, "usd"), to_do=True)
    shop = town.account.installation

    def deliver(_: int) -> None:
        try:
            notices.notify(shop, intent, [note])
        except Unavailable:
            return  # the inbox will retry it
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(deliver, range(4)))
    deliver(0)
    assert infos(town) == ["Look at it."]


def test_what_was_reported_before_a_crash_is_not_reported_again(town: Town) -> None:
    paid(town)
    intent = ownership.recognize(town.account, payment_intents.retrieve(town.account, town.intent))
    note = notices.Note("prv_1", "open", "Look at it.", from_minor(100, "usd"), to_do=True)
    notices.notify(town.account.installation, intent, [note])
    Notice.objects.update(reported_at=None, claimed_at=None)
    notices.notify(town.account.installation, intent, [note])
    assert infos(town) == ["Look at it."]
    assert Notice.objects.get().reported_at is not None


def test_a_lost_event_of_a_dispute_is_made_good_by_the_comparison(
    town: Town, run_due_tasks: Callable[[], int]
) -> None:
    paid(town)
    town.stripe.open_dispute(town.intent)
    town.stripe.account.table("event").clear()
    reconcile(town.account.installation)
    assert len(infos(town)) == 1
