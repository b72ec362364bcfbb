"""Long lists, page by page: a page starts where another ended, so an index finds each equally fast."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.http import QueryDict

SIZE = 20
BATCH_SIZE = 2_000

Place = tuple[datetime, Any]  # a time and a primary key


@dataclass(frozen=True, slots=True)
class Page[Row: Model]:
    """The rows, and the queries of the neighbouring pages; empty where there is none."""

    rows: list[Row]
    previous: str
    next: str


def read_page[Row: Model](rows: QuerySet[Row], asked: QueryDict, column: str) -> Page[Row]:
    """Return the page that `after` or `before` in the query asks for, newest rows first by `column`.

    A place that cannot be read, such as in an address that was cut off, is the start of the list.
    """
    return read_page_of([rows], asked, column)


def read_page_of[Row: Model](parts: list[QuerySet[Row]], asked: QueryDict, column: str) -> Page[Row]:
    """As `read_page`, of rows that are in several parts, each of which an index has in order; at least one."""
    model = parts[0].model
    after, before = _read(asked.get("after", ""), model), _read(asked.get("before", ""), model)

    def place_of(row: Row) -> Place:
        return getattr(row, column), row.pk

    def first(part: Callable[[QuerySet[Row]], QuerySet[Row]], *, newest_first: bool) -> list[Row]:
        found = [row for rows in parts for row in part(rows)[: SIZE + 1]]
        return sorted(found, key=place_of, reverse=newest_first)[: SIZE + 1]

    if after is None and before is not None:
        found = first(lambda rows: _newer(rows, column, before), newest_first=False)
        shown = found[:SIZE][::-1]
        has_newer, has_older = len(found) > SIZE, True
    else:
        found = first(lambda rows: _older(rows, column, after), newest_first=True)
        shown = found[:SIZE]
        has_newer, has_older = after is not None, len(found) > SIZE
    return Page(
        shown,
        previous=_query(asked, "before", shown[0], column) if has_newer and shown else "",
        next=_query(asked, "after", shown[-1], column) if has_older and shown else "",
    )


def read_all[Row: Model](rows: QuerySet[Row], column: str) -> Iterator[list[Row]]:
    """Yield all rows, newest first, some thousand at a time."""
    place: Place | None = None
    while some := list(_older(rows, column, place)[:BATCH_SIZE]):
        yield some
        place = getattr(some[-1], column), some[-1].pk


def _older[Row: Model](rows: QuerySet[Row], column: str, place: Place | None) -> QuerySet[Row]:
    if place is not None:
        rows = rows.filter(TupleLessThan((F(column), F("pk")), place))
    return rows.order_by(f"-{column}", "-pk")


def _newer[Row: Model](rows: QuerySet[Row], column: str, place: Place) -> QuerySet[Row]:
    return rows.filter(TupleGreaterThan((F(column), F("pk")), place)).order_by(column, "pk")


def _query(asked: QueryDict, name: str, row: Any, column: str) -> str:
    query = asked.copy()
    for other in ("after", "before"):
        query.pop(other, None)
    place = json.dumps([getattr(row, column).isoformat(), str(row.pk)])
    query[name] = base64.urlsafe_b64encode(place.encode()).decode()
    return query.urlencode()


def _read(text: str, model: type[Model]) -> Place | None:
    try:
        at, key = json.loads(base64.urlsafe_b64decode(text))
        place = datetime.fromisoformat(at), model._meta.pk.to_python(str(key))  # noqa: SLF001 - the documented Meta API
    except (ValueError, TypeError, AttributeError, RecursionError, ValidationError):
        return None
    return place if place[0].tzinfo is not None else None
