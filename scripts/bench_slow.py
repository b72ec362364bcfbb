"""Clients that never finish their requests, to test that everyone else still gets responses, and how fast.

    python -m scripts.bench_slow

Serves the app on SQLite, leaves 200 requests half sent, and requests the app's health in the meantime. Prints JSON:
seconds without and with those clients, and the machine. `make bench-slow`.
"""

import json
import os
import platform
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

from scripts.bench_busy import SECONDS, busy_town, time_calls

CALLERS = 200
HALF_SENT = (
    b"POST /api/webhooks/saleor/order-updated HTTP/1.1\r\nHost: app\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)


@contextmanager
def half_sent_requests(url: str, count: int = CALLERS) -> Iterator[list[socket.socket]]:
    """Open this many connections, and send only the headers and one byte of the body on each."""
    parts = urlsplit(url)
    with ExitStack() as stack:
        callers = []
        for _ in range(count):
            caller = stack.enter_context(
                socket.create_connection((parts.hostname, parts.port), timeout=SECONDS)
            )
            caller.sendall(HALF_SENT)
            callers.append(caller)
        yield callers


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, busy_town(Path(folder), threads=128) as town:

        def ask() -> None:
            requests.get(f"{town.url}/healthz", timeout=SECONDS).raise_for_status()

        alone = time_calls(500, ask)
        with half_sent_requests(town.url):
            beside = time_calls(500, ask)
    found = {
        "half_sent_requests": CALLERS,
        "healthz_seconds_without": alone,
        "healthz_seconds_with": beside,
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
