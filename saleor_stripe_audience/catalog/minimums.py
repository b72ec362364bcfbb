"""The minimum price of a product: Stripe's minimum charge, and the equivalent of one US dollar.

No exchange rate service is used. One dollar is worth, in each currency:

- the reference rates that the European Central Bank published for 9 August 2024, crossed by its 1.0917 dollars a euro
  and rounded up. They are the line of that day in the bank's own history file, eurofxref-hist.csv
  (https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/); they were copied from
  https://github.com/stadlmax/pyFIFOtax/blob/01d79712c6d180d6db4476d1f0a9bfdb4bcdd148/eurofxref-hist.csv, a copy of it;
- for currencies that are pegged to the dollar, the rate at which their central bank fixes them. These rates have been
  the same for decades and are common knowledge: they were not copied from a document.

The table is not updated: near one dollar the difference is a few cents, and today's rates would be wrong tomorrow too.
If a currency has lost or gained value since then, the equivalent is off by as much.

A currency that is not in the table has no such equivalent: only Stripe's minimum applies, if there is one. Stripe
converts other amounts to the account's currency, and refuses them when the shopper pays.
"""

import math
from decimal import Decimal

from saleor_stripe_audience.money import Money, decimals_of, smallest_charge, step_of

RATES_OF = "2024-08-09"

_EURO_IN_DOLLARS = Decimal("1.0917")
_PER_EURO = {
    "EUR": "1", "USD": "1.0917", "JPY": "160.33", "BGN": "1.9558", "CZK": "25.234", "DKK": "7.4622",
    "GBP": "0.85708", "HUF": "395.2", "PLN": "4.3253", "RON": "4.9769", "SEK": "11.4955", "CHF": "0.9435",
    "ISK": "151.1", "NOK": "11.8295", "TRY": "36.6275", "AUD": "1.6609", "BRL": "6.0477", "CAD": "1.5007",
    "CNY": "7.828", "HKD": "8.514", "IDR": "17413.43", "ILS": "4.0722", "INR": "91.655", "KRW": "1491.07",
    "MXN": "20.5652", "MYR": "4.828", "NZD": "1.8156", "PHP": "62.533", "SGD": "1.4453", "THB": "38.45",
    "ZAR": "20.0169",
}  # fmt: skip
_PEGGED = {
    "AED": "3.6725", "SAR": "3.75", "QAR": "3.64", "BHD": "0.376", "OMR": "0.3845", "JOD": "0.709",
    "BMD": "1", "BSD": "1", "PAB": "1", "BBD": "2", "BZD": "2", "XCD": "2.70", "AWG": "1.79", "ANG": "1.79",
}  # fmt: skip


def one_dollar(currency: str) -> Money | None:
    """Return the equivalent of one US dollar, rounded up to an amount that Stripe accepts; None if the table has
    none.
    """
    if currency in _PER_EURO:
        amount = Decimal(_PER_EURO[currency]) / _EURO_IN_DOLLARS
    elif currency in _PEGGED:
        amount = Decimal(_PEGGED[currency])
    else:
        return None
    step = step_of(currency)
    return Money(math.ceil(amount.scaleb(decimals_of(currency)) / step) * step, currency)


def smallest_price(currency: str) -> Money | None:
    """Return the minimum price of a product added here: the larger of Stripe's minimum and one dollar; None if
    unknown.
    """
    known = [each for each in (smallest_charge(currency), one_dollar(currency)) if each is not None]
    return max(known, key=lambda each: each.minor, default=None)
