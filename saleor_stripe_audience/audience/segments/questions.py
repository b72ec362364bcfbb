"""How the database is to take questions over a whole audience."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

from saleor_stripe_audience.errors import Unavailable

# PostgreSQL compiles what looks expensive (jit), which takes longer than these questions do.
MEMORY = "128MB"  # for sorting and hashing; with PostgreSQL's usual 4MB a million ids are compared one by one
# What is asked of is in memory or on a disk without arms: a row found by index costs little more than the next one.
RANDOM_PAGE_COST = "1.1"
QUERY_CANCELED = "57014"  # PostgreSQL's code of a statement that took longer than it may


@contextmanager
def large_questions(longest_seconds: int = 0) -> Iterator[None]:
    """For the questions inside: more memory and, if given, an end; `Unavailable` where that is reached.

    SQLite knows neither.
    """
    with transaction.atomic():
        if connection.vendor != "postgresql":
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('work_mem', %s, true), set_config('jit', 'off', true)", [MEMORY]
            )
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(longest_seconds * 1000)])
        try:
            yield
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) == QUERY_CANCELED:
                raise Unavailable(
                    "The segment takes too long to count. Narrow it down, or save it: it is then worked out in "
                    "the background.",
                    code="segment_too_slow",
                ) from None
            raise
