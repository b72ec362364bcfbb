"""Money in the smallest unit of its currency by Stripe's table, converted from and to Saleor's decimals.

Stripe's table is not ISO 4217's: https://docs.stripe.com/currencies ("Zero-decimal currencies", "Special cases",
"Three-decimal currencies", "Minimum and maximum charge amounts"), read November 2026.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache

from django.utils.formats import get_format
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
WHOLE_AMOUNTS_IN_HUNDREDTHS = frozenset(
    {"ISK", "UGX"}
)  # sent times 100 although they have no cents: amounts end in 00
THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])  # Stripe wants the last digit to be 0

# In the smallest unit. Stripe's page has two limits: cards accept twelve digits in most currencies, every other payment
# method eight, except in these three. A payment is offered for all methods, so the second limit applies.
LARGEST_AMOUNT = 99_999_999
LARGER_AMOUNTS = {"IDR": 999_999_999_999, "COP": 9_999_999_999, "INR": 999_999_999}
# In these, eight digits are worth less than about 10,000 US dollars, which ordinary goods cost. Cards accept twelve
# digits; if a shopper chooses another method, Stripe reports its limit.
SMALL_UNITS = frozenset(
    [
        "AMD", "AOA", "ARS", "BDT", "CDF", "CRC", "CVE", "DZD", "ETB", "GYD", "HTG", "HUF", "ISK", "JMD", "KES",
        "KHR", "KZT", "LAK", "LBP", "LKR", "LRD", "MMK", "MNT", "MWK", "NGN", "NPR", "PKR", "RSD", "SOS", "STD",
        "TZS", "UGX", "UZS", "VND", "YER",
    ]
)  # fmt: skip
LARGEST_BY_CARD = 999_999_999_999

_CURRENCY = re.compile(r"[A-Z]{3}")

_SMALLEST_CHARGE = {
    "USD": "0.50", "AED": "2.00", "ARS": "0.50", "AUD": "0.50", "BGN": "1.00", "BRL": "0.50", "CAD": "0.50",
    "CHF": "0.50", "COP": "0.50", "CZK": "15.00", "DKK": "2.50", "EUR": "0.50", "GBP": "0.30", "HKD": "4.00",
    "HUF": "175.00", "IDR": "0.50", "ILS": "0.50", "INR": "0.50", "JPY": "50", "KRW": "50", "MXN": "10",
    "MYR": "2", "NOK": "3.00", "NZD": "0.50", "PHP": "0.50", "PLN": "2.00", "RON": "2.00", "RUB": "0.50",
    "SEK": "3.00", "SGD": "0.50", "THB": "10", "ZAR": "0.50",
}  # fmt: skip

OTHER_CURRENCY = pgettext_lazy("staff", "The amount is in {given}, but {expected} was expected.")
NEGATIVE = pgettext_lazy("staff", "The amount {amount} {currency} is negative.")
TOO_PRECISE = pgettext_lazy(
    "staff", "The amount {amount} {currency} has more decimals than {currency} allows."
)
NO_CURRENCY = pgettext_lazy("staff", "The currency is not a three-letter code.")
NOTHING_TO_PAY = pgettext_lazy("staff", "There is nothing to pay: the amount is zero.")
TOO_SMALL = pgettext_lazy("staff", "Stripe's minimum charge is {smallest}; this is {money}.")
TOO_LARGE = pgettext_lazy("staff", "Stripe's maximum charge is {largest}; this is {money}.")
NOT_A_NUMBER = pgettext_lazy("staff", "The amount is not a number.")
NOT_PAYABLE = pgettext_lazy("staff", "The amount is not a number that can be paid.")
NO_CENTS = pgettext_lazy("staff", "{currency} has no cents: {money} cannot be paid.")


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` counts the currency's smallest unit by Stripe's table; `currency` is the ISO code in upper case."""

    minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """The same in major units, as Saleor writes it: Decimal("12.30")."""
        return Decimal(self.minor).scaleb(-decimals_of(self.currency))

    @property
    def is_zero(self) -> bool:
        return self.minor == 0

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def localized(self) -> str:
        """Return it in the current language's format: 1,234.50 USD. Pages have hundreds of amounts."""
        decimals = decimals_of(self.currency)
        whole, part = divmod(abs(self.minor), 10**decimals)
        number = f"{whole:,}".replace(",", get_format("THOUSAND_SEPARATOR"))
        if decimals:
            number = f"{number}{get_format('DECIMAL_SEPARATOR')}{part:0{decimals}}"
        return f"{'-' if self.minor < 0 else ''}{number} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + other.in_currency(self.currency), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - other.in_currency(self.currency), self.currency)

    def in_currency(self, currency: str) -> int:
        """`minor`, if this is money in that currency: amounts in different currencies are never added."""
        if currency != self.currency:
            raise Rejected(
                with_values(OTHER_CURRENCY, given=self.currency, expected=currency), code="currency"
            )
        return self.minor


def decimals_of(currency: str) -> int:
    """How many decimals Stripe's smallest unit has: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def from_decimal(amount: Decimal | str | int, currency: str) -> Money:
    """Saleor's amount, such as Decimal("12.30"), as Money; `Rejected` if it is not an amount of that currency.

    Zero is valid; negative amounts, NaN and more decimals than the currency has are not. Stripe accepts two of three
    decimals: 5.124 KWD becomes 5.12, as its page on currencies says.
    """
    currency = known_currency(currency)
    number = _decimal(amount)
    minor = number.scaleb(decimals_of(currency))
    if minor < 0:
        raise Rejected(with_values(NEGATIVE, amount=number, currency=currency), code="negative_amount")
    if minor != minor.to_integral_value():
        raise Rejected(with_values(TOO_PRECISE, amount=number, currency=currency), code="decimals")
    money = Money(int(minor), currency)
    if currency in WHOLE_AMOUNTS_IN_HUNDREDTHS and money.minor % 100:
        raise Rejected(with_values(NO_CENTS, currency=currency, money=money), code="decimals")
    return nearest(Fraction(money.minor), currency) if currency in THREE_DECIMAL else money


def nearest_to(amount: Decimal | str | int, currency: str) -> Money:
    """Saleor's amount, rounded to what Stripe accepts in that currency: for statistics, never for charging.

    Prices per unit may have more decimals than their currency. `Rejected` as in `from_decimal` for anything else.
    """
    currency = known_currency(currency)
    number = _decimal(amount)
    if number < 0:
        raise Rejected(with_values(NEGATIVE, amount=number, currency=currency), code="negative_amount")
    return nearest(Fraction(number.scaleb(decimals_of(currency))), currency)


def from_minor(minor: int, currency: str) -> Money:
    """Stripe's amount, such as 1230 and "usd", as Money."""
    return Money(minor, known_currency(currency))


def nearest(minor: Fraction, currency: str) -> Money:
    """The amount nearest to `minor` (smallest units, zero or more) that Stripe accepts; half is rounded up."""
    step = step_of(currency)
    return Money(math.floor(minor / step + Fraction(1, 2)) * step, currency)


def step_of(currency: str) -> int:
    """Amounts that Stripe accepts are multiples of this, in the smallest unit."""
    return 100 if currency in WHOLE_AMOUNTS_IN_HUNDREDTHS else 10 if currency in THREE_DECIMAL else 1


def known_currency(currency: str) -> str:
    """The currency's code in upper case; `Rejected` if it does not have the form of one."""
    code = currency.upper() if isinstance(currency, str) else ""
    if not _CURRENCY.fullmatch(code):
        raise Rejected(NO_CURRENCY, code="unknown_currency")
    return code


@cache
def smallest_charge(currency: str) -> Money | None:
    """The minimum that Stripe charges in that currency; None if its table has none."""
    smallest = _SMALLEST_CHARGE.get(currency)
    return None if smallest is None else from_decimal(smallest, currency)


def check_chargeable(money: Money) -> None:
    """`Rejected` if Stripe would refuse to charge it: nothing, too little or too much."""
    smallest = smallest_charge(money.currency)
    if money.minor <= 0:
        raise Rejected(NOTHING_TO_PAY, code="amount_too_small")
    if smallest is not None and money.minor < smallest.minor:
        raise Rejected(
            with_values(TOO_SMALL, smallest=smallest, money=money),
            code="amount_too_small",
            values={"smallest": smallest, "amount": money},
        )
    largest = largest_charge(money.currency)
    if money.minor > largest.minor:
        raise Rejected(
            with_values(TOO_LARGE, largest=largest, money=money),
            code="amount_too_large",
            values={"largest": largest, "amount": money},
        )


@cache
def largest_charge(currency: str) -> Money:
    """The largest amount of one payment."""
    usual = LARGEST_BY_CARD if currency in SMALL_UNITS else LARGEST_AMOUNT
    return Money(LARGER_AMOUNTS.get(currency, usual), currency)


def _decimal(amount: Decimal | str | int) -> Decimal:
    try:
        number = Decimal(amount)
    except (InvalidOperation, TypeError, ValueError):
        raise Rejected(NOT_A_NUMBER, code="not_a_number") from None
    # Far beyond any real amount; longer numbers would also be rounded when scaled.
    if not number.is_finite() or abs(number.adjusted()) > 20 or len(number.as_tuple().digits) > 28:  # noqa: PLR2004
        raise Rejected(NOT_PAYABLE, code="not_a_number")
    return number
