"""Which shops may register, and which addresses the app may call: whoever can POST can name any address."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from django.conf import settings

from saleor_stripe_audience.errors import Rejected, Unavailable


def check_allowed(api_url: str) -> None:
    """`Rejected` unless the operator allows this shop and its address is fit to be called."""
    pattern = next((each for each in settings.ALLOWED_SALEOR_URLS if _matches(each, api_url)), None)
    if pattern is None:
        raise Rejected(
            "This shop is not on the app's list. Ask whoever runs the app to add the shop's API address to "
            "ALLOWED_SALEOR_URLS.",
            code="shop_not_allowed",
        )
    literal = "*" not in pattern
    parts = urlsplit(api_url)
    if parts.scheme != "https" and not (literal and _is_loopback(parts.hostname or "")):
        raise Rejected("The shop's API address must begin with https://.", code="https_required")
    if not literal:
        _refuse_private(parts.hostname or "", parts.port or 443)


def origin_of(url: str) -> str:
    """Scheme, host and port: https://shop.example.com."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _matches(pattern: str, url: str) -> bool:
    """`*` stands only inside the first label of the host, for letters, digits and hyphens."""
    if "*" not in pattern:
        return pattern.rstrip("/") == url.rstrip("/")
    wanted, given = urlsplit(pattern), urlsplit(url)
    label, _, rest = wanted.netloc.partition(".")
    if "*" in rest or not rest or "*" in wanted.path:
        return False
    host = re.escape(label).replace(r"\*", "[a-z0-9-]+") + re.escape(f".{rest}")
    same = wanted.scheme == given.scheme and wanted.path.rstrip("/") == given.path.rstrip("/")
    return same and not given.query and re.fullmatch(host, given.netloc.lower()) is not None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_private(host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unavailable(
            "The shop's address cannot be found. Please try again.", code="unknown_host"
        ) from None
    if any(not ipaddress.ip_address(entry[4][0]).is_global for entry in found):
        raise Rejected(
            "The shop's address is a private one. It is called only if ALLOWED_SALEOR_URLS names it literally.",
            code="private_address",
        )
