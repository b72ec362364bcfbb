"""Saleor's payment events as typed values: parsed once, here."""

from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_decimal
from saleor_stripe_audience.shops.channels import NamedChannel

# JSON numbers arrive as floats; their shortest text is the number that was written.
Amount = Annotated[
    Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)
]

# Nullable fields of Saleor's schema may be null, and are then empty here.
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Channel(_Part):
    """A sales channel. The id is empty as long as the shop's webhooks do not ask for it."""

    slug: str
    id: Text = ""

    @property
    def named(self) -> NamedChannel:
        """How Saleor names it."""
        return NamedChannel(self.slug, self.id)


class MoneyPart(_Part):
    amount: Amount
    currency: str


class Shopper(_Part):
    """A shopper with an account of the shop."""

    id: str = Field(min_length=1, max_length=200)
    email: Text = ""
    languageCode: Text = ""  # noqa: N815 - Saleor's name


class Country(_Part):
    code: Text = ""


class Address(_Part):
    """A shipping or billing address; any part may be empty."""

    firstName: Text = ""  # noqa: N815 - Saleor's name
    lastName: Text = ""  # noqa: N815 - Saleor's name
    companyName: Text = ""  # noqa: N815 - Saleor's name
    streetAddress1: Text = ""  # noqa: N815 - Saleor's name
    streetAddress2: Text = ""  # noqa: N815 - Saleor's name
    city: Text = ""
    countryArea: Text = ""  # noqa: N815 - Saleor's name
    postalCode: Text = ""  # noqa: N815 - Saleor's name
    country: Country = Country()
    phone: str | None = None


class Gross(_Part):
    gross: MoneyPart


class _Sum(_Part):
    amount: Amount = Decimal(0)


class Covering(_Part):
    """A transaction in Saleor, of any app, and the part of the total that it covers, in major units."""

    id: str
    authorizedAmount: _Sum = _Sum()  # noqa: N815 - Saleor's name
    authorizePendingAmount: _Sum = _Sum()  # noqa: N815 - Saleor's name
    chargedAmount: _Sum = _Sum()  # noqa: N815 - Saleor's name
    chargePendingAmount: _Sum = _Sum()  # noqa: N815 - Saleor's name

    @property
    def covered(self) -> Decimal:
        """What is charged, held or still pending; may be negative after refunds and disputes."""
        parts = (
            self.authorizedAmount,
            self.authorizePendingAmount,
            self.chargedAmount,
            self.chargePendingAmount,
        )
        return sum((each.amount for each in parts), Decimal(0))


class Source(_Part):
    """The checkout or order that is paid. An order has a number and a userEmail, a checkout an email."""

    kind: Text = Field("", alias="__typename")  # Checkout or Order, where it is queried
    id: str
    channel: Channel
    number: Text = ""
    email: str | None = None
    userEmail: str | None = None  # noqa: N815 - Saleor's name
    languageCode: Text = ""  # noqa: N815 - Saleor's name
    languageCodeEnum: Text = ""  # noqa: N815 - Saleor's name
    user: Shopper | None = None
    shippingAddress: Address | None = None  # noqa: N815 - Saleor's name
    billingAddress: Address | None = None  # noqa: N815 - Saleor's name
    collectionPointName: Text = ""  # noqa: N815 - Saleor's name; of an order that the buyer collects
    totalPrice: Gross | None = None  # noqa: N815 - Saleor's name, of a checkout
    total: Gross | None = None
    status: Text = ""  # of an order
    # Saleor's `transactions` under two names: on checkouts it may be null, on orders not, which would clash.
    checkoutTransactions: list[Covering] | None = None  # noqa: N815 - our own alias
    transactions: list[Covering] | None = None

    @property
    def language(self) -> str:
        """The buyer's language as Saleor writes it: EN, FR_CA; empty if it is not known."""
        return self.languageCode or self.languageCodeEnum

    @property
    def covering(self) -> list[Covering]:
        """The transactions that pay it; empty if they are not known."""
        return self.checkoutTransactions or self.transactions or []

    @property
    def total_gross(self) -> MoneyPart | None:
        """Its total price, including taxes; None if it is not known."""
        found = self.totalPrice or self.total
        return found.gross if found is not None else None


class Principal(_Part):
    """Who called Saleor: a User who is signed in, or an App."""

    kind: str = Field(alias="__typename")
    id: str


class Action(_Part):
    """What Saleor requests; `amount` is in major units."""

    actionType: str  # noqa: N815 - Saleor's name
    amount: Amount | None = None
    currency: Text = ""

    @cached_property
    def money(self) -> Money | None:
        """The amount as Stripe takes it; None without one, `Rejected` if it is not an amount of that currency."""
        return None if self.amount is None else from_decimal(self.amount, self.currency)


class Event(_Part):
    type: str | None
    idempotencyKey: str | None = None  # noqa: N815 - Saleor's name
    pspReference: Text = ""  # noqa: N815 - Saleor's name
    message: Text = ""
    createdAt: datetime  # noqa: N815 - Saleor's name
    amount: MoneyPart


class Transaction(_Part):
    id: str
    pspReference: Text = ""  # noqa: N815 - Saleor's name
    events: list[Event] = Field(default_factory=list)
    order: Source | None = None
    checkout: Source | None = None


class GatewayInitialize(_Part):
    sourceObject: Source  # noqa: N815 - Saleor's name


class Session(_Part):
    """TRANSACTION_INITIALIZE_SESSION and TRANSACTION_PROCESS_SESSION."""

    data: Any = None
    issuingPrincipal: Principal | None = None  # noqa: N815 - Saleor's name
    idempotencyKey: Text = ""  # noqa: N815 - Saleor's name
    action: Action
    transaction: Transaction
    sourceObject: Source  # noqa: N815 - Saleor's name

    @property
    def is_by_owner(self) -> bool:
        """Whether the owner called, or an app of the shop, such as one that renews subscriptions in their absence."""
        owner, caller = self.sourceObject.user, self.issuingPrincipal
        if owner is None or caller is None:
            return False
        return caller.kind == "App" or (caller.kind == "User" and caller.id == owner.id)

    @property
    def shopper(self) -> Shopper | None:
        """The account whose Customer pays at Stripe; None for a guest.

        Saleor assigns a guest's order to the account with the same address, so whoever pays an order without having
        signed in counts as a guest.
        """
        is_guests = self.sourceObject.kind == "Order" and not self.is_by_owner
        return None if is_guests else self.sourceObject.user


class GrantedRefund(_Part):
    """A refund that staff granted on the order, with the reason they gave."""

    id: str
    reason: str | None = None


NO_GRANT = "T3JkZXJHcmFudGVkUmVmdW5kOk5vbmU="  # "OrderGrantedRefund:None"


def _granted(value: Any) -> Any:
    """None for a plain refund: Saleor then sends a granted refund without number and fields (observed)."""
    return None if isinstance(value, dict) and value.get("id") == NO_GRANT else value


class Requested(_Part):
    """TRANSACTION_CHARGE_REQUESTED, _REFUND_REQUESTED, _CANCELATION_REQUESTED."""

    issuedAt: str | None = None  # noqa: N815 - Saleor's name
    action: Action
    transaction: Transaction
    grantedRefund: Annotated[GrantedRefund | None, BeforeValidator(_granted)] = None  # noqa: N815 - Saleor's name

    def equal_events(self, kind: str) -> list[Event]:
        """Return Saleor's events of requests that equal this one, newest first: of its type and amount.

        `kind` is CHARGE, REFUND or CANCEL. A cancelation has no amount of its own.
        """
        requested = self.action.amount if kind != "CANCEL" else None
        equal = [
            event
            for event in self.transaction.events
            if event.type == f"{kind}_REQUEST" and requested in (None, event.amount.amount)
        ]
        return sorted(equal, key=lambda event: event.createdAt, reverse=True)

    def waiting_events(self, kind: str) -> list[Event]:
        """Return those of them that have no response yet: one is the event of this request."""
        return [event for event in self.equal_events(kind) if not event.pspReference]

    def event_of(self, key: str) -> Event | None:
        """Return the event from which Stripe's idempotency key was made, see `ownership.stripe_key`."""
        events = (each for each in self.transaction.events if each.idempotencyKey)
        return next((each for each in events if key.endswith(f":{each.type}:{each.idempotencyKey}")), None)


class ShopperRequest(_Part):
    """LIST_STORED_PAYMENT_METHODS and the two _INITIALIZE_TOKENIZATION_SESSION."""

    user: Shopper
    channel: Channel


class MethodDeletion(ShopperRequest):
    """STORED_PAYMENT_METHOD_DELETE_REQUESTED."""

    paymentMethodId: str  # noqa: N815 - Saleor's name


class MethodProcess(ShopperRequest):
    """PAYMENT_METHOD_PROCESS_TOKENIZATION_SESSION."""

    id: str


def read[Model: BaseModel](model: type[Model], payload: dict[str, Any]) -> Model:
    """Read the payload as `model`; `Rejected` if a field that is needed is missing or malformed."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise Rejected(f"Saleor's request has no readable {place}.", code="parse_error") from None
