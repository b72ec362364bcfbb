"""Saleor's ledger of one payment transaction: how it computes eight amounts from reported events.

Source of the rules: experiments with Saleor 3.23; `scripts/prove_sandbox.py` compares this module with recorded
histories of the real Saleor. Amounts are `Decimal`, in major units; they may be negative, as in Saleor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)
NEVER_A_DUPLICATE = frozenset({"AUTHORIZATION_ACTION_REQUIRED", "CHARGE_ACTION_REQUIRED", "INFO"})


@dataclass(frozen=True)
class LedgerEvent:
    """One event of a transaction; `counted` is false if Saleor keeps it only as a record."""

    type: str
    psp_reference: str
    amount: Decimal
    time: datetime
    counted: bool = True


@dataclass
class Amounts:
    """What a transaction holds, in major units of its currency."""

    authorized: Decimal = ZERO
    authorize_pending: Decimal = ZERO
    charged: Decimal = ZERO
    charge_pending: Decimal = ZERO
    refunded: Decimal = ZERO
    refund_pending: Decimal = ZERO
    canceled: Decimal = ZERO
    cancel_pending: Decimal = ZERO

    def move(self, amount: Decimal, into: str, out_of: str | None) -> None:
        """Add `amount` to one sum, and subtract it from another if there is one."""
        setattr(self, into, getattr(self, into) + amount)
        if out_of is not None:
            setattr(self, out_of, getattr(self, out_of) - amount)

    def as_dict(self) -> dict[str, Decimal]:
        """Return the sums by name, in the order in which they are declared."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True)
class _Kind:
    """The sums that an action changes: of completed and of pending money, and of where the money was before."""

    done: str
    pending: str
    source: str | None


_KINDS = {
    "AUTHORIZATION": _Kind("authorized", "authorize_pending", None),
    "CHARGE": _Kind("charged", "charge_pending", "authorized"),
    "REFUND": _Kind("refunded", "refund_pending", "charged"),
    "CANCEL": _Kind("canceled", "cancel_pending", "authorized"),
}
# Without a pspReference, earlier events cannot be found, so only the event's own effect is booked.
_PLAIN = {
    "AUTHORIZATION_SUCCESS": ("authorized", 1),
    "CHARGE_SUCCESS": ("charged", 1),
    "CHARGE_BACK": ("charged", -1),
    "REFUND_SUCCESS": ("refunded", 1),
    "REFUND_REVERSE": ("charged", 1),
    "CANCEL_SUCCESS": ("canceled", 1),
}


@dataclass
class _Group:
    """The latest event of each step for one action under one pspReference."""

    kind: str
    steps: dict[str, LedgerEvent] = field(default_factory=dict)


def amounts_of(events: Iterable[LedgerEvent], *, adjustment_first: bool = False) -> Amounts:
    """Return the eight amounts of all events; authorizations never fall below zero, the others may.

    Saleor sorts by time alone, so its database decides the order of events with the same time. That is nearly always
    the order of arrival, as here; `adjustment_first` gives the other outcome, which was observed too.
    """
    counted = sorted(
        (event for event in events if event.counted),
        key=lambda event: (event.time, adjustment_first and event.type != "AUTHORIZATION_ADJUSTMENT"),
    )
    remaining = _since_last_adjustment(counted)
    amounts = Amounts()
    for event in remaining:
        if not event.psp_reference:
            _book_plain(amounts, event)
    for group in _groups(remaining):
        _book_exception(amounts, group)
        _book_steps(amounts, group)
    amounts.authorized = max(amounts.authorized, ZERO)
    amounts.authorize_pending = max(amounts.authorize_pending, ZERO)
    return amounts


def _is_authorization(event: LedgerEvent) -> bool:
    return event.type.startswith("AUTHORIZATION_") and event.type not in NEVER_A_DUPLICATE


def _since_last_adjustment(events: Sequence[LedgerEvent]) -> list[LedgerEvent]:
    """Drop the authorizations before the last adjustment, which states the whole authorized amount."""
    last = max((i for i, event in enumerate(events) if event.type == "AUTHORIZATION_ADJUSTMENT"), default=0)
    # Authorizations come first, because an adjustment overwrites the sum so far.
    return [
        *(event for event in events[last:] if _is_authorization(event)),
        *(event for event in events if not _is_authorization(event)),
    ]


def _groups(events: Iterable[LedgerEvent]) -> list[_Group]:
    found: dict[tuple[str, str], _Group] = {}
    for event in events:
        kind, _, step = event.type.partition("_")
        if kind in _KINDS and event.psp_reference:
            found.setdefault((kind, event.psp_reference), _Group(kind)).steps[step] = event
    return list(found.values())


def _book_plain(amounts: Amounts, event: LedgerEvent) -> None:
    if event.type == "AUTHORIZATION_ADJUSTMENT":
        amounts.authorized = event.amount
    elif event.type in _PLAIN:
        name, sign = _PLAIN[event.type]
        amounts.move(sign * event.amount, name, None)


def _book_exception(amounts: Amounts, group: _Group) -> None:
    if adjustment := group.steps.get("ADJUSTMENT"):
        amounts.authorized = adjustment.amount
    if back := group.steps.get("BACK"):
        amounts.charged -= back.amount
    if reverse := group.steps.get("REVERSE"):
        amounts.move(reverse.amount, "charged", "refunded")


def _book_steps(amounts: Amounts, group: _Group) -> None:
    kind = _KINDS[group.kind]
    request, success, failure = (group.steps.get(step) for step in ("REQUEST", "SUCCESS", "FAILURE"))
    if request and not success and not failure:
        amounts.move(request.amount, kind.pending, kind.source)
    if success and (failure is None or success.time > failure.time):
        amounts.move(success.amount, kind.done, kind.source)


class Verdict(StrEnum):
    """How Saleor judges a newly reported event."""

    ACCEPTED = "ACCEPTED"
    ALREADY_PROCESSED = "ALREADY_PROCESSED"
    INCORRECT_DETAILS = "INCORRECT_DETAILS"
    ALREADY_EXISTS = "ALREADY_EXISTS"


REFUSALS = {
    Verdict.INCORRECT_DETAILS: (
        "pspReference",
        "An event of this type with this pspReference was reported before with another amount.",
    ),
    Verdict.ALREADY_EXISTS: (
        "type",
        "AUTHORIZATION_SUCCESS was reported before; AUTHORIZATION_ADJUSTMENT changes the amount.",
    ),
}
_FAILURE_OF = {
    "AUTHORIZATION_REQUEST": "AUTHORIZATION_FAILURE",
    "AUTHORIZATION_SUCCESS": "AUTHORIZATION_FAILURE",
    "AUTHORIZATION_ADJUSTMENT": "AUTHORIZATION_FAILURE",
    "CHARGE_REQUEST": "CHARGE_FAILURE",
    "CHARGE_SUCCESS": "CHARGE_FAILURE",
    "CHARGE_BACK": "CHARGE_FAILURE",
    "REFUND_REQUEST": "REFUND_FAILURE",
    "REFUND_SUCCESS": "REFUND_FAILURE",
    "REFUND_REVERSE": "REFUND_FAILURE",
    "CANCEL_REQUEST": "CANCEL_FAILURE",
    "CANCEL_SUCCESS": "CANCEL_FAILURE",
}


def failure_of(event_type: str) -> str:
    """Return the type under which Saleor records that an event of this type was refused."""
    return _FAILURE_OF.get(event_type, event_type)


def twin_of[E: LedgerEvent](events: Iterable[E], new: LedgerEvent) -> E | None:
    """Return the existing event with the same pspReference and type; events that do not count are included."""
    if new.type in NEVER_A_DUPLICATE:
        return None
    return next((e for e in events if e.type == new.type and e.psp_reference == new.psp_reference), None)


def judge(events: Sequence[LedgerEvent], new: LedgerEvent) -> Verdict:
    """Decide whether Saleor accepts `new`, already knows it, or refuses it."""
    twin = twin_of(events, new)
    if twin is not None:
        return Verdict.ALREADY_PROCESSED if twin.amount == new.amount else Verdict.INCORRECT_DETAILS
    if new.type == "AUTHORIZATION_SUCCESS" and any(event.type == new.type for event in events):
        return Verdict.ALREADY_EXISTS
    return Verdict.ACCEPTED


# The events that may omit their amount, and the earlier events from which Saleor then takes it.
_AMOUNT_FROM = {
    "AUTHORIZATION_FAILURE": ("AUTHORIZATION_SUCCESS", "AUTHORIZATION_REQUEST"),
    "CHARGE_FAILURE": (
        "CHARGE_SUCCESS",
        "CHARGE_REQUEST",
        "AUTHORIZATION_SUCCESS",
        "AUTHORIZATION_REQUEST",
        "AUTHORIZATION_FAILURE",
    ),
    "REFUND_FAILURE": (
        "REFUND_SUCCESS",
        "REFUND_REQUEST",
        "CHARGE_SUCCESS",
        "CHARGE_REQUEST",
        "CHARGE_FAILURE",
    ),
    "CANCEL_FAILURE": (
        "CANCEL_SUCCESS",
        "CANCEL_REQUEST",
        "AUTHORIZATION_SUCCESS",
        "AUTHORIZATION_REQUEST",
        "AUTHORIZATION_FAILURE",
    ),
    "REFUND_REVERSE": ("REFUND_SUCCESS",),
    "CHARGE_BACK": ("CHARGE_SUCCESS",),
}


def deduce_amount(events: Iterable[LedgerEvent], kind: str, psp_reference: str) -> Decimal | None:
    """Return the amount that Saleor uses for an event reported without one; None if it is required."""
    if kind == "INFO":
        return ZERO
    sources = _AMOUNT_FROM.get(kind, ())
    fitting = [each for each in events if each.psp_reference == psp_reference and each.type in sources]
    return max(fitting, key=lambda each: each.time).amount if fitting else None
