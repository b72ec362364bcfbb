"""Amounts and times of orders and checkouts that are unusual, or cannot be."""

from typing import Any

import pytest

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase, PurchaseLine
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, line, order
from tests.audience.records import record_checkout, record_order
from tests.audience.shopping.checkouts import checkout


@pytest.mark.parametrize(
    ("currency", "price", "minor"),
    [
        ("USD", 3.333, 333),
        ("USD", 3.335, 334),
        ("JPY", 333.33, 333),
        ("ISK", 1500.5, 150_100),
        ("KWD", 1.2345, 1230),
    ],
)
def test_a_price_per_unit_may_be_more_precise_than_its_currency(
    shop: Installation, currency: str, price: float, minor: int
) -> None:
    """Tax apps and imported orders have such prices; nothing is charged here, so they are rounded."""
    one = line()
    one["unitPrice"]["gross"] = one["totalPrice"]["gross"] = {"amount": price, "currency": currency}
    record_order(shop, order(currency=currency, lines=[one]), at(1))
    assert PurchaseLine.objects.get().unit_minor == PurchaseLine.objects.get().total_minor == minor
    assert Contact.objects.get().orders_count == 1


def test_a_cart_is_rounded_too(shop: Installation) -> None:
    payload = checkout()
    for each in (payload, payload["lines"][0]):
        each["totalPrice"]["gross"]["amount"] = 20.001
    record_checkout(shop, payload, at(1))
    assert Cart.objects.get().total_minor == 2000


@pytest.mark.parametrize("amount", [-1.0, "NaN", 1e300])
def test_what_is_no_amount_is_refused(shop: Installation, amount: Any) -> None:
    with pytest.raises(Rejected):
        record_order(shop, order(total=amount, charged=0), at(1))
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    "created", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-13-01T00:00:00Z"]
)
def test_a_time_outside_the_calendar_is_refused(shop: Installation, created: str) -> None:
    with pytest.raises(Rejected):
        record_order(shop, order() | {"created": created}, at(1))
    with pytest.raises(Rejected):
        record_checkout(shop, checkout(updated=created), at(1))


def test_a_quantity_that_saleor_cannot_have_is_refused(shop: Installation) -> None:
    with pytest.raises(Rejected):
        record_order(shop, order(lines=[line() | {"quantity": 10**30}]), at(1))
