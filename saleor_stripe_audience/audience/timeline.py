"""What happened with a contact, newest first: put together from what is kept, nothing is stored for it."""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from saleor_stripe_audience.audience.models import Cart, Consent, Contact, PaymentFact, Purchase
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_minor

LONGEST_PAGE = 100


class Kind(StrEnum):
    """What happened."""

    CREATED = "created"
    ADDRESS_CHANGED = "address_changed"
    ORDER = "order"
    CART_BEGUN = "cart_begun"
    CART_ABANDONED = "cart_abandoned"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_DISPUTED = "payment_disputed"
    DISPUTE_DECIDED = "dispute_decided"
    CONSENT = "consent"
    TAG = "tag"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; `title` says it to a merchant, `reference` names the order, checkout or payment."""

    at: datetime
    kind: Kind
    title: str
    reference: str
    key: str
    amount: Money | None = None

    @property
    def cursor(self) -> str:
        """Where to go on after it."""
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.key}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a timeline; there is more after it if `has_more`."""

    entries: list[Entry]
    has_more: bool


Source = Callable[[Contact, datetime | None, int], Iterable[Entry]]


def timeline(contact: Contact, now: datetime, first: int = 20, after: str = "") -> Page:
    """The newest `first` entries (at most 100), or those after a cursor. `Rejected` for a cursor that is none."""
    if not 1 <= first <= LONGEST_PAGE:
        raise Rejected(f"Ask for 1 to {LONGEST_PAGE} entries.", code="bad_page")
    beyond = _read(after) if after else None
    until = beyond[0] if beyond else None
    # Some may be as old as the cursor and have been told already: each source is asked for more than a page.
    entries = [entry for source in _SOURCES for entry in source(contact, until, first * 2 + 1)]
    entries += _left(contact, now, until, first * 2 + 1)
    told = sorted(entries, key=lambda entry: (entry.at, entry.key), reverse=True)
    rest = [entry for entry in told if beyond is None or (entry.at, entry.key) < beyond]
    return Page(rest[:first], len(rest) > first)


def _read(cursor: str) -> tuple[datetime, str]:
    try:
        at, _, key = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        moment = datetime.fromisoformat(at)
    except (binascii.Error, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Rejected("This is no cursor of a timeline.", code="bad_page")
    return moment, key


def _newest(rows: QuerySet[Any], column: str, until: datetime | None, limit: int) -> QuerySet[Any]:
    told = rows.filter(**{f"{column}__lte": until}) if until else rows
    return told.order_by(f"-{column}", "-pk")[:limit]


def _of_contact(contact: Contact, until: datetime | None, _limit: int) -> Iterator[Entry]:
    if until is None or contact.created_at <= until:
        yield Entry(contact.created_at, Kind.CREATED, "Became a contact", "", "created")
    changed = contact.known_at.get("email")
    if changed and contact.former_addresses.exists():
        at = datetime.fromisoformat(changed)
        if until is None or at <= until:
            yield Entry(at, Kind.ADDRESS_CHANGED, "Has this address since then", "", "address")


def _orders(contact: Contact, until: datetime | None, limit: int) -> Iterator[Entry]:
    for order in _newest(contact.purchases.all(), "placed_at", until, limit):
        yield Entry(
            order.placed_at, Kind.ORDER, _of_order(order), order.saleor_order_id, f"order {order.pk}",
            from_minor(order.total_minor, order.currency),
        )  # fmt: skip


def _of_order(order: Purchase) -> str:
    paid = "paid" if order.is_paid else "not paid"
    given_back = (
        f", {from_minor(order.refunded_minor, order.currency)} given back" if order.refunded_minor else ""
    )
    return f"Order {order.number}, {order.status.lower().replace('_', ' ')}, {paid}{given_back}"


def _carts(contact: Contact, until: datetime | None, limit: int) -> Iterator[Entry]:
    for cart in _newest(contact.carts.all(), "begun_at", until, limit):
        yield Entry(
            cart.begun_at, Kind.CART_BEGUN, "Began a cart", cart.saleor_checkout_id, f"cart {cart.pk}",
            from_minor(cart.total_minor, cart.currency),
        )  # fmt: skip


def _left(contact: Contact, now: datetime, until: datetime | None, limit: int) -> Iterator[Entry]:
    """Carts count as left once their silence is over, not when it began."""
    silence = timedelta(minutes=contact.audience.cart_silence_minutes)
    over = min(now, until) if until else now
    open_carts = Cart.objects.filter(contact=contact, closed_at=None, last_active_at__lte=over - silence)
    for cart in open_carts.filter(lines__isnull=False).distinct().order_by("-last_active_at", "-pk")[:limit]:
        yield Entry(
            cart.last_active_at + silence, Kind.CART_ABANDONED, "Left a cart", cart.saleor_checkout_id,
            f"left {cart.pk}", from_minor(cart.total_minor, cart.currency),
        )  # fmt: skip


_WENT_WRONG = {
    PaymentFact.Kind.DECLINED: (Kind.PAYMENT_DECLINED, "A payment was declined"),
    PaymentFact.Kind.DISPUTED: (Kind.PAYMENT_DISPUTED, "A payment was disputed"),
}


def _facts(contact: Contact, until: datetime | None, limit: int) -> Iterator[Entry]:
    for fact in _newest(contact.payment_facts.all(), "at", until, limit):
        kind, words = _WENT_WRONG[PaymentFact.Kind(fact.kind)]
        title = f"{words}: {fact.code.replace('_', ' ')}" if fact.code else words
        amount = from_minor(fact.amount_minor, fact.currency)
        yield Entry(fact.at, kind, title, fact.reference, f"fact {fact.pk}", amount)


def _decisions(contact: Contact, until: datetime | None, limit: int) -> Iterator[Entry]:
    decided = contact.payment_facts.exclude(outcome_at=None)
    for fact in _newest(decided, "outcome_at", until, limit):
        title = f"The dispute was {fact.outcome}"
        yield Entry(fact.outcome_at, Kind.DISPUTE_DECIDED, title, fact.reference, f"decision {fact.pk}")


_SAID = {
    Consent.Kind.GIVEN: "Agreed to marketing",
    Consent.Kind.CONFIRMED: "Confirmed by mail",
    Consent.Kind.WITHDRAWN: "Took consent back",
}


def _words(contact: Contact, until: datetime | None, limit: int) -> Iterator[Entry]:
    for word in _newest(contact.consents.all(), "at", until, limit):
        told = _SAID[Consent.Kind(word.kind)]
        if word.basis == Consent.Basis.SOFT_OPT_IN:
            told = "Did not refuse mails about similar products"
        title = f"{told} ({word.get_source_display().lower()})"
        yield Entry(word.at, Kind.CONSENT, title, word.reference, f"consent {word.pk}")


def _tags(contact: Contact, until: datetime | None, limit: int) -> Iterator[Entry]:
    for row in _newest(contact.contact_tags.select_related("tag"), "added_at", until, limit):
        yield Entry(row.added_at, Kind.TAG, f"Tagged “{row.tag}” by {row.origin}", "", f"tag {row.pk}")


def _segments(contact: Contact, until: datetime | None, limit: int) -> Iterator[Entry]:
    for row in _newest(contact.memberships.select_related("segment"), "entered_at", until, limit):
        yield Entry(row.entered_at, Kind.SEGMENT, f"Came into “{row.segment}”", "", f"membership {row.pk}")


_SOURCES: tuple[Source, ...] = (
    _of_contact, _orders, _carts, _facts, _decisions, _words, _tags, _segments,
)  # fmt: skip
