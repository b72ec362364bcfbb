"""Stripe's own rules about amounts, by currency.

Sources: "Supported currencies" (zero-decimal and three-decimal currencies, special cases, minimum and maximum
charge amounts) as noted in docs/sandbox-stripe.md.
"""

from .errors import Refusal, invalid

_LISTED = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf
clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr
ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur
mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr
sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg
xof xpf yer zar zmw
"""
SUPPORTED = frozenset(_LISTED.split())
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
SENT_IN_HUNDREDTHS_BUT_WHOLE = frozenset({"isk", "ugx"})
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# The largest amount of any payment method; cards accept more in currencies with a low-value unit.
LARGEST = 99_999_999
LARGER = {"idr": 999_999_999_999, "cop": 9_999_999_999, "inr": 999_999_999}
LARGEST_BY_CARD = 999_999_999_999
_BY_CARD = """
amd aoa ars bdt cdf crc cve dzd etb gyd htg huf isk jmd kes khr kzt lak lbp lkr lrd mmk mnt mwk ngn npr pkr rsd sos
std tzs ugx uzs vnd yer
"""
TWELVE_DIGITS_BY_CARD = frozenset(_BY_CARD.split())

SMALLEST = {
    "usd": 50, "aed": 200, "ars": 50, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "cop": 50,
    "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "idr": 50, "ils": 50, "inr": 50,
    "jpy": 50, "krw": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "php": 50, "pln": 200, "ron": 200,
    "rub": 50, "sek": 300, "sgd": 50, "thb": 1000, "zar": 50,
}  # fmt: skip

# Invented and constant: US dollars for one unit. Only the settlement of other currencies needs them.
_DOLLARS = {
    "usd": 1.0, "eur": 1.1, "gbp": 1.3, "pln": 0.25, "jpy": 0.0065, "chf": 1.2, "cad": 0.7, "aud": 0.65,
    "sek": 0.1, "nok": 0.09, "dkk": 0.15, "czk": 0.045, "huf": 0.0028, "isk": 0.0075, "ugx": 0.00027,
    "mga": 0.00022, "kwd": 3.2, "bhd": 2.6, "jod": 1.4, "omr": 2.6, "tnd": 0.32, "krw": 0.0007, "inr": 0.012,
}  # fmt: skip


def checked_currency(code: str, param: str = "currency") -> str:
    """The code in lower case; refuses one that Stripe does not charge in."""
    currency = code.lower()
    if currency not in SUPPORTED:
        raise invalid(f"Invalid currency: {currency}. Use one of Stripe's supported currencies.", param)
    return currency


def check_whole(amount: int, currency: str, param: str = "amount") -> None:
    """Refuses parts of a unit that the currency does not have: ISK and UGX, and a third decimal."""
    if currency in SENT_IN_HUNDREDTHS_BUT_WHOLE and amount % 100:
        raise _imprecise(f"{currency} has no decimals: the amount must be divisible by 100", param)
    if currency in THREE_DECIMAL and amount % 10:
        raise _imprecise(f"{currency} amounts must end in 0: the last of three decimals is not used", param)


def check_charge(amount: int, currency: str, settlement: str, param: str = "amount") -> None:
    """Refuses a charge that is too small, too large or has more decimals than the currency."""
    check_positive(amount, param)
    largest = max(largest_without_card(currency), LARGEST_BY_CARD if currency in TWELVE_DIGITS_BY_CARD else 0)
    if amount > largest:
        raise invalid(f"Amount must be no more than {largest} in {currency}", param, "amount_too_large")
    smallest, unit, compared = _smallest(amount, currency, settlement)
    if compared < smallest:
        raise invalid(f"Amount must convert to at least {smallest} in {unit}", param, "amount_too_small")
    check_whole(amount, currency, param)


def largest_without_card(currency: str) -> int:
    """Return the largest amount for methods other than cards, in the smallest unit."""
    return LARGER.get(currency, LARGEST)


def check_positive(amount: int, param: str) -> None:
    """Refuses zero and less."""
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param, "parameter_invalid_integer")


def convert(amount: int, source: str, target: str) -> tuple[int, float | None]:
    """The amount in the target's smallest unit, and the rate used: None where the currency is the same."""
    if source == target:
        return amount, None
    rate = _DOLLARS.get(source, 1.0) / _DOLLARS.get(target, 1.0)
    units = amount / _per_unit(source) * rate
    return round(units * _per_unit(target)), round(rate, 6)


def _smallest(amount: int, currency: str, settlement: str) -> tuple[int, str, int]:
    if currency in SMALLEST:
        return SMALLEST[currency], currency, amount
    return SMALLEST.get(settlement, 1), settlement, convert(amount, currency, settlement)[0]


def _per_unit(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 1
    return 1000 if currency in THREE_DECIMAL else 100


def _imprecise(message: str, param: str) -> Refusal:
    return invalid(f"Invalid amount: {message}.", param, "parameter_invalid_integer")
