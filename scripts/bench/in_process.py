"""CPU time of one thread for each kind of request, through the WSGI application, without a server.

Configure Django's settings before importing this.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django_ox.models import OxTask

from saleor_stripe_audience.wsgi import application
from scripts.bench.shop import Request, Shop, manifest
from scripts.working import OwnWorker

Json = dict[str, Any]

WARM_UPS = 30  # but no more than are measured
TOGETHER = 100  # events that wait for one shop
SHOPPER = "VXNlcjox"
REFERENCE_STEPS = 100_000


class Taken:
    """The app in this thread, with the milliseconds of CPU time that each call took."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []

    def call(self, request: Request) -> Json:
        """Return the app's response to the request."""
        environ = request.environ()
        started = time.thread_time()
        status, body = _respond(environ)
        self.milliseconds.append((time.thread_time() - started) * 1000)
        if not status.startswith("200"):
            raise RuntimeError(f"{request.path}: {status} {body[:300]!r}")
        answer: Json = json.loads(body)
        return answer

    @property
    def median(self) -> float:
        """The median of all calls except the first ones, which are the warm-up."""
        return round(statistics.median(self.milliseconds[min(WARM_UPS, len(self.milliseconds) // 2) :]), 3)


def _respond(environ: Json) -> tuple[str, bytes]:
    started: list[str] = []

    def start_response(status: str, _headers: Any, _error: object = None) -> Any:
        started.append(status)

    blocks: Iterable[bytes] = application(environ, start_response)
    try:
        return started[-1], b"".join(blocks)
    finally:
        if hasattr(blocks, "close"):
            blocks.close()


def measure_requests(shop: Shop, runs: int) -> Json:
    """Return the median of each kind of request, by its name in the report."""
    return {
        "reference_ms": reference(),
        **_sessions(shop, runs),
        "initialize_with_address_ms": _initialize(shop, runs, address=True),
        "initialize_signed_in_ms": _initialize(shop, runs, shopper=SHOPPER),
        "gateway_ms": _repeated(shop.gateway, runs),
        "manifest_ms": _repeated(manifest, runs),
        "accept_ms": _counted(shop.order_created, runs),
        "stripe_accept_ms": _repeated(shop.stripe_event, runs),
    }


def _sessions(shop: Shop, runs: int) -> Json:
    initialized, processed = Taken(), Taken()
    for _ in range(runs + min(WARM_UPS, runs)):
        request = shop.initialize()
        answer = initialized.call(request)
        if not answer["data"]["paymentIntent"].get("stripeClientSecret"):
            raise RuntimeError(f"no payment: {answer}")
        paid = processed.call(shop.process(request, answer))
        if paid["result"] != "CHARGE_SUCCESS":
            raise RuntimeError(f"not paid: {paid}")
    return {"initialize_ms": initialized.median, "process_ms": processed.median}


def _initialize(shop: Shop, runs: int, **kind: Any) -> float:
    return _repeated(lambda: shop.initialize(**kind), runs)


def _repeated(make: Callable[[], Request], runs: int) -> float:
    return _counted(lambda _: make(), runs)


def _counted(make: Callable[[int], Request], runs: int) -> float:
    taken = Taken()
    for number in range(runs + min(WARM_UPS, runs)):
        taken.call(make(number))
    return taken.median


def reference() -> float:
    """Return the CPU time of a fixed piece of work: reports are only comparable if their references are."""
    taken = []
    for _ in range(50):
        started = time.thread_time()
        sum(step * step for step in range(REFERENCE_STEPS))
        taken.append((time.thread_time() - started) * 1000)
    return round(statistics.median(taken), 3)


def measure_event(shop: Shop, runs: int) -> Json:
    """Return what ORDER_CREATED of a new contact costs the worker, including all tasks that follow from it.

    Once for single events and once for many waiting events of the same shop, with the SQL statements per event. The
    final query that finds no task is in the time, but not in the statements, because it belongs to no event.
    """
    OxTask.objects.all().delete()  # left by the previous requests
    worker, orders = OwnWorker(), iter(range(1_000_000, 2_000_000))
    idle = list[int]()
    worker.work()
    with _counting(idle):
        worker.work()

    def measure(count: int, times: int) -> tuple[float, float]:
        spent, statements = list[float](), list[int]()
        for _ in range(times):
            for _ in range(count):
                Taken().call(shop.order_created(next(orders)))
            with _counting(statements):
                started = time.thread_time()
                worker.work()
                spent.append((time.thread_time() - started) * 1000)
        own_statements = statistics.median(statements) - idle[0]
        return round(statistics.median(spent) / count, 3), round(own_statements / count, 1)

    measure(1, min(WARM_UPS, runs))
    event_ms, statements = measure(1, runs)
    together_ms, together_statements = measure(TOGETHER, max(1, runs // TOGETHER))
    return {
        "event_ms": event_ms,
        "event_statements": statements,
        "event_together_ms": together_ms,
        "event_together_statements": together_statements,
    }


@contextmanager
def _counting(counts: list[int]) -> Iterator[None]:
    """Append the number of SQL statements inside the block, without those that begin a transaction."""
    count = 0

    def execute(run: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        nonlocal count
        count += not sql.startswith("BEGIN")
        return run(sql, *arguments)

    with connection.execute_wrapper(execute):
        yield
    counts.append(count)
