"""Amounts as the API shows them: one price without taxes, quantized to the currency."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from .access import Info
from .fields import resolves
from .state import Money

_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "ISK": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}


def digits_of(currency: str) -> int:
    """Return a currency's decimal places as Saleor counts them, which is not always as Stripe does."""
    return _DIGITS.get(currency, 2)


def quantize(amount: Decimal, currency: str) -> Decimal:
    """Round to the currency's smallest unit."""
    return amount.quantize(Decimal(1).scaleb(-digits_of(currency)), ROUND_HALF_UP)


def taxed(amount: Decimal, currency: str) -> dict[str, Any]:
    """Return a TaxedMoney without tax: gross and net are the same here."""
    money = Money(amount, currency)
    return {"currency": currency, "gross": money, "net": money, "tax": Money(Decimal(0), currency)}


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the sum, as a Decimal even if there is nothing to add."""
    return sum(amounts, Decimal(0))


@resolves("Money", "fractionDigits")
def fraction_digits(money: Money, _info: Info) -> int:
    return digits_of(money.currency)


@resolves("Money", "fractionalAmount")
def fractional_amount(money: Money, _info: Info) -> int:
    return int(money.amount.scaleb(digits_of(money.currency)))
