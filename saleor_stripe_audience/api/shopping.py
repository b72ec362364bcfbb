"""What a contact does apart from ordering: carts, failed payments, segments."""

from datetime import datetime
from typing import Any

import strawberry_django
from django.db.models import QuerySet
from strawberry import Info

from saleor_stripe_audience.api.amounts import Money, money_field
from saleor_stripe_audience.api.context import channels_of_caller, shop_id
from saleor_stripe_audience.api.enums import PaymentFactKind
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.shopping import visible


@strawberry_django.type(models.CartLine, description="One line of a cart.")
class CartLine:
    saleor_product_id: str = strawberry_django.field(description="Saleor's id of the product.")
    saleor_variant_id: str = strawberry_django.field(description="Saleor's id of the variant.")
    product_name: str = strawberry_django.field(description="The product's name.")
    variant_name: str = strawberry_django.field(description="The variant's name.")
    sku: str = strawberry_django.field(description="The stock keeping unit; empty if none.")
    quantity: int = strawberry_django.field(description="How many.")


@strawberry_django.type(
    models.Cart, description="A checkout with an email address. It is closed once its order is created."
)
class Cart:
    saleor_checkout_id: str = strawberry_django.field(description="Saleor's id of the checkout.")
    channel: str = strawberry_django.field(description="Slug of the sales channel.")
    voucher_code: str = strawberry_django.field(description="The voucher used; empty if none.")
    started_at: datetime = strawberry_django.field(description="When it was started.")
    last_active_at: datetime = strawberry_django.field(description="When the shopper last changed it.")
    closed_at: datetime | None = strawberry_django.field(
        description="When its order was created; null while it is open."
    )
    saleor_order_id: str = strawberry_django.field(
        description="Saleor's id of that order; empty while it is open."
    )
    lines: list[CartLine] = strawberry_django.field(description="The items in it.")

    total: Money = money_field("total_minor", "The total price.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        own = queryset.filter(installation_id=shop_id(info)).order_by("-last_active_at", "-pk")
        return visible.carts_within(own, channels_of_caller(info))


@strawberry_django.type(models.PaymentFact, description="A payment that went wrong, as Stripe reported it.")
class PaymentFact:
    kind: PaymentFactKind = strawberry_django.field(description="What happened.")
    code: str = strawberry_django.field(
        description="Stripe's decline code, or the dispute's reason; empty if none was given."
    )
    outcome: str = strawberry_django.field(
        description="How a dispute was decided, won or lost; empty until then."
    )
    at: datetime = strawberry_django.field(description="When it happened.")
    source_id: str = strawberry_django.field(
        description="Saleor's id of the checkout or order that was paid for."
    )
    reference: str = strawberry_django.field(description="Stripe's id of the PaymentIntent or dispute.")

    amount: Money = money_field("amount_minor", "The amount.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        own = queryset.filter(installation_id=shop_id(info)).order_by("-at", "-pk")
        return visible.facts_within(own, channels_of_caller(info))
