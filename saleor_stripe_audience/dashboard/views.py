"""The app's page inside Saleor's Dashboard: an empty shell, then sections for requests with a valid token."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from saleor_stripe_audience.dashboard.shell import show_shell


@never_cache
@require_safe
def page(request: HttpRequest, rest: str = "") -> HttpResponse:  # noqa: ARG001 - the shell reads the path itself
    """The shell, at the page's own URL and at every deeper one that the Dashboard may request."""
    return show_shell(request)
