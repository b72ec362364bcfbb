"""Reading and writing many rows at once."""

import json
import os
import time
import uuid
from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Any

from django.db import connection, models

from saleor_stripe_audience.statements import types_kept_by


def filter_in[Row: models.Model](
    rows: models.QuerySet[Row], column: str, values: Sequence[Any]
) -> models.QuerySet[Row]:
    """Filter rows by a column with one of very many values; PostgreSQL gets them as one parameter, not thousands."""
    if connection.vendor != "postgresql":
        return rows.filter(**{f"{column}__in": values})
    table = rows.model._meta.db_table  # noqa: SLF001 - Django documents _meta
    return rows.extra(where=[f"{table}.{column} = ANY(%s)"], params=[list(values)])  # noqa: S610 - our own names


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows without reading anything back. `columns` are the table's, such as contact_id; others get no value.

    PostgreSQL takes them by COPY, several times as fast as by INSERT; a violated constraint raises the same error.
    """
    if connection.vendor != "postgresql":
        _insert_each(model, columns, rows)
        return
    meta = model._meta  # noqa: SLF001 - Django documents _meta
    json_columns = {field.column for field in meta.concrete_fields if isinstance(field, models.JSONField)}
    json_places = [place for place, column in enumerate(columns) if column in json_columns]
    statement = f"COPY {meta.db_table} ({', '.join(columns)}) FROM STDIN"
    # Django wraps the errors of its own methods only.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            values = list(row)
            for place in json_places:
                values[place] = json.dumps(values[place])
            copy.write_row(values)


def _insert_each(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert by one statement that is prepared once, without an instance of the model for each row."""
    meta = model._meta  # noqa: SLF001 - Django documents _meta
    by_column = {field.column: field for field in meta.concrete_fields}
    converted = [
        (place, by_column[column].get_db_prep_save)
        for place, column in enumerate(columns)
        if types_kept_by(by_column[column]) <= {NoneType}
    ]
    values = [list(row) for row in rows]
    for row in values:
        for place, convert in converted:
            row[place] = convert(row[place], connection)
    places = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {meta.db_table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own names
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def new_ids(count: int) -> list[uuid.UUID]:
    """Return ids that begin with the time (UUID version 7, RFC 9562).

    Rows of one import then lie together in every index that has the id, instead of each on its own page.
    """
    milliseconds = (time.time_ns() // 1_000_000) << 80
    random = os.urandom(10 * count)
    chance = (int.from_bytes(random[start : start + 10]) for start in range(0, 10 * count, 10))
    # The version and the variant have six of the bits.
    return [
        uuid.UUID(int=milliseconds | each & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62)
        for each in chance
    ]
