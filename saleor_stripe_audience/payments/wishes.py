"""What a storefront wishes beside the amount: to keep the method for later, to pay with one that was kept."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.payments.payloads import Session


class Wishes(BaseModel):
    """`data.paymentIntent` of the storefront's request; names it does not know are left alone.

    `paymentMethod` is for reading only: what may be paid with is the account's own choice in Stripe.
    `shippingFromSaleor`: the app tells Stripe the checkout's shipping address before the payment. Then the browser must
    send none, which Express Checkout does always.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    paymentMethod: str = ""  # noqa: N815 - the storefront's name
    storedPaymentMethodId: str = ""  # noqa: N815 - the storefront's name
    setupFutureUsage: Literal["on_session", "off_session"] | None = None  # noqa: N815 - the storefront's name
    offSession: bool = False  # noqa: N815 - the storefront's name
    shippingFromSaleor: bool = False  # noqa: N815 - the storefront's name

    @property
    def needs_customer(self) -> bool:
        """Whether the payment makes no sense without the shopper's own Customer."""
        return bool(self.storedPaymentMethodId or self.setupFutureUsage)

    @property
    def method_id(self) -> str:
        """Stripe's id of the stored method, also where the host's longer one ("app:…:pm_…") was given."""
        return self.storedPaymentMethodId.rpartition(":")[2]


def wishes_of(session: Session) -> Wishes:
    """What was asked for; `Rejected` for what is not of the contract's form, or not this caller's to ask."""
    wishes = _read(session.data)
    if wishes.offSession and not wishes.storedPaymentMethodId:
        raise Rejected(
            "offSession needs the storedPaymentMethodId that is to be charged.", code="parse_error"
        )
    if wishes.offSession and wishes.setupFutureUsage:
        raise Rejected("Give either offSession or setupFutureUsage, not both.", code="parse_error")
    if wishes.needs_customer and not _is_by_owner(session):
        raise Rejected(
            "Only the signed-in shopper whose checkout or order this is can store a payment method or use one "
            "that is stored.",
            code="not_owner",
        )
    return wishes


def _read(data: Any) -> Wishes:
    asked = data.get("paymentIntent") if isinstance(data, dict) else data
    if asked is None:
        return Wishes()
    try:
        return Wishes.model_validate(asked)
    except ValidationError as error:
        place = ".".join(["paymentIntent", *map(str, error.errors()[0]["loc"])])
        raise Rejected(
            'The storefront\'s data must look like {"paymentIntent": {"paymentMethod": "card"}}; '
            f"{place} does not.",
            code="parse_error",
        ) from None


def _is_by_owner(session: Session) -> bool:
    """The owner, or an app of the shop, such as one that renews subscriptions while the shopper is away."""
    owner, caller = session.sourceObject.user, session.issuingPrincipal
    if owner is None or caller is None:
        return False
    return caller.kind == "App" or (caller.kind == "User" and caller.id == owner.id)
