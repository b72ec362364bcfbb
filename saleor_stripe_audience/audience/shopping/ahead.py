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
Wanted = dict[Key, set[str]]


def look_ahead(shop: LockedShop, orders: Iterable[Payload], checkouts: Iterable[Payload]) -> None:
    """Note which keys of these orders and checkouts have no row, with one statement instead of several for each
    event.
    """
    wanted: Wanted = {key: set() for key in Key}
    for order in orders:
        _want(wanted, Key.ORDER, order.get("id"))
        _want(wanted, Key.CART, order.get("checkoutId"))
        for key in (order.get("id"), order.get("checkoutId")):
            _want(wanted, Key.PAYMENT_FACT, key)
        _want_person(wanted, order, order.get("userEmail"))
    for checkout in checkouts:
        for kind in (Key.CART, Key.ORDERED_CHECKOUT, Key.PAYMENT_FACT):
            _want(wanted, kind, checkout.get("id"))
        _want_person(wanted, checkout, checkout.get("email"))
    if not any(wanted.values()):
        return
    erased = tombstones.known(shop.installation, wanted[Key.TOMBSTONE], with_lifted=True)
    found = {(Key(kind), key) for kind, key in _stored_keys(shop, wanted)}
    found |= {(Key.TOMBSTONE, name) for name in erased}
    shop.absent |= {(kind, key) for kind, keys in wanted.items() for key in keys} - found


def _want(wanted: Wanted, kind: Key, key: object) -> None:
    if isinstance(key, str) and key:
        wanted[kind].add(key)


def _want_person(wanted: Wanted, payload: Payload, address: object) -> None:
    user = payload.get("user")
    account: Payload = user if isinstance(user, dict) else {}
    for each in (address, account.get("email")):
        email = usable_email(each) if isinstance(each, str) else ""
        if email:
            _want(wanted, Key.ADDRESS, email)
            _want(wanted, Key.TOMBSTONE, tombstones.address(email))
    if isinstance(account_id := account.get("id"), str):
        _want(wanted, Key.ACCOUNT, account_id)
        _want(wanted, Key.TOMBSTONE, tombstones.account(account_id))


def _stored_keys(shop: LockedShop, wanted: Wanted) -> list[tuple[str, str]]:
    """Return those of the wanted keys that rows have, but for tombstones."""
    addresses = sorted(wanted[Key.ADDRESS])
    return _stored(
        shop.installation.pk,
        sorted(shop.audience_ids),
        sorted(wanted[Key.ORDER]),
        sorted(wanted[Key.ORDERED_CHECKOUT]),
        sorted(wanted[Key.CART]),
        sorted(wanted[Key.PAYMENT_FACT]),
        addresses,
        sorted(wanted[Key.ACCOUNT]),
    )


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
