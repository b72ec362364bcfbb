"""Products that change without a product event are fetched from Saleor: by a date, a category or an image."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from saleor_stripe_audience.catalog import push
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.catalog.refetch import fetch_due
from saleor_stripe_audience.sandbox.saleor.seed import _Product, _product, _Variant
from saleor_stripe_audience.sandbox.saleor.state import Product
from tests.payments.conftest import stripe_sandbox, stripe_url  # noqa: F401 - fixtures
from tests.payments.test_reporting import Town, town

__all__ = ["town"]

pytestmark = pytest.mark.django_db(transaction=True)

State = CatalogProduct.State


def test_what_is_due_is_sold_without_an_event(town: Town, run_all_tasks: Callable[[], int]) -> None:
    town.shop.drain()
    [one, *_] = town.shop.host.store.products
    for each in one.channel_listings:
        each.published_at = timezone.now() + timedelta(days=1)
    rename(town, one.id, "Soon")
    run_all_tasks()
    assert set(CatalogProduct.objects.values_list("state", flat=True)) == {State.NOT_SOLD}
    assert fetch_due() == 0, "not yet"
    for each in one.channel_listings:
        each.published_at = timezone.now() - timedelta(seconds=1)
    CatalogProduct.objects.update(changes_at=timezone.now() - timedelta(seconds=1))
    assert fetch_due() == 1
    run_all_tasks()
    assert set(CatalogProduct.objects.values_list("state", flat=True)) == {State.SYNCED}
    assert [each["name"] for each in town.stripe.account.table("product").values()] == ["Soon"]
    assert fetch_due() == 0, "once"


def rename(town: Town, product_id: str, name: str) -> None:
    change(town, "productUpdate(id: $id, input: {name: $name})", id=product_id, name=name)


def change(town: Town, call: str, **variables: str) -> None:
    """Run a mutation as staff, and let its events arrive."""
    declared = ", ".join(f"${name}: {'ID' if name == 'id' else 'String'}!" for name in variables)
    given = f"({declared})" if declared else ""
    answer = town.shop.gql(
        f"mutation{given} {{ {call} {{ errors {{ message }} }} }}", variables, town.shop.staff_token()
    )
    assert not any(each["errors"] for each in answer.values()), answer
    town.shop.drain()


def test_a_renamed_category_reaches_every_product_of_it(town: Town, run_all_tasks: Callable[[], int]) -> None:
    [one, two, *_] = town.shop.host.store.products
    two.category = one.category
    for each in (one, two):
        rename(town, each.id, f"{each.name}!")
    run_all_tasks()
    assert one.category is not None
    change(town, "categoryUpdate(id: $id, input: {name: $name})", id=one.category.id, name="Cellar")
    run_all_tasks()
    made = town.stripe.account.table("product").values()
    assert {each["metadata"]["category"] for each in made} == {"Cellar"}
    before = len(town.stripe.log.entries("POST"))
    change(town, "categoryUpdate(id: $id, input: {name: $name})", id=one.category.id, name="Cellar")
    run_all_tasks()
    assert len(town.stripe.log.entries("POST")) == before


def test_a_removed_image_is_removed_in_stripe(town: Town, run_all_tasks: Callable[[], int]) -> None:
    """Only the image's event arrives, so the product is fetched."""
    [one, *_] = town.shop.host.store.products
    rename(town, one.id, "With a picture")
    run_all_tasks()
    [made] = town.stripe.account.table("product").values()
    CatalogProduct.objects.update(sent_hash="with a picture")
    made["images"] = ["https://img.example.com/t.png"]
    change(town, "productMediaDelete(id: $id)", id=one.media[0].id)
    run_all_tasks()
    assert made["images"] == []


def test_the_last_variant_loses_its_name_in_stripe(town: Town, run_all_tasks: Callable[[], int]) -> None:
    """Saleor sends no event of the product when one of its variants is deleted."""
    sweater = next(each for each in town.shop.host.store.products if len(each.variants) == 3)
    rename(town, sweater.id, "Jumper")
    run_all_tasks()

    def names() -> set[str]:
        return {each["name"] for each in town.stripe.account.table("product").values() if each["active"]}

    for expected in ({"Jumper – M", "Jumper – L"}, {"Jumper"}, set[str]()):
        change(town, "productVariantDelete(id: $id)", id=sweater.variants[0].id)
        run_all_tasks()
        assert names() == expected


def rename_variants(town: Town, product: Product) -> None:
    """Rename all variants of the product in one mutation."""
    given = [{"id": each.id, "name": f"{each.name} new"} for each in product.variants]
    town.shop.gql(
        "mutation($id: ID!, $given: [ProductVariantBulkUpdateInput!]!) "
        "{ productVariantBulkUpdate(product: $id, variants: $given) { count errors { message } } }",
        {"id": product.id, "given": given},
        town.shop.staff_token(),
    )
    town.shop.drain()


def test_a_bulk_update_sends_each_variant_once(town: Town, run_all_tasks: Callable[[], int]) -> None:
    sweater = next(each for each in town.shop.host.store.products if len(each.variants) == 3)
    rename(town, sweater.id, "Jumper")
    run_all_tasks()
    before = len(town.stripe.log.entries("POST"))
    rename_variants(town, sweater)
    run_all_tasks()
    assert len(town.stripe.log.entries("POST")) - before == 3, "one call for each of three variants"
    names = {each["name"] for each in town.stripe.account.table("product").values()}
    assert names == {f"Jumper – {size} new" for size in "SML"}


def test_a_bulk_update_of_many_variants_sends_each_once(
    town: Town, run_all_tasks: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "CONFIRMED_AT_ONCE", 10)
    store = town.shop.host.store
    made = tuple(_Variant(f"Size {number}", f"MANY-{number}", "18.00", "75.00") for number in range(30))
    many = _product(store, _Product("Jumper", "Warm.", "Clothes", (1, 2, 3), made))
    store.products.append(many)
    rename(town, many.id, "Pullover")
    run_all_tasks()
    before = len(town.stripe.log.entries("POST"))
    rename_variants(town, many)
    run_all_tasks()
    assert len(town.stripe.log.entries("POST")) - before == 30
    names = [each["name"] for each in town.stripe.account.table("product").values()]
    assert len(names) == 30
    assert all(name.endswith(" new") for name in names)


def test_a_burst_of_images_fetches_the_product_once(town: Town, run_all_tasks: Callable[[], int]) -> None:
    product = town.shop.host.store.products[0]
    rename(town, product.id, "Burst")
    run_all_tasks()
    before = len(town.shop.host.calls), len(town.stripe.log.entries("POST"))
    for number in range(8):
        address = f"https://img.example.com/{number}.png"
        media = f'{{product: "{product.id}", mediaUrl: "{address}"}}'
        change(town, f"productMediaCreate(input: {media})")
    run_all_tasks()
    fetched = [each for each in town.shop.host.calls[before[0] :] if "query Products" in each]
    assert len(fetched) == 1
    assert len(town.stripe.log.entries("POST")) == before[1], "the stand-in's images are not public"
