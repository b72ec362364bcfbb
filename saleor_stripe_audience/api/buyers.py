"""Contacts and their purchases, in one module because each shows the other."""

from datetime import datetime
from typing import Any

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api.amounts import Money, money_field, money_of
from saleor_stripe_audience.api.audiences import Audience
from saleor_stripe_audience.api.context import shop_id
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

    unit_price: Money = _line_money_field("unit_minor", "For one, taxes included.")

    total: Money = _line_money_field("total_minor", "For the whole quantity, taxes included.")


def _status(root: strawberry.Parent[models.Purchase]) -> OrderStatus | None:
    return known(OrderStatus, root.status)


def _charge_status(root: strawberry.Parent[models.Purchase]) -> OrderChargeStatus | None:
    return known(OrderChargeStatus, root.charge_status)


@strawberry_django.type(models.Purchase, description="An order of Saleor, as it stands now.")
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
        description="Who bought; null once the person was erased or the order made anonymous."
    )
    lines: list[PurchaseLine] = strawberry_django.field(description="What was bought.")

    is_paid: bool = strawberry_django.field(
        only=["status", "charge_status"],
        description="Whether it counts as order and revenue: charged, and neither cancelled nor expired.",
    )

    total: Money = money_field("total_minor", "What the order costs, taxes included.")

    charged: Money = money_field("charged_minor", "All that was charged for it.")

    refunded: Money = money_field("refunded_minor", "What was refunded of it.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        own = queryset.filter(installation_id=shop_id(info))
        return own if own.query.order_by else own.order_by("-placed_at", "-pk")


@strawberry_django.type(models.ContactSpent, description="What a contact spent in one currency.")
class Spent:
    currency: str = strawberry_django.field(description="ISO 4217 code; currencies are never added together.")

    spent: Money = money_field("spent_minor", "Charged less refunded.")

    refunded: Money = money_field("refunded_minor", "Refunded.")


def _may_receive(root: strawberry.Parent[models.Contact]) -> list[Purpose]:
    return purposes(root.status)


@strawberry_django.type(models.Contact, description="A person of the audience, known by e-mail address.")
class Contact(relay.Node):
    email: str = strawberry_django.field(description="The address, in small letters, the domain in ASCII.")
    first_name: str = strawberry_django.field(description="First name; empty if not known.")
    last_name: str = strawberry_django.field(description="Last name; empty if not known.")
    phone: str = strawberry_django.field(description="Telephone number; empty if not known.")
    city: str = strawberry_django.field(description="City; empty if not known.")
    country: str = strawberry_django.field(description="ISO 3166 code of the country; empty if not known.")
    language: str = strawberry_django.field(description="Language tag, such as en-us; empty if not known.")
    audience: Audience = strawberry_django.field(description="The list that the person is on.")
    status: Status = strawberry_django.field(
        description="Computed from consent, deliverability and lifecycle; never set."
    )
    consent: ConsentState = strawberry_django.field(description="What the person said last about marketing.")
    deliverability: Deliverability = strawberry_django.field(
        description="What became of mail to the address."
    )
    lifecycle: Lifecycle = strawberry_django.field(
        description="Whether the shop still works with the contact."
    )
    soft_opt_in: bool = strawberry_django.field(
        description="Whether a buyer was informed of mails about similar products and did not refuse; no consent."
    )
    lawful_basis: LawfulBasis = strawberry_django.field(description="Why marketing may be sent at all.")
    may_receive: list[Purpose] = strawberry_django.field(
        resolver=_may_receive, only=["status"], description="What may be sent to the person, by the status."
    )
    saleor_user_id: str | None = strawberry_django.field(
        description="Saleor's id of the account; null for guests."
    )
    orders_count: int = strawberry_django.field(
        description="How many paid orders, neither cancelled nor expired."
    )
    first_order_at: datetime | None = strawberry_django.field(description="When the first of them was made.")
    last_order_at: datetime | None = strawberry_django.field(description="When the last of them was made.")
    created_at: datetime = strawberry_django.field(description="When the contact was created here.")
    updated_at: datetime = strawberry_django.field(description="When it last changed here.")
    spent: list[Spent] = strawberry_django.field(description="What was spent, one entry per currency.")
    tags: list[ContactTag] = strawberry_django.field(
        field_name="contact_tags", description="The tags that are on the contact."
    )
    attributes: list[ContactAttribute] = strawberry_django.field(
        description="Values of Saleor's metadata under the keys that the audience keeps."
    )
    consents: list[ConsentEvent] = strawberry_django.field(
        description="The ledger: every event of the person's consent, oldest first."
    )
    former_addresses: list[FormerAddress] = strawberry_django.field(
        description="Addresses that the person had before."
    )
    carts: list[Cart] = strawberry_django.field(description="Carts, the one changed last comes first.")
    payment_facts: list[PaymentFact] = strawberry_django.field(
        description="Payments that went wrong, newest first."
    )
    purchases: NumberedConnection[Purchase] = strawberry_django.connection(
        description="All orders, newest first, paid or not."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info))
