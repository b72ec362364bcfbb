"""Decide what becomes of a shop's data where its address is now used under other signing keys.

A registration under keys that the app does not know is refused: it may be the shop after its keys were changed, or
somebody who took over the address.
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
    """Let the next registration take over the shop's data, or forget all of it at once."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience hand-over", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API address")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument(
        "--same-shop",
        action="store_true",
        help=f"it is the same shop: install the app again within {HOURS} hours and it keeps its data",
    )
    choice.add_argument(
        "--forget", action="store_true", help="it is another shop: delete all that is kept of the former one"
    )
    options = parser.parse_args(arguments)
    shop = Installation.objects.filter(saleor_api_url=options.saleor_api_url).first()
    if shop is None:
        raise Rejected("Nothing is kept of a shop of this address.", code="unknown_installation")
    if options.forget:
        _forget(shop)
        print("Forgotten. The app can be installed from this address now.")
    else:
        shop.accepts_new_keys_until = timezone.now() + timedelta(hours=HOURS)
        shop.save(update_fields=["accepts_new_keys_until"])
        print(f"Install the app again in Saleor's Dashboard within {HOURS} hours.")
    return 0


def _forget(shop: Installation) -> None:
    if not removal.forget_now(shop):
        raise Unavailable(
            "What the shop has at Stripe could not be taken down just now. Run this again in a moment.",
            code="not_forgotten",
        )
