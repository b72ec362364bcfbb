"""Apply all database migrations."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection, connections
from django.db.migrations.executor import MigrationExecutor

from saleor_stripe_audience.settings import database

MIGRATION_LOCK = 7_325_811_001  # this product's advisory lock in PostgreSQL


def run(arguments: Sequence[str]) -> int:
    """Apply every migration; running it again changes nothing."""
    argparse.ArgumentParser(prog="saleor-stripe-audience migrate", description=__doc__).parse_args(arguments)
    try:
        apply(verbosity=1)
    except Error:
        print(flush=True)  # ends the line of the migration that failed
        raise
    return 0


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Machines that start together migrate one after the other. SQLite has one writer anyway."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _is_anything_pending() -> bool:
    """Usually nothing is when a server starts; Django's command would check the whole project first."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def apply(*, verbosity: int = 0) -> None:
    """Apply every migration and leave no connection open, so that a server can be started afterwards."""
    database(settings.DATABASE_URL)  # no other command creates the folder of an SQLite database
    with _one_at_a_time():
        if verbosity or _is_anything_pending():
            call_command("migrate", interactive=False, verbosity=verbosity)
    connections.close_all()
    close_pool = getattr(connections["default"], "close_pool", None)  # only PostgreSQL has a pool
    if close_pool is not None:
        close_pool()
