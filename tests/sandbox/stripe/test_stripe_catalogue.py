"""Products and prices."""

from typing import Any

import pytest
import stripe

from saleor_stripe_audience.sandbox.stripe import StripeSandbox


@pytest.fixture
def product(client: stripe.StripeClient) -> stripe.Product:
    """A product for prices."""
    return client.v1.products.create({"name": "Shirt", "metadata": {"saleor": "1"}})


def price(client: stripe.StripeClient, product: str, **more: Any) -> stripe.Price:
    """A price of 10 dollars."""
    params: Any = {"product": product, "currency": "usd", "unit_amount": 1000, **more}
    return client.v1.prices.create(params)


def test_a_product_changes_and_is_archived(client: stripe.StripeClient, product: stripe.Product) -> None:
    changed = client.v1.products.update(
        product.id, {"name": "Blouse", "active": False, "images": ["https://img.example/1.png"]}
    )
    assert (changed.name, changed.active, changed.images) == ("Blouse", False, ["https://img.example/1.png"])
    assert client.v1.products.list({"active": True}).data == []
    assert [each.id for each in client.v1.products.list({"ids": [product.id]}).data] == [product.id]


def test_a_product_takes_eight_images(client: stripe.StripeClient, product: stripe.Product) -> None:
    images = [f"https://img.example/{number}.png" for number in range(9)]
    assert len(client.v1.products.update(product.id, {"images": images[:8]}).images) == 8
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.products.update(product.id, {"images": images})
    assert refused.value.param == "images"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.products.update(product.id, {"images": ["not a url"]})
    assert client.v1.products.update(product.id, {"images": ""}).images == []


def test_a_prices_amount_never_changes(client: stripe.StripeClient, product: stripe.Product) -> None:
    made = price(client, product.id)
    for name, value in (("unit_amount", 1200), ("currency", "eur"), ("product", "prod_x")):
        params: Any = {name: value}
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.prices.update(made.id, params)
        assert (refused.value.code, refused.value.param) == ("parameter_unknown", name)


def test_a_lookup_key_moves_only_when_asked(client: stripe.StripeClient, product: stripe.Product) -> None:
    old = price(client, product.id, lookup_key="variant-1")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        price(client, product.id, lookup_key="variant-1", unit_amount=1200)
    assert refused.value.param == "lookup_key"
    new = price(client, product.id, lookup_key="variant-1", unit_amount=1200, transfer_lookup_key=True)
    found = client.v1.prices.list({"lookup_keys": ["variant-1"]}).data
    assert [each.id for each in found] == [new.id]
    assert client.v1.prices.retrieve(old.id).lookup_key is None


def test_the_default_price_must_be_the_products_own(
    client: stripe.StripeClient, product: stripe.Product
) -> None:
    own = price(client, product.id)
    client.v1.products.update(product.id, {"default_price": own.id})
    with pytest.raises(stripe.InvalidRequestError, match="default price"):
        client.v1.prices.update(own.id, {"active": False})
    other = client.v1.products.create({"name": "Hat"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.products.update(other.id, {"default_price": own.id})
    assert refused.value.param == "default_price"


def test_a_product_with_prices_is_not_deleted(client: stripe.StripeClient, product: stripe.Product) -> None:
    price(client, product.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.products.delete(product.id)
    bare = client.v1.products.create({"name": "Hat"})
    assert client.v1.products.delete(bare.id).deleted
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.products.retrieve(bare.id)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"unit_amount": -1}, "unit_amount"),
        ({"unit_amount": 1050, "currency": "isk"}, "unit_amount"),
        ({"currency": "zzz"}, "currency"),
        ({"product": "prod_none"}, "product"),
        ({"unit_amount_decimal": "10.5"}, "unit_amount_decimal"),
        ({"lookup_key": "k" * 201}, "lookup_key"),
    ],
)
def test_bad_prices_are_refused(
    client: stripe.StripeClient, product: stripe.Product, change: dict[str, Any], param: str
) -> None:
    params: Any = {"product": product.id, "currency": "usd", "unit_amount": 1000, **change}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.prices.create(params)
    assert refused.value.param == param


def test_a_price_needs_product_and_amount(client: stripe.StripeClient, product: stripe.Product) -> None:
    for params, param in (
        ({"currency": "usd", "unit_amount": 5}, "product"),
        ({"currency": "usd", "product": product.id}, "unit_amount"),
    ):
        given: Any = params
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.prices.create(given)
        assert (refused.value.code, refused.value.param) == ("parameter_missing", param)


def test_a_product_comes_with_its_first_price(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    made = client.v1.products.create(
        {
            "name": "Shirt",
            "default_price_data": {"currency": "eur", "unit_amount": 900},
            "expand": ["default_price"],
        }
    )
    assert made.default_price.unit_amount == 900  # type: ignore[union-attr]  # expanded
    assert [event["type"] for event in sandbox.events()] == ["price.created", "product.created"]


def test_an_own_id_is_accepted_once(client: stripe.StripeClient) -> None:
    client.v1.products.create({"name": "Shirt", "id": "saleor-1"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.products.create({"name": "Shirt", "id": "saleor-1"})
    assert refused.value.code == "resource_already_exists"


def test_prices_are_filtered(client: stripe.StripeClient, product: stripe.Product) -> None:
    dollars, euros = price(client, product.id), price(client, product.id, currency="eur")
    client.v1.prices.update(dollars.id, {"active": False})
    assert [each.id for each in client.v1.prices.list({"active": True}).data] == [euros.id]
    assert [each.id for each in client.v1.prices.list({"currency": "usd"}).data] == [dollars.id]
    listed = client.v1.prices.list({"product": product.id, "expand": ["data.product"]}).data
    assert {each.product.name for each in listed} == {"Shirt"}  # type: ignore[union-attr]  # expanded
