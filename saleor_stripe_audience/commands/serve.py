"""Answer Saleor and Stripe, and work the tasks in a thread of the same process."""

import argparse
import threading
from collections.abc import Sequence

from django.conf import settings
from django.core.management import call_command

THREADS = 128  # they carry the waiting for Stripe; each costs little memory


def run(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. Migrations are applied first."""
    options = _options(arguments)
    call_command("migrate", interactive=False, verbosity=0)
    print(f"Serving {settings.PUBLIC_URL} on {options.host}:{settings.PORT}", flush=True)
    print(f"Install the app in Saleor's Dashboard from {settings.PUBLIC_URL}/api/manifest", flush=True)
    with _Worker(enabled=options.worker):
        _serve(options.host)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience serve", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (default: all)")  # noqa: S104 - a server's purpose
    parser.add_argument(
        "--no-worker",
        dest="worker",
        action="store_false",
        help="leave the tasks to `saleor-stripe-audience work`",
    )
    return parser.parse_args(arguments)


def _serve(host: str) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    from saleor_stripe_audience.wsgi import application

    _ = Interfaces, Server, application


class _Worker:
    """The tasks' worker in a thread beside the server."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._thread: threading.Thread | None = None
