"""Lists that may be very long: pages that start where the last one ended, and counts that stop at a cap.

An index finds every page equally fast, because its cursor holds the value by which the list is ordered and the row's
key; an offset would read all rows before it. Rows that are added in between do not shift pages.
"""

import json
from collections.abc import Sequence
from typing import Any, Self, cast

import strawberry
from django.core.exceptions import ValidationError
from django.db.models import Expression, F, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.utils.timezone import is_naive
from strawberry import Info, relay
from strawberry.relay import NodeType, PageInfo
from strawberry.relay.types import NodeIterableType
from strawberry.relay.utils import from_base64, should_resolve_list_connection_edges, to_base64
from strawberry_django.relay import DjangoListConnection

from saleor_stripe_audience.api.errors import BAD_PAGE
from saleor_stripe_audience.errors import Rejected

COUNTED_UP_TO = 10_000
LONGEST_PAGE = 100
LARGEST_NUMBER = 10**12  # of a row; no shop has that many
_MARK = "place"


def ordered(
    rows: QuerySet[Any], name: str, by: F | Expression | None = None, *, descending: bool
) -> QuerySet[Any]:
    """Return the rows in that order, ties broken by the primary key, as `LongConnection` pages them.

    `by`, or else the column of that name, is never null, and there is an index on it and the primary key.
    """
    mark, alias = "-" if descending else "", f"by_{name}"
    known: QuerySet[Any] = rows.annotate(**{alias: by or F(name)})
    return known.order_by(f"{mark}{alias}", f"{mark}pk")


def page_size(first: int | None, last: int | None) -> int:
    """Return the number of rows on the page. As in Saleor, exactly one of the two is given, and no more than 100."""
    given = [each for each in (first, last) if each is not None]
    if len(given) != 1 or not 0 <= given[0] <= LONGEST_PAGE:
        raise _bad_page()
    return given[0]


def _total_count(root: strawberry.Parent[Any]) -> int:
    return min(_counted(root), COUNTED_UP_TO)


def _is_exact(root: strawberry.Parent[Any]) -> bool:
    return _counted(root) <= COUNTED_UP_TO


def _exact_count(root: strawberry.Parent[Any]) -> int:
    if root.counted is not None and root.counted <= COUNTED_UP_TO:
        return int(root.counted)
    return int(root.rows.order_by().count())


def _counted(list_: "LongConnection[Any]") -> int:
    """Count the rows once per response, and no further than needed."""
    if list_.counted is None:
        list_.counted = list_.rows.order_by()[: COUNTED_UP_TO + 1].count()
    return list_.counted


@strawberry.type(description="A list that may be very long, page by page.")
class LongConnection(relay.Connection[NodeType]):
    rows: strawberry.Private[QuerySet[Any]]
    counted: strawberry.Private[int | None] = None
    total_count: int = strawberry.field(
        resolver=_total_count,
        description=f"Number of items, counted up to {COUNTED_UP_TO:,}; see `totalCountIsExact`.",
    )
    total_count_is_exact: bool = strawberry.field(
        resolver=_is_exact, description="False if there are more items than `totalCount`."
    )
    exact_total_count: int = strawberry.field(
        resolver=_exact_count,
        description="The exact number of items. Counting can take seconds, so request it only if needed.",
    )

    @classmethod
    def resolve_connection(
        cls,
        nodes: NodeIterableType[NodeType],
        *,
        info: Info,
        before: str | None = None,
        after: str | None = None,
        first: int | None = None,
        last: int | None = None,
        **_kwargs: Any,
    ) -> Self:
        rows = cast("QuerySet[Any]", nodes)
        size = page_size(first, last)
        narrowed = _between(rows, after, before)
        if not should_resolve_list_connection_edges(info):
            return cls(edges=[], page_info=_page_info([], is_first=True, is_last=True), rows=rows)
        backwards = first is None
        found = list((narrowed.reverse() if backwards else narrowed)[: size + 1])
        has_more, found = len(found) > size, found[:size]
        is_first, is_last = after is None, not has_more
        if backwards:
            found.reverse()
            is_first, is_last = not has_more, before is None
        edges = [
            relay.Edge(cursor=_cursor(each, rows), node=cls.resolve_node(each, info=info)) for each in found
        ]
        is_whole = after is None and before is None and not has_more
        return cls(
            edges=edges,
            page_info=_page_info(edges, is_first=is_first, is_last=is_last),
            rows=rows,
            counted=len(found) if is_whole else None,
        )


@strawberry.type(name="Connection", description="A connection to a list of items.")
class NumberedConnection(DjangoListConnection[NodeType]):
    @classmethod
    def resolve_connection(
        cls,
        nodes: NodeIterableType[NodeType],
        *,
        info: Info,
        before: str | None = None,
        after: str | None = None,
        first: int | None = None,
        last: int | None = None,
        **arguments: Any,
    ) -> Any:
        """Do the same as the library, with our page limits; a cursor's number must fit a database column."""
        page_size(first, last)
        for cursor in (before, after):
            if cursor is not None and not _is_number(cursor):
                raise _bad_page()
        return super().resolve_connection(
            nodes, info=info, before=before, after=after, first=first, last=last, **arguments
        )


def _is_number(cursor: str) -> bool:
    try:
        return 0 <= int(from_base64(cursor)[1]) <= LARGEST_NUMBER
    except ValueError:
        return False


def _page_info(edges: Sequence[relay.Edge[Any]], *, is_first: bool, is_last: bool) -> PageInfo:
    return PageInfo(
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
        has_previous_page=not is_first,
        has_next_page=not is_last,
    )


def _between(rows: QuerySet[Any], after: str | None, before: str | None) -> QuerySet[Any]:
    descending = _order_of(rows).startswith("-")
    for cursor, is_later in ((after, True), (before, False)):
        if cursor is not None:
            compare = TupleLessThan if descending == is_later else TupleGreaterThan
            rows = rows.filter(compare((F(_alias(rows)), F("pk")), _read(cursor, rows)))
    return rows


def _order_of(rows: QuerySet[Any]) -> str:
    return str(rows.query.order_by[0])


def _alias(rows: QuerySet[Any]) -> str:
    return _order_of(rows).removeprefix("-")


def _named(rows: QuerySet[Any]) -> str:
    """Name the list's sort order: a cursor of another order is not valid here."""
    return f"{rows.model.__name__} {_order_of(rows)}"


def _cursor(row: Any, rows: QuerySet[Any]) -> str:
    value = getattr(row, _alias(rows))
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return to_base64(_MARK, json.dumps([_named(rows), text, str(row.pk)]))


def _read(cursor: str, rows: QuerySet[Any]) -> tuple[Any, Any]:
    """Return the value and key in the cursor; `Rejected` if it is not one of this list."""
    try:
        mark, content = from_base64(cursor)
        named, value, key = json.loads(content)
        fields = (rows.query.annotations[_alias(rows)].output_field, rows.model._meta.pk)  # noqa: SLF001 - documented
        found = [_value(field, each) for field, each in zip(fields, (value, key), strict=True)]
    except (ValueError, TypeError, RecursionError, ValidationError):
        raise _bad_page() from None
    if mark != _MARK or named != _named(rows):
        raise _bad_page()
    return found[0], found[1]


def _value(field: Any, text: Any) -> Any:
    """Return the value in the column's type; an error for what the column cannot hold."""
    if not isinstance(text, str) or "\0" in text:
        raise ValueError
    text.encode()
    value = field.to_python(text)
    field.run_validators(value)
    if hasattr(value, "tzinfo") and is_naive(value):
        raise ValueError
    return value


def _bad_page() -> Rejected:
    return Rejected(BAD_PAGE, code="bad_page")
