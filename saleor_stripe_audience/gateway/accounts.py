"""Which of a shop's Stripe accounts is meant."""

import uuid

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event


def account_for(installation_id: uuid.UUID, channel_slug: str) -> StripeAccount:
    """The account that takes new payments of the channel; `Rejected` when there is none."""
    mapping = (
        AccountChannel.objects.select_related("account")
        .filter(
            installation_id=installation_id,
            channel_slug=channel_slug,
            account__state=StripeAccount.State.CONNECTED,
        )
        .first()
    )
    if mapping is None:
        raise Rejected(
            f"No Stripe account takes payments for the channel “{channel_slug}”. Connect one on the app's page in "
            "Saleor's Dashboard.",
            code="no_account",
        )
    return mapping.account


def accounts_of(installation_id: uuid.UUID) -> list[StripeAccount]:
    """Every account of the shop, connected ones first: an old payment stays with the account that holds it."""
    return list(StripeAccount.objects.filter(installation_id=installation_id).order_by("state", "created_at"))


def account_of(event: Event) -> StripeAccount:
    """The account that an event of the inbox came from."""
    account = StripeAccount.objects.filter(pk=event.origin).first()
    if account is None:
        raise Rejected(
            "The Stripe account of this event is no longer known to the app.", code="unknown_account"
        )
    return account
