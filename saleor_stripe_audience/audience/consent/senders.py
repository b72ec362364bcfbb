"""The name that an audience's emails and pages show."""

import re

from saleor_stripe_audience.audience.people.models import Audience

_ADDRESS = re.compile(r"(https?://\S+|localhost|[\w-]+(\.[\w-]+)+)(:\d+)?/?", re.IGNORECASE)
_COMMON_LABELS = frozenset({"www", "shop", "store", "api", "saleor"})


def sender_name(audience: Audience) -> str:
    """Return the audience's sender name, or the shop's name in Saleor, or the audience's name.

    Never a URL or domain, although the audience of a shop without a name has its domain's.
    """
    installation = audience.installation
    for name in (audience.sender_name, installation.shop_name, audience.name):
        if name and not _ADDRESS.fullmatch(name):
            return name
    # Turn `shop.tea-house.example.com` into a likely name: Tea house.
    labels = [each for each in installation.domain.partition(":")[0].split(".") if each not in _COMMON_LABELS]
    likely = labels[0].replace("-", " ").capitalize() if labels else ""
    return likely if likely and not likely.isdigit() else "Shop"
