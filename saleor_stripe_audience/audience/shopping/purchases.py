"""Saleor's orders become purchases of contacts. A purchase never makes anyone a subscriber."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from saleor_stripe_audience.audience.contacts.identity import (
    Person,
    delete_if_empty,
    upsert_contact,
)
from saleor_stripe_audience.audience.people import attributes
from saleor_stripe_audience.audience.people.addresses import usable_email
from saleor_stripe_audience.audience.people.audiences import Key, LockedShop, hold_shop, is_absent
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.people.payloads import language_tag
from saleor_stripe_audience.audience.shopping import carts, payment_facts, sold, totals
from saleor_stripe_audience.audience.shopping.models import Purchase, PurchaseLine
from saleor_stripe_audience.audience.shopping.payloads import Order
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.statements import insert_rows


@dataclass(frozen=True, slots=True)
class Amounts:
    """An order's total, everything ever charged for it, and everything refunded, in one currency."""

    total: Money
    charged: Money
    refunded: Money


def record_order(installation: Installation, order: Order, issued_at: datetime) -> Purchase:
    """Store an order as of `issued_at`, in one transaction; returns the stored purchase.

    An older event does not change a newer purchase. The purchase has no contact if the buyer was erased, or if the
    order was anonymized in Saleor or has no valid address. `Rejected` if an amount is not valid in its currency.
    """
    fields, lines = _fields(order, _amounts(order), issued_at), _lines(order)
    reported = Purchase(installation=installation, saleor_order_id=order.id, **fields)
    person = None if order.is_anonymous else buyer_of(order, issued_at)
    with hold_shop(installation) as shop:
        stored = _find_purchase(installation, order)
        bought_at = reported.placed_at if stored is None and reported.is_paid else None
        audience = _audience_of(shop, order, stored)
        contact = upsert_contact(audience, person, bought_at=bought_at) if person else None
        if stored is not None:
            stored = _find_purchase(
                installation, order
            )  # its contact may have been merged or erased just now
        previous = stored.contact if stored else None
        sold.record_products(shop, order, issued_at)
        if stored is not None and stored.issued_at > issued_at:
            _add_missing_products(stored, lines)
            if previous is None:
                delete_if_empty(contact)
            return stored
        purchase = stored or reported
        for name, value in fields.items():
            setattr(purchase, name, value)
        purchase.contact = contact
        purchase.voucher_code = order.voucher_code if contact else ""  # it can identify a person
        if stored is None:
            insert_rows([purchase])
        else:
            purchase.save()
        shop.note_stored(Key.ORDER, order.id)
        shop.note_stored(Key.ORDERED_CHECKOUT, order.checkout_id)
        _store_lines(purchase, lines, is_new=stored is None)
        payment_facts.attach(installation, [order.id, order.checkout_id], contact)
        # A guest can type any address at the checkout, so their metadata must not change an account's attributes.
        if contact and person and (person.account_id is not None or contact.saleor_user_id is None):
            attributes.store(contact, order.metadata, issued_at, is_whole=False)
        for each in {contact, previous}:
            totals.refresh(each, added=purchase if stored is None else None)
        carts.close(purchase)
        if contact is None:
            delete_if_empty(previous)
        return purchase


def audience_of_order(shop: LockedShop, order: Order) -> Audience:
    """Return the audience in which the order started, even if its channel feeds another one now."""
    if len(shop.audience_ids) == 1:
        return shop.default
    return _audience_of(shop, order, _find_purchase(shop.installation, order))


def _audience_of(shop: LockedShop, order: Order, stored: Purchase | None) -> Audience:
    if stored is not None and stored.contact is not None:
        return shop.audience(stored.contact.audience_id)
    return shop.audience_of_channel(order.channel)


def _find_purchase(installation: Installation, order: Order) -> Purchase | None:
    if is_absent(installation.pk, Key.ORDER, order.id):
        return None
    purchases = Purchase.objects.filter(installation=installation, saleor_order_id=order.id)
    return purchases.select_related("contact").first()


def _store_lines(purchase: Purchase, lines: list[PurchaseLine], *, is_new: bool) -> None:
    """Replace the purchase's lines with the current ones; lines removed from the order are deleted.

    Saleor no longer sends the product of a line once the shop deleted it; the stored ids remain.
    """
    if not is_new:
        stored = {line.saleor_line_id: line for line in purchase.lines.all()}
        for line in lines:
            _copy_product(line, stored.get(line.saleor_line_id))
        purchase.lines.all().delete()
    for line in lines:
        line.purchase = purchase
    insert_rows(lines)


def _add_missing_products(purchase: Purchase, older: list[PurchaseLine]) -> None:
    """Add product ids from a late event, sent before the shop deleted the product."""
    older_lines = {line.saleor_line_id: line for line in older}
    for line in purchase.lines.filter(saleor_variant_id=""):
        if _copy_product(line, older_lines.get(line.saleor_line_id)):
            line.save(update_fields=["saleor_product_id", "saleor_variant_id"])
            if purchase.contact is not None:
                mark_changed(purchase.contact)


def _copy_product(line: PurchaseLine, other: PurchaseLine | None) -> bool:
    if other is None or line.saleor_variant_id or not other.saleor_variant_id:
        return False
    line.saleor_product_id, line.saleor_variant_id = other.saleor_product_id, other.saleor_variant_id
    return True


def _fields(order: Order, amounts: Amounts, issued_at: datetime) -> dict[str, Any]:
    return {
        "issued_at": issued_at,
        "number": order.number,
        "status": order.status.upper(),
        "charge_status": order.charge_status.upper() or ("FULL" if order.is_paid else "NONE"),
        "channel": order.channel,
        "currency": amounts.total.currency,
        "total_minor": amounts.total.minor,
        "charged_minor": amounts.charged.minor,
        "refunded_minor": amounts.refunded.minor,
        "saleor_checkout_id": order.checkout_id,
        "placed_at": order.created or issued_at,
    }


def _amounts(order: Order) -> Amounts:
    """Return the order's amounts. `charged` is gross, while Saleor subtracts refunds from its `totalCharged`.

    Observed on 3.23.28, in the recordings of partial and full refunds: 60 charged and 5 refunded is sent as 55.
    """
    total = order.total.money()
    zero = Money(0, total.currency)
    refunded = order.total_refunded.money() if order.total_refunded else zero
    net = order.total_charged.balance() if order.total_charged else (total if order.is_paid else zero)
    charged = Money(net.in_currency(total.currency), total.currency) + refunded
    return Amounts(total, charged, refunded)


def _lines(order: Order) -> list[PurchaseLine]:
    """Return the order's lines, each Saleor id once."""
    currency = order.total.currency.upper()
    return [
        PurchaseLine(
            saleor_line_id=line.id,
            saleor_product_id=line.product_id,
            saleor_variant_id=line.variant_id,
            product_name=line.product_name,
            variant_name=line.variant_name,
            sku=line.product_sku,
            quantity=line.quantity,
            quantity_fulfilled=line.quantity_fulfilled,
            unit_minor=line.unit_price.money().in_currency(currency),
            total_minor=line.total_price.money().in_currency(currency),
        )
        for line in {line.id: line for line in order.lines}.values()
    ]


def buyer_of(order: Order, issued_at: datetime) -> Person | None:
    """Return the buyer; None without a valid address, as in an order that staff took by phone.

    A confirmed account's own address comes before the order's, because it changes with the person.
    """
    account = order.user if order.user and order.user.is_confirmed else None
    address = order.address
    profile = {
        "first_name": (account.first_name if account else "") or address.first_name,
        "last_name": (account.last_name if account else "") or address.last_name,
        "phone": address.phone,
        "city": address.city,
        "country": address.country,
        "language": language_tag(order.language_code_enum),
    }
    email = usable_email((account.email if account else "") or order.user_email)
    return Person(email, account.id if account else None, profile, issued_at) if email else None
