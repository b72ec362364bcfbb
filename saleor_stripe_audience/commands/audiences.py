"""The options that select an audience; shared by commands, not a command itself."""

import argparse

from saleor_stripe_audience.audience.people.audiences import audience_named
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.saleor.client import get_installation


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select an audience."""
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument("--audience", default="", metavar="NAME", help="its name (default: the shop's own)")


def audience_of(options: argparse.Namespace) -> Audience:
    """The selected audience; `Rejected` if it does not exist."""
    return audience_named(get_installation(options.saleor_api_url), options.audience)
