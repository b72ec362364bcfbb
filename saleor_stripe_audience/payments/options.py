"""What a storefront can request in addition to the amount: storing the payment method, or paying with a stored one."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.payments.payloads import Session


class PaymentOptions(BaseModel):
    """`data.paymentIntent` of the storefront's request; other names in it are ignored.

    `paymentMethod` only counts where an account cannot hold every method: the account's settings in Stripe decide how
    shoppers can pay. With `shippingFromSaleor` the app sends Stripe the checkout's shipping address before the payment.
    Then the browser must send none, as Express Checkout always does.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    paymentMethod: str = ""  # noqa: N815 - the storefront's name
    storedPaymentMethodId: str = ""  # noqa: N815 - the storefront's name
    setupFutureUsage: Literal["on_session", "off_session"] | None = None  # noqa: N815 - the storefront's name
    offSession: bool = False  # noqa: N815 - the storefront's name
    shippingFromSaleor: bool = False  # noqa: N815 - the storefront's name

    @property
    def needs_customer(self) -> bool:
        """Whether the payment is impossible without the shopper's own Customer."""
        return bool(self.storedPaymentMethodId or self.setupFutureUsage)

    @property
    def method_id(self) -> str:
        """Stripe's id of the stored method, also where Saleor's longer one ("app:…:pm_…") was given."""
        return self.storedPaymentMethodId.rpartition(":")[2]


def read_options(session: Session) -> PaymentOptions:
    """Return the session's options; `Rejected` if they are malformed, or not for this caller to request."""
    options = _read(session.data)
    if options.offSession and not options.storedPaymentMethodId:
        raise Rejected("offSession requires a storedPaymentMethodId to charge.", code="parse_error")
    if options.offSession and options.setupFutureUsage:
        raise Rejected("Give either offSession or setupFutureUsage, not both.", code="parse_error")
    if options.needs_customer and not session.is_by_owner:
        raise Rejected(
            "Only the signed-in owner of the checkout or order can store a payment method or use a stored one.",
            code="not_owner",
        )
    return options


def _read(data: Any) -> PaymentOptions:
    requested = data.get("paymentIntent") if isinstance(data, dict) else data
    if requested is None:
        return PaymentOptions()
    try:
        return PaymentOptions.model_validate(requested)
    except ValidationError as error:
        place = ".".join(["paymentIntent", *map(str, error.errors()[0]["loc"])])
        raise Rejected(
            'The storefront\'s data must look like {"paymentIntent": {"paymentMethod": "card"}}; '
            f"{place} does not.",
            code="parse_error",
        ) from None
