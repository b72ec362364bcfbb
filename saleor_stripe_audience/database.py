"""The rule for network calls and the database, and what the database's errors mean for a caller."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, DataError, Error, connection, connections
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable

JOB_CACHE_KB = 4_000
OUTAGE = pgettext_lazy("staff", "The app cannot reach its database at the moment. Please try again shortly.")
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code; its library is loaded only where it is used
UNUSABLE = pgettext_lazy(
    "staff", "The request contains a value that cannot be used: too long, too large, or not readable as text."
)


class NetworkCallInTransaction(RuntimeError):  # noqa: N818 - it names what happened
    """A network call inside a transaction: locks would be held for as long as the other side takes."""


def leave_database() -> None:
    """Call this before every network call: no transaction may be open, and the connection is returned to its pool.

    To SQLite's only if there are few left. With 256 threads and a slow Stripe, keeping pooled connections during the
    call served an eighth of the requests.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:
        raise NetworkCallInTransaction("A network call must not be made inside a database transaction.")
    close: Callable[[], None] = getattr(database, "close_if_crowded", database.close)
    close()


@contextmanager
def more_cache() -> Iterator[None]:
    """Give this SQLite connection a larger cache for what a long job reads repeatedly; PostgreSQL has its own cache.

    With the few pages that all connections have otherwise, an import reads the same pages of its indexes for each row.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        (usual,) = cursor.fetchone()
        cursor.execute(f"PRAGMA cache_size = -{JOB_CACHE_KB}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:  # a new one: the job may have changed its connection
            cursor.execute(f"PRAGMA cache_size = {usual}")


def failure_of(error: BaseException | None) -> Failure | None:
    """What an unexpected exception means for the caller; None if it is a bug of the app.

    `Unavailable` if the database is unreachable, full or locked. `Rejected` if it cannot store a value of the request:
    NUL, half a surrogate pair, a number beyond its column, a text too long, nesting too deep.
    """
    if isinstance(error, Failure):
        return error
    if isinstance(error, DataError | UnicodeError | OverflowError | RecursionError):
        return Rejected(UNUSABLE, code="unusable_value")
    if isinstance(error, Error):
        if getattr(error.__cause__, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            _drop_broken_connections()
        return Unavailable(OUTAGE, code="database")
    return None


def _drop_broken_connections() -> None:
    """After an outage each pooled connection would fail once more: all idle ones are replaced."""
    pool = getattr(connection, "pool", None)  # only PostgreSQL has one
    if pool is not None and not pool.closed:
        pool.drain()
