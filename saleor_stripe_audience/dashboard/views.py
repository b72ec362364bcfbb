"""The app's page inside Saleor's Dashboard: an empty shell, then fragments for whoever holds a valid token."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.origins import dashboard_origins
from saleor_stripe_audience.dashboard.overview import checks, first_to_do
from saleor_stripe_audience.dashboard.sections import OVERVIEW, show
from saleor_stripe_audience.saleor.tokens import DashboardUser


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The shell: no data, nothing of the shop. What may frame it and talk to it is said here."""
    origins = dashboard_origins(request.GET.get("saleorApiUrl", ""))
    with translation.override(_language(request)):
        shown = render(
            request, "dashboard/shell.html", {"origins": " ".join(origins), "theme": _theme(request)}
        )
    shown["Content-Security-Policy"] = _policy(origins)
    return shown


@require_safe
@for_staff(OVERVIEW)
def overview(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    found = checks(user.installation)
    return show(request, user, OVERVIEW, checks=found, next=first_to_do(found))


def _policy(origins: tuple[str, ...]) -> str:
    ours = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    return f"{ours}base-uri 'none'; form-action 'none'; frame-ancestors {' '.join(origins) or "'none'"}"


def _language(request: HttpRequest) -> str:
    """The Dashboard's `locale`, such as "fr" or "fr-CA", if the page speaks it; else the browser's."""
    try:
        return translation.get_supported_language_variant(request.GET.get("locale", "").lower())
    except LookupError:
        return translation.get_language_from_request(request)


def _theme(request: HttpRequest) -> str:
    return "dark" if request.GET.get("theme") == "dark" else "light"
