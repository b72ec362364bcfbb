"""Announces that an account takes payments from now on, or those of other channels: work that waited for it
continues.
"""

from datetime import datetime

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import engine as inbox

ACTIVATED = "connect.activated"  # an event of our own in the inbox, retried like any other


def announce(account: StripeAccount, at: datetime) -> None:
    """Record the event, in the transaction of the change, so that neither happens without the other."""
    inbox.record("stripe", account.pk, f"{ACTIVATED}:{at.isoformat()}", ACTIVATED, {}, at)
