"""Disconnecting a Stripe account: Stripe sends no more events, and the account gets no new payments."""

import structlog
from django.db import transaction

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import changes, webhook_endpoints
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox import engine as inbox

log = structlog.get_logger(__name__)


def disconnect(account: StripeAccount) -> None:
    """Remove our endpoint at Stripe and free the account's channels. Repeating it changes nothing more.

    `Unavailable` if Stripe does not respond. A key that Stripe no longer accepts, or an endpoint that no longer exists,
    is not an error: there is nothing left to remove.
    """
    if account.webhook_endpoint_id:
        try:
            webhook_endpoints.delete(account, account.webhook_endpoint_id)
        except Rejected as error:
            log.warning("endpoint not removed", account=str(account.pk), code=error.code)
    with transaction.atomic():
        AccountChannel.objects.filter(account=account).delete()
        StripeAccount.objects.filter(pk=account.pk).update(
            state=StripeAccount.State.DISCONNECTED, webhook_endpoint_id="", webhook_secret=""
        )
        inbox.resume(account.pk)  # what needed the account's key no longer waits for a new one
    account.refresh_from_db()
    changes.accounts_changed.send(StripeAccount, installation_id=account.installation_id)
