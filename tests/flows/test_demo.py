"""The whole system as a newcomer runs it: the app in its own process, with both stand-ins, over real HTTP."""

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

SECONDS = 180


@pytest.fixture(scope="module")
def played() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "saleor_stripe_audience", "demo", "--once", "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)


@pytest.fixture(scope="module")
def summary(played: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert played.returncode == 0, played.stderr[-6000:]
    result: dict[str, Any] = json.loads(played.stdout)
    return result


def test_a_paid_order_exists_and_a_part_of_it_is_refunded(summary: dict[str, Any]) -> None:
    assert summary["order"]
    assert summary["transaction"]
    assert Decimal(0) < Decimal(summary["refunded"]) < Decimal(summary["charged"])


def test_the_declined_shopper_learned_why(summary: dict[str, Any]) -> None:
    assert "declined" in summary["declined_message"]


def test_the_buyer_is_a_contact_who_has_not_subscribed(summary: dict[str, Any]) -> None:
    spent = Decimal(summary["charged"]) - Decimal(summary["refunded"])
    assert summary["contact"]["status"] == "nonsubscribed"
    assert summary["contact"]["orders"] == 1
    assert [(Decimal(each["amount"]), each["currency"]) for each in summary["contact"]["spent"]] == [
        (spent, "USD")
    ]


def test_who_ticked_the_box_is_subscribed_to_those_words(summary: dict[str, Any]) -> None:
    subscriber = summary["subscriber"]
    assert subscriber["status"] == "subscribed"
    assert subscriber["may_receive"] == ["transactional", "marketing", "ads"]
    [wording] = subscriber["agreed_to"]
    assert wording.startswith("Yes, send me news")


def test_an_abandoned_cart_shows_in_timeline_and_segments(summary: dict[str, Any]) -> None:
    subscriber = summary["subscriber"]
    assert {"consent", "order", "cart_started", "cart_abandoned", "segment"} <= set(subscriber["timeline"])
    assert set(subscriber["segments"]) == {"Abandoned carts", "First-time buyers"}
    assert "last active at" in subscriber["segments"]["Abandoned carts"]
    assert subscriber["segments"]["First-time buyers"] == "1 paid order"


def test_the_renamed_product_is_in_stripe(summary: dict[str, Any]) -> None:
    assert summary["product_in_stripe"].startswith("prod_")


def test_the_product_renamed_in_stripe_is_renamed_in_the_shop(summary: dict[str, Any]) -> None:
    assert summary["renamed_in_stripe"] == "Mug named in Stripe"
