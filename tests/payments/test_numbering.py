"""The payment in Stripe gets the order's number once there is an order."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.payments import handlers
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.sandbox.demo.shopper import COMPLETE, change
from saleor_stripe_audience.sandbox.demo.stage import Stage

from .test_reporting import Town, town

__all__ = ["town"]

Json = dict[str, Any]
HANDLER = "payments.handlers.set_order_number"


def intent(town: Town) -> Json:
    return town.stripe.account.table("payment_intent")[town.intent]


def order(town: Town) -> str:
    """Pay and complete the checkout; return the order's number."""
    town.begin()
    town.pay()
    town.deliver_all(town.events())
    done = change(cast("Stage", town), COMPLETE, None, id=Payment.objects.get().source_id)
    town.shop.drain()
    number: str = done["order"]["number"]
    return number


def test_a_payment_is_called_by_its_order(town: Town, run_all_tasks: Callable[[], int]) -> None:
    number = order(town)
    assert intent(town)["description"].startswith("Checkout ")
    run_all_tasks()
    assert intent(town)["description"] == f"Order {number}"
    assert intent(town)["metadata"]["saleor_order_number"] == number
    assert intent(town)["metadata"]["saleor_transaction"] == town.transaction
    event = Event.objects.get(kind="order_created")
    town.stripe.log.clear()
    handlers.set_order_number(event)
    assert intent(town)["description"] == f"Order {number}"


def test_a_stripe_that_is_down_is_reported_later(town: Town, run_all_tasks: Callable[[], int]) -> None:
    number = order(town)
    town.stripe.add_fault(f"POST /v1/payment_intents/{town.intent}", status=500, times=2)
    run_all_tasks()
    assert intent(town)["description"] == f"Order {number}"


def test_what_stripe_refuses_to_rename_keeps_its_name(town: Town, run_all_tasks: Callable[[], int]) -> None:
    order(town)
    town.stripe.add_fault(f"POST /v1/payment_intents/{town.intent}", status=400, times=1)
    run_all_tasks()
    assert intent(town)["description"].startswith("Checkout ")
    assert Handling.objects.get(handler=HANDLER).done_at is not None


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"order": None},
        {"order": []},
        {"order": {"number": "7"}},
        {"order": {"number": "7", "checkoutId": None}},
    ],
)
def test_an_order_of_no_checkout_is_left_alone(town: Town, payload: Json | None) -> None:
    town.begin()
    town.stripe.log.clear()
    handlers.set_order_number(Event(origin=town.account.installation_id, payload=payload))
    assert town.stripe.log.entries() == []


def test_another_shops_order_is_left_alone(town: Town) -> None:
    town.begin()
    town.stripe.log.clear()
    payload = {"order": {"number": "7", "checkoutId": Payment.objects.get().source_id}}
    handlers.set_order_number(Event(origin="00000000-0000-4000-8000-000000000000", payload=payload))
    assert town.stripe.log.entries() == []
