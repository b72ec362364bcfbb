"""Database settings for queries over a whole audience."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Unavailable

# PostgreSQL compiles queries that look expensive (jit), which takes longer than these queries do.
MEMORY = "128MB"  # for sorting and hashing; with PostgreSQL's usual 4MB a million ids are compared one by one
QUERY_CANCELED = "57014"  # PostgreSQL's code for a statement that exceeded its timeout


@contextmanager
def large_queries(timeout_seconds: int = 0) -> Iterator[None]:
    """Give the queries in this block more memory and, optionally, a timeout. `Unavailable` when it expires.

    SQLite has neither setting.
    """
    with transaction.atomic():
        if connection.vendor != "postgresql":
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('work_mem', %s, true), set_config('jit', 'off', true)", [MEMORY]
            )
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(timeout_seconds * 1000)])
        try:
            yield
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) == QUERY_CANCELED:
                raise Unavailable(
                    pgettext_lazy(
                        "staff",
                        "The segment takes too long to count. Narrow it down, or save it to evaluate it in the "
                        "background.",
                    ),
                    code="segment_too_slow",
                ) from None
            raise
