"""A contact's status, computed from three facts, and what the contact may receive.

The database computes the status from consent, deliverability and lifecycle by the rules below; nothing else sets it.
`status_of` applies the same rules in Python.
"""

from collections.abc import Mapping

from django.db.models import Case, Q, TextChoices, Value, When


class ConsentState(TextChoices):
    """The person's current choice about marketing: the result of the consent ledger."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class Deliverability(TextChoices):
    """Whether email reaches the address."""

    OK = "ok"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Lifecycle(TextChoices):
    """Whether the contact is active. An erased contact no longer has a row."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    ERASED = "erased"


class Status(TextChoices):
    NONSUBSCRIBED = "nonsubscribed"
    PENDING = "pending"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    CLEANED = "cleaned"
    ARCHIVED = "archived"


class LawfulBasis(TextChoices):
    """The lawful basis for sending marketing. Soft opt-in is a separate basis and never makes anyone a subscriber."""

    NONE = "none"
    CONSENT = "consent"
    SOFT_OPT_IN = "soft_opt_in"


class Purpose(TextChoices):
    """The purpose of a message, or of an entry on an advertising list."""

    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"
    ADS = "ads"


# The first matching rule decides. A complaint counts as unsubscribing; a bounced address receives nothing at all.
_RULES: tuple[tuple[str, tuple[str, ...], Status], ...] = (
    ("lifecycle", (Lifecycle.ARCHIVED, Lifecycle.ERASED), Status.ARCHIVED),
    ("deliverability", (Deliverability.BOUNCED,), Status.CLEANED),
    ("deliverability", (Deliverability.COMPLAINED,), Status.UNSUBSCRIBED),
    ("consent", (ConsentState.WITHDRAWN,), Status.UNSUBSCRIBED),
    ("consent", (ConsentState.CONFIRMED,), Status.SUBSCRIBED),
    ("consent", (ConsentState.PENDING,), Status.PENDING),
)

RECEIVES: Mapping[Status, frozenset[Purpose]] = {
    Status.NONSUBSCRIBED: frozenset({Purpose.TRANSACTIONAL}),
    Status.PENDING: frozenset({Purpose.TRANSACTIONAL}),
    Status.SUBSCRIBED: frozenset(Purpose),
    Status.UNSUBSCRIBED: frozenset({Purpose.TRANSACTIONAL}),
    Status.CLEANED: frozenset(),
    # Archiving is housekeeping: an archived contact who buys again still needs a receipt.
    Status.ARCHIVED: frozenset({Purpose.TRANSACTIONAL}),
}


def status_of(consent: str, deliverability: str, lifecycle: str) -> Status:
    """Return the status that the three facts result in."""
    facts = {"consent": consent, "deliverability": deliverability, "lifecycle": lifecycle}
    matching = (status for field, values, status in _RULES if facts[field] in values)
    return next(matching, Status.NONSUBSCRIBED)


def may_receive(status: str, purpose: str) -> bool:
    return purpose in RECEIVES[Status(status)]


def statuses_for(purpose: str) -> list[str]:
    """Return the statuses that may receive messages of this purpose, in the order of their definition."""
    return [status.value for status in Status if purpose in RECEIVES[status]]


def status_expression() -> Case:
    """Return `status_of` as a database expression."""
    whens = [When(**{f"{field}__in": [str(value) for value in values]}, then=Value(status.value))
             for field, values, status in _RULES]  # fmt: skip
    return Case(*whens, default=Value(Status.NONSUBSCRIBED.value))


def lawful_basis_expression() -> Case:
    """Return the lawful basis as a database expression.

    Consent once it is confirmed; soft opt-in only while the person has made no other choice. A complaint ends both.
    """
    undecided = [ConsentState.UNKNOWN.value, ConsentState.PENDING.value]
    return Case(
        When(deliverability=Deliverability.COMPLAINED.value, then=Value(LawfulBasis.NONE.value)),
        When(consent=ConsentState.CONFIRMED.value, then=Value(LawfulBasis.CONSENT.value)),
        When(Q(consent__in=undecided, soft_opt_in=True), then=Value(LawfulBasis.SOFT_OPT_IN.value)),
        default=Value(LawfulBasis.NONE.value),
    )
