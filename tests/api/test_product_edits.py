"""Adding and editing products over the API, in Saleor's style, with an upload."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import RequestFactory

from saleor_stripe_audience.api.views import LARGEST_REQUEST_BYTES, graphql_view
from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.sandbox.saleor.png import square
from saleor_stripe_audience.sandbox.saleor.state import Product
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import stripe_sandbox, stripe_url  # noqa: F401 - fixtures
from tests.payments.test_reporting import Town, town

from .conftest import codes_of, errors_of, post

__all__ = ["town"]

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
Ask = Callable[..., Json]
PNG = square((9, 9, 9), 16)
CHOICES = """{ productChoices { channels { channel currency smallestPrice { amount } }
  productTypes { saleorId name } categories { saleorId name } } }"""
READ = """query($id: ID!) { productToEdit(product: $id) { saleorId title description images { saleorId url }
  variants { saleorId name sku prices { channel amount } } } }"""
CREATE = """mutation($input: ProductCreateInput!) { productCreate(input: $input) {
  saleorProductId saleorVariantId errors { field code message } } }"""
UPDATE = """mutation($id: ID!, $input: ProductUpdateInput!) { productUpdate(product: $id, input: $input) {
  saleorProductId errors { field code message } } }"""


@pytest.fixture
def ask(town: Town) -> Ask:
    return asking(town.account.installation, "catalogue:write")


def asking(shop: Installation, scope: str) -> Ask:
    key = create_key(shop, "a clerk", scopes=[scope]).secret

    def answer(query: str, **variables: Any) -> Json:
        found: Json = json.loads(post(key, {"query": query, "variables": variables}).content)
        return found

    return answer


def lamp(town: Town, **more: Any) -> Json:
    given = {
        "key": "form 1",
        "title": "Lamp",
        "prices": [{"channel": "default-channel", "amount": "20.00"}],
        "category": town.shop.host.store.categories[0].id,
    }
    return given | more


def newest(town: Town) -> Product:
    return town.shop.host.store.products[-1]


def send(town: Town, operations: Any, mapped: Any, **files: Any) -> Json:
    """Send a multipart request, as GraphQL clients do."""
    key = create_key(town.account.installation, "a form", scopes=["catalogue:write"]).secret
    parts = {"operations": operations, "map": mapped}
    data = {name: part if isinstance(part, str) else json.dumps(part) for name, part in parts.items()}
    request = RequestFactory().post("/graphql/", data | files, headers={"Authorization": f"Bearer {key}"})
    found: Json = json.loads(graphql_view(request).content)
    return found


def upload(content: bytes, name: str = "lamp.png") -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile(name, content)


def test_the_choices(ask: Ask) -> None:
    found = ask(CHOICES)["data"]["productChoices"]
    assert found["channels"][0] == {
        "channel": "default-channel",
        "currency": "USD",
        "smallestPrice": {"amount": 1.0},
    }
    assert [each["name"] for each in found["productTypes"]] == ["Goods", "Downloads"]
    assert found["categories"]


def test_a_product_is_added_read_and_changed(town: Town, ask: Ask) -> None:
    made = ask(CREATE, input=lamp(town, description="Warm."))["data"]["productCreate"]
    assert made["errors"] == []
    assert made["saleorProductId"] == newest(town).id
    again = ask(CREATE, input=lamp(town, description="Warm."))["data"]["productCreate"]
    assert again == made
    update = {"title": "Lamp 2", "prices": [{"channel": "default-channel", "amount": 25}]}
    assert ask(UPDATE, id=made["saleorProductId"], input=update)["data"]["productUpdate"] == {
        "saleorProductId": made["saleorProductId"],
        "errors": [],
    }
    read = ask(READ, id=made["saleorProductId"])["data"]["productToEdit"]
    assert (read["title"], read["description"], read["images"]) == ("Lamp 2", "Warm.", [])
    [price] = read["variants"][0]["prices"]
    assert (price["channel"], Decimal(price["amount"])) == ("default-channel", Decimal(25))


def test_an_image_is_uploaded(town: Town) -> None:
    operations = {"query": CREATE, "variables": {"input": lamp(town, image=None)}}
    made = send(town, operations, {"0": ["variables.input.image"]}, **{"0": upload(PNG)})
    assert made["data"]["productCreate"]["errors"] == []
    assert newest(town).media[0].content == PNG


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"<svg onload='alert(1)'/>", ("image", "INVALID")),
        (PNG + bytes(3 * 1024 * 1024), ("image", "TOO_LARGE")),
    ],
)
def test_another_upload_is_refused(town: Town, content: bytes, error: tuple[str, str]) -> None:
    before = len(town.shop.host.store.products)
    operations = {"query": CREATE, "variables": {"input": lamp(town, image=None)}}
    found = send(town, operations, {"0": ["variables.input.image"]}, **{"0": upload(content)})
    assert errors_of({"data": found["data"]}) == [error]
    assert len(town.shop.host.store.products) == before


def test_a_text_is_not_a_file(town: Town, ask: Ask) -> None:
    assert errors_of(ask(CREATE, input=lamp(town, image="/etc/passwd"))) == [("image", "INVALID")]


@pytest.mark.parametrize(
    ("operations", "mapped"),
    [
        ("no JSON", {}),
        ({"query": CREATE}, {"0": ["variables.input.image"]}),
        ({"query": CREATE, "variables": {}}, {"0": ["query"]}),
        ({"query": CREATE, "variables": {"input": {}}}, {"1": ["variables.input.image"]}),
        ({"query": CREATE, "variables": {"input": []}}, {"0": ["variables.input.x"]}),
        ({"query": CREATE, "variables": {"input": {}}}, {"0": 7}),
        ([], {}),
    ],
)
def test_a_multipart_request_that_is_none_is_refused(town: Town, operations: Any, mapped: Any) -> None:
    assert codes_of(send(town, operations, mapped, **{"0": upload(PNG)})) == {"BAD_REQUEST"}


def test_a_large_operation_is_refused_in_a_form_too(town: Town) -> None:
    found = send(town, json.dumps({"query": " " * (LARGEST_REQUEST_BYTES + 1)}), {})
    assert codes_of(found) == {"TOO_LARGE"}


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"title": ""}, ("title", "REQUIRED")),
        ({"title": "x" * 300}, ("title", "TOO_LONG")),
        ({"prices": [{"channel": "default-channel", "amount": "0.10"}]}, ("prices", "INVALID")),
        ({"prices": [{"channel": "nowhere", "amount": "10"}]}, ("channel", "NOT_FOUND")),
        ({"prices": [{"channel": "x", "amount": "10"}] * 101}, ("prices", "TOO_MANY_VALUES")),
        ({"category": "garbage"}, ("category", "INVALID")),
        ({"key": ""}, ("key", "INVALID")),
    ],
)
def test_bad_input_names_its_field(town: Town, ask: Ask, more: Json, error: tuple[str, str]) -> None:
    assert errors_of(ask(CREATE, input=lamp(town, **more))) == [error]


def test_reading_is_not_writing(town: Town, ask: Ask) -> None:
    read = asking(town.account.installation, "catalogue:read")
    product = town.shop.host.store.products[0].id
    for query, variables in (
        (CHOICES, {}),
        (READ, {"id": product}),
        (CREATE, {"input": lamp(town)}),
        (UPDATE, {"id": product, "input": {"title": "Mine"}}),
    ):
        assert codes_of(read(query, **variables)) == {"PERMISSION_DENIED"}
    assert codes_of(ask(READ, id="UHJvZHVjdDo5OTk=")) == {"NOT_FOUND"}
    assert errors_of(ask(UPDATE, id="UHJvZHVjdDo5OTk=", input={})) == [("product", "NOT_FOUND")]


def test_a_saleor_that_does_not_respond_is_unavailable(town: Town, ask: Ask) -> None:
    town.shop.host.faults.statuses = [500]
    assert codes_of(ask(CREATE, input=lamp(town))) == {"UNAVAILABLE"}
