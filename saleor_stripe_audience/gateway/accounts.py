"""Which of a shop's Stripe accounts a payment belongs to."""

import uuid

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import connect, terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.recent import Recent, duplicate
from saleor_stripe_audience.shops.channels import on_rename
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

PAUSED = "Payments are paused at the moment. Please come back a little later."
LONGEST_MESSAGE = 200
NO_ACCOUNT = "no_account"


def account_for(installation_id: uuid.UUID, channel_slug: str) -> StripeAccount:
    """Return the account that takes new payments for the channel; `Rejected` if no account may."""
    mapping = _mapping_of(installation_id, channel_slug)
    account = duplicate(mapping.account)
    if mapping.is_paused:
        values = {"message": mapping.pause_message} if mapping.pause_message else None
        raise Rejected(mapping.pause_message or PAUSED, code="paused", values=values)
    if account.livemode:
        terms.check(installation_id)
    connect.check_ready(account)
    return account


def account_to_show(installation_id: uuid.UUID, channel_slug: str) -> StripeAccount:
    """Return the account whose publishable key the channel's storefront loads, even while no payment may start there.

    A storefront without a key shows a technical error. With the key it starts the payment, and shows the shopper why
    that is refused.
    """
    account = duplicate(_mapping_of(installation_id, channel_slug).account)
    connect.check_ready(account)
    return account


def _mapping_of(installation_id: uuid.UUID, channel_slug: str) -> AccountChannel:
    mapping = _mappings.get((installation_id, channel_slug))
    if mapping is None:
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "No Stripe account accepts payments for the channel “{channel}”. Connect one on the app's "
                    "page in Saleor's Dashboard.",
                ),
                channel=channel_slug,
            ),
            code=NO_ACCOUNT,
        )
    return mapping


def _read_mapping(whose: tuple[uuid.UUID, str]) -> AccountChannel | None:
    installation_id, channel_slug = whose
    return (
        AccountChannel.objects.select_related("account")
        .filter(
            installation_id=installation_id,
            channel_slug=channel_slug,
            account__state=StripeAccount.State.CONNECTED,
        )
        .first()
    )


def _takes_payments(mapping: AccountChannel | None) -> bool:
    return mapping is not None and not mapping.is_paused and mapping.account.takes_payments


_mappings = Recent(_read_mapping, AccountChannel, StripeAccount, is_good=_takes_payments)


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
                channel=channel_slug,
            ),
            code=NO_ACCOUNT,
        )


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
