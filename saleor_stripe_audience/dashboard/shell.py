"""The page's empty shell: no data, nothing of any shop, the same for everybody who asks.

Saleor's Dashboard opens it in a frame, and often lives on another origin than the shop's API, which names no
Dashboard. So any page may frame the shell. What is shown inside comes by the token that the frame's parent hands over,
and `access` decides whether that parent is trusted (docs/decisions/0009-dashboard-origins.md).
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation

from saleor_stripe_audience.dashboard.sections import OVERVIEW, SECTIONS, Section

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors http: https:"
)
DOCUMENTS = ("document", "iframe")  # of Sec-Fetch-Dest: what a browser opens, not what a script fetches


def is_document(request: HttpRequest) -> bool:
    """Whether a browser opens the address, as the Dashboard does, and not the shell's own script."""
    if request.method not in ("GET", "HEAD") or "Authorization" in request.headers:
        return False
    return "saleorApiUrl" in request.GET or request.headers.get("Sec-Fetch-Dest") in DOCUMENTS


def show_shell(request: HttpRequest) -> HttpResponse:
    """The shell, which then opens the section that the address names, or the overview."""
    with translation.override(_language(request)):
        context = {
            "root": reverse("dashboard:page"),
            "start": _section_at(request.path).url,
            "theme": "dark" if request.GET.get("theme") == "dark" else "light",
        }
        shown = render(request, "dashboard/shell.html", context)
    shown["Content-Security-Policy"] = POLICY
    return shown


def _section_at(path: str) -> Section:
    return next((each for each in SECTIONS if path.rstrip("/") == each.url), OVERVIEW)


def _language(request: HttpRequest) -> str:
    """The `locale` of the address, such as "fr" or "fr-CA", if the page speaks it; else the browser's."""
    try:
        return translation.get_supported_language_variant(request.GET.get("locale", "").lower())
    except LookupError:
        return translation.get_language_from_request(request)
