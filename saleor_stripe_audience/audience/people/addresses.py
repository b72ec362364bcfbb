"""E-mail addresses in the one form in which they are compared and kept."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from saleor_stripe_audience.errors import Rejected

_PLAIN_LOCAL_PART = re.compile(
    r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*"
)  # how nearly all are: nothing in it can be wrong
_LONGEST_PLAIN = 64  # characters of that part; the mail's own limit
_LONGEST_WHOLE = 254


def normalised(address: str | None) -> str:
    """The address in small letters, its domain as IDNA's ASCII; `Rejected` if it is none.

    Whether a mailbox answers is not asked: that would need the network, and a purchase was made under it
    anyway. The part before the @ is put in small letters too: people mix them, and mailboxes do not care.
    """
    text = (address or "").strip()
    local, _, domain = text.rpartition("@")
    local = local.lower()
    if len(local) > _LONGEST_PLAIN or not _PLAIN_LOCAL_PART.fullmatch(local):
        return _normalised(text)
    whole = f"{local}@{_domain(domain)}"
    return whole if len(whole) <= _LONGEST_WHOLE else _normalised(text)


def usable(address: str | None) -> str:
    """`normalised`, or empty for what is no address that can be written to."""
    try:
        return normalised(address)
    except Rejected:
        return ""


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str:
    """The domain, looked at once: of a million addresses most share a few."""
    return _normalised(f"a@{domain}").removeprefix("a@")


def _normalised(address: str) -> str:
    try:
        # test_environment lets the reserved names ending in .test through: demos and trial shops use them.
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Rejected(
            "The e-mail address is missing or not one that can be written to. Correct it on the order or "
            "on the customer in Saleor's Dashboard; the next change there is taken over.",
            code="email_invalid",
        ) from None
    return f"{found.local_part}@{found.ascii_domain}".lower()
