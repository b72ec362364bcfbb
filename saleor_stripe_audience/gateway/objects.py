"""Stripe's objects as this app reads them: typed, frozen, and parsed once, where they arrive.

A class has the fields that the app uses. All others are ignored, including those that Stripe may add. Stripe always
sends a field without a default: an object without it cannot be read.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Self

import structlog
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.metadata import AUTHORIZATION, CHARGE
from saleor_stripe_audience.money import Money, from_decimal, known_currency

log = structlog.get_logger(__name__)

LONGEST_CODE = 100  # characters of a decline code that are kept

# Statuses in which the shopper can still pay.
PAYABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})

# Stripe's reasons for a cancelation, as used by this app: https://docs.stripe.com/api/payment_intents/cancel
DUPLICATE, ABANDONED = "duplicate", "abandoned"

# Stripe calls payments that the shopper makes later "delayed notification payment methods"
# (https://docs.stripe.com/payments/payment-methods). Their PaymentIntent is `requires_action` for days, but no one
# waits in the browser any more: the shopper has what they need, so the order is created and waits for the payment.
# `next_action.type` says which kind it is (https://docs.stripe.com/api/payment_intents/object):
# - `boleto_display_details`, `oxxo_…`, `konbini_…`, `multibanco_…`: a voucher to pay at a bank, a till or a cash
#   machine within days. Any other `*_display_details` would be one of these.
# - `display_bank_transfer_instructions`: the shopper sends a transfer; it may arrive in parts.
# - `verify_with_microdeposits`: two small deposits reach the account in one or two days, then the debit starts.
# - `card_await_notification`: an Indian bank notifies the cardholder a day ahead, then Stripe charges by itself.
# All other kinds are finished at once, by the shopper, in the browser or with a phone in the hand, and expire within
# minutes or hours: `redirect_to_url`, `use_stripe_sdk`, `alipay_handle_redirect`, `blik_authorize`, QR codes (Pix,
# PayNow, PromptPay, Klarna, WeChat Pay, Swish, Cash App, UPI), links to the WeChat app. An order created before would
# often stay unpaid.
VOUCHER = "_display_details"
BANK_TRANSFER = "display_bank_transfer_instructions"
MICRODEPOSITS = "verify_with_microdeposits"
NOTIFICATION = "card_await_notification"
# The payment methods behind them. A card that waits for its bank is still a card.
DELAYED_METHODS = frozenset(
    {"acss_debit", "boleto", "customer_balance", "konbini", "multibanco", "oxxo", "us_bank_account"}
)
ATTEMPT_FAILED = "payment_intent_payment_attempt_failed"
# How such a payment fails (https://docs.stripe.com/error-codes). With any other code, such as a wrong
# tax number, the shopper never received a voucher.
DELAYED_FAILURES = frozenset(
    {
        ATTEMPT_FAILED,
        "payment_intent_payment_attempt_expired",
        "payment_method_microdeposit_failed",
        "payment_method_microdeposit_processing_error",
        "payment_method_microdeposit_verification_attempts_exceeded",
        "payment_method_microdeposit_verification_timeout",
    }
)


class UnreadableObject(Rejected):
    """A Stripe object has no value, or one of the wrong type, for a field that is always set."""


def parse[Parsed: BaseModel](model: type[Parsed], found: Any) -> Parsed:
    """Read a Stripe object, given as JSON; raises `UnreadableObject` that names the field."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "form"
        raise UnreadableObject(
            f"A {model.__name__} from Stripe could not be read ({place}).", code="unreadable"
        ) from None


def parse_readable[Parsed: BaseModel](model: type[Parsed], found: Iterable[Any]) -> Iterator[Parsed]:
    """Yield the objects of a list that can be read; one that cannot be read is logged, and does not stop the others."""
    for each in found:
        try:
            yield parse(model, each)
        except UnreadableObject as error:
            log.warning("unreadable object skipped", id=each.get("id", ""), reason=str(error))


def customer_url(customer_id: str, *, livemode: bool) -> str:
    """Return the URL of the Customer's page at Stripe, from which its cash balance can be sent back."""
    return f"https://dashboard.stripe.com/{'' if livemode else 'test/'}customers/{customer_id}"


def dashboard_url(payment_intent_id: str, *, livemode: bool) -> str:
    """Return the URL of the payment's page at Stripe."""
    return f"https://dashboard.stripe.com/{'' if livemode else 'test/'}payments/{payment_intent_id}"


# Stripe writes null where it has nothing; here that is the empty value.
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Minor = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)]
Flag = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]


def _known_currency(value: str) -> str:
    try:
        return known_currency(value)
    except Rejected as error:
        raise ValueError(str(error)) from error  # names the field, as for any other value that cannot be read


Currency = Annotated[str, AfterValidator(_known_currency)]  # in upper case, as `Money` has it


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if each is not None}
    return {} if value is None else value


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Labelled(_Part):
    id: str = Field(min_length=1)
    metadata: Annotated[dict[str, str], BeforeValidator(_without_nulls)] = Field(default_factory=dict)

    def belongs_to(self, installation_id: uuid.UUID, transaction_id: str | None = None) -> bool:
        """Whether its metadata names the shop (and the transaction)."""
        same_shop = self.metadata.get(names.INSTALLATION) == str(installation_id)
        return same_shop and transaction_id in (None, self.metadata.get(names.TRANSACTION))


class _Wallet(_Part):
    type: Text = ""


class _Multicapture(_Part):
    status: Text = ""


class _UsedCard(_Part):
    brand: Text = ""
    last4: Text = ""
    exp_month: int | None = None
    exp_year: int | None = None
    wallet: _Wallet | None = None
    multicapture: _Multicapture | None = None


class UsedMethod(_Part):
    """How a charge was paid: `payment_method_details`."""

    type: Text = ""
    card: _UsedCard | None = None


class Charge(_Labelled):
    """One attempt to take money."""

    status: Text = ""
    amount: int
    amount_captured: Minor = 0
    amount_refunded: Minor = 0
    captured: Flag = False
    disputed: Flag = False
    payment_intent: str | None = None
    payment_method_details: UsedMethod | None = None
    shipping: dict[str, Any] | None = None

    @property
    def uncaptured_minor(self) -> int:
        """The amount that was held and not captured; never negative, although more may be captured than was held.

        https://docs.stripe.com/payments/overcapture
        """
        return max(0, self.amount - self.amount_captured)

    @property
    def refunded_minor(self) -> int:
        """The part of the captured amount that was refunded. (Stripe also counts the released rest of a hold as
        refunded.)
        """
        return max(0, self.amount_refunded - self.uncaptured_minor) if self.captured else 0


class _ErrorMethod(_Part):
    id: Text = ""
    type: Text = ""


class PaymentError(_Part):
    """Why an attempt failed."""

    code: Text = ""
    decline_code: Text = ""
    charge: Text = ""
    payment_method: _ErrorMethod | None = None

    @property
    def reason(self) -> str:
        """The most precise code: that of the decline or, if there is none, of the error; empty if Stripe gives
        neither.
        """
        return (self.decline_code or self.code)[:LONGEST_CODE]


class _TransferInstructions(_Part):
    amount_remaining: int | None = None


class NextAction(_Part):
    """What the shopper has to do."""

    type: Text = ""
    display_bank_transfer_instructions: _TransferInstructions | None = None

    @property
    def is_delayed(self) -> bool:
        """Whether the shopper does it later, outside the browser."""
        return self.type in (BANK_TRANSFER, MICRODEPOSITS, NOTIFICATION) or self.type.endswith(VOUCHER)


class _MethodOptions(_Part):
    capture_method: Text = ""


class _AutomaticMethods(_Part):
    allow_redirects: Text = ""


class PaymentIntent(_Labelled):
    """One payment of a checkout or order. Amounts count the smallest unit of `currency`."""

    status: str
    amount: int
    amount_received: Minor = 0
    amount_capturable: Minor = 0
    currency: Currency
    livemode: bool
    created: int = 0
    client_secret: str | None = Field(default=None, repr=False)
    cancellation_reason: Text = ""
    capture_method: Text = ""
    customer: Text = ""
    payment_method: Text = ""
    setup_future_usage: Text = ""
    automatic_payment_methods: _AutomaticMethods | None = None
    payment_method_types: list[str] | None = None
    payment_method_options: Annotated[dict[str, _MethodOptions], BeforeValidator(_without_nulls)] = Field(
        default_factory=dict
    )
    latest_charge: Charge | str | None = None
    last_payment_error: PaymentError | None = None
    next_action: NextAction | None = None

    def money(self, minor: int) -> Money:
        """Return an amount in the payment's currency."""
        return Money(minor, self.currency)

    def with_metadata(self, changes: Mapping[str, str]) -> Self:
        """Return a copy with other metadata."""
        return self.model_copy(update={"metadata": {**self.metadata, **changes}})

    @property
    def dashboard_url(self) -> str:
        """The payment's page at Stripe."""
        return dashboard_url(self.id, livemode=self.livemode)

    # What happened to it.

    @property
    def is_payable(self) -> bool:
        """Whether the shopper can still pay it."""
        return self.status in PAYABLE

    @property
    def may_redirect(self) -> bool:
        """Whether it offers methods for which the shopper leaves the shop's page."""
        automatic = self.automatic_payment_methods
        return automatic is not None and automatic.allow_redirects != "never"

    @property
    def declined_method(self) -> str:
        """The id of the method that was declined last; empty if none was."""
        error = self.last_payment_error
        return error.payment_method.id if error is not None and error.payment_method is not None else ""

    @property
    def charge(self) -> Charge | None:
        """The latest attempt; None before the first one, and if Stripe only sent its id."""
        return self.latest_charge if isinstance(self.latest_charge, Charge) else None

    @property
    def latest_charge_id(self) -> str:
        """The id of the latest attempt; empty before the first."""
        return self.charge.id if self.charge is not None else str(self.latest_charge or "")

    @property
    def refunded_minor(self) -> int:
        """The refunded part of the captured amount."""
        return self.charge.refunded_minor if self.charge is not None else 0

    @property
    def refundable_minor(self) -> int:
        """The captured amount that was not refunded."""
        return max(0, self.amount_received - self.refunded_minor)

    def released_minor(self, flow: str) -> int:
        """The part of a hold that was released: all of it when canceled, the rest after the last capture."""
        charge = self.charge
        if charge is None or charge.status != "succeeded" or flow != AUTHORIZATION:
            return 0
        return charge.uncaptured_minor if self.status in ("canceled", "succeeded") else 0

    @property
    def has_expired(self) -> bool:
        """Whether Stripe canceled it because its authorization was not captured in time.

        https://docs.stripe.com/api/payment_intents/object#payment_intent_object-cancellation_reason
        """
        return self.status == "canceled" and self.cancellation_reason in ("automatic", "expired")

    @property
    def can_be_captured_again(self) -> bool:
        """Whether the hold may be captured in parts: the card, its network and the account's contract decide."""
        used = self.charge.payment_method_details if self.charge is not None else None
        multicapture = used.card.multicapture if used is not None and used.card is not None else None
        return multicapture is not None and multicapture.status == "available"

    @property
    def has_failed(self) -> bool:
        """Whether the latest attempt failed. Stripe removes the error when the intent changes, but not the charge."""
        charge = self.charge
        return self.last_payment_error is not None or (charge is not None and charge.status == "failed")

    @property
    def decline_code(self) -> str:
        """Stripe's code of the latest decline; empty if there is none."""
        return self.last_payment_error.reason if self.last_payment_error is not None else ""

    # Payments that the shopper makes later: vouchers, bank transfers, accounts verified by small deposits.

    @property
    def is_delayed(self) -> bool:
        """Whether the shopper has what they need and will pay later."""
        return (
            self.status == "requires_action" and self.next_action is not None and self.next_action.is_delayed
        )

    @property
    def transferred_minor(self) -> int:
        """The part of a bank transfer that has arrived; 0 unless the payment is waiting for the rest.

        https://docs.stripe.com/payments/bank-transfers/accept-a-payment: "Handling underpayments and overpayments"
        """
        action = self.next_action
        if not self.is_delayed or action is None or action.display_bank_transfer_instructions is None:
            return 0
        remaining = action.display_bank_transfer_instructions.amount_remaining
        return max(0, self.amount - remaining) if remaining is not None else 0

    @property
    def has_delayed_failure(self) -> bool:
        """Whether such a payment failed: the voucher expired, or the account was never verified.

        QR codes end with the same code; there the shopper may simply try again.
        """
        error = self.last_payment_error
        if error is None or self.status != "requires_payment_method" or error.code not in DELAYED_FAILURES:
            return False
        kind = error.payment_method.type if error.payment_method is not None else ""
        return kind in DELAYED_METHODS or (not kind and error.code != ATTEMPT_FAILED)

    # What the app noted on it.

    @property
    def transaction_id(self) -> str:
        return self.metadata.get(names.TRANSACTION, "")

    @property
    def language(self) -> str:
        """The shopper's language tag; empty if it is not known."""
        return self.metadata.get(names.LANGUAGE, "")

    @property
    def requested_flow(self) -> str:
        """CHARGE or AUTHORIZATION, as Saleor requested."""
        return self.metadata.get(names.FLOW) or CHARGE

    @property
    def flow(self) -> str:
        """The actual flow, CHARGE or AUTHORIZATION: what Saleor wanted to authorize but cannot be held is charged
        immediately.
        """
        return self.requested_flow if self._can_be_held else CHARGE

    @property
    def _can_be_held(self) -> bool:
        """The method is known once there is a charge or a voucher."""
        is_voucher = (
            self.is_delayed and self.next_action is not None and self.next_action.type != NOTIFICATION
        )
        if is_voucher or self.has_delayed_failure:
            return False
        if self.charge is None:
            return True
        used = self.charge.payment_method_details
        options = self.payment_method_options.get((used.type if used is not None else "") or "card")
        return "manual" in (options.capture_method if options is not None else "", self.capture_method)

    def exact_amount(self, minor: int) -> Decimal | None:
        """Saleor's own amount, of which `minor` is the rounded form; None if nothing was rounded.

        Metadata that was edited at Stripe is ignored.
        """
        requested = self.metadata.get(names.AMOUNT)
        if not requested:
            return None
        try:
            rounded = from_decimal(requested, self.currency)
        except Rejected:
            return None
        return Decimal(requested) if rounded.minor == minor else None

    def exact_refund(self, minor: int) -> Decimal | None:
        """Saleor's own amount of the refund of `minor` that left nothing of the payment; None if nothing was rounded.

        All refunds together are then what was paid, as precise as in Saleor.
        """
        paid = self.exact_amount(self.amount_received)
        if paid is None or self.refundable_minor:
            return None
        return paid - self.money(self.amount_received).amount + self.money(minor).amount


class Refund(_Labelled):
    """A refund, completed or pending."""

    status: Text = ""
    amount: int
    currency: Currency
    created: int = 0
    reason: Text = ""
    failure_reason: Text = ""
    pending_reason: Text = ""
    balance_transaction: str | dict[str, Any] | None = None
    payment_intent: str | None = None

    @property
    def has_failed(self) -> bool:
        """Whether the money stayed with the merchant."""
        return self.status in ("failed", "canceled")


class BalanceTransaction(_Part):
    """What was booked on the account's balance, in its currency."""

    amount: int
    fee: Minor = 0
    net: Minor = 0
    currency: Currency
    type: Text = ""
    reporting_category: Text = ""


class _Evidence(_Part):
    due_by: int | None = None


class Dispute(_Labelled):
    """A dispute, or a bank's inquiry before one."""

    status: str
    amount: int
    currency: Currency
    created: int = 0
    reason: Text = ""
    payment_intent: str | None = None
    balance_transactions: Annotated[
        list[BalanceTransaction], BeforeValidator(lambda value: [] if value is None else value)
    ] = Field(default_factory=list)
    evidence_details: _Evidence | None = None


class Review(_Part):
    """A payment that Stripe Radar, or a rule, wants someone to review."""

    id: str = Field(min_length=1)
    open: Flag = False
    reason: Text = ""
    closed_reason: Text = ""
    payment_intent: str | None = None
    charge: str | None = None


class FraudWarning(_Part):
    """The card's bank reports a payment as fraud before its customer disputes it."""

    id: str = Field(min_length=1)
    actionable: Flag = False
    fraud_type: Text = ""
    payment_intent: str | None = None
    charge: str | None = None


class SetupIntent(_Labelled):
    """Storing a payment method without a payment."""

    status: str
    client_secret: str | None = Field(default=None, repr=False)
    customer: str | None = None
    payment_method: str | None = None
    last_setup_error: PaymentError | None = None


class _MethodDetails(_Part):
    brand: Text = ""
    bank_name: Text = ""
    last4: Text = ""
    exp_month: int | None = None
    exp_year: int | None = None


class PaymentMethod(_Labelled):
    """A stored way to pay; `details` are those that Stripe has under the name of its type."""

    type: str
    customer: str | None = None
    details: _MethodDetails = _MethodDetails()

    @model_validator(mode="before")
    @classmethod
    def _find_details(cls, found: Any) -> Any:
        details = found.get(found.get("type")) if isinstance(found, dict) else None
        return {**found, "details": details} if isinstance(details, dict) else found


class StripePrice(_Labelled):
    """A Price. `unit_amount` is None if the shopper chooses the amount, or it depends on the quantity."""

    active: Flag = False
    currency: Currency
    unit_amount: int | None = None
    type: Text = ""
    product: str | None = None
    lookup_key: Text = ""
    tax_behavior: Text = ""
    created: int = 0

    @property
    def is_recurring(self) -> bool:
        return self.type == "recurring"

    @property
    def money(self) -> Money | None:
        """The one-time amount; None if there is no single amount."""
        if self.is_recurring or self.unit_amount is None:
            return None
        return Money(self.unit_amount, self.currency)


class StripeProduct(_Labelled):
    """A Product. One that was deleted has an id and nothing else."""

    name: Text = ""
    active: Flag = False
    description: Text = ""
    images: Annotated[list[str], BeforeValidator(lambda value: [] if value is None else value)] = Field(
        default_factory=list
    )
    url: Text = ""
    tax_code: Text = ""
    unit_label: Text = ""
    shippable: bool | None = None
    created: int = 0
    default_price: StripePrice | str | None = None

    @property
    def default_price_id(self) -> str:
        price = self.default_price
        return price.id if isinstance(price, StripePrice) else price or ""

    @property
    def shop(self) -> str:
        """The shop whose product it is; empty if it was not made by this app."""
        return self.metadata.get("saleor_installation", "")


class CreatedCustomer(_Part):
    """A new Customer: apart from the id, it is what the app has just sent."""

    id: str = Field(min_length=1)


class CashBalance(_Part):
    """What Stripe keeps of a Customer's bank transfers, because no payment has taken it.

    `available` is by currency, in lower case: null without any transfer, negative if one was reversed.
    """

    available: Annotated[dict[str, int], BeforeValidator(_without_nulls)] = Field(default_factory=dict)


class _PaymentOfMove(_Part):
    payment_intent: str


class CashMove(_Part):
    """Money that came into a Customer's cash balance, or left it (`net_amount` is negative then).

    https://docs.stripe.com/api/cash_balance_transactions/object
    """

    id: str = Field(min_length=1)
    type: Text = ""
    customer: str | None = None
    currency: Currency
    net_amount: int
    ending_balance: int
    applied_to_payment: _PaymentOfMove | None = None
    unapplied_from_payment: _PaymentOfMove | None = None

    @property
    def is_swept(self) -> bool:
        """Whether Stripe could not return it to the shopper, and moved it to the account's balance.

        https://docs.stripe.com/payments/customer-balance/reconciliation: after 90 days
        """
        return self.type == "transferred_to_balance"

    @property
    def payment_intent(self) -> str:
        """The payment that took the money or gave it back; empty if there is none."""
        payment = self.applied_to_payment or self.unapplied_from_payment
        return payment.payment_intent if payment is not None else ""


class DeletedCustomer(_Part):
    """A Customer that the merchant deleted: only its id is left."""

    id: str = Field(min_length=1)
