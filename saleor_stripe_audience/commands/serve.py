"""`serve`: migrations, then requests, with a worker of tasks beside them."""

import argparse
import multiprocessing

from django.conf import settings
from granian.constants import Interfaces
from granian.server import Server

from saleor_stripe_audience.commands import migrate
from saleor_stripe_audience.commands.work import EmbeddedWorker

TASK_THREADS = 2


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; requests and tasks in hand are ended first."""
    migrate.apply()
    # Granian answers in a child process. It is started afresh, not forked, since this process runs threads.
    multiprocessing.set_start_method("spawn", force=True)
    server = Server(
        "saleor_stripe_audience.wsgi:application",
        address=options.host,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        blocking_threads=options.threads,
        workers_kill_timeout=20,  # seconds; a synchronous webhook may take fifteen
        log_dictconfig=settings.LOGGING,
    )
    if not options.no_worker:
        worker = EmbeddedWorker(TASK_THREADS)
        server.on_startup(worker.start)
        server.on_shutdown(worker.stop)
    server.serve()
    return 0
