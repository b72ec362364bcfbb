"""Which events are missing from Saleor's ledger of a payment, given what Stripe has and what was reported so far.

Nothing here depends on which event arrived, how often or in which order: the same two sides give the same difference,
and two simultaneous workers report the same, which Saleor recognizes as duplicates. The resulting amounts: authorized
is what can still be captured; charged is what was received minus what was refunded or withdrawn by a dispute; refunded
is the sum of valid refunds; canceled is the released part of a hold.

Only staff read these events, so their messages are in the staff's language.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.functional import Promise

from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.metadata import AUTHORIZATION, CHARGE
from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent, Refund
from saleor_stripe_audience.money import Money, from_decimal
from saleor_stripe_audience.payments import declines, disputes, staff_messages
from saleor_stripe_audience.payments import shopper_messages as messages
from saleor_stripe_audience.payments.outcomes import Outcome, actions_of, why_canceled
from saleor_stripe_audience.wording import for_staff, in_languages

AUTHORIZED = ("AUTHORIZATION_SUCCESS", "AUTHORIZATION_ADJUSTMENT")


@dataclass(frozen=True)
class ReportedEvent:
    """An event in Saleor's ledger; `amount` in whole units."""

    type: str
    psp_reference: str
    amount: Decimal
    message: str = ""


@dataclass(frozen=True)
class StripeState:
    """What Stripe has of one payment: the intent with its latest charge, its refunds, its disputes.

    `settled` is what the account's balance got for the payment before fees; None if it is not known or not needed.
    """

    intent: PaymentIntent
    flow: str
    refunds: Sequence[Refund] = field(default_factory=list)
    disputes: Sequence[Dispute] = field(default_factory=list)
    settled: Money | None = None


def missing_events(state: StripeState, reported: Sequence[ReportedEvent]) -> list[Outcome]:
    """Return what has to be reported, in this order; nothing when the two sides agree."""
    parts = (_replaced, _authorized, _pending, _charged, _released, _ended, _refunded, _disputed)
    return [outcome for part in parts for outcome in part(state, reported)]


def capture_reference(charge_id: str, before: int, after: int) -> str:
    """Return the pspReference of a capture that raised the captured amount from `before` to `after` (smallest units).

    The charge's id for the first capture; later captures of the same hold each need their own.
    """
    return charge_id if before == 0 else f"{charge_id}:{before}-{after}"


def _replaced(state: StripeState, reported: Sequence[ReportedEvent]) -> Iterator[Outcome]:
    """A debit that was reported as pending has failed, and then the same intent was authorized: the debit's failure was
    not reported.

    Saleor subtracts a pending charge from what is authorized, so it has to learn that the charge failed.
    """
    intent, charge = state.intent, state.intent.charge
    is_held = state.flow == AUTHORIZATION and charge is not None and charge.status == "succeeded"
    is_open = _has(reported, "CHARGE_REQUEST", intent.id) and not any(
        _has(reported, result, intent.id) for result in ("CHARGE_SUCCESS", "CHARGE_FAILURE")
    )
    if is_held and is_open:
        message = for_staff(messages.REPLACED)
        yield _outcome(state, "CHARGE_FAILURE", intent.id, intent.amount, message=message)


def _authorized(state: StripeState, reported: Sequence[ReportedEvent]) -> Iterator[Outcome]:
    """The hold, even if its own event was lost; a hold that was increased since is an adjustment."""
    intent, charge = state.intent, state.intent.charge
    if state.flow != AUTHORIZATION or charge is None or charge.status != "succeeded":
        return
    before = [each for each in reported if each.type in AUTHORIZED]
    if not before:
        yield _outcome(state, "AUTHORIZATION_SUCCESS", intent.id, charge.amount)
    elif _minor(state, before[-1].amount) != charge.amount:
        yield _outcome(state, "AUTHORIZATION_ADJUSTMENT", f"{intent.id}:{charge.amount}", charge.amount)


def _pending(state: StripeState, reported: Sequence[ReportedEvent]) -> Iterator[Outcome]:
    """Payments that the bank, or the shopper with a voucher, has not completed yet. If no money arrives, they have
    failed.
    """
    intent, request = state.intent, f"{state.flow}_REQUEST"
    is_pending = intent.status == "processing" or intent.is_delayed
    if is_pending and not _has(reported, request, intent.id):
        message = for_staff(messages.for_pending(intent))
        yield _outcome(state, request, intent.id, intent.amount, message=message)
    is_declined = intent.is_payable and intent.last_payment_error is not None
    if is_declined and (_was_pending(state, reported) or intent.has_delayed_failure):
        yield from _failed(state, reported, declines.reason_of(intent.decline_code))


def _failed(state: StripeState, reported: Sequence[ReportedEvent], message: Promise) -> Iterator[Outcome]:
    """The payment has failed for good: reported once."""
    intent, result = state.intent, f"{_reported_flow(state, reported)}_FAILURE"
    if not _has(reported, result, intent.id):
        yield _outcome(state, result, intent.id, intent.amount, message=for_staff(message))


def _reported_flow(state: StripeState, reported: Sequence[ReportedEvent]) -> str:
    """CHARGE where it was reported as one: a voucher of a shop that holds is charged at once."""
    return CHARGE if _has(reported, "CHARGE_REQUEST", state.intent.id) else state.flow


def _was_pending(state: StripeState, reported: Sequence[ReportedEvent]) -> bool:
    """Whether Saleor counts the declined payment as pending.

    Saleor books the session's own request under the same reference, but does not count it. That one has no message;
    what is reported as pending says what it waits for, such as a card in India for its bank.
    """
    charge, request = state.intent.charge, f"{_reported_flow(state, reported)}_REQUEST"
    requests = [each for each in reported if (each.type, each.psp_reference) == (request, state.intent.id)]
    # A card's charge is ch_…; those of bank debits, which are declined days later, are py_….
    was_debit = charge is not None and charge.id.startswith("py_") and charge.status == "failed"
    return any(each.message or was_debit for each in requests)


def _charged(state: StripeState, reported: Sequence[ReportedEvent]) -> Iterator[Outcome]:
    intent, received = state.intent, state.intent.amount_received
    if state.flow == AUTHORIZATION and intent.charge is not None:
        earlier = _sum(
            state,
            reported,
            "CHARGE_SUCCESS",
            lambda each: not each.psp_reference.startswith(("du_", "dp_")),  # what disputes gave back
        )
        if received > earlier:
            reference = capture_reference(intent.charge.id, earlier, received)
            yield _outcome(state, "CHARGE_SUCCESS", reference, received - earlier)
    elif received and not _has(reported, "CHARGE_SUCCESS", intent.id):
        yield _outcome(state, "CHARGE_SUCCESS", intent.id, received)


def _released(state: StripeState, reported: Sequence[ReportedEvent]) -> Iterator[Outcome]:
    """The part of a hold that was released: all of it when canceled, the rest after the last capture."""
    intent, released = state.intent, state.intent.released_minor(state.flow)
    missing = released - _sum(state, reported, "CANCEL_SUCCESS")
    if missing > 0:
        is_later = _has(reported, "CANCEL_SUCCESS", intent.id)
        reference = f"{intent.id}:{released}" if is_later else intent.id
        message = for_staff(staff_messages.EXPIRED) if intent.has_expired else ""
        yield _outcome(state, "CANCEL_SUCCESS", reference, missing, message=message)


def _ended(state: StripeState, reported: Sequence[ReportedEvent]) -> Iterator[Outcome]:
    """Canceled before anything was held or paid."""
    if state.intent.status == "canceled" and not state.intent.released_minor(state.flow):
        yield from _failed(state, reported, _why_ended(state.intent, reported))


def _why_ended(intent: PaymentIntent, reported: Sequence[ReportedEvent]) -> Promise:
    """The last decline, if it was not reported before the payment was canceled: it appears once."""
    if intent.last_payment_error is not None:
        decline = declines.message_of(intent.decline_code)
        if not is_known(decline, (each.message for each in reported)):
            return decline
    return why_canceled(intent)


def has_failed(intent: PaymentIntent, history: Iterable[tuple[str, str]]) -> bool:
    """Whether the payment has failed for good: `history` has the types and references of what was reported."""
    return any((f"{flow}_FAILURE", intent.id) in history for flow in (CHARGE, AUTHORIZATION))


def is_known(message: Promise, history: Iterable[str]) -> bool:
    """Whether the history has the message: responses are in the shopper's language, reports in the staff's."""
    return not set(in_languages(message).values()).isdisjoint(history)


def declined(state: StripeState, message: Promise) -> Outcome:
    """The decline that the storefront did not learn of by a response."""
    result = f"{state.flow}_ACTION_REQUIRED"
    return _outcome(state, result, state.intent.id, state.intent.amount, message=for_staff(message))


def _refunded(state: StripeState, reported: Sequence[ReportedEvent]) -> Iterator[Outcome]:
    valid = [each for each in state.refunds if not each.has_failed]
    last = max(valid, key=lambda each: (each.created, each.id), default=None)
    for refund in state.refunds:
        if refund.status == "succeeded":
            result, message = "REFUND_SUCCESS", _why_refunded(refund)
        elif refund.has_failed:
            reason = staff_messages.refund_failure(refund)
            result, message = "REFUND_FAILURE", for_staff(staff_messages.REFUND_FAILED, reason=reason)
        elif any(_is_of(refund, each) for each in reported):
            continue
        else:
            result, message = "REFUND_REQUEST", _why_refunded(refund)
        if not _has(reported, result, refund.id):
            exact = state.intent.exact_refund(refund.amount) if refund is last else None
            yield _outcome(state, result, refund.id, refund.amount, message=message, exact=exact)


def _is_of(refund: Refund, event: ReportedEvent) -> bool:
    """Whether Saleor knows the refund by this event. A notice has the refund's reference too, but books nothing."""
    return event.psp_reference == refund.id and event.type.startswith("REFUND_")


def _why_refunded(refund: Refund) -> str:
    """Return the reason that was given in Saleor, or with a refund that was made in Stripe; empty if none was."""
    in_saleor = refund.metadata.get(names.REASON, "")
    in_stripe = staff_messages.REFUND_REASONS.get(refund.reason)
    if in_saleor or in_stripe is None:
        return in_saleor
    return for_staff(staff_messages.REFUNDED_AT_STRIPE, reason=for_staff(in_stripe))


def _disputed(state: StripeState, reported: Sequence[ReportedEvent]) -> Iterator[Outcome]:
    """Money that the bank withdraws, and money that it returns. An inquiry does not move money.

    Returned money is a CHARGE_SUCCESS under the dispute's reference: REFUND_REVERSE would also lower the refunded
    amount (docs/decisions/0004).
    """
    all_moves = disputes.moves_of_all(state.disputes, state.intent, state.settled)
    for dispute, moves in zip(state.disputes, all_moves, strict=True):
        why = for_staff(staff_messages.DISPUTED, reason=staff_messages.dispute_reason(dispute))
        is_part = moves.returned < moves.withdrawn
        returned = staff_messages.DISPUTE_PARTLY_RETURNED if is_part else staff_messages.DISPUTE_WON
        yield from _moved(state, reported, "CHARGE_BACK", dispute.id, moves.withdrawn, why)
        yield from _moved(state, reported, "CHARGE_SUCCESS", dispute.id, moves.returned, for_staff(returned))


def _moved(
    state: StripeState,
    reported: Sequence[ReportedEvent],
    result: str,
    dispute_id: str,
    total: int,
    message: str,
) -> Iterator[Outcome]:
    """The missing part of `total`, under the dispute's own id; later parts have an id that says which part it is."""
    earlier = _sum(state, reported, result, lambda each: each.psp_reference.partition(":")[0] == dispute_id)
    if total > earlier:
        reference = capture_reference(dispute_id, earlier, total)
        yield _outcome(state, result, reference, total - earlier, message=message)


def _has(reported: Sequence[ReportedEvent], type_: str, reference: str) -> bool:
    return any((each.type, each.psp_reference) == (type_, reference) for each in reported)


def _sum(
    state: StripeState,
    reported: Sequence[ReportedEvent],
    type_: str,
    which: Callable[[ReportedEvent], bool] = lambda _: True,
) -> int:
    """Sum in the smallest unit, with each amount as Stripe charges it: Saleor's may be more precise."""
    return sum(_minor(state, each.amount) for each in reported if each.type == type_ and which(each))


def _minor(state: StripeState, amount: Decimal) -> int:
    return from_decimal(amount, state.intent.currency).minor


def _outcome(
    state: StripeState,
    result: str,
    reference: str,
    minor: int,
    *,
    message: str = "",
    exact: Decimal | None = None,
) -> Outcome:
    intent = state.intent
    return Outcome(
        result,
        reference,
        intent.money(minor),
        actions_of(intent),
        message,
        intent.dashboard_url,
        exact=exact or intent.exact_amount(minor),
    )
