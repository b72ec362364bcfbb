"""What events will look for in the database, looked for at once: most buyers and orders are new, so it is not there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import CharField, F, QuerySet, Value

from saleor_stripe_audience.audience.people.addresses import usable_email
from saleor_stripe_audience.audience.people.audiences import Key, LockedShop
from saleor_stripe_audience.audience.people.models import Contact, FormerAddress
from saleor_stripe_audience.audience.privacy import tombstones
from saleor_stripe_audience.audience.shopping.models import Cart, PaymentFact, Purchase

Payload = Mapping[str, Any]
Wanted = dict[Key, set[str]]


def look_ahead(shop: LockedShop, orders: Iterable[Payload], checkouts: Iterable[Payload]) -> None:
    """Note which keys of these orders and checkouts no row has: one statement instead of several for each event."""
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
    found = _found(shop, wanted)
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


def _found(shop: LockedShop, wanted: Wanted) -> set[tuple[Key, str]]:
    """Return those of the wanted keys that rows have."""
    purchases = Purchase.objects.filter(installation=shop.installation)
    carts = Cart.objects.filter(installation=shop.installation)
    facts = PaymentFact.objects.filter(installation=shop.installation)
    people = Contact.objects.filter(audience__in=shop.audience_ids)
    former = FormerAddress.objects.filter(audience__in=shop.audience_ids)
    queries = [
        _keys(purchases, Key.ORDER, "saleor_order_id", wanted),
        _keys(purchases, Key.ORDERED_CHECKOUT, "saleor_checkout_id", wanted),
        _keys(carts, Key.CART, "saleor_checkout_id", wanted),
        _keys(facts, Key.PAYMENT_FACT, "source_id", wanted),
        _keys(people, Key.ADDRESS, "email", wanted),
        _keys(people, Key.ACCOUNT, "saleor_user_id", wanted),
        _keys(former, Key.ADDRESS, "email", wanted),
    ]
    first, *others = [query for query in queries if query is not None]
    found = {(Key(kind), key) for kind, key in first.union(*others, all=True)}
    erased = tombstones.known(shop.installation, wanted[Key.TOMBSTONE], with_lifted=True)
    return found | {(Key.TOMBSTONE, name) for name in erased}


def _keys(
    rows: QuerySet[Any], kind: Key, column: str, wanted: Wanted
) -> QuerySet[Any, tuple[str, str]] | None:
    if not wanted[kind]:
        return None
    keys: Sequence[str] = sorted(wanted[kind])
    named = rows.filter(**{f"{column}__in": keys}).order_by()
    return named.values_list(Value(kind.value, CharField()), F(column))
