"""What a variant becomes in Stripe: names, prices, images, tax, metadata, readable keys; and what is left out."""

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from saleor_stripe_audience.catalog.edit import check_price
from saleor_stripe_audience.catalog.minimums import one_dollar, smallest_price
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.catalog.payloads import is_public_image, items_of, number_of, read_product
from saleor_stripe_audience.catalog.rich_text import plain_text
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import catalogue, trouble
from saleor_stripe_audience.gateway.connect import leave
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY
from tests.payments.conftest import (  # noqa: F401 - fixtures
    account,
    installation,
    stripe_sandbox,
    stripe_url,
)

from .test_catalogue import Json, Shop, listing, product, shop, variant

__all__ = ["shop"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("account", "stripe_url")]

State = CatalogProduct.State


def problems() -> list[str]:
    return sorted(each["code"] for row in CatalogProduct.objects.all() for each in row.problems)


def id_of(number: int) -> str:
    """Return a variant's id, as Saleor creates it."""
    return base64.b64encode(f"ProductVariant:{number}".encode()).decode()


def rich(**more: Any) -> Json:
    """Return a product with everything."""
    channel = {
        "slug": "default-channel",
        "currencyCode": "USD",
        "metafield": "https://shop.example.com/products/{slug}",
        "taxConfiguration": {"pricesEnteredWithTax": True},
    }
    whole: Json = {
        "slug": "tea",
        "metafields": {"stripe_unit_label": "bag"},
        "taxClass": {"metafield": "txcd_99999999"},
        "productType": {"isShippingRequired": True},
        "category": {"id": "Q2F0ZWdvcnk6MQ==", "name": "Kitchen"},
        "collections": [{"id": "Qzoy", "name": "Summer"}, {"id": "Qzox", "name": "Featured"}],
        "channelListings": [{"channel": channel, "isPublished": True}],
    }
    return product(**(whole | more))


def test_everything_reaches_stripe(shop: Shop) -> None:
    shop.send("product_created", product=rich())
    [made] = shop.products()
    assert (made["url"], made["tax_code"], made["unit_label"], made["shippable"]) == (
        "https://shop.example.com/products/tea",
        "txcd_99999999",
        "bag",
        True,
    )
    assert made["description"] is None, "Stripe repeats no name as a description"
    assert made["metadata"] == {
        "saleor_installation": str(shop.installation.pk),
        "saleor_product": product()["id"],
        "saleor_variant": variant()["id"],
        "sku": "T-1",
        "category": "Kitchen",
        "collections": "Featured, Summer",
    }
    [price] = shop.sandbox.account.table("price").values()
    assert (price["lookup_key"], price["tax_behavior"]) == ("T-1:default-channel:usd", "inclusive")
    assert price["metadata"]["saleor_channel"] == "default-channel"
    assert problems() == []


def test_a_unit_label_that_is_cut_is_a_problem(shop: Shop) -> None:
    shop.send(
        "product_created", product=product() | {"metafields": {"stripe_unit_label": "a long unit label"}}
    )
    assert shop.products()[0]["unit_label"] == "a long unit "
    assert [each["code"] for each in CatalogProduct.objects.get().problems] == ["unit_label_cut"]


def test_what_is_taken_away_is_unset(shop: Shop) -> None:
    image = {"id": "TTox", "url": "https://img.example.com/t.png", "type": "IMAGE"}
    shop.send("product_created", product=rich(description="Nice", media=[image]))
    plain = rich(metafields={}, taxClass=None, media=[], description="", category=None, channelListings=None)
    shop.send("product_updated", minute=1, product=plain)
    [made] = shop.products()
    kept = ("url", "tax_code", "unit_label", "description")
    assert [made[name] for name in kept] == [None] * 4
    assert made["images"] == []
    assert "category" not in made["metadata"]


def test_the_default_price_is_in_the_accounts_currency(shop: Shop, account: StripeAccount) -> None:  # noqa: F811
    account.default_currency = "USD"
    account.save()
    AccountChannel.objects.create(installation=shop.installation, account=account, channel_slug="a-first")
    both = [listing(40, "a-first", "PLN"), listing()]
    shop.send("product_created", product=product(variant(listings=both)))
    [made] = shop.products()
    assert shop.sandbox.account.table("price")[made["default_price"]]["currency"] == "usd"
    assert len(shop.sandbox.log.entries("POST")) == 3, "three calls for a variant with two currencies"


def test_an_account_knows_its_currency(shop: Shop) -> None:
    from saleor_stripe_audience.gateway import account_state

    [row] = StripeAccount.objects.all()
    assert row.default_currency == ""
    account_state.refresh(row)
    assert row.default_currency == "USD"


def test_nothing_is_sent_for_any_number_of_events_without_a_change(shop: Shop) -> None:
    shop.send("product_created", product=rich())
    before = len(shop.sandbox.log.entries())
    for minute in range(1, 21):
        shop.send("product_metadata_updated", minute=minute, work=minute == 20, product=rich())
    assert len(shop.sandbox.log.entries()) == before


def test_a_signed_or_cached_url_of_an_image_is_not_a_change(shop: Shop) -> None:
    for minute, path in enumerate(
        ("thumbnail/1/1024/", "media/t.png?signature=a", "media/t.png?signature=b")
    ):
        media = [{"id": "TTox", "url": f"https://img.example.com/{path}", "type": "IMAGE"}]
        shop.send("product_updated", minute=minute, product=rich(media=media))
    assert len(shop.sandbox.log.entries("POST")) == 2, "made once"


@pytest.mark.parametrize(
    ("amount", "sent", "reported"),
    [(0.1, [], ["below_minimum"]), (0.75, [(75, "usd")], ["below_one_dollar"]), (1, [(100, "usd")], [])],
)
def test_too_small_a_price_is_reported(
    shop: Shop, amount: float, sent: list[tuple[int, str]], reported: list[str]
) -> None:
    shop.send("product_created", product=product(variant(listings=[listing(amount)])))
    assert shop.prices() == sent
    assert problems() == reported
    assert not Handling.objects.filter(given_up_at__isnull=False).exists()


def test_a_variant_without_a_price_is_reported(shop: Shop) -> None:
    shop.send("product_created", product=product(variant(listings=[listing(None)])))
    assert problems() == ["no_price"]
    assert CatalogProduct.objects.get().state == State.NOT_SOLD


def test_a_variant_that_costs_nothing_is_not_said_to_have_no_price(shop: Shop) -> None:
    shop.send("product_created", product=product(variant(listings=[listing(0)])))
    assert problems() == ["price_zero"]
    assert CatalogProduct.objects.get().problems[0]["message"] == (
        "The variant costs nothing in “default-channel”: this price is not in Stripe."
    )
    assert CatalogProduct.objects.get().state == State.NOT_SOLD
    assert shop.prices() == []


def test_a_variant_in_no_channel_is_reported_once_its_product_is_sold(shop: Shop) -> None:
    """As Saleor creates it, before anybody enters a price."""
    draft = [{"channel": {"slug": "default-channel", "currencyCode": "USD"}, "isPublished": False}]
    unpriced = [variant(listings=[])]
    shop.send("product_created", product=rich(variants=unpriced, channelListings=draft))
    assert problems() == []
    shop.send("product_updated", minute=1, product=rich(variants=unpriced))
    assert problems() == ["no_price"]
    assert CatalogProduct.objects.get().state == State.NOT_SOLD
    assert shop.products() == []
    shop.send("product_updated", minute=2, product=rich())
    assert (problems(), len(shop.products())) == ([], 1)


def test_nothing_is_left_out_of_what_is_not_sent(shop: Shop) -> None:
    """Neither by an account whose channels do not sell the variant, nor before it is sold."""
    svg = [{"type": "IMAGE", "url": "https://shop.example.com/tea.svg", "id": "1"}]
    other = StripeAccount.objects.create(
        installation=shop.installation, stripe_id="acct_other", livemode=False
    )
    AccountChannel.objects.create(installation=shop.installation, channel_slug="jpy", account=other)
    draft = [{"channel": {"slug": "default-channel", "currencyCode": "USD"}, "isPublished": False}]
    shop.send("product_created", product=rich(media=svg, channelListings=draft))
    assert problems() == []
    shop.send("product_updated", minute=1, product=rich(media=svg))
    rows = dict(CatalogProduct.objects.values_list("account__stripe_id", "problems"))
    assert rows.pop("acct_other") == []
    assert [[each["code"] for each in found] for found in rows.values()] == [["image_left_out"]]
    shop.send("product_updated", minute=2, product=rich(media=svg, channelListings=draft))
    assert problems() == [], "what is archived has nothing to be fixed"


def test_a_product_without_variants_is_nothing_to_send(shop: Shop) -> None:
    shop.send("product_created", product=product() | {"variants": []})
    assert shop.products() == []
    assert Handling.objects.get().done_at is not None


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"metafields": {"stripe_tax_code": "none"}}, "tax_code_refused"),
        ({"metafields": {"stripe_url": "not a url"}}, "url_refused"),
    ],
)
def test_a_field_that_stripe_refuses_keeps_no_product_out(shop: Shop, parts: Json, code: str) -> None:
    shop.send("product_created", product=rich(**parts))
    assert [each["active"] for each in shop.products()] == [True]
    assert problems() == [code]
    shop.send("product_updated", minute=1, product=rich(name="Renamed", **parts))
    assert [each["name"] for each in shop.products()] == ["Renamed"]
    assert problems() == [code]


def test_a_currency_that_stripe_refuses_keeps_no_other_out(shop: Shop, account: StripeAccount) -> None:  # noqa: F811
    AccountChannel.objects.create(installation=shop.installation, account=account, channel_slug="a-odd")
    both = [listing(9, "a-odd", "XXX"), listing()]
    shop.send("product_created", product=product(variant(listings=both)))
    assert shop.prices() == [(950, "usd")]
    assert problems() == ["price_refused"]
    shop.send("product_updated", minute=1, product=product(variant(listings=both), name="Renamed"))
    assert problems() == ["price_refused"]
    assert [each["name"] for each in shop.products()] == ["Renamed"]


def test_one_refused_variant_keeps_no_other_out(shop: Shop) -> None:
    bad, good = variant("Bad", 1, [listing(9.555)]), variant("Good", 2)
    shop.send("product_created", product=product(bad, good))
    assert [each["name"] for each in shop.products()] == ["Tea – Good"]
    row = CatalogProduct.objects.get(saleor_variant_id=bad["id"])
    assert (row.state, row.last_error_code) == (State.NOT_SOLD, "")
    assert [each["code"] for each in row.problems] == ["price_invalid"]
    assert "decimals" in row.problems[0]["message"]
    shop.send("product_updated", minute=1, product=product(variant("Bad", 1), good))
    assert problems() == []
    assert set(CatalogProduct.objects.values_list("state", "last_error_code")) == {(State.SYNCED, "")}


def test_two_products_with_one_sku_have_a_price_each(shop: Shop) -> None:
    twin = variant(number=2) | {"sku": "T-1", "id": id_of(2)}
    shop.send("product_created", product=product())
    shop.send("product_created", product=product(twin, id="UHJvZHVjdDoy"))
    keys = sorted(CatalogPrice.objects.values_list("lookup_key", flat=True))
    assert keys == ["T-1:default-channel:usd", f"T-1:default-channel:usd:2-{str(shop.installation.pk)[:8]}"]
    assert sorted(each["lookup_key"] for each in shop.sandbox.account.table("price").values()) == keys
    assert problems() == ["lookup_key_taken"]
    shop.send("product_updated", minute=1, product=product(twin, id="UHJvZHVjdDoy", name="Renamed"))
    assert problems() == ["lookup_key_taken"], "still so"


def test_a_corrected_sku_leaves_its_lookup_key_to_the_other_variant(shop: Shop) -> None:
    twin = variant("Black", 2) | {"sku": "T-1"}
    shop.send("product_created", product=product(variant("Green", 1), twin))
    assert problems() == ["lookup_key_taken"]
    shop.send("product_updated", minute=1, product=product(variant("Green", 1) | {"sku": "T-9"}, twin))
    shop.send(
        "product_updated",
        minute=2,
        product=product(variant("Green", 1) | {"sku": "T-9"}, twin, name="Renamed"),
    )
    keys = CatalogPrice.objects.filter(is_active=True).values_list("lookup_key", flat=True)
    assert sorted(keys) == ["T-1:default-channel:usd", "T-9:default-channel:usd"]
    assert problems() == []


@pytest.mark.parametrize("is_twin_first", [False, True])
def test_a_deleted_product_leaves_its_lookup_key_to_another_one(shop: Shop, *, is_twin_first: bool) -> None:
    """Also if Saleor's events arrive in the other order, from the next change on."""
    twin = variant(number=2) | {"sku": "T-1", "id": id_of(2)}
    shop.send("product_created", product=product())
    if is_twin_first:
        shop.send("product_created", minute=2, product=product(twin, id="UHJvZHVjdDoy"))
    shop.send("product_deleted", minute=1, product={"id": product()["id"]})
    shop.send("product_updated", minute=3, product=product(twin, id="UHJvZHVjdDoy", name="Again"))
    held = {each["lookup_key"] for each in shop.sandbox.account.table("price").values() if each["lookup_key"]}
    assert held == {"T-1:default-channel:usd"}
    assert problems() == []


def test_a_lookup_key_of_the_merchants_own_is_not_taken_away(shop: Shop) -> None:
    [row] = StripeAccount.objects.all()
    made, _ = catalogue.create_product(row, {"name": "Theirs"}, "theirs")
    theirs = catalogue.create_price(
        row,
        {"product": made, "currency": "usd", "unit_amount": 500, "lookup_key": "T-1:default-channel:usd"},
        "theirs-price",
    )
    shop.send("product_created", product=product())
    assert shop.sandbox.account.table("price")[theirs]["lookup_key"] == "T-1:default-channel:usd"
    assert problems() == ["lookup_key_taken"]


def test_a_new_price_gets_the_lookup_key(shop: Shop) -> None:
    shop.send("product_created", product=product())
    shop.send("product_updated", minute=1, product=product(variant(listings=[listing(12)])))
    held = {each["active"]: each["lookup_key"] for each in shop.sandbox.account.table("price").values()}
    assert held == {True: "T-1:default-channel:usd", False: None}


def test_what_was_deleted_in_stripe_is_made_again(shop: Shop) -> None:
    shop.send("product_created", product=product())
    for table in ("product", "price"):
        shop.sandbox.account.table(table).clear()
    shop.send("product_updated", minute=1, product=product(name="Again"))
    assert [each["name"] for each in shop.products()] == ["Again"]
    assert shop.prices() == [(950, "usd")]
    assert CatalogProduct.objects.get().state == State.SYNCED


def test_a_price_deleted_in_stripe_is_made_again(shop: Shop) -> None:
    shop.send("product_created", product=product())
    shop.sandbox.account.table("price").clear()
    shop.send("product_updated", minute=1, product=product(name="Again"))
    assert shop.prices() == [(950, "usd")]
    assert CatalogPrice.objects.filter(is_active=True).count() == 1


def test_a_default_price_that_was_replaced_and_archived_in_stripe_is_made_again(
    shop: Shop,
    account: StripeAccount,  # noqa: F811
) -> None:
    AccountChannel.objects.create(installation=shop.installation, account=account, channel_slug="other")
    both = variant(listings=[listing(), listing(40, "other", "PLN")])
    shop.send("product_created", product=product(both))
    [made] = shop.products()
    kept, archived = (CatalogPrice.objects.get(currency=each).stripe_price_id for each in ("PLN", "USD"))
    theirs = catalogue.create_price(
        account, {"product": made["id"], "currency": "usd", "unit_amount": 700}, "theirs"
    )
    catalogue.update_product(account, made["id"], {"default_price": theirs})
    catalogue.update_price(account, archived, {"active": False})
    shop.send("product_updated", minute=1, product=product(both, name="Again"))
    assert CatalogProduct.objects.get().state == State.SYNCED
    [made] = shop.products()
    default = shop.sandbox.account.table("price")[made["default_price"]]
    assert (default["unit_amount"], default["lookup_key"]) == (950, "T-1:default-channel:usd")
    active = CatalogPrice.objects.filter(is_active=True).values_list("stripe_price_id", flat=True)
    assert set(active) == {kept, default["id"]}


def test_a_deletion_whose_event_was_lost_is_seen_in_the_product(shop: Shop) -> None:
    shop.send("product_created", product=product(variant("Green", 1), variant("Black", 2)))
    shop.send("product_updated", minute=1, product=product(variant("Black", 2)))
    assert {each["name"]: each["active"] for each in shop.products()} == {"Tea – Green": False, "Tea": True}


def test_an_account_without_channels_sells_no_more(shop: Shop) -> None:
    shop.send("product_created", product=product())
    AccountChannel.objects.all().delete()
    shop.send("product_updated", minute=1, product=product())
    assert [each["active"] for each in shop.products()] == [False]


@pytest.mark.parametrize(
    ("amount", "currency"), [(9.999, "EUR"), (1500.5, "JPY"), (1500.5, "ISK"), (-1.0, "EUR"), (5.0, "EURO")]
)
def test_a_price_that_cannot_be_charged_keeps_no_other_out(
    shop: Shop,
    account: StripeAccount,  # noqa: F811 - a fixture
    amount: float,
    currency: str,
) -> None:
    AccountChannel.objects.create(installation=shop.installation, account=account, channel_slug="second")
    wrong = listing(amount, "second", currency)
    shop.send("product_created", product=product(variant(listings=[listing(), wrong])))
    assert shop.prices() == [(950, "usd")]
    problems = CatalogProduct.objects.get().problems
    assert [(each["code"], each["channel"]) for each in problems] == [("price_invalid", "second")]


def name_of(*variants: Json, name: str = "Bulk 4") -> list[str]:
    return [each.name for each in items_of(read_product(product(*variants, name=name)))]


def test_names() -> None:
    unnamed = [variant(id_of(number), number) for number in (1, 2)]
    assert name_of(*unnamed) == ["Bulk 4 – T-1", "Bulk 4 – T-2"], "Saleor's ids are no names"
    assert name_of(*(each | {"sku": None} for each in unnamed)) == ["Bulk 4", "Bulk 4"]
    assert name_of(variant("", 1), variant("Red", 2)) == ["Bulk 4 – T-1", "Bulk 4 – Red"]
    assert name_of(variant("Red", 1)) == ["Bulk 4"]
    [long, _] = name_of(variant("Red", 1), variant("Blue", 2), name="x" * 300)
    assert len(long) == 250
    assert long.endswith("x – Red")
    [first, _] = items_of(read_product(product(variant("Red", 1), variant("Blue", 2), name="x" * 250)))
    assert [each.code for each in first.problems] == ["name_cut"], (
        "Saleor's own limit, and the variant's name"
    )


def test_a_long_title_is_reported(shop: Shop) -> None:
    shop.send("product_created", product=product(name="x" * 300))
    assert [len(each["name"]) for each in shop.products()] == [250]
    assert problems() == ["name_cut"]


@pytest.mark.parametrize(
    ("url", "is_public"),
    [
        ("https://img.example.com/t.png", True),
        ("http://img.example.com/t.png", False),
        ("https://127.0.0.1/t.png", False),
        ("https://10.0.0.5/t.png", False),
        ("https://localhost/t.png", False),
        ("https://img.example.com/bomb.svg", False),
        ("https://img.example.com/" + "x" * 2048, False),
        ("https://[bad/t.png", False),
        ("", False),
    ],
)
def test_images_that_stripe_can_show(url: str, is_public: bool) -> None:
    assert is_public_image(url) is is_public


def test_images_left_out_are_reported(shop: Shop) -> None:
    urls = [f"https://img.example.com/{number}.png" for number in range(9)]
    media = [{"id": f"m{number}", "url": url, "type": "IMAGE"} for number, url in enumerate(urls)]
    shop.send("product_created", product=product(media=media))
    assert [len(each["images"]) for each in shop.products()] == [8]
    assert problems() == ["image_left_out"]


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        ([{"type": "header", "data": {"text": "Tea", "level": 2}}], "Tea"),
        ([{"type": "quote", "data": {"text": "Good", "caption": "Ada"}}], "Good\nAda"),
        ([{"data": {"items": [{"content": "a", "items": [{"content": "b", "items": []}]}]}}], "a\nb"),
        ([{"type": "table", "data": {"content": [["1", "<b>2</b>"], ["3", "4"]]}}], "1 | 2\n3 | 4"),
        ([{"type": "delimiter", "data": {}}, {"data": {"text": "a<br>b"}}], "a\nb"),
        (7, ""),
    ],
)
def test_every_block_of_rich_text(blocks: Any, text: str) -> None:
    assert plain_text(json.dumps({"blocks": blocks})) == text


def test_numbers_of_ids() -> None:
    assert number_of("UHJvZHVjdFZhcmlhbnQ6MTI=") == "12"
    assert number_of("UHJvZHVjdFZhcmlhbnQ6MTI") == "12"
    assert number_of("Red") == "Red"


@pytest.mark.parametrize(
    ("currency", "dollar", "smallest"),
    [
        ("USD", 100, 100),
        ("EUR", 92, 92),
        ("JPY", 147, 147),
        ("KWD", None, None),
        ("BHD", 380, 380),
        ("ISK", 13900, 13900),
        ("HUF", 36201, 36201),
        ("MXN", 1884, 1884),
        ("CZK", 2312, 2312),
        ("XXX", None, None),
    ],
)
def test_the_smallest_price_of_each_kind_of_currency(
    currency: str, dollar: int | None, smallest: int | None
) -> None:
    assert one_dollar(currency) == (None if dollar is None else Money(dollar, currency))
    assert smallest_price(currency) == (None if smallest is None else Money(smallest, currency))


@pytest.mark.parametrize(("amount", "currency"), [("147", "JPY"), ("0.38", "BHD"), ("1.250", "KWD")])
def test_prices_of_currencies_with_no_or_three_decimals(amount: str, currency: str) -> None:
    assert check_price(Decimal(amount), currency).amount == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency", "code", "said"),
    [
        ("146", "JPY", "price_too_small", "at least 147 JPY"),
        ("147.5", "JPY", "price", "more decimals"),
        ("0.37", "BHD", "price_too_small", "at least 0.380 BHD"),
        ("1.255", "KWD", "price", "Stripe charges 1.260 KWD"),
        ("0", "KWD", "price_too_small", "above zero"),
    ],
)
def test_prices_that_such_a_currency_cannot_have(amount: str, currency: str, code: str, said: str) -> None:
    with pytest.raises(Rejected, match=said) as error:
        check_price(Decimal(amount), currency)
    assert error.value.code == code


def test_sixty_metadata_keys_are_no_problem(shop: Shop) -> None:
    shop.send(
        "product_created", product=product(metafields={f"key {number}": "v" * 600 for number in range(60)})
    )
    [made] = shop.products()
    assert set(made["metadata"]) <= {
        "saleor_installation",
        "saleor_product",
        "saleor_variant",
        "sku",
        "category",
        "collections",
    }
    assert problems() == []


@pytest.mark.parametrize("sku", ["x" * 300, "a b/ü✓:%\n'\"<&>", " "])
def test_any_sku_makes_a_lookup_key(shop: Shop, sku: str) -> None:
    odd = variant() | {"sku": sku}
    shop.send("product_created", product=product(odd))
    [price] = shop.sandbox.account.table("price").values()
    assert 0 < len(price["lookup_key"]) <= 200
    assert price["lookup_key"].endswith(":default-channel:usd")
    shop.send("product_updated", minute=1, product=product(odd | {"channelListings": [listing(12)]}))
    [price] = [each for each in shop.sandbox.account.table("price").values() if each["active"]]
    assert price["lookup_key"].endswith(":default-channel:usd")


def test_two_long_skus_with_one_beginning_have_a_key_each(shop: Shop) -> None:
    for number in (1, 2):
        long = variant(number=number) | {"sku": "x" * 300 + str(number)}
        shop.send("product_created", product=product(long, id=f"UHJvZHVjdDo{number}"))
    keys = {each["lookup_key"] for each in shop.sandbox.account.table("price").values()}
    assert len(keys) == 2
    assert all(len(each) <= 200 for each in keys)


def test_stripe_without_room_for_a_minute_gets_everything_later(shop: Shop) -> None:
    shop.sandbox.add_fault("POST /v1/products", status=429, times=3)
    shop.send("product_created", product=product())
    assert len(shop.products()) == 1
    assert CatalogProduct.objects.get().state == State.SYNCED
    assert not Handling.objects.given_up().exists()


def test_a_key_that_was_dead_for_ten_days(shop: Shop, account: StripeAccount) -> None:  # noqa: F811 - a fixture
    shop.send("product_created", product=product())
    shop.sandbox.revoke_key(SECRET_KEY)
    for day in range(1, 11):
        shop.send("product_updated", minute=day * 1440, product=product(name=f"Tea of day {day}"))
    assert CatalogProduct.objects.get().state in (State.WAITING, State.FAILED)
    shop.sandbox.add_key(shop.sandbox.account, SECRET_KEY)
    before = len(shop.sandbox.log.entries("POST"))
    trouble.end(StripeAccount.objects.get(pk=account.pk))
    shop.work()
    assert [each["name"] for each in shop.products()] == ["Tea of day 10"]
    assert CatalogProduct.objects.get().state == State.SYNCED
    assert len(shop.sandbox.log.entries("POST")) - before <= 3, "the newest state, not ten"


@pytest.mark.parametrize("end", [disconnect, leave])
def test_what_waited_for_an_account_does_not_wait_once_it_is_disconnected(
    shop: Shop,
    account: StripeAccount,  # noqa: F811 - a fixture
    end: Callable[[StripeAccount], None],
) -> None:
    shop.send("product_created", product=product())
    shop.sandbox.revoke_key(SECRET_KEY)
    shop.send("product_deleted", minute=1, product={"id": product()["id"]})
    assert Handling.objects.filter(waits_for=account.pk).count() == 1
    end(account)
    shop.work()
    assert not Handling.objects.filter(done_at=None).exists()


def test_what_is_deleted_does_not_wait_for_an_account_that_is_disconnected_meanwhile(
    shop: Shop,
    account: StripeAccount,  # noqa: F811 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop.send("product_created", product=product())
    update = catalogue.update_product

    def refuse(*arguments: Any) -> None:
        shop.sandbox.revoke_key(SECRET_KEY)
        disconnect(account)
        update(*arguments)

    monkeypatch.setattr(catalogue, "update_product", refuse)
    shop.send("product_deleted", minute=1, product={"id": product()["id"]})
    assert not Handling.objects.filter(done_at=None).exists()


@pytest.mark.parametrize("kind", ["product_deleted", "product_variant_deleted"])
@pytest.mark.parametrize("is_revoked", [False, True])
def test_what_is_deleted_does_not_wait_for_a_disconnected_account(
    shop: Shop,
    account: StripeAccount,  # noqa: F811 - a fixture
    kind: str,
    *,
    is_revoked: bool,
) -> None:
    shop.send("product_created", product=product())
    disconnect(account)
    if is_revoked:
        shop.sandbox.revoke_key(SECRET_KEY)
    shop.send(kind, minute=1, product={"id": product()["id"]}, productVariant={"id": variant()["id"]})
    assert [each["active"] for each in shop.products()] == [is_revoked]
    assert not Handling.objects.filter(done_at=None).exists()
