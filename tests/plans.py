"""The databases' plans for the app's statements: a table that grows must be read through an index."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

PLANNED = ("SELECT", "UPDATE", "DELETE", "(SELECT", "WITH")
# These have a few rows per shop, or one per schedule, so a plan may read them as a whole.
FEW_ROWS = frozenset(
    {
        "audience_audience",
        "audience_channelaudience",
        "audience_segment",
        "django_ox_oxschedule",
        "shops_installation",
    }
)
_SEQUENTIAL = re.compile(r"Seq Scan on (\w+)")
_SCANNED = re.compile(r'^SCAN "?(\w+)"?(?! USING)', re.MULTILINE)


@dataclass(frozen=True)
class Plan:
    """One statement, and how the database executes it."""

    sql: str
    lines: str

    def scanned(self) -> set[str]:
        """Return the tables that it reads as a whole."""
        pattern = _SEQUENTIAL if connection.vendor == "postgresql" else _SCANNED
        return {self._table(name) for name in pattern.findall(self.lines)} - FEW_ROWS

    def _table(self, name: str) -> str:
        alias = re.search(rf'"(\w+)" (?:AS )?"?{re.escape(name)}"?\b', self.sql)
        return alias[1] if alias else name


@contextmanager
def explained(*, in_order: bool = False, index_only: bool = False) -> Iterator[list[Plan]]:
    """Collect the plan of each statement in the block.

    PostgreSQL reads small tables as a whole even if there is an index; this allows it only if there is none.
    `in_order` also forbids sorting rows that an index has in order; `index_only` also forbids reading rows if an index
    has all requested columns, because for a few rows, all plans cost the same.
    """
    avoided: tuple[str, ...] = ("enable_seqscan",)
    avoided += ("enable_sort", "enable_bitmapscan") if in_order else ()
    avoided += ("enable_indexscan", "enable_bitmapscan") if index_only else ()
    plans: list[Plan] = []
    is_postgresql = connection.vendor == "postgresql"

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(PLANNED) and "set_config" not in sql:
            prefix = "EXPLAIN" if is_postgresql else "EXPLAIN QUERY PLAN"
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"{prefix} {sql}", params)
                plans.append(Plan(sql, "\n".join(str(row[-1]) for row in cursor.cursor.fetchall())))
        return execute(sql, params, many, context)

    _set(avoided, "off")
    try:
        with connection.execute_wrapper(explain):
            yield plans
    finally:
        _set(avoided, "on")


def _set(names: tuple[str, ...], value: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"SET {name} = {value}")
