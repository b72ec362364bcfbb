"""What a genuine Saleor sent while it was driven through sign-ups, purchases, refunds and cancellations."""

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from saleor_stripe_audience.audience.contacts import record_customer
from saleor_stripe_audience.audience.models import Contact, Purchase
from saleor_stripe_audience.audience.purchases import record_order
from saleor_stripe_audience.saleor.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import everything

RECORDINGS = Path(__file__).parents[2].parent / "shared/saleor/recordings/deliveries-audience.jsonl"
ORDERS = {
    "order_created", "order_paid", "order_fully_paid", "order_refunded", "order_cancelled", "order_updated",
}  # fmt: skip
CUSTOMERS = {"customer_created", "customer_updated"}

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_file(), reason="the recordings are not beside this checkout"
)


def _recorded() -> list[tuple[str, dict[str, Any]]]:
    told = []
    for row in RECORDINGS.read_text(encoding="utf-8").splitlines():
        delivery = json.loads(row)
        event = {name.lower(): value for name, value in delivery["headers"]}["saleor-event"]
        told.append((event, json.loads(base64.b64decode(delivery["body_b64"]))))
    return told


def _tell(installation: Any, told: list[tuple[str, dict[str, Any]]]) -> None:
    for event, body in told:
        issued_at = datetime.fromisoformat(body["issuedAt"])
        if event in ORDERS:
            record_order(installation, body["order"], issued_at)
        elif event in CUSTOMERS:
            record_customer(installation, body["user"], issued_at)


def test_every_genuine_order_and_customer_is_kept(shop: Installation) -> None:
    told = _recorded()
    _tell(shop, told)

    orders = {body["order"]["id"] for event, body in told if event in ORDERS}
    assert len(orders) > 5
    assert set(Purchase.objects.values_list("saleor_order_id", flat=True)) == orders
    assert set(Contact.objects.values_list("status", flat=True)) == {"nonsubscribed"}


def test_spending_is_what_saleor_itself_holds_in_the_end(shop: Installation) -> None:
    told = _recorded()
    _tell(shop, told)
    newest: dict[str, tuple[str, dict[str, Any]]] = {}
    for event, body in told:
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


def test_told_backwards_and_twice_it_ends_alike(shop: Installation) -> None:
    backwards = install()
    told = _recorded()
    _tell(shop, told)
    _tell(backwards, [*reversed(told), *told])
    assert everything(backwards) == everything(shop)
