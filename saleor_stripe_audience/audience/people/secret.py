"""The secret of one shop."""

import secrets

from saleor_stripe_audience.audience.people.models import ShopSecret
from saleor_stripe_audience.shops.models import Installation

BYTES = 32


def secret_of(installation: Installation) -> str:
    """The shop's secret, made when it is first needed."""
    kept, _ = ShopSecret.objects.get_or_create(
        installation=installation, defaults={"secret": secrets.token_urlsafe(BYTES)}
    )
    secret: str = kept.secret
    return secret
