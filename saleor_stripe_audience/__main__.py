"""The command line: `saleor-stripe-audience`, or `python -m saleor_stripe_audience`."""

import argparse
import errno
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from io import TextIOWrapper

from django.core.exceptions import ImproperlyConfigured
from django.db import Error

from saleor_stripe_audience.database_causes import explain
from saleor_stripe_audience.errors import Failure

COMMANDS = {
    "demo": "try everything offline: a shop, Stripe and the app between them",
    "serve": "serve Saleor and Stripe, and run tasks",
    "work": "run tasks only, for processes started with serve --no-worker",
    "check": "check the installation from end to end and show what to fix",
    "connect-stripe": "connect a Stripe account to a shop",
    "stripe-account": "list Stripe accounts; disconnect, replace keys, renew endpoint, pause a channel",
    "api-key": "create an API key for a developer; it is printed once",
    "audience": "show and change an audience: sender, consent text, wordings, keys",
    "renew-links": "invalidate the links in emails sent to a person, except for unsubscribing",
    "mail-webhook": "receive bounces and complaints from an email service",
    "storefront-key": "create a public key for the shop's own pages",
    "import": "import contacts from a CSV file into an audience",
    "export": "write an audience's contacts as CSV, or as a list for advertisers",
    "segment": "list, preview, save, explain and delete segments",
    "catalogue": "send the whole catalogue to Stripe, compare both sides, apply changes made in Stripe",
    "backfill": "import data from before the app was installed, from Saleor or Stripe",
    "erase": "permanently erase a person, and block their address",
    "export-subject": "print everything that is stored about a person",
    "reconcile": "find and fix differences between Stripe and Saleor",
    "hand-over": "decide what happens to a shop's data when its URL has other signing keys",
    "rotate-keys": "re-encrypt every stored secret with the current SECRET_KEY",
    "migrate": "apply all database migrations",
}

# A full disk, a closed pipe, a folder that does not exist or that we may not write to.
UNWRITABLE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EPIPE, errno.ENOENT, errno.EACCES, errno.EISDIR, errno.EROFS),
    *(errno.ENOTDIR, errno.EEXIST),  # a file where the folder of the database should be
)
STOPPED_BY_CTRL_C = 128 + signal.SIGINT  # what shells expect
KEPT = ("COLUMNS", "DJANGO_SETTINGS_MODULE", "HOME", "LANG", "LC_ALL", "NO_COLOR", "PATH", "TERM")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. A failure is one line that says what to do."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _write_every_name()
    parser = _parser(asks_help=given[:1] in ([], ["-h"], ["--help"]))
    options, rest = parser.parse_known_args(given)
    if options.command is None:
        parser.print_help()
        return 0
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleor_stripe_audience.settings")
    asks_for_options = not {"-h", "--help"}.isdisjoint(rest)
    try:
        with _stand_in_for_settings() if asks_for_options else nullcontext():
            code = _run(options.command, rest)
            sys.stdout.flush()  # not at the end of the process, where a failure has no handler
            return code
    except KeyboardInterrupt:
        print("Stopped by a signal.", file=sys.stderr)
        return STOPPED_BY_CTRL_C
    except (Failure, ImproperlyConfigured) as error:
        problem = str(error)
    except Error as error:
        problem = explain(error)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        problem = f"{error.filename or 'The output'} cannot be written: {error.strerror}."
        if error.filename is None:
            _drop_output()
    print(f"saleor-stripe-audience {options.command}: {problem}", file=sys.stderr)
    return 1


def _write_every_name() -> None:
    """A terminal shows characters that it does not have as escapes; files and pipes are in UTF-8, whatever it has."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def _drop_output() -> None:
    """Discard unwritten output, which would fail again at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def _stand_in_for_settings() -> Iterator[None]:
    """Help for a command needs no settings, and existing ones may be invalid."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ |= {name: value for name, value in before.items() if name in KEPT} | {
        "SECRET_KEY": "only to print the help of a command",
        "PUBLIC_URL": "https://app.example.com",
        "ALLOWED_SALEOR_URLS": "https://shop.example.com/graphql/",
        "DATABASE_URL": "sqlite:///var/db.sqlite3",
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
        epilog="`saleor-stripe-audience COMMAND --help` shows the options of a command.",
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
        import django  # noqa: PLC0415 - settings are read here, so that an invalid one is reported in one line

        django.setup()
        from saleor_stripe_audience import commands  # noqa: PLC0415 - needs Django's applications

        return commands.run(command, rest)


@contextmanager
def _metrics_of_several_processes(command: str) -> Iterator[None]:
    """Make all processes of one start count in files in one folder, which must be set before the first counter
    exists.
    """
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


if __name__ == "__main__":
    sys.exit(main())
