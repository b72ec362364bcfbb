"""Looks up at once what events will look for in the database: most buyers and orders are new, so nothing is found."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import CharField, F, QuerySet, Value

from saleor_stripe_audience.audience.people.addresses import usable_email
from saleor_stripe_audience.audience.people.audiences import Key, LockedShop
from saleor_stripe_audience.audience.people.models import Contact, FormerAddress
from saleor_stripe_audience.audience.privacy import tombstones
from saleor_stripe_audience.audience.shopping.models import Cart, PaymentFact, Purchase
from saleor_stripe_audience.composed import composed_once

Payload = Mapping[str, Any]


def look_ahead(shop: LockedShop, orders: Sequence[Payload], checkouts: Sequence[Payload]) -> None:
    """Note which keys of these orders and checkouts have no row, with one statement instead of several for each
    event.
    """
    placed, checked_out, still_open = (
        _texts(orders, "id"),
        _texts(orders, "checkoutId"),
        _texts(checkouts, "id"),
    )
    accounts = [user for each in (*orders, *checkouts) if isinstance(user := each.get("user"), dict)]
    account_ids = _texts(accounts, "id")
    given = _texts(orders, "userEmail") | _texts(checkouts, "email") | _texts(accounts, "email")
    addresses = {usable_email(each) for each in given} - {""}
    wanted = {
        Key.ORDER: placed,
        Key.ORDERED_CHECKOUT: still_open,
        Key.CART: checked_out | still_open,
        Key.PAYMENT_FACT: placed | checked_out | still_open,
        Key.ADDRESS: addresses,
        Key.ACCOUNT: account_ids,
    }
    if not any(wanted.values()):
        return
    found = _stored(shop.installation.pk, sorted(shop.audience_ids), *map(sorted, wanted.values()))
    shop.absent |= {(kind, key) for kind, keys in wanted.items() for key in keys}
    shop.absent -= {(Key(kind), key) for kind, key in found}
    if shop.has_tombstones:
        names = {tombstones.address(each) for each in addresses}
        names |= {tombstones.account(each) for each in account_ids}
        erased = tombstones.known(shop.installation, names, with_lifted=True)
        shop.absent |= {(Key.TOMBSTONE, name) for name in names - erased}


def _texts(payloads: Iterable[Payload], name: str) -> set[str]:
    """Return the field's texts in the payloads, which have not been checked yet."""
    return {value for each in payloads if isinstance(value := each.get(name), str) and value}


@composed_once
def _stored(
    installation_id: UUID,
    audience_ids: Sequence[UUID],
    orders: Sequence[str],
    ordered_checkouts: Sequence[str],
    carts: Sequence[str],
    payment_facts: Sequence[str],
    addresses: Sequence[str],
    accounts: Sequence[str],
) -> QuerySet[Any, tuple[str, str]]:
    purchases = Purchase.objects.filter(installation=installation_id)
    people = Contact.objects.filter(audience__in=audience_ids)
    former = FormerAddress.objects.filter(audience__in=audience_ids)
    queries = [
        _keys(purchases, Key.ORDER, "saleor_order_id", orders),
        _keys(purchases, Key.ORDERED_CHECKOUT, "saleor_checkout_id", ordered_checkouts),
        _keys(Cart.objects.filter(installation=installation_id), Key.CART, "saleor_checkout_id", carts),
        _keys(
            PaymentFact.objects.filter(installation=installation_id),
            Key.PAYMENT_FACT,
            "source_id",
            payment_facts,
        ),
        _keys(people, Key.ADDRESS, "email", addresses),
        _keys(people, Key.ACCOUNT, "saleor_user_id", accounts),
        _keys(former, Key.ADDRESS, "email", addresses),
    ]
    first, *others = [query for query in queries if query is not None]
    return first.union(*others, all=True)


def _keys(
    rows: QuerySet[Any], kind: Key, column: str, keys: Sequence[str]
) -> QuerySet[Any, tuple[str, str]] | None:
    if not keys:
        return None
    named = rows.filter(**{f"{column}__in": keys}).order_by()
    return named.values_list(Value(kind.value, CharField()), F(column))
