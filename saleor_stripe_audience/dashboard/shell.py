"""The page's empty shell: it contains no data and is the same for everyone.

Saleor's Dashboard opens it in a frame, often from another origin than the shop's API, which does not name its
Dashboard. So any page may frame the shell. Its content needs the token that the parent frame sends, and `access`
decides whether that parent is trusted (docs/decisions/0009-dashboard-origins.md).
"""

import base64

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils import translation
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override

from saleor_stripe_audience.dashboard.permissions import missing_permission
from saleor_stripe_audience.dashboard.sections import CONTACTS, OVERVIEW, PAYMENTS, SECTIONS

POLICY = {
    "default-src": CSP.NONE,
    "script-src": CSP.SELF,
    "style-src": CSP.SELF,
    "img-src": [CSP.SELF, "blob:", "https:"],  # of products: chosen here, or as the shop has them
    "connect-src": CSP.SELF,
    "base-uri": CSP.NONE,
    "form-action": CSP.NONE,
    "frame-ancestors": ["http:", "https:"],
}
# Cards on Saleor's own pages. The Dashboard shows them to every staff member, but gives some of them no token.
WIDGETS = {"order_widget": PAYMENTS, "customer_widget": CONTACTS}
# The names of the URLs that a browser may start at: the sections, one row of some, and cards on Saleor's own pages.
PAGES = frozenset(
    {
        "payment",
        "contact",
        "add_contact",
        "record_consent",
        "export_contacts",
        "import_contacts",
        "import_file",
        "product",
        "add_product",
        "edit_product",
        "refresh_products",
        "new_segment",
        "segment",
        "explain_segment",
        "new_audience",
        "audience",
        "move_channel",
        *(each.name for each in SECTIONS),
        *WIDGETS,
    }
)
DOCUMENTS = (
    "document",
    "iframe",
)  # values of Sec-Fetch-Dest: a browser opens these, a script fetches "empty"


def is_document(request: HttpRequest) -> bool:
    """Whether a browser opens the URL, as the Dashboard does, and not the shell's own script."""
    if request.method not in ("GET", "HEAD") or "Authorization" in request.headers:
        return False
    return "saleorApiUrl" in request.GET or request.headers.get("Sec-Fetch-Dest") in DOCUMENTS


@csp_override(POLICY)
def show_shell(request: HttpRequest) -> HttpResponse:
    """The shell, which then opens the section of this URL, or the overview."""
    path, tilde, chosen = request.path.rstrip("/").partition("/~")
    name = _page_at(path)
    query = _read_query(chosen)
    with translation.override(_language(request)):
        context = {
            "root": reverse("dashboard:page"),
            "start": (path if name in PAGES else OVERVIEW.url) + (f"?{query}" if query else ""),
            "is_chosen": bool(tilde),
            "is_widget": name in WIDGETS,
            "languages": [(code, _missing(name, code)) for code, _name in settings.LANGUAGES],
            "theme": "dark" if request.GET.get("theme") == "dark" else "light",
        }
        return render(request, "dashboard/shell.html", context)


def _missing(name: str, language: str) -> str:
    """What readers of the card without its permission see; empty if the page is not a card."""
    if name not in WIDGETS:
        return ""
    with translation.override(language):
        return missing_permission(WIDGETS[name].permission)


def _read_query(chosen: str) -> str:
    """The query that the page's own script wrote into the path; empty if it cannot be read."""
    try:
        text = base64.urlsafe_b64decode(chosen + "=" * (-len(chosen) % 4)).decode("ascii")
    except ValueError:
        return ""
    return QueryDict(text).urlencode()


def _page_at(path: str) -> str:
    """The name of the URL; empty if there is none."""
    try:
        return resolve(path).url_name or ""
    except Resolver404:
        return ""


def _language(request: HttpRequest) -> str:
    """The `locale` of the URL, such as "fr" or "fr-CA", if the page is translated; otherwise the browser's."""
    try:
        return translation.get_supported_language_variant(request.GET.get("locale", "").lower())
    except LookupError:
        return translation.get_language_from_request(request)
