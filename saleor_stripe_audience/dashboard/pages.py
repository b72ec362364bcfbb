"""Long lists, page by page: a page starts where another ended, so an index finds each equally fast."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import F, Field, Model, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.http import QueryDict

SIZE = 20
BATCH_SIZE = 2_000

LARGEST_KEY = 2**63

Place = tuple[Any, Any]  # the column's value and the key


@dataclass(frozen=True, slots=True)
class Page[Row: Model]:
    """The rows, and the queries of the adjacent pages; empty if there is none."""

    rows: list[Row]
    previous: str
    next: str


def read_page[Row: Model](
    rows: QuerySet[Row], params: QueryDict, column: str, *, is_ascending: bool = False
) -> Page[Row]:
    """Return the page that `after` or `before` in the query asks for, ordered by `column`: newest rows first.

    An invalid position, such as in a truncated URL, means the start of the list.
    """
    return read_page_of([rows], params, column, is_ascending=is_ascending)


def read_page_of[Row: Model](
    parts: list[QuerySet[Row]], params: QueryDict, column: str, *, is_ascending: bool = False
) -> Page[Row]:
    """Like `read_page`, for rows in one or more parts, each of which an index has in order."""
    model = parts[0].model
    after, before = (_read(model, column, params.get(name, "")) for name in ("after", "before"))

    def place_of(row: Row) -> Place:
        return getattr(row, column), row.pk

    def first(place: Place | None, *, is_rising: bool) -> list[Row]:
        found = [
            row for rows in parts for row in _beyond(rows, column, place, is_rising=is_rising)[: SIZE + 1]
        ]
        # One part is in order already, which for texts is the database's own.
        return (found if len(parts) == 1 else sorted(found, key=place_of, reverse=not is_rising))[: SIZE + 1]

    if after is None and before is not None:
        found = first(before, is_rising=not is_ascending)
        shown = found[:SIZE][::-1]
        has_previous, has_next = len(found) > SIZE, True
    else:
        found = first(after, is_rising=is_ascending)
        shown = found[:SIZE]
        has_previous, has_next = after is not None, len(found) > SIZE
    return Page(
        shown,
        previous=_query(params, "before", shown[0], column) if has_previous and shown else "",
        next=_query(params, "after", shown[-1], column) if has_next and shown else "",
    )


def read_all[Row: Model](rows: QuerySet[Row], column: str) -> Iterator[list[Row]]:
    """Yield all rows, newest first, some thousand at a time."""
    place: Place | None = None
    while some := list(_beyond(rows, column, place, is_rising=False)[:BATCH_SIZE]):
        yield some
        place = getattr(some[-1], column), some[-1].pk


def _beyond[Row: Model](
    rows: QuerySet[Row], column: str, place: Place | None, *, is_rising: bool
) -> QuerySet[Row]:
    """Return the rows after the place, in the order of the column and the key, rising or falling."""
    if place is not None:
        compare = TupleGreaterThan if is_rising else TupleLessThan
        rows = rows.filter(compare((F(column), F("pk")), place))
    return rows.order_by(column, "pk") if is_rising else rows.order_by(f"-{column}", "-pk")


def _query(params: QueryDict, name: str, row: Any, column: str) -> str:
    query = params.copy()
    for other in ("after", "before"):
        query.pop(other, None)
    value = getattr(row, column)
    place = json.dumps([value.isoformat() if isinstance(value, datetime) else value, str(row.pk)])
    query[name] = base64.urlsafe_b64encode(place.encode()).decode()
    return query.urlencode()


def _read(model: type[Model], column: str, text: str) -> Place | None:
    meta = model._meta  # noqa: SLF001 - Django documents _meta
    field = cast("Field[Any, Any]", meta.get_field(column))
    try:
        value, key = json.loads(base64.urlsafe_b64decode(text))
        place = field.to_python(value), meta.pk.to_python(str(key))
        is_storable = all(map(_is_storable, place))
    except (ValueError, TypeError, AttributeError, RecursionError, ValidationError):
        return None
    return place if is_storable else None


def _is_storable(value: Any) -> bool:
    """Whether the database can compare with it: someone may have edited the URL."""
    if isinstance(value, datetime):
        return value.tzinfo is not None
    if isinstance(value, int):
        return abs(value) < LARGEST_KEY
    return value is not None and b"\0" not in str(value).encode()
