"""How old a signed request of the host may be.

The signature proves who wrote a body, not when it was sent. A synchronous webhook is answered within 20 seconds or not
at all; the host repeats only charges, refunds and cancelations, for ten minutes and with an empty body. So what is
older than 15 minutes was not sent by the host, with room for a slow clock and for requests that waited in its queue.
Asynchronous events are not bounded: the host repeats them, and shows us failed ones for days, with the body of the
first time. They are recognized instead, see `inbox.engine.record`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from saleor_stripe_audience.errors import Rejected

OLDEST = timedelta(minutes=15)
CLOCKS_DIFFER = timedelta(minutes=5)  # how far the host's clock may be ahead of ours


def issued_at(told: Any) -> datetime | None:
    """`issuedAt` of a payload; None where its subscription did not ask for it."""
    try:
        issued = datetime.fromisoformat(told)
        return issued.astimezone(UTC) if issued.tzinfo else issued.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def is_fresh(told: Any) -> bool:
    """Whether it may have been sent just now; also where the payload does not say when it was made."""
    issued, now = issued_at(told), timezone.now()
    return issued is None or now - OLDEST <= issued <= now + CLOCKS_DIFFER


def check(told: Any) -> None:
    """`Rejected` for what is too old, or made in the future."""
    if not is_fresh(told):
        raise Rejected(
            "This request is too old to be answered, or the clocks of the shop and the app differ. Please try again.",
            code="not_fresh",
        )
