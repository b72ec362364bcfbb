"""Keeps bulk work below Stripe's rate limits, so that payments of the same account are not refused in the meantime.

Stripe accepts 25 requests a second in test mode and 100 in live mode: https://docs.stripe.com/rate-limits. Some of them
are reserved for payments. The threads of one piece of bulk work share a pace; a call outside `paced` does not wait.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from saleor_stripe_audience.gateway.models import StripeAccount

TEST_RATE, LIVE_RATE = 23, 85  # calls a second


class Pace:
    """Schedules calls, `per_second` of them."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Wait for the next free slot; slots are assigned in order."""
        with self._lock:
            now = time.monotonic()
            mine = max(now, self._next)
            self._next = mine + self._interval
        time.sleep(mine - now)


_pace: ContextVar[Pace | None] = ContextVar("stripe_pace", default=None)


def pace_for(account: StripeAccount) -> Pace:
    """A new pace for bulk work at the account."""
    return Pace(LIVE_RATE if account.livemode else TEST_RATE)


@contextmanager
def paced(pace: Pace) -> Iterator[None]:
    """Make every call to Stripe in this block, in this thread, wait for its slot."""
    token = _pace.set(pace)
    try:
        yield
    finally:
        _pace.reset(token)


def wait() -> None:
    """Wait if this is bulk work."""
    if (pace := _pace.get()) is not None:
        pace.wait()
