"""One slow Stripe account must not take every thread: requests for other accounts and health checks get through.

While Stripe responds, an account can use as many threads as it has requests, except for a few that are reserved for
other accounts; further requests wait for a place as long as their deadline allows. Once calls take unusually long,
waiting threads would be missing for the others. Then the account is limited to two fifths of the threads, and further
requests are refused immediately, before anything is done.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from django.conf import settings
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.deadline import LEAST_CALL_SECONDS, SYNCHRONOUS_WEBHOOK_SECONDS, remaining
from saleor_stripe_audience.errors import Unavailable

ALONE = 0.8  # of the threads, while no other account is busy
SHARE = 0.4  # of the threads, while others are busy or the account is slow
SLOW_SECONDS = 2.0  # after which a call shows that the account is slow
BUSY = pgettext_lazy(
    "staff",
    "Many payments are waiting for Stripe at the moment. Nothing was charged; please try again shortly.",
)


@dataclass
class _Account:
    """The calls to one account that are in progress, oldest first, with their start times."""

    free: threading.Condition
    calls: dict[object, float] = field(default_factory=dict)
    waiting: int = 0

    @property
    def slow_at(self) -> float:
        """The time from which the account counts as slow, if its oldest call is still in progress."""
        return next(iter(self.calls.values())) + SLOW_SECONDS if self.calls else float("inf")


_lock = threading.Lock()
_accounts: dict[str, _Account] = {}


def most_waiting(*, alone: bool = True) -> int:
    """Return how many threads may wait for one account."""
    return max(1, int(settings.SERVER_THREADS * (ALONE if alone else SHARE)))


@contextmanager
def room(secret: str) -> Iterator[None]:
    """Hold one of the account's places during a call to Stripe; `Unavailable` if none becomes free in time.

    The account is identified by its key, and only the hash of that is stored.
    """
    name, call = hashlib.sha256(secret.encode()).hexdigest(), object()
    with _lock:
        account = _accounts.setdefault(name, _Account(threading.Condition(_lock)))
        try:
            _wait_for_place(account)
        finally:
            _forget_if_idle(name, account)
        _accounts[name] = account
        account.calls[call] = monotonic()
    try:
        yield
    finally:
        with _lock:
            del account.calls[call]
            account.free.notify()
            _forget_if_idle(name, account)


def _wait_for_place(account: _Account) -> None:
    """Return once there is a place; waiting threads are served in order. `Unavailable` if none becomes free in time."""
    if not account.waiting and len(account.calls) < _most_of(account):
        return
    ends_at = monotonic() + remaining(SYNCHRONOUS_WEBHOOK_SECONDS) - LEAST_CALL_SECONDS
    account.waiting += 1
    try:
        while True:
            now = monotonic()
            if now >= min(ends_at, account.slow_at):
                raise Unavailable(BUSY, code="busy")
            account.free.wait(min(ends_at, account.slow_at) - now)
            if len(account.calls) < _most_of(account):
                return
    finally:
        account.waiting -= 1
        if account.waiting and len(account.calls) < _most_of(account):
            account.free.notify()  # the next one's turn


def _most_of(account: _Account) -> int:
    is_alone = all(each is account or not each.calls for each in _accounts.values())
    return most_waiting(alone=is_alone and monotonic() < account.slow_at)


def _forget_if_idle(name: str, account: _Account) -> None:
    if not account.calls and not account.waiting:
        _accounts.pop(name, None)
