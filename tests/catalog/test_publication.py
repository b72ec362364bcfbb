"""A variant is active in Stripe while it is published and available for purchase, even if only a date changes that."""

from typing import Any

import pytest

from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from tests.payments.conftest import (  # noqa: F401 - fixtures
    account,
    installation,
    stripe_sandbox,
    stripe_url,
)

from .test_catalogue import Json, Shop, listing, product, shop, variant

__all__ = ["shop"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("account", "stripe_url")]

PAST, FUTURE = "2026-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
State = CatalogProduct.State


def shown(channel: str = "default-channel", currency: str = "USD", **more: Any) -> Json:
    """Return a product's listing in a channel where it has long been sold."""
    whole: Json = {
        "channel": {"slug": channel, "currencyCode": currency},
        "isPublished": True,
        "publishedAt": PAST,
        "isAvailableForPurchase": True,
        "availableForPurchaseAt": PAST,
    }
    return whole | more


@pytest.mark.parametrize(
    "listings",
    [
        [],
        [shown(isPublished=False)],
        [shown(publishedAt=FUTURE)],
        [shown(isAvailableForPurchase=False, availableForPurchaseAt=None)],
        [shown(isAvailableForPurchase=False, availableForPurchaseAt=FUTURE)],
        [shown("elsewhere")],
    ],
)
class TestWhatIsNotSold:
    def test_is_not_made(self, shop: Shop, listings: list[Json]) -> None:
        shop.send("product_created", product=product(channelListings=listings))
        assert shop.products() == []
        row = CatalogProduct.objects.get()
        assert (row.state, row.is_active, row.problems) == (State.NOT_SOLD, False, [])

    def test_is_archived_and_comes_back(self, shop: Shop, listings: list[Json]) -> None:
        shop.send("product_created", product=product(channelListings=[shown()]))
        assert [each["active"] for each in shop.products()] == [True]
        shop.send("product_updated", minute=1, product=product(channelListings=listings))
        assert [each["active"] for each in shop.products()] == [False]
        row = CatalogProduct.objects.get()
        assert (row.state, row.is_active) == (State.ARCHIVED, False)
        shop.send("product_updated", minute=2, product=product(channelListings=[shown()]))
        assert [each["active"] for each in shop.products()] == [True]
        assert CatalogProduct.objects.get().state == State.SYNCED


def test_unpublished_in_one_channel_loses_only_that_price(shop: Shop, account: StripeAccount) -> None:  # noqa: F811
    AccountChannel.objects.create(installation=shop.installation, account=account, channel_slug="japan")
    given = variant(listings=[listing(), listing(1200, "japan", "JPY")])
    both = [shown(), shown("japan", "JPY")]
    shop.send("product_created", product=product(given, channelListings=both))
    assert shop.prices() == [(950, "usd"), (1200, "jpy")]
    both[0] = shown(isPublished=False)
    shop.send("product_updated", minute=1, product=product(given, channelListings=both))
    assert shop.prices() == [(1200, "jpy")]
    assert [each["active"] for each in shop.products()] == [True]


def test_the_next_date_is_known(shop: Shop) -> None:
    shop.send("product_created", product=product(channelListings=[shown(publishedAt=FUTURE)]))
    changes_at = CatalogProduct.objects.get().changes_at
    assert changes_at is not None
    assert changes_at.year == 2999
