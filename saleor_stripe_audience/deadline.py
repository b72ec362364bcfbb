"""One deadline for all the network calls of a synchronous webhook.

Saleor waits 2 s for the connection and 18 s for the response; a later response is ignored and the payment is recorded
as failed. So each synchronous webhook has 15 s in total, and every call inside may take what remains.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Unavailable

SYNCHRONOUS_WEBHOOK_SECONDS = 15.0
CALL_SECONDS = 8.0  # the longest that one call may take, with or without a deadline
LEAST_CALL_SECONDS = 0.5  # with less than this left, a call is not started

_ends_at: ContextVar[float | None] = ContextVar("deadline_ends_at", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Everything inside shares `seconds`; an outer, earlier deadline still applies."""
    outer = _ends_at.get()
    ends_at = time.monotonic() + seconds
    token = _ends_at.set(ends_at if outer is None else min(outer, ends_at))
    try:
        yield
    finally:
        _ends_at.reset(token)


def remaining(longest: float = CALL_SECONDS) -> float:
    """Seconds that a network call may take now: at most `longest`, at most what the deadline leaves."""
    ends_at = _ends_at.get()
    return longest if ends_at is None else max(0.0, min(longest, ends_at - time.monotonic()))


def seconds_for_call(longest: float = CALL_SECONDS) -> float:
    """`remaining`, or `Unavailable` if too little is left to start a call."""
    left = remaining(longest)
    if left < LEAST_CALL_SECONDS:
        raise Unavailable(
            pgettext_lazy("staff", "The request timed out. Please try again."),
            code="deadline",
        )
    return left
