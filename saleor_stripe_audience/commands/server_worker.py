"""The process of `serve` that runs tasks. If it is spawned, it imports this module before Django is set up."""

import multiprocessing
import os
import signal
import sys
import threading

import django

from saleor_stripe_audience.orphans import end_with_parent

STOP_SECONDS = 30
# Forked processes share the memory of what `serve` loaded, and need not load it again. On macOS, the system's libraries
# do not survive a fork.
START_METHOD = "fork" if sys.platform == "linux" else "spawn"


class WorkerProcess:
    """A worker in its own process, started by `serve` as START_METHOD says, and ended with it."""

    def __init__(self) -> None:
        self._process = multiprocessing.Process(target=work_for_server, name="worker")
        self._is_stopping = False
        self.has_died = False

    def start(self) -> None:
        """Start it. If it dies, `serve` stops too: without a worker, every event would be accepted and none handled."""
        self._process.start()
        threading.Thread(target=self._watch, name="worker-watch", daemon=True).start()

    def stop(self) -> None:
        """Finish running tasks. One that takes too long is left to the next worker when its lease expires."""
        self._is_stopping = True
        self._process.terminate()
        self._process.join(STOP_SECONDS)
        self._process.kill()

    def _watch(self) -> None:
        self._process.join()
        if not self._is_stopping:
            self.has_died = True
            os.kill(os.getpid(), signal.SIGTERM)


def work_for_server() -> None:
    """Run tasks until SIGTERM, or until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the server then stops its worker
    django.setup()  # a forked process has done this
    from saleor_stripe_audience.commands.work import CONCURRENCY, make_worker
    from saleor_stripe_audience.inbox.pulse import WorkerPulse

    worker = make_worker(CONCURRENCY)
    signal.signal(signal.SIGTERM, lambda *_: worker.request_stop())
    end_with_parent()
    pulse = WorkerPulse()
    pulse.start()
    try:
        worker.run()
    finally:
        pulse.stop()
