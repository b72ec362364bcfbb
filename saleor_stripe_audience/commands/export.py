"""Write an audience's contacts as CSV, or the hashed addresses of those who may be shown ads."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from saleor_stripe_audience.audience.models import Audience, ContactQuerySet
from saleor_stripe_audience.audience.segments.membership import members_of
from saleor_stripe_audience.audience.segments.store import segment_named
from saleor_stripe_audience.audience.status import Status
from saleor_stripe_audience.audience.transfer.ads import NETWORKS, export_ads
from saleor_stripe_audience.audience.transfer.exporting import export_csv
from saleor_stripe_audience.commands import audiences


def run(arguments: Sequence[str]) -> int:
    """To the file, or to the standard output."""
    options = _options(arguments)
    contacts = _wanted(audiences.audience_of(options), options)
    blocks = export_ads(contacts, options.ads) if options.ads else export_csv(contacts)
    if options.output is None:
        sys.stdout.writelines(blocks)
        return 0
    with options.output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(blocks)
    return 0


def _wanted(audience: Audience, options: argparse.Namespace) -> ContactQuerySet:
    everybody = audience.contacts.all()
    found = members_of(segment_named(audience, options.segment)) if options.segment else everybody
    return found.filter(status__in=options.status) if options.status else found


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience export", description=__doc__)
    audiences.add_options(parser)
    parser.add_argument("--segment", default="", metavar="NAME", help="only the members of this segment")
    parser.add_argument(
        "--status", action="append", choices=Status.values, help="only these; may be repeated"
    )
    parser.add_argument(
        "--ads", choices=NETWORKS, help="a list for advertisers instead: hashed addresses only"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to (default: the standard output)")
    return parser.parse_args(arguments)
