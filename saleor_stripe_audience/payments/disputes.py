"""What a dispute moved, in the currency of the payment: that is the only one the host's ledger has.

Stripe books the withdrawal, and whatever comes back, in the currency of the account's balance, and states the disputed
amount in the currency in which the bank disputes. Either may differ from the payment's
(https://docs.stripe.com/api/disputes/object: the amount "usually" is the charge's). In this order the payment's own
currency is found: in the bookings; in the disputed amount; from the share that the withdrawal is of what the payment
brought; and where none of these is known, the whole payment is disputed. A dispute never counts for more than was paid:
the rest is a loss by exchange rates, and no part of the payment.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from saleor_stripe_audience.money import Money, from_minor, nearest

Json = dict[str, Any]

FEE = "fee"  # the reporting category of a dispute's fee where Stripe books it apart
# The rate of a whole dispute moves from the day of the charge on; what comes this close to all of it is all of it.
NEARLY_ALL = Fraction(9, 10)


@dataclass(frozen=True)
class Moves:
    """What left and what came back so far, in the payment's smallest unit."""

    withdrawn: int
    returned: int


def moves_of(dispute: Json, intent: Json, settled: Money | None = None) -> Moves:
    """The sums of the dispute's bookings. `settled` is what the balance got for the payment, before fees."""
    bookings = [each for each in dispute.get("balance_transactions") or [] if not _is_fee(each)]
    amounts = [int(each["amount"]) for each in bookings]
    first = next((-each for each in amounts if each < 0), 0)
    if not first:
        return Moves(0, 0)
    currency = str(bookings[0].get("currency") or intent["currency"])
    disputed = _disputed(dispute, intent, from_minor(first, currency), settled)
    # Bookings after the first count by what they are of it.
    each_unit = Fraction(disputed, first)
    withdrawn, returned = (
        nearest(each_unit * total, intent["currency"].upper()).minor
        for total in (-sum(each for each in amounts if each < 0), sum(each for each in amounts if each > 0))
    )
    return Moves(withdrawn, returned)


def is_of_other_currency(dispute: Json, intent: Json) -> bool:
    """Whether neither the bookings nor the disputed amount are in the payment's currency."""
    bookings = dispute.get("balance_transactions") or []
    currencies = {str(each.get("currency") or intent["currency"]) for each in bookings}
    return bool(bookings) and intent["currency"] not in {*currencies, str(dispute.get("currency") or "")}


def _disputed(dispute: Json, intent: Json, withdrawal: Money, settled: Money | None) -> int:
    """What the first withdrawal is of the payment, in its smallest unit."""
    paid, currency = int(intent["amount_received"]), intent["currency"].upper()
    if withdrawal.currency == currency:
        return min(withdrawal.minor, paid)
    if str(dispute.get("currency") or "").upper() == currency:
        return min(int(dispute["amount"]), paid)
    if settled is None or settled.currency != withdrawal.currency or settled.minor <= 0:
        return paid
    share = Fraction(withdrawal.minor, settled.minor)
    return paid if share >= NEARLY_ALL else nearest(paid * share, currency).minor


def _is_fee(booking: Json) -> bool:
    return booking.get("reporting_category") == FEE
