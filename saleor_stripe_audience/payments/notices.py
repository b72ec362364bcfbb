"""What staff must act on although no money moves: told on the payment in Saleor, and as a problem until it is over.

A dispute or inquiry with its due date, an early fraud warning, a review by Stripe Radar, a refund that waits for
balance. The host does not know doubles of INFO, so what was told is remembered here: each state of an object once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.formats import date_format

from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.money import Money, from_minor
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments import staff_messages as words
from saleor_stripe_audience.payments.models import Notice
from saleor_stripe_audience.payments.outcomes import actions_of, dashboard_url
from saleor_stripe_audience.payments.staff_messages import for_staff
from saleor_stripe_audience.saleor.client import (
    TransactionReport,
    fetch_transaction_events,
    report_transaction_event,
)
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

INFO = "INFO"
OVER = "over"  # the last state of an object: none follows it, whatever comes late
CLAIMED_FOR = timedelta(minutes=2)  # longer than telling can take
LONGEST_STATE = 100


@dataclass(frozen=True)
class Note:
    """One state of one of Stripe's objects: what to tell, and whether staff must still act."""

    reference: str
    state: str
    message: str
    money: Money
    to_do: bool
    is_last: bool = False


def tell(installation: Installation, intent: Json, notes: Iterable[Note]) -> None:
    """Tell what was not told yet. `intent` is one that `ownership.recognize` knows; repeating it tells nothing more."""
    for note in notes:
        if _is_over(installation, note):
            continue
        if not _tell_once(installation, intent, note):
            continue
        key = f"payment-{note.reference}"
        problems.report_or_clear(installation, key, f"{note.message} {_where(intent)}" if note.to_do else "")


def _where(intent: Json) -> str:
    return for_staff(words.PAYMENT_AT_STRIPE, url=dashboard_url(intent))


def _is_over(installation: Installation, note: Note) -> bool:
    last = Notice.objects.filter(installation=installation, reference=note.reference, is_last=True)
    return not note.is_last and last.exists()


def _tell_once(installation: Installation, intent: Json, note: Note) -> bool:
    """Whether this is the newest state that was told of the object; what is read late is not."""
    notice, _ = Notice.objects.get_or_create(
        installation=installation,
        reference=note.reference,
        state=note.state[:LONGEST_STATE],
        defaults={"is_last": note.is_last, "message": note.message},
    )
    if notice.told_at is not None:
        return not _told_of(installation, note).filter(pk__gt=notice.pk).exists()
    now = timezone.now()
    is_free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIMED_FOR)
    if not Notice.objects.filter(is_free, pk=notice.pk, told_at=None).update(claimed_at=now):
        raise Unavailable("Another process is telling Saleor of this just now.", code="being_told")
    transaction_id = intent["metadata"][ownership.TRANSACTION]
    try:
        if not _host_knows(installation, transaction_id, note):
            report_transaction_event(installation, _report(transaction_id, intent, note))
    except Exception:
        Notice.objects.filter(pk=notice.pk, told_at=None).update(claimed_at=None)
        raise
    Notice.objects.filter(pk=notice.pk).update(told_at=timezone.now())
    return True


def _told_of(installation: Installation, note: Note) -> QuerySet[Notice]:
    """What was told of the object so far."""
    return Notice.objects.filter(installation=installation, reference=note.reference, told_at__isnull=False)


def _host_knows(installation: Installation, transaction_id: str, note: Note) -> bool:
    """It was told, and the app ended before it could write that down."""
    told = fetch_transaction_events(installation, transaction_id)
    same = (INFO, note.reference, note.message)
    return any((each.type, each.psp_reference, each.message) == same for each in told)


def _report(transaction_id: str, intent: Json, note: Note) -> TransactionReport:
    return TransactionReport(
        transaction_id=transaction_id,
        type=INFO,
        psp_reference=note.reference,
        amount=_in_currency_of(intent, note.money).amount,
        time=timezone.now(),
        message=note.message,
        external_url=dashboard_url(intent),
        available_actions=actions_of(intent),
    )


def _in_currency_of(intent: Json, money: Money) -> Money:
    """The host reads every amount in the transaction's currency; the words say what it is of a dispute in another."""
    is_same = money.currency == intent["currency"].upper()
    return money if is_same else from_minor(int(intent["amount"]), intent["currency"])


_TO_ANSWER = frozenset({"needs_response", "warning_needs_response"})
_ENDED = frozenset({"won", "lost", "warning_closed", "prevented"})


def of_disputes(disputes: Iterable[Json]) -> Iterator[Note]:
    """Each dispute or inquiry as it stands now."""
    for dispute in disputes:
        status = str(dispute["status"])
        money = from_minor(int(dispute["amount"]), dispute["currency"])
        due = (dispute.get("evidence_details") or {}).get("due_by") if status in _TO_ANSWER else None
        yield Note(
            reference=dispute["id"],
            state=f"{status}:{due or ''}",
            message=_dispute_message(dispute, status, money, due),
            money=money,
            to_do=status in _TO_ANSWER,
            is_last=status in _ENDED,
        )


def _dispute_message(dispute: Json, status: str, money: Money, due: Any) -> str:
    if status not in _TO_ANSWER:
        return for_staff(words.DISPUTE_STATES.get(status, words.DISPUTE_CHANGED), money=money)
    reason = str(dispute.get("reason") or "general").replace("_", " ")
    day = for_staff(words.BY_DAY, day=_day(due)) if due else for_staff(words.SOON)
    asks = words.INQUIRY if status == "warning_needs_response" else words.DISPUTE
    return for_staff(asks, money=money, reason=reason, day=day)


def of_refunds(refunds: Iterable[Json]) -> Iterator[Note]:
    """Refunds that wait for the account's balance, and those that did."""
    for refund in refunds:
        money = from_minor(int(refund["amount"]), refund["currency"])
        waits = refund["status"] == "pending" and refund.get("pending_reason") == "insufficient_funds"
        if waits:
            yield Note(
                refund["id"],
                "insufficient_funds",
                for_staff(words.REFUND_WAITS, money=money),
                money,
                to_do=True,
            )
        elif Notice.objects.filter(reference=refund["id"]).exclude(is_last=True).exists():
            yield Note(
                refund["id"],
                f"after waiting: {refund['status']}",
                for_staff(words.REFUND_WAITS_NO_MORE, money=money),
                money,
                to_do=False,
                is_last=refund["status"] not in ("pending", "requires_action"),
            )


def of_review(review: Json, money: Money) -> Note:
    """Stripe Radar asks for a person's eyes, or no longer."""
    if review.get("open"):
        why = words.REVIEW_REASONS.get(str(review.get("reason")), words.REVIEW_ASKED_BY_RADAR)
        return Note(
            review["id"],
            "open",
            for_staff(words.REVIEW, why=for_staff(why)),
            money,
            to_do=True,
        )
    reason = str(review.get("closed_reason") or review.get("reason") or "")
    message = for_staff(words.REVIEW_ENDS.get(reason, words.REVIEW_CLOSED))
    return Note(review["id"], f"closed:{reason}", message, money, to_do=False, is_last=True)


def of_fraud_warning(warning: Json, money: Money) -> Note:
    """The card's bank reports the payment as fraud before its customer disputes it."""
    kind = str(warning.get("fraud_type") or "misc").replace("_", " ")
    if warning.get("actionable"):
        return Note(
            warning["id"],
            "actionable",
            for_staff(words.FRAUD_WARNING, money=money, kind=kind),
            money,
            to_do=True,
        )
    message = for_staff(words.FRAUD_WARNING_OVER)
    return Note(warning["id"], OVER, message, money, to_do=False, is_last=True)


def _day(seconds: Any) -> str:
    """A day in the language of the staff: 5 December 2026, 5 décembre 2026."""
    day = datetime.fromtimestamp(int(seconds), UTC)
    with translation.override(settings.STAFF_LANGUAGE):
        return date_format(day, "j F Y")
