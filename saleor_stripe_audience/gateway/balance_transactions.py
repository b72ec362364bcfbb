"""Stripe's balance transactions: what was booked on the account's balance."""

from saleor_stripe_audience.gateway.client import errors_of, stripe_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import BalanceTransaction, parse

MOST_ENTRIES = 100  # of one charge; a hold captured in parts has one for each


def list_for(account: StripeAccount, charge_id: str) -> list[BalanceTransaction]:
    """Return what has been booked for the charge so far; empty if Stripe has not booked it yet."""
    with errors_of(account):
        page = stripe_of(account).v1.balance_transactions.list({"source": charge_id, "limit": MOST_ENTRIES})
        return [parse(BalanceTransaction, each.to_dict()) for each in page.data]
