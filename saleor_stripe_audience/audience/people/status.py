"""What a contact is, from three facts, and what it may be sent.

Nobody sets a status: the database computes it from consent, deliverability and lifecycle by the rules below, and
`status_of` says the same of facts in hand.
"""

from collections.abc import Mapping

from django.db.models import Case, Q, TextChoices, Value, When


class ConsentState(TextChoices):
    """What the person said last about marketing; the ledger's sum."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class Deliverability(TextChoices):
    """What became of mail to the address."""

    OK = "ok"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Lifecycle(TextChoices):
    """Whether the shop still works with the contact. One that was erased has no row any more."""

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
    """Why marketing may be sent at all. Soft opt-in is another basis than consent and never makes a subscriber."""

    NONE = "none"
    CONSENT = "consent"
    SOFT_OPT_IN = "soft_opt_in"


class Purpose(TextChoices):
    """What a message, or a place on an advertiser's list, is for."""

    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"
    ADS = "ads"


# The first rule that fits decides. A complaint is a refusal; an address that bounced gets nothing at all.
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
    # Filing a contact away is the shop's tidying: whoever buys is still owed a receipt.
    Status.ARCHIVED: frozenset({Purpose.TRANSACTIONAL}),
}


def status_of(consent: str, deliverability: str, lifecycle: str) -> Status:
    """The status that three facts make."""
    facts = {"consent": consent, "deliverability": deliverability, "lifecycle": lifecycle}
    fitting = (status for field, values, status in _RULES if facts[field] in values)
    return next(fitting, Status.NONSUBSCRIBED)


def may_receive(status: str, purpose: str) -> bool:
    return purpose in RECEIVES[Status(status)]


def statuses_for(purpose: str) -> list[str]:
    """The statuses that may receive what is sent for the purpose, in the order of their definition."""
    return [status.value for status in Status if purpose in RECEIVES[status]]


def status_expression() -> Case:
    """`status_of` for the database."""
    whens = [When(**{f"{field}__in": [str(value) for value in values]}, then=Value(status.value))
             for field, values, status in _RULES]  # fmt: skip
    return Case(*whens, default=Value(Status.NONSUBSCRIBED.value))


def lawful_basis_expression() -> Case:
    """Consent where it is confirmed; soft opt-in only while the person has said nothing else.

    A complaint ends both.
    """
    undecided = [ConsentState.UNKNOWN.value, ConsentState.PENDING.value]
    return Case(
        When(deliverability=Deliverability.COMPLAINED.value, then=Value(LawfulBasis.NONE.value)),
        When(consent=ConsentState.CONFIRMED.value, then=Value(LawfulBasis.CONSENT.value)),
        When(Q(consent__in=undecided, soft_opt_in=True), then=Value(LawfulBasis.SOFT_OPT_IN.value)),
        default=Value(LawfulBasis.NONE.value),
    )
