"""What contacts ordered and spent: computed from their purchases, per currency."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Min, Sum
from django.utils import timezone

from saleor_stripe_audience.audience.contacts.identity import on_merge
from saleor_stripe_audience.audience.people.audiences import LockedShop, shop_holding
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Contact, ContactSpent
from saleor_stripe_audience.audience.shopping.models import Purchase

COLUMNS = ("orders_count", "first_order_at", "last_order_at", "updated_at")

Contacts = Mapping[UUID, Contact]


@dataclass(frozen=True, slots=True)
class _Sum:
    """A contact's paid orders in one currency."""

    currency: str
    charged: int
    refunded: int
    orders: int
    first: datetime
    last: datetime


def refresh(contact: Contact | None) -> None:
    """Compute the contact's orders and spending again; inside `hold_shop` once, at its end."""
    if contact is None:
        return
    mark_changed(contact)
    shop = shop_holding(contact.audience_id)
    if shop is None:
        _store({contact.pk: contact})
    else:
        shop.gather(_store_gathered)[contact.pk] = contact


@on_merge
def _refresh_kept(_absorbed: Contact, kept: Contact) -> None:
    refresh(kept)


def _store_gathered(_: LockedShop, contacts: Contacts) -> None:
    _store(
        {pk: contact for pk, contact in contacts.items() if contact.pk is not None}
    )  # the others were deleted


def _store(contacts: Contacts) -> None:
    sums = _sums_of(contacts)
    had_orders = [pk for pk, contact in contacts.items() if contact.orders_count > 0]
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
    if rows:
        ContactSpent.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["contact", "currency"],
            update_fields=["spent_minor", "refunded_minor", "orders_count"],
        )


def _sums_of(contacts: Contacts) -> Mapping[UUID, list[_Sum]]:
    paid = Purchase.objects.paid().filter(contact__in=list(contacts)).order_by()
    rows = paid.values_list("contact", "currency").annotate(
        Sum("charged_minor"), Sum("refunded_minor"), Count("pk"), Min("placed_at"), Max("placed_at")
    )
    sums = defaultdict[UUID, list[_Sum]](list)
    for contact_id, *values in rows:
        sums[contact_id].append(_Sum(*values))
    return sums


def _store_orders(contacts: Contacts, sums: Mapping[UUID, list[_Sum]]) -> None:
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
    if len(changed) == 1:  # `save` would fail if the row was deleted
        [only] = changed
        Contact.objects.filter(pk=only.pk).update(**{name: getattr(only, name) for name in COLUMNS})
    elif changed:
        Contact.objects.bulk_update(changed, COLUMNS)


def _delete_other_currencies(contact_ids: Iterable[UUID], rows: Iterable[ContactSpent]) -> None:
    """Delete what the contacts no longer have: a purchase can move to another contact, or be cancelled."""
    present = {(row.contact_id, row.currency) for row in rows}
    stored = ContactSpent.objects.filter(contact__in=contact_ids).values_list("pk", "contact", "currency")
    outdated = [pk for pk, contact_id, currency in stored if (contact_id, currency) not in present]
    if outdated:
        ContactSpent.objects.filter(pk__in=outdated).delete()
