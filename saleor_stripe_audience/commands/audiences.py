"""Which audience a command is about: shared by the commands, itself none."""

import argparse

from saleor_stripe_audience.audience.people.audiences import audience_named
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.saleor.client import get_installation


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that name an audience."""
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API address")
    parser.add_argument("--audience", default="", metavar="NAME", help="its name (default: the shop's own)")


def audience_of(options: argparse.Namespace) -> Audience:
    """The audience that the options name; `Rejected` if there is none such."""
    return audience_named(get_installation(options.saleor_api_url), options.audience)
