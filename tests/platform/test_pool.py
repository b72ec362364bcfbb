"""256 threads wait for Stripe at once, with 100 PostgreSQL connections: none is in use while they wait."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

from saleor_stripe_audience.database import NetworkCallInTransaction, leave_database
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import install

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 256


def test_no_connection_is_held_while_the_network_is_waited_for() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no pool: this is tested on PostgreSQL")
    install()
    # No thread continues until all are waiting: if connections were kept, only the pool's sixteen would get here.
    all_wait = threading.Barrier(THREADS, timeout=60)

    def answer_a_webhook(number: int) -> int:
        try:
            Installation.objects.get()
            leave_database()
            all_wait.wait()
            with transaction.atomic():
                Event.objects.create(
                    source="test",
                    origin=Installation.objects.get().pk,
                    key=str(number),
                    kind="k",
                    occurred_at="2026-11-23T00:00:00Z",
                )
            return number
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        assert sorted(threads.map(answer_a_webhook, range(THREADS))) == list(range(THREADS))
    assert Event.objects.count() == THREADS
    assert most_connections() < 100


def most_connections() -> int:
    """Return how many connections this database has now, which is the maximum, because the pool keeps them open."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        count: int = cursor.fetchone()[0]
        return count


def test_the_network_is_never_called_in_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(NetworkCallInTransaction):
        leave_database()


def test_the_pool_is_smaller_than_what_the_database_allows(settings: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no pool: this is tested on PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_connections")
        allowed = int(cursor.fetchone()[0])
    assert settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"] * 2 < allowed, (
        "a web and a work process"
    )
