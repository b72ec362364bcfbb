"""Faults on demand: errors, delays, lost responses. Only the sandbox has them."""

import fnmatch
import threading
from typing import Any

from pydantic import BaseModel, ConfigDict

# Bodies of 429: https://docs.stripe.com/rate-limits
LOCK_TIMEOUT: dict[str, Any] = {
    "error": {
        "type": "invalid_request_error",
        "code": "lock_timeout",
        "message": "This object cannot be accessed right now because another API request is accessing it.",
    }
}
RATE_LIMIT: dict[str, Any] = {
    "error": {
        "type": "invalid_request_error",
        "code": "rate_limit",
        "message": "Request rate limit exceeded.",
    }
}
FAILURE: dict[str, Any] = {"error": {"type": "api_error", "message": "An injected failure."}}


class Fault(BaseModel):
    """A fault in the next `times` matching requests.

    `match` is "METHOD /path", where * matches anything. `status` responds with that status and `body`; `garbage`
    responds with 200 and invalid JSON; `drop_connection` closes the connection; `latency_seconds` is a delay before
    the request takes effect. With `after_effect`, the request first takes effect and its response is stored under
    the idempotency key; then the response is delayed or lost. Without status, garbage or drop_connection, the real
    response follows the delay.

    `kept`: Stripe's endpoint itself failed, as with a 500: the response of `status` and `body` is stored under the
    idempotency key and returned to every repeat, whether the request took effect (`after_effect`) or not. Source:
    "Idempotent requests".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: str
    times: int = 1
    status: int | None = None
    body: dict[str, Any] | str | None = None
    headers: dict[str, str] = {}
    latency_seconds: float = 0.0
    drop_connection: bool = False
    garbage: bool = False
    after_effect: bool = False
    kept: bool = False

    @property
    def loses_answer(self) -> bool:
        """Whether the client does not get the real response."""
        return self.drop_connection or self.garbage or self.status is not None

    def fits(self, method: str, path: str) -> bool:
        """Whether it applies to this request."""
        return fnmatch.fnmatchcase(f"{method} {path}", self.match)


class Faults:
    """The pending faults. Safe to use from several threads."""

    def __init__(self) -> None:
        self._waiting: list[list[Any]] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Apply the fault to the next matching requests."""
        with self._lock:
            self._waiting.append([fault, fault.times])

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault for this request, and count it as used once."""
        with self._lock:
            for entry in self._waiting:
                if entry[1] > 0 and entry[0].fits(method, path):
                    entry[1] -= 1
                    found: Fault = entry[0]
                    return found
        return None
