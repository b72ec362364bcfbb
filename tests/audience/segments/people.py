"""Contacts with everything that a condition can refer to, inserted directly into the tables."""

import base64
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from saleor_stripe_audience.audience.people import attributes
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactAttribute
from saleor_stripe_audience.audience.shopping import totals
from saleor_stripe_audience.audience.shopping.models import (
    Cart,
    CartLine,
    PaymentFact,
    Purchase,
    PurchaseLine,
    SoldProduct,
    SoldProductCollection,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
_numbers = count(1)


def saleor_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def product(number: int) -> str:
    return saleor_id("Product", number)


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


def contact(audience: Audience, **fields: Any) -> Contact:
    made = Contact.objects.create(
        audience=audience, **{"email": f"person{next(_numbers)}@shop.example"} | fields
    )
    made.refresh_from_db()
    return made


def bought(who: Contact, *products: int, at: datetime = NOW, minor: int = 2000, **fields: Any) -> Purchase:
    order = Purchase.objects.create(
        contact=who,
        installation_id=who.audience.installation_id,
        saleor_order_id=saleor_id("Order", next(_numbers)),
        number=str(next(_numbers)),
        **{
            "status": "UNFULFILLED",
            "charge_status": "FULL",
            "channel": "default-channel",
            "currency": "USD",
            "total_minor": minor,
            "charged_minor": minor,
            "refunded_minor": 0,
            "placed_at": at,
            "issued_at": at,
        }
        | fields,
    )
    for number in products:
        PurchaseLine.objects.create(
            purchase=order,
            saleor_line_id=str(next(_numbers)),
            saleor_product_id=product(number),
            saleor_variant_id=saleor_id("ProductVariant", number * 10),
            quantity=1,
            unit_minor=minor,
            total_minor=minor,
        )
    totals.refresh(who)
    who.refresh_from_db()
    return order


def sold(audience: Audience, number: int, *, category: int, kind: int, collections: list[int]) -> SoldProduct:
    made = SoldProduct.objects.create(
        installation_id=audience.installation_id,
        saleor_product_id=product(number),
        saleor_category_id=saleor_id("Category", category),
        saleor_product_type_id=saleor_id("ProductType", kind),
        issued_at=NOW,
    )
    for each in collections:
        SoldProductCollection.objects.create(product=made, saleor_collection_id=saleor_id("Collection", each))
    return made


def cart(who: Contact, *, silent_since: datetime, lines: int = 1, **fields: Any) -> Cart:
    made = Cart.objects.create(
        contact=who,
        installation_id=who.audience.installation_id,
        saleor_checkout_id=saleor_id("Checkout", next(_numbers)),
        currency="USD",
        total_minor=4000,
        started_at=silent_since,
        last_active_at=silent_since,
        issued_at=silent_since,
        **fields,
    )
    for number in range(lines):
        CartLine.objects.create(
            cart=made,
            saleor_line_id=str(number),
            saleor_product_id=product(number + 1),
            saleor_variant_id=saleor_id("ProductVariant", (number + 1) * 10),
            quantity=1,
            total_minor=4000,
        )
    return made


def attribute(who: Contact, key: str, value: str) -> ContactAttribute:
    return ContactAttribute.objects.create(
        contact=who, key=key, value=value, number=attributes.parse_number(value), said_at=NOW
    )


def add_payment_fact(who: Contact, kind: str, *, at: datetime, code: str = "") -> PaymentFact:
    return PaymentFact.objects.create(
        contact=who,
        installation_id=who.audience.installation_id,
        kind=kind,
        code=code,
        currency="USD",
        amount_minor=2000,
        at=at,
        reference=f"pi_{next(_numbers)}",
        key=str(next(_numbers)),
    )
