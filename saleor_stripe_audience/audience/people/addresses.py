"""Email addresses in the one form in which they are stored and compared."""

import re
from functools import lru_cache

from django.utils.translation import pgettext_lazy
from email_validator import EmailNotValidError, validate_email

from saleor_stripe_audience.errors import Rejected

ADDRESS_INVALID = pgettext_lazy("staff", "This is not an email address.")

# Nearly all addresses look like this. They are valid as they are, so they skip the slower validator.
_PLAIN_LOCAL_PART = re.compile(r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*")
# Invisible characters around and in copied addresses: soft hyphens, marks of direction, joiners, byte order marks.
_INVISIBLE = dict.fromkeys(
    [
        0xAD,
        0x61C,
        0x180E,
        0x200B,
        0xFEFF,
        *range(0x200E, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    ]
)
_JOINERS = "\u200c\u200d"  # needed inside names in some scripts
_MAX_LOCAL_PART = 64
_MAX_ADDRESS = 254
_MAX_TYPED = 1000  # characters, with invisible ones: the validator takes quadratic time on long texts


def normalize_email(address: str | None) -> str:
    """Return the address in lower case with its domain in ASCII (IDNA). `Rejected` unless it is an address.

    Deliverability is not checked: that would need the network, and somebody has already bought under the address.
    The local part is lower-cased too, because people mix cases and mail servers ignore them.
    """
    text = (address or "").strip()
    if not text.isascii():
        text = text.translate(_INVISIBLE).strip().strip(_JOINERS).strip()
    if len(text) > _MAX_TYPED:
        raise Rejected(ADDRESS_INVALID, code="email_invalid")
    local, _, domain = text.rpartition("@")
    local = local.lower()
    if len(local) > _MAX_LOCAL_PART or not _PLAIN_LOCAL_PART.fullmatch(local):
        return _validate(text)
    normalized = f"{local}@{_normalize_domain(domain)}"
    return normalized if len(normalized) <= _MAX_ADDRESS else _validate(text)


def usable_email(address: str | None) -> str:
    """Return the normalized address, or an empty string if no email can be sent to it."""
    try:
        return normalize_email(address)
    except Rejected:
        return ""


def in_unicode(address: str) -> str:
    """Return a normalized address with its domain in Unicode, as people write it."""
    local, _, domain = address.rpartition("@")
    try:
        valid = validate_email(f"a@{domain}", check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return address
    return f"{local}@{valid.domain}"


@lru_cache(maxsize=4096)
def _normalize_domain(domain: str) -> str:
    """Validate the domain once: in a million addresses most share a few."""
    return _validate(f"a@{domain}").removeprefix("a@")


def _validate(address: str) -> str:
    try:
        # test_environment allows the reserved names ending in .test: demos and trial shops use them.
        valid = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Rejected(ADDRESS_INVALID, code="email_invalid") from None
    return f"{valid.local_part}@{valid.ascii_domain}".lower()
