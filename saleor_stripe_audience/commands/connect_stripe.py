"""Connect a Stripe account to a shop by its keys. Running it again with the same keys changes nothing."""

import argparse
import json
from collections.abc import Sequence

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import onboarding, terms
from saleor_stripe_audience.saleor.client import fetch_channels, get_installation
from saleor_stripe_audience.saleor.models import Installation
from saleor_stripe_audience.saleor.register import keep_channels


def run(arguments: Sequence[str]) -> int:
    """Check the keys, make Stripe's webhook endpoint, map the channels; prints JSON."""
    options = _options(arguments)
    installation = get_installation(options.saleor_api_url)
    if options.accept_terms:
        terms.accept(installation, options.accept_terms)
    channels = _channels(installation, options.channel)
    account = onboarding.connect(installation, options.publishable_key, options.secret_key, channels)
    told = {
        "account": str(account.pk),
        "name": account.name,
        "stripe_account": account.stripe_id,
        "livemode": account.livemode,
        "webhook_endpoint": account.webhook_endpoint_id,
        "channels": channels,
    }
    print(json.dumps(told, indent=2))
    return 0


def _channels(installation: Installation, asked: list[str]) -> list[str]:
    """The slugs asked for, all of the shop's if none; `Rejected` names those that the shop does not have."""
    keep_channels(installation, fetch_channels(installation.saleor_api_url, installation.token))
    known = sorted(installation.channels.values_list("slug", flat=True))
    if unknown := sorted(set(asked) - set(known)):
        raise Rejected(
            f"The shop has no channel {', '.join(unknown)}. It has: {', '.join(known)}.", code="channel"
        )
    return sorted(set(asked)) or known


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience connect-stripe", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API address")
    parser.add_argument("--publishable-key", required=True, metavar="pk_…")
    parser.add_argument(
        "--secret-key", required=True, metavar="rk_…", help="a restricted key, or a secret one"
    )
    parser.add_argument(
        "--channel", action="append", default=[], metavar="SLUG", help="only this one; repeatable"
    )
    parser.add_argument(
        "--accept-terms",
        metavar="NAME",
        help="who accepts docs/terms.md for the shop: needed for live payments",
    )
    return parser.parse_args(arguments)
