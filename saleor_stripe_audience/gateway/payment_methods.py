"""Stripe's PaymentMethods that a Customer stores, and the SetupIntents that store them without a payment."""

import uuid
from typing import Any

import stripe

from saleor_stripe_audience.gateway.client import errors_of, stripe_of, under_new_keys
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentMethod, SetupIntent, parse

MOST_METHODS = 100  # of one Customer: Stripe's largest page, and more than anyone could choose from


def list_for(account: StripeAccount, customer_id: str) -> list[PaymentMethod]:
    """Return the methods that the Customer stores, newest first."""
    with errors_of(account):
        page = stripe_of(account).v1.customers.payment_methods.list(customer_id, {"limit": MOST_METHODS})
        return [parse(PaymentMethod, each.to_dict()) for each in page.data]


def retrieve(account: StripeAccount, method_id: str) -> PaymentMethod:
    """Return a payment method as it is now."""
    with errors_of(account):
        return parse(PaymentMethod, stripe_of(account).v1.payment_methods.retrieve(method_id).to_dict())


def detach(account: StripeAccount, method_id: str) -> None:
    """Remove the method from its Customer; a method without a Customer is not an error."""
    with errors_of(account):
        methods = stripe_of(account).v1.payment_methods
        try:
            methods.detach(method_id)
        except stripe.InvalidRequestError:
            if methods.retrieve(method_id).customer is not None:
                raise


def create_setup_intent(account: StripeAccount, customer_id: str, metadata: dict[str, str]) -> SetupIntent:
    """Create a SetupIntent that stores a method for the Customer. One that is never finished costs nothing.

    So a second one does no harm if Stripe stored one of its own errors under the first key.
    """
    params: Any = {
        "customer": customer_id,
        "usage": "off_session",
        "automatic_payment_methods": {"enabled": True},
        "metadata": metadata,
    }

    def ask(key: str) -> SetupIntent:
        with errors_of(account):
            made = stripe_of(account).v1.setup_intents.create(params, {"idempotency_key": key})
            return parse(SetupIntent, made.to_dict())

    return under_new_keys(str(uuid.uuid4()), ask)


def retrieve_setup_intent(account: StripeAccount, intent_id: str) -> SetupIntent:
    """Return the SetupIntent as it is now."""
    with errors_of(account):
        return parse(SetupIntent, stripe_of(account).v1.setup_intents.retrieve(intent_id).to_dict())
