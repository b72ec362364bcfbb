"""Saleor's orders and checkouts as their events contain them, read once into typed values."""

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AliasPath, AwareDatetime, BeforeValidator, Field

from saleor_stripe_audience.audience.people.payloads import Account, Metadata, Payload, Text, parse
from saleor_stripe_audience.money import Money, from_decimal

# JSON's 19.99 arrives as a float; its shortest form is what Saleor wrote.
Amount = Annotated[Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, float) else value)]


VARIANT_ID = base64.b64encode(b"ProductVariant:").decode()  # the beginning of every variant's id
# Saleor names a variant that was given neither name nor SKU by its id, which is no name for a reader.
VariantName = Annotated[Text, AfterValidator(lambda name: "" if name.startswith(VARIANT_ID) else name)]


class Price(Payload):
    amount: Amount
    currency: str

    def money(self) -> Money:
        return from_decimal(self.amount, self.currency)

    def balance(self) -> Money:
        """Return an amount that can be negative: `totalCharged` is after a refund and a full dispute (observed)."""
        absolute = from_decimal(abs(self.amount), self.currency)
        return absolute if self.amount >= 0 else Money(-absolute.minor, absolute.currency)


class Address(Payload):
    first_name: Text = ""
    last_name: Text = ""
    phone: Text = ""
    city: Text = ""
    country: Text = Field("", validation_alias=AliasPath("country", "code"))


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
    quantity: int
    quantity_fulfilled: int = 0
    unit_price: Price = Field(validation_alias=AliasPath("unitPrice", "gross"))
    total_price: Price = Field(validation_alias=AliasPath("totalPrice", "gross"))
    variant_id: Text = Field("", validation_alias=AliasPath("variant", "id"))
    product_id: Text = Field("", validation_alias=AliasPath("variant", "product", "id"))
    product: Product | None = Field(None, validation_alias=AliasPath("variant", "product"))


class Order(Payload):
    """An order. Fields that an older host or a smaller query leaves out stay empty; amounts are required."""

    id: str
    number: Text = ""
    status: Text = ""
    charge_status: Text = ""
    is_paid: bool | None = None
    created: AwareDatetime | None = None
    user_email: Text = ""
    language_code_enum: Text = ""
    user: Account | None = None
    channel: Text = Field("", validation_alias=AliasPath("channel", "slug"))
    billing_address: Address | None = None
    shipping_address: Address | None = None
    total: Price = Field(validation_alias=AliasPath("total", "gross"))
    total_charged: Price | None = None
    total_refunded: Price | None = None
    voucher_code: Text = ""
    checkout_id: Text = ""
    metadata: Metadata = []
    lines: list[Line] = []

    @property
    def address(self) -> Address:
        """The billing address, or the shipping address if there is none."""
        return self.billing_address or self.shipping_address or Address()

    @property
    def is_anonymous(self) -> bool:
        """Whether no personal data is left: Saleor's anonymization shortens names and addresses to "A..."."""
        texts = [self.user_email]
        for address in (self.billing_address, self.shipping_address):
            texts += [address.first_name, address.last_name, address.phone] if address else []
        return self.user is None and all(not text or text.partition("@")[0].endswith("...") for text in texts)


class CheckoutLine(Payload):
    id: str
    quantity: int
    total_price: Price = Field(validation_alias=AliasPath("totalPrice", "gross"))
    variant_id: Text = Field("", validation_alias=AliasPath("variant", "id"))
    variant_name: VariantName = Field("", validation_alias=AliasPath("variant", "name"))
    sku: Text = Field("", validation_alias=AliasPath("variant", "sku"))
    product_id: Text = Field("", validation_alias=AliasPath("variant", "product", "id"))
    product_name: Text = Field("", validation_alias=AliasPath("variant", "product", "name"))


class Checkout(Payload):
    """A cart that is not an order yet."""

    id: str
    created: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    email: Text = ""
    language_code: Text = ""
    voucher_code: Text = ""
    user: Account | None = None
    channel: Text = Field("", validation_alias=AliasPath("channel", "slug"))
    billing_address: Address | None = None
    shipping_address: Address | None = None
    total: Price = Field(validation_alias=AliasPath("totalPrice", "gross"))
    lines: list[CheckoutLine] = []

    @property
    def address(self) -> Address:
        """The billing address, or the shipping address if there is none."""
        return self.billing_address or self.shipping_address or Address()


def read_order(payload: Mapping[str, Any]) -> Order:
    """Read the order of an event. `Rejected`, naming the fields, if it is incomplete."""
    return parse(Order, payload, "order")


def read_checkout(payload: Mapping[str, Any]) -> Checkout:
    """Read the checkout of an event. `Rejected`, naming the fields, if it is incomplete."""
    return parse(Checkout, payload, "checkout")
