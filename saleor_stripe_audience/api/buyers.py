"""Contacts and their purchases, in one module because each shows the other."""

from datetime import datetime
from typing import Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api.amounts import Money, money_field, money_of
from saleor_stripe_audience.api.audiences import Audience
from saleor_stripe_audience.api.context import channels_of_caller, shop_id
from saleor_stripe_audience.api.enums import (
    ConsentState,
    Deliverability,
    LawfulBasis,
    Lifecycle,
    OrderChargeStatus,
    OrderStatus,
    Purpose,
    Status,
    known,
)
from saleor_stripe_audience.api.paging import NumberedConnection
from saleor_stripe_audience.api.people import (
    ConsentEvent,
    ContactAttribute,
    ContactTag,
    FormerAddress,
    purposes,
)
from saleor_stripe_audience.api.shopping import Cart, PaymentFact
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.shopping import visible


def _line_money_field(minor: str, description: str) -> Any:
    """Money of a line, whose currency is its purchase's."""

    def resolve(root: strawberry.Parent[models.PurchaseLine]) -> Money:
        return money_of(getattr(root, minor), root.purchase.currency)

    return strawberry_django.field(
        resolver=resolve,
        description=description,
        only=[minor, "purchase__currency"],
        select_related=["purchase"],
    )


@strawberry_django.type(models.PurchaseLine, description="One line of a purchase.")
class PurchaseLine:
    saleor_line_id: str = strawberry_django.field(description="Saleor's id of the order line.")
    saleor_product_id: str = strawberry_django.field(
        description="Saleor's id of the product; empty if deleted."
    )
    saleor_variant_id: str = strawberry_django.field(
        description="Saleor's id of the variant; empty if deleted."
    )
    product_name: str = strawberry_django.field(description="The product's name when it was bought.")
    variant_name: str = strawberry_django.field(description="The variant's name when it was bought.")
    sku: str = strawberry_django.field(description="The stock keeping unit.")
    quantity: int = strawberry_django.field(description="How many were bought.")

    unit_price: Money = _line_money_field("unit_minor", "The price of one unit, including taxes.")

    total: Money = _line_money_field("total_minor", "The price of the whole quantity, including taxes.")


def _status(root: strawberry.Parent[models.Purchase]) -> OrderStatus | None:
    return known(OrderStatus, root.status)


def _charge_status(root: strawberry.Parent[models.Purchase]) -> OrderChargeStatus | None:
    return known(OrderChargeStatus, root.charge_status)


@strawberry_django.type(models.Purchase, description="A Saleor order in its current state.")
class Purchase(relay.Node):
    saleor_order_id: str = strawberry_django.field(description="Saleor's id of the order.")
    number: str = strawberry_django.field(description="The order's number, as the shopper sees it.")
    status: OrderStatus | None = strawberry_django.field(
        resolver=_status,
        only=["status"],
        description="Saleor's order status; null for one that this version does not know.",
    )
    charge_status: OrderChargeStatus | None = strawberry_django.field(
        resolver=_charge_status,
        only=["charge_status"],
        description="Saleor's charge status; null for one that this version does not know.",
    )
    channel: str = strawberry_django.field(description="Slug of the channel.")
    voucher_code: str = strawberry_django.field(description="The voucher used; empty if none.")
    placed_at: datetime = strawberry_django.field(description="When the order was placed.")
    contact: "Contact | None" = strawberry_django.field(
        description="The buyer; null once the person has been erased or the order anonymized."
    )
    lines: list[PurchaseLine] = strawberry_django.field(description="What was bought.")

    is_paid: bool = strawberry_django.field(
        only=["status", "charge_status"],
        description="Whether it counts as an order and as revenue: charged, and neither cancelled nor "
        "expired.",
    )

    total: Money = money_field("total_minor", "The order's total, including taxes.")

    charged: Money = money_field("charged_minor", "The amount charged for it.")

    refunded: Money = money_field("refunded_minor", "The amount refunded.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        of_shop = queryset.filter(installation_id=shop_id(info))
        own = visible.orders_within(of_shop, channels_of_caller(info))
        return own if own.query.order_by else own.order_by("-placed_at", "-pk")


@strawberry_django.type(models.ContactSpent, description="What a contact spent in one currency.")
class Spent:
    currency: str = strawberry_django.field(description="ISO 4217 code; currencies are never added together.")

    spent: Money = money_field("spent_minor", "The amount charged minus the amount refunded.")

    refunded: Money = money_field("refunded_minor", "The amount refunded.")


def _may_receive(root: strawberry.Parent[models.Contact]) -> list[Purpose]:
    return purposes(root.status)


def _figures(contact: models.Contact, info: Info) -> models.Contact | visible.Totals:
    return visible.figures_of(contact, channels_of_caller(info))


def _orders_count(root: strawberry.Parent[models.Contact], info: Info) -> int:
    return _figures(root, info).orders_count


def _first_order_at(root: strawberry.Parent[models.Contact], info: Info) -> datetime | None:
    return _figures(root, info).first_order_at


def _last_order_at(root: strawberry.Parent[models.Contact], info: Info) -> datetime | None:
    return _figures(root, info).last_order_at


def _spent(root: strawberry.Parent[models.Contact], info: Info) -> list[Spent]:
    return cast("list[Spent]", visible.amounts_of(_figures(root, info)))


@strawberry_django.type(models.Contact, description="A person in the audience, identified by email address.")
class Contact(relay.Node):
    email: str = strawberry_django.field(
        description="The email address in lower case, with the domain in ASCII."
    )
    first_name: str = strawberry_django.field(description="First name; empty if not known.")
    last_name: str = strawberry_django.field(description="Last name; empty if not known.")
    phone: str = strawberry_django.field(description="Phone number; empty if not known.")
    city: str = strawberry_django.field(description="City; empty if not known.")
    country: str = strawberry_django.field(description="ISO 3166 code of the country; empty if not known.")
    language: str = strawberry_django.field(description="Language tag, such as en-us; empty if not known.")
    audience: Audience = strawberry_django.field(description="The audience that the person is in.")
    status: Status = strawberry_django.field(
        description="Computed from consent, deliverability and lifecycle; never set."
    )
    consent: ConsentState = strawberry_django.field(
        description="The person's current choice about marketing."
    )
    deliverability: Deliverability = strawberry_django.field(description="Whether emails reach the address.")
    lifecycle: Lifecycle = strawberry_django.field(
        description="Whether the contact is active, archived or erased."
    )
    soft_opt_in: bool = strawberry_django.field(
        description="Whether the buyer was informed about emails on similar products and did not refuse them. "
        "This is not consent."
    )
    lawful_basis: LawfulBasis = strawberry_django.field(description="The lawful basis for sending marketing.")
    may_receive: list[Purpose] = strawberry_django.field(
        resolver=_may_receive,
        only=["status"],
        description="What may be sent to the person, according to the status.",
    )
    saleor_user_id: str | None = strawberry_django.field(
        description="Saleor's id of the account; null for guests."
    )
    orders_count: int = strawberry_django.field(
        resolver=_orders_count,
        only=["orders_count"],
        description="Number of paid orders that are neither cancelled nor expired.",
    )
    first_order_at: datetime | None = strawberry_django.field(
        resolver=_first_order_at,
        only=["first_order_at"],
        description="When the first of these orders was placed.",
    )
    last_order_at: datetime | None = strawberry_django.field(
        resolver=_last_order_at,
        only=["last_order_at"],
        description="When the last of these orders was placed.",
    )
    created_at: datetime = strawberry_django.field(description="When the contact was created in the app.")
    updated_at: datetime = strawberry_django.field(description="When it last changed in the app.")
    spent: list[Spent] = strawberry_django.field(
        resolver=_spent, prefetch_related=["spent"], description="Amounts spent, one entry per currency."
    )
    tags: list[ContactTag] = strawberry_django.field(
        field_name="contact_tags", description="The contact's tags."
    )
    attributes: list[ContactAttribute] = strawberry_django.field(
        description="Values of the Saleor metadata keys that the audience stores."
    )
    consents: list[ConsentEvent] = strawberry_django.field(
        description="The consent ledger: every consent event of the person, oldest first."
    )
    former_addresses: list[FormerAddress] = strawberry_django.field(
        description="The person's former addresses."
    )
    carts: list[Cart] = strawberry_django.field(description="Carts, most recently changed first.")
    payment_facts: list[PaymentFact] = strawberry_django.field(
        description="Payments that went wrong, newest first."
    )
    purchases: NumberedConnection[Purchase] = strawberry_django.connection(
        description="All orders, newest first, paid or not."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        own = queryset.filter(audience__installation_id=shop_id(info))
        return visible.with_figures(own, channels_of_caller(info))
