"""The figures of a large audience, each as a merchant or developer experiences it."""

import io
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client

from saleor_stripe_audience.api_keys import keys
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments import membership, ready_made, store
from saleor_stripe_audience.audience.segments.models import Membership
from saleor_stripe_audience.audience.transfer.exporting import export_csv
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.inbox import engine as inbox
from scripts.bench_audience.crowd import AUDIENCE, make_crowd

Json = dict[str, Any]

TIMES = 20
EVENTS = 20
IMPORTED = 100_000
CURRENCY, BIG = "USD", "250.00"
PATIENCE, STARTING = 30, 300  # seconds
PAGES = {
    "newest": "first: 50",
    "subscribed, by last order": (
        "first: 50, filter: {status: [SUBSCRIBED]}, sortBy: {field: LAST_ORDER_AT, direction: DESC}"
    ),
    "French, by number of orders": (
        'first: 50, filter: {country: ["FR"]}, sortBy: {field: ORDERS_COUNT, direction: DESC}'
    ),
    "by address": "first: 50, sortBy: {field: EMAIL, direction: ASC}",
}


def measured(contacts: int) -> Json:
    """Return all figures, and the machine they were measured on."""
    call_command("migrate", verbosity=0)
    started = time.monotonic()
    audience = make_crowd(contacts)
    made = time.monotonic() - started
    return {
        "contacts": contacts,
        "purchase_lines": contacts * 5,
        "made_in_seconds": round(made, 1),
        "preview_ms": {key: _preview(audience, key) for key in ready_made.NAMES},
        "page_ms": _pages(audience),
        "segments_worked_out_seconds": _segments(audience),
        "event_to_membership_ms": _events(audience),
        "export": _export(audience),
        "import": _import(audience),
        "machine": {
            "processors": os.cpu_count(),
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "database": _database(),
        },
    }


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()" if connection.vendor == "postgresql" else "SELECT sqlite_version()")
        return f"{connection.vendor} {cursor.fetchone()[0].split(' on ')[0]}"


def _timed(times: int, function: Callable[[], Any]) -> Json:
    """Return p50, p95 and the maximum, in milliseconds, including the first call with cold caches."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        took.append((time.perf_counter() - started) * 1000)
    return _spread(took)


def _spread(took: list[float]) -> Json:
    return {
        "p50": round(statistics.median(took), 1),
        "p95": round(statistics.quantiles(took, n=20)[-1], 1),
        "longest": round(max(took), 1),
    }


def _preview(audience: Audience, key: str) -> Json:
    tree = ready_made.ready_made(key, CURRENCY, BIG).as_json()
    return {"count": store.preview(audience, tree).count} | _timed(
        TIMES, lambda: store.preview(audience, tree)
    )


def _segments(audience: Audience) -> Json:
    made = store.install_ready_made(audience, CURRENCY, BIG)
    took = {}
    for segment in made:
        started = time.perf_counter()
        membership.refresh_segment(segment.pk)
        took[segment.ready_made] = round(time.perf_counter() - started, 2)
    return took


def _pages(audience: Audience) -> Json:
    secret = keys.create_key(audience.installation, "bench", None, ["audience:read"]).secret
    _page(secret, PAGES["newest"])  # a process's first request imports modules
    return {name: _timed(TIMES, lambda given=given: _page(secret, given)) for name, given in PAGES.items()}  # type: ignore[misc]


def _page(secret: str, arguments: str) -> None:
    query = f"{{ contacts({arguments}) {{ edges {{ node {{ email status ordersCount lastOrderAt }} }} }} }}"
    answer = Client().post(
        "/graphql/",
        {"query": query},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    result = answer.json()
    if "errors" in result or len(result["data"]["contacts"]["edges"]) != 50:
        raise RuntimeError(str(result)[:500])


def _events(audience: Audience) -> Json:
    """Measure the time from an order's arrival, through the inbox and a worker, until its buyer is in a segment."""
    took = []
    with _worker():
        _tell(audience, -1)
        _wait("event-1@crowd.example", STARTING)  # until the worker has started and done the waiting tasks
        for number in range(EVENTS):
            started = time.perf_counter()
            _tell(audience, number)
            _wait(f"event{number}@crowd.example")
            took.append((time.perf_counter() - started) * 1000)
    return _spread(took)


def _tell(audience: Audience, number: int) -> None:
    now = datetime.now(UTC)
    price = {"gross": {"amount": 20.0, "currency": CURRENCY}}
    order = {
        "id": f"event-{number}", "number": str(number), "status": "UNFULFILLED", "chargeStatus": "FULL",
        "created": now.isoformat(), "userEmail": f"event{number}@crowd.example", "channel": {"slug": "default-channel"},
        "total": price, "totalCharged": price["gross"], "lines": [],
    }  # fmt: skip
    inbox.record(
        "saleor", audience.installation_id, f"bench-{number}", "order_fully_paid", {"order": order}, now
    )


def _wait(email: str, seconds: float = PATIENCE) -> None:
    found = Membership.objects.filter(
        contact__audience=AUDIENCE, contact__email=email, segment__ready_made="first_time_buyers"
    )
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found.exists():
            return
        time.sleep(0.005)
    raise TimeoutError("the buyer did not come into the segment")


@contextmanager
def _worker() -> Iterator[None]:
    command = [sys.executable, "-m", "saleor_stripe_audience", "work"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ourselves
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _export(audience: Audience) -> Json:
    started, before, rows = time.perf_counter(), _memory(), 0
    for block in export_csv(Contact.objects.filter(audience=audience)):
        rows += block.count("\n")
    return _rate(rows, started) | {"memory_grown_mb": round(_memory() - before, 1)}


def _import(audience: Audience) -> Json:
    header = "Email Address,First Name,Last Name,Country,Tags,consent,consent_at\n"
    lines = (
        f"new{n}@shop{n % 500}.example.com,Ada{n},Buyer,FR,{'VIP' if n % 10 == 0 else ''},"
        f"{'yes' if n % 3 == 0 else ''},2026-01-01T00:00:00Z\n"
        for n in range(IMPORTED)
    )
    file = io.BytesIO((header + "".join(lines)).encode())
    started = time.perf_counter()
    report = import_csv(audience, file, ImportOptions(consent_text="Yes, please."))
    return _rate(report.new, started)


def _rate(rows: int, started: float) -> Json:
    seconds = time.perf_counter() - started
    return {"rows": rows, "seconds": round(seconds, 2), "rows_per_second": round(rows / seconds)}


def _memory() -> float:
    """Return this process's peak memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
