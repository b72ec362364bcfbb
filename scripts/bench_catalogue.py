"""The first sync of a large catalogue, against a stand-in that takes 50 ms for each call.

    python -m scripts.bench_catalogue [PRODUCTS]

Each product has three variants with prices in two currencies. Prints JSON: calls to Stripe per variant and per second,
memory at the start, in the middle and at the end, and the machine. `make bench-catalogue`.
"""

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scripts.prove_ledger.__main__ import prepare

PRODUCTS = 10_000
VARIANTS = 3
LATENCY_SECONDS = 0.05
PAGE_BYTES = 4096


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else PRODUCTS
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        report = _measure(count)
    print(json.dumps(report, indent=2))
    return 0


def _measure(count: int) -> dict[str, Any]:
    from saleor_stripe_audience.catalog import sync  # noqa: PLC0415 - models need the setup
    from saleor_stripe_audience.catalog.models import CatalogProduct  # noqa: PLC0415 - as above
    from saleor_stripe_audience.jobs import engine as jobs  # noqa: PLC0415 - as above
    from scripts.prove_ledger.town import play_town  # noqa: PLC0415 - as above

    with play_town() as town:
        _fill(town.shop.host.store, count)
        town.stripe.add_fault("*", latency_seconds=LATENCY_SECONDS, times=100 * count)
        calls = _count_calls()
        job = sync.start(town.account, "the benchmark")
        memory, pushed_seconds, pushed_calls = [_memory_mb()], 0.0, 0
        started = time.monotonic()
        has_more = True
        while has_more:
            is_pushing = job.cursor.get("phase", sync.PUSH) == sync.PUSH
            has_more = jobs.work_page(job.pk, job.step, enqueues=False)
            job.refresh_from_db()
            memory.append(_memory_mb())
            if is_pushing:
                pushed_seconds, pushed_calls = time.monotonic() - started, len(calls)
        variants = CatalogProduct.objects.filter(is_active=True).count()
        return {
            "state": job.state,
            "products": count,
            "variants": variants,
            "calls_per_variant": round(pushed_calls / variants, 2),
            "calls_to_compare": len(calls) - pushed_calls,
            "calls_per_second_while_pushing": round(pushed_calls / pushed_seconds, 1),
            "seconds": round(time.monotonic() - started, 1),
            "memory_mb": {"start": memory[0], "middle": memory[len(memory) // 2], "end": memory[-1]},
            "machine": {
                "cpus": os.cpu_count(),
                "python": platform.python_version(),
                "system": platform.system(),
            },
        }


def _count_calls() -> bytearray:
    """Return an array that grows by a byte with each call of the job: the stand-in only logs the newest calls."""
    from saleor_stripe_audience.gateway.pace import Pace  # noqa: PLC0415 - as above

    calls, wait = bytearray(), Pace.wait

    def counted(self: Pace) -> None:
        calls.append(0)
        wait(self)

    Pace.wait = counted  # type: ignore[method-assign]  # every call of a job passes it
    return calls


def _fill(store: Any, count: int) -> None:
    """Create this many products, like the stand-in's own."""
    from saleor_stripe_audience.sandbox.saleor.seed import _Product, _product, _Variant  # noqa: PLC0415 - as above

    store.products.clear()
    for number in range(count):
        variants = tuple(
            _Variant(size, f"SKU-{number}-{size}", "18.00", "75.00") for size in "SML"[:VARIANTS]
        )
        store.products.append(
            _product(store, _Product(f"Product {number}", "Good.", "Kitchen", (1, 2, 3), variants))
        )


def _memory_mb() -> int:
    """Return this process's memory, including both stand-ins and their growing data."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_BYTES // 2**20


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
