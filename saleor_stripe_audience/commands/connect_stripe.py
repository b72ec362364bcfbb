"""Connect a Stripe account to a shop, with its keys or on Stripe's own pages. Running it again changes nothing."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from saleor_stripe_audience.dashboard import hosted
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import connect, onboarding, terms
from saleor_stripe_audience.saleor.channels import sync_channels
from saleor_stripe_audience.saleor.client import get_installation
from saleor_stripe_audience.shops.channels import existing_channels
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]


def run(arguments: Sequence[str]) -> int:
    """With keys: check them, create the webhook endpoint in Stripe, map the channels. With --hosted: start on Stripe.

    Prints JSON.
    """
    options = _options(arguments)
    installation = get_installation(options.saleor_api_url)
    if options.accept_terms:
        terms.accept(installation, options.accept_terms)
    channels = _channels(installation, options.channel)
    connect_account = _connect_hosted if options.hosted else _connect_with_keys
    print(json.dumps(connect_account(installation, channels, options), indent=2))
    return 0


def _connect_hosted(installation: Installation, channels: list[str], options: argparse.Namespace) -> Json:
    """The link is Stripe's, valid once and for minutes; the URL in `good_for_a_day` leads to a new one each time."""
    known = connect.hosted(installation.pk) if options.another else None
    account = connect.start_or_reconnect(installation, channels, known)
    return {
        "account": str(account.pk),
        "stripe_account": account.stripe_id,
        "livemode": account.livemode,
        "state": account.connect_state,
        "stripe_asks": account.requirements,
        "link": "" if account.takes_payments else connect.link(account, **hosted.links(account)),
        "good_for_a_day": "" if account.takes_payments else hosted.begin_url(installation, account),
        "channels": sorted(account.channels.values_list("channel_slug", flat=True)),
    }


def _connect_with_keys(installation: Installation, channels: list[str], options: argparse.Namespace) -> Json:
    account = onboarding.connect(installation, options.publishable_key, options.secret_key, channels)
    return {
        "account": str(account.pk),
        "name": account.name,
        "stripe_account": account.stripe_id,
        "livemode": account.livemode,
        "webhook_endpoint": account.webhook_endpoint_id,
        "channels": channels,
    }


def _channels(installation: Installation, slugs: list[str]) -> list[str]:
    """The given slugs, or all of the shop's; `Rejected` names those that the shop does not have."""
    sync_channels(installation)
    known = sorted(existing_channels(installation).values_list("slug", flat=True))
    if unknown := sorted(set(slugs) - set(known)):
        raise Rejected(
            f"The shop has no channel {', '.join(unknown)}. It has: {', '.join(known)}.", code="channel"
        )
    return sorted(set(slugs)) or known


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience connect-stripe", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument("--publishable-key", default="", metavar="pk_…")
    parser.add_argument("--secret-key", default="", metavar="rk_…", help="a restricted key, or a secret one")
    parser.add_argument(
        "--channel", action="append", default=[], metavar="SLUG", help="only this one; repeatable"
    )
    parser.add_argument(
        "--accept-terms",
        metavar="NAME",
        help="who accepts docs/terms.md for the shop; required for live payments",
    )
    parser.add_argument(
        "--hosted",
        action="store_true",
        help="without keys, with Stripe Connect: prints the link to continue on Stripe",
    )
    parser.add_argument(
        "--another", action="store_true", help="with --hosted: add an account even if one already works"
    )
    options = parser.parse_args(arguments)
    keys = [options.publishable_key, options.secret_key]
    if options.hosted and any(keys):
        parser.error("Give either --hosted or keys.")
    if not options.hosted and (options.another or not all(keys)):
        parser.error("Give --publishable-key and --secret-key, or --hosted.")
    return options
