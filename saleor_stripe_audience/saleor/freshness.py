"""How old a signed request of Saleor may be.

The signature proves who wrote a body, not when it was sent. A synchronous webhook is answered within 20 seconds or not
at all; Saleor retries only charges, refunds and cancelations, for ten minutes and with an empty body. So a body older
than 15 minutes was not sent by Saleor; that leaves room for a slow clock and for requests that waited in its queue.
Asynchronous events have no limit: Saleor retries them, and lists failed ones for days, with the body of the first
time. They are recognized instead, see `inbox.engine.record`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from saleor_stripe_audience.errors import Rejected

OLDEST = timedelta(minutes=15)
CLOCK_SKEW = timedelta(minutes=5)  # how far Saleor's clock may be ahead of ours


def issued_at(value: Any) -> datetime | None:
    """`issuedAt` of a payload; None if its subscription did not ask for it."""
    try:
        issued = datetime.fromisoformat(value)
        return issued.astimezone(UTC) if issued.tzinfo else issued.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def is_fresh(value: Any) -> bool:
    """Whether the payload may have been sent just now; also True if it has no `issuedAt`."""
    issued, now = issued_at(value), timezone.now()
    return issued is None or now - OLDEST <= issued <= now + CLOCK_SKEW


def check(value: Any) -> None:
    """`Rejected` if the payload is too old, or from the future."""
    if not is_fresh(value):
        raise Rejected(
            "This request is too old to be answered, or the clocks of the shop and the app differ. Please try again.",
            code="not_fresh",
        )
