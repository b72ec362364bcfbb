"""The later of two states of a product stays in Stripe: in any order, in parallel, and after a deletion."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from saleor_stripe_audience.catalog import turns
from saleor_stripe_audience.catalog.models import CatalogProduct, Turn
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import catalogue
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.models import Event, Handling
from tests.payments.conftest import (  # noqa: F401 - fixtures
    account,
    installation,
    stripe_sandbox,
    stripe_url,
)

from .test_catalogue import Json, Shop, listing, product, shop, variant

__all__ = ["shop"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("account", "stripe_url")]

Patch = pytest.MonkeyPatch


class Held:
    """Blocks the first call until it is released, so that another event can overtake it."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real, self.reached, self.go = real, threading.Event(), threading.Event()

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(20)
        return self.real(*arguments, **named)


def work(event_id: int) -> None:
    try:
        inbox.dispatch(event_id)
    except Failure:
        pass  # the engine would retry it
    finally:
        connections.close_all()


def overtake(shop: Shop, held: Held) -> None:
    """Handle the two newest events in parallel; the older one's call reaches Stripe last. Then retry what is open."""
    older, newer = Event.objects.order_by("occurred_at").values_list("pk", flat=True).reverse()[:2][::-1]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(work, older)
        assert held.reached.wait(20)
        second = pool.submit(work, newer)
        threading.Timer(0.4, held.go.set).start()
        first.result()
        second.result()
    shop.work()


@pytest.fixture(autouse=True)
def quick(monkeypatch: Patch) -> None:
    monkeypatch.setattr(turns, "PAUSES", (0.05,) * 60)


def test_parallel_updates_leave_the_newest(shop: Shop, monkeypatch: Patch) -> None:
    shop.send("product_created", product=product())
    held = Held(catalogue.update_product)
    monkeypatch.setattr(catalogue, "update_product", held)
    shop.send("product_updated", minute=1, work=False, product=product(name="Older"))
    newer = product(variant(listings=[listing(12)]), name="Newer")
    shop.send("product_updated", minute=2, work=False, product=newer)
    overtake(shop, held)
    assert [each["name"] for each in shop.products()] == ["Newer"]
    assert shop.prices() == [(1200, "usd")]


def test_parallel_first_events_make_one_product(shop: Shop, monkeypatch: Patch) -> None:
    held = Held(catalogue.create_product)
    monkeypatch.setattr(catalogue, "create_product", held)
    shop.send("product_created", work=False, product=product(name="Older"))
    shop.send("product_updated", minute=1, work=False, product=product(name="Newer"))
    overtake(shop, held)
    assert [each["name"] for each in shop.products()] == ["Newer"]
    assert CatalogProduct.objects.get().name == "Newer"


def test_a_deletion_that_overtakes_a_creation_wins(shop: Shop, monkeypatch: Patch) -> None:
    held = Held(catalogue.create_product)
    monkeypatch.setattr(catalogue, "create_product", held)
    shop.send("product_created", work=False, product=product())
    shop.send("product_deleted", minute=1, work=False, product={"id": product()["id"]})
    overtake(shop, held)
    assert [each["active"] for each in shop.products()] == [False]
    assert not CatalogProduct.objects.filter(is_active=True).exists()


@pytest.mark.parametrize("kind", ["product", "product_variant"])
def test_what_was_deleted_before_it_was_known_is_not_created(shop: Shop, kind: str) -> None:
    gone: Json = {"product": {"id": product()["id"]}, "product_variant": {"id": variant()["id"]}}
    part = "product" if kind == "product" else "productVariant"
    shop.send(f"{kind}_deleted", minute=5, **{part: gone[kind]})
    shop.send("product_created", minute=1, product=product())
    assert shop.products() == []
    assert not Handling.objects.filter(given_up_at__isnull=False).exists()


def test_a_change_back_is_the_latest_state(shop: Shop) -> None:
    """The third state needs no request, because Stripe already has it; the second one is older, and arrives last."""
    shop.send("product_updated", minute=1, product=product(name="First"))
    shop.send("product_updated", minute=3, product=product(name="First"))
    shop.send("product_updated", minute=2, product=product(name="Second"))
    assert [each["name"] for each in shop.products()] == ["First"]


def test_a_killed_process_does_not_block_the_others(
    shop: Shop,
    account: StripeAccount,  # noqa: F811 - a fixture
) -> None:
    whose = {"account": account, "saleor_variant_id": variant()["id"]}
    holder = "00000000-0000-0000-0000-000000000001"
    Turn.objects.create(**whose, holder=holder, until=timezone.now() - timedelta(seconds=1))
    shop.send("product_created", product=product())
    assert [each["name"] for each in shop.products()] == ["Tea"]
    assert not Turn.objects.exists()
