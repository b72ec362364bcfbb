"""Print everything that is stored about one person as JSON, for that person."""

import argparse
import json
from collections.abc import Sequence

from saleor_stripe_audience.audience.privacy import subject
from saleor_stripe_audience.saleor.client import get_installation


def run(arguments: Sequence[str]) -> int:
    """Print the export; it changes nothing."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience export-subject", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument("--email", required=True, help="an address that the person has or had")
    options = parser.parse_args(arguments)
    export = subject.export(get_installation(options.saleor_api_url), options.email)
    print(json.dumps(export, indent=2, ensure_ascii=False))
    return 0
