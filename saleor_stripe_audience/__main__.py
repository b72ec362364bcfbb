"""The command line: `saleor-stripe-audience`, or `python -m saleor_stripe_audience`."""

import argparse
import os
import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from saleor_stripe_audience.errors import Failure

COMMANDS = {
    "demo": "try everything offline: a shop, a Stripe and the app between them",
    "serve": "answer Saleor and Stripe, and work the tasks",
    "work": "work the tasks only, beside processes started with serve --no-worker",
    "check": "look at the installation from end to end and say what to mend",
    "connect-stripe": "connect a Stripe account to a shop by its keys",
    "stripe-account": "list Stripe accounts; disconnect, new keys, new endpoint, pause a channel",
    "api-key": "make a key for a developer; it is printed once",
    "audience": "show and change an audience: sender, consent text, wordings, keys",
    "renew-links": "make links in mails to somebody good for unsubscribing only",
    "mail-webhook": "hear of bounces and complaints from a mail service",
    "storefront-key": "make a public key for the shop's own pages",
    "import": "bring contacts of a CSV file into an audience",
    "export": "write an audience's contacts as CSV, or as a list for advertisers",
    "segment": "list, preview, make, explain and delete segments",
    "backfill": "bring in what was there before the app, from Saleor or Stripe",
    "erase": "erase a person for good, and keep them out",
    "export-subject": "print all that is held about a person",
    "reconcile": "find what Stripe and Saleor disagree on, and heal it",
    "hand-over": "decide about a shop's data where its address has other signing keys",
    "rotate-keys": "encrypt every stored secret anew with the present SECRET_KEY",
    "migrate": "bring the database up to date",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. A failure is one line that says what to do."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options, rest = _parser().parse_known_args(given)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleor_stripe_audience.settings")
    try:
        return _run(options.command, rest)
    except (Failure, ImproperlyConfigured) as error:
        problem = str(error)
    except DatabaseError:
        problem = "The database does not answer, or lacks its tables. Check DATABASE_URL, then run `migrate`."
    print(f"saleor-stripe-audience {options.command}: {problem}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:16}{words}" for name, words in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="saleor-stripe-audience",
        description=f"Stripe payments and an audience for a Saleor shop.\n\ncommands:\n{listed}",
        epilog="`saleor-stripe-audience COMMAND --help` tells the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", nargs="?" if _asks_help() else None)
    if _asks_help():
        parser.add_argument("--help", "-h", action="help")
    return parser


def _asks_help() -> bool:
    return len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help")  # noqa: PLR2004 - the program's own name is the first


def _run(command: str, rest: list[str]) -> int:
    if command == "demo":
        from saleor_stripe_audience.sandbox import demo  # noqa: PLC0415 - the stand-ins are for the demo only

        return demo.run(rest)
    import django  # noqa: PLC0415 - settings are read here, so that a wrong one is told in one line

    django.setup()
    from saleor_stripe_audience import commands  # noqa: PLC0415 - needs Django's applications

    return commands.run(command, rest)


if __name__ == "__main__":
    sys.exit(main())
