"""Saleor's order and customer as their events bring them, read once into typed values."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AliasPath, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_decimal


def _as_written(amount: Any) -> Any:
    """JSON's 19.99 arrives as a float; its shortest form is what Saleor wrote."""
    return str(amount) if isinstance(amount, float) else amount


Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Amount = Annotated[Decimal, BeforeValidator(_as_written)]
Metadata = Annotated[list[Any], BeforeValidator(lambda value: [] if value is None else value)]


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")


class Price(_Payload):
    amount: Amount
    currency: str

    def money(self) -> Money:
        return from_decimal(self.amount, self.currency)

    def balance(self) -> Money:
        """What may be less than nothing: `totalCharged` is after a refund and a dispute for the whole (observed)."""
        size = from_decimal(abs(self.amount), self.currency)
        return size if self.amount >= 0 else Money(-size.minor, size.currency)


class Address(_Payload):
    first_name: Text = ""
    last_name: Text = ""
    phone: Text = ""
    city: Text = ""
    country: Text = Field("", validation_alias=AliasPath("country", "code"))


class Account(_Payload):
    """A customer's account in the shop."""

    id: str
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    language_code: Text = ""
    is_confirmed: bool | None = None
    metadata: Metadata = []


class Named(_Payload):
    """A category, a type of product or a collection."""

    id: str
    name: Text = ""


class Product(_Payload):
    """What was sold, as the shop has it when the event is told."""

    id: str
    name: Text = ""
    category: Named | None = None
    product_type: Named | None = None
    collections: Annotated[list[Named], BeforeValidator(lambda value: value or [])] = []


class Line(_Payload):
    id: str
    product_name: Text = ""
    variant_name: Text = ""
    product_sku: Text = ""
    quantity: int
    quantity_fulfilled: int = 0
    unit_price: Price = Field(validation_alias=AliasPath("unitPrice", "gross"))
    total_price: Price = Field(validation_alias=AliasPath("totalPrice", "gross"))
    variant_id: Text = Field("", validation_alias=AliasPath("variant", "id"))
    product_id: Text = Field("", validation_alias=AliasPath("variant", "product", "id"))
    product: Product | None = Field(None, validation_alias=AliasPath("variant", "product"))


class Order(_Payload):
    """What is left out by an older host or a smaller document stays empty; what money needs is required."""

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
        """Who pays; who receives, where no billing address was given."""
        return self.billing_address or self.shipping_address or Address()

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing of it tells of a person any more: Saleor hides a name as "A..." and so an address."""
        told = [self.user_email]
        for address in (self.billing_address, self.shipping_address):
            told += [address.first_name, address.last_name, address.phone] if address else []
        return self.user is None and all(_is_hidden(each) for each in told)


class CheckoutLine(_Payload):
    id: str
    quantity: int
    total_price: Price = Field(validation_alias=AliasPath("totalPrice", "gross"))
    variant_id: Text = Field("", validation_alias=AliasPath("variant", "id"))
    variant_name: Text = Field("", validation_alias=AliasPath("variant", "name"))
    sku: Text = Field("", validation_alias=AliasPath("variant", "sku"))
    product_id: Text = Field("", validation_alias=AliasPath("variant", "product", "id"))
    product_name: Text = Field("", validation_alias=AliasPath("variant", "product", "name"))


class Checkout(_Payload):
    """A cart on its way to become an order."""

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
        """Who pays; who receives, where no billing address was given."""
        return self.billing_address or self.shipping_address or Address()


def read_checkout(payload: Mapping[str, Any]) -> Checkout:
    """The checkout of an event; `Rejected`, naming the fields, when it is none."""
    return _read(Checkout, payload, "checkout")


def read_order(payload: Mapping[str, Any]) -> Order:
    """The order of an event; `Rejected`, naming the fields, when it is none."""
    return _read(Order, payload, "order")


def read_account(payload: Mapping[str, Any]) -> Account:
    """The customer of an event; `Rejected`, naming the fields, when it is none."""
    return _read(Account, payload, "customer")


def _is_hidden(text: str) -> bool:
    return not text or text.partition("@")[0].endswith("...")


def language_tag(code: str) -> str:
    """Saleor's `EN_US` as a language tag: `en-us`."""
    return code.replace("_", "-").lower()


def _read[Read: _Payload](kind: type[Read], payload: Mapping[str, Any], name: str) -> Read:
    try:
        return kind.model_validate(payload)
    except ValidationError as refused:
        places = sorted({".".join(str(step) for step in error["loc"]) for error in refused.errors()})
        raise Rejected(
            f"Saleor sent the {name} without what is needed: {', '.join(places)}. Reinstall the app in "
            "Saleor's Dashboard so that its webhooks ask for everything again.",
            code="payload",
        ) from None
