"""The amounts that a dispute moved, in the payment's currency, because Saleor's ledger has no other.

Stripe books the withdrawal, and whatever is returned, in the currency of the account's balance, and states the disputed
amount in the currency in which the bank disputes. Either may differ from the payment's
(https://docs.stripe.com/api/disputes/object: the amount "usually" is the charge's). The amount in the payment's own
currency is found, in this order: in the bookings; in the disputed amount; from the ratio of the withdrawal to the
payment's settled amount; if none of these is known, the whole payment counts as disputed. Disputes never count for
more than was paid, and no more is returned than was withdrawn: the rest is an exchange rate loss or gain, and not part
of the payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent
from saleor_stripe_audience.money import Money, nearest

FEE = "fee"  # the reporting category of a dispute's fee where Stripe books it apart
# Exchange rates change after the day of the charge; a share this close to the whole payment counts as the whole, and so
# does what a won dispute returns.
NEARLY_ALL = Fraction(9, 10)
WON = "won"


@dataclass(frozen=True)
class Moves:
    """What was withdrawn and what was returned so far, in the payment's smallest unit."""

    withdrawn: int
    returned: int


def moves_of_all(disputes: Sequence[Dispute], intent: PaymentIntent, settled: Money | None) -> list[Moves]:
    """Sum up the bookings of each of the payment's disputes; what all of them withdraw is at most what was paid."""
    left, found = intent.amount_received, {}
    for dispute in sorted(disputes, key=lambda each: (each.created, each.id)):
        moves = moves_of(dispute, intent, settled)
        excess = max(0, moves.withdrawn - moves.returned - left)
        found[dispute.id] = Moves(moves.withdrawn - excess, moves.returned)
        left -= moves.withdrawn - excess - moves.returned
    return [found[each.id] for each in disputes]


def moves_of(dispute: Dispute, intent: PaymentIntent, settled: Money | None = None) -> Moves:
    """Sum up the dispute's bookings; `settled` is what the balance got for the payment, before fees."""
    bookings = [each for each in dispute.balance_transactions if each.reporting_category != FEE]
    withdrawals = [-each.amount for each in bookings if each.amount < 0]
    if not withdrawals:
        return Moves(0, 0)
    first = Money(withdrawals[0], bookings[0].currency)
    # Bookings after the first count in proportion to it.
    rate = Fraction(_disputed(dispute, intent, first, settled), first.minor)
    booked = sum(withdrawals)
    came_back = min(booked, sum(each.amount for each in bookings if each.amount > 0))
    if dispute.status == WON and came_back >= booked * NEARLY_ALL and first.currency != intent.currency:
        came_back = booked
    withdrawn, returned = (nearest(rate * total, intent.currency).minor for total in (booked, came_back))
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
