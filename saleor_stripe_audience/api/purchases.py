"""The shop's orders, by any buyer."""

from enum import StrEnum, auto
from typing import Annotated, cast

import strawberry
import strawberry_django
from django.db.models import Q
from strawberry import Info

from saleor_stripe_audience.api.audiences import READ
from saleor_stripe_audience.api.buyers import Purchase
from saleor_stripe_audience.api.context import channels_of_caller, shop_id
from saleor_stripe_audience.api.enums import OrderChargeStatus, OrderStatus, describe
from saleor_stripe_audience.api.filters import (
    DateTimeRangeInput,
    FilterInput,
    OrderDirection,
    StringFilterInput,
    any_of,
    chosen,
    condition,
    equal,
    in_order,
    in_range,
    one_of,
    values_of,
    within,
)
from saleor_stripe_audience.api.paging import LongConnection
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.shopping import visible


@strawberry.input(description="Conditions on orders, joined by AND and OR.")
class PurchaseWhereInput:
    saleor_order_id: StringFilterInput | None = strawberry.field(
        default=None, description="Saleor's id of the order."
    )
    number: StringFilterInput | None = strawberry.field(default=None, description="The order's number.")
    status: FilterInput[OrderStatus] | None = strawberry.field(
        default=None, description="Saleor's order status."
    )
    charge_status: FilterInput[OrderChargeStatus] | None = strawberry.field(
        default=None, description="Saleor's charge status."
    )
    channel: StringFilterInput | None = strawberry.field(default=None, description="Slug of the channel.")
    currency: StringFilterInput | None = strawberry.field(default=None, description="ISO 4217 code.")
    voucher_code: StringFilterInput | None = strawberry.field(default=None, description="The voucher used.")
    is_paid: bool | None = strawberry.field(
        default=None, description="True for orders that count as revenue, false for the others."
    )
    placed_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When the order was placed."
    )
    and_: list["PurchaseWhereInput"] | None = strawberry.field(
        name="AND", default=None, description="Conditions, all of which must be met."
    )
    or_: list["PurchaseWhereInput"] | None = strawberry.field(
        name="OR", default=None, description="Conditions, at least one of which must be met."
    )

    def condition(self) -> Q:
        """Return the condition without AND and OR."""
        found = one_of("saleor_order_id", values_of(self.saleor_order_id))
        found &= one_of("number", values_of(self.number))
        found &= one_of("status", values_of(self.status))
        found &= one_of("charge_status", values_of(self.charge_status))
        found &= one_of("channel", values_of(self.channel))
        found &= one_of("currency", values_of(self.currency), str.upper)
        found &= one_of("voucher_code", values_of(self.voucher_code))
        found &= within("placed_at", self.placed_at)
        if self.is_paid is None:
            return found
        paid = Q(charge_status__in=models.PAID) & ~Q(status__in=models.NOT_SALES)
        return found & (paid if self.is_paid else ~paid)


@strawberry.input(description="Conditions on orders; all of them must be met.")
class PurchaseFilterInput:
    saleor_order_id: str | None = strawberry.field(default=None, description="Saleor's id of the order.")
    number: str | None = strawberry.field(default=None, description="The order's number.")
    status: list[OrderStatus] | None = strawberry.field(default=None, description="Any of these statuses.")
    charge_status: list[OrderChargeStatus] | None = strawberry.field(
        default=None, description="Any of these charge statuses."
    )
    channel: list[str] | None = strawberry.field(default=None, description="Any of these channels, by slug.")
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code.")
    voucher_code: str | None = strawberry.field(default=None, description="With this voucher.")
    is_paid: bool | None = strawberry.field(
        default=None, description="True for orders that count as revenue, false for the others."
    )
    placed_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="When the order was placed."
    )

    def where(self) -> PurchaseWhereInput:
        """The same conditions as `where` has them."""
        return PurchaseWhereInput(
            saleor_order_id=equal(self.saleor_order_id),
            number=equal(self.number),
            status=any_of(self.status),
            charge_status=any_of(self.charge_status),
            channel=any_of(self.channel),
            currency=equal(self.currency),
            voucher_code=equal(self.voucher_code),
            is_paid=self.is_paid,
            placed_at=in_range(self.placed_at),
        )


class PurchaseSortField(StrEnum):
    PLACED_AT = auto()


describe(
    PurchaseSortField,
    "PurchaseSortField",
    "The field to sort orders by.",
    {PurchaseSortField.PLACED_AT: "When the order was placed."},
)


@strawberry.input(description="How to sort orders.")
class PurchaseSortingInput:
    field: PurchaseSortField = strawberry.field(description="The field.")
    direction: OrderDirection = strawberry.field(description="The direction.")


@strawberry.type(description="The shop's orders, page by page.")
class ShopPurchaseConnection(LongConnection[Purchase]):
    pass


def _purchases(
    info: Info,
    filter_: Annotated[
        PurchaseFilterInput | None,
        strawberry.argument(name="filter", description="Conditions that all must be met."),
    ] = None,
    where: Annotated[
        PurchaseWhereInput | None,
        strawberry.argument(description="Conditions that can be combined with AND and OR."),
    ] = None,
    sort_by: Annotated[
        PurchaseSortingInput | None,
        strawberry.argument(description="The sort order; newest first if omitted."),
    ] = None,
) -> list[Purchase]:
    found = condition(chosen(filter_, where), PurchaseWhereInput.condition)
    of_shop = models.Purchase.objects.filter(found, installation_id=shop_id(info))
    rows = visible.orders_within(of_shop, channels_of_caller(info))
    return cast("list[Purchase]", in_order(rows, sort_by, PurchaseSortField.PLACED_AT))


@strawberry.type
class PurchaseQueries:
    purchases: ShopPurchaseConnection = strawberry_django.connection(
        resolver=_purchases,
        permission_classes=READ,
        description="The shop's orders by any buyer, paid or not. Needs the scope audience:read.",
    )
