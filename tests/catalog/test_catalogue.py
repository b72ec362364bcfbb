"""Saleor's product events become Products and Prices at Stripe, each once, in any order of arrival."""

import base64
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.catalog import push
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.catalog.rich_text import plain_text
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from tests import recordings
from tests.payments.conftest import (  # noqa: F401 - fixtures
    APP,
    account,
    connect,
    install,
    installation,
    post_signed,
    stripe_sandbox,
    stripe_url,
)

Json = dict[str, Any]
Work = Callable[[], int]
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("account", "stripe_url")]


def listing(amount: float | None = 9.5, channel: str = "default-channel", currency: str = "USD") -> Json:
    price = None if amount is None else {"amount": amount, "currency": currency}
    return {"channel": {"slug": channel, "currencyCode": currency}, "price": price}


def product(*variants: Json, **more: Any) -> Json:
    given = list(variants) or [variant()]
    whole: Json = {"id": "UHJvZHVjdDox", "name": "Tea", "description": None, "media": [], "variants": given}
    return whole | more


def variant(name: str = "Tea", number: int = 1, listings: list[Json] | None = None) -> Json:
    return {
        "id": f"UHJvZHVjdFZhcmlhbnQ6{number}",
        "name": name,
        "sku": f"T-{number}",
        "channelListings": [listing()] if listings is None else listings,
    }


class Shop:
    """Sends events about its products, and reads their Products and Prices from Stripe."""

    def __init__(self, shop: Installation, sandbox: StripeSandbox, work: Work) -> None:
        self.installation, self.sandbox, self.work = shop, sandbox, work

    def send(self, event: str, *, minute: int = 0, work: bool = True, **parts: Any) -> None:
        issued = (BEGIN + timedelta(minutes=minute)).isoformat()
        kind = "".join(part.capitalize() for part in event.split("_"))
        payload = {"__typename": kind, "issuedAt": issued, "recipient": {"id": APP}, **parts}
        answer = post_signed(self.installation, event, json.dumps(payload).encode())
        assert answer.status_code == 200, answer.content
        if work:
            self.work()

    def products(self) -> list[Json]:
        return list(self.sandbox.account.table("product").values())

    def prices(self, *, active: bool = True) -> list[tuple[int, str]]:
        found = self.sandbox.account.table("price").values()
        return sorted((each["unit_amount"], each["currency"]) for each in found if each["active"] is active)


@pytest.fixture
def shop(installation: Installation, stripe_sandbox: StripeSandbox, run_all_tasks: Work) -> Shop:  # noqa: F811 - fixtures
    return Shop(installation, stripe_sandbox, run_all_tasks)


def test_a_variant_is_a_product_with_a_price(shop: Shop) -> None:
    shop.send(
        "product_created", product=product(media=[{"url": "https://img.example.com/t.png", "type": "IMAGE"}])
    )
    (made,) = shop.products()
    assert (made["name"], made["active"], made["images"]) == ("Tea", True, ["https://img.example.com/t.png"])
    assert made["metadata"]["saleor_variant"] == variant()["id"]
    assert shop.prices() == [(950, "usd")]
    (price,) = shop.sandbox.account.table("price").values()
    assert made["default_price"] == price["id"]
    assert CatalogProduct.objects.get().stripe_product_id == made["id"]


def test_several_variants_are_distinguished_by_name(shop: Shop) -> None:
    shop.send("product_created", product=product(variant("Green", 1), variant("Black", 2)))
    assert sorted(each["name"] for each in shop.products()) == ["Tea – Black", "Tea – Green"]


def test_twice_is_once(shop: Shop) -> None:
    for minute in range(3):
        shop.send("product_updated", minute=minute, product=product())
    assert len(shop.products()) == 1
    assert shop.prices() == [(950, "usd")]
    sent = [each.path for each in shop.sandbox.log.entries("POST")]
    assert len([path for path in sent if "/products" in path]) == 1, "made with its default price"
    assert len(sent) == 2, "and the price got its lookup key"


def times(shop: Shop) -> set[datetime]:
    return set(
        CatalogProduct.objects.filter(installation=shop.installation).values_list("issued_at", flat=True)
    )


def test_more_unchanged_variants_need_no_more_statements(shop: Shop) -> None:
    """When a hundred variants change, Saleor sends a hundred events, each with all of them."""
    counts = []
    for minute, number in ((1, 2), (3, 20)):
        whole = product(*(variant(f"No. {each}", each) for each in range(number)))
        shop.send("product_updated", minute=minute, product=whole)
        with CaptureQueriesContext(connection) as made:
            shop.send("product_variant_updated", minute=minute + 1, productVariant={"product": whole})
        counts.append(sum('"catalog_' in each["sql"] for each in made.captured_queries))
        assert times(shop) == {BEGIN + timedelta(minutes=minute + 1)}
    assert counts == [counts[0]] * 2
    assert 0 < counts[0] < 20


def test_unchanged_variants_are_confirmed_in_parts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "CONFIRMED_AT_ONCE", 2)
    variants = [variant(f"No. {each}", each) for each in range(4)]
    below_minimum = variant("Cheap", 9, [listing(), listing(0.3, "channel-pln", "PLN")])
    AccountChannel.objects.create(
        installation=shop.installation, account=StripeAccount.objects.get(), channel_slug="channel-pln"
    )
    for minute in range(2):
        shop.send("product_updated", minute=minute, product=product(*variants, below_minimum))
    assert times(shop) == {BEGIN + timedelta(minutes=1)}
    problems = {each.name: [one["code"] for one in each.problems] for each in CatalogProduct.objects.all()}
    assert problems == {f"Tea – No. {each}": [] for each in range(4)} | {"Tea – Cheap": ["below_minimum"]}


def test_what_was_sent_meanwhile_is_not_confirmed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process sent another version between reading the row and storing the time."""
    shop.send("product_updated", product=product())
    confirm = push._confirm

    def confirm_too_late(*arguments: Any) -> None:
        CatalogProduct.objects.update(sent_hash="of another version")
        confirm(*arguments)

    monkeypatch.setattr(push, "_confirm", confirm_too_late)
    shop.send("product_updated", minute=1, product=product())
    assert times(shop) == {BEGIN}


def test_a_new_name_is_the_same_product(shop: Shop) -> None:
    shop.send("product_created", product=product())
    shop.send("product_updated", minute=1, product=product(name="Best tea"))
    assert [each["name"] for each in shop.products()] == ["Best tea"]


def test_a_new_price_is_a_new_price_and_the_old_one_is_archived(shop: Shop) -> None:
    shop.send("product_created", product=product())
    for minute, amount in enumerate((11, 9.5, 11), start=1):
        shop.send(
            "product_variant_updated",
            minute=minute,
            productVariant={"id": variant()["id"], "product": product(variant(listings=[listing(amount)]))},
        )
        assert shop.prices() == [(int(amount * 100), "usd")]
    assert len(shop.prices(active=False)) == 3
    assert CatalogPrice.objects.filter(is_active=True).count() == 1


def test_each_channel_has_its_price(shop: Shop, account: StripeAccount) -> None:  # noqa: F811 - a fixture
    AccountChannel.objects.create(installation=shop.installation, account=account, channel_slug="japan")
    both = [listing(), listing(1200, "japan", "JPY"), listing(5, "unmapped", "EUR")]
    shop.send("product_created", product=product(variant(listings=both)))
    assert shop.prices() == [(950, "usd"), (1200, "jpy")]
    shop.send("product_updated", minute=1, product=product(variant(listings=[listing()])))
    assert shop.prices() == [(950, "usd")]


@pytest.mark.parametrize("listings", [[], [listing(None)], [listing(0)]])
def test_what_is_not_sold_is_not_made(shop: Shop, listings: list[Json]) -> None:
    shop.send("product_created", product=product(variant(listings=listings)))
    assert shop.products() == []


def test_what_is_sold_no_more_is_archived_and_comes_back(shop: Shop) -> None:
    shop.send("product_created", product=product())
    shop.send("product_updated", minute=1, product=product(variant(listings=[])))
    assert [each["active"] for each in shop.products()] == [False]
    shop.send("product_updated", minute=2, product=product())
    assert [each["active"] for each in shop.products()] == [True]
    assert shop.prices() == [(950, "usd")]


def test_deleted_is_archived_never_deleted(shop: Shop) -> None:
    shop.send("product_created", product=product(variant("Green", 1), variant("Black", 2)))
    shop.send("product_variant_deleted", minute=1, productVariant={"id": variant(number=1)["id"]})
    assert {each["name"]: each["active"] for each in shop.products()} == {
        "Tea – Green": False,
        "Tea – Black": True,
    }
    shop.send("product_deleted", minute=2, product={"id": product()["id"]})
    assert not any(each["active"] for each in shop.products())
    assert not CatalogProduct.objects.filter(is_active=True).exists()


def test_what_is_being_sent_has_not_failed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    states, store = list[str](), push._store

    def look(*arguments: Any) -> None:
        states.extend(CatalogProduct.objects.values_list("state", flat=True))
        store(*arguments)

    monkeypatch.setattr(push, "_store", look)
    shop.send("product_created", product=product())
    assert states == [CatalogProduct.State.SENDING]
    assert CatalogProduct.objects.get().state == CatalogProduct.State.SYNCED


def test_a_late_older_event_changes_nothing(shop: Shop) -> None:
    shop.send("product_updated", minute=5, product=product(name="Newest"))
    shop.send("product_updated", minute=1, product=product(name="Older"))
    assert [each["name"] for each in shop.products()] == ["Newest"]


def test_any_order_ends_the_same(shop: Shop) -> None:
    amounts = [9.5, 10, 11, 12]
    events = [
        (minute, product(variant(listings=[listing(amount)]), name=f"Tea {minute}"))
        for minute, amount in enumerate(amounts)
    ] * 2
    random.Random(3).shuffle(events)
    for minute, product_payload in events:
        shop.send("product_updated", minute=minute, product=product_payload)
    assert [each["name"] for each in shop.products()] == ["Tea 3"]
    assert shop.prices() == [(1200, "usd")]


def test_an_answer_that_was_lost_makes_nothing_twice(shop: Shop) -> None:
    for path in ("POST /v1/products", "POST /v1/prices"):
        shop.sandbox.add_fault(path, drop_connection=True, after_effect=True)
    shop.send("product_created", product=product())
    assert len(shop.products()) == 1
    assert shop.prices() == [(950, "usd")]


def test_stripe_that_is_down_is_asked_again(shop: Shop) -> None:
    shop.sandbox.add_fault("POST /v1/products", status=500, times=4)
    shop.send("product_created", product=product())
    assert len(shop.products()) == 1
    assert Event.objects.get().handled_at is not None


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ({"name": "no id"}, "id"),
        (product(variant(listings=[{"channel": None}])), "channel"),
        (
            product(channelListings=[listing() | {"publishedAt": "9999-12-31T23:59:59-14:00"}]),
            "publishedAt",
        ),
    ],
)
def test_an_unreadable_product_is_given_up_with_the_place(
    shop: Shop, payload: Json | None, place: str
) -> None:
    shop.send("product_created", product=payload)
    handling = Handling.objects.get()
    assert handling.given_up_at is not None
    assert place in handling.reason
    assert shop.products() == []


def test_a_product_that_is_null_is_nothing_to_do(shop: Shop) -> None:
    shop.send("product_created", product=None)
    assert Handling.objects.get().done_at is not None
    assert shop.products() == []


def test_another_shops_products_are_its_own(shop: Shop, run_all_tasks: Work) -> None:
    other = Shop(install("other"), shop.sandbox, run_all_tasks)
    connect(other.installation, "default-channel")
    shop.send("product_created", product=product())
    other.send("product_created", product=product(name="Theirs"))
    other.send("product_deleted", minute=1, product={"id": product()["id"]})
    assert {each["name"]: each["active"] for each in shop.products()} == {"Tea": True, "Theirs": False}


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (None, ""),
        ("plain", "plain"),
        ('{"blocks": [{"data": {"text": "a <b>bold</b> &amp; good tea"}}]}', "a bold & good tea"),
        ('{"blocks": [{"data": {"items": ["one", {"content": "two"}]}}, 7, {}]}', "one\ntwo"),
        ('{"blocks": 7', '{"blocks": 7'),
        ("{}", ""),
        ("null", ""),
        ("[]", ""),
        ('{"time": 1, "version": "2.2"}', ""),
        ("42", "42"),
        ('"Just <b>text</b>"', "Just text"),
        ("for children < 3 years and > 90 cm", "for children < 3 years and > 90 cm"),
        ("Hi<style>p{}</style><script>x()</script><!-- a > b -->!", "Hi!"),
        ('{"blocks": [{"data": {"content": [["a", null], [1, "b"]]}}]}', "a | \n1 | b"),
    ],
)
def test_rich_text_becomes_words(description: str | None, words: str) -> None:
    assert plain_text(description) == words


def test_recorded_deliveries_are_pushed(shop: Shop) -> None:
    deliveries = recordings.lines("deliveries-audience.jsonl")
    payloads = [each for delivery in deliveries if (each := genuine_product(delivery))]
    for minute, payload in enumerate(payloads):
        shop.send("product_updated", minute=minute, product=payload)
    assert not Handling.objects.filter(given_up_at__isnull=False).exists()
    assert payloads


def genuine_product(delivery: Json) -> Json | None:
    """Return the product in a recorded delivery, if it is complete."""
    headers = {name.lower(): value for name, value in delivery["headers"]}
    if headers.get("saleor-event") not in ("product_created", "product_updated"):
        return None
    found: Json = json.loads(base64.b64decode(delivery["body_b64"])).get("product") or {}
    return found if "id" in found else None
