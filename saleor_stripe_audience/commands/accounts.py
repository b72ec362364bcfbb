"""`connect-stripe`: a Stripe account takes the payments of a shop's channels."""

import argparse
import json

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.onboarding import connect
from saleor_stripe_audience.saleor.client import fetch_channels, get_installation
from saleor_stripe_audience.saleor.models import Installation


def run(options: argparse.Namespace) -> int:
    """Connect, and print the account as JSON without its secrets."""
    installation = get_installation(options.saleor_api_url)
    channels = _chosen(installation, options.channel)
    account = connect(installation, options.publishable_key, options.secret_key, channels)
    told = {
        "account": str(account.pk),
        "name": account.name,
        "stripe_account": account.stripe_id,
        "mode": "live" if account.livemode else "test",
        "webhook_endpoint": account.webhook_endpoint_id,
        "channels": channels,
    }
    print(json.dumps(told, indent=2, ensure_ascii=False))
    return 0


def _chosen(installation: Installation, named: list[str]) -> list[str]:
    known = [each.slug for each in fetch_channels(installation.saleor_api_url, installation.token)]
    if unknown := sorted(set(named) - set(known)):
        raise Rejected(
            f"The shop has no channel {', '.join(unknown)}. Its channels: {', '.join(known) or 'none'}.",
            code="unknown_channel",
        )
    return list(dict.fromkeys(named)) or known
