"""Which of a variant's prices an account should have now, and why it should not have the others."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from saleor_stripe_audience.catalog.minimums import one_dollar
from saleor_stripe_audience.catalog.payloads import Item, Offer, Problem
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_decimal, smallest_charge

LONGEST_LOOKUP_KEY = 200


@dataclass(frozen=True)
class WantedPrice:
    """What a variant costs in one channel."""

    money: Money
    tax_behavior: str
    lookup_key: str


@dataclass
class Wanted:
    """A variant as an account should have it: its prices by channel, the default one first.

    At `changes_at` the variant starts to be sold in another channel.
    """

    prices: dict[str, WantedPrice] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    changes_at: datetime | None = None
    url: str = ""


def wanted_of(item: Item, channels: Collection[str], currency: str, now: datetime) -> Wanted:
    """Return what the account with these channels should have now; `currency` is the account's own."""
    wanted = Wanted()
    offered = [each for each in item.offers if each.channel in channels]
    for offer in sorted(offered, key=lambda each: (not _is_in(each, currency), each.channel)):
        price = _price(item, offer, wanted.problems)
        if price is None:
            continue
        if offer.is_sold(now):
            wanted.prices[offer.channel] = price
            wanted.url = wanted.url or offer.url
        elif offer.sold_from is not None:
            wanted.changes_at = min(filter(None, (wanted.changes_at, offer.sold_from)))
    if wanted.prices:  # otherwise nothing is sent, so nothing is left out
        wanted.problems[:0] = item.problems
    return wanted


def _is_in(offer: Offer, currency: str) -> bool:
    return offer.price is not None and offer.price.currency.upper() == currency


def _price(item: Item, offer: Offer, problems: list[Problem]) -> WantedPrice | None:
    """Return the price for Stripe; None, with the reason among the problems, if Stripe could never charge it."""
    if offer.sold_from is None:
        return None  # a draft is not a problem
    try:
        money = from_decimal(offer.price.amount, offer.price.currency) if offer.price is not None else None
    except Rejected as error:
        problems.append(Problem("price_invalid", error.message, offer.channel))
        return None
    if money is None:
        problems.append(Problem("no_price", f"The variant has no price in “{offer.channel}”.", offer.channel))
        return None
    if money.is_zero:
        message = f"The variant costs nothing in “{offer.channel}”: this price is not in Stripe."
        problems.append(Problem("price_zero", message, offer.channel))
        return None
    smallest, dollar = smallest_charge(money.currency), one_dollar(money.currency)
    if smallest is not None and money.minor < smallest.minor:
        message = (
            f"{money} is less than the {smallest} that Stripe charges at least: this price is not in Stripe."
        )
        problems.append(Problem("below_minimum", message, offer.channel))
        return None
    if dollar is not None and money.minor < dollar.minor:
        message = f"{money} is less than one US dollar ({dollar}): fees take much of it."
        problems.append(Problem("below_one_dollar", message, offer.channel))
    return WantedPrice(money, offer.tax_behavior, lookup_key(item.lookup_name, offer.channel, money.currency))


def lookup_key(name: str, channel: str, currency: str, more: str = "") -> str:
    """A readable key, such as "LAN-MUG:default-channel:usd"; `more` makes it unique if another Price has it."""
    ending = ":".join(filter(None, (channel, currency.lower(), more)))[: LONGEST_LOOKUP_KEY // 2]
    return f"{name[: LONGEST_LOOKUP_KEY - len(ending) - 1]}:{ending}"
