"""What reached the account's balance at Stripe."""

from typing import Any

from saleor_stripe_audience.gateway.client import errors_of, stripe_of
from saleor_stripe_audience.gateway.models import StripeAccount

MOST_ENTRIES = 100  # of one charge; a hold captured in parts has one for each


def entries_of(account: StripeAccount, charge_id: str) -> list[dict[str, Any]]:
    """What Stripe booked for the charge so far; nothing yet where it books a moment later."""
    with errors_of(account):
        page = stripe_of(account).v1.balance_transactions.list({"source": charge_id, "limit": MOST_ENTRIES})
    return [each.to_dict() for each in page.data]
