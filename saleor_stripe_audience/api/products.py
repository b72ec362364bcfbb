"""The shop's variants that are Products in Stripe."""

from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Any, cast
from urllib.parse import quote

import strawberry
import strawberry_django
from django.db.models import Exists, OuterRef, Q, QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api.amounts import Money, money_field
from saleor_stripe_audience.api.context import needs, shop_id
from saleor_stripe_audience.api.enums import DifferenceKind, DifferenceState, ProductState, describe
from saleor_stripe_audience.api.filters import (
    OrderDirection,
    StringFilterInput,
    chosen,
    condition,
    equal,
    in_order,
    one_of,
    values_of,
)
from saleor_stripe_audience.api.paging import LongConnection
from saleor_stripe_audience.catalog import models
from saleor_stripe_audience.gateway.catalogue import dashboard_url
from saleor_stripe_audience.wording import ENGLISH


@strawberry_django.type(models.CatalogPrice, description="A product's price in one channel, in Stripe.")
class Price:
    channel: str = strawberry_django.field(field_name="channel_slug", description="Slug of the channel.")
    stripe_price_id: str = strawberry_django.field(description="Stripe's id of the Price.")
    is_active: bool = strawberry_django.field(description="False once a newer price has replaced it.")

    lookup_key: str = strawberry_django.field(
        description='Stripe\'s lookup key, made of SKU or slug, channel and currency: "LAN-MUG:default-channel:usd".'
    )

    amount: Money = money_field("amount_minor", "The price.")


@strawberry.type(description="What Stripe does not have as it is in Saleor.")
class ProductProblem:
    code: str = strawberry.field(
        description="The code of the problem, such as below_minimum; see docs/catalogue.md."
    )
    message: str = strawberry.field(description="The problem in a sentence.")
    channel: str | None = strawberry.field(description="The channel, if it is about one.")


def _problems(root: strawberry.Parent[models.CatalogProduct]) -> list[ProductProblem]:
    return [
        ProductProblem(code=each["code"], message=each["message"], channel=each["channel"] or None)
        for each in root.problems
    ]


def _last_error(root: strawberry.Parent[models.CatalogProduct]) -> str | None:
    text: str | None = root.last_errors.get(ENGLISH)
    return text


def _stripe_product_id(root: strawberry.Parent[models.CatalogProduct]) -> str | None:
    return root.stripe_product_id or None


def _stripe_url(root: strawberry.Parent[models.CatalogProduct]) -> str | None:
    return dashboard_url(root.account, root.stripe_product_id) if root.stripe_product_id else None


def _saleor_url(root: strawberry.Parent[models.CatalogProduct]) -> str:
    """Return the path in the Dashboard; the browser knows the Dashboard's URL."""
    return f"/products/{quote(root.saleor_product_id, safe='')}"


@strawberry_django.type(
    models.CatalogProduct, description="One of the shop's variants, as a Product in one Stripe account."
)
class Product(relay.Node):
    name: str = strawberry_django.field(description="Its name in Stripe.")
    sku: str = strawberry_django.field(description="The stock keeping unit; empty if none.")
    saleor_product_id: str = strawberry_django.field(description="Saleor's id of the product.")
    saleor_variant_id: str = strawberry_django.field(description="Saleor's id of the variant.")
    stripe_product_id: str | None = strawberry_django.field(
        resolver=_stripe_product_id,
        only=["stripe_product_id"],
        description="Stripe's id of the Product; null while Stripe has none.",
    )
    state: ProductState = strawberry_django.field(description="Whether it is in sync with Stripe.")
    pushed_at: datetime | None = strawberry_django.field(description="When it was last sent to Stripe.")
    last_error: str | None = strawberry_django.field(
        resolver=_last_error,
        only=["last_errors"],
        description="Why the last push failed; null if it did not.",
    )
    problems: list[ProductProblem] = strawberry_django.field(
        resolver=_problems, only=["problems"], description="What Stripe does not have as it is in Saleor."
    )
    stripe_url: str | None = strawberry_django.field(
        resolver=_stripe_url,
        only=["stripe_product_id"],
        select_related=["account"],
        description="The Product in Stripe's Dashboard; null while Stripe has none.",
    )
    saleor_path: str = strawberry_django.field(
        resolver=_saleor_url,
        only=["saleor_product_id"],
        description="The product's path in Saleor's Dashboard, relative to the Dashboard's URL.",
    )
    is_active: bool = strawberry_django.field(
        description="False once it was deleted or unpublished in Saleor."
    )
    prices: list[Price] = strawberry_django.field(description="Its prices, one per channel and amount.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.input(description="Conditions on products, joined by AND and OR.")
class ProductWhereInput:
    sku: StringFilterInput | None = strawberry.field(default=None, description="The stock keeping unit.")
    name: StringFilterInput | None = strawberry.field(default=None, description="Its name in Stripe.")
    saleor_product_id: StringFilterInput | None = strawberry.field(
        default=None, description="Saleor's id of the product."
    )
    saleor_variant_id: StringFilterInput | None = strawberry.field(
        default=None, description="Saleor's id of the variant."
    )
    is_active: bool | None = strawberry.field(
        default=None, description="True for products that are sold now, false for the others."
    )
    state: list[ProductState] | None = strawberry.field(default=None, description="One of these states.")
    has_problems: bool | None = strawberry.field(
        default=None, description="True for products with problems, false for the others."
    )
    differs_in_stripe: bool | None = strawberry.field(
        default=None, description="True for products that have been changed in Stripe, false for the others."
    )
    is_missing_in_stripe: bool | None = strawberry.field(
        default=None,
        description="True for products that Saleor sells but that were archived or deleted in Stripe, false "
        "for the others.",
    )
    and_: list["ProductWhereInput"] | None = strawberry.field(
        name="AND", default=None, description="Conditions, all of which must be met."
    )
    or_: list["ProductWhereInput"] | None = strawberry.field(
        name="OR", default=None, description="Conditions, at least one of which must be met."
    )

    def condition(self) -> Q:
        """Return the condition without AND and OR."""
        found = one_of("sku", values_of(self.sku)) & one_of("name", values_of(self.name))
        found &= one_of("saleor_product_id", values_of(self.saleor_product_id))
        found &= one_of("saleor_variant_id", values_of(self.saleor_variant_id))
        if self.state is not None:
            found &= Q(state__in=self.state)
        if self.has_problems is not None:
            found &= ~Q(problems=[]) if self.has_problems else Q(problems=[])
        if self.differs_in_stripe is not None:
            found &= _with_difference(DifferenceKind.CHANGED, wanted=self.differs_in_stripe)
        if self.is_missing_in_stripe is not None:
            found &= _with_difference(DifferenceKind.GONE, wanted=self.is_missing_in_stripe)
        return found if self.is_active is None else found & Q(is_active=self.is_active)


def _with_difference(kind: DifferenceKind, *, wanted: bool) -> Q:
    """There is an open difference of the kind: see `catalogueDifferences`, also for what only Stripe has."""
    rows = models.Difference.objects.filter(product=OuterRef("pk"), kind=kind, state=DifferenceState.OPEN)
    return Q(Exists(rows)) if wanted else ~Q(Exists(rows))


@strawberry.input(description="Conditions on products; all of them must be met.")
class ProductFilterInput:
    sku: str | None = strawberry.field(default=None, description="This stock keeping unit.")
    saleor_product_id: str | None = strawberry.field(default=None, description="Saleor's id of the product.")
    saleor_variant_id: str | None = strawberry.field(default=None, description="Saleor's id of the variant.")
    is_active: bool | None = strawberry.field(
        default=None, description="True for products that are sold now, false for the others."
    )

    def where(self) -> ProductWhereInput:
        """The same conditions as `where` has them."""
        return ProductWhereInput(
            sku=equal(self.sku),
            saleor_product_id=equal(self.saleor_product_id),
            saleor_variant_id=equal(self.saleor_variant_id),
            is_active=self.is_active,
        )


class ProductSortField(StrEnum):
    NAME = auto()
    SKU = auto()


describe(
    ProductSortField,
    "ProductSortField",
    "The field to sort products by.",
    {
        ProductSortField.NAME: "Its name in Stripe.",
        ProductSortField.SKU: "The stock keeping unit.",
    },
)


@strawberry.input(description="How to sort products.")
class ProductSortingInput:
    field: ProductSortField = strawberry.field(description="The field.")
    direction: OrderDirection = strawberry.field(description="The direction.")


@strawberry.type(description="Products, page by page.")
class ProductConnection(LongConnection[Product]):
    pass


def _products(
    info: Info,
    filter_: Annotated[
        ProductFilterInput | None,
        strawberry.argument(name="filter", description="Conditions that all must be met."),
    ] = None,
    where: Annotated[
        ProductWhereInput | None,
        strawberry.argument(description="Conditions that can be combined with AND and OR."),
    ] = None,
    search: Annotated[
        str | None, strawberry.argument(description="Part of the name; case-insensitive.")
    ] = None,
    sort_by: Annotated[
        ProductSortingInput | None,
        strawberry.argument(description="The sort order; by name if omitted."),
    ] = None,
) -> list[Product]:
    found = condition(chosen(filter_, where), ProductWhereInput.condition)
    if search:
        found &= Q(name__icontains=search)
    rows = models.CatalogProduct.objects.filter(found, installation_id=shop_id(info))
    return cast("list[Product]", in_order(rows, sort_by, ProductSortField.NAME, descending=False))


@strawberry.type
class ProductQueries:
    products: ProductConnection = strawberry_django.connection(
        resolver=_products,
        permission_classes=[needs("catalogue:read")],
        description="The shop's variants as they are in Stripe. Needs the scope catalogue:read.",
    )
