"""One slow Stripe account must not take every thread: requests for other accounts and health checks get through.

At most 40 % of the server's threads wait for one account; a request beyond that is refused at once, before anything
is done.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from saleor_stripe_audience.errors import Unavailable

SHARE = 0.4
BUSY = "Many payments are waiting for Stripe just now. Nothing was charged; please try again in a moment."

_lock = threading.Lock()
_waiting: Counter[str] = Counter()


def most_waiting() -> int:
    """Return how many threads may wait for one account."""
    return max(1, int(settings.SERVER_THREADS * SHARE))


@contextmanager
def room(secret: str) -> Iterator[None]:
    """Hold one of the account's places during a call to Stripe; `Unavailable` at once if none is free.

    The account is identified by its key, and only the hash of that is stored.
    """
    account = hashlib.sha256(secret.encode()).hexdigest()
    with _lock:
        if _waiting[account] >= most_waiting():
            raise Unavailable(BUSY, code="busy")
        _waiting[account] += 1
    try:
        yield
    finally:
        with _lock:
            _waiting[account] -= 1
            if not _waiting[account]:
                del _waiting[account]
