"""The last resort of every address: what no view has caught is answered with a code and words, not with a 500."""

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
    """Turns a failure that left a view into JSON: 400 for what the caller sent, 503 while the database is away."""

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
    """The failure in the form of the address that was asked; a 503 says when to come again."""
    if request.path in GRAPHQL:
        told = {"message": failure.message, "extensions": {"code": failure.code.upper()}}
        answer = JsonResponse({"errors": [told]}, status=status)
    else:
        answer = JsonResponse({"error": {"code": failure.code, "message": failure.message}}, status=status)
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        answer["Retry-After"] = RETRY_SECONDS
    return answer
