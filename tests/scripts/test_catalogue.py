"""`make prove-catalogue` and `make bench-catalogue` do what they say."""

import json
import subprocess
import sys
from typing import Any


def run(*command: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_catalogues_are_equal_in_the_end() -> None:
    found = run("scripts.prove_catalogue", "2")
    assert found.keys() == {"sequences", "calls_to_stripe", "taken_over", "overruled", "differences"}
    assert (found["sequences"], found["differences"]) == (2, 0)
    assert found["calls_to_stripe"] > 0


def test_a_first_sync_is_measured() -> None:
    found = run("scripts.bench_catalogue", "2")
    assert (found["state"], found["variants"]) == ("done", 6)
    assert found["calls_per_variant"] == 3
    assert found["calls_to_compare"] == 1
