"""Permanently erase a person from a shop's audiences, and block their address. Prints the receipt as JSON."""

import argparse
import json
from collections.abc import Sequence

from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.saleor.client import get_installation


def run(arguments: Sequence[str]) -> int:
    """Erase, list receipts, or readmit a person at their request."""
    options = _options(arguments)
    shop = get_installation(options.saleor_api_url)
    result: object
    if options.receipts:
        result = [_as_json(receipt) for receipt in erasure.receipts(shop, options.email)]
    elif options.readmit:
        result = {"readmitted": erasure.readmit(shop, options.email)}
    else:
        result = _as_json(erasure.erase(shop, options.email, actor=options.actor))
    print(json.dumps(result, indent=2))
    return 0


def _as_json(receipt: Erasure) -> dict[str, object]:
    return {
        "receipt": str(receipt.pk),
        "erased_at": receipt.erased_at.isoformat(),
        "reason": receipt.reason,
        "contacts": receipt.contact_ids,
        "erased": receipt.erased,
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience erase", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument("--email", required=True, help="an address that the person has or had")
    parser.add_argument("--actor", default="command line", help="who requests the erasure, for the receipt")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--receipts", action="store_true", help="only list earlier erasures of the address")
    what.add_argument(
        "--readmit", action="store_true", help="allow an erased address again, at the person's request"
    )
    return parser.parse_args(arguments)
