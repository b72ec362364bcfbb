"""`work`: tasks, in a process of their own or in a thread of `serve`."""

import argparse
import signal
import threading
from types import FrameType

from django_ox.worker import Worker

POLL_SECONDS = 0.1  # a paid order is a contact so soon after the shopper paid


def run(options: argparse.Namespace) -> int:
    """Work tasks until SIGTERM or SIGINT; those in hand are ended first."""
    worker = make_worker(options.threads)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal's handler
        worker.request_stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.run()
    return 0


def make_worker(threads: int) -> Worker:
    """The engine's worker as this product sets it; `threads` tasks are worked at once."""
    return Worker(concurrency=threads, poll_interval=POLL_SECONDS)


class EmbeddedWorker:
    """A worker in a thread, for a process that also does something else."""

    def __init__(self, threads: int) -> None:
        self._worker = make_worker(threads)
        self._thread = threading.Thread(target=self._worker.run, name="tasks")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return once the tasks in hand are ended."""
        self._worker.request_stop()
        if self._thread.is_alive():
            self._thread.join()
