"""What staff may see of orders, carts and payments: all of it, or only what happened in their channels.

`slugs` are the channels to which Saleor restricts them, None for all. A failed payment has no channel of its own: its
order or cart says which. Without one, it is hidden from restricted staff.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from saleor_stripe_audience.audience.people.models import Contact, ContactSpent
from saleor_stripe_audience.audience.shopping.models import Cart, PaymentFact, Purchase

Slugs = frozenset[str] | None

_ORDERS = "orders_within"  # a contact's paid orders in the channels, once they have been read with it


@dataclass(frozen=True, slots=True)
class Totals:
    """What a contact ordered and spent in some channels, under the names that `Contact` has for all channels."""

    orders_count: int
    first_order_at: datetime | None
    last_order_at: datetime | None
    amounts: Sequence[ContactSpent]


def orders_within(orders: QuerySet[Purchase], slugs: Slugs) -> QuerySet[Purchase]:
    return orders if slugs is None else orders.filter(channel__in=sorted(slugs))


def carts_within(carts: QuerySet[Cart], slugs: Slugs) -> QuerySet[Cart]:
    return carts if slugs is None else carts.filter(channel__in=sorted(slugs))


def facts_within(facts: QuerySet[PaymentFact], slugs: Slugs) -> QuerySet[PaymentFact]:
    """Filter the failed payments whose order or cart belongs to one of the channels."""
    if slugs is None:
        return facts
    of_shop = {"installation": OuterRef("installation")}
    orders = orders_within(Purchase.objects.filter(**of_shop), slugs)
    carts = carts_within(Cart.objects.filter(**of_shop), slugs)
    source = OuterRef("source_id")
    paid_for = (
        Exists(orders.filter(saleor_order_id=source)),
        Exists(orders.exclude(saleor_checkout_id="").filter(saleor_checkout_id=source)),
        Exists(carts.filter(saleor_checkout_id=source)),
    )
    return facts.filter(Q(*paid_for, _connector=Q.OR))


def with_figures[Rows: QuerySet[Any]](contacts: Rows, slugs: Slugs) -> Rows:
    """Read with the contacts what `figures_of` needs, in one statement for all of them."""
    if slugs is None:
        return contacts
    return contacts.prefetch_related(Prefetch("purchases", _paid_within(slugs), to_attr=_ORDERS))


def figures_of(contact: Contact, slugs: Slugs) -> Contact | Totals:
    """Return what says how much the contact ordered: itself, or its totals in the channels, under the same names."""
    if slugs is None:
        return contact
    known: list[Purchase] | None = getattr(contact, _ORDERS, None)
    orders = list(_paid_within(slugs).filter(contact=contact)) if known is None else known
    placed = [each.placed_at for each in orders]
    amounts = [_sum(contact, currency, orders) for currency in sorted({each.currency for each in orders})]
    return Totals(len(orders), min(placed, default=None), max(placed, default=None), amounts)


def amounts_of(figures: Contact | Totals) -> Sequence[ContactSpent]:
    """Return what was spent, in each currency."""
    return figures.amounts if isinstance(figures, Totals) else list(figures.spent.all())


def _paid_within(slugs: frozenset[str]) -> QuerySet[Purchase]:
    return orders_within(Purchase.objects.paid(), slugs).only(
        "contact", "currency", "charged_minor", "refunded_minor", "placed_at"
    )


def _sum(contact: Contact, currency: str, orders: Sequence[Purchase]) -> ContactSpent:
    own = [each for each in orders if each.currency == currency]
    refunded = sum(each.refunded_minor for each in own)
    return ContactSpent(
        contact=contact,
        currency=currency,
        spent_minor=sum(each.charged_minor for each in own) - refunded,
        refunded_minor=refunded,
        orders_count=len(own),
    )
