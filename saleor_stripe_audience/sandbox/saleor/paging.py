"""Relay connections as Saleor makes them: `first` or `last` is required, at most 100."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

MOST = 100


def connection(
    items: Sequence[Any],
    field: str,
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
) -> dict[str, Any]:
    """Return one page of records; `field` is the connection's name in refusals."""
    _check_size(field, first, last)
    start = _position(items, after) + 1 if after else 0
    end = _position(items, before) if before else len(items)
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    edges = [{"node": item, "cursor": cursor_of(item)} for item in items[start:end]]
    page = {
        "hasNextPage": end < len(items),
        "hasPreviousPage": start > 0,
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
    }
    return {"edges": edges, "pageInfo": page, "totalCount": len(items)}


def cursor_of(item: Any) -> str:
    """Return an opaque position in a list, which stays valid when the list grows."""
    return base64.b64encode(f'["{item.key}"]'.encode()).decode()


def _check_size(field: str, first: int | None, last: int | None) -> None:
    if first is None and last is None:
        raise GraphQLError(
            f"You must provide a `first` or `last` value to properly paginate the `{field}` connection."
        )
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 0 < size <= MOST:
            raise GraphQLError(
                f"Requesting {size} records on the `{field}` connection exceeds the `{name}` limit of {MOST}"
                " records, or asks for none."
            )


def _position(items: Sequence[Any], cursor: str) -> int:
    try:
        key = base64.b64decode(cursor, validate=True).decode()[2:-2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise GraphQLError("Received cursor is invalid.") from error
    found = next((i for i, item in enumerate(items) if item.key == key), None)
    if found is None:
        raise GraphQLError("Received cursor is invalid.")
    return found
