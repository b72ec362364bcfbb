"""Measure a large audience, and print JSON including the machine.

    python -m scripts.bench_audience [--contacts N] [--server URL]

Creates a shop with N contacts (1,000,000 on PostgreSQL, 100,000 on SQLite), twice as many orders and five times as many
lines, in its own database, runs typical queries of merchants and developers, and drops it. `--server` is a PostgreSQL
where databases can be created; without it SQLite is measured. `make bench-audience`.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

DATABASE = f"saleor_stripe_audience_bench_{os.getpid()}"


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """Use a new database during the block."""
    if not server:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        return
    import psycopg  # noqa: PLC0415 - only where PostgreSQL is measured

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        try:
            yield urlsplit(server)._replace(path=f"/{DATABASE}").geturl()
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


def main() -> None:
    """Measure and print."""
    options = _options()
    contacts = options.contacts or (1_000_000 if options.server else 100_000)
    with own_database(options.server) as url:
        os.environ |= {
            "DATABASE_URL": url,
            "SECRET_KEY": "only-for-this-run-0123456789",
            "PUBLIC_URL": "http://127.0.0.1:9",
            "ALLOWED_SALEOR_URLS": "https://crowd.example/graphql/",
            "DJANGO_SETTINGS_MODULE": "saleor_stripe_audience.settings",
            "LOG_LEVEL": "error",
            "API_REQUESTS_PER_MINUTE": "100000",
        }
        import django  # noqa: PLC0415 - its settings are made above

        django.setup()
        from scripts.bench_audience import figures  # noqa: PLC0415 - as above

        json.dump(figures.measured(contacts), sys.stdout, indent=2)
        print()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the audience at its size.")
    parser.add_argument("--contacts", type=int, default=0, metavar="N")
    parser.add_argument("--server", default="", metavar="URL", help="postgres://user@host:5432/postgres")
    return parser.parse_args()


if __name__ == "__main__":
    main()
