"""Structured logs: one JSON object a line. Events and ids only; never secrets, never personal data."""

import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from saleor_stripe_audience import without_rich  # noqa: F401  isort:skip - before structlog
import structlog

# Paths that end in a secret; their first part is enough for a log.
_SECRET_PATH = re.compile(
    r"(/audience/(?:confirm|preferences|unsubscribe)/|/api/webhooks/mail/|/dashboard/stripe/)[^\s\"'?#]+"
)
# What any other path may contain, such as a mistyped link: an address, or a secret, which is long and has a capital or
# a digit, and is not a row's id.
_ADDRESS = r"[^/\s]*@[^/\s]*"
_LONG_PART = r"(?=[^/\s]*[A-Z0-9])(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:/|$))[^/\s]{20,}"
_PRIVATE_PART = re.compile(rf"(?<=/)(?:{_ADDRESS}|{_LONG_PART})")

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# One list, however often it is configured: loggers keep the list that they found at their first use.
_PROCESSORS: list[Any] = [*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]


def _exception_without_values(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Log an exception as types and locations: its message may contain personal data or a key."""
    exc_info = event.pop("exc_info", None)
    error = _error_of(exc_info)
    if error is None:
        return event
    frames = traceback.extract_tb(error.__traceback__)
    event["exception"] = [type(each).__name__ for each in _chain(error)]
    event["frames"] = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _without_links(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Cut off secrets in links and URLs: a reader of the log must not be able to use them."""
    cut = {
        name: _SECRET_PATH.sub(r"\1…", value) if isinstance(value, str) else value
        for name, value in event.items()
    }
    if event.get("logger") == "django.request":  # "Not Found: PATH" and the like
        cut["event"] = _PRIVATE_PART.sub("…", str(cut["event"]))
    return cut


def _error_of(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _short(path: str) -> str:
    """The file's path within its package, without the machine's own folders."""
    return path.rpartition("site-packages/")[2].rpartition("saleor_stripe_audience/")[2]


def logging_settings(level: str) -> dict[str, Any]:
    """Django's LOGGING; configures structlog to use it."""
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    final = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _exception_without_values,
        _without_links,
        structlog.processors.JSONRenderer(),
    ]
    formatter = {"()": structlog.stdlib.ProcessorFormatter, "foreign_pre_chain": _SHARED, "processors": final}
    quiet = {name: {"level": "WARNING"} for name in ("django_ox", "django.tasks", "stripe", "urllib3")}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "json"}
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": quiet,
    }
