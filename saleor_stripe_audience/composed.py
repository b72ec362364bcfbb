"""Queries whose SQL Django composes once.

Django takes several times as long to compose the SQL of a query as the database takes to execute it. Queries for events
are composed when they are first needed, with placeholders for their values; after that, only the values change.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler

LONGEST = 64  # values in a sequence; a longer one is rare, and its SQL would take much memory
MAX_SHAPES = 64  # combinations of lengths for which the SQL of a query is kept

Value = str | int | UUID | datetime
Argument = Value | Sequence[Value]

_numbers = count()


def composed_once[**Arguments, Row](
    compose: Callable[Arguments, QuerySet[Any, Row]],
) -> Callable[Arguments, list[Row]]:
    """Return the rows of the query that `compose` returns, whose SQL is composed for the first call only.

    All arguments are positional: strings, integers, UUIDs, times, or sequences of these for `__in`. They must reach the
    SQL as they are, because `compose` gets other values of the same types. `TypeError` for any other argument.
    """
    kept: dict[tuple[object, ...], _Composed] = {}

    @wraps(compose)
    def rows(*arguments: Arguments.args, **named: Arguments.kwargs) -> list[Row]:
        if named:
            raise TypeError(f"{compose.__qualname__} takes positional arguments only")
        padded = _pad(arguments)
        lengths = [len(each) if isinstance(each, list) else -1 for each in padded]
        shape = (connection.vendor, *lengths)
        if shape not in kept:
            if len(kept) >= MAX_SHAPES or max(lengths, default=-1) > LONGEST:
                return list(compose(*arguments, **named))
            kept[shape] = _Composed(compose, padded)
        return kept[shape].rows(padded)

    return rows


@dataclass(frozen=True, slots=True)
class _Place:
    """A placeholder among the parameters for one of the values."""

    number: int


class _Composed:
    """A query with its SQL."""

    def __init__(self, compose: Callable[..., QuerySet[Any, Any]], arguments: Sequence[Any]) -> None:
        self._queryset, self._compiler, *sql = _compose(compose, arguments)
        # Twice, with other values: whatever else differs was derived from the arguments, and would not change.
        _, _, *again = _compose(compose, arguments)
        if again != sql:
            raise TypeError(f"{compose.__qualname__} must pass its arguments to the SQL as they are")
        self._sql, self._parameters = sql

    def rows(self, arguments: Sequence[Any]) -> list[Any]:
        """Send the SQL with these values."""
        if not self._sql:
            return []
        values = _stored(_flat(arguments))
        parameters = tuple(
            values[each.number] if isinstance(each, _Place) else each for each in self._parameters
        )
        compiler: Any = copy(self._compiler)
        compiler.connection = connections[DEFAULT_DB_ALIAS]
        compiler.as_sql = lambda: (self._sql, parameters)
        queryset = self._queryset.all()
        queryset.query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        return list(queryset)


def _compose(
    compose: Callable[..., QuerySet[Any, Any]], arguments: Sequence[Any]
) -> tuple[QuerySet[Any, Any], SQLCompiler, str, list[Any]]:
    """Return the query with placeholders for the arguments, and its SQL, which is empty if there can be no rows."""
    stand_ins = [
        [_stand_in(value) for value in each] if isinstance(each, list) else _stand_in(each)
        for each in arguments
    ]
    queryset = compose(*stand_ins)
    compiler = queryset.query.get_compiler(connection=connection)
    try:
        sql, parameters = compiler.as_sql()
    except EmptyResultSet:
        return queryset, compiler, "", []
    places = {value: _Place(number) for number, value in enumerate(_stored(_flat(stand_ins)))}
    placed = [places.get(each, each) if isinstance(each, Value) else each for each in parameters]
    return queryset, compiler, sql, placed


def _pad(arguments: Iterable[Any]) -> list[Any]:
    """Repeat the last value of each sequence up to the next power of two, so that only a few lengths occur."""
    padded: list[Any] = []
    for argument in arguments:
        if isinstance(argument, str) or not isinstance(argument, Sequence):
            padded.append(argument)
            continue
        values = list(argument)
        length = 1 << (len(values) - 1).bit_length() if values else 0
        padded.append(values + values[-1:] * (length - len(values)))
    return padded


def _flat(arguments: Sequence[Any]) -> list[Any]:
    return [value for each in arguments for value in (each if isinstance(each, list) else [each])]


def _stand_in(value: Any) -> Value:
    """Return a value of the same type that does not otherwise occur in a query."""
    number = next(_numbers)
    match value:
        case UUID():
            return uuid4()
        case datetime():
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
        case str():
            return f"stand-in {uuid4()}"
        case int() if not isinstance(value, bool):
            return 2**30 + number
    raise TypeError(f"a composed query cannot take {type(value).__name__}")


def _stored(values: Iterable[Any]) -> list[Any]:
    """Return the values as parameters of the database."""
    database = connections[DEFAULT_DB_ALIAS]
    stored: list[Any] = []
    for value in values:
        match value:
            case UUID():
                stored.append(value if database.features.has_native_uuid_field else value.hex)
            case datetime():
                stored.append(database.ops.adapt_datetimefield_value(value))
            case str():
                stored.append(str(value))
            case _:
                stored.append(value)
    return stored
