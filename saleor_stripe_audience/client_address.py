"""The client's IP address, for the proof of consent and for rate limits."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """The client's IP address as the outermost of the operator's PROXY_COUNT proxies saw it; empty if unreadable.

    Entries further left in X-Forwarded-For were written by the client, so they are ignored.
    """
    seen = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",") if each.strip()]
    count = settings.PROXY_COUNT
    address = seen[-count] if 0 < count <= len(seen) else request.META.get("REMOTE_ADDR", "")
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)  # a server on :: sees IPv4 clients this way
    return str(found)
