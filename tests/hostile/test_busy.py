"""One Stripe account hangs. Payments of the others succeed, health checks get responses, and nobody waits in vain."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.test import override_settings

from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.gateway import bulkhead
from scripts.bench_busy import HANGING, WELL, BusyTown, busy_town

THREADS = 10
PLACES = 4  # 40 % of them


@pytest.fixture
def town(tmp_path: Path) -> Iterator[BusyTown]:
    with busy_town(tmp_path, THREADS) as made:
        yield made


def test_the_others_come_through(town: BusyTown) -> None:
    with town.all_places_taken(PLACES) as waiting:
        busy = [town.pay(HANGING) for _ in range(3)]
        assert {answer["result"] for answer in busy} == {"CHARGE_ACTION_REQUIRED"}
        assert all("try again" in answer["message"] for answer in busy)
        assert requests.get(f"{town.url}/healthz", timeout=10).json() == {"ok": True}
        assert town.pay(WELL)["result"] == "CHARGE_ACTION_REQUIRED"
        assert not any(each.done() for each in waiting)
    assert {each.result()["result"] for each in waiting} == {"CHARGE_ACTION_REQUIRED"}
    assert town.pay(HANGING)["result"] == "CHARGE_ACTION_REQUIRED"


@override_settings(SERVER_THREADS=10)
def test_a_place_is_given_back_whatever_happens() -> None:
    for _ in range(3 * PLACES):
        with pytest.raises(ValueError, match="broken"), bulkhead.room("secret"):
            raise ValueError("broken")
    assert not bulkhead._waiting


@override_settings(SERVER_THREADS=4)
def test_there_is_always_one_place() -> None:
    assert bulkhead.most_waiting() == 1
    with bulkhead.room("one"), bulkhead.room("another"):
        with pytest.raises(Unavailable) as refused, bulkhead.room("one"):
            pass
        assert refused.value.code == "busy"
