"""Decide what happens to a shop's data when its URL is used with other signing keys.

A registration with unknown keys is refused: it may be the same shop with new keys, or someone who took over the URL.
"""

import argparse
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.shops import removal
from saleor_stripe_audience.shops.models import Installation

HOURS = 24


def run(arguments: Sequence[str]) -> int:
    """Let the next registration take over the shop's data, or delete all of it at once."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience hand-over", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument(
        "--same-shop",
        action="store_true",
        help=f"it is the same shop: install the app again within {HOURS} hours and it keeps its data",
    )
    choice.add_argument(
        "--forget", action="store_true", help="it is another shop: delete all data of the previous one"
    )
    options = parser.parse_args(arguments)
    shop = Installation.objects.filter(saleor_api_url=options.saleor_api_url).first()
    if shop is None:
        raise Rejected("No data is stored for a shop with this URL.", code="unknown_installation")
    if options.forget:
        if not removal.forget_now(shop):
            raise Unavailable(
                "The shop's webhooks in Stripe could not be deleted at the moment. Run this again shortly.",
                code="not_forgotten",
            )
        print("Deleted. The app can be installed from this URL now.")
    else:
        shop.accepts_new_keys_until = timezone.now() + timedelta(hours=HOURS)
        shop.save(update_fields=["accepts_new_keys_until"])
        print(f"Install the app again in Saleor's Dashboard within {HOURS} hours.")
    return 0
