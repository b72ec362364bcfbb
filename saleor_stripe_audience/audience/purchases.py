"""Orders of Saleor become purchases of contacts. A purchase never makes a subscriber."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from saleor_stripe_audience.audience.addresses import normalised
from saleor_stripe_audience.audience.contacts import Person, contact_of, default_audience, refresh_totals
from saleor_stripe_audience.audience.models import Purchase, PurchaseLine
from saleor_stripe_audience.audience.orders import Line, Order, language_tag, read_order
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.saleor.models import Installation


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an order cost, what was ever charged for it and what was given back, in one currency."""

    total: Money
    charged: Money
    refunded: Money


def record_order(installation: Installation, payload: Mapping[str, Any], issued_at: datetime) -> Purchase:
    """Keep an order as it stood at `issued_at`, in one transaction.

    Returns the purchase as it is kept then: what is older than what is kept changes nothing of it. `Rejected`
    when the order has no usable address or amount.
    """
    order = read_order(payload)
    amounts, lines = _amounts(order), _lines(order)
    person = _buyer(order, issued_at)
    with transaction.atomic():
        contact = contact_of(default_audience(installation), person)
        kept = Purchase.objects.filter(installation=installation, saleor_order_id=order.id).first()
        if kept is not None and kept.issued_at > issued_at:
            return kept
        purchase, _ = Purchase.objects.update_or_create(
            installation=installation,
            saleor_order_id=order.id,
            defaults={"contact": contact, "issued_at": issued_at} | _fields(order, amounts, issued_at),
        )
        _replace_lines(purchase, lines)
        for counted in {contact, kept.contact} if kept else {contact}:
            refresh_totals(counted)
        return purchase


def _replace_lines(purchase: Purchase, lines: list[PurchaseLine]) -> None:
    """The lines as they are now: what was taken off the order goes."""
    purchase.lines.all().delete()
    for line in lines:
        line.purchase = purchase
    PurchaseLine.objects.bulk_create(lines)


def _fields(order: Order, amounts: Amounts, issued_at: datetime) -> dict[str, Any]:
    return {
        "number": order.number,
        "status": order.status.upper(),
        "charge_status": _charge_status(order),
        "channel": order.channel,
        "currency": amounts.total.currency,
        "total_minor": amounts.total.minor,
        "charged_minor": amounts.charged.minor,
        "refunded_minor": amounts.refunded.minor,
        "voucher_code": order.voucher_code,
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
    held = order.total_charged.money() if order.total_charged else (total if order.is_paid else nothing)
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
        unit_minor=line.unit_price.money().in_currency(currency),
        total_minor=line.total_price.money().in_currency(currency),
    )


def _buyer(order: Order, issued_at: datetime) -> Person:
    """The account's own address where there is an account: it follows the person, the order's does not."""
    account, address = order.user, order.address
    profile = {
        "first_name": (account.first_name if account else "") or address.first_name,
        "last_name": (account.last_name if account else "") or address.last_name,
        "phone": address.phone,
        "country": address.country,
        "language": language_tag(order.language_code_enum),
    }
    email = (account.email if account else "") or order.user_email
    return Person(normalised(email), account.id if account else None, profile, issued_at)
