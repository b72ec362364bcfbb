"""What is deleted of payments and Stripe accounts when the shop's data is deleted."""

from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Cursor, Event
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.shops.removal import before_forgetting, on_forget


@before_forgetting
def disconnect_accounts(installation: Installation) -> None:
    """Disconnect the shop's accounts, so that Stripe sends nothing more for the shop."""
    for account in accounts_of(installation.pk):
        disconnect(account)


@on_forget
def forget_payments(installation: Installation) -> None:
    """Delete what the app stores about payments; the payments themselves are in Stripe."""
    accounts = StripeAccount.objects.filter(installation=installation)
    Event.objects.filter(source="stripe", origin__in=accounts.values("pk")).delete()
    Cursor.objects.filter(origin__in=accounts.values("pk")).delete()
    Payment.objects.filter(installation=installation).delete()
    accounts.delete()
