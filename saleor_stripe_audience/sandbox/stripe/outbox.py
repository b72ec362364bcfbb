"""What happens after a response, in separate threads: webhooks, which are sent until they are accepted, and what
Stripe does later.

Source: "Receive Stripe events in your webhook endpoint": delivered at least once, in no guaranteed order, and retried
with increasing pauses until a 2xx.
"""

import heapq
import itertools
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import urllib3

from .state import Account, Json
from .webhooks import listeners, render, signature

MOST_ATTEMPTS = 16
LONGEST_PAUSE_SECONDS = 3600.0
_log = logging.getLogger(__name__)
_WORKERS = 4
_TIMEOUT_SECONDS = 10.0

type Task = Callable[[], float | None]


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver an event: `status` is HTTP's, or None if there was no response."""

    event: str
    kind: str
    url: str
    attempt: int
    status: int | None


class Schedule:
    """Runs tasks when they are due. A task that returns seconds runs again after them; None ends it."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Task]] = []
        self._number = itertools.count()
        self._running = 0
        self._closed = False
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def add(self, task: Task, seconds: float = 0.0) -> None:
        """Run the task after these seconds."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._number), task))
            self._start_threads()
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is due or running; False if that takes longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._running, timeout)

    def close(self) -> None:
        """Run nothing more."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=_TIMEOUT_SECONDS)

    def _start_threads(self) -> None:
        while len(self._threads) < _WORKERS and not self._closed:
            thread = threading.Thread(target=self._work, name="stripe-sandbox-outbox", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            again: float | None = None
            try:
                again = task()
            except Exception:  # noqa: BLE001 - a failing task must not end the thread that runs the others
                _log.exception("The Stripe stand-in failed in a background task")
            self._ended(task, again)

    def _next(self) -> Task | None:
        with self._changed:
            while not self._closed:
                pause = self._due[0][0] - time.monotonic() if self._due else None
                if pause is not None and pause <= 0:
                    self._running += 1
                    return heapq.heappop(self._due)[2]
                self._changed.wait(pause)
        return None

    def _ended(self, task: Task, again: float | None) -> None:
        with self._changed:
            self._running -= 1
            if again is not None and not self._closed:
                heapq.heappush(self._due, (time.monotonic() + again, next(self._number), task))
            self._changed.notify_all()


class Deliveries:
    """Sends events to endpoints. `retry_seconds` is the first pause; each further one is twice as long."""

    def __init__(self, schedule: Schedule, lock: threading.RLock, retry_seconds: float) -> None:
        self.attempts: list[Attempt] = []
        self.losing = False
        self._schedule = schedule
        self._lock = lock
        self._retry_seconds = retry_seconds
        self._http = urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, retries=False, maxsize=_WORKERS)

    def send(self, account: Account, event: Json, endpoint_id: str | None = None) -> int:
        """Deliver to the endpoints that subscribe to the event (or to the one named); returns to how many."""
        endpoints = [] if self.losing else listeners(account, event)
        chosen = [each for each in endpoints if endpoint_id in (None, each[1]["id"])]
        for owner, endpoint in chosen:
            event["pending_webhooks"] += 1
            self._schedule.add(_Delivery(self, account, owner, event, endpoint["id"]))
        return len(chosen)

    def post(self, account: Account, owner: Account, event: Json, endpoint_id: str, attempt: int) -> bool:
        """Make one attempt; return True if there is nothing more to do for this endpoint of the owner."""
        with self._lock:
            endpoint = owner.table("webhook_endpoint").get(endpoint_id)
            if endpoint is None or endpoint["status"] != "enabled":
                return True
            # A Connect endpoint also gets the id of the event's account.
            origin = {} if owner is account else {"account": account.id}
            body = json.dumps({**render(event, endpoint), **origin}, indent=2).encode()
            url, secret = endpoint["url"], owner.secrets[endpoint_id]
        status = self._posted(url, body, secret)
        with self._lock:
            self.attempts.append(Attempt(event["id"], event["type"], url, attempt, status))
        return status is not None and 200 <= status < 300

    def pause(self, attempt: int) -> float | None:
        """Return the seconds until the next attempt, or None to give up."""
        if attempt >= MOST_ATTEMPTS:
            return None
        return min(self._retry_seconds * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)

    def settle(self, event: Json) -> None:
        """Note that one endpoint fewer waits for the event."""
        with self._lock:
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)

    def _posted(self, url: str, body: bytes, secret: str) -> int | None:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (sandbox)",
            # The receiver compares the time with its own clock, so this is not the sandbox's time.
            "Stripe-Signature": signature(secret, body, int(time.time())),
        }
        try:
            return int(self._http.request("POST", url, body=body, headers=headers, redirect=False).status)
        except urllib3.exceptions.HTTPError:
            return None


class _Delivery:
    """One event on its way to one endpoint."""

    def __init__(
        self, deliveries: Deliveries, account: Account, owner: Account, event: Json, endpoint_id: str
    ) -> None:
        self._deliveries = deliveries
        self._account = account
        self._owner = owner
        self._event = event
        self._endpoint_id = endpoint_id
        self._attempt = 0

    def __call__(self) -> float | None:
        self._attempt += 1
        delivery = (self._account, self._owner, self._event, self._endpoint_id, self._attempt)
        if self._deliveries.post(*delivery):
            self._deliveries.settle(self._event)
            return None
        return self._deliveries.pause(self._attempt)
