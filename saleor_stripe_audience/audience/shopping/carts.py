"""Carts: Saleor's checkouts whose shopper entered an address, until an order closes them.

Saleor sends no event for an abandoned cart: inactivity is the only sign. A cart creates a contact, but never a
subscriber; a box ticked in the checkout counts once there is an order.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from saleor_stripe_audience.audience.contacts.identity import (
    delete_if_empty,
    on_merge,
    upsert_contact,
)
from saleor_stripe_audience.audience.people.audiences import Key, LockedShop, lock_shop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.shopping import payment_facts
from saleor_stripe_audience.audience.shopping.models import Cart, CartLine, Purchase
from saleor_stripe_audience.audience.shopping.payloads import Checkout
from saleor_stripe_audience.audience.shopping.visible import Slugs, orders_within
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.money import nearest_to

PRUNE_BATCH_SIZE = 500


class CartState(StrEnum):
    """The state of a cart; `ORDERED_SINCE` means that the shopper abandoned it, but ordered through another
    checkout.
    """

    OPEN = "open"
    EMPTY = "empty"
    ABANDONED = "abandoned"
    ORDERED = "ordered"
    ORDERED_SINCE = "ordered_since"


def record_checkout(shop: LockedShop, checkout: Checkout, issued_at: datetime) -> Cart | None:
    """Store a checkout as of `issued_at`; returns the stored cart, or None while it has never had a valid address.

    An older event does not change a newer cart. A cart whose address was removed has no contact any more. A cart that
    became an order has the order's contact, so none once the buyer was erased or the order was anonymized. `Rejected`
    if the checkout has no valid amount.
    """
    person = checkout.buyer(issued_at)
    total, lines = nearest_to(checkout.total.amount, checkout.total.currency), _lines(checkout)
    stored, order = _find_cart(shop, checkout.id), _find_order(shop, checkout.id)
    if person is None and stored is None:
        return None
    channel = shop.channels.slug_of(checkout.channel)
    previous = stored.contact if stored else None
    shopper = None
    if person is not None:
        holder = previous or (order.contact if order is not None else None)
        audience = holder.audience if holder is not None else shop.audience_of_channel(channel)
        shopper = upsert_contact(shop, audience, person)
    if stored is not None and stored.issued_at > issued_at:
        delete_if_empty(shopper)
        return stored
    contact = order.contact if order is not None else shopper
    cart, _ = Cart.objects.update_or_create(
        installation=shop.installation,
        saleor_checkout_id=checkout.id,
        defaults={
            "contact": contact,
            "channel": channel,
            "currency": total.currency,
            "total_minor": total.minor,
            "voucher_code": checkout.voucher_code if contact else "",  # it can identify a person
            "started_at": checkout.created or issued_at,
            "last_active_at": checkout.updated_at or issued_at,
            "issued_at": issued_at,
            "closed_at": order.placed_at if order else None,
            "saleor_order_id": order.saleor_order_id if order else "",
        },
    )
    shop.absent.discard((Key.CART, checkout.id))
    _replace_lines(cart, lines)
    payment_facts.attach(shop, [checkout.id], contact)
    _release({previous, shopper}, contact)
    return cart


def close(shop: LockedShop, purchase: Purchase) -> None:
    """Close the cart that became this order, and assign it to the order's contact, if any."""
    if not purchase.saleor_checkout_id or (Key.CART, purchase.saleor_checkout_id) in shop.absent:
        return
    carts = Cart.objects.filter(
        installation=purchase.installation_id, saleor_checkout_id=purchase.saleor_checkout_id
    )
    holders = {cart.contact for cart in carts.select_related("contact")}
    if not holders:
        return
    carts.update(
        contact=purchase.contact, closed_at=purchase.placed_at, saleor_order_id=purchase.saleor_order_id
    )
    if purchase.contact is None:
        carts.update(voucher_code="")  # it can identify a person
    _release(holders, purchase.contact)


def abandoned(audience: Audience, now: datetime, slugs: Slugs = None) -> QuerySet[Cart]:
    """Return the audience's abandoned carts: open, not empty, and without activity for as long as the merchant chose.

    A cart is not abandoned if its shopper has placed an order since, through any checkout; with `slugs`, in one of
    these channels.
    """
    silent_since = now - timedelta(minutes=audience.cart_silence_minutes)
    carts = Cart.objects.filter(contact__audience=audience, closed_at=None, last_active_at__lt=silent_since)
    return without_later_order(
        carts.filter(Exists(CartLine.objects.filter(cart=OuterRef("pk")))), audience, slugs
    )


def states_of(
    contact: Contact, carts: Collection[Cart], now: datetime, slugs: Slugs = None
) -> dict[int, CartState]:
    """Return the state of each of these carts of the contact, by its key; their lines should be prefetched.

    With `slugs`, as if there were no other channels.
    """
    keys = [cart.pk for cart in carts if cart.closed_at is None]
    silent = set[int]()
    later = set[int]()
    if keys:
        silent = set(abandoned(contact.audience, now, slugs).filter(pk__in=keys).values_list("pk", flat=True))
        open_ones = contact.carts.filter(pk__in=keys)
        later = set(with_later_order(open_ones, contact.audience, slugs).values_list("pk", flat=True))

    def state(cart: Cart) -> CartState:
        if cart.closed_at is not None:
            return CartState.ORDERED
        if not cart.lines.all():
            return CartState.EMPTY
        if cart.pk in later:
            return CartState.ORDERED_SINCE
        return CartState.ABANDONED if cart.pk in silent else CartState.OPEN

    return {cart.pk: state(cart) for cart in carts}


def without_later_order(carts: QuerySet[Cart], audience: Audience, slugs: Slugs = None) -> QuerySet[Cart]:
    """Filter the audience's carts to those whose shopper placed no order after the cart's last activity.

    Any valid order counts, paid or not: from another device, by staff, or in a channel of another audience.
    """
    # One after the other, each is a join; an OR of both would be tried cart by cart.
    for later in _later_orders(audience, slugs):
        carts = carts.exclude(later)
    return carts


def with_later_order(carts: QuerySet[Cart], audience: Audience, slugs: Slugs = None) -> QuerySet[Cart]:
    """Filter the audience's carts to those whose shopper placed an order after the cart's last activity."""
    return carts.filter(Q(*_later_orders(audience, slugs), _connector=Q.OR))


def _later_orders(audience: Audience, slugs: Slugs) -> list[Exists]:
    """Return conditions on carts: an order of the contact itself, and of the same address in another audience.

    With the audiences by their ids, that address is found by an index; by their shop, all addresses are compared.
    """
    placed = Purchase.objects.placed().filter(placed_at__gte=OuterRef("last_active_at"))
    later = orders_within(placed, slugs)
    own = Exists(later.filter(contact=OuterRef("contact")))
    of_shop = Audience.objects.filter(installation=audience.installation_id)
    others = list(of_shop.exclude(pk=audience.pk).values_list("pk", flat=True))
    if not others:
        return [own]
    elsewhere = later.filter(contact__audience__in=others, contact__email=OuterRef("contact__email"))
    return [own, Exists(elsewhere)]


def prune() -> int:
    """Delete carts without activity for CART_RETENTION_DAYS, and contacts that had nothing else; returns how many."""
    before = timezone.now() - timedelta(days=settings.CART_RETENTION_DAYS)
    old = Cart.objects.filter(last_active_at__lt=before).order_by("pk")
    pruned, failed = 0, list[int]()
    while some := list(old.exclude(pk__in=failed).select_related("installation")[:PRUNE_BATCH_SIZE]):
        for each in some:
            with apart("pruning a cart", cart=str(each.pk)) as failures, transaction.atomic():
                lock_shop(each.installation)
                # Before the lock was taken, the shopper may have come back, registered or been merged.
                if cart := old.filter(pk=each.pk).select_related("contact").first():
                    cart.delete()
                    _release([cart.contact], None)
                    pruned += 1
            if failures.any:
                failed.append(each.pk)
    return pruned


@erasure.on_erase
def _anonymize(contact: Contact) -> None:
    """Keep the erased contact's carts without a contact: a late event must not assign them to a person again."""
    contact.carts.update(contact=None, voucher_code="")


@on_merge
def _move(absorbed: Contact, kept: Contact) -> None:
    """Move the carts and payment facts to the remaining contact."""
    absorbed.carts.update(contact=kept)
    absorbed.payment_facts.update(contact=kept)


def _lines(checkout: Checkout) -> list[CartLine]:
    """Return the cart's lines, each Saleor id once."""
    currency = checkout.total.currency.upper()
    return [
        CartLine(
            saleor_line_id=line.id,
            saleor_product_id=line.product_id,
            saleor_variant_id=line.variant_id,
            product_name=line.product_name,
            variant_name=line.variant_name,
            sku=line.sku,
            quantity=line.quantity,
            total_minor=nearest_to(line.total_price.amount, line.total_price.currency).in_currency(currency),
        )
        for line in {line.id: line for line in checkout.lines}.values()
    ]


def _find_cart(shop: LockedShop, checkout_id: str) -> Cart | None:
    if (Key.CART, checkout_id) in shop.absent:
        return None
    carts = Cart.objects.filter(installation=shop.installation, saleor_checkout_id=checkout_id)
    return carts.select_related("contact__audience").first()


def _find_order(shop: LockedShop, checkout_id: str) -> Purchase | None:
    if (Key.ORDERED_CHECKOUT, checkout_id) in shop.absent:
        return None
    orders = Purchase.objects.filter(installation=shop.installation, saleor_checkout_id=checkout_id)
    return orders.select_related("contact__audience").first()


def _replace_lines(cart: Cart, lines: list[CartLine]) -> None:
    cart.lines.all().delete()
    for line in lines:
        line.cart = cart
    CartLine.objects.bulk_create(lines)


def _release(holders: Iterable[Contact | None], current: Contact | None) -> None:
    """Mark the cart's holders as changed, and delete former holders that have no other data."""
    if current is not None:
        mark_changed(current)
    for former in set(holders) - {current, None}:
        if former is not None:
            mark_changed(former)
            delete_if_empty(former)
