"""What contacts ordered and spent: computed from their purchases, per currency."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.utils import timezone

from saleor_stripe_audience.audience.contacts.identity import on_merge
from saleor_stripe_audience.audience.people.audiences import LockedShop, shop_holding
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Contact, ContactSpent
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.composed import composed_once
from saleor_stripe_audience.statements import insert_rows, update_row

COLUMNS = ("orders_count", "first_order_at", "last_order_at", "updated_at")

Contacts = Mapping[UUID, Contact]
Sums = Mapping[UUID, Sequence["_Sum"]]


@dataclass(frozen=True, slots=True)
class _Sum:
    """A contact's paid orders in one currency."""

    currency: str
    charged: int
    refunded: int
    orders: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class _Due:
    """A contact, with its sums if they are known without its other purchases."""

    contact: Contact
    sums: list[_Sum] | None


def refresh(contact: Contact) -> None:
    """Compute the contact's orders and spending again; inside `hold_shop` once, at its end."""
    shop = shop_holding(contact.audience_id)
    if shop is not None:
        refresh_at_end(shop, contact)
    else:
        mark_changed(contact)
        _store({contact.pk: contact}, _sums_of([contact.pk]))


def refresh_at_end(shop: LockedShop, contact: Contact | None, *, added: Purchase | None = None) -> None:
    """Compute the contact's orders and spending again, once for all changes, before the shop's lock is released.

    `added`: the only change to the contact's purchases is this new one.
    """
    if contact is None:
        return
    due: dict[UUID, _Due] = shop.gathered[_store_gathered]
    is_first = contact.pk in shop.created and contact.pk not in due
    due[contact.pk] = _Due(contact, _sums_of_only(added) if added is not None and is_first else None)
    mark_changed(contact)


@on_merge
def _refresh_kept(_absorbed: Contact, kept: Contact) -> None:
    refresh(kept)


def _store_gathered(shop: LockedShop, due: Mapping[UUID, _Due]) -> None:
    remaining = {pk: each for pk, each in due.items() if pk not in shop.deleted}
    new = {pk: each.sums for pk, each in remaining.items() if each.sums is not None}
    others = [pk for pk in remaining if pk not in new]
    sums = new | _sums_of(others) if others else new
    _store({pk: each.contact for pk, each in remaining.items()}, sums, new)


def _store(contacts: Contacts, sums: Sums, new: Collection[UUID] = ()) -> None:
    """Store the sums; nothing is stored yet for the `new` contacts."""
    had_orders = [pk for pk, contact in contacts.items() if contact.orders_count > 0 and pk not in new]
    _store_orders(contacts, sums)
    rows = [
        ContactSpent(
            contact=contact,
            currency=each.currency,
            spent_minor=each.charged - each.refunded,
            refunded_minor=each.refunded,
            orders_count=each.orders,
        )
        for pk, contact in contacts.items()
        for each in sums[pk]
    ]
    if had_orders:
        _delete_other_currencies(had_orders, rows)
    insert_rows(
        rows, unique=["contact", "currency"], update=["spent_minor", "refunded_minor", "orders_count"]
    )


def _sums_of_only(purchase: Purchase) -> list[_Sum]:
    if not purchase.is_paid:
        return []
    at = purchase.placed_at
    return [_Sum(purchase.currency, purchase.charged_minor, purchase.refunded_minor, 1, at, at)]


def _sums_of(contact_ids: Sequence[UUID]) -> dict[UUID, list[_Sum]]:
    sums: dict[UUID, list[_Sum]] = {pk: [] for pk in contact_ids}
    for contact_id, *values in _sums(contact_ids):
        sums[contact_id].append(_Sum(*values))
    return sums


@composed_once
def _sums(contact_ids: Sequence[UUID]) -> QuerySet[Purchase, tuple[Any, ...]]:
    paid = Purchase.objects.paid().filter(contact__in=contact_ids).order_by()
    return paid.values_list("contact", "currency").annotate(
        Sum("charged_minor"), Sum("refunded_minor"), Count("pk"), Min("placed_at"), Max("placed_at")
    )


def _store_orders(contacts: Contacts, sums: Sums) -> None:
    changed = []
    for pk, contact in contacts.items():
        orders = (
            sum(each.orders for each in sums[pk]),
            min((each.first for each in sums[pk]), default=None),
            max((each.last for each in sums[pk]), default=None),
        )
        if orders != (contact.orders_count, contact.first_order_at, contact.last_order_at):
            contact.orders_count, contact.first_order_at, contact.last_order_at = orders
            contact.updated_at = timezone.now()
            changed.append(contact)
    if len(changed) == 1:
        update_row(changed[0], COLUMNS)
    elif changed:
        Contact.objects.bulk_update(changed, COLUMNS)


def _delete_other_currencies(contact_ids: Iterable[UUID], rows: Iterable[ContactSpent]) -> None:
    """Delete what the contacts no longer have: a purchase can move to another contact, or be cancelled."""
    present = {(row.contact_id, row.currency) for row in rows}
    stored = ContactSpent.objects.filter(contact__in=contact_ids).values_list("pk", "contact", "currency")
    outdated = [pk for pk, contact_id, currency in stored if (contact_id, currency) not in present]
    if outdated:
        ContactSpent.objects.filter(pk__in=outdated).delete()
