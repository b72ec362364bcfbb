"""In whose name an audience writes."""

import re

from saleor_stripe_audience.audience.people.models import Audience

_ADDRESS = re.compile(r"(https?://\S+|localhost|[\w-]+(\.[\w-]+)+)(:\d+)?/?", re.IGNORECASE)
_COMMON_LABELS = frozenset({"www", "shop", "store", "api", "saleor"})


def sender_name(audience: Audience) -> str:
    """The name that mails and pages bear: the audience's sender name, or what Saleor calls the shop.

    Until one of them is known, it is the audience's name. Never an address: a new audience is named by the shop's.
    """
    installation = audience.installation
    named = (audience.sender_name, installation.shop_name, audience.name)
    fit = (name for name in named if name and not _ADDRESS.fullmatch(name))
    return next(fit, "") or _from_domain(installation.domain)


def _from_domain(domain: str) -> str:
    """What `shop.tea-house.example.com` is likely to call itself: Tea house."""
    labels = [each for each in domain.partition(":")[0].split(".") if each not in _COMMON_LABELS]
    name = labels[0].replace("-", " ").capitalize() if labels else ""
    return name if name and not name.isdigit() else "Shop"
