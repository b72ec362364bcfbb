"""A contact's timeline, newest first, composed from stored data; nothing is stored for it.

Refunds and fulfilments are part of their order's entry: Saleor's order says how much, not when.
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
from saleor_stripe_audience.audience.shopping.visible import Slugs, carts_within, facts_within, orders_within
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_minor

MAX_PAGE_SIZE = 100
_KNOWN_SINCE = datetime(1971, 1, 1, tzinfo=UTC)  # an address of unknown time is stored as held since 1970
_YEARS = range(2, 9999)  # adding or subtracting a cart's silence of up to 30 days cannot overflow


class Kind(StrEnum):
    """The kind of an entry."""

    CREATED = "created"
    ADDRESS_CHANGED = "address_changed"
    ORDER = "order"
    CART_STARTED = "cart_started"
    CART_ABANDONED = "cart_abandoned"
    CART_CLOSED = "cart_closed"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_DISPUTED = "payment_disputed"
    DISPUTE_DECIDED = "dispute_decided"
    CONSENT = "consent"
    TAG = "tag"
    SEGMENT = "segment"


Place = tuple[datetime, Kind, int]
Description = tuple[str, str, Money | None]  # title, reference, amount


@dataclass(frozen=True, slots=True)
class Entry:
    """One event; `title` describes it to a merchant, `reference` is the order, checkout or payment.

    `row` is the id of the row it comes from: it distinguishes entries at the same time.
    """

    at: datetime
    kind: Kind
    row: int
    title: str
    reference: str = ""
    amount: Money | None = None

    @property
    def place(self) -> Place:
        """The sort key; the timeline is in descending order."""
        return self.at, self.kind, self.row

    @property
    def cursor(self) -> str:
        """The cursor for the entries after this one."""
        text = f"{self.at.isoformat()} {self.kind} {self.row}"
        return base64.urlsafe_b64encode(text.encode()).decode()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a timeline, with more entries after it if `has_more`."""

    entries: list[Entry]
    has_more: bool


@dataclass(frozen=True, slots=True)
class _Source:
    """The rows behind one kind of entry; `column` has the time."""

    kind: Kind
    rows: Callable[[Contact, datetime, Slugs], QuerySet[Any]]
    column: str
    describe: Callable[[Any], Description]


def timeline(
    contact: Contact, now: datetime, first: int = 20, after: str = "", *, slugs: Slugs = None
) -> Page:
    """Return the newest `first` entries (at most 100), or those after a cursor. `Rejected` for an invalid cursor.

    `slugs`: of orders, carts and payments, only those in these channels.
    """
    if not 1 <= first <= MAX_PAGE_SIZE:
        raise Rejected(f"Request 1 to {MAX_PAGE_SIZE} entries.", code="bad_page")
    cursor = _parse_cursor(after) if after else None
    entries = [
        entry
        for source in _SOURCES
        for entry in _newest(source, contact, source.rows(contact, now, slugs), cursor, first + 1)
    ]
    creation = Entry(contact.created_at, Kind.CREATED, 0, "Became a contact")
    if cursor is None or creation.place < cursor:
        entries.append(creation)
    entries.sort(key=lambda entry: entry.place, reverse=True)
    return Page(entries[:first], len(entries) > first)


def _parse_cursor(cursor: str) -> Place:
    try:
        at, kind, row = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        place = datetime.fromisoformat(at), Kind(kind), int(row)
    except (binascii.Error, ValueError):
        place = None
    if place is None or place[0].tzinfo is None or place[0].year not in _YEARS or not 0 <= place[2] < 2**63:
        raise Rejected("This is not a timeline cursor.", code="bad_page")
    return place


def _newest(
    source: _Source, contact: Contact, rows: QuerySet[Any], cursor: Place | None, limit: int
) -> Iterator[Entry]:
    # A cart counts as abandoned at the end of its silence, not when the silence began.
    is_abandoned = source.kind == Kind.CART_ABANDONED
    delay = timedelta(minutes=contact.audience.cart_silence_minutes if is_abandoned else 0)
    if cursor is not None:
        at, kind, row = cursor
        older = Q(**{f"{source.column}__lt": at - delay})
        if source.kind == kind:
            older |= Q(**{source.column: at - delay, "pk__lt": row})
        elif source.kind < kind:
            older |= Q(**{source.column: at - delay})
        rows = rows.filter(older)
    for found in rows.order_by(f"-{source.column}", "-pk")[:limit]:
        yield Entry(getattr(found, source.column) + delay, source.kind, found.pk, *source.describe(found))


def _describe_order(order: Purchase) -> Description:
    title = f"Order {order.number}, {order.status.lower().replace('_', ' ')}"
    title += ", paid" if order.is_paid else ", not paid"
    if order.refunded_minor:
        title += f", {from_minor(order.refunded_minor, order.currency)} refunded"
    return title, order.saleor_order_id, from_minor(order.total_minor, order.currency)


def _describe_cart(title: str, cart: Cart) -> Description:
    return title, cart.saleor_checkout_id, from_minor(cart.total_minor, cart.currency)


def _describe_fact(title: str, fact: PaymentFact) -> Description:
    code = f": {fact.code.replace('_', ' ')}" if fact.code else ""
    return title + code, fact.reference, from_minor(fact.amount_minor, fact.currency)


_CONSENT_TITLES = {
    Consent.Kind.GIVEN: "Agreed to marketing",
    Consent.Kind.CONFIRMED: "Confirmed by email",
    Consent.Kind.WITHDRAWN: "Withdrew consent",
}


def _describe_consent(event: Consent) -> Description:
    title = _CONSENT_TITLES[Consent.Kind(event.kind)]
    if event.basis == Consent.Basis.SOFT_OPT_IN:
        title = "Did not refuse emails about similar products"
    return f"{title} ({event.get_source_display().lower()})", event.reference, None


def _facts(kind: PaymentFact.Kind, contact: Contact, _now: datetime, slugs: Slugs) -> QuerySet[PaymentFact]:
    return facts_within(contact.payment_facts.filter(kind=kind), slugs)


_SOURCES = (
    _Source(
        Kind.ADDRESS_CHANGED,
        lambda contact, *_: contact.former_addresses.filter(held_at__gte=_KNOWN_SINCE),
        "held_at",
        lambda _: ("Last known under another address", "", None),
    ),
    _Source(
        Kind.ORDER,
        lambda contact, _, slugs: orders_within(contact.purchases.all(), slugs),
        "placed_at",
        _describe_order,
    ),
    _Source(
        Kind.CART_STARTED,
        lambda contact, _, slugs: carts_within(contact.carts.all(), slugs),
        "started_at",
        partial(_describe_cart, "Started a cart"),
    ),
    _Source(
        Kind.CART_ABANDONED,
        lambda contact, now, slugs: carts_within(
            abandoned(contact.audience, now, slugs).filter(contact=contact), slugs
        ),
        "last_active_at",
        partial(_describe_cart, "Abandoned a cart"),
    ),
    _Source(
        Kind.CART_CLOSED,
        lambda contact, _, slugs: carts_within(contact.carts.exclude(closed_at=None), slugs),
        "closed_at",
        partial(_describe_cart, "The cart became an order"),
    ),
    _Source(
        Kind.PAYMENT_DECLINED,
        partial(_facts, PaymentFact.Kind.DECLINED),
        "at",
        partial(_describe_fact, "A payment was declined"),
    ),
    _Source(
        Kind.PAYMENT_DISPUTED,
        partial(_facts, PaymentFact.Kind.DISPUTED),
        "at",
        partial(_describe_fact, "A payment was disputed"),
    ),
    _Source(
        Kind.DISPUTE_DECIDED,
        lambda contact, _, slugs: facts_within(contact.payment_facts.exclude(outcome_at=None), slugs),
        "outcome_at",
        lambda fact: (f"The dispute was {fact.outcome}", fact.reference, None),
    ),
    _Source(Kind.CONSENT, lambda contact, *_: contact.consents.all(), "at", _describe_consent),
    _Source(
        Kind.TAG,
        lambda contact, *_: contact.contact_tags.select_related("tag"),
        "added_at",
        lambda row: (f"Tagged “{row.tag}” by {row.origin}", "", None),
    ),
    _Source(
        Kind.SEGMENT,
        lambda contact, *_: contact.memberships.select_related("segment"),
        "entered_at",
        lambda row: (f"Entered “{row.segment}”", "", None),
    ),
)
