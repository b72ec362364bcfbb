"""Whether a shopper can pay now: every channel of a shop, and what stands in the way, in words for the merchant."""

from collections.abc import Iterator
from dataclasses import dataclass

from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments import staff_messages as words
from saleor_stripe_audience.payments.staff_messages import for_staff
from saleor_stripe_audience.shops.models import Channel, Installation


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why nobody can pay in some channels.

    `code` is one of the constants below; `about` names what is to be put right, where there may be several.
    """

    code: str
    channels: tuple[str, ...]
    message: str
    about: str = ""


NO_ACCOUNT, PAUSED, TERMS, TEST_ONLY = "no_account", "paused", "terms", "test_only"
KEY, CHARGES, NOT_READY = "key", "charges", "not_ready"


def obstacles(shop: Installation) -> list[Obstacle]:
    """Everything that keeps shoppers of the shop from paying, as far as is written down here; nothing is asked."""
    mappings = list(AccountChannel.objects.filter(installation=shop).select_related("account"))
    usable = [each for each in mappings if each.account.state == StripeAccount.State.CONNECTED]
    return [
        *_without_account(shop, usable),
        *_paused(usable),
        *_terms(shop, usable),
        *_test_only(usable),
        *_accounts(usable),
    ]


def _without_account(shop: Installation, usable: list[AccountChannel]) -> Iterator[Obstacle]:
    mapped = {each.channel_slug for each in usable}
    slugs = Channel.objects.filter(installation=shop).order_by("slug").values_list("slug", flat=True)
    if without := tuple(slug for slug in slugs if slug not in mapped):
        yield Obstacle(
            NO_ACCOUNT,
            without,
            for_staff(words.NO_ACCOUNT, channels=_listed(without)),
        )


def _paused(usable: list[AccountChannel]) -> Iterator[Obstacle]:
    for each in usable:
        if each.is_paused:
            yield Obstacle(
                PAUSED,
                (each.channel_slug,),
                for_staff(words.CHANNEL_PAUSED, channels=each.channel_slug),
                each.channel_slug,
            )


def _terms(shop: Installation, usable: list[AccountChannel]) -> Iterator[Obstacle]:
    live = tuple(sorted(each.channel_slug for each in usable if each.account.livemode))
    if live and not terms.are_accepted(shop.pk):
        yield Obstacle(
            TERMS,
            live,
            for_staff(words.TERMS, channels=_listed(live)),
        )


def _test_only(usable: list[AccountChannel]) -> Iterator[Obstacle]:
    """A shop that takes live payments somewhere is open: in its other channels test cards would pass as money."""
    test = tuple(sorted(each.channel_slug for each in usable if not each.account.livemode))
    if test and len(test) < len(usable):
        yield Obstacle(
            TEST_ONLY,
            test,
            for_staff(words.TEST_ONLY, channels=_listed(test)),
        )


def _accounts(usable: list[AccountChannel]) -> Iterator[Obstacle]:
    channels: dict[StripeAccount, list[str]] = {}
    for each in usable:
        channels.setdefault(each.account, []).append(each.channel_slug)
    for account, slugs in channels.items():
        if found := obstacle_of(account):
            code, message = found
            yield Obstacle(code, tuple(sorted(slugs)), message, account.name)


def obstacle_of(account: StripeAccount) -> tuple[str, str] | None:
    """Why the account takes no payments now, as its code and in words; None if it takes them."""
    if not account.takes_payments:
        return NOT_READY, for_staff(words.ACCOUNT_NOT_READY, account=account.name)
    if not account.charges_enabled:
        return CHARGES, for_staff(words.ACCOUNT_MAY_NOT_CHARGE, account=account.name)
    if account.blocked_at is not None:
        return KEY, for_staff(words.ACCOUNT_NOT_SERVED, account=account.name)
    return None


def _listed(slugs: tuple[str, ...]) -> str:
    return ", ".join(slugs)
