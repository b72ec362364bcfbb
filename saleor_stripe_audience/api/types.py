"""What the API shows, each type limited to the shop of the key that asks."""

from datetime import datetime
from typing import Annotated, Any, Optional

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
    Purpose,
    Status,
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
from saleor_stripe_audience.audience import models as audience
from saleor_stripe_audience.catalog import models as catalog
from saleor_stripe_audience.payments import declines
from saleor_stripe_audience.payments import models as payments
from saleor_stripe_audience.shops import models as saleor

PURCHASES_ON_A_PAGE = 50  # beneath a page of contacts: at most 5,000 in one answer


def _line_money_field(minor: str, description: str) -> Any:
    """The same for a line, whose currency is its purchase's."""

    def resolve(root: strawberry.Parent[audience.PurchaseLine]) -> Money:
        return money_of(getattr(root, minor), root.purchase.currency)

    return strawberry_django.field(
        resolver=resolve,
        description=description,
        only=[minor, "purchase__currency"],
        select_related=["purchase"],
    )


def _settled_field(minor: str, description: str) -> Any:
    """Money of the account's balance; nothing as long as Stripe has not booked it."""

    def resolve(root: strawberry.Parent[payments.Payment]) -> Money | None:
        booked = getattr(root, minor)
        return None if booked is None else money_of(booked, root.settled_currency)

    return strawberry_django.field(
        resolver=resolve, description=description, only=[minor, "settled_currency"]
    )


@strawberry_django.type(saleor.Channel, description="A sales channel of the shop.")
class Channel:
    slug: str = strawberry_django.field(description="The channel's slug in Saleor.")
    name: str = strawberry_django.field(description="The channel's name in Saleor.")
    currency: str = strawberry_django.field(description="The channel's currency, ISO 4217.")


@strawberry_django.type(saleor.Installation, description="The Saleor shop this key belongs to.")
class Installation(relay.Node):
    saleor_api_url: str = strawberry_django.field(description="Address of the shop's own GraphQL API.")
    domain: str = strawberry_django.field(description="The shop's domain, as Saleor names it.")
    schema_version: str = strawberry_django.field(
        description="Version of Saleor's API when the app was installed."
    )
    is_active: bool = strawberry_django.field(description="False once the app was removed from the shop.")
    registered_at: datetime = strawberry_django.field(description="When the app was installed.")
    channels: list[Channel] = strawberry_django.field(description="The shop's sales channels.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(pk=shop_id(info))


Language = Annotated[
    str, strawberry.argument(description="Language tag; French for fr, English for all others.")
]


def _for_merchant(root: strawberry.Parent[payments.Payment], language: Language = "en") -> str:
    return declines.for_merchant(root.decline_code, language)


def _for_shopper(root: strawberry.Parent[payments.Payment], language: Language = "en") -> str:
    return declines.for_shopper(root.decline_code, language) if root.decline_code else ""


@strawberry_django.type(payments.Payment, description="A payment of a Saleor transaction through Stripe.")
class Payment(relay.Node):
    transaction_id: str = strawberry_django.field(description="Saleor's id of the transaction.")
    payment_intent_id: str = strawberry_django.field(description="Stripe's id of the PaymentIntent.")
    flow: str = strawberry_django.field(description="CHARGE (taken at once) or AUTHORIZATION (taken later).")
    source_id: str = strawberry_django.field(description="Saleor's id of the checkout or order that is paid.")
    channel_slug: str = strawberry_django.field(description="The sales channel.")
    status: str = strawberry_django.field(description="Where the payment stands, in Stripe's words.")
    decline_code: str = strawberry_django.field(
        description="Stripe's code of the last refusal; empty if none."
    )
    decline_message: str = strawberry_django.field(
        description="What the shopper was told then; empty if nothing."
    )
    decline_for_merchant: str = strawberry_django.field(
        resolver=_for_merchant,
        only=["decline_code"],
        description="Why it was refused, for the merchant's eyes only; empty if it was not.",
    )
    decline_for_shopper: str = strawberry_django.field(
        resolver=_for_shopper,
        only=["decline_code"],
        description="What a shopper may read about the refusal; empty if there was none.",
    )
    created_at: datetime = strawberry_django.field(description="When the shopper began to pay.")
    updated_at: datetime = strawberry_django.field(description="When it last changed here.")

    amount: Money = money_field("amount_minor", "What was asked for.")

    captured: Money = money_field("captured_minor", "What was taken so far.")

    refunded: Money = money_field("refunded_minor", "What was given back so far.")

    gross: Money | None = _settled_field(
        "gross_minor",
        "What reached the Stripe balance, in the balance's currency, before fee and refunds; none until booked.",
    )

    fee: Money | None = _settled_field("fee_minor", "What Stripe keeps of it.")

    net: Money | None = _settled_field("net_minor", "Gross less fee.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry_django.type(audience.ContactSpent, description="What a contact spent in one currency.")
class Spent:
    currency: str = strawberry_django.field(description="ISO 4217 code; currencies are never added together.")

    spent: Money = money_field("spent_minor", "Charged less refunded.")

    refunded: Money = money_field("refunded_minor", "Given back.")


@strawberry_django.type(audience.PurchaseLine, description="One line of a purchase.")
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


@strawberry_django.type(audience.Purchase, description="An order of Saleor, as it stands now.")
class Purchase(relay.Node):
    saleor_order_id: str = strawberry_django.field(description="Saleor's id of the order.")
    number: str = strawberry_django.field(description="The order's number, as the shopper sees it.")
    status: str = strawberry_django.field(description="Saleor's order status.")
    charge_status: str = strawberry_django.field(
        description="Saleor's charge status: NONE, PARTIAL, FULL, OVERCHARGED."
    )
    channel: str = strawberry_django.field(description="Slug of the sales channel.")
    voucher_code: str = strawberry_django.field(description="The voucher used; empty if none.")
    placed_at: datetime = strawberry_django.field(description="When the order was made.")
    contact: Optional["Contact"] = strawberry_django.field(
        description="Who bought; nobody once the person was erased or the order made anonymous."
    )
    lines: list[PurchaseLine] = strawberry_django.field(description="What was bought.")

    is_paid: bool = strawberry_django.field(
        only=["status", "charge_status"],
        description="Whether it counts as order and revenue: charged, and neither cancelled nor expired.",
    )

    total: Money = money_field("total_minor", "What the order costs, taxes included.")

    charged: Money = money_field("charged_minor", "All that was charged for it.")

    refunded: Money = money_field("refunded_minor", "What was given back of it.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        own = queryset.filter(installation_id=shop_id(info))
        return own if own.query.order_by else own.order_by("-placed_at", "-pk")


def _may_receive(root: strawberry.Parent[audience.Contact]) -> list[Purpose]:
    return purposes(root.status)


@strawberry_django.type(audience.Contact, description="A person of the audience, known by e-mail address.")
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
        description="Whether a buyer was told of mails about similar products and did not refuse; no consent."
    )
    lawful_basis: LawfulBasis = strawberry_django.field(description="Why marketing may be sent at all.")
    may_receive: list[Purpose] = strawberry_django.field(
        resolver=_may_receive, only=["status"], description="What may be sent to the person, by the status."
    )
    saleor_user_id: str | None = strawberry_django.field(
        description="Saleor's id of the account; none for guests."
    )
    orders_count: int = strawberry_django.field(
        description="How many paid orders, neither cancelled nor expired."
    )
    first_order_at: datetime | None = strawberry_django.field(description="When the first of them was made.")
    last_order_at: datetime | None = strawberry_django.field(description="When the last of them was made.")
    created_at: datetime = strawberry_django.field(description="When the contact was first heard of here.")
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
    carts: list[Cart] = strawberry_django.field(description="Carts, the one changed last first.")
    payment_facts: list[PaymentFact] = strawberry_django.field(
        description="Payments that went wrong, newest first."
    )
    purchases: NumberedConnection[Purchase] = strawberry_django.connection(
        description="All orders, newest first, paid or not.", max_results=PURCHASES_ON_A_PAGE
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(audience__installation_id=shop_id(info))


@strawberry_django.type(catalog.CatalogPrice, description="What a product costs in one channel, in Stripe.")
class Price:
    channel_slug: str = strawberry_django.field(description="The sales channel.")
    stripe_price_id: str = strawberry_django.field(description="Stripe's id of the Price.")
    is_active: bool = strawberry_django.field(description="False once a newer price took its place.")

    amount: Money = money_field("amount_minor", "The price.")


@strawberry_django.type(
    catalog.CatalogProduct, description="A variant of the shop that is a Product in Stripe."
)
class Product(relay.Node):
    name: str = strawberry_django.field(description="The name it has in Stripe.")
    sku: str = strawberry_django.field(description="The stock keeping unit; empty if none.")
    saleor_product_id: str = strawberry_django.field(description="Saleor's id of the product.")
    saleor_variant_id: str = strawberry_django.field(description="Saleor's id of the variant.")
    stripe_product_id: str = strawberry_django.field(description="Stripe's id of the Product.")
    is_active: bool = strawberry_django.field(
        description="False once it was deleted or unpublished in Saleor."
    )
    prices: list[Price] = strawberry_django.field(description="Its prices, one per channel and amount.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))
