"""What staff must act on although no money moves: noted on the payment in Saleor, and shown as a problem until it is
over.

A dispute or inquiry with its due date, an early fraud warning, a review by Stripe Radar, a refund that waits for
balance or has failed. And how much of a bank transfer has arrived, which is only noted. Saleor does not recognize
duplicates of INFO, so reported states are stored here, once for each state of an object.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import cast

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise, lazy
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway import charges, payment_intents
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import Dispute, FraudWarning, PaymentIntent, Refund, Review
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments import staff_messages as messages
from saleor_stripe_audience.payments.models import Notice
from saleor_stripe_audience.payments.outcomes import actions_of
from saleor_stripe_audience.saleor.client import (
    TransactionReport,
    fetch_transaction_events,
    report_transaction_event,
)
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import for_staff, in_languages, with_values

INFO = "INFO"
OVER = "over"  # the last state of an object: nothing that arrives late can follow it
CLAIMED_FOR = timedelta(minutes=2)  # longer than a report can take
LONGEST_STATE = 100
BANK_TRANSFERS = "customer_balance"  # Stripe's payment method
TO_ANSWER = frozenset({"needs_response", "warning_needs_response"})
ENDED = frozenset({"won", "lost", "warning_closed", "prevented"})
FAILED = "-failed"  # ends the reference of a refund that failed, which may have waited for the balance before
PREFIX = "payment-"  # begins the keys of problems
OF_DISPUTES = Q(reference__startswith="dp_") | Q(
    reference__startswith="du_"
)  # the prefixes of Stripe's dispute ids


class Disputed(StrEnum):
    """What became of a dispute so far; one that was won or withdrawn is none of these."""

    OPEN = "disputed"
    INQUIRY = "inquiry"  # the bank asks before it takes the money
    LOST = "dispute-lost"


@dataclass(frozen=True)
class Note:
    """One state of one of Stripe's objects: what to report, and whether staff must still act.

    `is_booked`: Saleor's ledger has an event for it, so no INFO is reported.
    """

    reference: str
    state: str
    message: Promise | str
    money: Money
    to_do: bool
    is_last: bool = False
    is_booked: bool = False


def notify_of_warning(account: StripeAccount, warning: Review | FraudWarning) -> None:
    """Report a review or early fraud warning on its payment, if the payment is the shop's."""
    # Stripe leaves the PaymentIntent out of some; their charge names it.
    intent_id = warning.payment_intent or (
        charges.payment_intent_id(account, warning.charge) if warning.charge else ""
    )
    if not intent_id:
        return
    try:
        intent = ownership.recognize(account, payment_intents.retrieve(account, intent_id))
    except Rejected as error:
        if error.code not in ownership.NOT_OURS:
            raise
        return
    money = intent.money(intent.amount)
    note = of_review(warning, money) if isinstance(warning, Review) else of_fraud_warning(warning, money)
    notify(Installation.objects.get(pk=account.installation_id), intent, [note])


def notify(installation: Installation, intent: PaymentIntent, notes: Iterable[Note]) -> None:
    """Report the notes that were not reported yet. `intent` is one that `ownership.recognize` returned."""
    for note in notes:
        ended = Notice.objects.filter(installation=installation, reference=note.reference, is_last=True)
        if not note.is_last and ended.exists():
            continue
        if not _report_once(installation, intent, note):
            continue
        link = with_values(messages.PAYMENT_AT_STRIPE, url=intent.dashboard_url)
        problem = with_values("{message} {link}", message=note.message, link=link) if note.to_do else None
        problems.report_or_clear(installation, f"{PREFIX}{note.reference}", problem)


def _report_once(installation: Installation, intent: PaymentIntent, note: Note) -> bool:
    """Report the state once, unless a newer state of the object was already reported. Return whether it is the
    newest.
    """
    notices = Notice.objects.filter(installation=installation, reference=note.reference)
    notice, _ = Notice.objects.get_or_create(
        installation=installation,
        reference=note.reference,
        state=note.state[:LONGEST_STATE],
        defaults={
            "payment_intent_id": intent.id,
            "is_last": note.is_last,
            "message": for_staff(note.message),
            "messages": in_languages(note.message),
        },
    )
    if notice.reported_at is not None:
        return not notices.filter(reported_at__isnull=False, pk__gt=notice.pk).exists()
    now = timezone.now()
    is_free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIMED_FOR)
    if not notices.filter(is_free, pk=notice.pk, reported_at=None).update(claimed_at=now):
        raise Unavailable(
            pgettext_lazy("staff", "Another process is already reporting this to Saleor."),
            code="being_reported",
        )
    try:
        if not note.is_booked and not _is_in_saleor(installation, intent, note):
            report_transaction_event(installation, _report_of(intent, note))
    except Exception:
        notices.filter(pk=notice.pk, reported_at=None).update(claimed_at=None)
        raise
    notices.filter(pk=notice.pk).update(reported_at=timezone.now())
    return True


def _is_in_saleor(installation: Installation, intent: PaymentIntent, note: Note) -> bool:
    """It was reported, and the app ended before it could store that."""
    events = fetch_transaction_events(installation, intent.transaction_id)
    same = (INFO, note.reference, for_staff(note.message))
    return any((each.type, each.psp_reference, each.message) == same for each in events)


def _report_of(intent: PaymentIntent, note: Note) -> TransactionReport:
    # Saleor reads every amount in the transaction's currency; the message has the amount of a dispute in another.
    money = note.money if note.money.currency == intent.currency else intent.money(intent.amount)
    return TransactionReport(
        transaction_id=intent.transaction_id,
        type=INFO,
        psp_reference=note.reference,
        amount=money.amount,
        message=for_staff(note.message),
        external_url=intent.dashboard_url,
        available_actions=actions_of(intent),
    )


def of_transfer(installation: Installation, intent: PaymentIntent) -> Iterator[Note]:
    """How much of a bank transfer has arrived, once for each amount; and that it is over, if there was a part."""
    arrived = intent.money(intent.transferred_minor)
    if not arrived.is_zero:
        message = with_values(messages.TRANSFER_IN_PART, arrived=arrived, amount=intent.money(intent.amount))
        yield Note(intent.id, f"arrived: {arrived.minor}", message, arrived, to_do=False)
    elif intent.status in ("succeeded", "canceled") and BANK_TRANSFERS in (intent.payment_method_types or ()):
        if not Notice.objects.filter(installation=installation, reference=intent.id).exists():
            return
        is_paid = intent.status == "succeeded"
        message = messages.TRANSFER_OVER if is_paid else messages.TRANSFER_RETURNED
        money = intent.money(intent.amount)
        yield Note(intent.id, OVER, with_values(message), money, to_do=False, is_last=True, is_booked=is_paid)


def of_disputes(disputes: Iterable[Dispute]) -> Iterator[Note]:
    """Each dispute or inquiry as it is now."""
    for dispute in disputes:
        status, money = dispute.status, Money(dispute.amount, dispute.currency)
        evidence = dispute.evidence_details
        due = evidence.due_by if evidence is not None and status in TO_ANSWER else None
        yield Note(
            reference=dispute.id,
            state=f"{status}:{due or ''}",
            message=_dispute_message(dispute, money, due),
            money=money,
            to_do=status in TO_ANSWER,
            is_last=status in ENDED,
        )


def _dispute_message(dispute: Dispute, money: Money, due: int | None) -> Promise:
    if dispute.status not in TO_ANSWER:
        return with_values(messages.DISPUTE_STATES.get(dispute.status, messages.DISPUTE_CHANGED), money=money)
    reason = messages.dispute_reason(dispute)
    day = with_values(messages.BY_DAY, day=_day(due)) if due else with_values(messages.SOON)
    kind = messages.INQUIRY if dispute.status == "warning_needs_response" else messages.DISPUTE
    return with_values(kind, money=money, reason=reason, day=day)


def _day(seconds: int) -> Promise:
    """A day as the page writes it in the reader's language: Dec. 5, 2026, 5 décembre 2026."""
    return cast("Promise", _date_format_lazy(datetime.fromtimestamp(seconds, UTC), "DATE_FORMAT"))


_date_format_lazy = lazy(date_format, str)


def of_waiting_refunds(installation: Installation, refunds: Iterable[Refund]) -> Iterator[Note]:
    """Refunds that wait, or waited, for the account's balance."""
    stored = Notice.objects.filter(installation=installation)
    for refund in refunds:
        money = Money(refund.amount, refund.currency)
        if refund.status == "pending" and refund.pending_reason == "insufficient_funds":
            message = with_values(messages.REFUND_WAITS, money=money)
            yield Note(refund.id, "insufficient_funds", message, money, to_do=True)
        elif stored.filter(reference=refund.id).exclude(is_last=True).exists():
            yield Note(
                refund.id,
                f"after waiting: {refund.status}",
                with_values(messages.REFUND_WAITS_NO_MORE, money=money),
                money,
                to_do=False,
                is_last=refund.status not in ("pending", "requires_action"),
            )


def of_failed_refunds(
    installation: Installation, refunds: Sequence[Refund], intent: PaymentIntent
) -> Iterator[Note]:
    """The customer has not received the money: to do until it is refunded again, or staff mark it as resolved.

    `refunds`: newest first, as Stripe lists them. A later refund of the same amount is taken for the repeated one. If
    it failed, too, it must have been made after the first failure was known; otherwise both amounts are owed.
    """
    is_all_refunded = intent.refunded_minor >= intent.amount_received
    known = _known_failures(installation, refunds)
    still_failed: list[Refund] = []
    for refund in reversed(refunds):
        if refund.status != "failed" and refund.has_failed:
            continue
        repeated = next(
            (
                each
                for each in still_failed
                if each.amount == refund.amount
                and (refund.status != "failed" or known.get(each.id, refund.created) < refund.created)
            ),
            None,
        )
        if repeated is not None:
            still_failed.remove(repeated)
            yield _repeated_note(repeated)
        if refund.status == "failed":
            still_failed.append(refund)
    for refund in still_failed:
        yield _repeated_note(refund) if is_all_refunded else _failed_note(refund)


def _known_failures(installation: Installation, refunds: Iterable[Refund]) -> dict[str, float]:
    """Return since when the failures of refunds are known, by the refunds' ids, in seconds since 1970."""
    references = {f"{each.id}{FAILED}": each.id for each in refunds if each.status == "failed"}
    if len(references) < 2:  # noqa: PLR2004 - one repeats another one
        return {}
    stored = Notice.objects.filter(installation=installation, reference__in=references, state="failed")
    return {
        references[reference]: created_at.timestamp()
        for reference, created_at in stored.values_list("reference", "created_at")
    }


def _failed_note(refund: Refund) -> Note:
    money = Money(refund.amount, refund.currency)
    message = with_values(messages.REFUND_DID_NOT_ARRIVE, money=money, reason=messages.refund_failure(refund))
    # A customer who disputed the payment meanwhile gets the money from the bank.
    to_do = refund.failure_reason != "charge_for_pending_refund_disputed"
    return Note(f"{refund.id}{FAILED}", "failed", message, money, to_do, is_last=not to_do, is_booked=True)


def _repeated_note(refund: Refund) -> Note:
    money = Money(refund.amount, refund.currency)
    message = with_values(messages.REFUND_REPEATED, money=money)
    return Note(f"{refund.id}{FAILED}", OVER, message, money, to_do=False, is_last=True, is_booked=True)


def disputes_of(installation: Installation, intent_ids: Collection[str] | None = None) -> dict[str, Disputed]:
    """Return the shop's disputes by PaymentIntent, or those of these; of several, the one to act on comes first."""
    rows = Notice.objects.filter(OF_DISPUTES, installation=installation)
    if intent_ids is not None:
        rows = rows.filter(payment_intent_id__in=intent_ids)
    states: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for intent_id, reference, state, is_last in rows.values_list(
        "payment_intent_id", "reference", "state", "is_last"
    ):
        states.setdefault((intent_id, reference), []).append((state, is_last))
    found: dict[str, list[Disputed]] = {}
    for (intent_id, _), reported in states.items():
        if (dispute := _dispute_after(reported)) is not None:
            found.setdefault(intent_id, []).append(dispute)
    return {intent_id: min(several, key=list(Disputed).index) for intent_id, several in found.items()}


def _dispute_after(reported: list[tuple[str, bool]]) -> Disputed | None:
    """Return what a dispute is after these states, in any order, each with whether it is the last."""
    ended = next((state for state, is_last in reported if is_last), None)
    if ended is not None:
        return Disputed.LOST if ended.startswith("lost:") else None
    is_inquiry = all(state.startswith("warning_") for state, _ in reported)
    return Disputed.INQUIRY if is_inquiry else Disputed.OPEN


def can_be_marked_resolved(problem_key: str) -> bool:
    """Whether staff decide when the problem is resolved: Stripe does not learn that a customer was paid otherwise."""
    return problem_key.startswith(PREFIX) and problem_key.endswith(FAILED)


def mark_resolved(installation: Installation, problem_key: str) -> bool:
    """Clear a problem that `can_be_marked_resolved`, for good; returns whether there was one."""
    if not can_be_marked_resolved(problem_key):
        return False
    reference = problem_key.removeprefix(PREFIX)
    with transaction.atomic():
        failed = Notice.objects.filter(installation=installation, reference=reference).first()
        if failed is None:
            return False
        Notice.objects.get_or_create(
            installation=installation,
            reference=reference,
            state=OVER,
            defaults={
                "payment_intent_id": failed.payment_intent_id,
                "is_last": True,
                "is_by_staff": True,
                "message": for_staff(messages.REFUND_MARKED_RESOLVED),
                "messages": in_languages(messages.REFUND_MARKED_RESOLVED),
                "reported_at": timezone.now(),
            },
        )
        return problems.clear(installation, problem_key)


def of_review(review: Review, money: Money) -> Note:
    """A review by Stripe Radar that was opened or closed."""
    if review.open:
        why = with_values(messages.REVIEW_REASONS.get(review.reason, messages.REVIEW_ASKED_BY_RADAR))
        return Note(review.id, "open", with_values(messages.REVIEW, why=why), money, to_do=True)
    reason = review.closed_reason or review.reason
    message = with_values(messages.REVIEW_ENDS.get(reason, messages.REVIEW_CLOSED))
    return Note(review.id, f"closed:{reason}", message, money, to_do=False, is_last=True)


def of_fraud_warning(warning: FraudWarning, money: Money) -> Note:
    """The card's bank reports the payment as fraud before its customer disputes it."""
    if warning.actionable:
        code = warning.fraud_type or "misc"
        kind = messages.FRAUD_KINDS.get(code, code.replace("_", " "))
        message = with_values(messages.FRAUD_WARNING, money=money, kind=kind)
        return Note(warning.id, "actionable", message, money, to_do=True)
    message = with_values(messages.FRAUD_WARNING_OVER)
    return Note(warning.id, OVER, message, money, to_do=False, is_last=True)
