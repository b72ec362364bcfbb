"""The calls that send a variant to Stripe: the Product and a Price for each channel, with as few calls as possible.

Less important fields that Stripe refuses are left out and stored as a problem: a bad image or tax code does not keep a
product out of Stripe, and an unknown currency does not affect the others.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.catalog.offers import Wanted, WantedPrice, lookup_key
from saleor_stripe_audience.catalog.payloads import Item, Problem, number_of
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import catalogue
from saleor_stripe_audience.gateway.failures import MISSING, refused_parameter
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.money import Money

DROPPABLE = ("images", "url", "tax_code", "unit_label")
# The problems that only Stripe's response shows.
PROBLEMS = frozenset({*(f"{name}_refused" for name in DROPPABLE), "price_refused", "lookup_key_taken"})

Params = dict[str, Any]
StoreNew = Callable[[str, str, "SentPrice"], None]


@dataclass(frozen=True)
class SentPrice:
    """A Price that Stripe has."""

    stripe_price_id: str
    money: Money
    tax_behavior: str
    lookup_key: str


@dataclass
class Sent:
    """What Stripe now has of one variant, to be stored; without prices it is not sold.

    `refused` are the fields that Stripe did not accept.
    """

    stripe_product_id: str = ""
    prices: dict[str, SentPrice] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    url: str = ""
    refused: set[str] = field(default_factory=set)


def send(
    account: StripeAccount, item: Item, wanted: Wanted, known: CatalogProduct | None, store_new: StoreNew
) -> Sent:
    """Bring the variant in Stripe to the wanted state. `store_new` stores a new Product and its default Price
    immediately.

    Anything that was deleted at Stripe, and a Price that was archived there, is created again.
    """
    if known is None or not known.stripe_product_id:
        return _Sending(account, item, wanted, store_new).create("")
    try:
        return _Sending(account, item, wanted, store_new).change(known)
    except Rejected as error:
        refused = refused_parameter(error)
        if error.code == MISSING and refused in ("id", "product"):
            return _Sending(account, item, wanted, store_new).create(known.stripe_product_id)
        if refused != "default_price" and (error.code != MISSING or refused != "price"):
            raise
        if not _forget_lost_prices(account, known):
            raise
        return _Sending(account, item, wanted, store_new).change(known)


def _forget_lost_prices(account: StripeAccount, known: CatalogProduct) -> bool:
    """Forget the Prices that were archived or deleted at Stripe; returns whether there are any."""
    lost = [
        each.pk
        for each in known.prices.filter(is_active=True)
        if (found := catalogue.fetch_price(account, each.stripe_price_id)) is None or not found.active
    ]
    known.prices.filter(pk__in=lost).update(is_active=False)
    return bool(lost)


def archive(account: StripeAccount, stripe_product_id: str) -> None:
    """Archive the Product; one that was deleted at Stripe needs no archiving."""
    try:
        catalogue.update_product(account, stripe_product_id, {"active": False})
    except Rejected as error:
        if error.code != MISSING:
            raise


class _Sending:
    """One variant on its way to one account."""

    def __init__(self, account: StripeAccount, item: Item, wanted: Wanted, store_new: StoreNew) -> None:
        self.account, self.item, self.store_new = account, item, store_new
        self.wanted = dict(wanted.prices)
        self.url = wanted.url
        self.sent = Sent(problems=list(wanted.problems), url=wanted.url)

    def create(self, replaced: str) -> Sent:
        """Create a Product with its default Price in one call; `replaced` is the id of one that no longer exists in
        Stripe.
        """
        default = self._create_with_default(replaced)
        if default is None:
            return self.sent  # nothing of it is sold
        channel, price_id = default
        wanted = self.wanted.pop(channel)
        new = SentPrice(price_id, wanted.money, wanted.tax_behavior, "")
        self.store_new(self.sent.stripe_product_id, channel, new)
        self._keep(channel, price_id, wanted, self._claim(price_id, channel, wanted))
        for other, price in self.wanted.items():
            self._add_price(other, price)
        return self.sent

    def change(self, known: CatalogProduct) -> Sent:
        """Change the Product that Stripe has. A changed amount is a new Price; then the old one is archived."""
        self.sent.stripe_product_id = known.stripe_product_id
        current = {each.channel_slug: each for each in known.prices.filter(is_active=True)}
        if self.wanted and not known.is_active:
            self._update({"active": True})
        for channel, wanted in self.wanted.items():
            old = current.get(channel)
            if old is not None and _has_no_tax_behavior_yet(old, wanted):
                catalogue.update_price(
                    self.account, old.stripe_price_id, {"tax_behavior": wanted.tax_behavior}
                )
                old.tax_behavior = wanted.tax_behavior
            if old is None or not _is_same(old, wanted):
                self._add_price(channel, wanted)
            elif old.lookup_key == wanted.lookup_key or (old.is_adopted and old.lookup_key):
                self._keep(channel, old.stripe_price_id, wanted, old.lookup_key)
            elif old.lookup_key == (own := self._own_key(channel, wanted)) and not self._is_freed(wanted):
                self._note_taken(channel, wanted, own)
                self._keep(channel, old.stripe_price_id, wanted, own)
            else:
                key = self._claim(old.stripe_price_id, channel, wanted)
                self._keep(channel, old.stripe_price_id, wanted, key)
        if not self.sent.prices:
            self._update({"active": False})
            return self.sent
        # Stripe refuses to archive a default Price, so another one becomes the default first.
        default = next(iter(self.sent.prices.values()))
        self._update({"active": True, "default_price": default.stripe_price_id})
        kept = {each.stripe_price_id for each in self.sent.prices.values()}
        for price in current.values():
            if price.stripe_price_id not in kept:
                catalogue.archive_price(self.account, price.stripe_price_id)
        return self.sent

    def _create_with_default(self, replaced: str) -> tuple[str, str] | None:
        """Return the channel and the id of the default Price: that of the first channel whose price Stripe accepts."""
        described = {name: value for name, value in self._described().items() if value not in ("", [])}
        key = f"product:{self.account.pk}:{self.item.variant_id}:{replaced}"

        def create(params: Params) -> tuple[str, str]:
            return catalogue.create_product(self.account, params, f"{key}:{_hash(params)}")

        for channel, wanted in list(self.wanted.items()):
            price = _amount(wanted) | {"metadata": self._metadata_of_price(channel)}
            try:
                self.sent.stripe_product_id, price_id = self._without_refused(
                    described | {"default_price_data": price}, create
                )
            except Rejected as error:
                if not refused_parameter(error).startswith("default_price_data"):
                    raise
                self._refuse_price(channel, error)
                del self.wanted[channel]
            else:
                return channel, price_id
        return None

    def _update(self, more: Params) -> None:
        """Set all fields; empty ones are unset."""
        described = {name: value if value != [] else "" for name, value in self._described().items()}
        self._without_refused(
            described | more,
            lambda params: catalogue.update_product(self.account, self.sent.stripe_product_id, params),
        )

    def _without_refused[Result](self, params: Params, call: Callable[[Params], Result]) -> Result:
        """Repeat the call without the fields that Stripe refuses, as long as they are optional."""
        while True:
            try:
                return call(params)
            except Rejected as error:
                name = refused_parameter(error).partition("[")[0]
                if name not in DROPPABLE or name not in params:
                    raise
                self._note(Problem(f"{name}_refused", error.message))
                self.sent.refused.add(name)
                params = {other: value for other, value in params.items() if other != name}

    def _described(self) -> Params:
        item = self.item
        described: Params = {
            "name": item.name,
            "description": item.description,
            "images": list(item.images),
            "url": self.url,
            "tax_code": item.tax_code,
            "unit_label": item.unit_label,
            "metadata": {
                "saleor_installation": str(self.account.installation_id),
                "saleor_product": item.product_id,
                "saleor_variant": item.variant_id,
                "sku": item.sku,
                **dict(item.labels),
            },
        }
        return described if item.shippable is None else described | {"shippable": item.shippable}

    def _metadata_of_price(self, channel: str) -> dict[str, str]:
        return {
            "saleor_installation": str(self.account.installation_id),
            "saleor_variant": self.item.variant_id,
            "saleor_channel": channel,
        }

    def _add_price(self, channel: str, wanted: WantedPrice) -> None:
        """Add a Price, or a problem if Stripe refuses it, which does not affect the other channels."""
        # A price that goes up and down again is a new Price each time: the number of earlier ones makes keys unique.
        earlier = self._known_prices().filter(channel_slug=channel).count()
        params = _amount(wanted) | {
            "product": self.sent.stripe_product_id,
            "metadata": self._metadata_of_price(channel),
        }

        def create(more: Params) -> str:
            sent = params | more
            return catalogue.create_price(
                self.account, sent, f"price:{self.account.pk}:{earlier}:{_hash(sent)}"
            )

        try:
            key, price_id = self._with_lookup_key(channel, wanted, create)
        except Rejected as error:
            if refused_parameter(error) not in ("currency", "unit_amount", "tax_behavior"):
                raise
            self._refuse_price(channel, error)
        else:
            self._keep(channel, price_id, wanted, key)

    def _claim(self, price_id: str, channel: str, wanted: WantedPrice) -> str:
        """Give a Price its lookup key; returns the one that it got."""

        def update(params: Params) -> None:
            catalogue.update_price(self.account, price_id, params)

        return self._with_lookup_key(channel, wanted, update)[0]

    def _with_lookup_key[Result](
        self, channel: str, wanted: WantedPrice, call: Callable[[Params], Result]
    ) -> tuple[str, Result]:
        """Call with the readable lookup key; with a longer one if another Price has it and should keep it."""
        key = wanted.lookup_key
        if not self._others_with(key).filter(is_active=True).exists():
            is_ours = self._known_prices().filter(channel_slug=channel, lookup_key=key).exists()
            try:
                return key, call({"lookup_key": key, "transfer_lookup_key": is_ours})
            except Rejected as error:
                if refused_parameter(error) != "lookup_key":
                    raise
                if self._has_left_behind(channel, key):
                    return key, call({"lookup_key": key, "transfer_lookup_key": True})
        own = self._own_key(channel, wanted)
        self._note_taken(channel, wanted, own)
        return own, call({"lookup_key": own, "transfer_lookup_key": True})

    def _others_with(self, key: str) -> QuerySet[CatalogPrice]:
        """The Prices of other variants that have the lookup key, or had it."""
        holders = CatalogPrice.objects.filter(product__account=self.account, lookup_key=key)
        return holders.exclude(product__saleor_variant_id=self.item.variant_id)

    def _is_freed(self, wanted: WantedPrice) -> bool:
        """Whether the readable lookup key belonged to another variant, which is no longer sold or has another SKU."""
        are_sold = set(self._others_with(wanted.lookup_key).values_list("is_active", flat=True))
        if not are_sold:
            return catalogue.price_by_lookup_key(self.account, wanted.lookup_key) is None
        return are_sold == {False}

    def _has_left_behind(self, channel: str, key: str) -> bool:
        """Whether an attempt whose result was lost has the lookup key, or a Price that we no longer use."""
        holder = catalogue.price_by_lookup_key(self.account, key)
        if holder is None:
            return False
        price_id, metadata = holder
        if metadata == self._metadata_of_price(channel):
            return True
        unused = CatalogPrice.objects.filter(product__account=self.account, is_active=False)
        return unused.filter(stripe_price_id=price_id).exists()

    def _own_key(self, channel: str, wanted: WantedPrice) -> str:
        """A key that no other variant of any shop has."""
        more = f"{number_of(self.item.variant_id)}-{str(self.account.installation_id)[:8]}"
        return lookup_key(self.item.lookup_name, channel, wanted.money.currency, more)

    def _note_taken(self, channel: str, wanted: WantedPrice, own: str) -> None:
        taken = wanted.lookup_key
        message = f"Another price has the lookup key {taken}; this one has {own}. Is the SKU used twice?"
        self._note(Problem("lookup_key_taken", message, channel))

    def _known_prices(self) -> Any:
        return CatalogPrice.objects.filter(
            product__account=self.account, product__saleor_variant_id=self.item.variant_id
        )

    def _keep(self, channel: str, price_id: str, wanted: WantedPrice, key: str) -> None:
        self.sent.prices[channel] = SentPrice(price_id, wanted.money, wanted.tax_behavior, key)

    def _refuse_price(self, channel: str, error: Rejected) -> None:
        self._note(Problem("price_refused", error.message, channel))

    def _note(self, problem: Problem) -> None:
        if problem not in self.sent.problems:
            self.sent.problems.append(problem)


def _is_same(old: CatalogPrice, wanted: WantedPrice) -> bool:
    stored = (old.amount_minor, old.currency, old.tax_behavior)
    return stored == (wanted.money.minor, wanted.money.currency, wanted.tax_behavior)


def _has_no_tax_behavior_yet(old: CatalogPrice, wanted: WantedPrice) -> bool:
    """Whether it is a Price made in Stripe without one: it can be set once, and never changed."""
    is_open = old.is_adopted and not old.tax_behavior and bool(wanted.tax_behavior)
    return is_open and (old.amount_minor, old.currency) == (wanted.money.minor, wanted.money.currency)


def _amount(wanted: WantedPrice) -> Params:
    amount = {"currency": wanted.money.currency.lower(), "unit_amount": wanted.money.minor}
    return amount | ({"tax_behavior": wanted.tax_behavior} if wanted.tax_behavior else {})


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]
