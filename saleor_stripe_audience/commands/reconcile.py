"""Find and fix differences between Stripe and Saleor. This also runs automatically, every hour."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from saleor_stripe_audience.payments.reconcile import reconcile, reconcile_all
from saleor_stripe_audience.saleor.client import get_installation


def run(arguments: Sequence[str]) -> int:
    """Print JSON, one object per shop; exit code 1 if a difference remains."""
    options = _options(arguments)
    if options.saleor_api_url:
        found = [reconcile(get_installation(options.saleor_api_url), options.since)]
    else:
        found = reconcile_all(options.since)
    print(json.dumps([each.as_json() for each in found], indent=2))
    return 1 if any(not difference.fixed for each in found for difference in each.differences) else 0


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("give a time, such as 2026-11-23T14:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience reconcile", description=__doc__)
    parser.add_argument(
        "--saleor-api-url", metavar="URL", help="one shop only, by its API URL (default: all)"
    )
    parser.add_argument(
        "--since",
        type=_time,
        metavar="TIME",
        help="ISO 8601, UTC without a time zone (default: since the last run)",
    )
    return parser.parse_args(arguments)
