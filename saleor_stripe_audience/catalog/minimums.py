"""The smallest price of a product: what Stripe charges at least, and the equivalent of one US dollar.

No rate service is asked. One dollar is worth, in each currency:

- the reference rates that the European Central Bank published for 31 December 2024
  (https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/), crossed by its
  1.0389 dollars a euro and rounded up;
- for currencies that are pegged to the dollar, the central bank's fixed rate.

A currency that is not in the table has no such equivalent: there only Stripe's minimum counts, if it names one. Stripe
converts other amounts to the account's currency and refuses them when the shopper pays.
"""

import math
from decimal import Decimal

from saleor_stripe_audience.money import Money, decimals_of, smallest_charge, step_of

RATES_OF = "2024-12-31"

_EURO_IN_DOLLARS = Decimal("1.0389")
_PER_EURO = {
    "EUR": "1", "USD": "1.0389", "JPY": "163.06", "BGN": "1.9558", "CZK": "25.185", "DKK": "7.4578",
    "GBP": "0.82918", "HUF": "411.35", "PLN": "4.2750", "RON": "4.9743", "SEK": "11.4590", "CHF": "0.9412",
    "ISK": "143.90", "NOK": "11.7950", "TRY": "36.7372", "AUD": "1.6772", "BRL": "6.4253", "CAD": "1.4948",
    "CNY": "7.5833", "HKD": "8.0686", "IDR": "16820.88", "ILS": "3.7885", "INR": "88.9335", "KRW": "1532.15",
    "MXN": "21.5504", "MYR": "4.6454", "NZD": "1.8532", "PHP": "60.301", "SGD": "1.4164", "THB": "35.676",
    "ZAR": "19.6188",
}  # fmt: skip
_PEGGED = {
    "AED": "3.6725", "SAR": "3.75", "QAR": "3.64", "BHD": "0.376", "OMR": "0.3845", "JOD": "0.709", "HKD": "7.80",
    "BMD": "1", "BSD": "1", "PAB": "1", "BBD": "2", "BZD": "2", "XCD": "2.70", "AWG": "1.79", "ANG": "1.79",
}  # fmt: skip


def one_dollar(currency: str) -> Money | None:
    """The equivalent of one US dollar, rounded up to an amount that Stripe takes; None if the table has none."""
    if currency in _PER_EURO:
        amount = Decimal(_PER_EURO[currency]) / _EURO_IN_DOLLARS
    elif currency in _PEGGED:
        amount = Decimal(_PEGGED[currency])
    else:
        return None
    return _round_up(amount, currency)


def smallest_price(currency: str) -> Money | None:
    """What a product that is added here costs at least: Stripe's minimum and one dollar; None if both are unknown."""
    known = [each for each in (smallest_charge(currency), one_dollar(currency)) if each is not None]
    return max(known, key=lambda each: each.minor, default=None)


def _round_up(amount: Decimal, currency: str) -> Money:
    step = step_of(currency)
    return Money(math.ceil(amount.scaleb(decimals_of(currency)) / step) * step, currency)
