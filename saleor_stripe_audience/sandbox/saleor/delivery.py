"""Webhook requests as Saleor sends them: headers, signature, time limits, and retries in the background."""

import heapq
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from .ids import global_id
from .signing import SigningKey
from .state import Webhook, next_key, now

CONNECT_SECONDS = 2.0
READ_SECONDS = 18.0
# Seconds before each retry, as observed.
BACKOFF = (10.0, 30.0, 70.0, 150.0, 310.0)


class Sender(Protocol):
    """The details of the shop that its requests contain."""

    version: str
    timeout_scale: float

    @property
    def key(self) -> SigningKey:
        """The current signing key."""

    @property
    def api_url(self) -> str:
        """The address of the API."""

    @property
    def domain(self) -> str:
        """Host and port."""


@dataclass(eq=False)
class Attempt:
    """One request and its result; `status` is None if there was no response at all."""

    status: int | None
    text: str
    seconds: float
    body: bytes
    headers: dict[str, str]
    at: datetime = field(default_factory=now)
    key: str = field(default_factory=next_key)

    @property
    def ok(self) -> bool:
        """Whether Saleor counts it as delivered. A redirect is neither followed nor a success."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def retryable(self) -> bool:
        """Whether Saleor tries again: never after 3xx and 4xx."""
        return self.status is None or self.status >= 500

    def parsed(self) -> Any:
        """The response as JSON, or None if it is not JSON."""
        if self.status is None:
            return None
        try:
            return json.loads(self.text)
        except ValueError:
            return None


@dataclass(eq=False)
class Delivery:
    """One event for one webhook; `event` is its name in upper case, `body` the payload of the first attempt."""

    event: str
    webhook: Webhook
    synchronous: bool
    body: bytes = b""
    status: str = "PENDING"
    attempts: list[Attempt] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    key: str = field(default_factory=next_key)

    type_name = "EventDelivery"

    @property
    def id(self) -> str:
        """The global id."""
        return global_id(self.type_name, self.key)

    @property
    def payload(self) -> dict[str, Any]:
        """The body as the app reads it; empty until it is built."""
        found: dict[str, Any] = json.loads(self.body) if self.body else {}
        return found

    @property
    def last_status(self) -> int | None:
        """The HTTP status of the last attempt."""
        return self.attempts[-1].status if self.attempts else None

    @property
    def answer(self) -> Any:
        """The JSON of the last response."""
        return self.attempts[-1].parsed() if self.attempts else None

    def summary(self) -> dict[str, Any]:
        """Return what the control endpoint shows."""
        tries = [{"status": each.status, "answer": each.text[:2000]} for each in self.attempts]
        return {
            "id": self.id,
            "event": self.event,
            "app": self.webhook.app.identifier,
            "url": self.webhook.target_url,
            "status": self.status,
            "payload": self.payload,
            "attempts": tries,
        }


def headers_for(host: Sender, webhook: Webhook, event: str, body: bytes) -> dict[str, str]:
    """Return the request headers, including their duplicates with X-, as Saleor was recorded sending them."""
    signature = host.key.signature(body)
    named = {"Event": event.lower(), "Domain": host.domain, "Signature": signature}
    return {
        **webhook.custom_headers,
        "Content-Type": "application/json",
        **{f"X-Saleor-{name}": value for name, value in named.items()},
        **{f"Saleor-{name}": value for name, value in named.items()},
        "Saleor-Api-Url": host.api_url,
        **wire_headers(host, webhook.target_url),
    }


def wire_headers(host: Sender, url: str) -> dict[str, str]:
    """Return the headers of all of Saleor's requests. `Host` has no port, because Saleor's IP filter rewrites it."""
    return {"User-Agent": f"Saleor/{host.version}", "Host": urlsplit(url).hostname or ""}


def post(host: Sender, delivery: Delivery, body: bytes) -> Attempt:
    """Send once, without holding the store's lock; the attempt is added to the delivery."""
    headers = headers_for(host, delivery.webhook, delivery.event, body)
    limits = (CONNECT_SECONDS, READ_SECONDS * host.timeout_scale)
    started = time.monotonic()
    status: int | None = None
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                delivery.webhook.target_url,
                data=body,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
            )
        status, text = answer.status_code, answer.text
    except requests.RequestException as error:
        text = str(error)
    attempt = Attempt(status, text, time.monotonic() - started, body, headers)
    delivery.attempts.append(attempt)
    return attempt


type Job = Callable[[int], float | None]


class Background:
    """Runs jobs in threads; a job that returns seconds runs again after them, with the number of runs so far."""

    def __init__(self, workers: int) -> None:
        self._waiting: list[tuple[float, int, int, Job]] = []
        self._running = 0
        self._stopped = False
        self._turn = itertools.count()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        self.failures: list[Exception] = []
        for thread in self._threads:
            thread.start()

    def put(self, job: Job, run: int = 0, delay: float = 0.0) -> None:
        """Run a job, at once or after some seconds."""
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + delay, next(self._turn), run, job))
            self._changed.notify_all()

    def drain(self, timeout: float) -> None:
        """Wait until all jobs are done, including retries; TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._waiting or self._running:
                left = deadline - time.monotonic()
                if left <= 0:
                    count = len(self._waiting) + self._running
                    raise TimeoutError(f"{count} deliveries are still pending after {timeout} s.")
                self._changed.wait(left)

    def stop(self) -> None:
        """Stop the threads; waiting jobs are dropped."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            run, job = taken
            delay: float | None = None
            try:
                delay = job(run)
            except Exception as error:  # noqa: BLE001 - a failing job must not end the thread; its error is kept
                self.failures.append(error)
            self._finish(run, job, delay)

    def _finish(self, run: int, job: Job, delay: float | None) -> None:
        with self._changed:
            self._running -= 1
            if delay is not None and not self._stopped:
                due = time.monotonic() + delay
                heapq.heappush(self._waiting, (due, next(self._turn), run + 1, job))
            self._changed.notify_all()

    def _take(self) -> tuple[int, Job] | None:
        with self._changed:
            while not self._stopped:
                left = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    _, _, run, job = heapq.heappop(self._waiting)
                    self._running += 1
                    return run, job
                self._changed.wait(left)
        return None
