"""By what the lists of the API can be narrowed and ordered. A filter's fields must all hold."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy

from saleor_stripe_audience.errors import Rejected

MOST_VALUES = 100


@strawberry.enum(description="In which direction a list is ordered.")
class Direction(Enum):
    ASC = strawberry.enum_value("asc", description="Smallest, earliest or first in the alphabet first.")
    DESC = strawberry.enum_value("desc", description="Largest, latest or last in the alphabet first.")


@strawberry.input(description="A span of time; both ends may be left out.")
class DateRange:
    gte: datetime | None = strawberry.field(default=None, description="From this moment on.")
    lt: datetime | None = strawberry.field(default=None, description="Before this moment.")


@strawberry.input(description="Which payments.")
class PaymentFilter:
    transaction_id: str | None = strawberry.field(default=None, description="Saleor's id of the transaction.")
    payment_intent_id: str | None = strawberry.field(
        default=None, description="Stripe's id of the PaymentIntent."
    )
    status: list[str] | None = strawberry.field(
        default=None, description="Any of these statuses of Stripe's, such as succeeded."
    )
    channel_slug: list[str] | None = strawberry.field(default=None, description="Any of these channels.")
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code.")
    declined: bool | None = strawberry.field(
        default=None, description="Only those whose last attempt was declined, or only the others."
    )
    created_at: DateRange | None = strawberry.field(
        default=None, description="When the shopper began to pay."
    )
    updated_at: DateRange | None = strawberry.field(default=None, description="When it last changed here.")

    def condition(self) -> Q:
        found = equal(transaction_id=self.transaction_id, payment_intent_id=self.payment_intent_id)
        found &= any_of(status=self.status, channel_slug=self.channel_slug)
        found &= equal(currency=self.currency and self.currency.upper())
        if self.declined is not None:
            found &= ~Q(decline_code="") if self.declined else Q(decline_code="")
        return found & within(created_at=self.created_at, updated_at=self.updated_at)


@strawberry.input(description="Which products.")
class ProductFilter:
    sku: str | None = strawberry.field(default=None, description="This stock keeping unit.")
    saleor_product_id: str | None = strawberry.field(default=None, description="Saleor's id of the product.")
    saleor_variant_id: str | None = strawberry.field(default=None, description="Saleor's id of the variant.")
    search: str | None = strawberry.field(default=None, description="A part of the name.")
    is_active: bool | None = strawberry.field(
        default=None, description="Only what is sold now, or only the rest."
    )

    def condition(self) -> Q:
        found = equal(
            sku=self.sku,
            saleor_product_id=self.saleor_product_id,
            saleor_variant_id=self.saleor_variant_id,
            is_active=self.is_active,
        )
        return found & Q(name__icontains=self.search) if self.search else found


@strawberry.enum(description="By what payments can be ordered.")
class PaymentOrderField(Enum):
    CREATED_AT = strawberry.enum_value("created_at", description="When the shopper began to pay.")
    UPDATED_AT = strawberry.enum_value("updated_at", description="When it last changed here.")
    AMOUNT = strawberry.enum_value("amount_minor", description="What was asked for, whatever the currency.")


@strawberry.enum(description="By what products can be ordered.")
class ProductOrderField(Enum):
    NAME = strawberry.enum_value("name", description="The name it has in Stripe.")
    SKU = strawberry.enum_value("sku", description="The stock keeping unit.")


@strawberry.input(description="The order of payments.")
class PaymentOrder:
    field: PaymentOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.DESC, description="In which direction.")


@strawberry.input(description="The order of products.")
class ProductOrder:
    field: ProductOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="In which direction.")


def narrowed(rows: QuerySet[Any], filter_: Any, order: Any, otherwise: str) -> QuerySet[Any]:
    """The rows that the filter means, in the order asked for; the key settles what is equal."""
    found = rows.filter(filter_.condition()) if filter_ is not None else rows
    if order is None:
        return found.order_by(otherwise, "-pk")
    return found.order_by(_ordering(order.field.value, order.direction), "-pk")


def _ordering(column: str, direction: Direction) -> OrderBy:
    named = F(column)
    if direction is Direction.DESC:
        return named.desc(nulls_last=True)
    return named.asc(nulls_last=True)


def equal(**wanted: Any) -> Q:
    """Columns that have exactly these values; None asks nothing."""
    return Q(**{name: value for name, value in wanted.items() if value is not None})


def any_of(**wanted: Iterable[Any] | None) -> Q:
    """Columns that have one of these values each; None asks nothing. `Rejected` for too many."""
    given = {f"{name}__in": list(values) for name, values in wanted.items() if values is not None}
    if any(len(values) > MOST_VALUES for values in given.values()):
        raise Rejected(f"A filter takes {MOST_VALUES} values at most.", code="too_many_values")
    return Q(**given)


def within(**wanted: DateRange | None) -> Q:
    """Columns within these spans of time; None asks nothing."""
    found = Q()
    for name, span in wanted.items():
        if span is not None and span.gte is not None:
            found &= Q(**{f"{name}__gte": span.gte})
        if span is not None and span.lt is not None:
            found &= Q(**{f"{name}__lt": span.lt})
    return found
