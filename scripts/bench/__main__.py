"""Measure what requests cost and how many events are handled; prints JSON, including the machine. `make bench`.

    python -m scripts.bench [--server URL] [--only PART ...] [--runs N]

`…_ms` is the CPU time of one thread: the median of `--runs` calls through the WSGI application, warmed up, in its own
process, with a minimal Stripe in another. It depends little on what else the machine does; `load` is how much that was,
`reference_ms` how fast the CPU was in the meantime. `served` is the real server; `served.16` has 16 requests at once
and a Stripe that takes 100 ms.

`--server` is a PostgreSQL where databases can be created; without it only SQLite is measured. Parts: `requests`,
`event`, `work`, `served`, `start`.
"""

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scripts.bench.responder import responding

Json = dict[str, Any]

PARTS = ("requests", "event", "work", "served", "start")
IN_PROCESS = ("requests", "event")  # the others start `serve`
AT_ONCE = (16, 64, 256)
PAUSE = 0.1  # seconds that Stripe takes to respond in `served`
EVENTS = {"sqlite": 600, "postgresql": 1500}
PAYMENTS = {16: 600, 64: 1500, 256: 3000}
DATABASE = "saleor_stripe_audience_bench"
OF_BOTH = (
    "initialize_ms", "process_ms", "gateway_ms", "manifest_ms", "accept_ms", "stripe_accept_ms", "event_ms",
    "event_statements", "event_together_ms", "event_together_statements",
    "events_per_second", "events_per_second_of_shops",
    "reference_ms", "initialize_with_address_ms", "initialize_signed_in_ms", "served",
    "order_to_contact",
)  # fmt: skip


def main() -> None:
    """Measure each part in its own process, with a new database, and print the results."""
    options = _options()
    if options.part:
        json.dump(_measure(options), sys.stdout)
        return
    report: Json = {}
    for vendor, server in {"sqlite": "", "postgresql": options.server}.items():
        if vendor == "postgresql" and not server:
            continue
        for part in options.only or PARTS:
            if part == "start" and vendor == "postgresql":
                continue
            for name, value in _in_child(part, vendor, server, options).items():
                if name in OF_BOTH:
                    report.setdefault(name, {})[vendor] = value
                else:
                    report[name] = value
    report["machine"] = _machine()
    print(json.dumps(report, indent=2))


def _in_child(part: str, vendor: str, server: str, options: argparse.Namespace) -> Json:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder / 'bench.sqlite3'}"
        if vendor == "postgresql":
            url = _create_database(server)
            stack.callback(_drop_database, server)
        stripe = stack.enter_context(responding(folder, PAUSE if part == "served" else 0.0))
        command = [sys.executable, "-m", "scripts.bench", "--part", part, "--runs", str(options.runs)]
        command += ["--at-once", *map(str, options.at_once)]
        found = subprocess.run(command, env=_environment(url, stripe), stdout=subprocess.PIPE, check=True)  # noqa: S603 - this very file
    measured: Json = json.loads(found.stdout)
    return measured


def _environment(database: str, stripe: str) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": database,
        "SECRET_KEY": "only-for-this-run-0123456789",
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "ALLOWED_SALEOR_URLS": "http://127.0.0.1:9/graphql/",
        "STRIPE_API_BASE": stripe,
        "DJANGO_SETTINGS_MODULE": "saleor_stripe_audience.settings",
        "LOG_LEVEL": "error",
        "SERVER_THREADS": "256",
    }


def _measure(options: argparse.Namespace) -> Json:
    import django  # noqa: PLC0415 - its settings are in the environment

    django.setup()
    from saleor_stripe_audience.commands import migrate  # noqa: PLC0415 - as above
    from scripts.bench import in_process, served  # noqa: PLC0415 - as above
    from scripts.bench.shop import Shop  # noqa: PLC0415 - as above
    from scripts.tables import create_tables  # noqa: PLC0415 - as above

    part, runs = options.part, options.runs
    is_sqlite = os.environ["DATABASE_URL"].startswith("sqlite")
    if is_sqlite and part in IN_PROCESS:
        create_tables()
    else:
        migrate.apply()
    if part == "start":
        return served.measure_start(_free_port())
    shop = Shop()
    if part == "requests":
        return in_process.measure_requests(shop, runs)
    if part == "event":
        return in_process.measure_event(shop, runs)
    if part == "work":
        vendor = "sqlite" if is_sqlite else "postgresql"
        worked = served.measure_work(shop, _free_port(), EVENTS[vendor])
        return worked | served.measure_delay(shop, _free_port())
    return {
        "served": {
            str(each): served.measure_crowd(shop, _free_port(), each, PAYMENTS[each])
            for each in options.at_once
        }
    }


def _create_database(server: str) -> str:
    _drop_database(server)
    _execute(server, f"CREATE DATABASE {DATABASE}_{os.getpid()}")
    return urlsplit(server)._replace(path=f"/{DATABASE}_{os.getpid()}").geturl()


def _drop_database(server: str) -> None:
    _execute(server, f"DROP DATABASE IF EXISTS {DATABASE}_{os.getpid()} WITH (FORCE)")


def _execute(server: str, statement: str) -> None:
    import psycopg  # noqa: PLC0415 - only where PostgreSQL is measured

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _machine() -> Json:
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    return {
        "processor": model, "cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(),
        "load": [round(each, 1) for each in os.getloadavg()],
    }  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what requests and events cost.")
    parser.add_argument("--server", default="", metavar="URL", help="postgres://user@host:5432/postgres")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="parts to measure (default: all)")
    parser.add_argument(
        "--at-once", type=int, nargs="*", choices=AT_ONCE, default=AT_ONCE, help="of `served`"
    )
    parser.add_argument("--runs", type=int, default=500, help="calls of each kind (default: %(default)s)")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
