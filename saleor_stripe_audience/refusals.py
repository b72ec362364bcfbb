"""The last resort for every URL: a failure that no view caught gets a code and a message instead of a 500."""

from collections.abc import Callable

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from saleor_stripe_audience.database import failure_of
from saleor_stripe_audience.errors import Failure, Rejected, Unavailable

log = structlog.get_logger(__name__)

RETRY_SECONDS = "5"
GRAPHQL = ("/graphql/", "/storefront/graphql/")


class RefusalMiddleware:
    """Turns a failure of a view into JSON: 400 for an unusable request, 503 while the database is unavailable."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Called by Django; None lets it answer 500."""
        if isinstance(error, RequestDataTooBig):
            return refuse(request, 413, Rejected("The request is larger than 2 MB.", code="too_large"))
        failure = failure_of(error)
        if failure is None:
            return None
        log.warning("request refused", code=failure.code, exc_info=error)
        return refuse(request, 503 if isinstance(failure, Unavailable) else 400, failure)


def refuse(request: HttpRequest, status: int, failure: Failure) -> JsonResponse:
    """The failure in the form of the requested URL; a 503 says when to retry."""
    if request.path in GRAPHQL:
        error = {"message": failure.message, "extensions": {"code": failure.code.upper()}}
        response = JsonResponse({"errors": [error]}, status=status)
    else:
        response = JsonResponse({"error": {"code": failure.code, "message": failure.message}}, status=status)
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        response["Retry-After"] = RETRY_SECONDS
    return response
