"""Long lists, page by page: a page starts where another ended, so an index finds each equally fast."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.http import QueryDict

SIZE = 20
BATCH_SIZE = 2_000

Place = tuple[datetime, UUID]


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
    after, before = _read(asked.get("after", "")), _read(asked.get("before", ""))
    if after is None and before is not None:
        found = list(_newer(rows, column, before)[: SIZE + 1])
        shown = found[:SIZE][::-1]
        has_newer, has_older = len(found) > SIZE, True
    else:
        found = list(_older(rows, column, after)[: SIZE + 1])
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


def _read(text: str) -> Place | None:
    try:
        at, key = json.loads(base64.urlsafe_b64decode(text))
        place = datetime.fromisoformat(at), UUID(key)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return place if place[0].tzinfo is not None else None
