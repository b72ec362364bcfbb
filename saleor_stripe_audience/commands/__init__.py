"""What an operator does from the command line. Import it only once Django is set up."""

import argparse
from collections.abc import Callable

from saleor_stripe_audience.commands import accounts, check, keys, migrate, serve, work

COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": serve.run,
    "work": work.run,
    "check": check.run,
    "connect-stripe": accounts.run,
    "api-key": keys.run,
    "migrate": migrate.run,
}
