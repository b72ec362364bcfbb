"""Whether shoppers can currently pay in each of a shop's channels, and what prevents it, with a message for the
merchant.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise

from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments import staff_messages as messages
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.wording import with_values


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no one can pay in some channels.

    `code` is one of the constants below; `about` names what has to be fixed, if there may be several.
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
    mappings = list(AccountChannel.objects.filter(installation=shop).select_related("account"))
    usable = [each for each in mappings if each.account.state == StripeAccount.State.CONNECTED]
    return [
        *_missing_accounts(shop, usable),
        *_paused(usable),
        *_terms(shop, usable),
        *_test_only(usable),
        *_accounts(usable),
    ]


def _missing_accounts(shop: Installation, usable: list[AccountChannel]) -> Iterator[Obstacle]:
    mapped = {each.channel_slug for each in usable}
    existing = Channel.objects.filter(installation=shop, is_deleted=False)
    slugs = existing.order_by("slug").values_list("slug", flat=True)
    if without := tuple(slug for slug in slugs if slug not in mapped):
        yield Obstacle(
            NO_ACCOUNT,
            without,
            with_values(messages.NO_ACCOUNT, channels=_join(without)),
        )


def _paused(usable: list[AccountChannel]) -> Iterator[Obstacle]:
    for each in usable:
        if each.is_paused:
            yield Obstacle(
                PAUSED,
                (each.channel_slug,),
                with_values(messages.CHANNEL_PAUSED, channels=each.channel_slug),
                each.channel_slug,
            )


def _terms(shop: Installation, usable: list[AccountChannel]) -> Iterator[Obstacle]:
    live = tuple(sorted(each.channel_slug for each in usable if each.account.livemode))
    if live and not terms.are_accepted(shop.pk):
        yield Obstacle(
            TERMS,
            live,
            with_values(messages.TERMS, channels=_join(live)),
        )


def _test_only(usable: list[AccountChannel]) -> Iterator[Obstacle]:
    """A shop that takes live payments somewhere is in business: in its other channels, test cards would pass as real
    payments.
    """
    test = tuple(sorted(each.channel_slug for each in usable if not each.account.livemode))
    if test and len(test) < len(usable):
        yield Obstacle(
            TEST_ONLY,
            test,
            with_values(messages.TEST_ONLY, channels=_join(test)),
        )


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


def _join(slugs: tuple[str, ...]) -> str:
    return ", ".join(slugs)
