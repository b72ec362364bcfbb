"""Serve requests of Saleor and Stripe, and run tasks: a process for each, started by this one."""

import argparse
import gc
import importlib
import multiprocessing
import resource
import sys
from collections.abc import Callable, Sequence

from django.conf import settings
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from saleor_stripe_audience.commands import migrate, ports
from saleor_stripe_audience.commands.server_worker import START_METHOD, WorkerProcess
from saleor_stripe_audience.commands.work import serve_metrics
from saleor_stripe_audience.memory import limit_arenas, return_unused_memory

HEADER_SECONDS = 30  # to send a request's headers, and for a connection to be idle between two requests
MOST_CONNECTIONS = 8192  # open at the same time, including those that never send a whole request
OTHER_FILES = 256  # for the database, calls to Stripe and Saleor, and files
# Granian's own messages, such as that its child died, go to the product's log.
LOGGING = {"handlers": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}}


def run(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. Migrations are applied first."""
    options = _options(arguments)
    address = ports.address_of(options.host)
    ports.check_free(address, settings.PORT, "PORT")
    migrate.apply()
    serve_metrics()
    shown = f"[{address}]" if ":" in address else address
    print(f"Serving {settings.PUBLIC_URL} on {shown}:{settings.PORT}", flush=True)
    print(f"Install the app in Saleor's Dashboard from {settings.PUBLIC_URL}/api/manifest", flush=True)
    multiprocessing.set_start_method(START_METHOD, force=True)
    worker = WorkerProcess() if options.worker else None
    _share_memory()
    if worker is not None:
        worker.start()
    try:
        return _serve(_server(address).serve, worker)
    finally:
        if worker is not None:
            worker.stop()


def _server(address: str) -> MPServer:
    """Return Granian, which serves in a child process."""
    return MPServer(
        "saleor_stripe_audience.asgi:make_application",
        factory=True,
        address=address,
        port=settings.PORT,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        websockets=False,
        workers=1,
        backlog=1024,
        backpressure=_most_connections(),
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=20,  # seconds; a synchronous webhook may take fifteen
    )


def _share_memory() -> None:
    """Load now what both processes need, so that they share it: half the memory, and half the time to start."""
    if START_METHOD != "fork":
        return
    importlib.import_module("saleor_stripe_audience.asgi")
    limit_arenas()
    gc.collect()
    return_unused_memory()
    gc.freeze()  # the collector of a forked process would otherwise write to all of it


def _serve(serve: Callable[[], None], worker: WorkerProcess | None) -> int:
    """Serve, then print why it ended. A child that dies is restarted, unless it dies right after every start."""
    try:
        serve()
    except SystemExit as end:
        print("Stopped: the process that serves requests died again right after it started.", file=sys.stderr)
        return end.code if isinstance(end.code, int) else 1
    if worker is not None and worker.has_died:
        print("Stopped: the process that runs tasks died.", file=sys.stderr)
        return 1
    print("Stopped by a signal.", file=sys.stderr)
    return 0


def _most_connections() -> int:
    """How many clients may be connected; raises the limit of open files for them as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    files = max(soft, wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return min(MOST_CONNECTIONS, max(files - OTHER_FILES, files // 2))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience serve", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (default: all)")  # noqa: S104 - a server's purpose
    parser.add_argument(
        "--no-worker",
        dest="worker",
        action="store_false",
        help="run tasks in `saleor-stripe-audience work` instead",
    )
    return parser.parse_args(arguments)
