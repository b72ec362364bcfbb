"""One id from the request that came in to the last task that it caused, on every line of the log.

A request is given an id, every event that it writes down keeps it, and the tasks that handle the event speak under it.
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
    """The id under which this thread works; empty outside of requests and tasks."""
    return str(structlog.contextvars.get_contextvars().get("trace", ""))


@contextmanager
def traced(trace: str) -> Iterator[None]:
    """Everything inside is logged under `trace`."""
    with structlog.contextvars.bound_contextvars(trace=trace):
        yield


class TraceMiddleware:
    """Gives every request its id, and tells it in the answer: whoever asks about a request can name it.

    The caller's own id is not taken: it could be anything, also personal.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with traced(new_trace()):
            answer = self._get_response(request)
            answer[HEADER] = current_trace()
            return answer
