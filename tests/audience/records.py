"""What the audience stores of Saleor's objects, given as their payloads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.payloads import read_account
from saleor_stripe_audience.audience.shopping import purchases
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.shopping.payloads import read_order
from saleor_stripe_audience.audience.signup import metadata
from saleor_stripe_audience.shops.models import Installation

Payload = Mapping[str, Any]


def record_order(shop: Installation, payload: Payload, issued_at: datetime) -> Purchase:
    """Store the order and what follows from it."""
    return purchases.record_order(shop, read_order(payload), issued_at)


def record_order_consent(shop: Installation, payload: Payload, issued_at: datetime) -> None:
    """Record the consent in the order's metadata."""
    metadata.record_order_consent(shop, read_order(payload), issued_at)


def record_customer(shop: Installation, payload: Payload, issued_at: datetime) -> Contact | None:
    """Store the customer's account."""
    return identity.record_customer(shop, read_account(payload), issued_at)


def record_account_consent(shop: Installation, payload: Payload, issued_at: datetime) -> None:
    """Record the consent in the account's metadata."""
    metadata.record_account_consent(shop, read_account(payload), issued_at)
