"""Stripe's Products and Prices: one function for each call, each effect under an idempotency key."""

from typing import Any

from saleor_stripe_audience.gateway.client import errors_of, stripe_of, under_new_keys
from saleor_stripe_audience.gateway.models import StripeAccount


def create_product(account: StripeAccount, params: dict[str, Any], idempotency_key: str) -> str:
    """Create a Product; returns its id. If Stripe fails half-way a second one may result: not sold, and harmless."""

    def create(key: str) -> str:
        with errors_of(account):
            return stripe_of(account).v1.products.create(params, {"idempotency_key": key}).id  # type: ignore[arg-type]  # built in parts

    return under_new_keys(idempotency_key, create)


def update_product(account: StripeAccount, product_id: str, params: dict[str, Any]) -> None:
    """Set the Product's fields; setting them again changes nothing."""
    with errors_of(account):
        stripe_of(account).v1.products.update(product_id, params)  # type: ignore[arg-type]  # built in parts


def create_price(account: StripeAccount, params: dict[str, Any], idempotency_key: str) -> str:
    """Create a Price; returns its id. Its amount and currency never change. A second one does no harm, either."""

    def create(key: str) -> str:
        with errors_of(account):
            return stripe_of(account).v1.prices.create(params, {"idempotency_key": key}).id  # type: ignore[arg-type]  # built in parts

    return under_new_keys(idempotency_key, create)


def archive_price(account: StripeAccount, price_id: str) -> None:
    """Archive the Price: it can no longer be used. Repeating it changes nothing."""
    with errors_of(account):
        stripe_of(account).v1.prices.update(price_id, {"active": False})
