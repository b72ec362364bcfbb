"""Who may see a section: every request carries the Dashboard's token, because a frame has no cookies."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from saleor_stripe_audience.dashboard.origins import may_use_the_page, readable
from saleor_stripe_audience.dashboard.sections import Section, may_see, refuse, refuse_without
from saleor_stripe_audience.dashboard.shell import is_document, show_shell
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.saleor.staff_channels import ChannelsUnavailable
from saleor_stripe_audience.saleor.tokens import (
    EXPIRED,
    DashboardUser,
    SessionExpired,
    verify_dashboard_token,
)

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponseBase]


def for_staff(section: Section) -> Callable[[View], View]:
    """Pass the verified user to the view, after the request; 401 without a user, 403 without the section's permission.

    A browser that opens the section's URL, as from the Dashboard's deep links, gets the shell, which then fetches the
    section. No cookie is read, so another site cannot act for the user, and CSRF protection is not needed.
    """

    def guard(view: View) -> View:
        @csrf_exempt
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, **parts: Any) -> HttpResponseBase:
            if is_document(request):
                return show_shell(request)
            try:
                user = user_of(request)
            except Unavailable as error:
                log.warning("page not shown", code=error.code)
                return refuse(request, 503, _("Saleor's keys could not be checked. Try again in a minute."))
            except Rejected as error:
                return _refuse_session(request, error)
            origin = request.headers.get("Dashboard-Origin", "")
            if not may_use_the_page(origin):
                log.warning("dashboard origin refused", origin=readable(origin))
                message = _(
                    "This app is not set up for the Dashboard at %(origin)s. Ask the app's operator to add "
                    "this origin to DASHBOARD_ORIGINS."
                )
                return refuse(request, 403, message % {"origin": readable(origin) or "?"})
            if not may_see(user, section):
                return refuse_without(request, section.permission, user)
            return _show(view, request, user, parts)

        return guarded

    return guard


def _show(view: View, request: HttpRequest, user: DashboardUser, parts: dict[str, Any]) -> HttpResponseBase:
    """Return the view's response, or the refusal if it had to ask Saleor for the user's channels, in vain."""
    try:
        return view(request, user, **parts)
    except ChannelsUnavailable as error:
        log.warning("page not shown", code=error.code)
        return refuse(request, 503, str(error.translatable), user)
    except SessionExpired as error:
        return _refuse_session(request, error)


def _refuse_session(request: HttpRequest, error: Rejected) -> HttpResponse:
    log.info("page refused", code=error.code)
    message = _("Your Saleor session has expired. Open this page again from Saleor's Dashboard.")
    refusal = refuse(request, 401, message)
    if error.code == EXPIRED:  # the page then waits for the Dashboard's next token
        refusal["WWW-Authenticate"] = 'Bearer error="invalid_token", error_description="expired"'
    return refusal


def user_of(request: HttpRequest) -> DashboardUser:
    """The staff member that the request's token was issued for; `Rejected` if there is none."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    bearer_token = token.strip() if scheme.lower() == "bearer" else ""
    return verify_dashboard_token(request.headers.get("Saleor-Api-Url", ""), bearer_token)
