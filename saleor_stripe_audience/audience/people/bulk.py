"""Many rows at once, as fast as the database takes them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

AT_ONCE = 1_000


def among[Row: models.Model](
    rows: models.QuerySet[Row], column: str, values: Sequence[Any]
) -> models.QuerySet[Row]:
    """The rows whose column has one of very many values; to PostgreSQL they go as one parameter, not as thousands."""
    if connection.vendor != "postgresql":
        return rows.filter(**{f"{column}__in": values})
    table = rows.model._meta.db_table  # noqa: SLF001 - Django documents _meta
    return rows.extra(where=[f"{table}.{column} = ANY(%s)"], params=[list(values)])  # noqa: S610 - of our own names


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write new rows, of which nothing is read back. `columns` are the table's, such as contact_id.

    PostgreSQL takes them by COPY, several times as fast as by INSERT; what they break is told the same way.
    """
    if connection.vendor != "postgresql":
        made = [model(**dict(zip(columns, row, strict=True))) for row in rows]
        model._base_manager.bulk_create(made, batch_size=AT_ONCE)  # noqa: SLF001 - the ledger's own manager refuses nothing here
        return
    table, names = model._meta.db_table, ", ".join(columns)  # noqa: SLF001 - Django documents _meta
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        told = _as_text(rows, _json_places(model, columns))
        for row in told:
            copy.write_row(row)


def _json_places(model: type[models.Model], columns: Sequence[str]) -> list[int]:
    named = {field.column for field in model._meta.concrete_fields if isinstance(field, models.JSONField)}  # noqa: SLF001 - as above
    return [place for place, column in enumerate(columns) if column in named]


def _as_text(rows: Iterable[Sequence[Any]], places: Sequence[int]) -> Iterable[Sequence[Any]]:
    """The rows with JSON as text, as COPY takes it."""
    if not places:
        return rows
    return (_with_text(row, places) for row in rows)


def _with_text(row: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    values = list(row)
    for place in places:
        values[place] = json.dumps(values[place])
    return values
