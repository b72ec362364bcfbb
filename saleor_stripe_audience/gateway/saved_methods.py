"""Payment methods that a Customer keeps at Stripe, and SetupIntents that add to them: one function per call."""

from typing import Any

import stripe
import structlog

from saleor_stripe_audience.gateway.client import errors_of, stripe_of
from saleor_stripe_audience.gateway.models import StripeAccount

log = structlog.get_logger(__name__)

Json = dict[str, Any]

MOST_METHODS = 100  # of one Customer: Stripe's largest page, and more than anybody could choose from


def methods_of(account: StripeAccount, customer_id: str) -> list[Json]:
    """What the Customer keeps, the newest first."""
    with errors_of(account):
        page = stripe_of(account).v1.customers.payment_methods.list(customer_id, {"limit": MOST_METHODS})
    return [each.to_dict() for each in page.data]


def retrieve_method(account: StripeAccount, method_id: str) -> Json:
    """One payment method, as it is now."""
    with errors_of(account):
        return stripe_of(account).v1.payment_methods.retrieve(method_id).to_dict()


def detach_method(account: StripeAccount, method_id: str) -> None:
    """Nobody keeps the method any more; one that nobody keeps already is no failure."""
    with errors_of(account):
        methods = stripe_of(account).v1.payment_methods
        try:
            methods.detach(method_id)
        except stripe.InvalidRequestError:
            if methods.retrieve(method_id).customer is not None:
                raise


def create_setup_intent(account: StripeAccount, customer_id: str, metadata: dict[str, str]) -> Json:
    """A SetupIntent that keeps a method for the Customer. One that is never finished costs nothing."""
    with errors_of(account):
        made = stripe_of(account).v1.setup_intents.create(
            {
                "customer": customer_id,
                "usage": "off_session",
                "automatic_payment_methods": {"enabled": True},
                "metadata": metadata,
            }
        )
    return made.to_dict()


def retrieve_setup_intent(account: StripeAccount, intent_id: str) -> Json:
    """The SetupIntent as it is now."""
    with errors_of(account):
        return stripe_of(account).v1.setup_intents.retrieve(intent_id).to_dict()


def confirm_off_session(account: StripeAccount, intent_id: str, idempotency_key: str) -> Json:
    """Charge the intent's own method while the shopper is away; a decline is no failure here: the intent tells of it.

    The same key never charges twice.
    """
    with errors_of(account):
        intents = stripe_of(account).v1.payment_intents
        try:
            intents.confirm(intent_id, {"off_session": True}, {"idempotency_key": idempotency_key})
        except stripe.CardError as error:
            log.info("off-session payment declined", payment_intent=intent_id, code=error.code)
        return intents.retrieve(intent_id, {"expand": ["latest_charge"]}).to_dict()
