"""What Prometheus reads, for every process that the operator starts; nothing unless it is configured."""

import time
from pathlib import Path

import requests

from tests.platform.served import SECONDS, Servers, free_port, serving

WEBHOOK = "/api/webhooks/saleor/payment-gateway-initialize-session"


def test_it_is_off_by_default(servers: Servers) -> None:
    assert "Metrics on" not in servers.take().log


def test_both_processes_are_counted_in_one_place(migrated: Path) -> None:
    port = free_port()
    with serving(migrated, METRICS_PORT=str(port)) as (url, _):
        refused = requests.post(f"{url}{WEBHOOK}", data=b"{}", timeout=5)
        assert refused.status_code == 401
        text = read(port)
        assert "inbox_waiting 0.0" in text
        assert "inbox_oldest_seconds 0.0" in text
        assert "inbox_given_up 0.0" in text
        # A refused webhook is counted by the process that responds, not by the one queried here.
        ends = time.monotonic() + SECONDS
        while 'saleor_webhooks_refused_total{code="unknown_installation"} 1.0' not in text:
            assert time.monotonic() < ends, text
            text = read(port)
        assert f"Metrics on 127.0.0.1:{port}" in (migrated / "log").read_text()


def read(port: int) -> str:
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5)
    answer.raise_for_status()
    return answer.text
