"""Responses stored under their Idempotency-Key, for each account.

Source: "Idempotent requests" and "Advanced error handling": the first response is replayed, even an error;
other parameters or another endpoint under the same key are refused; a key in use gets 409; keys older than 24 hours
may be removed. A request that was refused before its endpoint ran (unknown parameters, no permission) is not stored.
"""

from dataclasses import dataclass, field
from typing import Any

from .errors import Refusal, invalid

LONGEST_KEY = 255
KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Answer:
    """A stored response: the HTTP status, the JSON body, and the id of the request that took effect."""

    status: int
    body: dict[str, Any]
    request_id: str


@dataclass
class _Kept:
    address: str
    params: dict[str, Any]
    since: float
    answer: Answer | None = None


@dataclass
class Answers:
    """The keys of one account. Used under the sandbox's lock."""

    _kept: dict[str, _Kept] = field(default_factory=dict)

    def begin(self, key: str, address: str, params: dict[str, Any], now: float) -> Answer | None:
        """Return the stored response; if it is None, the caller must `finish` or `forget` the key."""
        if len(key) > LONGEST_KEY:
            raise invalid(f"Idempotency keys have at most {LONGEST_KEY} characters.", None)
        kept = self._kept.get(key)
        if kept is None or now - kept.since >= KEPT_SECONDS:
            self._kept[key] = _Kept(address, params, now)
            return None
        _check_same(kept, key, address, params)
        if kept.answer is None:
            raise _in_use(key)
        return kept.answer

    def finish(self, key: str, answer: Answer) -> None:
        """Store the response for the next request with this key."""
        self._kept[key].answer = answer

    def forget_all(self) -> None:
        """Forget every key, as after a day."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept.answer is None}

    def forget(self, key: str) -> None:
        """Free the key: the request did no work."""
        self._kept.pop(key, None)


def _check_same(kept: _Kept, key: str, address: str, params: dict[str, Any]) -> None:
    if kept.address != address:
        problem = f"for the endpoint they were first used for ('{address}' vs '{kept.address}')"
    elif kept.params != params:
        problem = "with the same parameters they were first used with"
    else:
        return
    message = f"Keys for idempotent requests can only be used {problem}. The key is '{key}'."
    raise Refusal(400, "idempotency_error", message)


def _in_use(key: str) -> Refusal:
    message = f"Another request with the idempotency key '{key}' is still in progress. Try again later."
    return Refusal(409, "idempotency_error", message, code="idempotency_key_in_use")
