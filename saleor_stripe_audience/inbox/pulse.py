"""Whether a worker is alive: each stores a heartbeat every few seconds, until it ends."""

import os
import platform
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import Error, connection
from django.utils import timezone

from saleor_stripe_audience.inbox.models import Pulse

log = structlog.get_logger(__name__)

WORKER = "worker "
SECONDS = 10.0
DEAD_AFTER = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(days=7)  # a worker that was killed leaves its row


class WorkerPulse:
    """Stores this process's heartbeat from its own thread, while `is_working` and until `stop`."""

    def __init__(self, is_working: Callable[[], bool] = lambda: True) -> None:
        self._is_working = is_working
        self._name = f"{WORKER}{platform.node()[:150]} {os.getpid()}"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The worker ended as intended, so it is not missing."""
        self._stopped.set()
        self._thread.join(SECONDS)

    def _beat(self) -> None:
        try:
            while self._is_working():
                self._write(alive=True)
                if self._stopped.wait(SECONDS):
                    break
            else:
                log.error("the worker of this process has died: restart the process")
            self._write(alive=False)
        finally:
            connection.close()

    def _write(self, *, alive: bool) -> None:
        now = timezone.now()
        mine = Pulse.objects.filter(name=self._name)
        try:
            if alive:
                Pulse.objects.update_or_create(name=self._name, defaults={"at": now})
                Pulse.objects.filter(name__startswith=WORKER, at__lt=now - FORGOTTEN_AFTER).delete()
            else:
                mine.update(at=now - DEAD_AFTER)
        except Error:
            log.warning("pulse not written")
        finally:
            connection.close()


def last_seen_worker() -> datetime | None:
    """When any worker was last alive; None if there never was one."""
    found = Pulse.objects.filter(name__startswith=WORKER).order_by("-at").first()
    return found.at if found is not None else None
