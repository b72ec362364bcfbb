"""Write an audience's contacts as CSV, or the hashed addresses of those who may be shown ads."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from saleor_stripe_audience.audience.people.status import Status
from saleor_stripe_audience.audience.transfer.ads import NETWORKS, NOTE, export_ads
from saleor_stripe_audience.audience.transfer.exporting import chosen, export_csv
from saleor_stripe_audience.commands import audiences


def run(arguments: Sequence[str]) -> int:
    """Write to the file, or to the standard output."""
    options = _options(arguments)
    audience = audiences.audience_of(options)
    contacts = chosen(audience, options.segment, options.status or ())
    if options.ads and audience.ads_to_buyers:
        print(NOTE, file=sys.stderr)
    blocks = export_ads(contacts, options.ads) if options.ads else export_csv(contacts)
    if options.output is None:
        sys.stdout.writelines(blocks)
        return 0
    with options.output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(blocks)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience export", description=__doc__)
    audiences.add_options(parser)
    parser.add_argument("--segment", default="", metavar="NAME", help="only the members of this segment")
    parser.add_argument("--status", action="append", choices=Status.values, help="only these; repeatable")
    parser.add_argument(
        "--ads", choices=NETWORKS, help="a list for advertisers instead: hashed addresses only"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")
    return parser.parse_args(arguments)
