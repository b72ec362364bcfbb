"""Saleor's orders and checkouts as their events contain them, read once into typed values."""

import base64
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AliasPath, BeforeValidator, Field

from saleor_stripe_audience.audience.contacts.identity import Person
from saleor_stripe_audience.audience.people.addresses import usable_email
from saleor_stripe_audience.audience.people.payloads import (
    Account,
    Language,
    Metadata,
    Payload,
    Text,
    parse,
)
from saleor_stripe_audience.shops.channels import NamedChannel
from saleor_stripe_audience.utc import Moment

# JSON's 19.99 arrives as a float; its shortest form is what Saleor wrote.
Amount = Annotated[Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, float) else value)]
Quantity = Annotated[int, Field(ge=0, le=2**31 - 1)]  # Saleor's own type has no more

_PLACED = frozenset({"PLACED", "PLACED_AUTOMATICALLY_FROM_PAID_CHECKOUT"})
VARIANT_ID = base64.b64encode(b"ProductVariant:").decode()  # the beginning of every variant's id
# Saleor names a variant that was given neither name nor SKU by its id, which is no name for a reader.
VariantName = Annotated[Text, AfterValidator(lambda name: "" if name.startswith(VARIANT_ID) else name)]


class Price(Payload):
    amount: Amount
    currency: str


class Address(Payload):
    first_name: Text = ""
    last_name: Text = ""
    phone: Text = ""
    city: Text = ""
    country: Text = Field("", validation_alias=AliasPath("country", "code"))


class Purchasing(Payload):
    """What an order and a checkout have in common: whose they are, and where."""

    id: str
    created: Moment | None = None
    email: Text = ""
    language: Language = ""
    user: Account | None = None
    channel_slug: Text = Field("", validation_alias=AliasPath("channel", "slug"))
    channel_id: Text = Field("", validation_alias=AliasPath("channel", "id"))
    billing_address: Address | None = None
    shipping_address: Address | None = None
    voucher_code: Text = ""
    collection_point_name: Text = ""

    @property
    def channel(self) -> NamedChannel:
        """The channel as it was called when the event was sent."""
        return NamedChannel(self.channel_slug, self.channel_id)

    @property
    def _own_shipping_address(self) -> Address | None:
        """The buyer's; of an order that is collected, Saleor has the address of the warehouse."""
        return self.shipping_address if not self.collection_point_name else None

    def buyer(self, said_at: datetime) -> Person | None:
        """Return the person as of `said_at`; None without a valid address.

        Staff take orders by phone, some storefronts save every letter that is typed, and an anonymized order has "A..."
        for an address. A confirmed account's own address comes first, because it changes with the person.
        """
        account = self.user if self.user and self.user.is_confirmed else None
        email = usable_email((account.email if account else "") or self.email)
        if not email:
            return None
        address = self.billing_address or self._own_shipping_address or Address()
        profile = {
            "first_name": (account.first_name if account else "") or address.first_name,
            "last_name": (account.last_name if account else "") or address.last_name,
            "phone": address.phone,
            "city": address.city,
            "country": address.country,
            "language": self.language,
        }
        return Person(email, account.id if account else None, profile, said_at)


class Named(Payload):
    """A category, a product type or a collection."""

    id: str
    name: Text = ""


class Product(Payload):
    """A sold product, as it is in the shop when the event is sent."""

    id: str
    name: Text = ""
    category: Named | None = None
    product_type: Named | None = None
    collections: Annotated[list[Named], BeforeValidator(lambda value: value or [])] = []


class Line(Payload):
    id: str
    product_name: Text = ""
    variant_name: VariantName = ""
    product_sku: Text = ""
    quantity: Quantity
    quantity_fulfilled: Quantity = 0
    unit_price: Price = Field(validation_alias=AliasPath("unitPrice", "gross"))
    total_price: Price = Field(validation_alias=AliasPath("totalPrice", "gross"))
    variant_id: Text = Field("", validation_alias=AliasPath("variant", "id"))
    product_id: Text = Field("", validation_alias=AliasPath("variant", "product", "id"))
    product: Product | None = Field(None, validation_alias=AliasPath("variant", "product"))


class OrderEvent(Payload):
    """An entry of the order's history, and the account that was signed in."""

    type: Text = ""
    user_id: Text = Field("", validation_alias=AliasPath("user", "id"))
    is_confirmed: bool = Field(False, validation_alias=AliasPath("user", "isConfirmed"))
    is_staff: bool = Field(False, validation_alias=AliasPath("user", "isStaff"))


class Order(Purchasing):
    """An order. Fields that an older host or a smaller query leaves out stay empty; amounts are required."""

    email: Text = Field("", validation_alias="userEmail")
    language: Language = Field("", validation_alias="languageCodeEnum")
    number: Text = ""
    status: Text = ""
    charge_status: Text = ""
    is_paid: bool | None = None
    total: Price = Field(validation_alias=AliasPath("total", "gross"))
    total_charged: Price | None = None
    total_refunded: Price | None = None
    checkout_id: Text = ""
    metadata: Metadata = []
    lines: list[Line] = []
    events: Annotated[list[OrderEvent], BeforeValidator(lambda value: value or [])] = []

    @property
    def is_placed_by_its_user(self) -> bool:
        """Whether the account of the order was signed in when it was placed.

        Saleor assigns a guest's order to the account that has its address, so `user` alone proves nothing.
        """
        return self.user is not None and self.user.id in {each.user_id for each in self._placed}

    @property
    def is_placed_by_account(self) -> bool:
        """The same, and the account is confirmed: its owner has the email address."""
        return self.is_placed_by_its_user and self.user is not None and bool(self.user.is_confirmed)

    @property
    def was_placed_by_account(self) -> bool:
        """Whether a confirmed account placed it that has it no more, because staff corrected its address.

        Staff who placed it acted for a guest.
        """
        own = self.user.id if self.user is not None else ""
        return any(
            each.user_id not in ("", own) and each.is_confirmed and not each.is_staff for each in self._placed
        )

    @property
    def _placed(self) -> list[OrderEvent]:
        return [each for each in self.events if each.type in _PLACED]

    @property
    def is_anonymous(self) -> bool:
        """Whether no personal data is left: Saleor's anonymization shortens names and addresses to "A..."."""
        texts = [self.email]
        for address in (self.billing_address, self.shipping_address):
            texts += [address.first_name, address.last_name, address.phone] if address else []
        return self.user is None and all(not text or text.partition("@")[0].endswith("...") for text in texts)


class CheckoutLine(Payload):
    id: str
    quantity: Quantity
    total_price: Price = Field(validation_alias=AliasPath("totalPrice", "gross"))
    variant_id: Text = Field("", validation_alias=AliasPath("variant", "id"))
    variant_name: VariantName = Field("", validation_alias=AliasPath("variant", "name"))
    sku: Text = Field("", validation_alias=AliasPath("variant", "sku"))
    product_id: Text = Field("", validation_alias=AliasPath("variant", "product", "id"))
    product_name: Text = Field("", validation_alias=AliasPath("variant", "product", "name"))


class Checkout(Purchasing):
    """A cart that is not an order yet."""

    language: Language = Field("", validation_alias="languageCode")
    updated_at: Moment | None = None
    total: Price = Field(validation_alias=AliasPath("totalPrice", "gross"))
    lines: list[CheckoutLine] = []


def read_order(payload: Mapping[str, Any]) -> Order:
    """Read the order of an event. `Rejected`, naming the fields, if it is incomplete."""
    return parse(Order, payload, "order")


def read_checkout(payload: Mapping[str, Any]) -> Checkout:
    """Read the checkout of an event. `Rejected`, naming the fields, if it is incomplete."""
    return parse(Checkout, payload, "checkout")
