"""Changes made in Stripe are shown, and applied in Saleor if staff choose to. Otherwise Saleor's values win."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django_ox.models import OxTask
from django_ox.testing import run_tasks
from pytest_django.plugin import DjangoDbBlocker

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.catalog import payloads, refresh, sync, turns
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct, Difference
from saleor_stripe_audience.catalog.refresh import Target
from saleor_stripe_audience.catalog.tasks import sync_all
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import catalogue, trouble
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.payments.reconcile import reconcile
from saleor_stripe_audience.saleor import products
from saleor_stripe_audience.sandbox.saleor.state import Product
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY, StripeSandbox
from tests.conftest import kept_rows
from tests.payments.test_reporting import Town, create_town

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
Work = Callable[[], int]
Kind, State = Difference.Kind, Difference.State
ONE_TIME = {"currency": "usd", "unit_amount": 2500}


def run(town: Town, start: Callable[[StripeAccount, str], Job]) -> Job:
    job = start(town.account, "a test")
    OxTask.objects.all().delete()
    while jobs.work_page(job.pk, job.step, enqueues=False):
        job.refresh_from_db()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.report
    return job


def look(town: Town) -> list[tuple[str, str, str, str]]:
    """Refresh; return kind, field, title and reason of the open differences."""
    run(town, refresh.start)
    rows = Difference.objects.filter(state=State.OPEN).order_by("title", "field")
    return [(each.kind, each.field, each.title, each.reason) for each in rows]


def apply(town: Town, *differences: Difference, category: str | None = None) -> list[str]:
    """Apply these, or all that can be applied; return the error codes."""
    chosen = differences or tuple(each for each in Difference.objects.all() if each.may_be_applied)
    given = town.shop.host.store.categories[0].id if category is None else category
    outcomes = refresh.apply(town.account.installation, chosen, Target(category=given), "a clerk")
    return [each.error.code for each in outcomes if each.error is not None]


@pytest.fixture(scope="module")
def synced(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Callable[[], Town]]:
    """A town whose products are all in Stripe, with their images: the stand-in's own URLs count as public.

    Creating it takes many times as long as a test, so there is one for all tests; each call resets it.
    """
    with (
        django_db_blocker.unblock(),
        pytest.MonkeyPatch.context() as patch,
        override_settings(),  # undoes the settings of `create_town`
        StripeSandbox(webhook_retry_seconds=0.01, later_seconds=0.01) as stripe,
        Served(stripe.wsgi) as served,
    ):
        stripe.base_url = settings.STRIPE_API_BASE = served.url
        patch.setattr(payloads, "is_public_image", lambda url: not url.endswith(".svg"))
        with create_town(settings, stripe, served.url, lambda: len(run_tasks())) as town:
            run(town, sync.start)
            town.shop.drain()
            stripe.drain()
            host = town.shop.host
            keys = {id(host.store.lock): host.store.lock} | {id(each): each for each in host.keys}
            state = vars(host.store), host.deliveries, stripe.accounts, stripe.account
            kept = deepcopy(state, dict(keys))
            with kept_rows() as restore:

                def as_founded() -> Town:
                    restore()
                    store, host.deliveries, stripe.accounts, stripe.account = deepcopy(kept, dict(keys))
                    vars(host.store).update(store)
                    return replace(town, account=StripeAccount.objects.get())

                yield as_founded


@pytest.fixture(autouse=True)
def town(synced: Callable[[], Town], transactional_db: None) -> Iterator[Town]:
    made = synced()
    yield made
    made.shop.drain()
    made.stripe.drain()


@pytest.fixture
def settle(town: Town, run_all_tasks: Work) -> Callable[[], None]:
    """Return a function that lets Saleor's events arrive, and handles everything that follows from them."""

    def settle() -> None:
        town.shop.drain()
        run_all_tasks()

    return settle


Settle = Callable[[], None]


def in_stripe(name: str) -> CatalogProduct:
    return CatalogProduct.objects.get(name=name)


def in_saleor(town: Town, name: str) -> Product:
    [found] = [each for each in town.shop.host.store.products if each.name == name]
    return found


def stripes(town: Town, row: CatalogProduct) -> Json:
    row.refresh_from_db()
    found: Json = town.stripe.account.table("product")[row.stripe_product_id]
    return found


def new_price(town: Town, product_id: str, amount: int, currency: str = "usd") -> str:
    """Create a Price as the merchant, and make it the default."""
    params: Any = {"product": product_id, "currency": currency, "unit_amount": amount}
    price = town.api.prices.create(params)
    town.api.products.update(product_id, {"default_price": price.id})
    return str(price.id)


def test_of_nothing_shows_nothing_and_changes_nothing(town: Town) -> None:
    before = len(town.stripe.log.entries("POST"))
    assert look(town) == []
    assert len(town.stripe.log.entries("POST")) == before


def test_many_pages_show_nothing_either(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "PAGE_SIZE", 2)
    assert look(town) == []
    job = Job.objects.get(kind=Job.Kind.REFRESH)
    assert (job.step, job.done) == (6, 11)
    town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"active": False})
    town.api.products.update(in_stripe("Fern Candle").stripe_product_id, {"name": "Moss Candle"})
    assert [each[:3] for each in look(town)] == [
        (Kind.GONE, "", "Lantern Mug"),
        (Kind.CHANGED, "name", "Moss Candle"),
    ]


class TestAChange:
    def test_of_the_name(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug"})
        assert look(town) == [(Kind.CHANGED, "name", "Glow Mug", "")]
        difference = Difference.objects.get()
        assert (difference.stripe_value, difference.saleor_value) == ("Glow Mug", "Lantern Mug")
        assert apply(town) == []
        settle()
        assert in_saleor(town, "Glow Mug")
        assert stripes(town, row)["name"] == "Glow Mug"
        assert look(town) == [], "a second refresh shows nothing"
        difference.refresh_from_db()
        assert (difference.state, difference.decided_by) == (State.APPLIED, "a clerk")

    def test_of_a_variants_name(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Harbour Sweater – M")
        town.api.products.update(row.stripe_product_id, {"name": "Harbour Sweater – Medium"})
        look(town)
        assert apply(town) == []
        settle()
        assert [each.name for each in in_saleor(town, "Harbour Sweater").variants] == ["S", "Medium", "L"]
        assert look(town) == []

    def test_of_the_products_part_of_a_name(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Harbour Sweater – M")
        town.api.products.update(row.stripe_product_id, {"name": "Quay Sweater – M"})
        look(town)
        assert apply(town) == []
        settle()
        names = set(CatalogProduct.objects.values_list("name", flat=True))
        assert {"Quay Sweater – S", "Quay Sweater – M", "Quay Sweater – L"} <= names
        assert look(town) == []

    def test_of_a_name_whose_parts_are_not_clear(self, town: Town) -> None:
        row = in_stripe("Harbour Sweater – M")
        town.api.products.update(row.stripe_product_id, {"name": "Jumper"})
        assert look(town) == [(Kind.CHANGED, "name", "Jumper", "unclear_name")]
        assert apply(town, Difference.objects.get()) == ["not_applicable"]

    def test_of_the_description_keeps_the_formatting(self, town: Town, settle: Settle) -> None:
        mug = in_saleor(town, "Lantern Mug")
        text = {"text": "<b>Glows</b> at dusk."}
        mug.description = json.dumps({"blocks": [{"type": "paragraph", "data": text}]})
        run(town, sync.start)
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"description": "Glows at night.\n\nHolds tea."})
        assert [each[1] for each in look(town)] == ["description"]
        assert apply(town) == []
        settle()
        blocks = json.loads(mug.description)["blocks"]
        assert [each["data"]["text"] for each in blocks] == ["<b>Glows</b> at night.", "Holds tea."]
        assert look(town) == []

    def test_of_a_description_that_was_cut_is_not_taken_over(self, town: Town) -> None:
        mug = in_saleor(town, "Lantern Mug")
        mug.description = json.dumps({"blocks": [{"type": "paragraph", "data": {"text": "x" * 6000}}]})
        run(town, sync.start)
        town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"description": "Short."})
        assert look(town) == [(Kind.CHANGED, "description", "Lantern Mug", "description_cut")]

    def test_of_the_price(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        price = new_price(town, row.stripe_product_id, 2100)
        assert look(town) == [(Kind.CHANGED, "price", "Lantern Mug", "")]
        difference = Difference.objects.get()
        assert (difference.stripe_value, difference.saleor_value) == ("21.00 USD", "18.00 USD")
        assert apply(town) == []
        settle()
        mug = in_saleor(town, "Lantern Mug")
        assert [str(each.price) for each in mug.variants[0].channel_listings] == ["21.00", "75.00"]
        prices = town.stripe.account.table("price")
        active = [
            each for each in prices.values() if each["product"] == row.stripe_product_id and each["active"]
        ]
        assert sorted((each["unit_amount"], each["currency"]) for each in active) == [
            (2100, "usd"),
            (7500, "pln"),
        ]
        assert prices[price]["lookup_key"] == "LAN-MUG:default-channel:usd"
        assert prices[price]["metadata"]["saleor_variant"] == row.saleor_variant_id
        assert look(town) == []

    @pytest.mark.parametrize(
        ("amount", "currency", "reason"),
        [(10, "usd", "price_too_small"), (1000, "eur", "no_channel")],
    )
    def test_of_a_price_that_saleor_cannot_have(
        self, town: Town, amount: int, currency: str, reason: str
    ) -> None:
        new_price(town, in_stripe("Lantern Mug").stripe_product_id, amount, currency)
        assert look(town) == [(Kind.CHANGED, "price", "Lantern Mug", reason)]

    def test_of_a_price_that_repeats(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        params: Any = ONE_TIME | {"product": row.stripe_product_id, "recurring": {"interval": "month"}}
        price = town.api.prices.create(params)
        town.api.products.update(row.stripe_product_id, {"default_price": price.id})
        assert look(town) == [(Kind.CHANGED, "price", "Lantern Mug", "subscription")]

    def test_of_the_images(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        urls = [*stripes(town, row)["images"], "https://img.example.com/second.png"]
        town.api.products.update(row.stripe_product_id, {"images": urls})
        assert look(town) == [(Kind.CHANGED, "images", "Lantern Mug", "")]
        assert apply(town) == []
        settle()
        media = in_saleor(town, "Lantern Mug").media
        assert [each.source for each in media] == ["", "https://img.example.com/second.png"]
        assert look(town) == []
        assert apply(town, Difference.objects.get()) == []
        assert len(media) == 2, "repeating it changes nothing"

    @pytest.mark.parametrize(
        ("url", "code", "reason"),
        [
            ("https://img.example.com/bomb.svg", "not_applicable", "not_public"),
            ("https://img.example.com/missing.png", "product_refused", ""),
        ],
    )
    def test_of_an_image_that_saleor_cannot_take(self, town: Town, url: str, code: str, reason: str) -> None:
        town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"images": [url]})
        assert look(town) == [(Kind.CHANGED, "images", "Lantern Mug", reason)]
        assert apply(town, Difference.objects.get()) == [code]
        assert Difference.objects.get().error

    def test_of_images_that_cannot_be_compared(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"images": ["https://img.example.com/new.png"]})
        monkeypatch.setattr(payloads, "is_public_image", lambda _: False)
        assert look(town) == [(Kind.CHANGED, "images", "Lantern Mug", "image_left_out")]

    def test_of_another_field_is_saleors_to_decide(self, town: Town) -> None:
        town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"unit_label": "mug"})
        assert look(town) == [(Kind.CHANGED, "unit_label", "Lantern Mug", "saleor_decides")]

    def test_of_spaces_at_the_end_is_none(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Lantern Mug ", "unit_label": " "})
        assert look(town) == []

    def test_of_a_product_whose_push_failed_is_not_judged(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug"})
        CatalogProduct.objects.filter(pk=row.pk).update(state=CatalogProduct.State.FAILED)
        assert look(town) == []
        refresh.check(town.account, row.stripe_product_id)
        assert not Difference.objects.exists()

    def test_that_was_undone_is_none(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug"})
        look(town)
        town.api.products.update(row.stripe_product_id, {"name": "Lantern Mug"})
        assert look(town) == []

    def test_that_was_changed_again_is_shown_again(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug"})
        look(town)
        town.api.products.update(row.stripe_product_id, {"name": "Dark Mug"})
        assert apply(town) == ["changed_again"]
        assert Difference.objects.get().stripe_value == "Dark Mug"
        assert apply(town) == []
        assert in_saleor(town, "Dark Mug")


class TestAConflict:
    def test_is_named_and_saleors_value_stays(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug"})
        in_saleor(town, "Lantern Mug").name = "Sun Mug"
        look(town)
        difference = Difference.objects.get()
        assert (difference.is_conflict, difference.saleor_value, difference.may_be_applied) == (
            True,
            "Sun Mug",
            False,
        )
        assert apply(town, difference) == ["conflict"]
        run(town, sync.start)
        settle()
        assert stripes(town, row)["name"] == "Sun Mug"
        difference.refresh_from_db()
        assert difference.state == State.OVERRULED

    def test_between_seeing_and_applying_is_one_too(self, town: Town) -> None:
        town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"name": "Glow Mug"})
        look(town)
        in_saleor(town, "Lantern Mug").name = "Sun Mug"
        assert apply(town) == ["conflict"]
        assert in_saleor(town, "Sun Mug")

    def test_several_changes_of_a_product_are_applied_although_saleors_events_are_handled_meanwhile(
        self, town: Town, settle: Settle, run_due_tasks: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The event about the first change still has Saleor's previous values of the others."""
        row = in_stripe("Lantern Mug")
        new_price(town, row.stripe_product_id, 1999)
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug", "description": "Dim."})
        look(town)
        write = products.update_product

        def write_and_handle(*arguments: Any) -> None:
            write(*arguments)
            town.shop.drain()
            run_due_tasks()

        monkeypatch.setattr(turns, "PAUSES", (0.0,))
        monkeypatch.setattr(products, "update_product", write_and_handle)
        assert apply(town) == []
        assert set(Difference.objects.values_list("state", flat=True)) == {State.APPLIED}
        settle()
        found = in_saleor(town, "Glow Mug")
        assert "Dim." in str(found.description)
        stripe = stripes(town, row)
        assert (stripe["name"], stripe["description"]) == ("Glow Mug", "Dim.")
        [price] = [each for each in row.prices.filter(is_active=True) if each.currency == "USD"]
        assert (price.amount_minor, price.is_adopted) == (1999, True)
        assert look(town) == []

    def test_what_a_comparison_has_deleted_meanwhile_does_not_stop_the_others(self, town: Town) -> None:
        town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"name": "Glow Mug"})
        town.api.products.update(in_stripe("Fern Candle").stripe_product_id, {"name": "Moss Candle"})
        look(town)
        chosen = list(Difference.objects.order_by("pk"))
        Difference.objects.filter(pk=chosen[0].pk).delete()
        outcomes = refresh.apply(town.account.installation, chosen, Target(), "a clerk")
        assert [each.error and each.error.code for each in outcomes] == ["changed_again", None]

    def test_what_is_pushed_overrules_what_was_not_applied(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug", "description": "Dim."})
        look(town)
        assert apply(town, Difference.objects.get(field="name")) == []
        settle()
        assert Difference.objects.get(field="description").state == State.OVERRULED
        assert stripes(town, row)["name"] == "Glow Mug"
        assert "stoneware" in stripes(town, row)["description"]
        assert apply(town, Difference.objects.get(field="description")) == ["overruled"]

    def test_of_a_product_that_saleor_deleted_at_the_same_moment(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug"})
        look(town)
        mug = in_saleor(town, "Lantern Mug")
        change(town, f'productDelete(id: "{mug.id}") {{ errors {{ code }} }}')
        assert apply(town) == ["product_unknown"]
        settle()
        assert stripes(town, row)["active"] is False
        assert look(town) == []


def change(town: Town, call: str) -> None:
    town.shop.gql(f"mutation {{ {call} }}", {}, town.shop.staff_token())


class TestAProductThatIsGone:
    def test_is_no_longer_sold(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"active": False})
        assert look(town) == [(Kind.GONE, "", "Lantern Mug", "")]
        assert apply(town) == []
        settle()
        listings = in_saleor(town, "Lantern Mug").channel_listings
        assert not any(each.is_available_for_purchase for each in listings)
        assert all(each.is_published for each in listings)
        row.refresh_from_db()
        assert row.state == CatalogProduct.State.ARCHIVED
        assert look(town) == []

    def test_of_several_variants_the_others_are_still_sold(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Harbour Sweater – M")
        town.api.products.update(row.stripe_product_id, {"active": False})
        look(town)
        assert apply(town) == []
        settle()
        sweater = in_saleor(town, "Harbour Sweater")
        assert [len(each.channel_listings) for each in sweater.variants] == [2, 0, 2]
        assert look(town) == []

    def test_or_is_sent_again(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"active": False})
        look(town)
        keep(town)
        settle()
        assert stripes(town, row)["active"] is True
        assert look(town) == []
        assert Difference.objects.get().state in (State.KEPT, State.OVERRULED)

    def test_that_is_back_is_not_gone(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"active": False})
        look(town)
        town.api.products.update(row.stripe_product_id, {"active": True})
        assert apply(town) == ["changed_again"]
        assert look(town) == []


def keep(town: Town) -> None:
    refresh.keep_saleors(
        town.account.installation, list(Difference.objects.select_related("account")), "a clerk"
    )


class TestANewProduct:
    def make(self, town: Town, price: Json | None = None, **more: Any) -> str:
        params: Any = {"name": "Poster", "default_price_data": price or ONE_TIME} | more
        return str(town.api.products.create(params).id)

    def test_becomes_saleors_and_stays_the_same_in_stripe(self, town: Town, settle: Settle) -> None:
        made = self.make(town, description="Large.\nBlue.", images=["https://img.example.com/p.png"])
        assert look(town) == [(Kind.NEW, "", "Poster", "")]
        assert apply(town) == []
        settle()
        poster = in_saleor(town, "Poster")
        assert [each.source for each in poster.media] == ["https://img.example.com/p.png"]
        row = in_stripe("Poster")
        assert (row.stripe_product_id, row.state) == (made, CatalogProduct.State.SYNCED)
        found = stripes(town, row)
        assert (found["active"], found["description"]) == (True, "Large.\nBlue.")
        assert found["metadata"]["saleor_product"] == poster.id
        prices = [each for each in town.stripe.account.table("price").values() if each["product"] == made]
        assert len(prices) == 1, "its own Price is the variant's"
        assert prices[0]["metadata"]["saleor_channel"] == "default-channel"
        assert look(town) == []
        assert apply(town, Difference.objects.get()) == []
        assert len(poster.variants) == 1, "repeating it changes nothing"

    def test_keeps_the_merchants_lookup_key(self, town: Town, settle: Settle) -> None:
        made = self.make(town)
        price = town.stripe.account.table("product")[made]["default_price"]
        town.api.prices.update(price, {"lookup_key": "poster-2026"})
        look(town)
        assert apply(town) == []
        settle()
        assert town.stripe.account.table("price")[price]["lookup_key"] == "poster-2026"
        assert CatalogPrice.objects.get(stripe_price_id=price).lookup_key == "poster-2026"

    def test_is_sold_in_each_channel_of_its_currencies(self, town: Town, settle: Settle) -> None:
        made = self.make(town)
        town.api.prices.create({"product": made, "currency": "pln", "unit_amount": 9900})
        town.api.prices.create({"product": made, "currency": "eur", "unit_amount": 2200})
        look(town)
        assert apply(town) == []
        settle()
        listings = in_saleor(town, "Poster").variants[0].channel_listings
        assert [(each.channel.slug, str(each.price)) for each in listings] == [
            ("channel-pln", "99.00"),
            ("default-channel", "25.00"),
        ]
        assert look(town) == []

    def test_needs_a_category(self, town: Town) -> None:
        self.make(town)
        look(town)
        assert apply(town, category="") == ["category"]
        assert Difference.objects.get().may_be_applied
        assert apply(town) == []

    def test_continues_where_an_attempt_ended(
        self, town: Town, settle: Settle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = self.make(town)
        look(town)
        with monkeypatch.context() as patch:
            patch.setattr("saleor_stripe_audience.saleor.products.set_prices", _fail)
            with pytest.raises(OSError, match="killed"):
                apply(town)
        settle()
        assert look(town) == [(Kind.NEW, "", "Poster", "")]
        assert town.stripe.account.table("product")[made]["active"] is True
        assert apply(town) == []
        settle()
        assert in_stripe("Poster").stripe_product_id == made
        assert look(town) == []

    def test_may_be_left_alone(self, town: Town) -> None:
        made = self.make(town)
        look(town)
        keep(town)
        assert look(town) == []
        town.api.products.update(made, {"name": "Poster 2"})
        assert look(town) == [], "it is not shown again"
        new_price(town, made, 3000)
        assert look(town) == [(Kind.NEW, "", "Poster 2", "")], "until its price changes"

    @pytest.mark.parametrize(
        ("price", "more", "reason"),
        [
            (ONE_TIME | {"recurring": {"interval": "month"}}, {}, "subscription"),
            (ONE_TIME, {"metadata": {"saleor_installation": "another"}}, "other_shop"),
            ({"currency": "usd", "custom_unit_amount": {"enabled": True}}, {}, "no_price"),
        ],
    )
    def test_that_is_not_the_shops_is_named_and_left_alone(
        self, town: Town, price: Json, more: Json, reason: str
    ) -> None:
        self.make(town, price, **more)
        before = len(town.stripe.log.entries("POST"))
        assert look(town) == [(Kind.FOREIGN, "", "Poster", reason)]
        assert apply(town, Difference.objects.get()) == ["not_applicable"]
        run(town, sync.start)
        assert len(town.stripe.log.entries("POST")) == before

    @pytest.mark.parametrize(
        ("price", "reason"),
        [
            ({"currency": "usd", "unit_amount": 60}, "price_too_small"),
            ({"currency": "eur", "unit_amount": 900}, "no_channel"),
        ],
    )
    def test_whose_price_saleor_cannot_have(self, town: Town, price: Json, reason: str) -> None:
        self.make(town, price)
        assert look(town) == [(Kind.NEW, "", "Poster", reason)]

    def test_that_changed_meanwhile_is_shown_again(self, town: Town) -> None:
        made = self.make(town)
        look(town)
        town.api.products.update(made, {"name": "Banner"})
        assert apply(town) == ["changed_again"]
        assert apply(town) == []
        assert in_saleor(town, "Banner")


def _fail(*_: object) -> None:
    raise OSError("killed")


def test_a_price_made_while_no_event_arrived_is_found(town: Town) -> None:
    """The library parses some of a Price's amounts as Decimal, which JSON cannot store."""
    town.stripe.lose_webhooks()
    made = town.api.products.create({"name": "Vase"})
    price_id = new_price(town, made.id, 2500)
    reconcile(town.account.installation)
    found = Event.objects.filter(source="stripe", kind="price.created")
    assert [each.payload["data"]["object"]["id"] for each in found if each.payload] == [price_id]


def test_a_shop_without_channels_has_nothing_to_refresh(town: Town) -> None:
    AccountChannel.objects.all().delete()
    CatalogProduct.objects.update(is_active=False)
    assert refresh.start_all(town.account.installation, "a clerk") == []


def test_a_stray_of_the_app_is_named(town: Town) -> None:
    row = in_stripe("Lantern Mug")
    CatalogProduct.objects.filter(pk=row.pk).update(is_active=False, state=CatalogProduct.State.ARCHIVED)
    town.stripe.account.table("product")[row.stripe_product_id]["created"] -= 3600
    assert look(town) == [(Kind.STRAY, "", "Lantern Mug", "saleor_decides")]
    keep(town)
    assert stripes(town, row)["active"] is False


class TestStripesEvents:
    def test_of_what_the_app_sent_are_not_even_stored(self, town: Town) -> None:
        events = [each for each in town.events() if each["type"].startswith(("product.", "price."))]
        assert len(events) > 20
        for _ in range(3):
            town.deliver_all(events)
        assert not Event.objects.filter(kind__startswith="pr").exists()

    def test_report_a_change_at_once(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug"})
        town.deliver_all(town.stripe.events("product.updated")[-1:] * 2)
        [difference] = Difference.objects.all()
        assert (difference.kind, difference.stripe_value) == (Kind.CHANGED, "Glow Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Lantern Mug"})
        town.deliver_all(town.stripe.events("product.updated")[-1:])
        assert not Difference.objects.exists()

    def test_equal_ones_make_no_call(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"metadata": {"mine": "1"}})
        [event] = town.stripe.events("product.updated")[-1:]
        before = len(town.stripe.log.entries()), len(town.shop.host.calls)
        for number in range(20):
            town.deliver(event | {"id": f"evt_{number}"})
        town.work()
        assert Event.objects.filter(kind="product.updated").count() == 20
        assert (len(town.stripe.log.entries()), len(town.shop.host.calls)) == before

    def test_report_new_and_foreign_products_and_prices(self, town: Town) -> None:
        made = town.api.products.create({"name": "Poster", "default_price_data": ONE_TIME}).id
        town.api.products.create({"name": "Theirs", "metadata": {"saleor_installation": "another"}})
        town.deliver_all(town.stripe.events("product.created")[-2:])
        assert [(each.kind, each.title) for each in Difference.objects.all()] == [(Kind.NEW, "Poster")]
        params: Any = ONE_TIME | {"product": made, "recurring": {"interval": "month"}}
        town.api.prices.create(params)
        before = len(town.stripe.log.entries())
        town.deliver_all(town.stripe.events("price.created")[-1:])
        assert len(town.stripe.log.entries()) == before
        town.api.prices.create({"product": made, "currency": "pln", "unit_amount": 9900})
        town.deliver_all(town.stripe.events("price.created")[-1:])
        assert [each.kind for each in Difference.objects.all()] == [Kind.FOREIGN]
        town.api.products.update(made, {"active": False})
        town.deliver_all(town.stripe.events("product.updated")[-1:])
        assert not Difference.objects.exists()

    def test_report_a_new_price_and_an_archived_product(self, town: Town) -> None:
        row = in_stripe("Lantern Mug")
        new_price(town, row.stripe_product_id, 2100)
        town.deliver_all(town.stripe.events("price.created")[-1:])
        assert [each.field for each in Difference.objects.all()] == ["price"]
        town.api.products.update(row.stripe_product_id, {"active": False})
        town.deliver_all(town.stripe.events("product.updated")[-1:])
        assert Kind.GONE in {each.kind for each in Difference.objects.all()}

    def test_of_an_archived_price_make_another_one(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        default = stripes(town, row)["default_price"]
        other = row.prices.filter(is_active=True).exclude(stripe_price_id=default).first()
        assert other is not None
        town.api.prices.update(other.stripe_price_id, {"active": False})
        for _ in range(2):
            town.deliver_all(town.stripe.events("price.updated")[-1:])
            settle()
        [now] = row.prices.filter(is_active=True, channel_slug=other.channel_slug)
        price = town.stripe.account.table("price")[now.stripe_price_id]
        assert (now.pk != other.pk, price["active"], price["lookup_key"]) == (True, True, other.lookup_key)
        assert stripes(town, row)["default_price"] == default
        assert not Difference.objects.exists()

    def test_of_an_archived_price_that_was_replaced_wait_for_staff(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        former = stripes(town, row)["default_price"]
        theirs = new_price(town, row.stripe_product_id, 2100)
        town.api.prices.update(former, {"active": False})
        town.deliver_all(town.stripe.events("price.updated")[-1:])
        settle()
        assert stripes(town, row)["default_price"] == theirs
        assert Difference.objects.get().state == State.OPEN
        assert apply(town) == []
        settle()
        prices = town.stripe.account.table("price").values()
        sold = [each for each in prices if each["product"] == row.stripe_product_id and each["active"]]
        assert sorted(each["unit_amount"] for each in sold) == [2100, 7500]
        assert stripes(town, row)["default_price"] in {each["id"] for each in sold}
        assert look(town) == []

    def test_of_an_account_without_channels_are_ignored(self, town: Town) -> None:
        town.api.products.create({"name": "Poster", "default_price_data": ONE_TIME})
        StripeAccount.objects.update(state=StripeAccount.State.DISCONNECTED)
        town.deliver_all(town.stripe.events("product.created")[-1:])
        assert not Difference.objects.exists()


def test_a_dead_key_fails_the_job_and_the_application(town: Town) -> None:
    town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"name": "Glow Mug"})
    look(town)
    town.stripe.revoke_key(SECRET_KEY)
    [failed] = apply(town)
    assert failed
    assert Difference.objects.get().state == State.OPEN
    job = refresh.start(town.account, "a test")
    assert not jobs.work_page(job.pk, job.step, enqueues=False)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    town.stripe.add_key(town.stripe.account, SECRET_KEY)
    trouble.end(StripeAccount.objects.get())
    assert apply(town) == []


def test_at_most_ten_are_applied_at_once(town: Town) -> None:
    with pytest.raises(Rejected, match="up to 10"):
        refresh.apply(town.account.installation, [Difference()] * 11, Target(), "a clerk")


class TestEveryNight:
    def test_what_is_overruled_is_on_record(self, town: Town, settle: Settle) -> None:
        row = in_stripe("Lantern Mug")
        town.api.products.update(row.stripe_product_id, {"name": "Glow Mug"})
        assert sync_all.call() == 1
        settle()
        assert stripes(town, row)["name"] == "Lantern Mug"
        [difference] = Difference.objects.all()
        assert (difference.state, difference.stripe_value) == (State.OVERRULED, "Glow Mug")
        assert set(Job.objects.filter(actor=sync.ITSELF).values_list("kind", flat=True)) == {
            "refresh",
            "catalogue",
        }

    def test_a_refresh_of_staff_that_is_open_delays_no_sync(self, town: Town) -> None:
        refresh.start(town.account, "a clerk")
        assert sync_all.call() == 1
        assert Job.objects.filter(actor=sync.ITSELF).get().kind == Job.Kind.CATALOGUE


class TestTheCommand:
    def test_refreshes_applies_and_keeps(self, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
        shop = ["catalogue", "--saleor-api-url", town.account.installation.saleor_api_url]
        town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"name": "Glow Mug"})
        town.api.products.create({"name": "Poster", "default_price_data": ONE_TIME})
        assert main([*shop, "--refresh"]) == 0
        found = {each["title"]: each for each in json.loads(capsys.readouterr().out)}
        assert (found["Glow Mug"]["saleor"], found["Poster"]["kind"]) == ("Lantern Mug", "new")
        mug, poster = (str(found[name]["number"]) for name in ("Glow Mug", "Poster"))
        assert main([*shop, "--apply", mug, poster]) == 1
        assert [each["state"] for each in json.loads(capsys.readouterr().out)] == ["applied", "open"]
        assert main([*shop, "--keep", poster]) == 0
        assert [each["state"] for each in json.loads(capsys.readouterr().out)] == ["kept"]
        assert main([*shop, "--apply", "999"]) == 1
        assert "no difference 999" in capsys.readouterr().err

    def test_of_a_dead_key(self, town: Town, capsys: pytest.CaptureFixture[str]) -> None:
        town.stripe.revoke_key(SECRET_KEY)
        shop = ["catalogue", "--saleor-api-url", town.account.installation.saleor_api_url]
        assert main([*shop, "--refresh"]) == 1
        assert "Paste a new" in capsys.readouterr().err


def test_how_many_there_are(town: Town) -> None:
    town.api.products.update(in_stripe("Lantern Mug").stripe_product_id, {"name": "Glow Mug"})
    look(town)
    assert refresh.count_open(town.account.installation) == {
        "new": 0,
        "changed": 1,
        "gone": 0,
        "stray": 0,
        "foreign": 0,
    }


@pytest.mark.parametrize("number", [-1, 0, 999, 10**30])
def test_a_difference_that_there_is_not(town: Town, number: int) -> None:
    with pytest.raises(Rejected, match=f"no difference {number}"):
        refresh.find(town.account.installation, [number])
