"""The client's IP address, for the proof of consent and for rate limits."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

_PORT = re.compile(r":\d+$")


def client_ip(request: HttpRequest) -> str:
    """The client's IP address as the outermost of the operator's PROXY_COUNT proxies saw it; empty if unreadable.

    Entries further left in X-Forwarded-For were written by the client, so they are ignored.
    """
    seen = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",") if each.strip()]
    count = settings.PROXY_COUNT
    return _read(seen[-count] if 0 < count <= len(seen) else request.META.get("REMOTE_ADDR", ""))


def _read(written: str) -> str:
    """Return the address in what a proxy wrote: some add the port, brackets around IPv6, or quotes around all."""
    text = written.strip('"')
    if text.startswith("["):
        return _normalize(text[1:].partition("]")[0])
    # First as a whole: a port without brackets looks like the last group of an IPv6 address.
    return _normalize(text) or _normalize(_PORT.sub("", text))


def _normalize(text: str) -> str:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])  # a zone means something to that machine only
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)  # a server on :: sees IPv4 clients this way
    return str(found)
