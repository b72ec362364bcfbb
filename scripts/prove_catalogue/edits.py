"""Random edits of a catalogue in Saleor and in Stripe, with duplicate and late events and revoked keys between them.

Changes made in Stripe are sometimes applied in Saleor, and otherwise overruled.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.catalog import refresh, sync
from saleor_stripe_audience.catalog.models import Difference
from saleor_stripe_audience.catalog.refresh import Target
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import trouble
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.sandbox.saleor.state import Product, Variant
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY
from saleor_stripe_audience.sandbox.stripe import catalogue as stripes
from scripts.prove_ledger.town import PlayTown

Json = dict[str, Any]

MOST_EDITS = 8
SELDOM = 0.8
OFTEN = 0.6  # staff review changes made in Stripe before the nightly comparison
MOST_PRODUCTS = 15
PRICES = ("0.10", "0.75", "5.00", "12.50", "99.99")


def decided() -> dict[str, int]:
    """Return how many fields of Products were taken over from Stripe, and how many got Saleor's value again."""
    states = {"taken_over": Difference.State.APPLIED, "overruled": Difference.State.OVERRULED}
    return {name: Difference.objects.filter(state=state).count() for name, state in states.items()}


class Catalogue:
    """The products of one shop, in Saleor and in Stripe."""

    def __init__(self, town: PlayTown, chance: random.Random) -> None:
        self.town, self.chance = town, chance
        self.is_dead = False
        self.edits: tuple[Callable[[], None], ...] = (
            self.rename,
            self.change_price,
            self.publish,
            self.unprice,
            self.add_variant,
            self.delete_variant,
            self.vandalize,
            self.archive_in_stripe,
            self.rename_in_stripe,
            self.describe_in_stripe,
            self.change_price_in_stripe,
            self.add_in_stripe,
            self.refresh,
            self.refresh,
            self.kill_key,
            self.deliver_again,
            self.work,
        )

    def play(self) -> list[str]:
        """Make some edits, let both sides settle, and return the differences."""
        for _ in range(self.chance.randint(1, MOST_EDITS)):
            self.chance.choice(self.edits)()
        if self.chance.random() < OFTEN:
            self.work()
            self.refresh()
        self.settle()
        return self.differences()

    def change(self, call: str) -> None:
        """Run a mutation as staff."""
        self.town.shop.gql(f"mutation {{ {call} }}", {}, self.town.shop.staff_token())

    def product(self) -> Product:
        return self.chance.choice(self.town.shop.host.store.products)

    def variant(self) -> Variant:
        return self.chance.choice(list(self.town.shop.host.store.variants()))

    def rename(self) -> None:
        name = f"Name {self.chance.randint(1, 5)}"
        self.change(
            f'productUpdate(id: "{self.product().id}", input: {{name: "{name}"}}) {{ errors {{ code }} }}'
        )

    def change_price(self) -> None:
        variant = self.variant()
        listings = variant.product.channel_listings
        if listings:
            channel, price = self.chance.choice(listings).channel, self.chance.choice(PRICES)
            self.change(
                f'productVariantChannelListingUpdate(id: "{variant.id}", input: [{{channelId: "{channel.id}", '
                f'price: "{price}"}}]) {{ errors {{ code }} }}'
            )

    def publish(self) -> None:
        """Change in one channel whether the product is published or available."""
        channel = self.chance.choice(self.town.shop.host.store.channels)
        field = self.chance.choice(("isPublished", "isAvailableForPurchase"))
        wanted = self.chance.choice(("true", "true", "true", "true", "false"))
        self.change(
            f'productChannelListingUpdate(id: "{self.product().id}", input: {{updateChannels: '
            f'[{{channelId: "{channel.id}", {field}: {wanted}}}]}}) {{ errors {{ code }} }}'
        )

    def unprice(self) -> None:
        """Remove the product, and its prices, from a channel; rarely, because nothing restores all of them."""
        if self.chance.random() < SELDOM:
            return
        channel = self.chance.choice(self.town.shop.host.store.channels)
        self.change(
            f'productChannelListingUpdate(id: "{self.product().id}", input: {{removeChannels: ["{channel.id}"]}}) '
            "{ errors { code } }"
        )

    def add_variant(self) -> None:
        name = f"Variant {self.chance.randint(1, 99)}"
        self.change(
            f'productVariantCreate(input: {{product: "{self.product().id}", name: "{name}", attributes: []}}) '
            "{ errors { code } }"
        )

    def delete_variant(self) -> None:
        variant = self.variant()
        if len(variant.product.variants) > 1:
            self.change(f'productVariantDelete(id: "{variant.id}") {{ errors {{ code }} }}')

    def vandalize(self) -> None:
        """Rename a Product in Stripe."""
        if (found := self._in_stripe()) is not None:
            self.town.stripe.account.table("product")[found]["name"] = "Vandalized"

    def archive_in_stripe(self) -> None:
        if (found := self._in_stripe()) is not None:
            self.town.stripe.account.table("product")[found]["active"] = False

    def ask_stripe(self, act: Callable[..., Json], path: str = "", **params: Any) -> Json:
        """Do something in Stripe's Dashboard, even if the app's key is revoked."""
        town = self.town.stripe
        with town.lock:
            return act(town.call(town.account, params=params, path={"id": path}))

    def rename_in_stripe(self) -> None:
        """Rename the product's part of the name if it has two parts, otherwise the whole name."""
        if (found := self._in_stripe()) is not None:
            name = self.town.stripe.account.table("product")[found]["name"]
            label = name.partition(" – ")[2]
            new = f"Stripe {self.chance.randint(1, 5)}"
            self.ask_stripe(stripes.update_product, found, name=f"{new} – {label}" if label else new)

    def describe_in_stripe(self) -> None:
        if (found := self._in_stripe()) is not None:
            words = f"Described {self.chance.randint(1, 5)} times.\nIn Stripe."
            self.ask_stripe(stripes.update_product, found, description=words)

    def change_price_in_stripe(self) -> None:
        """Make a new Price the default; the previous one stays."""
        if (found := self._in_stripe()) is not None:
            currency, amount = self.chance.choice(("usd", "pln", "eur")), self.chance.choice((20, 450, 1999))
            price = self.ask_stripe(
                stripes.create_price, product=found, currency=currency, unit_amount=amount
            )
            self.ask_stripe(stripes.update_product, found, default_price=price["id"])

    def add_in_stripe(self) -> None:
        """Add a Product of the merchant's, rarely a subscription; a few are enough for a shop."""
        if len(self.town.shop.host.store.products) > MOST_PRODUCTS:
            return
        price: Json = {"currency": self.chance.choice(("usd", "eur")), "unit_amount": 2500}
        if self.chance.random() > SELDOM:
            price["recurring"] = {"interval": "month"}
        self.ask_stripe(
            stripes.create_product,
            name=f"Made in Stripe {self.chance.randint(1, 9)}",
            default_price_data=price,
        )

    def refresh(self) -> None:
        """Refresh from Stripe; staff apply some of the differences, and keep Saleor's value for others."""
        job = refresh.start(self.town.account, "the player")
        has_more = True
        while has_more:
            try:
                has_more = jobs.work_page(job.pk, job.step, enqueues=False)
            except Failure:
                return  # a push is running; a worker would retry
            job.refresh_from_db()
        if job.state != Job.State.DONE:
            return
        found = list(
            refresh.open_differences(self.town.account.installation).select_related("account", "product")
        )
        self.chance.shuffle(found)
        category = self.town.shop.host.store.categories[0].id
        for each in found[: self.chance.randint(0, len(found))]:
            if self.chance.random() < SELDOM:
                refresh.apply(self.town.account.installation, [each], Target(category=category), "the player")
            elif not self.is_dead:
                refresh.keep_saleors(self.town.account.installation, [each], "the player")

    def _in_stripe(self) -> str | None:
        """Return an active Product, or None."""
        products = self.town.stripe.account.table("product").values()
        active: list[str | None] = [each["id"] for each in products if each["active"]]
        return self.chance.choice([*active, None])

    def kill_key(self) -> None:
        self.town.stripe.revoke_key(SECRET_KEY)
        self.is_dead = True

    def deliver_again(self) -> None:
        """Deliver an old event again."""
        sent = [each for each in self.town.shop.deliveries if each.event.startswith("PRODUCT") and each.body]
        if sent:
            self.town.shop.host.send_again(self.chance.choice(sent[-20:]))

    def work(self) -> None:
        """Run everything that is due, between the edits."""
        self.town.shop.drain()
        self.town.work()

    def settle(self) -> None:
        """Restore the key, handle everything, and run the nightly comparison twice."""
        if self.is_dead:
            self.town.stripe.add_key(self.town.stripe.account, SECRET_KEY)
            self.is_dead = False
        trouble.end(StripeAccount.objects.get(pk=self.town.account.pk))
        for _ in range(2):
            self._work_to_the_end()
            for account in sync.usable_accounts():
                sync.start(account, "the player")
        self._work_to_the_end()

    def _work_to_the_end(self) -> None:
        self.town.shop.drain()
        for _ in range(20):
            OxTask.objects.filter(run_after__gt=timezone.now()).update(run_after=timezone.now())
            self.town.work()
            if not OxTask.objects.filter(status=OxTask.Status.READY).exists():
                return
        raise Failure("the tasks do not end")

    def differences(self) -> list[str]:
        """Compare what Saleor sells with what is active in Stripe: names and prices, computed here from both stores."""
        wanted = {
            variant.id: (self._name(variant), prices)
            for variant in self.town.shop.host.store.variants()
            if (prices := self._prices(variant))
        }
        found = self._found()
        return self._unsettled() + [
            f"{each}: wanted {wanted.get(each)}, found {found.get(each)}"
            for each in sorted(wanted.keys() | found.keys())
            if wanted.get(each) != found.get(each)
        ]

    def _unsettled(self) -> list[str]:
        """Return the differences of Saleor's own products that a refresh still shows after everything has settled."""
        job = refresh.start(self.town.account, "the player")
        while jobs.work_page(job.pk, job.step, enqueues=False):
            job.refresh_from_db()
        kinds = (Difference.Kind.CHANGED, Difference.Kind.GONE, Difference.Kind.STRAY)
        left = refresh.open_differences(self.town.account.installation).filter(kind__in=kinds)
        return [f"{each}: Stripe has {each.stripe_value}, Saleor {each.saleor_value}" for each in left]

    def _found(self) -> dict[str, Any]:
        products = self.town.stripe.account.table("product").values()
        prices = self.town.stripe.account.table("price").values()
        active = [each for each in products if each["active"] and "saleor_variant" in each["metadata"]]
        found: dict[str, Any] = {}
        for each in active:
            variant = each["metadata"]["saleor_variant"]
            costs = sorted(
                (price["currency"], price["unit_amount"])
                for price in prices
                if price["product"] == each["id"]
                and price["active"]
                and "saleor_variant" in price["metadata"]  # others are the merchant's
            )
            found[variant] = "twice" if variant in found else (each["name"], costs)
        return found

    def _name(self, variant: Variant) -> str:
        product = variant.product
        label = (variant.sku or "") if variant.name == variant.id else variant.name
        if len(product.variants) == 1 or not label or variant.name == product.name:
            return product.name
        return f"{product.name} – {label}"

    def _prices(self, variant: Variant) -> list[tuple[str, int]]:
        """Return its prices in the channels where it is sold, above Stripe's minimum."""
        soon = timezone.now() + timedelta(seconds=1)
        least = {"USD": Decimal("0.50"), "PLN": Decimal("2.00")}
        found = []
        for listing in variant.channel_listings:
            shown = [each for each in variant.product.channel_listings if each.channel is listing.channel]
            currency = listing.channel.currency_code
            is_sold = any(
                each.is_published
                and (each.published_at is None or each.published_at <= soon)
                and each.available_for_purchase_at is not None
                for each in shown
            )
            if is_sold and listing.price >= least[currency]:
                found.append((currency.lower(), int(listing.price * 100)))
        return sorted(found)
