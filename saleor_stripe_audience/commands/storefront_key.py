"""Create, list and revoke the public keys with which a shop's own pages subscribe and unsubscribe."""

import argparse
from collections.abc import Sequence

from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.client import get_installation


def run(arguments: Sequence[str]) -> int:
    """Print a new key, or nothing when one is revoked."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience storefront-key", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        help="an origin of the shop's pages, such as https://shop.example.com",
    )
    parser.add_argument("--name", default="", help="what the key is for")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--list", action="store_true", help="list the shop's keys instead, including revoked ones"
    )
    instead.add_argument("--revoke", metavar="KEY", help="revoke this key instead")
    options = parser.parse_args(arguments)
    shop = get_installation(options.saleor_api_url)
    if options.list:
        for key in shop.storefront_keys.order_by("created_at", "pk"):  # it is public
            state = "revoked" if key.revoked_at else "in use"
            print(f"{key.key}  {state:8}  {', '.join(key.origins)}  {key.name}".rstrip())
    elif options.revoke:
        revoked = shop.storefront_keys.filter(key=options.revoke).first()
        if revoked is None:
            raise Rejected("The shop has no such key.", code="key")
        storefront.revoke_key(revoked)
    else:
        print(storefront.create_key(shop, options.origin, options.name).key)
    return 0
