"""Which Dashboards may use the page: those of DASHBOARD_ORIGINS, or any if the operator listed none."""

import re

from django.conf import settings

from saleor_stripe_audience.saleor.addresses import origin_of

ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")


def dashboard_origins() -> tuple[str, ...]:
    """The origins that the operator listed, such as "https://dashboard.example.com"; empty if none."""
    return tuple(dict.fromkeys(_as_sent(each) for each in settings.DASHBOARD_ORIGINS))


def _as_sent(url: str) -> str:
    """Return the URL's origin as browsers send it: in lower case, and without the default port."""
    origin = origin_of(url).lower()
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")


def may_use_the_page(origin: str) -> bool:
    """Whether a Dashboard on that origin is trusted. Without the setting, the token alone decides."""
    trusted = dashboard_origins()
    return not trusted or origin in trusted


def readable(origin: str) -> str:
    """The origin for a message or a log; empty if it is not one, because it comes from the request."""
    return origin if ORIGIN.fullmatch(origin) else ""
