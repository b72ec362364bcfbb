"""Stripe's webhook endpoints: where an account with its own keys sends its events."""

import uuid
from typing import Any

import stripe

from saleor_stripe_audience.gateway.client import client_with, errors_of, stripe_of
from saleor_stripe_audience.gateway.failures import MISSING
from saleor_stripe_audience.gateway.models import StripeAccount


def create(key: str, name: str, url: str, events: list[str]) -> stripe.WebhookEndpoint:
    """Create an endpoint with the library's API version; Stripe shows its secret only this once.

    The idempotency key is new each time: a repeat must create an endpoint whose secret we can read. `name` is the
    account's.
    """
    params: Any = {
        "url": url,
        "enabled_events": events,
        "api_version": stripe.api_version,
        "description": "saleor-stripe-audience",
    }
    with errors_of(name):
        endpoints = client_with(key).v1.webhook_endpoints
        return endpoints.create(params, {"idempotency_key": str(uuid.uuid4())})


def delete(account: StripeAccount, endpoint_id: str) -> None:
    """Delete the endpoint; one that no longer exists is not an error."""
    with errors_of(account):
        try:
            stripe_of(account).v1.webhook_endpoints.delete(endpoint_id)
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
