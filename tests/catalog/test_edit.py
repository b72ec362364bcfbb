"""Staff add and edit products: Saleor is changed first; then the usual push updates Stripe."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from saleor_stripe_audience.catalog import edit
from saleor_stripe_audience.catalog.edit import Changes, Draft, read_image
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.sandbox.saleor.png import square
from saleor_stripe_audience.sandbox.saleor.state import Category, Product, ProductType
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import stripe_sandbox, stripe_url  # noqa: F401 - fixtures
from tests.payments.test_reporting import Town, town

__all__ = ["town"]

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
Work = Callable[[], int]
PNG = square((1, 2, 3), 16)
SVG = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>'


def draft(town: Town, **more: Any) -> Draft:
    given: Json = {
        "title": "Lamp",
        "prices": {"default-channel": Decimal(20)},
        "category": town.shop.host.store.categories[0].id,
    }
    return Draft(**(given | more))


def shop_of(town: Town) -> Installation:
    return town.account.installation


def named(town: Town, name: str) -> Product:
    [found] = [each for each in town.shop.host.store.products if each.name == name]
    return found


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Rejected) as error:
        act()
    assert error.value.message
    return error.value.code


def settle(town: Town, work: Work) -> None:
    town.shop.drain()
    work()


class TestAdding:
    def test_goes_to_saleor_and_from_there_to_stripe(self, town: Town, run_all_tasks: Work) -> None:
        wanted = draft(town, description="Warm.\nBright.", sku="LAMP", image=read_image(PNG))
        added = edit.add(shop_of(town), wanted, "form 1")
        made = named(town, "Lamp")
        assert (made.id, made.variants[0].sku) == (added.product_id, "LAMP")
        assert [each["data"]["text"] for each in json.loads(made.description or "")["blocks"]] == [
            "Warm.",
            "Bright.",
        ]
        assert made.media[0].content == PNG
        # Without any stock, Saleor would not let its orders be fulfilled, and would list it as out of stock.
        assert (made.variants[0].track_inventory, made.variants[0].stock) == (False, 1)
        settle(town, run_all_tasks)
        [row] = CatalogProduct.objects.filter(saleor_variant_id=added.variant_id)
        assert row.state == CatalogProduct.State.SYNCED
        product = town.stripe.account.table("product")[row.stripe_product_id]
        assert (product["name"], product["description"]) == ("Lamp", "Warm.\nBright.")
        price = town.stripe.account.table("price")[product["default_price"]]
        assert (price["unit_amount"], price["lookup_key"]) == (2000, "LAMP:default-channel:usd")

    def test_twice_is_once(self, town: Town) -> None:
        first = edit.add(shop_of(town), draft(town, image=read_image(PNG)), "form 1")
        assert edit.add(shop_of(town), draft(town, image=read_image(PNG)), "form 1") == first
        made = named(town, "Lamp")
        assert (len(made.variants), len(made.media), len(made.channel_listings)) == (1, 1, 1)
        assert edit.add(shop_of(town), draft(town), "form 2") != first

    def test_continues_where_an_attempt_ended(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("saleor_stripe_audience.saleor.products.create_variant", _fail)
            with pytest.raises(OSError, match="killed"):
                edit.add(shop_of(town), draft(town), "form 1")
        edit.add(shop_of(town), draft(town), "form 1")
        assert len(named(town, "Lamp").variants[0].channel_listings) == 1

    def test_needs_no_stripe(self, town: Town, run_all_tasks: Work) -> None:
        AccountChannel.objects.all().delete()
        edit.add(shop_of(town), draft(town), "form 1")
        settle(town, run_all_tasks)
        assert named(town, "Lamp").variants
        assert town.stripe.account.table("product") == {}

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"title": " \n"}, "title_missing"),
            ({"title": "x" * 251}, "title_long"),
            ({"description": "x" * 20_001}, "description_long"),
            ({"sku": "x" * 256}, "sku"),
            ({"prices": {}}, "price"),
            ({"prices": {"nowhere": Decimal(5)}}, "channel"),
            ({"prices": {"default-channel": Decimal("0.99")}}, "price_too_small"),
            ({"prices": {"default-channel": Decimal(0)}}, "price_too_small"),
            ({"prices": {"default-channel": Decimal(-5)}}, "price"),
            ({"prices": {"default-channel": Decimal("1.005")}}, "price"),
            ({"prices": {"default-channel": Decimal("NaN")}}, "price"),
            ({"prices": {"default-channel": Decimal(10_000_000)}}, "price"),
            ({"prices": {"channel-pln": Decimal("3.96")}}, "price_too_small"),
            ({"category": ""}, "category"),
            ({"category": "Q2F0ZWdvcnk6OTk5"}, "category"),
            ({"product_type": "UHJvZHVjdFR5cGU6OTk5"}, "product_type"),
        ],
    )
    def test_of_bad_input_adds_nothing(self, town: Town, more: Json, code: str) -> None:
        before = len(town.shop.host.store.products)
        assert refused(lambda: edit.add(shop_of(town), draft(town, **more), "form 1")) == code
        assert len(town.shop.host.store.products) == before

    @pytest.mark.parametrize("key", ["", "x" * 101])
    def test_needs_a_key(self, town: Town, key: str) -> None:
        assert refused(lambda: edit.add(shop_of(town), draft(town), key)) == "product_key"

    def test_a_sku_of_another_product_is_refused_by_saleor(self, town: Town) -> None:
        assert (
            refused(lambda: edit.add(shop_of(town), draft(town, sku="LAN-MUG"), "form 1"))
            == "product_refused"
        )

    def test_an_image_that_saleor_cannot_fetch_keeps_out_no_product(self, town: Town) -> None:
        urls = ("https://img.example.com/bomb.svg", "https://img.example.com/good.png")
        added = edit.add(shop_of(town), draft(town, image_urls=urls), "form 1")
        assert [each.code for each in added.refused_images] == ["product_refused"]
        assert [each.source for each in named(town, "Lamp").media] == ["https://img.example.com/good.png"]

    def test_a_shop_without_product_types_or_channels(self, town: Town) -> None:
        store = town.shop.host.store
        store.product_types = []
        assert refused(lambda: edit.add(shop_of(town), draft(town), "form 1")) == "product_type"
        store.channels = []
        assert refused(lambda: edit.add(shop_of(town), draft(town), "form 1")) == "channel"


def _fail(*_: object) -> str:
    raise OSError("killed")


class TestEditing:
    def test_follows_in_stripe(self, town: Town, run_all_tasks: Work) -> None:
        mug = named(town, "Lantern Mug")
        edit.change(
            shop_of(town),
            mug.id,
            Changes("Glow Mug", "Glows.\nA lot.", {"default-channel": Decimal(21)}),
        )
        settle(town, run_all_tasks)
        row = CatalogProduct.objects.get(saleor_variant_id=mug.variants[0].id)
        product = town.stripe.account.table("product")[row.stripe_product_id]
        assert (product["name"], product["description"]) == ("Glow Mug", "Glows.\nA lot.")
        prices = [each for each in town.stripe.account.table("price").values() if each["active"]]
        assert sorted((each["unit_amount"], each["currency"]) for each in prices) == [
            (2100, "usd"),
            (7500, "pln"),
        ]

    def test_writes_only_what_differs(self, town: Town) -> None:
        mug = named(town, "Lantern Mug")
        now = edit.read(shop_of(town), mug.id)
        before = len(town.shop.deliveries)
        edit.change(shop_of(town), mug.id, Changes(now.title, now.description, now.variants[0].prices))
        town.shop.drain()
        assert len(town.shop.deliveries) == before
        assert mug.description is not None
        assert '"time": 0' in mug.description, "not even the description was written again"

    def test_keeps_the_formatting(self, town: Town) -> None:
        mug = named(town, "Lantern Mug")
        mug.description = json.dumps(
            {"blocks": [{"type": "paragraph", "data": {"text": "<b>Glows</b> a little."}}]}
        )
        edit.change(shop_of(town), mug.id, Changes(description="Glows a lot.\nHolds tea."))
        blocks = json.loads(mug.description)["blocks"]
        assert [each["data"]["text"] for each in blocks] == ["<b>Glows</b> a lot.", "Holds tea."]

    def test_an_image_is_added_once_and_removed(self, town: Town) -> None:
        mug = named(town, "Lantern Mug")
        [old] = mug.media
        for _ in range(2):
            edit.change(shop_of(town), mug.id, Changes(image=read_image(PNG)))
        assert [each.content for each in mug.media] == [b"", PNG]
        edit.change(shop_of(town), mug.id, Changes(removed_images=(old.id,)))
        assert [each.content for each in mug.media] == [PNG]
        edit.change(shop_of(town), mug.id, Changes(removed_images=(mug.media[0].id,)))
        edit.change(shop_of(town), mug.id, Changes(image=read_image(PNG)))
        assert len(mug.media) == 1, "after it was removed, it may be added again"

    def test_a_price_in_another_channel_lists_the_product_there(self, town: Town) -> None:
        mug = named(town, "Lantern Mug")
        mug.channel_listings = mug.channel_listings[:1]
        mug.variants[0].channel_listings = mug.variants[0].channel_listings[:1]
        edit.change(shop_of(town), mug.id, Changes(prices={"channel-pln": Decimal(80)}))
        assert [each.channel.slug for each in mug.channel_listings] == ["default-channel", "channel-pln"]
        assert mug.variants[0].channel_listings[1].price == 80

    def test_of_several_variants_one_is_chosen(self, town: Town) -> None:
        sweater = named(town, "Harbour Sweater")
        price = Changes(prices={"default-channel": Decimal(70)})
        assert refused(lambda: edit.change(shop_of(town), sweater.id, price)) == "variant_unknown"
        edit.change(shop_of(town), sweater.id, price, sweater.variants[1].id)
        assert [each.channel_listings[0].price for each in sweater.variants] == [64, 70, Decimal("68.5")]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            (Changes(title=""), "title_missing"),
            (Changes(title="x" * 300), "title_long"),
            (Changes(description="x" * 20_001), "description_long"),
            (Changes(prices={"default-channel": Decimal("0.5")}), "price_too_small"),
            (Changes(prices={"nowhere": Decimal(5)}), "channel"),
            (Changes(removed_images=("UHJvZHVjdE1lZGlhOjk5OQ==",)), "image_unknown"),
        ],
    )
    def test_of_bad_input_changes_nothing(self, town: Town, changes: Changes, code: str) -> None:
        mug = named(town, "Lantern Mug")
        before = len(town.shop.deliveries)
        assert refused(lambda: edit.change(shop_of(town), mug.id, changes)) == code
        assert len(town.shop.deliveries) == before

    @pytest.mark.parametrize("product_id", ["", "garbage", "UHJvZHVjdDo5OTk=", "VXNlcjox"])
    def test_of_no_product(self, town: Town, product_id: str) -> None:
        assert refused(lambda: edit.change(shop_of(town), product_id, Changes("New"))) == "product_unknown"
        assert refused(lambda: edit.read(shop_of(town), product_id)) == "product_unknown"


class TestAnImage:
    @pytest.mark.parametrize(
        ("content", "mime_type"),
        [
            (PNG, "image/png"),
            (b"\xff\xd8\xff\xe0 rest", "image/jpeg"),
            (b"GIF89a rest", "image/gif"),
            (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        ],
    )
    def test_is_known_by_its_content(self, content: bytes, mime_type: str) -> None:
        assert read_image(content).mime_type == mime_type

    @pytest.mark.parametrize(
        "content", [b"", SVG, b"<html>", b"%PDF-1.7", b"RIFF\x00\x00\x00\x00WAVE", b" \x89PNG\r\n\x1a\n"]
    )
    def test_of_another_kind_is_refused(self, content: bytes) -> None:
        assert refused(lambda: read_image(content)) == "image_type"

    def test_that_is_too_large_is_refused(self) -> None:
        assert refused(lambda: read_image(PNG + bytes(edit.LARGEST_IMAGE))) == "image_size"


class TestATypeThatRequiresAttributes:
    """Saleor would create the product, then refuse its variant."""

    def test_is_not_taken_by_itself(self, town: Town) -> None:
        store = town.shop.host.store
        store.product_types.insert(0, ProductType("Audiobook", "audiobook", required_attributes=("Medium",)))
        assert "Audiobook" not in [each.name for each in edit.choices(shop_of(town)).product_types]
        edit.add(shop_of(town), draft(town), "form 1")
        assert named(town, "Lamp").product_type.name == "Goods"

    def test_is_refused_before_anything_is_added(self, town: Town) -> None:
        store = town.shop.host.store
        audiobook = ProductType("Audiobook", "audiobook", required_attributes=("Medium", "Voice"))
        store.product_types.append(audiobook)
        chosen = draft(town, product_type=audiobook.id)
        with pytest.raises(Rejected, match=r"Medium, Voice .*“Audiobook”") as error:
            edit.add(shop_of(town), chosen, "form 1")
        assert error.value.code == "product_type"
        store.product_types = [audiobook]
        assert refused(lambda: edit.add(shop_of(town), draft(town), "form 2")) == "product_type"
        assert "Lamp" not in [each.name for each in store.products]


def test_what_the_form_offers(town: Town) -> None:
    offered = edit.choices(shop_of(town))
    assert [(each.slug, str(each.smallest)) for each in offered.channels] == [
        ("default-channel", "1.00 USD"),
        ("channel-pln", "3.97 PLN"),
    ]
    assert [each.name for each in offered.product_types] == ["Goods", "Downloads"]
    assert {each.name for each in offered.categories} == {
        each.name for each in town.shop.host.store.categories if isinstance(each, Category)
    }
