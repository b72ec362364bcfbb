"""Turns to write to SQLite: in the order of asking, one at a time, and nobody waits for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from saleor_stripe_audience.statements import _Turns


def test_turns_are_taken_in_order() -> None:
    turns, taken = _Turns(), []
    assert turns.acquire(1)

    def take(number: int) -> None:
        assert turns.acquire(60)
        taken.append(number)
        turns.release()

    with ThreadPoolExecutor(8) as threads:
        for number in range(8):
            threads.submit(take, number)
            while len(turns._waiting) <= number:
                time.sleep(0.001)
        turns.release()
    assert taken == list(range(8))


def test_one_at_a_time() -> None:
    turns, inside, most = _Turns(), [], []

    def take() -> None:
        for _ in range(50):
            assert turns.acquire(60)
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            turns.release()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert max(most) == 1
    assert turns.acquire(0)


def test_whoever_waits_too_long_goes_on_without_and_loses_no_turn_of_others() -> None:
    turns = _Turns()
    assert turns.acquire(0)
    assert not turns.acquire(0.01)
    turns.release()
    assert turns.acquire(0)
