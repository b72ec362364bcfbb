"""The command line: `saleor-stripe-audience`, or `python -m saleor_stripe_audience`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version

from django.core.exceptions import ImproperlyConfigured
from django.db import Error

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

KEPT = ("COLUMNS", "DJANGO_SETTINGS_MODULE", "HOME", "LANG", "LC_ALL", "NO_COLOR", "PATH", "TERM")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. A failure is one line that says what to do."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options, rest = _parser(asks_help=given[:1] in ([], ["-h"], ["--help"])).parse_known_args(given)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleor_stripe_audience.settings")
    asks_for_options = not {"-h", "--help"}.isdisjoint(rest)
    try:
        with _stand_in_for_settings() if asks_for_options else nullcontext():
            return _run(options.command, rest)
    except (Failure, ImproperlyConfigured) as error:
        problem = str(error)
    except Error:
        problem = "The database does not answer, or lacks its tables. Check DATABASE_URL, then run `migrate`."
    print(f"saleor-stripe-audience {options.command}: {problem}", file=sys.stderr)
    return 1


@contextmanager
def _stand_in_for_settings() -> Iterator[None]:
    """Whoever asks how a command is used need not have set anything yet, and what is set may be wrong."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ |= {name: value for name, value in before.items() if name in KEPT} | {
        "SECRET_KEY": "only to print how a command is used",
        "PUBLIC_URL": "https://app.example.com",
        "ALLOWED_SALEOR_URLS": "https://shop.example.com/graphql/",
        "DATABASE_URL": "sqlite://:memory:",
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _parser(*, asks_help: bool) -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:16}{words}" for name, words in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="saleor-stripe-audience",
        description=f"Stripe payments and an audience for a Saleor shop.\n\ncommands:\n{listed}",
        epilog="`saleor-stripe-audience COMMAND --help` tells the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {version('saleor-stripe-audience')}"
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", nargs="?" if asks_help else None)
    if asks_help:
        parser.add_argument("--help", "-h", action="help", default=argparse.SUPPRESS)
    return parser


def _run(command: str, rest: list[str]) -> int:
    if command == "demo":
        from saleor_stripe_audience.commands import demo  # noqa: PLC0415 - it needs no settings; others do

        return demo.run(rest)
    with _metrics_of_several_processes(command):
        return _run_in_django(command, rest)


@contextmanager
def _metrics_of_several_processes(command: str) -> Iterator[None]:
    """Processes of one start count in files of one folder. It must be known before the first counter is made."""
    name = "PROMETHEUS_MULTIPROC_DIR"
    if (
        command not in ("serve", "work")
        or os.environ.get("METRICS_PORT", "0") in ("", "0")
        or name in os.environ
    ):
        yield
        return
    with tempfile.TemporaryDirectory(
        prefix="saleor-stripe-audience-metrics-", ignore_cleanup_errors=True
    ) as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            del os.environ[name]


def _run_in_django(command: str, rest: list[str]) -> int:
    import django  # noqa: PLC0415 - settings are read here, so that a wrong one is told in one line

    django.setup()
    from saleor_stripe_audience import commands  # noqa: PLC0415 - needs Django's applications

    return commands.run(command, rest)


if __name__ == "__main__":
    sys.exit(main())
