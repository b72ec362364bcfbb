"""Places are given in the order of requests, up to a limit, and nobody waits forever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from saleor_stripe_audience.places import Places


def test_turns_are_taken_in_order() -> None:
    turns, taken = Places(1), []
    assert turns.take(1)

    def take(number: int) -> None:
        assert turns.take(60)
        taken.append(number)
        turns.give_back()

    with ThreadPoolExecutor(8) as threads:
        for number in range(8):
            threads.submit(take, number)
            while len(turns._waiting) <= number:
                time.sleep(0.001)
        turns.give_back()
    assert taken == list(range(8))


def test_one_at_a_time() -> None:
    turns, inside, most = Places(1), [], []

    def take() -> None:
        for _ in range(50):
            assert turns.take(60)
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            turns.give_back()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert max(most) == 1
    assert turns.take(0)


def test_waiting_too_long_fails_without_taking_a_place() -> None:
    turns = Places(1)
    assert turns.take(0)
    assert not turns.take(0.01)
    turns.give_back()
    assert turns.take(0)


def test_places_are_neither_lost_nor_doubled() -> None:
    places, inside, most = Places(3), list[int](), list[int]()

    def take() -> None:
        for step in range(200):
            if places.take(0.0001 if step % 2 else 60):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                places.give_back()

    threads = [threading.Thread(target=take) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert max(most) <= 3
    assert places.free == 3
    assert not places._waiting
