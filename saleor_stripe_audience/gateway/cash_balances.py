"""The cash balances of Stripe's Customers: bank transfers arrive there, and payments take their money from it.

https://docs.stripe.com/payments/customer-balance
"""

from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client, failures
from saleor_stripe_audience.gateway.client import errors_of, stripe_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import CashBalance, CashMove, parse
from saleor_stripe_audience.money import Money, from_minor


def left_of(account: StripeAccount, customer_id: str) -> list[Money]:
    """Return what no payment has taken from the Customer's cash balance, one amount for each currency."""
    try:
        with errors_of(account):
            found = client.get(account, "customers", customer_id, "cash_balance", params={}).fields
    except Rejected as error:
        if error.code != failures.MISSING:
            raise
        return []
    available = sorted(parse(CashBalance, found).available.items())
    return [from_minor(minor, currency) for currency, minor in available if minor > 0]


def moves_since_empty(account: StripeAccount, customer_id: str) -> list[CashMove]:
    """Return what was moved since the balance of its currency was last empty, newest first; at most a hundred.

    What Stripe moved to the account does not count as emptying it: the shopper has not got it.
    """
    with errors_of(account):
        params: Any = {"limit": 100}
        page = stripe_of(account).v1.customers.cash_balance_transactions.list(customer_id, params)
        moves = [parse(CashMove, each.to_dict()) for each in page.data]
    empty: set[str] = set()
    found = []
    for move in moves:
        if move.ending_balance <= 0 and not move.is_swept:
            empty.add(move.currency)
        if move.currency not in empty:
            found.append(move)
    return found
