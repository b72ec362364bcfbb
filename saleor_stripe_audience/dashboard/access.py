"""Who may see a fragment: the Dashboard's token comes with every request, because a frame has no cookies."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.saleor.tokens import DashboardUser, verify_dashboard_token

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponse]


def for_staff(permission: str = "") -> Callable[[View], View]:
    """The view gets the verified user after the request; 401 without one, 403 without the permission."""

    def guard(view: View) -> View:
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, **parts: Any) -> HttpResponse:
            try:
                user = user_of(request)
            except Unavailable as error:
                return _refusal(request, 503, error.message)
            except Rejected as error:
                return _refusal(request, 401, _session_ended(error))
            if permission and not user.may(permission):
                return _refusal(request, 403, _missing(permission))
            return view(request, user, **parts)

        return guarded

    return guard


def user_of(request: HttpRequest) -> DashboardUser:
    """The member of staff that the request's token was made for; `Rejected` when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else ""
    return verify_dashboard_token(request.headers.get("Saleor-Api-Url", ""), given)


def _session_ended(error: Failure) -> str:
    log.info("page refused", code=error.code)
    return _("Your session with Saleor has ended. Open this page again from Saleor's Dashboard.")


def _missing(permission: str) -> str:
    return _(
        "Your staff account lacks the permission %(permission)s, which this part needs. Ask whoever manages "
        "staff in Saleor to grant it."
    ) % {"permission": permission}


def _refusal(request: HttpRequest, status: int, message: str) -> HttpResponse:
    return render(request, "dashboard/refusal.html", {"message": message}, status=status)
