"""Which of a shop's Stripe accounts a payment belongs to."""

import uuid
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import changes, connect, terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.recent import Recent, duplicate
from saleor_stripe_audience.shops.channels import name_of, on_rename
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.wording import with_values

PAUSED = "Payments are paused at the moment. Please come back a little later."
LONGEST_MESSAGE = 200
NO_ACCOUNT = "no_account"


def account_for(installation_id: uuid.UUID, channel_slug: str, channel_id: str = "") -> StripeAccount:
    """Return the account that takes new payments for the channel; `Rejected` if no account may."""
    return mapping_for(installation_id, channel_slug, channel_id).account


def mapping_for(installation_id: uuid.UUID, channel_slug: str, channel_id: str = "") -> AccountChannel:
    """Return the account that takes new payments for the channel, and the slug under which the channel is stored.

    `Rejected` if no account may.
    """
    mapping = _mapping_of(installation_id, channel_slug, channel_id)
    account = mapping.account
    if mapping.is_paused:
        values = {"message": mapping.pause_message} if mapping.pause_message else None
        raise Rejected(mapping.pause_message or PAUSED, code="paused", values=values)
    if account.livemode:
        terms.check(installation_id)
    connect.check_ready(account)
    return mapping


def mapping_to_show(installation_id: uuid.UUID, channel_slug: str, channel_id: str = "") -> AccountChannel:
    """Return the account whose publishable key the channel's storefront loads, even while no payment may start there.

    A storefront without a key shows a technical error. With the key it starts the payment, and shows the shopper why
    that is refused.
    """
    mapping = _mapping_of(installation_id, channel_slug, channel_id)
    connect.check_ready(mapping.account)
    return mapping


def _mapping_of(installation_id: uuid.UUID, channel_slug: str, channel_id: str) -> AccountChannel:
    """Return a copy of the cached mapping with a copy of its account: the caller may change them."""
    found = _mappings.get(_Request(installation_id, channel_slug, channel_id)).mapping
    if found is None:
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "No Stripe account accepts payments for the channel “{channel}”. Connect one on the app's "
                    "page in Saleor's Dashboard.",
                ),
                channel=name_of(installation_id, channel_slug),
            ),
            code=NO_ACCOUNT,
        )
    mapping = duplicate(found)
    mapping.account = duplicate(found.account)
    return mapping


class _Request(NamedTuple):
    """A shop's channel as Saleor names it."""

    installation_id: uuid.UUID
    slug: str
    id: str


class _Found(NamedTuple):
    """The mapping of the requested channel, if it has one."""

    request: _Request
    mapping: AccountChannel | None


def _read_mapping(request: _Request) -> _Found:
    """Read the mapping of the channel with this id or, if the id is unknown, with this slug.

    A slug that is stored with another id belonged to another channel, whose account must not be charged.
    """
    mappings = AccountChannel.objects.select_related("account").filter(
        installation_id=request.installation_id, account__state=StripeAccount.State.CONNECTED
    )
    if not request.id:  # Saleor sends none until the shop's webhooks are up to date
        return _Found(request, mappings.filter(channel_slug=request.slug).first())
    channels = Channel.objects.filter(installation_id=request.installation_id)
    stored = Subquery(channels.filter(saleor_id=request.id).values("slug")[:1])
    others = channels.filter(slug=OuterRef("channel_slug")).exclude(saleor_id__in=["", request.id])
    own = mappings.filter(~Exists(others), channel_slug=Coalesce(stored, Value(request.slug)))
    return _Found(request, own.first())


def _takes_payments(found: _Found) -> bool:
    """Only then is it cached; and not if the channel was renamed, because the stored slug is about to change too."""
    mapping = found.mapping
    if mapping is None or mapping.channel_slug != found.request.slug:
        return False
    return not mapping.is_paused and mapping.account.takes_payments


_mappings = Recent(_read_mapping, AccountChannel, Channel, StripeAccount, is_good=_takes_payments)


def known_account(account_id: uuid.UUID) -> StripeAccount | None:
    """Return the account, as it was at most five seconds ago; None if there is none."""
    account = _accounts.get(account_id)
    return duplicate(account) if account is not None else None


def _read_account(account_id: uuid.UUID) -> StripeAccount | None:
    return StripeAccount.objects.filter(pk=account_id).first()


_accounts = Recent(_read_account, StripeAccount)


def pause(installation_id: uuid.UUID, channel_slug: str, message: str = "") -> None:
    """Stop taking new payments for the channel; shoppers see the message. Payments that have started continue.

    `Rejected` when no account takes the channel's payments, or the message is too long.
    """
    _switch(installation_id, channel_slug, is_paused=True, message=message.strip())


def unpause(installation_id: uuid.UUID, channel_slug: str) -> None:
    """Take new payments for the channel again."""
    _switch(installation_id, channel_slug, is_paused=False, message="")


def free_channel(installation_id: uuid.UUID, channel_slug: str) -> None:
    """Take the channel's account away: nobody can pay there any more. Payments that have started continue."""
    mappings = AccountChannel.objects.filter(installation_id=installation_id, channel_slug=channel_slug)
    if mappings.delete()[0]:
        changes.accounts_changed.send(AccountChannel, installation_id=installation_id)


def _switch(installation_id: uuid.UUID, channel_slug: str, *, is_paused: bool, message: str) -> None:
    if len(message) > LONGEST_MESSAGE:
        message_too_long = pgettext_lazy("staff", "The message can have at most {longest} characters.")
        raise Rejected(with_values(message_too_long, longest=LONGEST_MESSAGE), code="message")
    changed = AccountChannel.objects.filter(
        installation_id=installation_id, channel_slug=channel_slug
    ).update(is_paused=is_paused, pause_message=message)
    if not changed:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "No Stripe account accepts payments for the channel “{channel}”."),
                channel=name_of(installation_id, channel_slug),
            ),
            code=NO_ACCOUNT,
        )
    changes.accounts_changed.send(AccountChannel, installation_id=installation_id)


@on_rename
def _follow_channel(installation: Installation, before: str, after: str) -> None:
    """Keep the renamed channel's account, and its pause."""
    mappings = AccountChannel.objects.filter(installation=installation)
    mappings.filter(channel_slug=after).delete()
    mappings.filter(channel_slug=before).update(channel_slug=after)


def accounts_of(installation_id: uuid.UUID) -> list[StripeAccount]:
    """Return every account of the shop, connected ones first: a payment stays with the account that has it."""
    found = StripeAccount.objects.filter(installation_id=installation_id).exclude(
        kind=StripeAccount.Kind.CONNECT, stripe_id=""
    )
    return list(found.order_by("state", "created_at"))


def account_of(event: Event) -> StripeAccount:
    """Return the account that an event in the inbox came from."""
    account = StripeAccount.objects.filter(pk=event.origin).first()
    if account is None:
        raise Rejected(
            pgettext_lazy("staff", "The Stripe account of this event is no longer known to the app."),
            code="unknown_account",
        )
    return account
