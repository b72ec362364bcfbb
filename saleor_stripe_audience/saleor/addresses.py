"""Which shops may register, and which URLs the app may call: anyone can POST any URL."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.network import resolve

LONGEST_URL = 500  # characters, as many as are stored


def check_allowed(api_url: str) -> None:
    """`Rejected` unless the operator allows this shop and its URL is safe to call."""
    pattern = next((each for each in settings.ALLOWED_SALEOR_URLS if _matches(each, api_url)), None)
    if pattern is None or len(api_url) > LONGEST_URL:
        raise Rejected(
            "This shop is not on the app's list. Ask the app's operator to add the shop's API URL to "
            "ALLOWED_SALEOR_URLS.",
            code="shop_not_allowed",
        )
    is_literal = "*" not in pattern
    parts = _split(api_url)
    if parts.scheme != "https" and not (is_literal and _is_loopback(parts.hostname or "")):
        raise Rejected("The shop's API URL must begin with https://.", code="https_required")
    if not is_literal:
        public_address(parts.hostname or "", parts.port or 443)


def origin_of(url: str) -> str:
    """Scheme, host and port: https://shop.example.com."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _split(url: str) -> SplitResult:
    """The URL in its parts; `Rejected` if it is not a URL, such as https://[ or one whose port is no number."""
    try:
        parts = urlsplit(url[: LONGEST_URL + 1])  # a longer one is refused by its length
        _ = parts.port
    except ValueError:
        raise Rejected("The shop's API URL cannot be read.", code="unreadable_address") from None
    return parts


def _matches(pattern: str, url: str) -> bool:
    """`*` is allowed inside the first label of the host only, for letters, digits and hyphens."""
    wanted, given = urlsplit(pattern), _split(url)
    if "*" not in pattern:
        return _comparable(wanted) == _comparable(given)
    label, _, rest = wanted.netloc.partition(".")
    if "*" in rest or not rest or "*" in wanted.path:
        return False
    host = re.escape(label).replace(r"\*", "[a-z0-9-]+") + re.escape(f".{rest}")
    same = wanted.scheme == given.scheme and wanted.path.rstrip("/") == given.path.rstrip("/")
    return (
        same
        and not given.query
        and not given.fragment
        and re.fullmatch(host, given.netloc.lower()) is not None
    )


def _comparable(url: SplitResult) -> SplitResult:
    """The URL without what makes no difference: the case of its host, and a slash at its end."""
    return url._replace(netloc=url.netloc.lower(), path=url.path.rstrip("/"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_named_by_operator(url: str) -> bool:
    """Whether the operator listed this very host: such a host may be private, all others must be public."""
    literal = (each for each in settings.ALLOWED_SALEOR_URLS if "*" not in each)
    return origin_of(url).lower() in (origin_of(each).lower() for each in literal)


def public_address(host: str, port: int) -> str:
    """The IP address of the host, to connect to directly: resolved again, the name may lead elsewhere.

    `Rejected` if any of its addresses is not public, `Unavailable` if it has none now.
    """
    try:
        addresses = resolve(host, port)
    except OSError:
        raise Unavailable(
            "The shop's address cannot be found. Please try again.", code="unknown_host"
        ) from None
    if any(not _is_public(address) for address in addresses):
        raise Rejected(
            "The shop's address is private. The app calls it only if ALLOWED_SALEOR_URLS lists it literally.",
            code="private_address",
        )
    return addresses[0]


def _is_public(address: str) -> bool:
    """Whether the standard library knows the address as one of the public internet.

    An IPv6 address may contain an IPv4 address, which may be private. An IPv4-mapped one is judged by that address;
    every other form (compatible, translated, NAT64, 6to4, Teredo) is refused.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return _is_public(str(found.ipv4_mapped))
        if found.is_site_local or found.sixtofour is not None or found.teredo is not None:
            return False
    return found.is_global and not found.is_reserved and not found.is_multicast
