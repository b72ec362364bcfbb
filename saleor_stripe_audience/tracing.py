"""One id from a request to the last task that it caused, on every log line.

Every request gets an id; each event that it records stores it, and the tasks that handle the event log with it.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-Id"


def new_trace() -> str:
    return uuid.uuid4().hex[:16]


def current_trace() -> str:
    """The current id; empty outside of requests and tasks."""
    return str(structlog.contextvars.get_contextvars().get("trace", ""))


@contextmanager
def traced(trace: str) -> Iterator[None]:
    """Log everything inside with `trace`."""
    with structlog.contextvars.bound_contextvars(trace=trace):
        yield


class TraceMiddleware:
    """Gives every request its id, which is also in the response, for questions about the request.

    An id from the client is ignored: it could be anything, even personal data.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        trace = new_trace()
        with traced(trace):
            response = self._get_response(request)
        response[HEADER] = trace
        return response
