"""A Stripe account that Stripe does not serve: detected by the first call that fails, and over as soon as one succeeds.

The problem is with the account, not the request: affected work waits in the inbox, or in the catalogue's own list, and
continues when the problem is solved.
"""

from collections.abc import Callable

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from saleor_stripe_audience.errors import Blocked, Failure
from saleor_stripe_audience.gateway import activation, changes
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import engine as inbox

log = structlog.get_logger(__name__)

Listener = Callable[[StripeAccount, Failure], None]
_listeners: list[Listener] = []


def on_trouble(function: Listener) -> Listener:
    """Call the function whenever Stripe refuses to serve an account. It must be harmless to repeat."""
    _listeners.append(function)
    return function


def note(account: StripeAccount, failure: Failure) -> None:
    """If the failure concerns the account, store it, then call the listeners."""
    try:
        if isinstance(failure, Blocked):
            if _has_new_key(account):
                log.info("refused key has already been replaced", account=str(account.pk))
                return
            with transaction.atomic():
                StripeAccount.objects.filter(pk=account.pk, blocked_at=None).update(blocked_at=timezone.now())
        for listener in _listeners:
            listener(account, failure)
    except DatabaseError:
        # The caller needs Stripe's own failure; this is stored at the next call.
        log.exception("account failure not stored", account=str(account.pk), code=failure.code)


def _has_new_key(account: StripeAccount) -> bool:
    """Whether the call used a key that another process has just replaced: then Stripe's response to it is outdated."""
    now = StripeAccount.objects.filter(pk=account.pk).first()
    return now is not None and now.secret_key != account.secret_key


def end(account: StripeAccount) -> None:
    """Record that Stripe serves the account again, and continue what waited for it. Repeating it changes nothing."""
    now = timezone.now()
    with transaction.atomic():
        is_over = StripeAccount.objects.filter(pk=account.pk, blocked_at__isnull=False).update(
            blocked_at=None
        )
        if is_over:
            activation.announce(account, now)
        resumed = inbox.resume(account.pk)
    if resumed:
        log.info("events of the account resumed", account=str(account.pk), events=resumed)
    account.blocked_at = None
    if is_over:
        changes.accounts_changed.send(StripeAccount, installation_id=account.installation_id)
