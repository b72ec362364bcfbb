"""A shop that refuses the app itself, whatever the request: one problem, until the app is accepted again.

Its events wait in the inbox. They continue when the app is installed again, or when the hourly check finds that its
token is accepted.
"""

import structlog
from django.db import DatabaseError
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.shops import problems, removal
from saleor_stripe_audience.shops.models import Installation, Problem

log = structlog.get_logger(__name__)

APP_UNKNOWN = "token_refused"
PERMISSION_DENIED = "permission_denied"
TOKEN, PERMISSIONS = "token", "permissions"  # the keys of the two problems
TOKEN_MESSAGE = pgettext_lazy(
    "staff",
    "Saleor rejects the app's token: the app was removed or deactivated, or the token was deleted. Activate the app, "
    "or install it again, in Saleor's Dashboard. Its data is kept, and everything that is "
    "waiting then continues automatically.",
)
PERMISSION_MESSAGE = pgettext_lazy(
    "staff",
    "The app needs a permission in Saleor. Grant it in Saleor's Dashboard under Extensions, or remove the app and "
    "install it again; its data is kept.",
)
CODES = {
    APP_UNKNOWN: (TOKEN, TOKEN_MESSAGE),
    PERMISSION_DENIED: (PERMISSIONS, PERMISSION_MESSAGE),
}


def was_reinstalled(installation: Installation) -> bool:
    """Whether the app now has another token than the one that was refused."""
    current = Installation.objects.filter(pk=installation.pk).first()
    return current is not None and current.token != installation.token


def report(installation: Installation, code: str) -> None:
    """Report one problem, at the first call that shows it."""
    key, message = CODES[code]
    try:
        if not Problem.objects.filter(installation=installation, key=key).exists():
            problems.report(installation, key, message)
    except DatabaseError:
        # The caller needs Saleor's own error; the problem is reported at the next call.
        log.exception("problem not reported", installation=str(installation.pk), code=code)


def resolve(installation: Installation) -> None:
    """The shop accepts the app: its waiting events continue. Repeating it changes nothing."""
    if problems.clear(installation, TOKEN):
        removal.announce_return(installation)
    if resumed := inbox.resume(installation.pk):
        log.info("events of the shop resumed", installation=str(installation.pk), events=resumed)
