"""Metrics for Prometheus: off unless METRICS_PORT is set.

Every process counts into PROMETHEUS_MULTIPROC_DIR (set by the command line); the process that the operator started
serves the sums. The inbox's gauges are read from the database at each scrape.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15)

webhooks = Histogram(
    "saleor_webhook_seconds",
    "Synchronous webhooks of Saleor: how long each took.",
    ["event"],
    buckets=SECONDS,
)
results = Counter("saleor_webhook_results", "Synchronous webhooks of Saleor by result.", ["event", "result"])
refused = Counter("saleor_webhooks_refused", "Webhooks of Saleor that were refused, by reason.", ["code"])
stripe_calls = Histogram(
    "stripe_call_seconds",
    "Calls to Stripe: how long each took, by result.",
    ["result"],
    buckets=SECONDS,
)
handled = Counter("inbox_handled", "Events handled, by source and result.", ["source", "result"])


@contextmanager
def timed_stripe_call() -> Iterator[None]:
    """Time one call; an exception is its result."""
    started = monotonic()
    result = "answered"
    try:
        yield
    except Exception as error:
        result = type(error).__name__
        raise
    finally:
        stripe_calls.labels(result).observe(monotonic() - started)


def serve(host: str, port: int, *collectors: Collector) -> None:
    """Serve Prometheus from a thread of this process, for all of the product's processes on this machine."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's own
    for collector in collectors:
        registry.register(collector)
    start_http_server(port, host, registry)
