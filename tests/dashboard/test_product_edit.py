"""Staff add and edit a product on the page: once, with its image, and with an error next to each wrong field."""

import html
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.sandbox.saleor.png import square
from saleor_stripe_audience.sandbox.saleor.state import Product
from tests.payments.conftest import stripe_sandbox, stripe_url
from tests.payments.test_reporting import Town, town

__all__ = ["stripe_sandbox", "stripe_url", "town"]

pytestmark = pytest.mark.django_db(transaction=True)
PNG = square((1, 2, 3), 16)


class Staff:
    """A staff member with the app's page open in the sandbox's Dashboard."""

    def __init__(self, town: Town) -> None:
        self.town, self.client = town, Client(enforce_csrf_checks=True)
        app = town.shop.app("saleor.app.stripe-audience")
        assert app is not None
        self.headers = {
            "Authorization": f"Bearer {town.shop.dashboard_token(app)}",
            "Saleor-Api-Url": town.shop.api_url,
        }

    def look(self, path: str) -> str:
        answer = self.client.get(f"/dashboard/{path}", headers=self.headers)
        assert answer.status_code == 200
        return answer.content.decode()

    def send(self, path: str, **fields: Any) -> tuple[int, str]:
        answer = self.client.post(f"/dashboard/{path}", fields, headers=self.headers)
        return answer.status_code, answer.content.decode()

    def named(self, name: str) -> list[Product]:
        return [each for each in self.town.shop.host.store.products if each.name == name]


@pytest.fixture
def staff(town: Town) -> Staff:
    return Staff(town)


def a_file(content: bytes = PNG, name: str = "lamp.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def new(staff: Staff, **changed: Any) -> dict[str, Any]:
    text = staff.look("products/add")
    [key] = re.findall(r'name="key" value="([^"]+)"', text)
    return {
        "key": key,
        "title": "Lamp",
        "price:default-channel": "1 234,50",
        "category": staff.town.shop.host.store.categories[0].id,
        "description": "Warm.",
    } | changed


def test_a_product_is_added_once_with_its_image(staff: Staff) -> None:
    fields = new(staff)
    for _ in range(2):
        status, text = staff.send("products/add", **fields, image=a_file())
        assert (status, "“Lamp” was added to Saleor." in text) == (200, True)
    [made] = staff.named("Lamp")
    assert [each.content for each in made.media] == [PNG]
    assert f'name="key" value="{fields["key"]}"' not in text, "another product has another key"
    staff.send("products/add", **new(staff))
    assert len(staff.named("Lamp")) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"title": " "},
            'name="title" value=" " required maxlength="250" autocomplete="off" aria-invalid="true"',
        ),
        ({"price:default-channel": "x"}, "“x” is not a price."),
        ({"price:default-channel": "0.10"}, "a product must cost at least"),
        ({"price:default-channel": "NaN"}, 'aria-invalid="true"'),
        ({"price:nowhere": "5"}, "The shop has no channel “nowhere”."),
        ({"image": b"<svg></svg>"}, "not a PNG, JPEG, GIF or WebP image"),
        ({"key": "x"}, "This form is incomplete."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_added(staff: Staff, changed: dict[str, Any], said: str) -> None:
    fields = new(staff, **changed)
    if "image" in changed:
        fields["image"] = a_file(changed["image"])
    status, text = staff.send("products/add", **fields)
    assert (status, said in text) == (422, True)
    assert staff.named("Lamp") == []


def marked(text: str) -> list[str]:
    """Return the names of the fields that are marked as invalid."""
    return [
        name
        for name, rest in re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"([^>]*)>', text)
        if 'aria-invalid="true"' in rest
    ]


@pytest.mark.parametrize("wrong", ["default-channel", "channel-pln"])
@pytest.mark.parametrize("amount", ["x", "0.01", "1.234", "99999999999", "NaN"])
def test_only_the_price_that_is_wrong_is_marked(staff: Staff, wrong: str, amount: str) -> None:
    prices = {"price:default-channel": "50", "price:channel-pln": "60"} | {f"price:{wrong}": amount}
    status, text = staff.send("products/add", **new(staff, **prices))
    assert (status, marked(text)) == (422, [f"price:{wrong}"])
    assert len(re.findall("data-focus", text)) == 1
    row = a_row(staff)
    status, text = staff.send(f"products/{row.pk}/edit", variant=row.saleor_variant_id, **prices)
    assert (status, marked(text)) == (422, [f"price:{wrong}"])


def a_row(staff: Staff) -> CatalogProduct:
    """Create a product of the shop in the catalogue."""
    [product] = [each for each in staff.town.shop.host.store.products if len(each.variants) == 1][:1]
    return CatalogProduct.objects.create(
        installation=staff.town.account.installation,
        account=staff.town.account,
        saleor_product_id=product.id,
        saleor_variant_id=product.variants[0].id,
        name=product.name,
        issued_at="2026-11-23T12:00:00Z",
    )


def test_a_product_is_edited_in_saleor(staff: Staff) -> None:
    row = a_row(staff)
    text = staff.look(f"products/{row.pk}/edit")
    [product] = [each for each in staff.town.shop.host.store.products if each.id == row.saleor_product_id]
    for _ in range(2):
        status, text = staff.send(f"products/{row.pk}/edit", title="New name", image=a_file())
        assert (status, "Saved in Saleor." in text) == (200, True)
    assert product.name == "New name"
    assert sum(each.content == PNG for each in product.media) == 1
    variant = row.saleor_variant_id
    status, text = staff.send(
        f"products/{row.pk}/edit", variant=variant, **{"price:default-channel": "99,95"}
    )
    assert (status, "Saved in Saleor." in text) == (200, True)
    assert 'name="price:default-channel" value="99.95"' in text
    [price] = [
        each.price for each in product.variants[0].channel_listings if each.channel.slug == "default-channel"
    ]
    assert price == Decimal("99.95")
    status, text = staff.send(f"products/{row.pk}/edit", variant=variant, **{"price:default-channel": "0,01"})
    assert (status, 'value="0,01"' in text, "a product must cost at least" in text) == (422, True, True)
    assert staff.send(f"products/{row.pk}/edit", title="")[0] == 422
    assert product.name == "New name"


def shown_fields(page: str, form: str) -> dict[str, str]:
    """Return what a browser would send if nobody changed the form."""
    part = page.partition(f'<form id="{form}"')[2].partition("</form>")[0]
    fields = re.findall(r'name="([^"]+)"[^>]* value="([^"]*)"', part)
    areas = re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', part, re.DOTALL)
    found = {name: html.unescape(value) for name, value in [*fields, *areas]}
    return {name: value for name, value in found.items() if name != "remove"}


def test_only_what_was_changed_is_written(staff: Staff) -> None:
    """A colleague, or an import, may have changed the rest in Saleor since the form was opened."""
    row = a_row(staff)
    [product] = [each for each in staff.town.shop.host.store.products if each.id == row.saleor_product_id]
    words = "first line\nsecond line" + " and much more" * 2000
    product.description = json.dumps({"blocks": [{"type": "paragraph", "data": {"text": words}}]})
    page = staff.look(f"products/{row.pk}/edit")
    fields = shown_fields(page, "product")
    prices = shown_fields(page, "prices-1")
    first, second = product.variants[0].channel_listings[:2]
    product.description = theirs = json.dumps(
        {"blocks": [{"type": "header", "data": {"text": "A colleague's"}}]}
    )
    second.price = Decimal("77.00")
    typed = fields | {"title": "New name", "description": fields["description"].replace("\n", "\r\n")}
    status, page = staff.send(f"products/{row.pk}/edit", **typed)
    assert (status, "Saved in Saleor." in page) == (200, True)
    assert (product.name, product.description) == ("New name", theirs)
    wrong = prices | {f"price:{first.channel.slug}": "much"}
    status, page = staff.send(f"products/{row.pk}/edit", **wrong)
    assert status == 422
    again = shown_fields(page, "prices-1") | {f"price:{first.channel.slug}": "98.76"}
    assert staff.send(f"products/{row.pk}/edit", **again)[0] == 200
    assert (first.price, second.price) == (Decimal("98.76"), Decimal("77.00"))


def test_a_product_that_saleor_no_longer_has_is_not_found(staff: Staff) -> None:
    row = a_row(staff)
    CatalogProduct.objects.update(saleor_product_id="UHJvZHVjdDo5OTk5OTk=")
    answer = staff.client.get(f"/dashboard/products/{row.pk}/edit", headers=staff.headers)
    assert answer.status_code == 404
