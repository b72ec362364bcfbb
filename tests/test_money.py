"""Stripe's currencies, in both directions. A wrong factor would charge a shopper a hundred times too much."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import saleor_stripe_audience
from saleor_stripe_audience import money
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, check_chargeable, from_decimal, from_minor, largest_charge
from saleor_stripe_audience.wording import in_language

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

# Copied from https://docs.stripe.com/currencies again, to check the app's own table.
NO_DECIMALS = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "JPY",
    "KMF",
    "KRW",
    "MGA",
    "PYG",
    "RWF",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
WHOLE_HUNDREDTHS = ["ISK", "UGX"]
THREE_DECIMALS = ["BHD", "JOD", "KWD", "OMR", "TND"]
TWO_DECIMALS = [
    "USD",
    "EUR",
    "GBP",
    "CHF",
    "HUF",
    "TWD",
    "MXN",
    "INR",
    "CZK",
    "DKK",
    "NOK",
    "SEK",
    "PLN",
    "AED",
    "AUD",
    "BGN",
    "BRL",
    "CAD",
    "HKD",
    "MYR",
    "NZD",
    "RON",
    "SGD",
    "THB",
]
SMALLEST = {
    "USD": 50, "AED": 200, "ARS": 50, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "COP": 50,
    "CZK": 1500, "DKK": 250, "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "IDR": 50, "ILS": 50, "INR": 50,
    "JPY": 50, "KRW": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PHP": 50, "PLN": 200, "RON": 200,
    "RUB": 50, "SEK": 300, "SGD": 50, "THB": 1000, "ZAR": 50,
}  # fmt: skip


@pytest.mark.parametrize("currency", NO_DECIMALS)
def test_no_decimals(currency: str) -> None:
    assert from_decimal("1230", currency) == Money(1230, currency)
    assert from_decimal("1230.00", currency) == Money(1230, currency)
    assert from_minor(1230, currency.lower()).amount == Decimal(1230)
    with pytest.raises(Rejected, match="decimals"):
        from_decimal("12.5", currency)


@pytest.mark.parametrize("currency", WHOLE_HUNDREDTHS)
def test_whole_amounts_sent_times_a_hundred(currency: str) -> None:
    assert from_decimal("1230", currency) == Money(123000, currency)
    assert from_minor(123000, currency.lower()).amount == Decimal(1230)
    with pytest.raises(Rejected, match="no cents"):
        from_decimal("12.50", currency)


@pytest.mark.parametrize("currency", THREE_DECIMALS)
def test_three_decimals_are_rounded_to_the_nearest_ten(currency: str) -> None:
    assert from_decimal("12.340", currency) == Money(12340, currency)
    assert from_decimal("12.34", currency) == Money(12340, currency)
    assert from_minor(12340, currency.lower()).amount == Decimal("12.34")
    for amount, minor in (("5.124", 5120), ("5.125", 5130), ("5.126", 5130), ("0.004", 0), ("9.999", 10000)):
        assert from_decimal(amount, currency) == Money(minor, currency)
    with pytest.raises(Rejected, match="more decimals"):
        from_decimal("12.3456", currency)


@pytest.mark.parametrize("currency", TWO_DECIMALS)
def test_two_decimals(currency: str) -> None:
    assert from_decimal("12.34", currency) == Money(1234, currency)
    assert from_decimal("12", currency) == Money(1200, currency)
    assert from_minor(1234, currency.lower()).amount == Decimal("12.34")
    with pytest.raises(Rejected, match="more decimals"):
        from_decimal("12.345", currency)


def test_the_tables_are_those_of_stripe() -> None:
    assert sorted(NO_DECIMALS) == sorted(money.ZERO_DECIMAL)
    assert sorted(WHOLE_HUNDREDTHS) == sorted(money.WHOLE_AMOUNTS_IN_HUNDREDTHS)
    assert sorted(THREE_DECIMALS) == sorted(money.THREE_DECIMAL)


@given(
    minor=st.integers(0, 99_999_999),
    currency=st.sampled_from(NO_DECIMALS + WHOLE_HUNDREDTHS + THREE_DECIMALS + TWO_DECIMALS),
)
def test_there_and_back_is_the_same_money(minor: int, currency: str) -> None:
    step = 100 if currency in WHOLE_HUNDREDTHS else 10 if currency in THREE_DECIMALS else 1
    there = from_minor(minor - minor % step, currency.lower())
    assert from_decimal(there.amount, currency) == there
    assert from_decimal(str(there.amount), currency.lower()) == there


@pytest.mark.parametrize("amount", ["-0.01", "-1", Decimal("-12.30")])
def test_negative_amounts_are_no_money(amount: Decimal | str) -> None:
    with pytest.raises(Rejected, match="negative"):
        from_decimal(amount, "USD")


@pytest.mark.parametrize(
    "amount", ["NaN", "sNaN", "Infinity", "-Infinity", "", "twelve", "1,20", "1e400", "0x1f"]
)
def test_what_is_not_a_number_is_refused(amount: str) -> None:
    with pytest.raises(Rejected, match="not a number"):
        from_decimal(amount, "USD")


def test_a_fraction_too_fine_for_rounding_arithmetic_is_still_seen() -> None:
    with pytest.raises(Rejected):
        from_decimal("10.00000000000000000000000000000001", "USD")


@pytest.mark.parametrize("currency", ["", "US", "USDX", "U$D", "US1", "ÄÖÜ", None])
def test_a_currency_is_three_letters(currency: str) -> None:
    with pytest.raises(Rejected, match="three-letter"):
        from_decimal("1", currency)


@pytest.mark.parametrize(("currency", "smallest"), SMALLEST.items())
def test_the_smallest_charge(currency: str, smallest: int) -> None:
    check_chargeable(Money(smallest, currency))
    with pytest.raises(Rejected) as refused:
        check_chargeable(Money(smallest - 1, currency))
    assert refused.value.code == "amount_too_small"
    assert currency in refused.value.message


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "XAF"])
def test_nothing_and_too_much_cannot_be_charged(currency: str) -> None:
    check_chargeable(Money(99_999_999, currency))
    for minor in (0, -1, 100_000_000):
        with pytest.raises(Rejected):
            check_chargeable(Money(minor, currency))


@pytest.mark.parametrize(
    ("currency", "largest"),
    [
        ("IDR", 999_999_999_999),
        ("COP", 9_999_999_999),
        ("INR", 999_999_999),
        ("VND", 999_999_999_999),
        ("LBP", 999_999_999_999),
        ("EUR", 99_999_999),
        ("TWD", 99_999_999),
    ],
)
def test_the_largest_charge_is_by_currency(currency: str, largest: int) -> None:
    check_chargeable(Money(largest, currency))
    assert largest_charge(currency) == Money(largest, currency)
    with pytest.raises(Rejected) as refused:
        check_chargeable(Money(largest + 1, currency))
    assert refused.value.code == "amount_too_large"
    assert Money(largest, currency).localized() in refused.value.message


@pytest.mark.parametrize("currency", ["HUF", "TWD"])
def test_what_is_whole_in_payouts_only_is_charged_with_decimals(currency: str) -> None:
    assert from_decimal("800.45", currency) == Money(80045, currency)
    check_chargeable(Money(80045, currency))


def test_two_currencies_are_never_added() -> None:
    assert Money(100, "USD") + Money(50, "USD") == Money(150, "USD")
    assert Money(100, "USD") - Money(50, "USD") == Money(50, "USD")
    for act in (Money.__add__, Money.__sub__):
        with pytest.raises(Rejected, match="EUR"):
            act(Money(100, "USD"), Money(50, "EUR"))


def test_a_message_has_its_amounts_as_its_language_writes_them() -> None:
    for minor in (20, 100_000_000):
        with pytest.raises(Rejected) as refused:
            check_chargeable(Money(minor, "USD"))
        said = {tag: in_language(refused.value.translatable, tag) for tag in ("en", "fr")}
        assert refused.value.message == said["en"]
        in_english = ("0.50 USD", "0.20 USD") if minor == 20 else ("999,999.99 USD", "1,000,000.00 USD")
        for amount in in_english:
            assert amount in said["en"]
            assert amount.replace(",", NO_BREAK_SPACE).replace(".", ",") in said["fr"]
        assert "." not in said["fr"].rstrip(".")


@pytest.mark.parametrize(
    ("amount", "english", "french"),
    [("-3.50", "-3.50 EUR", "-3,50 EUR"), ("1234.567", "1,234.567 EUR", "1 234,567 EUR")],
)
def test_an_amount_that_is_none_is_written_in_the_language_too(
    amount: str, english: str, french: str
) -> None:
    with pytest.raises(Rejected) as refused:
        from_decimal(amount, "EUR")
    assert english in in_language(refused.value.translatable, "en")
    assert french.replace(" ", NO_BREAK_SPACE, french.count(" ") - 1) in in_language(
        refused.value.translatable, "fr-CA"
    )


MESSAGES = {"with_values", "in_language", "for_staff"}


def test_no_message_gets_an_amount_as_a_text() -> None:
    """`with_values` formats amounts in the message's language; `str` would have formatted them in English."""
    package = Path(saleor_stripe_audience.__file__).parent
    found, written = 0, []
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MESSAGES:
                found += 1
                written += [
                    f"{path.name}:{node.lineno} {each.arg}"
                    for each in node.keywords
                    if isinstance(each.value, ast.Call)
                    and isinstance(each.value.func, ast.Name)
                    and each.value.func.id == "str"
                ]
    assert found > 100
    assert written == []
