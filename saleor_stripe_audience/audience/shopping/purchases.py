"""Saleor's orders become purchases of contacts. A purchase never makes anyone a subscriber."""

from datetime import datetime
from typing import Any

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.contacts.identity import Person, delete_if_empty, upsert_contact
from saleor_stripe_audience.audience.people import attributes
from saleor_stripe_audience.audience.people.audiences import Key, LockedShop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.shopping import carts, payment_facts, sold, totals
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase, PurchaseLine
from saleor_stripe_audience.audience.shopping.payloads import Order
from saleor_stripe_audience.money import nearest_to
from saleor_stripe_audience.shops.channels import on_rename
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.statements import insert_rows


def record_order(shop: LockedShop, order: Order, issued_at: datetime) -> Purchase:
    """Store an order as of `issued_at`; returns the stored purchase.

    An older event does not change a newer purchase. The purchase has no contact if the buyer was erased, or if the
    order was anonymized in Saleor or has no valid address. `Rejected` if an amount is not valid in its currency.
    """
    fields, lines = _fields(shop, order, issued_at), _lines(order)
    reported = Purchase(installation=shop.installation, saleor_order_id=order.id, **fields)
    person = order.buyer(issued_at)
    stored = find_purchase(shop, order)
    audience = audience_of(shop, order, stored)
    bought_at = reported.placed_at if stored is None and reported.is_paid else None
    contact = upsert_contact(shop, audience, person, bought_at=bought_at) if person else None
    if stored is not None:
        stored = find_purchase(shop, order)  # its contact may have been merged or erased just now
    previous = stored.contact if stored else None
    sold.record_products(shop, order, issued_at)
    if stored is not None and stored.issued_at > issued_at:
        _learn_from_late_event(shop, stored, order, lines, contact)
        return stored
    purchase = stored or reported
    for name, value in fields.items():
        setattr(purchase, name, value)
    _notice_account(shop, purchase, order, contact)
    purchase.contact = contact
    # These can identify a person.
    purchase.voucher_code = order.voucher_code if contact else ""
    purchase.saleor_user_id = _account_of(purchase, previous, person) if contact else ""
    if stored is None:
        insert_rows([purchase])
    else:
        purchase.save()
        _remove_lines(purchase, lines)
    for line in lines:
        line.purchase = purchase
    insert_rows(lines)
    shop.absent -= {(Key.ORDER, order.id), (Key.ORDERED_CHECKOUT, order.checkout_id)}
    payment_facts.attach(shop, [order.id, order.checkout_id], contact)
    # A guest can type any address at the checkout, so their metadata must not change an account's attributes, nor an
    # account's those of the address to which staff corrected its order.
    is_guests = not purchase.is_placed_by_account
    if contact and (order.is_placed_by_account or (is_guests and contact.saleor_user_id is None)):
        attributes.store(contact, order.metadata, issued_at, is_whole=False)
    for each in {contact, previous}:
        totals.refresh_at_end(shop, each, added=purchase if stored is None else None)
    if previous and previous != contact:
        _leave(shop, previous, purchase, person)
    carts.close(shop, purchase)
    return purchase


def _account_of(purchase: Purchase, previous: Contact | None, person: Person | None) -> str:
    """Return the account that the order is or was assigned to: Saleor sends none once the account was deleted."""
    former = purchase.saleor_user_id if purchase.contact == previous else ""
    return (person.account_id if person is not None else None) or former


def _learn_from_late_event(
    shop: LockedShop, purchase: Purchase, order: Order, lines: list[PurchaseLine], contact: Contact | None
) -> None:
    """Keep what only an older event of the order knows; `contact` was the buyer at that time."""
    _add_missing_products(purchase, lines)
    if _notice_account(shop, purchase, order, contact):
        purchase.save(update_fields=["is_placed_by_account"])
    if purchase.contact != contact:
        delete_if_empty(contact)


def _notice_account(shop: LockedShop, purchase: Purchase, order: Order, contact: Contact | None) -> bool:
    """Mark a purchase that an account placed, and delete what it recorded as a guest's; returns whether that is new.

    `contact` is the buyer of this event.
    """
    if purchase.is_placed_by_account or not (order.is_placed_by_account or order.was_placed_by_account):
        return False
    purchase.is_placed_by_account = True
    if purchase.pk is not None:
        owner = contact if order.is_placed_by_account else None
        for each in ledger.retract_order(order.id, shop.audience_ids, owner, purchase.contact):
            if each != contact:
                delete_if_empty(each)
    return True


def _leave(shop: LockedShop, previous: Contact, purchase: Purchase, person: Person | None) -> None:
    """Let the consent given with the order follow it from `previous` to its current contact."""
    if person is not None and not purchase.is_placed_by_account:
        corrected, erased_at = purchase.contact, None
        if corrected is not None and shop.has_tombstones:
            erased_at = erasure.last_erased_at(shop.installation, corrected)
        ledger.correct_order(purchase.saleor_order_id, previous, corrected, person.email, erased_at)
    delete_if_empty(previous)


@on_rename
def _follow_channel(installation: Installation, before: str, after: str) -> None:
    """Keep the orders and carts with their renamed channel, by which they are filtered."""
    for rows in (Purchase.objects, Cart.objects):
        rows.filter(installation=installation, channel=before).update(channel=after)


def audience_of(shop: LockedShop, order: Order, stored: Purchase | None) -> Audience:
    """Return the audience in which the order started, even if its channel feeds another one now."""
    if stored is not None and stored.contact is not None:
        return shop.audience(stored.contact.audience_id)
    return shop.audience_of_channel(shop.channels.slug_of(order.channel))


def find_purchase(shop: LockedShop, order: Order) -> Purchase | None:
    if (Key.ORDER, order.id) in shop.absent:
        return None
    purchases = Purchase.objects.filter(installation=shop.installation, saleor_order_id=order.id)
    return purchases.select_related("contact").first()


def _remove_lines(purchase: Purchase, current: list[PurchaseLine]) -> None:
    """Delete the purchase's lines, which the current ones replace.

    Saleor no longer sends the product of a line once the shop deleted it; the stored ids remain.
    """
    stored = {line.saleor_line_id: line for line in purchase.lines.all()}
    for line in current:
        _copy_product(line, stored.get(line.saleor_line_id))
    purchase.lines.all().delete()


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


def _fields(shop: LockedShop, order: Order, issued_at: datetime) -> dict[str, Any]:
    """Return the purchase's columns.

    `charged_minor` is gross, while Saleor subtracts refunds from its `totalCharged`. Observed on 3.23.28, in the
    recordings of partial and full refunds: 60 charged and 5 refunded is sent as 55.
    """
    total = nearest_to(order.total.amount, order.total.currency)
    refunded = 0
    if (back := order.total_refunded) is not None:
        refunded = nearest_to(back.amount, back.currency).in_currency(total.currency)
    if (net := order.total_charged) is not None:
        remaining = nearest_to(abs(net.amount), net.currency).in_currency(total.currency)
        if net.amount < 0:  # after a refund and a full dispute (observed)
            remaining = -remaining
    else:
        remaining = total.minor if order.is_paid else 0
    return {
        "issued_at": issued_at,
        "number": order.number,
        "status": order.status.upper(),
        "charge_status": order.charge_status.upper() or ("FULL" if order.is_paid else "NONE"),
        "channel": shop.channels.slug_of(order.channel),
        "currency": total.currency,
        "total_minor": total.minor,
        "charged_minor": remaining + refunded,
        "refunded_minor": refunded,
        "saleor_checkout_id": order.checkout_id,
        "placed_at": order.created or issued_at,
    }


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
            unit_minor=nearest_to(line.unit_price.amount, line.unit_price.currency).in_currency(currency),
            total_minor=nearest_to(line.total_price.amount, line.total_price.currency).in_currency(currency),
        )
        for line in {line.id: line for line in order.lines}.values()
    ]
