"""Carts: checkouts of Saleor whose shopper gave an address, until an order closes them.

Nothing is told of a cart that is left: silence is the only sign. A cart makes a contact, never a subscriber; what was
ticked on a checkout counts once there is an order.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from saleor_stripe_audience.audience.contacts.identity import Person, contact_of, delete_if_unknown, on_merge
from saleor_stripe_audience.audience.people.addresses import usable
from saleor_stripe_audience.audience.people.audiences import audience_of_channel, lock_shop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.payloads import (
    Checkout,
    CheckoutLine,
    language_tag,
    read_checkout,
)
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.shopping import payment_facts
from saleor_stripe_audience.audience.shopping.models import Cart, CartLine, Purchase
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.shops.models import Installation

PRUNED_AT_ONCE = 500


def record_checkout(
    installation: Installation, payload: Mapping[str, Any], issued_at: datetime
) -> Cart | None:
    """Keep a checkout as it stood at `issued_at`; None while it has no usable address.

    What is older than what is kept changes nothing of it. It is nobody's once its shopper was erased, or its order was
    made anonymous. `Rejected` when it has no usable amount.
    """
    checkout = read_checkout(payload)
    person = _shopper(checkout, issued_at)
    total, lines = checkout.total.money(), _lines(checkout)
    if person is None:
        return None
    with transaction.atomic():
        fed = audience_of_channel(installation, checkout.channel)
        kept = _kept(installation, checkout.id)
        order = _order_of(installation, checkout.id)
        holder = kept.contact if kept else None
        seen = contact_of(holder.audience if holder else _audience(order, fed), person)
        if kept is not None and kept.issued_at > issued_at:
            delete_if_unknown(seen)
            return kept
        contact = None if _is_nobodys(order) else seen
        cart, _ = Cart.objects.update_or_create(
            installation=installation,
            saleor_checkout_id=checkout.id,
            defaults={
                "contact": contact,
                "channel": checkout.channel,
                "currency": total.currency,
                "total_minor": total.minor,
                "voucher_code": checkout.voucher_code if contact else "",  # some are made out to one person
                "begun_at": checkout.created or issued_at,
                "last_active_at": checkout.updated_at or issued_at,
                "issued_at": issued_at,
                "closed_at": order.placed_at if order else None,
                "saleor_order_id": order.saleor_order_id if order else "",
            },
        )
        _replace_lines(cart, lines)
        payment_facts.attach(installation, [checkout.id], order.contact if order else contact)
        _let_go({holder, seen}, contact)
        return cart


def close(purchase: Purchase) -> None:
    """The order that the cart became is here; if that is nobody's, so is the cart."""
    if not purchase.saleor_checkout_id:
        return
    carts = Cart.objects.filter(
        installation=purchase.installation_id, saleor_checkout_id=purchase.saleor_checkout_id
    )
    holders = {cart.contact for cart in carts.select_related("contact")}
    carts.update(closed_at=purchase.placed_at, saleor_order_id=purchase.saleor_order_id)
    if purchase.contact is None:
        carts.update(contact=None, voucher_code="")
        _let_go(holders, None)
    for holder in holders:
        if holder is not None and purchase.contact is not None:
            mark_changed(holder)


def abandoned(audience: Audience, now: datetime) -> QuerySet[Cart]:
    """The audience's open carts that hold something and were silent for as long as its merchant chose.

    Whoever placed an order since, by whatever checkout, left nothing behind.
    """
    silent_since = now - timedelta(minutes=audience.cart_silence_minutes)
    left = Cart.objects.filter(contact__audience=audience, closed_at=None, last_active_at__lt=silent_since)
    return without_later_order(left.filter(Exists(CartLine.objects.filter(cart=OuterRef("pk")))), audience)


def without_later_order(carts: QuerySet[Cart], audience: Audience) -> QuerySet[Cart]:
    """Those of the audience's carts whose shopper placed no order after the cart's last activity.

    Any order counts that stands, paid or not: from another device, by staff, or in a channel of another audience.
    """
    return carts.exclude(_later_order(audience))


def with_later_order(carts: QuerySet[Cart], audience: Audience) -> QuerySet[Cart]:
    """The others."""
    return carts.filter(_later_order(audience))


def _later_order(audience: Audience) -> Exists | Q:
    later = Purchase.objects.placed().filter(placed_at__gte=OuterRef("last_active_at"))
    own = Exists(later.filter(contact=OuterRef("contact")))
    if not Audience.objects.filter(installation=audience.installation_id).exclude(pk=audience.pk).exists():
        return own
    elsewhere = later.filter(installation=audience.installation_id, contact__email=OuterRef("contact__email"))
    return Q(own) | Q(Exists(elsewhere))


def prune() -> int:
    """Let go of carts that nobody came back to for CART_RETENTION_DAYS, and of whom nothing else is known."""
    before = timezone.now() - timedelta(days=settings.CART_RETENTION_DAYS)
    old = Cart.objects.filter(last_active_at__lt=before).order_by("pk")
    pruned, failed = 0, list[int]()
    while some := list(old.exclude(pk__in=failed).select_related("installation", "contact")[:PRUNED_AT_ONCE]):
        for cart in some:
            with apart("pruning a cart", cart=str(cart.pk)) as failures, transaction.atomic():
                lock_shop(cart.installation)
                Cart.objects.filter(pk=cart.pk).delete()
                _let_go([cart.contact], None)
            if failures.any:
                failed.append(cart.pk)
            else:
                pruned += 1
    return pruned


@erasure.on_erase
def _leave(contact: Contact) -> None:
    """What is left of a cart tells nothing of a person: what is told late of it must not make it anybody's again."""
    contact.carts.update(contact=None, voucher_code="")


@on_merge
def _move(absorbed: Contact, kept: Contact) -> None:
    """The contact that goes on has the carts and the facts of both."""
    absorbed.carts.update(contact=kept)
    absorbed.payment_facts.update(contact=kept)


def _shopper(checkout: Checkout, issued_at: datetime) -> Person | None:
    """Who shops; nobody is known before a usable address is given: some tell every letter that is typed."""
    account = checkout.user if checkout.user and checkout.user.is_confirmed else None
    email = usable((account.email if account else "") or checkout.email)
    if not email:
        return None
    address = checkout.address
    profile = {
        "first_name": (account.first_name if account else "") or address.first_name,
        "last_name": (account.last_name if account else "") or address.last_name,
        "phone": address.phone,
        "city": address.city,
        "country": address.country,
        "language": language_tag(checkout.language_code),
    }
    return Person(email, account.id if account else None, profile, issued_at)


def _lines(checkout: Checkout) -> list[CartLine]:
    currency = checkout.total.currency.upper()
    return [_line(line, currency) for line in {line.id: line for line in checkout.lines}.values()]


def _line(line: CheckoutLine, currency: str) -> CartLine:
    return CartLine(
        saleor_line_id=line.id,
        saleor_product_id=line.product_id,
        saleor_variant_id=line.variant_id,
        product_name=line.product_name,
        variant_name=line.variant_name,
        sku=line.sku,
        quantity=line.quantity,
        total_minor=line.total_price.money().in_currency(currency),
    )


def _kept(installation: Installation, checkout_id: str) -> Cart | None:
    carts = Cart.objects.filter(installation=installation, saleor_checkout_id=checkout_id)
    return carts.select_related("contact__audience").first()


def _order_of(installation: Installation, checkout_id: str) -> Purchase | None:
    orders = Purchase.objects.filter(installation=installation, saleor_checkout_id=checkout_id)
    return orders.select_related("contact__audience").first()


def _audience(order: Purchase | None, fed: Audience) -> Audience:
    return order.contact.audience if order and order.contact else fed


def _is_nobodys(order: Purchase | None) -> bool:
    return order is not None and order.contact is None


def _replace_lines(cart: Cart, lines: list[CartLine]) -> None:
    cart.lines.all().delete()
    for line in lines:
        line.cart = cart
    CartLine.objects.bulk_create(lines)


def _let_go(holders: Iterable[Contact | None], kept: Contact | None) -> None:
    """Who had the cart and has it no longer goes, if nothing else is known of them; all have changed."""
    if kept is not None:
        mark_changed(kept)
    for holder in set(holders) - {kept, None}:
        if holder is not None:
            mark_changed(holder)
            delete_if_unknown(holder)
