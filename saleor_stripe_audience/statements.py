"""Statements that are composed once.

Django composes its SQL again for each query, which takes longer than the database needs to answer. What a shopper waits
for is sent by these functions instead; they use Django's own fields, so that values are stored and read as ever.
"""
# ruff: noqa: SLF001 - Django documents `_meta` and `_state`

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from typing import Any

from django.db import connection, models, transaction

TURN_SECONDS = 5.0


class _Turns:
    """A lock that is handed on in the order in which it was asked for; Python's own goes to anyone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    def acquire(self, seconds: float) -> bool:
        """Whether it is the caller's turn now; False if it did not come in time."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=seconds):
            return True
        with self._lock:
            if mine not in self._waiting:
                return True  # it was handed on just now
            self._waiting.remove(mine)
        return False

    def release(self) -> None:
        """End the turn: it is the next one's."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


_writing = _Turns()

Converter = tuple[int, Callable[[Any], Any]]  # the column's place, and what is done with its value


def insert_once(row: models.Model) -> bool:
    """Insert the row, in one statement; False if one with the same unique values is there already."""
    statement, fields = _insertion_of(type(row), connection.vendor)
    values = [each.get_db_prep_save(each.pre_save(row, add=True), connection) for each in fields]
    with turn_to_write(), connection.cursor() as cursor:
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


@contextmanager
def turn_to_write() -> Iterator[None]:
    """Let the threads of this process write to SQLite one after the other; needed around short transactions only.

    SQLite lets one write at a time, and whoever waits for it sleeps and tries again: with two hundred threads some of
    them try in vain for fifteen seconds. Who cannot have a turn in time tries as they do.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()  # whoever has the turn must not wait for a connection of those who wait for the turn
    has_turn = _writing.acquire(TURN_SECONDS)
    try:
        yield
    finally:
        if has_turn:
            _writing.release()


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
