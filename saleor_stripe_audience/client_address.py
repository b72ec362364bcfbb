"""From which address a request comes, for consent's proof and for rate limits."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """The caller's IP address as the outermost of the operator's own PROXY_COUNT proxies saw it; empty if unreadable.

    What stands further left in X-Forwarded-For, the caller wrote: it is not believed.
    """
    seen = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",") if each.strip()]
    count = settings.PROXY_COUNT
    told = seen[-count] if 0 < count <= len(seen) else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(told))
    except ValueError:
        return ""
