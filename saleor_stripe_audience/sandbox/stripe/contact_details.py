"""Email addresses and countries that Stripe refuses, with the parameter that it names."""

import re
from typing import Any

from .errors import invalid

# ISO 3166-1 alpha-2, officially assigned: neither XK nor EU, which Saleor has too.
_COUNTRIES = frozenset(
    re.findall(
        r"\w+",
        """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT
MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
""",
    )
)
_EMAIL = re.compile(r"[^@\s.]+(\.[^@\s.]+)*@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]*[A-Za-z]", re.ASCII)


def check_email(given: dict[str, Any], name: str = "email") -> None:
    """Refuse an address that is not ASCII, or has an empty part between two dots."""
    email = given.get(name)
    if email and not (email.isascii() and _EMAIL.fullmatch(email)):
        raise invalid(f"Invalid email address: {email}", name, "email_invalid")


def check_country(address: Any, param: str) -> None:
    """Refuse an unknown country of the `address`, whose parameter is `param`, such as "shipping[address]"."""
    country = (address or {}).get("country") if isinstance(address, dict) else None
    if country and country.upper() not in _COUNTRIES:
        message = (
            f"Country '{country}' is unknown. Try using a 2-character alphanumeric country code instead."
        )
        raise invalid(message, f"{param}[country]")


def check_shipping(shipping: Any) -> None:
    """Refuse a shipping address with an unknown country."""
    check_country((shipping or {}).get("address"), "shipping[address]")
