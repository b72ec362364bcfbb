"""Statements that are composed once.

Django composes its SQL again for each query, which takes longer than the database needs to execute it. Statements that
a shopper waits for are sent by these functions instead; they use Django's own fields, so values are stored and read as
usual.
"""
# ruff: noqa: SLF001 - Django documents `_meta` and `_state`

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from itertools import batched
from types import NoneType
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction

from saleor_stripe_audience.places import Places

TURN_SECONDS = 5.0


_writing = Places(1)

Converter = tuple[int, Callable[[Any], Any]]  # the column's place, and what is done with its value


def insert_once(row: models.Model) -> bool:
    """Insert the row, in one statement; returns False if one with the same unique values already exists."""
    database = connections[DEFAULT_DB_ALIAS]  # `connection` finds it again for each of its attributes
    insertion = _insertion_of(type(row), database.vendor)
    values = insertion.values(row)
    with turn_to_write(), database.cursor() as cursor:
        cursor.execute(insertion.once, values)
        computed = cursor.fetchone()
    if computed is None:
        return False
    insertion.complete(row, computed)
    return True


def insert_rows(
    rows: Sequence[models.Model], *, unique: Sequence[str] = (), update: Sequence[str] = ()
) -> None:
    """Insert the rows, in one statement; they get what the database computes for them.

    `unique`: fields by which a row that is stored already is found; its `update` fields are changed instead.
    """
    if not rows:
        return
    model, database = type(rows[0]), connections[DEFAULT_DB_ALIAS]
    insertion = _insertion_of(model, database.vendor)
    conflict = ""
    if unique:
        columns = [_quoted(each.column) for each in _fields(model, update)]
        changes = ", ".join(f"{each} = EXCLUDED.{each}" for each in columns)
        conflict = f"ON CONFLICT ({_columns(_fields(model, unique))}) DO UPDATE SET {changes}"
    size = database.ops.bulk_batch_size(insertion.fields, list(rows))
    for batch in batched(rows, size):
        places = ", ".join([insertion.places] * len(batch))
        values = [value for row in batch for value in insertion.values(row)]
        with database.cursor() as cursor:
            cursor.execute(f"{insertion.start} {places} {conflict} {insertion.returning}", values)
            for row, computed in zip(batch, cursor.fetchall(), strict=True):
                insertion.complete(row, computed)


def update_row(row: models.Model, names: Sequence[str]) -> None:
    """Store these fields of the row, if it still exists."""
    model = type(row)
    fields = _fields(model, names)
    changes = ", ".join(f"{_quoted(each.column)} = %s" for each in fields)
    key: Any = model._meta.pk
    values = [each.get_db_prep_save(each.pre_save(row, add=False), connection) for each in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_table_of(model)} SET {changes} WHERE {_quoted(key.column)} = %s",  # noqa: S608 - no values
            [*values, key.get_db_prep_save(row.pk, connection)],
        )


def select_rows[Row: models.Model](model: type[Row], condition: str, values: Sequence[Any]) -> list[Row]:
    """Return the model's rows for which the SQL `condition` holds; see `stored` for its values."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns_of(model)} FROM {_table_of(model)} WHERE {condition}", values)  # noqa: S608 - no values
        return [row_of(model, each) for each in cursor.fetchall()]


def columns_of(model: type[models.Model]) -> str:
    """Return the model's columns as `row_of` expects them."""
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

    SQLite allows one writer at a time, and waiting threads sleep and retry: with two hundred threads, some of them fail
    for fifteen seconds. A thread that does not get its turn in time retries like that.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "sqlite" or database.in_atomic_block:
        yield
        return
    database.ensure_connection()  # the writer must not wait for a connection of those that wait to write
    has_turn = _writing.take(TURN_SECONDS)
    try:
        yield
    finally:
        if has_turn:
            _writing.give_back()


def savepoint_if_needed() -> AbstractContextManager[Any]:
    """Keep the caller's transaction usable if a statement fails; without a transaction, no savepoint is needed."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


@dataclass(frozen=True, slots=True)
class _Insertion:
    """The parts of the statement that inserts a model's rows, and the fields of one row's values."""

    start: str
    places: str
    returning: str
    once: str  # the statement for one row, which does nothing if the row is there already
    fields: Sequence[Any]
    # Each field, its attribute, and the types of `types_kept_by`.
    attributes: Sequence[tuple[Any, str, frozenset[type]]]
    computed: Sequence[
        tuple[str, Sequence[Callable[[Any], Any]]]
    ]  # attributes, and how their values are read

    def values(self, row: models.Model) -> list[Any]:
        """Return the row's values as the database stores them."""
        database, held, found = connections[DEFAULT_DB_ALIAS], row.__dict__, []
        for field, name, kept in self.attributes:
            value = held.get(name)
            if type(value) not in kept:
                value = field.get_db_prep_save(field.pre_save(row, add=True), database)
            found.append(value)
        return found

    def complete(self, row: models.Model, computed: Sequence[Any]) -> None:
        """Set what the database computed for the row."""
        for (name, converters), value in zip(self.computed, computed, strict=True):
            read = value
            for convert in converters:
                read = convert(read)
            setattr(row, name, read)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@cache
def _insertion_of(model: type[models.Model], vendor: str) -> _Insertion:  # noqa: ARG001 - quoting differs
    all_fields: Any = model._meta.local_concrete_fields
    fields = [each for each in all_fields if not isinstance(each, models.AutoField) and not each.generated]
    computed = list(dict.fromkeys([model._meta.pk, *(each for each in all_fields if each.db_returning)]))
    start = f"INSERT INTO {_table_of(model)} ({_columns(fields)}) VALUES"
    places = f"({', '.join(['%s'] * len(fields))})"
    returning = f"RETURNING {_columns(computed)}"
    return _Insertion(
        start=start,
        places=places,
        returning=returning,
        once=f"{start} {places} ON CONFLICT DO NOTHING {returning}",
        fields=fields,
        attributes=[(each, each.attname, types_kept_by(each)) for each in fields],
        computed=[(each.attname, list(_converters_of(each))) for each in computed],
    )


def types_kept_by(field: Any) -> frozenset[type]:
    """Return the types whose values Django's field stores as they are; a subclass of a field may not."""
    if type(field) in (models.CharField, models.TextField):
        return frozenset({str, NoneType})
    if type(field) in (models.IntegerField, models.PositiveIntegerField, models.BigIntegerField):
        return frozenset({int, NoneType})
    if type(field) is models.BooleanField:
        return frozenset({bool, NoneType})
    if type(field) is models.DateTimeField and not (field.auto_now or field.auto_now_add):
        return frozenset({NoneType})
    return frozenset()


def _fields(model: type[models.Model], names: Iterable[str]) -> list[Any]:
    return [model._meta.get_field(name) for name in names]


def _columns(fields: Iterable[Any]) -> str:
    return ", ".join(_quoted(each.column) for each in fields)


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
