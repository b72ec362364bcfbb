"""One Stripe account hangs. Payments of the others succeed, health checks get responses, and nobody waits forever."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from django.test import override_settings

from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.gateway import bulkhead
from scripts.bench_busy import HANGING, WELL, BusyTown, busy_town

THREADS = 10
PLACES = 8  # 80 % of them, while no other account is busy


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
    assert not bulkhead._accounts


@override_settings(SERVER_THREADS=4)
def test_there_is_always_one_place() -> None:
    assert bulkhead.most_waiting(alone=False) == 1
    with bulkhead.room("one"), bulkhead.room("another"), deadline(1):
        with pytest.raises(Unavailable) as refused, bulkhead.room("one"):
            pass
        assert refused.value.code == "busy"


@override_settings(SERVER_THREADS=4)
def test_a_request_waits_for_a_place_while_stripe_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkhead, "SLOW_SECONDS", 60.0)
    free, taken = threading.Event(), []

    def hold() -> None:
        with bulkhead.room("one"):
            free.wait(60)

    def take() -> None:
        with bulkhead.room("one"):
            taken.append(len(bulkhead._accounts))

    with deadline(90), bulkhead.room("another"), ThreadPoolExecutor(2) as threads:
        holding = threads.submit(hold)
        _until(lambda: len(bulkhead._accounts) == 2)
        waiting = threads.submit(take)
        _until(lambda: any(each.waiting for each in bulkhead._accounts.values()))
        assert not taken
        free.set()
        holding.result(60)
        waiting.result(60)
    assert taken == [2]
    assert not bulkhead._accounts


@override_settings(SERVER_THREADS=10)
def test_one_busy_account_may_use_most_threads_and_a_slow_one_few(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as calls:
        for _ in range(PLACES):
            calls.enter_context(bulkhead.room("one"))
        monkeypatch.setattr(bulkhead, "SLOW_SECONDS", 0.0)
        with pytest.raises(Unavailable), bulkhead.room("one"):
            pass
        with bulkhead.room("another"):
            pass
    with ExitStack() as calls:
        for _ in range(4):
            calls.enter_context(bulkhead.room("slow"))
        with pytest.raises(Unavailable), bulkhead.room("slow"):
            pass


def _until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)
