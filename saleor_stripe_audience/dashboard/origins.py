"""Which pages may show this one in a frame and talk to it: Saleor's Dashboard and nobody else."""

import re
from collections.abc import Iterable

from django.conf import settings

from saleor_stripe_audience.saleor.addresses import origin_of
from saleor_stripe_audience.saleor.models import Installation

# An origin becomes part of a header: anything beyond scheme, host and port would be part of the policy itself.
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?")


def dashboard_origins(saleor_api_url: str) -> tuple[str, ...]:
    """The operator's DASHBOARD_ORIGINS; without them the origin of the shop, or of the shops that may install."""
    if settings.DASHBOARD_ORIGINS:
        return _plain(settings.DASHBOARD_ORIGINS)
    if Installation.objects.filter(saleor_api_url=saleor_api_url, is_active=True).exists():
        return _plain((saleor_api_url,))
    return _plain(url for url in settings.ALLOWED_SALEOR_URLS if "*" not in url)


def _plain(addresses: Iterable[str]) -> tuple[str, ...]:
    origins = dict.fromkeys(origin_of(address) for address in addresses)
    return tuple(origin for origin in origins if _ORIGIN.fullmatch(origin))
