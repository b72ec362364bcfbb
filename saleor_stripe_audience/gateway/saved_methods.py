"""Payment methods that a Customer keeps at Stripe, and SetupIntents that add to them: one function per call."""

import uuid
from typing import Any

import stripe
import structlog

from saleor_stripe_audience.gateway.client import (
    errors_of,
    retrieve_payment_intent,
    stripe_of,
    under_new_keys,
)
from saleor_stripe_audience.gateway.models import StripeAccount

log = structlog.get_logger(__name__)

Json = dict[str, Any]

UNTRIED = "requires_confirmation"  # the status of an intent with a method of which no charge was tried
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
    """A SetupIntent that keeps a method for the Customer. One that is never finished costs nothing.

    So a second one does no harm where Stripe keeps a failure of its own under the first key.
    """
    params: Any = {
        "customer": customer_id,
        "usage": "off_session",
        "automatic_payment_methods": {"enabled": True},
        "metadata": metadata,
    }

    def create(key: str) -> Json:
        with errors_of(account):
            made = stripe_of(account).v1.setup_intents.create(params, {"idempotency_key": key})
        return made.to_dict()

    return under_new_keys(str(uuid.uuid4()), create)


def retrieve_setup_intent(account: StripeAccount, intent_id: str) -> Json:
    """The SetupIntent as it is now."""
    with errors_of(account):
        return stripe_of(account).v1.setup_intents.retrieve(intent_id).to_dict()


def confirm_off_session(account: StripeAccount, intent_id: str, idempotency_key: str) -> Json:
    """Charge the intent's own method while the shopper is away; a decline is no failure here: the intent tells of it.

    The same key never charges twice. Nor does another, used where Stripe keeps a failure of its own under the first: an
    intent is charged once, and it is asked for again only if it shows that nothing was tried.
    """

    def confirm(key: str) -> Json:
        if key != idempotency_key:
            now = _with_charge(account, intent_id)
            if now["status"] != UNTRIED:
                return now
        with errors_of(account):
            try:
                stripe_of(account).v1.payment_intents.confirm(
                    intent_id, {"off_session": True}, {"idempotency_key": key}
                )
            except stripe.CardError as error:
                log.info("off-session payment declined", payment_intent=intent_id, code=error.code)
        return _with_charge(account, intent_id)

    return under_new_keys(idempotency_key, confirm)


def _with_charge(account: StripeAccount, intent_id: str) -> Json:
    return retrieve_payment_intent(account, intent_id).to_dict()
