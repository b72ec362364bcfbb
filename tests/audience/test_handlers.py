"""From the inbox to the audience: recorded once, handled once, refused with a reason."""

import copy
from typing import Any

import pytest

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, everything, member, order


def _deliver(shop: Installation, kind: str, payload: dict[str, Any], step: int) -> Event:
    body = {"issuedAt": at(step).isoformat(), "recipient": {"id": shop.app_id}} | payload
    record("saleor", shop.pk, f"{kind} {step}", kind, copy.deepcopy(body), at(step))
    return Event.objects.get(key=f"{kind} {step}")


@pytest.mark.parametrize(
    "kind",
    ["order_created", "order_paid", "order_fully_paid", "order_refunded", "order_cancelled", "order_updated"],
)
def test_each_event_of_an_order_stores_the_order(shop: Installation, kind: str) -> None:
    event = _deliver(shop, kind, {"order": order()}, 1)
    dispatch(event.pk)
    dispatch(event.pk)
    assert (Purchase.objects.get().issued_at, Contact.objects.get().orders_count) == (at(1), 1)
    assert Handling.objects.filter(event=event, done_at=None).count() == 0


@pytest.mark.parametrize("kind", ["customer_created", "customer_updated"])
def test_each_event_of_a_customer_stores_the_customer(shop: Installation, kind: str) -> None:
    dispatch(_deliver(shop, kind, {"user": member(7)}, 1).pk)
    assert Contact.objects.get().saleor_user_id == member(7)["id"]


def test_the_four_events_of_one_purchase_are_one_order(shop: Installation) -> None:
    for step, kind in enumerate(["order_paid", "order_created", "order_fully_paid", "order_updated"]):
        dispatch(_deliver(shop, kind, {"order": order()}, 10 - step).pk)
    [buyer] = everything(shop)
    assert (buyer["orders_count"], buyer["spent"], len(buyer["purchases"])) == (1, {"USD": (3000, 0)}, 1)


def test_an_order_that_was_deleted_before_its_event_is_skipped(shop: Installation) -> None:
    event = _deliver(shop, "order_created", {"order": None}, 1)
    dispatch(event.pk)
    assert all(each.done_at for each in Handling.objects.filter(event=event))
    assert Contact.objects.count() == 0


@pytest.mark.parametrize("payload", [{"order": []}, {}, {"order": order() | {"total": None}}])
def test_an_invalid_event_fails_with_a_reason(shop: Installation, payload: dict[str, Any]) -> None:
    event = _deliver(shop, "order_created", payload, 1)
    dispatch(event.pk)
    handling = Handling.objects.get(event=event, handler="audience.handlers.record_order")
    assert handling.given_up_at is not None
    assert handling.reason
    assert Contact.objects.count() == 0
