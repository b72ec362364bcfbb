"""Amounts as staff see and type them."""

import re
from collections.abc import Iterator
from decimal import Decimal

from django.utils.formats import get_format, number_format

from saleor_stripe_audience.money import decimals_of, from_minor

_TYPED = re.compile(r"(?:([A-Za-z]{3})\s*+)?(\d[\d.,'\s]*+)([A-Za-z]{3})?")
_FRENCH = re.compile(r"\d{1,3}(?:\s\d{3})+(?:[.,]\d{1,3})?|\d+,\d{1,2}")
_DECIMALS = re.compile(r"[.,](\d{1,3})$")


def format_amount(minor: int, currency: str) -> str:
    """Format an amount in the currency's smallest unit in the page's language: 1,234.50 USD."""
    return from_minor(minor, currency).localized()


def format_count(number: int) -> str:
    """Format a count in the page's language: 1,234."""
    return number_format(number, force_grouping=True)


def read_amounts(text: str) -> tuple[list[Decimal], str]:
    """Return the possible meanings of a typed amount, and its currency if typed: "1,234" is 1234 or 1.234. Empty if it
    is not an amount.
    """
    found = _TYPED.fullmatch(text.strip())
    if found is None or (found[1] and found[3]):
        return [], ""
    return list(_meanings(re.sub(r"['\s]", "", found[2]))), (found[1] or found[3] or "").upper()


def as_typed(amount: Decimal, currency: str) -> str:
    """Return the amount as staff would type it in the page's language, so that `with_point` reads the same.

    It has the currency's decimals, or more if the amount has.
    """
    exponent = amount.normalize().as_tuple().exponent
    own = -exponent if isinstance(exponent, int) else 0
    text = f"{amount:.{max(own, decimals_of(currency))}f}"
    typed = text.replace(".", get_format("DECIMAL_SEPARATOR"))
    return typed if with_point(typed) == text else text


def with_point(text: str) -> str:
    """Return the amount with a decimal point: a French 1 234,50 is 1234.50. 1,234 might mean a thousand, so it is left
    unchanged and will be refused.
    """
    text = text.strip()
    return "".join(text.split()).replace(",", ".") if _FRENCH.fullmatch(text) else text


def _meanings(digits: str) -> Iterator[Decimal]:
    decimals = _DECIMALS.search(digits)
    whole = re.sub(r"[.,]", "", digits)
    if decimals is None:
        yield Decimal(whole)
        return
    yield Decimal(whole).scaleb(-len(decimals[1]))
    if len(decimals[1]) == 3:  # noqa: PLR2004 - as many digits as a group of thousands has
        yield Decimal(whole)
