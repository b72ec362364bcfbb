"""Events that a real Saleor sent during sign-ups, purchases, refunds and cancellations."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    change_audience,
    default_audience,
)
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase, SoldProduct
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.shops.models import Installation
from tests import recordings
from tests.audience.conftest import install
from tests.audience.histories import everything, nobodys
from tests.audience.records import record_customer, record_order
from tests.conftest import shared_rows

ORDERS = {
    "order_created", "order_paid", "order_fully_paid", "order_refunded", "order_cancelled", "order_updated",
}  # fmt: skip
CUSTOMERS = {"customer_created", "customer_updated"}


def _recorded() -> list[tuple[str, dict[str, Any]]]:
    events = []
    for delivery in recordings.lines("deliveries-audience.jsonl"):
        event = {name.lower(): value for name, value in delivery["headers"]}["saleor-event"]
        events.append((event, json.loads(base64.b64decode(delivery["body_b64"]))))
    return events


def _handle(installation: Any, events: list[tuple[str, dict[str, Any]]]) -> None:
    for event, body in events:
        issued_at = datetime.fromisoformat(body["issuedAt"])
        if event in ORDERS:
            record_order(installation, body["order"], issued_at)
        elif event in CUSTOMERS:
            record_customer(installation, body["user"], issued_at)


def test_every_recorded_order_and_customer_is_stored(shop: Installation) -> None:
    events = _recorded()
    _handle(shop, events)

    orders = {body["order"]["id"] for event, body in events if event in ORDERS}
    assert len(orders) > 5
    assert set(Purchase.objects.values_list("saleor_order_id", flat=True)) == orders
    assert set(Contact.objects.values_list("status", flat=True)) == {"nonsubscribed"}


def test_spending_equals_saleors_own_total(shop: Installation) -> None:
    events = _recorded()
    _handle(shop, events)
    newest: dict[str, tuple[str, dict[str, Any]]] = {}
    for event, body in events:
        if event in ORDERS:
            known = newest.get(body["order"]["id"], ("", {}))
            newest[body["order"]["id"]] = max(
                known, (body["issuedAt"], body["order"]), key=lambda one: one[0]
            )
    for _, order in newest.values():
        kept = Purchase.objects.get(saleor_order_id=order["id"])
        held = kept.charged_minor - kept.refunded_minor
        assert held == round(order["totalCharged"]["amount"] * 100)
        assert kept.is_paid == (
            order["chargeStatus"] != "NONE" and order["status"] not in ("CANCELED", "EXPIRED")
        )


CHECKOUTS = {"checkout_created", "checkout_updated"}
HANDLED = (
    ORDERS
    | CUSTOMERS
    | CHECKOUTS
    | {"order_confirmed", "order_metadata_updated"}
    | {"account_confirmed", "account_email_changed", "account_deleted", "customer_deleted"}
)


def _work(shop: Installation, events: list[tuple[str, dict[str, Any]]]) -> None:
    """Handle the events through the inbox, as the app does."""
    change_audience(default_of(shop), AudienceSettings("News", consent_text="Send me news."))
    for number, (kind, body) in enumerate(events):
        if kind in HANDLED:
            record("saleor", shop.pk, str(number), kind, body, datetime.fromisoformat(body["issuedAt"]))
            dispatch(Event.objects.get(origin=shop.pk, key=str(number)).pk)


def default_of(shop: Installation) -> Audience:
    with transaction.atomic():
        return default_audience(shop)


@pytest.fixture(scope="class")
def handled(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    """A shop that has handled all events in the order in which they were sent, which takes seconds."""
    with shared_rows(django_db_blocker):
        shop = install()
        _work(shop, _recorded())
        yield shop


@pytest.mark.django_db
class TestHandled:
    def test_people_who_ticked_the_box_are_subscribed_and_deleted_accounts_are_erased(
        self, handled: Installation
    ) -> None:
        events = _recorded()
        gone = {
            body["user"]["email"].lower()
            for kind, body in events
            if kind.endswith("_deleted") and body.get("user")
        }
        gone = {email for email in gone if erasure.is_erased(handled, email)}
        assert len(gone) > 2
        ticked = {
            body["order"]["userEmail"].lower()
            for kind, body in events
            if kind in ORDERS
            and {"key": "marketing_consent", "value": "true"} in (body["order"].get("metadata") or [])
        }
        assert ticked - gone
        subscribed = set(Contact.objects.may_receive("marketing").values_list("email", flat=True))
        assert subscribed == {email for email in ticked if not erasure.is_erased(handled, email)}
        assert not gone & set(Contact.objects.values_list("email", flat=True))

    def test_recorded_checkouts_become_carts_which_their_orders_close(self, handled: Installation) -> None:
        events = _recorded()
        with_address = {
            body["checkout"]["id"] for kind, body in events if kind in CHECKOUTS and body["checkout"]["email"]
        }
        ordered = {body["order"]["checkoutId"] for kind, body in events if kind in ORDERS}
        carts = Cart.objects.filter(installation=handled)
        assert len(with_address) > 3
        assert set(carts.values_list("saleor_checkout_id", flat=True)) == with_address
        closed = set(carts.exclude(closed_at=None).values_list("saleor_checkout_id", flat=True))
        assert closed == with_address & ordered
        assert len(closed) > 3
        assert SoldProduct.objects.filter(installation=handled, category_name="T-shirts").exists()
        assert not Handling.objects.filter(given_up_at__isnull=False, handler__contains="checkout").exists()

    def test_handled_in_reverse_order_the_result_is_the_same(self, handled: Installation) -> None:
        backwards, events = install(), _recorded()
        _work(backwards, list(reversed(events)))
        assert everything(backwards) == everything(handled)
        assert nobodys(backwards) == nobodys(handled)


def test_events_in_reverse_order_and_twice_have_the_same_result(shop: Installation) -> None:
    backwards = install()
    events = _recorded()
    _handle(shop, events)
    _handle(backwards, [*reversed(events), *events])
    assert everything(backwards) == everything(shop)
