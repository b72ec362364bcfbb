"""Print everything that is held about one person as JSON, to be handed to that person."""

import argparse
import json
from collections.abc import Sequence

from saleor_stripe_audience.audience.privacy import subject
from saleor_stripe_audience.saleor.client import get_installation


def run(arguments: Sequence[str]) -> int:
    """Print the export; it changes nothing."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience export-subject", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API address")
    parser.add_argument("--email", required=True, help="an address that the person has or had")
    options = parser.parse_args(arguments)
    told = subject.export(get_installation(options.saleor_api_url), options.email)
    print(json.dumps(told, indent=2, ensure_ascii=False))
    return 0
