"""What happened with a contact, newest first: put together from what is kept, nothing is stored for it.

Refunds and fulfilments are told on their order: Saleor's order says how much, not when.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.carts import abandoned
from saleor_stripe_audience.audience.shopping.models import Cart, PaymentFact, Purchase
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_minor

LONGEST_PAGE = 100
_KNOWN_SINCE = datetime(1971, 1, 1, tzinfo=UTC)  # an address that nobody knows the time of is held since 1970
_YEARS = range(2, 9999)  # an audience's silence of a month goes neither before the calendar nor beyond it


class Kind(StrEnum):
    """What happened."""

    CREATED = "created"
    ADDRESS_CHANGED = "address_changed"
    ORDER = "order"
    CART_BEGUN = "cart_begun"
    CART_ABANDONED = "cart_abandoned"
    CART_CLOSED = "cart_closed"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_DISPUTED = "payment_disputed"
    DISPUTE_DECIDED = "dispute_decided"
    CONSENT = "consent"
    TAG = "tag"
    SEGMENT = "segment"


Place = tuple[datetime, Kind, int]
Told = tuple[str, str, Money | None]  # title, reference, amount


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; `title` says it to a merchant, `reference` names the order, checkout or payment.

    `row` is the row it comes from: it tells apart what happened at one moment.
    """

    at: datetime
    kind: Kind
    row: int
    title: str
    reference: str = ""
    amount: Money | None = None

    @property
    def place(self) -> Place:
        """Where it stands: the timeline is in falling order of this."""
        return self.at, self.kind, self.row

    @property
    def cursor(self) -> str:
        """Where to go on after it."""
        told = f"{self.at.isoformat()} {self.kind} {self.row}"
        return base64.urlsafe_b64encode(told.encode()).decode()


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a timeline; there is more after it if `has_more`."""

    entries: list[Entry]
    has_more: bool


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows that are entries of one kind: `column` says when, later by `_delay` for carts that were left."""

    kind: Kind
    rows: Callable[[Contact, datetime], QuerySet[Any]]
    column: str
    told: Callable[[Any], Told]


def timeline(contact: Contact, now: datetime, first: int = 20, after: str = "") -> Page:
    """The newest `first` entries (at most 100), or those after a cursor. `Rejected` for a cursor that is none."""
    if not 1 <= first <= LONGEST_PAGE:
        raise Rejected(f"Ask for 1 to {LONGEST_PAGE} entries.", code="bad_page")
    beyond = _read(after) if after else None
    entries = [entry for source in _SOURCES for entry in _newest(source, contact, now, beyond, first + 1)]
    entries += _created(contact, beyond)
    entries.sort(key=lambda entry: entry.place, reverse=True)
    return Page(entries[:first], len(entries) > first)


def _read(cursor: str) -> Place:
    try:
        at, kind, row = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        place = datetime.fromisoformat(at), Kind(kind), int(row)
    except (binascii.Error, ValueError):
        place = None
    if place is None or place[0].tzinfo is None or place[0].year not in _YEARS or not 0 <= place[2] < 2**63:
        raise Rejected("This is no cursor of a timeline.", code="bad_page")
    return place


def _newest(
    source: _Source, contact: Contact, now: datetime, beyond: Place | None, limit: int
) -> Iterator[Entry]:
    delay = _delay(source, contact)
    rows = source.rows(contact, now)
    if beyond is not None:
        at, kind, row = beyond
        older = Q(**{f"{source.column}__lt": at - delay})
        if source.kind == kind:
            older |= Q(**{source.column: at - delay, "pk__lt": row})
        elif source.kind < kind:
            older |= Q(**{source.column: at - delay})
        rows = rows.filter(older)
    for found in rows.order_by(f"-{source.column}", "-pk")[:limit]:
        yield Entry(getattr(found, source.column) + delay, source.kind, found.pk, *source.told(found))


def _delay(source: _Source, contact: Contact) -> timedelta:
    """Carts count as left once their silence is over, not when it began."""
    is_left = source.kind == Kind.CART_ABANDONED
    return timedelta(minutes=contact.audience.cart_silence_minutes if is_left else 0)


def _created(contact: Contact, beyond: Place | None) -> list[Entry]:
    entry = Entry(contact.created_at, Kind.CREATED, 0, "Became a contact")
    return [entry] if beyond is None or entry.place < beyond else []


def _of_order(order: Purchase) -> Told:
    paid = "paid" if order.is_paid else "not paid"
    given_back = (
        f", {from_minor(order.refunded_minor, order.currency)} given back" if order.refunded_minor else ""
    )
    title = f"Order {order.number}, {order.status.lower().replace('_', ' ')}, {paid}{given_back}"
    return title, order.saleor_order_id, from_minor(order.total_minor, order.currency)


def _of_cart(title: str, cart: Cart) -> Told:
    return title, cart.saleor_checkout_id, from_minor(cart.total_minor, cart.currency)


def _of_fact(title: str, fact: PaymentFact) -> Told:
    code = f": {fact.code.replace('_', ' ')}" if fact.code else ""
    return title + code, fact.reference, from_minor(fact.amount_minor, fact.currency)


_SAID = {
    Consent.Kind.GIVEN: "Agreed to marketing",
    Consent.Kind.CONFIRMED: "Confirmed by mail",
    Consent.Kind.WITHDRAWN: "Took consent back",
}


def _of_word(word: Consent) -> Told:
    told = _SAID[Consent.Kind(word.kind)]
    if word.basis == Consent.Basis.SOFT_OPT_IN:
        told = "Did not refuse mails about similar products"
    return f"{told} ({word.get_source_display().lower()})", word.reference, None


def _facts(kind: PaymentFact.Kind, contact: Contact, _now: datetime) -> QuerySet[PaymentFact]:
    return contact.payment_facts.filter(kind=kind)


_SOURCES = (
    _Source(
        Kind.ADDRESS_CHANGED,
        lambda contact, _: contact.former_addresses.filter(held_at__gte=_KNOWN_SINCE),
        "held_at",
        lambda _: ("Was last known under another address", "", None),
    ),
    _Source(Kind.ORDER, lambda contact, _: contact.purchases.all(), "placed_at", _of_order),
    _Source(
        Kind.CART_BEGUN,
        lambda contact, _: contact.carts.all(),
        "begun_at",
        partial(_of_cart, "Began a cart"),
    ),
    _Source(
        Kind.CART_ABANDONED,
        lambda contact, now: abandoned(contact.audience, now).filter(contact=contact),
        "last_active_at",
        partial(_of_cart, "Left a cart"),
    ),
    _Source(
        Kind.CART_CLOSED,
        lambda contact, _: contact.carts.exclude(closed_at=None),
        "closed_at",
        partial(_of_cart, "The cart became an order"),
    ),
    _Source(
        Kind.PAYMENT_DECLINED,
        partial(_facts, PaymentFact.Kind.DECLINED),
        "at",
        partial(_of_fact, "A payment was declined"),
    ),
    _Source(
        Kind.PAYMENT_DISPUTED,
        partial(_facts, PaymentFact.Kind.DISPUTED),
        "at",
        partial(_of_fact, "A payment was disputed"),
    ),
    _Source(
        Kind.DISPUTE_DECIDED,
        lambda contact, _: contact.payment_facts.exclude(outcome_at=None),
        "outcome_at",
        lambda fact: (f"The dispute was {fact.outcome}", fact.reference, None),
    ),
    _Source(Kind.CONSENT, lambda contact, _: contact.consents.all(), "at", _of_word),
    _Source(
        Kind.TAG,
        lambda contact, _: contact.contact_tags.select_related("tag"),
        "added_at",
        lambda row: (f"Tagged “{row.tag}” by {row.origin}", "", None),
    ),
    _Source(
        Kind.SEGMENT,
        lambda contact, _: contact.memberships.select_related("segment"),
        "entered_at",
        lambda row: (f"Came into “{row.segment}”", "", None),
    ),
)
