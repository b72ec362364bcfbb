"""One failing row never stops the others: each shop, account or payment is processed, even if another one fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from saleor_stripe_audience.errors import Failure

log = structlog.get_logger(__name__)

UNEXPECTED = "Something unexpected went wrong; the app's log has the details."


@dataclass
class Failures:
    """Messages to show about what failed."""

    messages: list[str] = field(default_factory=list)

    @property
    def any(self) -> bool:
        return bool(self.messages)


@contextmanager
def apart(what: str, **whose: str) -> Iterator[Failures]:
    """Log any failure in the block, and add its message to the yielded value instead of raising it.

    `what` names the work, `whose` the row; both go into the log.
    """
    failures = Failures()
    try:
        yield failures
    except Failure as error:
        log.warning("work failed", work=what, code=error.code, **whose)
        failures.messages.append(error.message)
    except Exception:
        log.exception("work crashed", work=what, **whose)
        failures.messages.append(UNEXPECTED)
