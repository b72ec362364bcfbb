"""Limits the page to one of the shop's channels or Stripe accounts, or shows everything.

The choice is part of the URL, as `site`, so a reload or a shared link shows the same.
"""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.shops.channels import in_order
from saleor_stripe_audience.shops.models import Channel, Installation

CHANNEL, ACCOUNT = "channel", "account"


@dataclass(frozen=True, slots=True)
class Site:
    """A channel or an account; `value` is its value in the URL."""

    value: str
    name: str
    channel: Channel | None = None
    account: StripeAccount | None = None

    def payments(self) -> Q:
        """The payments that belong to it."""
        if self.channel is not None:
            return Q(channel_slug=self.channel.slug)
        return Q(account=self.account)


@dataclass(frozen=True, slots=True)
class Sites:
    """The available sites and the chosen one; None means everything."""

    channels: tuple[Site, ...]
    accounts: tuple[Site, ...]
    chosen: Site | None

    @property
    def is_choice(self) -> bool:
        return len(self.channels) + len(self.accounts) > 1

    def within(self, slugs: frozenset[str] | None) -> "Sites":
        """The same without the other channels, for staff who are restricted to these; None for all others."""
        if slugs is None:
            return self
        channels = tuple(
            each for each in self.channels if each.channel is not None and each.channel.slug in slugs
        )
        chosen = self.chosen if self.chosen in (*channels, *self.accounts) else None
        return Sites(channels, self.accounts, chosen)


def accounts_to_choose(shop: Installation) -> list[tuple[str, str]]:
    """Return the keys and names of all accounts that a list can be filtered by."""
    return choices_of(accounts_of(shop.pk))


def choices_of(accounts: list[StripeAccount]) -> list[tuple[str, str]]:
    """Return the keys and names of these accounts."""
    return [(str(each.pk), account_name(each)) for each in accounts]


def audiences_of(shop: Installation, site: Site | None) -> QuerySet[Audience]:
    """The shop's audiences, or the one that the site's channel feeds: contacts belong to no account."""
    own = Audience.objects.filter(installation=shop)
    if site is None or site.channel is None:
        return own
    fed = own.filter(channels__channel=site.channel.slug)
    return fed if fed.exists() else own.filter(is_default=True)


def read_sites(shop: Installation, params: QueryDict) -> Sites:
    """The shop's sites. A site that the shop does not have, such as in an old URL, means everything."""
    own = in_order(Channel.objects.filter(installation=shop))
    channels = tuple(Site(f"{CHANNEL}:{each.slug}", each.name, channel=each) for each in own)
    accounts = tuple(
        Site(f"{ACCOUNT}:{each.pk}", account_name(each), account=each) for each in _with_payments(shop)
    )
    wanted = params.get("site", "")
    return Sites(
        channels, accounts, next((each for each in (*channels, *accounts) if each.value == wanted), None)
    )


def _with_payments(shop: Installation) -> list[StripeAccount]:
    """The connected accounts, and those of the others that have payments to look at."""
    is_over = StripeAccount.State.DISCONNECTED
    used = Payment.objects.filter(account=OuterRef("pk"))
    old = StripeAccount.objects.filter(installation=shop, state=is_over)
    empty = set(old.exclude(Exists(used)).values_list("pk", flat=True))
    return [each for each in accounts_of(shop.pk) if each.pk not in empty]


def account_name(account: StripeAccount) -> str:
    """Return the account's name; it says so if the account is disconnected."""
    if account.state == StripeAccount.State.CONNECTED:
        return account.name
    return f"{account.name} {_('(disconnected)')}"
