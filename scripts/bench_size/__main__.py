"""Measure the same work in a small shop and in a large one, and print JSON: the cost must not grow with the tables.

    python -m scripts.bench_size [--contacts N] [--server URL]

The large shop has N contacts (1,000,000 on PostgreSQL, 100,000 on SQLite), twice as many orders, as many handled events
as contacts, and 0.3 payments for each; the small one has a thousand contacts. Each is in its own database, which is
dropped afterwards. `ms` is the elapsed time, `cpu_ms` the app's CPU time. `make bench-size`.
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from scripts.bench_audience.__main__ import own_database

Json = dict[str, Any]
SMALL = 1_000


def main() -> None:
    """Measure both shops in their own processes, and print the results."""
    options = _options()
    if options.part:
        json.dump(_measure(options.contacts), sys.stdout)
        return
    large = options.contacts or (1_000_000 if options.server else 100_000)
    report = {str(size): _in_child(size, options.server) for size in (SMALL, large)}
    print(json.dumps(report, indent=2))


def _in_child(contacts: int, server: str) -> Json:
    with own_database(server) as url:
        environment = os.environ | {
            "DATABASE_URL": url,
            "SECRET_KEY": "only-for-this-run-0123456789",
            "PUBLIC_URL": "http://127.0.0.1:9",
            "ALLOWED_SALEOR_URLS": "https://crowd.example/graphql/",
            "DJANGO_SETTINGS_MODULE": "saleor_stripe_audience.settings",
            "LOG_LEVEL": "error",
        }
        command = [sys.executable, "-m", "scripts.bench_size", "--part", "--contacts", str(contacts)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)  # noqa: S603 - this very file
    measured: Json = json.loads(done.stdout)
    return measured


def _measure(contacts: int) -> Json:
    import django  # noqa: PLC0415 - its settings are in the environment

    django.setup()
    from scripts.bench_size.figures import measure  # noqa: PLC0415 - as above

    return measure(contacts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure whether the cost grows with the tables.")
    parser.add_argument("--contacts", type=int, default=0, metavar="N")
    parser.add_argument("--server", default="", metavar="URL", help="postgres://user@host:5432/postgres")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
