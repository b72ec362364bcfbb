"""What a caller reads when something failed: a message and `extensions.code`, never a text from inside."""

import logging
from types import TracebackType
from typing import Any
from uuid import uuid4

from graphql import GraphQLError

from saleor_stripe_audience.database import failure_of
from saleor_stripe_audience.errors import Failure, Unavailable

logger = logging.getLogger(__name__)

BAD_PAGE = (
    "A page argument is wrong: `first` and `last` are numbers from 0 up to the field's limit (100, "
    "purchases 50), `after` and `before` cursors of the same connection."
)


def formatted(error: GraphQLError) -> dict[str, Any]:
    """The error as the answer holds it. What nobody expected is logged, and only its reference is told."""
    shown = error.formatted
    message, code = _told(error)
    return {**shown, "message": message, "extensions": {"code": code}}


def refusal(message: str, code: str) -> dict[str, Any]:
    """An answer for a request that never reached the schema."""
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def _told(error: GraphQLError) -> tuple[str, str]:
    cause = error.original_error
    if isinstance(cause, Failure):
        return cause.message, (cause.code or _kind(cause)).upper()
    if cause is None or isinstance(cause, GraphQLError):
        return error.message, "GRAPHQL_VALIDATION_FAILED"
    if isinstance(cause, ValueError | TypeError) and _raised_by_paging(cause.__traceback__):
        return BAD_PAGE, "BAD_PAGE"
    failure = failure_of(cause)
    return _unexpected(cause) if failure is None else (failure.message, failure.code.upper())


def _kind(failure: Failure) -> str:
    return "unavailable" if isinstance(failure, Unavailable) else "rejected"


def _raised_by_paging(trace: TracebackType | None) -> bool:
    """Whether the library refused the page arguments; it has no exception of its own for that."""
    last = ""
    while trace is not None:
        last = trace.tb_frame.f_globals.get("__name__", "")
        trace = trace.tb_next
    return last.startswith(("strawberry.relay.", "strawberry_django.relay"))


def _unexpected(cause: Exception) -> tuple[str, str]:
    reference = uuid4().hex[:12]
    logger.error("graphql request failed, reference %s", reference, exc_info=cause)
    return (
        f"Something went wrong on our side. Give this reference when you ask about it: {reference}.",
        "INTERNAL",
    )
