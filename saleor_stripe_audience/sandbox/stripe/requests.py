"""The log of requests, so that a test can count the calls to Stripe."""

import threading
from dataclasses import dataclass, field
from typing import Any

MOST_KEPT = 20_000


@dataclass
class Logged:
    """One request. `status` is None until there is a response, and if the connection was dropped."""

    method: str
    path: str
    idempotency_key: str | None
    params: dict[str, Any] = field(default_factory=dict)
    account: str | None = None
    request_id: str = ""
    stripe_version: str | None = None
    status: int | None = None
    replayed: bool = False


class RequestLog:
    """The newest requests, oldest first. Safe to use from several threads."""

    def __init__(self) -> None:
        self._entries: list[Logged] = []
        self._lock = threading.Lock()

    def add(self, entry: Logged) -> Logged:
        """Log a request; the entry is completed while it is handled."""
        with self._lock:
            self._entries.append(entry)
            del self._entries[:-MOST_KEPT]
        return entry

    def entries(self, method: str | None = None, path: str | None = None) -> list[Logged]:
        """The requests so far, or those with this method and path."""
        with self._lock:
            return [
                entry
                for entry in self._entries
                if method in (None, entry.method) and path in (None, entry.path)
            ]

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._entries.clear()
