"""The amounts that a dispute moved, in the payment's currency, because Saleor's ledger has no other.

Stripe books the withdrawal, and whatever is returned, in the currency of the account's balance, and states the disputed
amount in the currency in which the bank disputes. Either may differ from the payment's
(https://docs.stripe.com/api/disputes/object: the amount "usually" is the charge's). The amount in the payment's own
currency is found, in this order: in the bookings; in the disputed amount; from the ratio of the withdrawal to the
payment's settled amount; if none of these is known, the whole payment counts as disputed. A dispute never counts for
more than was paid: the rest is an exchange rate loss, and not part of the payment.
"""

from dataclasses import dataclass
from fractions import Fraction

from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent
from saleor_stripe_audience.money import Money, nearest

FEE = "fee"  # the reporting category of a dispute's fee where Stripe books it apart
# Exchange rates change after the day of the charge; a share this close to the whole payment counts as the whole.
NEARLY_ALL = Fraction(9, 10)


@dataclass(frozen=True)
class Moves:
    """What was withdrawn and what was returned so far, in the payment's smallest unit."""

    withdrawn: int
    returned: int


def moves_of(dispute: Dispute, intent: PaymentIntent, settled: Money | None = None) -> Moves:
    """Sum up the dispute's bookings; `settled` is what the balance got for the payment, before fees."""
    bookings = [each for each in dispute.balance_transactions if each.reporting_category != FEE]
    withdrawals = [-each.amount for each in bookings if each.amount < 0]
    if not withdrawals:
        return Moves(0, 0)
    first = Money(withdrawals[0], bookings[0].currency)
    # Bookings after the first count in proportion to it.
    rate = Fraction(_disputed(dispute, intent, first, settled), first.minor)
    withdrawn, returned = (
        nearest(rate * total, intent.currency).minor
        for total in (sum(withdrawals), sum(each.amount for each in bookings if each.amount > 0))
    )
    return Moves(withdrawn, returned)


def is_in_other_currency(dispute: Dispute, intent: PaymentIntent) -> bool:
    """Whether neither the bookings nor the disputed amount are in the payment's currency."""
    booked = {each.currency for each in dispute.balance_transactions}
    return bool(booked) and intent.currency not in {*booked, dispute.currency}


def _disputed(dispute: Dispute, intent: PaymentIntent, withdrawal: Money, settled: Money | None) -> int:
    """Return how much of the payment the first withdrawal is, in its smallest unit."""
    paid = intent.amount_received
    if withdrawal.currency == intent.currency:
        return min(withdrawal.minor, paid)
    if dispute.currency == intent.currency:
        return min(dispute.amount, paid)
    if settled is None or settled.currency != withdrawal.currency or settled.minor <= 0:
        return paid
    share = Fraction(withdrawal.minor, settled.minor)
    return paid if share >= NEARLY_ALL else nearest(paid * share, intent.currency).minor
