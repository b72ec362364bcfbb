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
# The largest amount of any payment method; cards accept more in currencies whose unit is worth little.
LARGEST = 99_999_999
LARGER = {"idr": 999_999_999_999, "cop": 9_999_999_999, "inr": 999_999_999}
LARGEST_BY_CARD = 999_999_999_999
_BY_CARD = """
amd aoa ars bdt cdf crc cve dzd etb gyd htg huf isk jmd kes khr kzt lak lbp lkr lrd mmk mnt mwk ngn npr pkr rsd sos
std tzs ugx uzs vnd yer
"""
TWELVE_DIGITS_BY_CARD = frozenset(_BY_CARD.split())

# The minimum charge, in the smallest unit of the account's payout currency.
SMALLEST = {
    "usd": 50, "aed": 200, "ars": 50, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "cop": 50,
    "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "idr": 50, "ils": 50, "inr": 50,
    "jpy": 50, "krw": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "php": 50, "pln": 200, "ron": 200,
    "rub": 50, "sek": 300, "sgd": 50, "thb": 1000, "zar": 50,
}  # fmt: skip

# Invented, constant rates: US dollars per unit.
_DOLLARS = {
    "aed": 0.27, "afn": 0.014, "all": 0.011, "amd": 0.0026, "ang": 0.56, "aoa": 0.0011, "ars": 0.0007, "aud": 0.65,
    "awg": 0.56, "azn": 0.59, "bam": 0.56, "bbd": 0.5, "bdt": 0.0082, "bgn": 0.56, "bhd": 2.6, "bif": 0.00034,
    "bmd": 1.0, "bnd": 0.77, "bob": 0.14, "brl": 0.18, "bsd": 1.0, "bwp": 0.074, "byn": 0.3, "bzd": 0.5, "cad": 0.7,
    "cdf": 0.00035, "chf": 1.2, "clp": 0.001, "cny": 0.14, "cop": 0.00025, "crc": 0.002, "cve": 0.01, "czk": 0.045,
    "djf": 0.0056, "dkk": 0.15, "dop": 0.016, "dzd": 0.0077, "egp": 0.02, "etb": 0.007, "eur": 1.1, "fjd": 0.44,
    "fkp": 1.3, "gbp": 1.3, "gel": 0.37, "gip": 1.3, "gmd": 0.014, "gnf": 0.00011, "gtq": 0.13, "gyd": 0.0048,
    "hkd": 0.13, "hnl": 0.038, "htg": 0.0076, "huf": 0.0028, "idr": 0.00006, "ils": 0.27, "inr": 0.012, "isk": 0.0075,
    "jmd": 0.0062, "jod": 2.6, "jpy": 0.0065, "kes": 0.0077, "kgs": 0.011, "khr": 0.00025, "kmf": 0.0022, "krw": 0.0007,
    "kwd": 3.2, "kyd": 1.2, "kzt": 0.0019, "lak": 0.000046, "lbp": 0.000011, "lkr": 0.0033, "lrd": 0.0055, "lsl": 0.056,
    "mad": 0.1, "mdl": 0.058, "mga": 0.00022, "mkd": 0.018, "mmk": 0.00048, "mnt": 0.00028, "mop": 0.12, "mur": 0.022,
    "mvr": 0.065, "mwk": 0.00058, "mxn": 0.053, "myr": 0.24, "mzn": 0.016, "nad": 0.056, "ngn": 0.00066, "nio": 0.027,
    "nok": 0.09, "npr": 0.0071, "nzd": 0.58, "omr": 2.6, "pab": 1.0, "pen": 0.28, "pgk": 0.24, "php": 0.017,
    "pkr": 0.0035, "pln": 0.25, "pyg": 0.00014, "qar": 0.27, "ron": 0.22, "rsd": 0.0094, "rub": 0.012, "rwf": 0.00069,
    "sar": 0.27, "sbd": 0.12, "scr": 0.07, "sek": 0.1, "sgd": 0.77, "shp": 1.3, "sle": 0.043, "sos": 0.0018,
    "srd": 0.026, "std": 0.000044, "szl": 0.056, "thb": 0.03, "tjs": 0.1, "tnd": 0.32, "top": 0.41, "try": 0.024,
    "ttd": 0.15, "twd": 0.032, "tzs": 0.0004, "uah": 0.024, "ugx": 0.00027, "usd": 1.0, "uyu": 0.025, "uzs": 0.00008,
    "vnd": 0.00004, "vuv": 0.0082, "wst": 0.36, "xaf": 0.0017, "xcd": 0.37, "xcg": 0.56, "xof": 0.0017, "xpf": 0.0092,
    "yer": 0.004, "zar": 0.056, "zmw": 0.043,
}  # fmt: skip


def check_currency(code: str, param: str = "currency") -> str:
    """Return the code in lower case; refuse a currency that Stripe does not support."""
    currency = code.lower()
    if currency not in SUPPORTED:
        raise invalid(f"Invalid currency: {currency}. Use one of Stripe's supported currencies.", param)
    return currency


def check_whole(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse decimals that Stripe does not accept: any for ISK and UGX, and a third one."""
    if currency in SENT_IN_HUNDREDTHS_BUT_WHOLE and amount % 100:
        raise _imprecise(f"{currency} has no decimals: the amount must be divisible by 100", param)
    if currency in THREE_DECIMAL and amount % 10:
        raise _imprecise(f"{currency} amounts must end in 0: the last of three decimals is not used", param)


def check_charge(amount: int, currency: str, settlement: str, param: str = "amount") -> None:
    """Refuse a charge that is too large, has too many decimals, or is below the minimum of the account's payout
    currency.
    """
    check_positive(amount, param)
    largest = max(largest_without_card(currency), LARGEST_BY_CARD if currency in TWELVE_DIGITS_BY_CARD else 0)
    if amount > largest:
        raise invalid(f"Amount must be no more than {largest} in {currency}", param, "amount_too_large")
    smallest = SMALLEST.get(settlement, 1)
    if convert(amount, currency, settlement)[0] < smallest:
        raise invalid(
            f"Amount must convert to at least {smallest} in {settlement}", param, "amount_too_small"
        )
    check_whole(amount, currency, param)


def largest_without_card(currency: str) -> int:
    """Return the largest amount for methods other than cards, in the smallest unit."""
    return LARGER.get(currency, LARGEST)


def check_positive(amount: int, param: str) -> None:
    """Refuse zero and negative amounts."""
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param, "parameter_invalid_integer")


def convert(amount: int, source: str, target: str) -> tuple[int, float | None]:
    """Return the amount in the target's smallest unit, and the rate; None if the currency is the same."""
    if source == target:
        return amount, None
    rate = _DOLLARS[source] / _DOLLARS[target]
    units = amount / _per_unit(source) * rate
    return round(units * _per_unit(target)), round(rate, 6)


def _per_unit(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 1
    return 1000 if currency in THREE_DECIMAL else 100


def _imprecise(message: str, param: str) -> Refusal:
    return invalid(f"Invalid amount: {message}.", param, "parameter_invalid_integer")
