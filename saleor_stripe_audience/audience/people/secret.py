"""The secret of one shop, and names that are recognized with it without being stored."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from saleor_stripe_audience.audience.people.audiences import held_shop
from saleor_stripe_audience.audience.people.models import ShopSecret
from saleor_stripe_audience.shops.models import Installation

SECRET_BYTES = 32


def secret_of(installation: Installation) -> str:
    """Return the shop's secret, creating it on first use."""
    shop = held_shop(installation.pk)
    if shop is not None and shop.secret:
        return shop.secret
    row, _ = ShopSecret.objects.get_or_create(
        installation=installation, defaults={"secret": secrets.token_urlsafe(SECRET_BYTES)}
    )
    secret: str = row.secret
    if shop is not None:
        shop.secret = secret
    return secret


def digests_of(installation: Installation, names: Iterable[str]) -> list[str]:
    """Return an HMAC of each name under the shop's secret."""
    secret = secret_of(installation).encode()
    return [hmac.new(secret, name.encode(), hashlib.sha256).hexdigest() for name in names]
