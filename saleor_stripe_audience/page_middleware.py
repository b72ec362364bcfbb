"""Middleware for what people open in a browser. Saleor, Stripe and health checks neither read nor send its headers.

It takes half as long as everything else in a webhook.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils import translation
from django.utils.module_loading import import_string

COMPRESSED = ("/dashboard", "/static/")
FOR_MACHINES = ("/api/webhooks/", "/api/manifest", "/healthz", "/readyz")


class PageMiddleware:
    """Runs the PAGE_MIDDLEWARE for all requests that may come from a browser."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._for_machines = get_response
        self._for_pages = get_response
        for path in reversed(settings.PAGE_MIDDLEWARE):
            self._for_pages = import_string(path)(self._for_pages)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(FOR_MACHINES):
            # As Django's CommonMiddleware, with the one header that matters if a browser shows the response after all.
            response = self._for_machines(request)
            if isinstance(response, HttpResponse):
                response["Content-Length"] = str(len(response.content))
            response["X-Content-Type-Options"] = "nosniff"
            return response
        try:
            return self._for_pages(request)
        finally:
            translation.deactivate()  # the thread's next request may be a machine's


class CompressionMiddleware(GZipMiddleware):
    """Compresses what the Dashboard's page loads. Decision 0019 explains why that reveals no secret (BREACH)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path_info.startswith(COMPRESSED):
            return response
        return super().process_response(request, response)
