"""Store Saleor's objects in the audience, given their payloads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.people.audiences import hold_shop
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.payloads import read_account
from saleor_stripe_audience.audience.shopping import carts, purchases
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase
from saleor_stripe_audience.audience.shopping.payloads import read_checkout, read_order
from saleor_stripe_audience.audience.signup import metadata
from saleor_stripe_audience.shops.models import Installation

Payload = Mapping[str, Any]


def record_order(shop: Installation, payload: Payload, issued_at: datetime) -> Purchase:
    """Store the order and what follows from it."""
    with hold_shop(shop) as held:
        return purchases.record_order(held, read_order(payload), issued_at)


def record_order_consent(shop: Installation, payload: Payload, issued_at: datetime) -> None:
    """Record the consent in the order's metadata."""
    with hold_shop(shop) as held:
        metadata.record_order_consent(held, read_order(payload), issued_at)


def record_checkout(shop: Installation, payload: Payload, issued_at: datetime) -> Cart | None:
    """Store the checkout as a cart."""
    with hold_shop(shop) as held:
        return carts.record_checkout(held, read_checkout(payload), issued_at)


def record_customer(shop: Installation, payload: Payload, issued_at: datetime) -> Contact | None:
    """Store the customer's account."""
    with hold_shop(shop) as held:
        return identity.record_customer(held, read_account(payload), issued_at)


def record_account_consent(shop: Installation, payload: Payload, issued_at: datetime) -> None:
    """Record the consent in the account's metadata."""
    with hold_shop(shop) as held:
        metadata.record_account_consent(held, read_account(payload), issued_at)
