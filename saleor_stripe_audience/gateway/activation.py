"""An account may take payments from now on: what waited for that goes on."""

from datetime import datetime

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import engine as inbox

ACTIVATED = "connect.activated"  # an event of our own in the inbox: whoever waits handles it, however often it is tried


def announce(account: StripeAccount, at: datetime) -> None:
    """Tell whoever waits; in the transaction of the change, so that neither is without the other."""
    inbox.record("stripe", account.pk, f"{ACTIVATED}:{at.isoformat()}", ACTIVATED, {}, at)
