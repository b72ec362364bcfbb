"""Which shops may register, and which addresses the app may call: whoever can POST can name any address."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.network import resolve

LONGEST_URL = 500  # characters, as many as are stored


def check_allowed(api_url: str) -> None:
    """`Rejected` unless the operator allows this shop and its address is fit to be called."""
    pattern = next((each for each in settings.ALLOWED_SALEOR_URLS if _matches(each, api_url)), None)
    if pattern is None or len(api_url) > LONGEST_URL:
        raise Rejected(
            "This shop is not on the app's list. Ask whoever runs the app to add the shop's API address to "
            "ALLOWED_SALEOR_URLS.",
            code="shop_not_allowed",
        )
    literal = "*" not in pattern
    parts = _parts(api_url)
    if parts.scheme != "https" and not (literal and _is_loopback(parts.hostname or "")):
        raise Rejected("The shop's API address must begin with https://.", code="https_required")
    if not literal:
        public_address(parts.hostname or "", parts.port or 443)


def origin_of(url: str) -> str:
    """Scheme, host and port: https://shop.example.com."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _parts(url: str) -> SplitResult:
    """The address in its parts; `Rejected` for what is none, such as https://[ or a port that is no number."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Rejected("The shop's API address cannot be read.", code="unreadable_address") from None
    return parts


def _matches(pattern: str, url: str) -> bool:
    """`*` stands only inside the first label of the host, for letters, digits and hyphens."""
    if "*" not in pattern:
        return pattern.rstrip("/") == url.rstrip("/")
    wanted, given = urlsplit(pattern), _parts(url)
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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_named_by_operator(url: str) -> bool:
    """Whether the operator wrote this very host down: such a one may be private, all others must be public."""
    named = {origin_of(pattern) for pattern in settings.ALLOWED_SALEOR_URLS if "*" not in pattern}
    return origin_of(url) in named


def public_address(host: str, port: int) -> str:
    """The IP address of the host, to be connected to as it is: asked again, a name may lead elsewhere.

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
            "The shop's address is a private one. It is called only if ALLOWED_SALEOR_URLS names it literally.",
            code="private_address",
        )
    return addresses[0]


def _is_public(address: str) -> bool:
    """Whether the standard library knows the address as one of the public internet.

    IPv6 may carry an IPv4 address inside, by which it leads to private networks all the same. As IPv4-mapped it is
    judged by that address; every other form (compatible, translated, NAT64, 6to4, Teredo) is refused.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return _is_public(str(found.ipv4_mapped))
        if found.is_site_local or found.sixtofour is not None or found.teredo is not None:
            return False
    return found.is_global and not found.is_reserved and not found.is_multicast
