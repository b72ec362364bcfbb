"""Stripe's Charges: the attempts to collect the payment of a PaymentIntent."""

from typing import Any

from saleor_stripe_audience.gateway.client import errors_of, stripe_of
from saleor_stripe_audience.gateway.models import StripeAccount


def update(account: StripeAccount, charge_id: str, params: dict[str, Any]) -> None:
    """Change a charge's descriptive fields, such as its shipping address; Stripe also allows this after the payment."""
    with errors_of(account):
        stripe_of(account).v1.charges.update(charge_id, params)  # type: ignore[arg-type]  # built in parts


def payment_intent_id(account: StripeAccount, charge_id: str) -> str:
    """Return the id of the PaymentIntent that the charge belongs to; empty if it has none."""
    with errors_of(account):
        found = stripe_of(account).v1.charges.retrieve(charge_id).payment_intent
    return found if isinstance(found, str) else found.id if found is not None else ""


def list_page(account: StripeAccount, after: str) -> tuple[list[dict[str, Any]], bool]:
    """Return a hundred charges with customer and PaymentIntent, newest first, and whether there are more.

    They start after the charge with the id `after`.
    """
    with errors_of(account):
        expand = ["data.customer", "data.payment_intent"]
        params: Any = {"limit": 100, "expand": expand} | ({"starting_after": after} if after else {})
        page = stripe_of(account).v1.charges.list(params)
        return [each.to_dict() for each in page.data], page.has_more
