"""A shop removes or deactivates the app: its data is kept for a reinstall, and deleted after 30 days.

A deactivated and a removed app look alike to us: the token is refused. So nothing is deleted at once. Within 30 days
a reinstall, a token that is accepted again, or a purchase that reaches us resumes everything.
"""

from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import transaction
from django.tasks import task
from django.utils import timezone

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.inbox.models import Cursor, Event
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

KEPT = timedelta(days=30)

Outside = Callable[[Installation], None]
Forget = Callable[[Installation], None]

Return = Callable[[Installation], None]

_before_forgetting: list[Outside] = []
_forgetting: list[Forget] = []
_returning: list[Return] = []


def before_forgetting(function: Outside) -> Outside:
    """Run the function, with no transaction open, before a shop is forgotten: to clean up at other services.

    It may raise `Unavailable` to be called again the next day; calling it twice must be harmless.
    """
    _before_forgetting.append(function)
    return function


def on_forget(function: Forget) -> Forget:
    """Run the function in the transaction that deletes a shop: it deletes its package's rows of the shop."""
    _forgetting.append(function)
    return function


def on_return(function: Return) -> Return:
    """Run the function when a shop accepts the app again, after a time in which nothing was delivered.

    It must not use the network, because a shopper may be waiting: it enqueues the work that has to be caught up on.
    """
    _returning.append(function)
    return function


def announce_return(installation: Installation) -> None:
    """Call the functions of `on_return`; it is harmless to repeat this."""
    for function in _returning:
        function(installation)


def mark_removed(installation: Installation) -> None:
    """The app was removed or deactivated; repeated calls keep the first time."""
    changed = Installation.objects.filter(pk=installation.pk, removed_at=None).update(
        is_active=False, removed_at=timezone.now()
    )
    if changed:
        log.info("shop removed the app", installation=str(installation.pk))
    installation.refresh_from_db(fields=["is_active", "removed_at"])


def resume(installation: Installation) -> None:
    """The shop has the app after all, or again."""
    if installation.is_active and installation.removed_at is None:
        return
    Installation.objects.filter(pk=installation.pk).update(is_active=True, removed_at=None)
    log.info("shop resumed the app", installation=str(installation.pk))
    announce_return(installation)
    installation.refresh_from_db(fields=["is_active", "removed_at"])


@task
def forget_removed_shops() -> int:
    """Every night: see `forget_removed`."""
    return forget_removed()


def forget_removed() -> int:
    """Delete every shop that removed the app more than 30 days ago; returns how many."""
    due = Installation.objects.filter(is_active=False, removed_at__lt=timezone.now() - KEPT)
    forgotten = 0
    for installation in due:
        with apart("forgetting a shop", installation=str(installation.pk)):
            forgotten += _forget(installation)
    return forgotten


def forget_now(installation: Installation) -> bool:
    """Delete the shop at once, as the operator decided; False if another service could not be cleaned up yet."""
    mark_removed(installation)
    return _forget(installation)


def _forget(installation: Installation) -> bool:
    try:
        for function in _before_forgetting:
            function(installation)
    except Failure as error:
        log.warning("shop not forgotten yet", installation=str(installation.pk), code=error.code)
        return False
    with transaction.atomic():
        locked = Installation.objects.select_for_update().filter(pk=installation.pk, is_active=False).first()
        if locked is None:
            return False
        for function in _forgetting:
            function(locked)
        Event.objects.filter(source="saleor", origin=locked.pk).delete()
        Cursor.objects.filter(origin=locked.pk).delete()
        locked.delete()
    log.info("shop forgotten", installation=str(installation.pk))
    return True
