"""`make bench` measures what it says it measures."""

import json
import subprocess
import sys

REQUESTS = {"initialize_ms", "process_ms", "gateway_ms", "manifest_ms", "accept_ms", "stripe_accept_ms"}


def test_each_request_succeeds_and_is_measured() -> None:
    command = [sys.executable, "-m", "scripts.bench", "--only", "requests", "event", "--runs", "1"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    measured = {name: value["sqlite"] for name, value in found.items() if name != "machine"}
    assert measured.keys() >= {*REQUESTS, "event_ms"}
    assert all(value > 0 for value in measured.values())
    assert found["machine"]["cpus"]
