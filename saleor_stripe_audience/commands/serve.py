"""Answer Saleor and Stripe, and work the tasks in a thread of the same process."""

import argparse
import multiprocessing
from collections.abc import Sequence

from django.conf import settings
from granian.constants import Interfaces
from granian.server import Server

from saleor_stripe_audience.commands import migrate
from saleor_stripe_audience.commands.work import EmbeddedWorker, serve_metrics


def run(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. Migrations are applied first."""
    options = _options(arguments)
    migrate.apply()
    serve_metrics()
    print(f"Serving {settings.PUBLIC_URL} on {options.host}:{settings.PORT}", flush=True)
    print(f"Install the app in Saleor's Dashboard from {settings.PUBLIC_URL}/api/manifest", flush=True)
    # Granian answers in a child. It is started afresh, not forked: this process runs the worker's threads.
    multiprocessing.set_start_method("spawn", force=True)
    server = Server(
        "saleor_stripe_audience.wsgi:application",
        address=options.host,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=settings.SERVER_THREADS,
        backlog=1024,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=20,  # seconds; a synchronous webhook may take fifteen
    )
    if options.worker:
        worker = EmbeddedWorker()
        server.on_startup(worker.start)
        server.on_shutdown(worker.stop)
    server.serve()
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
