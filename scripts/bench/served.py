"""The app as `serve` and `work` run it: concurrent requests, events handled, memory, and the time until it is ready.

Configure Django's settings before importing this.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import Client

from saleor_stripe_audience.inbox.models import Event
from scripts.bench import processes
from scripts.bench.shop import Request, Shop

Json = dict[str, Any]

START_SECONDS = 120
IDLE_SECONDS = 8  # until the worker's first tasks are done
WORK_SECONDS = 600
WORKERS = 2
SHOPS = 4
ORDERS = count(2_000_000)  # numbers that no order has yet
IDLE_PAUSE = 1.0  # seconds without an event, after which the worker is idle


@contextmanager
def running(port: int, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the app's commands during the block."""
    environment = os.environ | {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with Path(os.devnull).open("wb") as nowhere:
        process = subprocess.Popen(  # noqa: S603 - the app itself
            [sys.executable, "-m", "saleor_stripe_audience", *command],
            env=environment,
            stdout=nowhere,
            stderr=nowhere,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once the app is ready for traffic."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.01)
    raise TimeoutError("the app did not start")


def measure_start(port: int, times: int = 3) -> Json:
    """Return the seconds from exec until ready, on a migrated database, and the megabytes when idle."""
    seconds = []
    for _ in range(times):
        started = time.monotonic()
        with running(port, "serve") as process:
            wait_until_ready(port, process)
            seconds.append(time.monotonic() - started)
            used = processes.processor_seconds(process.pid)
            if len(seconds) == times:
                time.sleep(IDLE_SECONDS)
                return {
                    "ready_seconds": round(statistics.median(seconds), 2),
                    "ready_processor_seconds": round(used, 2),
                    "idle_mb": processes.megabytes(process.pid),
                    "idle_resident_mb": processes.resident_megabytes(process.pid),
                }
    raise AssertionError


def measure_crowd(shop: Shop, port: int, at_once: int, count: int) -> Json:
    """Return the results of `count` new payments, `at_once` at a time."""
    requests = [shop.initialize().raw() for _ in range(count)]
    warming = [shop.initialize().raw() for _ in range(at_once)]
    with running(port, "serve", "--no-worker") as process:
        wait_until_ready(port, process)
        asyncio.run(Crowd(port).send_all(warming, at_once))
        used = processes.processor_seconds(process.pid)
        crowd = Crowd(port)
        started = time.monotonic()
        asyncio.run(crowd.send_all(requests, at_once))
        seconds = time.monotonic() - started
        used = processes.processor_seconds(process.pid) - used
        quantiles = statistics.quantiles(crowd.seconds, n=100)
        return {
            "requests": count,
            "refused": crowd.refused,
            "per_second": round(count / seconds, 1),
            "p50_ms": round(quantiles[49] * 1000, 1),
            "p99_ms": round(quantiles[98] * 1000, 1),
            "processor_ms_each": round(used / count * 1000, 2),
            "megabytes": processes.megabytes(process.pid),
        }


@dataclass
class Crowd:
    """Clients that keep their connections open, each with one request at a time."""

    port: int
    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    async def send_all(self, requests: list[bytes], at_once: int) -> None:
        """Send all requests."""
        waiting = iter(requests)
        await asyncio.gather(*(self._send_each(waiting) for _ in range(at_once)))

    async def _send_each(self, waiting: Iterator[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for request in waiting:
            started = time.monotonic()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            body = await reader.readexactly(length)
            self.seconds.append(time.monotonic() - started)
            self.refused += b"stripeClientSecret" not in body
        writer.close()


def measure_work(shop: Shop, port: int, events: int) -> Json:
    """Return how many ORDER_CREATED of new contacts are handled per second, for one shop and for several.

    The results for several shops are by the number of workers: two should handle more than one.
    """
    shops = [shop, *(Shop(number) for number in range(1, SHOPS))]
    return {
        "events_per_second": _measure_rate([shop], port, events, WORKERS),
        "events_per_second_of_shops": {
            str(workers): _measure_rate(shops, port, events, workers) for workers in (1, WORKERS)
        },
    }


def _measure_rate(shops: Sequence[Shop], port: int, events: int, workers: int) -> float:
    Event.objects.filter(handled_at=None).delete()
    client = Client()
    for shop, _ in zip(cycle(shops), range(events), strict=False):
        _post(client, shop.order_created(next(ORDERS)))
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(running(port, "work"))
        started, before = _when_left(events - 1)
        ended, after = _when_left(0)
    return round((before - after) / (ended - started), 1)


def measure_delay(shop: Shop, port: int, times: int = 20) -> Json:
    """Return the milliseconds from an order's arrival, while nothing else waits, until its contact exists."""
    client, milliseconds = Client(), list[float]()
    Event.objects.filter(handled_at=None).delete()
    with running(port, "work"):
        for _ in range(times + 1):
            started = time.monotonic()
            _post(client, shop.order_created(next(ORDERS)))
            ended, _ = _when_left(0)
            milliseconds.append((ended - started) * 1000)
            time.sleep(IDLE_PAUSE)
    quantiles = statistics.quantiles(
        milliseconds[1:], n=20
    )  # the first one waits until the worker has started
    return {"order_to_contact": {"p50_ms": round(quantiles[9], 1), "p95_ms": round(quantiles[18], 1)}}


def _when_left(most: int) -> tuple[float, int]:
    """Wait until at most `most` events are open; return the time, and how many are open."""
    ends = time.monotonic() + WORK_SECONDS
    while time.monotonic() < ends:
        left = Event.objects.filter(handled_at=None).count()
        now = time.monotonic()
        connection.close()
        if left <= most:
            return now, left
        time.sleep(0.02)
    raise TimeoutError("the workers did not finish")


def _post(client: Client, request: Request) -> None:
    answer = client.post(request.path, request.body, content_type="application/json", headers=request.headers)
    if answer.status_code != 200:
        raise RuntimeError(answer.content)
