"""Make a key by which a developer's program reads one shop's data over GraphQL. It is printed once."""

import argparse
from collections.abc import Sequence

from saleor_stripe_audience.api.keys import create_key
from saleor_stripe_audience.saleor.client import get_installation


def run(arguments: Sequence[str]) -> int:
    """Print a new key; only its hash is kept."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience api-key", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API address")
    parser.add_argument("--name", required=True, help="what the key is for")
    options = parser.parse_args(arguments)
    print(create_key(get_installation(options.saleor_api_url), options.name))
    return 0
