"""Run tasks, such as handling the events of Saleor and Stripe. Any number of workers may run."""

import argparse
import errno
import signal
import threading
from collections.abc import Sequence

from django.conf import settings
from django.db import connections

from saleor_stripe_audience import metrics
from saleor_stripe_audience.commands import ports
from saleor_stripe_audience.database_causes import explain
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.health import database_problem
from saleor_stripe_audience.inbox.backlog import BacklogMetrics
from saleor_stripe_audience.inbox.pulse import WorkerPulse
from saleor_stripe_audience.payments.tasks import keep_endpoints, reconcile_all
from saleor_stripe_audience.saleor.webhook_sync import sync_all_webhooks
from saleor_stripe_audience.task_engine import AFTER_EVENTS, TaskWorker, enqueue_once

POLL_SECONDS = 0.2  # that a task waits at most for an idle worker
CONCURRENCY = 4
WAIT_SECONDS = 1.0  # between two checks of a database that is not ready


def run(arguments: Sequence[str]) -> int:
    """Run until SIGTERM or Ctrl-C; running tasks are finished first."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience work", description=__doc__)
    parser.add_argument(
        "--concurrency", type=int, default=CONCURRENCY, help="tasks to run at once (default: %(default)s)"
    )
    concurrency = parser.parse_args(arguments).concurrency
    serve_metrics()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    if not _wait_for_migrations(stopped):
        return 0
    worker = make_worker(concurrency)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: worker.request_stop())
    if stopped.is_set():  # between the two
        return 0
    pulse = WorkerPulse()
    pulse.start()
    print("Working.", flush=True)
    try:
        worker.run()
    finally:
        pulse.stop()
    return 0


def _wait_for_migrations(stopped: threading.Event) -> bool:
    """Wait until `serve` or `migrate` has created and migrated the database. False if stopped."""
    shown = ""
    while problem := database_problem(explain):
        if problem != shown:
            print(f"Waiting. {problem}", flush=True)
            shown = problem
        connections.close_all()
        if stopped.wait(WAIT_SECONDS):
            return False
    return True


def serve_metrics() -> None:
    """Serve Prometheus if METRICS_PORT is set; `Rejected` if the port cannot be used."""
    if settings.METRICS_PORT:
        try:
            metrics.serve(settings.METRICS_HOST, settings.METRICS_PORT, BacklogMetrics())
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                host, port = settings.METRICS_HOST, settings.METRICS_PORT
                raise ports.refusal(host, port, "METRICS_PORT", error) from None
            raise Rejected(
                f"Port {settings.METRICS_PORT} for metrics is in use by another process, such as another `serve` or "
                "`work` of this app. One of them serves the metrics of all on this machine: set METRICS_PORT for "
                "that one only, or give each its own.",
                code="port_in_use",
            ) from error
        print(f"Metrics on {settings.METRICS_HOST}:{settings.METRICS_PORT}", flush=True)


def make_worker(concurrency: int) -> TaskWorker:
    """Create the task engine's worker with this product's settings; it runs `concurrency` tasks at once.

    It checks every shop and account at its start: this may be a new version of the app, with other webhooks. The checks
    come after the events that wait, and one that still waits is not added again: a worker that is killed again and
    again must not delay the events.
    """
    for check in (sync_all_webhooks, keep_endpoints, reconcile_all):
        enqueue_once(check, f"start {check.name}", priority=AFTER_EVENTS)
    return TaskWorker(concurrency=concurrency, poll_interval=POLL_SECONDS)
