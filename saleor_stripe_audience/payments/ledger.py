"""What the host's ledger of a payment lacks, worked out from what Stripe holds and what the host was told so far.

Nothing here depends on which event came, how often or in which order: the same two sides give the same difference,
and two workers at once come to the same words, which the host knows as doubles. The amounts that follow:
authorized is what can still be captured, charged what came in less what went back or was withdrawn by a dispute,
refunded the refunds that stand, canceled the part of a hold that was given up.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from saleor_stripe_audience.money import Money, from_decimal, from_minor
from saleor_stripe_audience.payments import delayed, disputes, staff_messages
from saleor_stripe_audience.payments.outcomes import (
    AT_THE_BANK,
    AUTHORIZATION,
    CHARGE,
    WAITING,
    Outcome,
    actions_of,
    dashboard_url,
    decline_of,
    exact_amount,
    language_of,
    latest_charge,
    released_minor,
    why_cancelled,
)
from saleor_stripe_audience.payments.staff_messages import for_staff

Json = dict[str, Any]

AUTHORIZED = ("AUTHORIZATION_SUCCESS", "AUTHORIZATION_ADJUSTMENT")
REFUND_FAILED = frozenset({"failed", "canceled"})
REASON = "saleor_reason"  # the metadata of a refund that was asked for in Saleor


@dataclass(frozen=True)
class Told:
    """An event that the host's ledger has; `amount` in whole units."""

    type: str
    psp_reference: str
    amount: Decimal


@dataclass(frozen=True)
class Held:
    """What Stripe holds of one payment: the intent with its latest charge, its refunds, its disputes.

    `settled` is what the account's balance got for the payment before fees; None where it is not known or not needed.
    """

    intent: Json
    flow: str
    refunds: Sequence[Json] = field(default_factory=list)
    disputes: Sequence[Json] = field(default_factory=list)
    settled: Money | None = None


def lacking(held: Held, told: Sequence[Told]) -> list[Outcome]:
    """What is to be reported, in this order; nothing when the two sides agree."""
    parts = (_authorized, _pending, _charged, _released, _ended, _refunds, _disputes)
    return [outcome for part in parts for outcome in part(held, told)]


def capture_reference(charge_id: str, before: int, after: int) -> str:
    """The pspReference of a capture that raised what was taken from `before` to `after` (smallest units).

    The charge's id for the first; the later ones of a hold that is captured in parts need one of their own each.
    """
    return charge_id if before == 0 else f"{charge_id}:{before}-{after}"


def _authorized(held: Held, told: Sequence[Told]) -> Iterator[Outcome]:
    """The hold, also one whose own event was lost; a hold that was raised since is an adjustment."""
    charge = latest_charge(held.intent)
    if held.flow != AUTHORIZATION or charge is None or charge.get("status") != "succeeded":
        return
    amount = int(charge["amount"])
    before = [each for each in told if each.type in AUTHORIZED]
    if not before:
        yield _outcome(held, "AUTHORIZATION_SUCCESS", held.intent["id"], amount)
    elif _minor(held, before[-1].amount) != amount:
        yield _outcome(held, "AUTHORIZATION_ADJUSTMENT", f"{held.intent['id']}:{amount}", amount)


def _pending(held: Held, told: Sequence[Told]) -> Iterator[Outcome]:
    """The bank takes its time, or the shopper with a voucher. If no money comes what was pending is over."""
    intent, reference, amount = held.intent, held.intent["id"], int(held.intent["amount"])
    waiting = delayed.message_of(intent, language_of(intent)) if delayed.is_handed_out(intent) else ""
    if intent["status"] == "processing":
        waiting = AT_THE_BANK.told(language_of(intent))
    request = f"{held.flow}_REQUEST"
    if waiting and not _has(told, request, reference):
        yield _outcome(held, request, reference, amount, message=waiting)
    # The host books its own request of the session under the same reference: only a decline ends what was pending.
    is_declined = intent["status"] in WAITING and bool(intent.get("last_payment_error"))
    was_pending = _was_processing(held) and _has(told, _begun(held, told) + "_REQUEST", reference)
    if is_declined and (was_pending or delayed.has_run_out(intent)):
        yield from _failed(held, told, decline_of(intent)[1])


def _failed(held: Held, told: Sequence[Told], message: str) -> Iterator[Outcome]:
    """Nothing can come of it any more: told once."""
    result, reference = f"{_begun(held, told)}_FAILURE", held.intent["id"]
    if not _has(told, result, reference):
        yield _outcome(held, result, reference, int(held.intent["amount"]), message=message)


def _begun(held: Held, told: Sequence[Told]) -> str:
    """CHARGE where the host was told so: a voucher of a shop that holds is charged at once."""
    return CHARGE if _has(told, "CHARGE_REQUEST", held.intent["id"]) else held.flow


def _was_processing(held: Held) -> bool:
    """Whether the charge that failed had been pending: a card is declined at once, a debit days later."""
    charge = latest_charge(held.intent)
    return charge is not None and str(charge["id"]).startswith("py_") and charge.get("status") == "failed"


def _charged(held: Held, told: Sequence[Told]) -> Iterator[Outcome]:
    received = int(held.intent.get("amount_received") or 0)
    charge = latest_charge(held.intent)
    if held.flow == AUTHORIZATION and charge is not None:
        earlier = _sum(held, told, "CHARGE_SUCCESS", _not_given_back)
        if received > earlier:
            reference = capture_reference(str(charge["id"]), earlier, received)
            yield _outcome(held, "CHARGE_SUCCESS", reference, received - earlier)
    elif received and not _has(told, "CHARGE_SUCCESS", held.intent["id"]):
        yield _outcome(held, "CHARGE_SUCCESS", held.intent["id"], received)


def _released(held: Held, told: Sequence[Told]) -> Iterator[Outcome]:
    """The part of a hold that was given up: all of it when cancelled, the rest after the last capture."""
    released = released_minor(held.intent, held.flow)
    missing = released - _sum(held, told, "CANCEL_SUCCESS")
    if missing > 0:
        known = _has(told, "CANCEL_SUCCESS", held.intent["id"])
        reference = f"{held.intent['id']}:{released}" if known else held.intent["id"]
        yield _outcome(held, "CANCEL_SUCCESS", reference, missing)


def _ended(held: Held, told: Sequence[Told]) -> Iterator[Outcome]:
    """Cancelled before anything was held or paid."""
    if held.intent["status"] == "canceled" and not released_minor(held.intent, held.flow):
        yield from _failed(held, told, why_cancelled(held.intent))


def _refunds(held: Held, told: Sequence[Told]) -> Iterator[Outcome]:
    for refund in held.refunds:
        reference, amount = refund["id"], int(refund["amount"])
        if refund["status"] == "succeeded":
            result, message = "REFUND_SUCCESS", _why_refunded(refund)
        elif refund["status"] in REFUND_FAILED:
            reason = str(refund.get("failure_reason") or refund["status"]).replace("_", " ")
            result, message = "REFUND_FAILURE", for_staff(staff_messages.REFUND_FAILED, reason=reason)
        elif any(each.psp_reference == reference for each in told):
            continue
        else:
            result, message = "REFUND_REQUEST", _why_refunded(refund)
        if not _has(told, result, reference):
            yield _outcome(held, result, reference, amount, message=message)


def _why_refunded(refund: Json) -> str:
    """The reason that was given: in Saleor, or with a refund that was made in Stripe; empty where none was."""
    own = str((refund.get("metadata") or {}).get(REASON) or "")
    known = staff_messages.REFUND_REASONS.get(str(refund.get("reason") or ""))
    if own or known is None:
        return own
    return for_staff(staff_messages.REFUNDED_AT_STRIPE, reason=for_staff(known))


def _disputes(held: Held, told: Sequence[Told]) -> Iterator[Outcome]:
    """The bank withdraws money, and gives all or a part of it back. An inquiry moves nothing.

    Given back it is a CHARGE_SUCCESS under the dispute's reference: REFUND_REVERSE would also take the amount off
    what was refunded (docs/decisions/0004).
    """
    for dispute in held.disputes:
        reason = str(dispute.get("reason") or "").replace("_", " ")
        moves = disputes.moves_of(dispute, held.intent, held.settled)
        yield from _moved(held, told, "CHARGE_BACK", dispute["id"], moves.withdrawn, f"Disputed: {reason}.")
        yield from _moved(held, told, "CHARGE_SUCCESS", dispute["id"], moves.returned, _returned(moves))


def _moved(
    held: Held, told: Sequence[Told], result: str, dispute_id: str, total: int, message: str
) -> Iterator[Outcome]:
    """What is missing of `total`: under the dispute's own id, a later part under one that says which part it is."""

    def is_of_dispute(each: Told) -> bool:
        return each.psp_reference.partition(":")[0] == dispute_id

    earlier = _sum(held, told, result, is_of_dispute)
    if total > earlier:
        reference = capture_reference(dispute_id, earlier, total)
        yield _outcome(held, result, reference, total - earlier, message=message)


def _returned(moves: disputes.Moves) -> str:
    if moves.returned < moves.withdrawn:
        return "A part of the disputed amount was given back."
    return "The dispute was won."


def _not_given_back(each: Told) -> bool:
    return not each.psp_reference.startswith(("du_", "dp_"))


def _has(told: Sequence[Told], kind: str, reference: str) -> bool:
    return any((each.type, each.psp_reference) == (kind, reference) for each in told)


def _sum(held: Held, told: Sequence[Told], kind: str, which: Callable[[Told], bool] = lambda _: True) -> int:
    """In the smallest unit, each amount as Stripe takes it: the host may have been told a finer one."""
    return sum(_minor(held, each.amount) for each in told if each.type == kind and which(each))


def _minor(held: Held, amount: Decimal) -> int:
    return from_decimal(amount, held.intent["currency"].upper()).minor


def _outcome(held: Held, result: str, reference: str, minor: int, *, message: str = "") -> Outcome:
    intent = held.intent
    money, exact = from_minor(minor, intent["currency"]), exact_amount(intent, minor)
    return Outcome(result, reference, money, actions_of(intent), message, dashboard_url(intent), exact=exact)
