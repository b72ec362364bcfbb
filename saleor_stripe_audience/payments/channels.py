"""The account of the channel in which Saleor requests a payment; the channel may be new or renamed."""

from collections.abc import Callable
from uuid import UUID

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import accounts
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor.channels import notice_unknown
from saleor_stripe_audience.shops.channels import NamedChannel, known_channels
from saleor_stripe_audience.shops.models import Installation


def find_mapping(
    installation: Installation,
    channel: NamedChannel,
    find: Callable[..., AccountChannel] = accounts.mapping_for,
) -> AccountChannel:
    """Return the channel's account, with the slug under which the channel is stored.

    If no account takes the channel's payments, fetch the shop's channels soon, unless the channel is known.
    """
    try:
        return find(installation.pk, *channel)
    except Rejected as error:
        if error.code == accounts.NO_ACCOUNT:
            notice_unknown(installation.pk, channel)
        raise


def follow_rename(installation_id: UUID, channel: NamedChannel, intent: PaymentIntent) -> None:
    """Fetch the shop's channels soon if the new payment is stored with a slug that the channel no longer has.

    If they have just been fetched, after the payment's slug was read and before the payment was stored, the payment
    follows now. A failure does not change the response to the shopper, whose payment exists by now.
    """
    slug = intent.metadata.get(names.CHANNEL, "")
    if slug == channel.slug:
        return
    with apart("following a renamed channel", payment_intent=intent.id):
        current = known_channels(installation_id).slug_of(channel)
        payments = Payment.objects.filter(installation=installation_id, payment_intent_id=intent.id)
        payments.filter(channel_slug=slug).exclude(channel_slug=current).update(channel_slug=current)
        notice_unknown(installation_id, channel)
