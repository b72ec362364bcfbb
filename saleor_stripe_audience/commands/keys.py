"""`api-key`: a developer's key to the GraphQL API of one shop."""

import argparse

from saleor_stripe_audience.api.keys import create_key
from saleor_stripe_audience.saleor.client import get_installation


def run(options: argparse.Namespace) -> int:
    """Print the key; it is kept only as a hash and cannot be shown again."""
    print(create_key(get_installation(options.saleor_api_url), options.name))
    return 0
