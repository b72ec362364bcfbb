"""Orders of Saleor become purchases of contacts. A purchase never makes a subscriber."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from saleor_stripe_audience.audience.contacts.identity import (
    Person,
    contact_of,
    delete_if_unknown,
    refresh_totals,
)
from saleor_stripe_audience.audience.people import attributes
from saleor_stripe_audience.audience.people.addresses import usable
from saleor_stripe_audience.audience.people.audiences import audience_of_channel
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.payloads import Line, Order, language_tag, read_order
from saleor_stripe_audience.audience.shopping import carts, payment_facts, sold
from saleor_stripe_audience.audience.shopping.models import Purchase, PurchaseLine
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.shops.models import Installation


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an order cost, what was ever charged for it and what was given back, in one currency."""

    total: Money
    charged: Money
    refunded: Money


def record_order(installation: Installation, payload: Mapping[str, Any], issued_at: datetime) -> Purchase:
    """Keep an order as it stood at `issued_at`, in one transaction.

    Returns the purchase as it is kept then: what is older than what is kept changes nothing of it. It is nobody's
    when its buyer was erased, when the order was made anonymous in Saleor, or has no usable address. `Rejected` when it
    has no usable amount.
    """
    order = read_order(payload)
    amounts, lines = _amounts(order), _lines(order)
    person = None if order.is_anonymous else buyer_of(order, issued_at)
    with transaction.atomic():
        audience = audience_of_order(installation, order)
        contact = contact_of(audience, person) if person else None
        kept = _kept(installation, order)
        holder = kept.contact if kept else None
        sold.remember(installation, order, issued_at)
        if kept is not None and kept.issued_at > issued_at:
            _fill_in(kept, lines)
            if holder is None:
                delete_if_unknown(contact)
            return kept
        purchase, _ = Purchase.objects.update_or_create(
            installation=installation,
            saleor_order_id=order.id,
            defaults={"contact": contact, "issued_at": issued_at}
            | _fields(order, amounts, issued_at, contact),
        )
        _replace_lines(purchase, lines)
        payment_facts.attach(installation, [order.id, order.checkout_id], contact)
        if contact is not None and person is not None and _speaks_for(contact, person):
            attributes.keep(contact, order.metadata, issued_at, is_whole=False)
        for counted in {contact, holder}:
            refresh_totals(counted)
        carts.close(purchase)
        if contact is None:
            delete_if_unknown(holder)
        return purchase


def _speaks_for(contact: Contact, person: Person) -> bool:
    """Whoever types an address at the checkout must not write attributes of an account there."""
    return person.account_id is not None or contact.saleor_user_id is None


def audience_of_order(installation: Installation, order: Order) -> Audience:
    """The one in which the order began, also when its channel feeds another since."""
    fed = audience_of_channel(installation, order.channel)
    kept = _kept(installation, order)
    return kept.contact.audience if kept and kept.contact else fed


def _kept(installation: Installation, order: Order) -> Purchase | None:
    purchases = Purchase.objects.filter(installation=installation, saleor_order_id=order.id)
    return purchases.select_related("contact__audience").first()


def _replace_lines(purchase: Purchase, lines: list[PurchaseLine]) -> None:
    """The lines as they are now: what was taken off the order goes.

    Saleor no longer names the product of a line once the shop deleted it; what was known stays known.
    """
    known = {line.saleor_line_id: line for line in purchase.lines.all()}
    for line in lines:
        _learn(line, known.get(line.saleor_line_id))
    purchase.lines.all().delete()
    for line in lines:
        line.purchase = purchase
    PurchaseLine.objects.bulk_create(lines)


def _fill_in(kept: Purchase, older: list[PurchaseLine]) -> None:
    """What is told late was true before the shop deleted a product: it says which one it was."""
    told = {line.saleor_line_id: line for line in older}
    for line in kept.lines.filter(saleor_variant_id=""):
        if _learn(line, told.get(line.saleor_line_id)):
            line.save(update_fields=["saleor_product_id", "saleor_variant_id"])
            if kept.contact is not None:
                mark_changed(kept.contact)


def _learn(line: PurchaseLine, other: PurchaseLine | None) -> bool:
    if other is None or line.saleor_variant_id or not other.saleor_variant_id:
        return False
    line.saleor_product_id, line.saleor_variant_id = other.saleor_product_id, other.saleor_variant_id
    return True


def _fields(order: Order, amounts: Amounts, issued_at: datetime, contact: Contact | None) -> dict[str, Any]:
    return {
        "number": order.number,
        "status": order.status.upper(),
        "charge_status": _charge_status(order),
        "channel": order.channel,
        "currency": amounts.total.currency,
        "total_minor": amounts.total.minor,
        "charged_minor": amounts.charged.minor,
        "refunded_minor": amounts.refunded.minor,
        "voucher_code": order.voucher_code if contact else "",  # some are made out to one person
        "saleor_checkout_id": order.checkout_id,
        "placed_at": order.created or issued_at,
    }


def _charge_status(order: Order) -> str:
    return order.charge_status.upper() or ("FULL" if order.is_paid else "NONE")


def _amounts(order: Order) -> Amounts:
    """What was charged, whole: Saleor takes refunds off its `totalCharged` (60 charged, 5 back: it says 55).

    Observed on 3.23.28, in the recordings of partial and full refunds.
    """
    total = order.total.money()
    nothing = Money(0, total.currency)
    refunded = order.total_refunded.money() if order.total_refunded else nothing
    held = order.total_charged.balance() if order.total_charged else (total if order.is_paid else nothing)
    return Amounts(
        total, charged=Money(held.in_currency(total.currency), total.currency) + refunded, refunded=refunded
    )


def _lines(order: Order) -> list[PurchaseLine]:
    """A line told twice is one line: Saleor's id says which."""
    return [
        _line(line, order.total.currency.upper()) for line in {line.id: line for line in order.lines}.values()
    ]


def _line(line: Line, currency: str) -> PurchaseLine:
    return PurchaseLine(
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


def buyer_of(order: Order, issued_at: datetime) -> Person | None:
    """The account's own address where there is a proven account: it follows the person, the order's does not.

    None where neither is an address that can be written to: staff take orders by telephone, too.
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
    email = usable((account.email if account else "") or order.user_email)
    return Person(email, account.id if account else None, profile, issued_at) if email else None
