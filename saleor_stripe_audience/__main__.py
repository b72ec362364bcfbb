"""The command line: `saleor-stripe-audience COMMAND`, or `python -m saleor_stripe_audience COMMAND`."""

import argparse
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. What a person can mend is one line on stderr, not a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["demo"]:  # the demo configures an app of its own, so it must run where nothing is configured
        from saleor_stripe_audience.sandbox.demo import run  # noqa: PLC0415

        return run(given[1:])
    options = _parser().parse_args(given)
    return _told(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="saleor-stripe-audience",
        description="Stripe payments, the catalogue and an audience for a Saleor shop.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("demo", help="run the whole offline, beside stand-ins of Saleor and Stripe")
    serve = commands.add_parser("serve", help="apply migrations, answer requests and work tasks")
    serve.add_argument("--no-worker", action="store_true", help="leave tasks to `saleor-stripe-audience work`")
    serve.add_argument("--host", default="0.0.0.0", help="address to listen on (default: every one)")  # noqa: S104 - a server in a container
    serve.add_argument("--threads", type=int, default=16, help="requests answered at once (default: 16)")
    work = commands.add_parser("work", help="work tasks")
    work.add_argument("--threads", type=int, default=4, help="tasks worked at once (default: 4)")
    commands.add_parser("check", help="check configuration, database, shops and Stripe keys")
    commands.add_parser("migrate", help="bring the database up to date")
    connect = commands.add_parser("connect-stripe", help="connect a Stripe account to a shop")
    _add_shop(connect)
    connect.add_argument("--publishable-key", required=True, metavar="pk_…")
    connect.add_argument("--secret-key", required=True, metavar="rk_…", help="a restricted key, or a secret one")
    connect.add_argument("--channel", action="append", default=[], metavar="SLUG", help="(default: every channel)")
    key = commands.add_parser("api-key", help="make a developer's key to the GraphQL API; it is shown once")
    _add_shop(key)
    key.add_argument("--name", required=True, help="what the key is for")
    return parser


def _add_shop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="https://shop.example.com/graphql/")


def _told(options: argparse.Namespace) -> int:
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 - keeps --help quick
    from django.db import OperationalError  # noqa: PLC0415

    from saleor_stripe_audience.errors import Failure  # noqa: PLC0415

    try:
        return _run(options)
    except ImproperlyConfigured as error:
        message = str(error)
    except Failure as error:
        message = error.message
    except OperationalError:
        message = "The database does not answer, or has no tables yet. Check DATABASE_URL; run `migrate`."
    print(message, file=sys.stderr)
    return 1


def _run(options: argparse.Namespace) -> int:
    import django  # noqa: PLC0415 - after the arguments are known to be good

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleor_stripe_audience.settings")
    django.setup()
    from saleor_stripe_audience.commands import COMMANDS  # noqa: PLC0415 - reads models, so only after the set-up

    return COMMANDS[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
