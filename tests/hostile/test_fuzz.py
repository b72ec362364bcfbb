"""A small `make fuzz`: every input can be reproduced from its number, and a few hundred cause no failure."""

import json

import pytest

from scripts.fuzz import odd
from scripts.fuzz.__main__ import main


def test_the_same_seed_makes_the_same_bodies() -> None:
    import random

    tree = {"order": {"id": "T3JkZXI6MQ==", "lines": [{"quantity": 1}]}}
    first, again = ([odd.mutated(tree, random.Random(f"1 {n}")) for n in range(300)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 200
    assert tree == {"order": {"id": "T3JkZXI6MQ==", "lines": [{"quantity": 1}]}}


def test_a_few_hundred_inputs_are_answered_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["300", "7"])
    report = json.loads(capsys.readouterr().out)
    assert (report["server_errors"], report["internal_errors"], report["unanswered"]) == (0, 0, 0), report
    assert report["inputs"] == 300
    assert code in (0, 1)  # a busy machine may be slow, and so few inputs prove nothing about memory
