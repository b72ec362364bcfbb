"""Statements that are composed once.

Django composes its SQL anew for each query, which takes longer than the database needs to answer. What a shopper waits
for is sent by these functions instead; they use Django's own fields, so that values are stored and read as ever.
"""
# ruff: noqa: SLF001 - Django documents `_meta` and `_state`

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from typing import Any

from django.db import connection, models, transaction

Converter = tuple[int, Callable[[Any], Any]]  # the column's place, and what is done with its value


def insert_once(row: models.Model) -> bool:
    """Insert the row, in one statement; False if one with the same unique values is there already."""
    statement, fields = _insertion_of(type(row), connection.vendor)
    values = [each.get_db_prep_save(each.pre_save(row, add=True), connection) for each in fields]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        inserted = cursor.fetchone()
    if inserted is None:
        return False
    row.pk = row._meta.pk.to_python(inserted[0])
    row._state.adding, row._state.db = False, connection.alias
    return True


def select_rows[Row: models.Model](model: type[Row], condition: str, values: Sequence[Any]) -> list[Row]:
    """Return the model's rows for which the SQL `condition` holds; see `stored` for its values."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns_of(model)} FROM {_table_of(model)} WHERE {condition}", values)  # noqa: S608 - no values
        return [row_of(model, each) for each in cursor.fetchall()]


def columns_of(model: type[models.Model]) -> str:
    """Return the model's columns as `row_of` takes them."""
    return _reading_of(model, connection.vendor)[0]


def row_of[Row: models.Model](model: type[Row], values: Sequence[Any]) -> Row:
    """Return the row that has these values in the database."""
    _, names, converters = _reading_of(model, connection.vendor)
    read = list(values)
    for place, convert in converters:
        read[place] = convert(read[place])
    return model.from_db(connection.alias, names, read)


def stored(model: type[models.Model], field: str, value: Any) -> Any:
    """Return the value as the database has it in that field."""
    found: Any = model._meta.get_field(field)
    return found.get_db_prep_value(value, connection)


def savepoint_if_needed() -> AbstractContextManager[Any]:
    """Let a statement that fails leave the caller's transaction usable; without one it needs none of its own."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


@cache
def _insertion_of(model: type[models.Model], vendor: str) -> tuple[str, list[Any]]:  # noqa: ARG001 - quoting differs
    all_fields: Any = model._meta.local_concrete_fields
    fields = [each for each in all_fields if not isinstance(each, models.AutoField)]
    names = ", ".join(_quoted(each.column) for each in fields)
    places = ", ".join(["%s"] * len(fields))
    key = _quoted(str(model._meta.pk.column))
    return (
        f"INSERT INTO {_table_of(model)} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING {key}",  # noqa: S608 - no values
        fields,
    )


@cache
def _reading_of(model: type[models.Model], vendor: str) -> tuple[str, list[str], list[Converter]]:  # noqa: ARG001 - as above
    fields: Any = model._meta.concrete_fields
    names = ", ".join(f"{_table_of(model)}.{_quoted(each.column)}" for each in fields)
    converters = [
        (place, converter) for place, field in enumerate(fields) for converter in _converters_of(field)
    ]
    return names, [each.attname for each in fields], converters


def _converters_of(field: Any) -> Iterator[Callable[[Any], Any]]:
    """As Django's own compiler applies them."""
    column = field.get_col(field.model._meta.db_table)
    found = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
    for each in found:
        yield partial(_convert, each, column)


def _convert(converter: Any, column: Any, value: Any) -> Any:
    return converter(value, column, connection)


def _table_of(model: type[models.Model]) -> str:
    return _quoted(model._meta.db_table)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
