"""Whether shoppers can currently pay in each of a shop's channels, and what prevents it, with a message for the
merchant.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments import staff_messages as messages
from saleor_stripe_audience.shops.channels import names_in_order, names_of
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.wording import with_values

Names = Mapping[str, str]  # of channels, by slug


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no one can pay in some channels.

    `code` is one of the constants below; `about` names the account that has to be fixed, if it is one.
    """

    code: str
    channels: tuple[str, ...]
    message: Promise
    about: str = ""


NO_ACCOUNT, PAUSED, TERMS, TEST_ONLY = "no_account", "paused", "terms", "test_only"
KEY, CHARGES, NOT_READY = "key", "charges", "not_ready"


def obstacles(shop: Installation) -> list[Obstacle]:
    """Return everything that keeps the shop's shoppers from paying, according to what is stored here; no requests are
    made.
    """
    channels = list(Channel.objects.filter(installation=shop))
    deleted = {each.slug for each in channels if each.is_deleted}
    mappings = AccountChannel.objects.filter(installation=shop).select_related("account")
    usable = [
        each
        for each in mappings
        if each.account.state == StripeAccount.State.CONNECTED and each.channel_slug not in deleted
    ]
    names = names_of(channels)
    return [
        *_missing_accounts(channels, usable, names),
        *_paused(usable, names),
        *_terms(shop, usable, names),
        *_test_only(usable, names),
        *_accounts(usable),
    ]


def _missing_accounts(
    channels: list[Channel], usable: list[AccountChannel], names: Names
) -> Iterator[Obstacle]:
    mapped = {each.channel_slug for each in usable}
    existing = sorted(each.slug for each in channels if not each.is_deleted)
    if without := tuple(slug for slug in existing if slug not in mapped):
        yield _obstacle(NO_ACCOUNT, without, messages.NO_ACCOUNT, names)


def _paused(usable: list[AccountChannel], names: Names) -> Iterator[Obstacle]:
    if paused := tuple(sorted(each.channel_slug for each in usable if each.is_paused)):
        yield _obstacle(PAUSED, paused, messages.CHANNEL_PAUSED, names)


def _terms(shop: Installation, usable: list[AccountChannel], names: Names) -> Iterator[Obstacle]:
    live = tuple(sorted(each.channel_slug for each in usable if each.account.livemode))
    if live and not terms.are_accepted(shop.pk):
        yield _obstacle(TERMS, live, messages.TERMS, names)


def _test_only(usable: list[AccountChannel], names: Names) -> Iterator[Obstacle]:
    """A shop that takes live payments somewhere is in business: in its other channels, test cards would pass as real
    payments.
    """
    test = tuple(sorted(each.channel_slug for each in usable if not each.account.livemode))
    if test and len(test) < len(usable):
        yield _obstacle(TEST_ONLY, test, messages.TEST_ONLY, names)


def _accounts(usable: list[AccountChannel]) -> Iterator[Obstacle]:
    channels: dict[StripeAccount, list[str]] = {}
    for each in usable:
        channels.setdefault(each.account, []).append(each.channel_slug)
    for account, slugs in channels.items():
        if found := obstacle_of(account):
            code, message = found
            yield Obstacle(code, tuple(sorted(slugs)), message, account.name)


def obstacle_of(account: StripeAccount) -> tuple[str, Promise] | None:
    """Return why the account currently takes no payments, as code and message; None if it takes them."""
    if not account.takes_payments:
        return NOT_READY, with_values(messages.ACCOUNT_NOT_READY, account=account.name)
    if not account.charges_enabled:
        return CHARGES, with_values(messages.ACCOUNT_MAY_NOT_CHARGE, account=account.name)
    if account.blocked_at is not None:
        return KEY, with_values(messages.ACCOUNT_NOT_SERVED, account=account.name)
    return None


def _obstacle(code: str, slugs: tuple[str, ...], message: Promise, names: Names) -> Obstacle:
    listed = ", ".join(names_in_order(names.get(each, each) for each in slugs))
    return Obstacle(code, slugs, with_values(message, channels=listed))
