"""Lists: newest first, 1 to 100 per page, by cursor. Source: "Pagination" and each list's own filters."""

from collections.abc import Callable, Iterable
from typing import Any

from .errors import invalid, missing
from .state import Call, Json

LARGEST_PAGE = 100
USUAL_PAGE = 10


def page(
    call: Call, table: str, fields: Iterable[str] = (), *, keep: Callable[[Json], bool] | None = None
) -> Json:
    """Return one page of a table. `fields` are parameters that filter by the object's field of that name."""
    items = [item for item in call.account.table(table).values() if not item.get("deleted")]
    items.reverse()
    wanted = {name: call.params[name] for name in fields if name in call.params}
    items = [item for item in items if all(item.get(name) == value for name, value in wanted.items())]
    items = [item for item in items if _created_within(item, call.params.get("created"))]
    return cut(call, table, [item for item in items if keep is None or keep(item)])


def cut(call: Call, table: str, items: list[Json]) -> Json:
    """Return the page that `limit`, `starting_after` and `ending_before` request."""
    limit = _limit(call.params)
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after and before:
        raise invalid("Give either starting_after or ending_before, not both.", "ending_before")
    if before:
        earlier = items[: _position(items, before, table, "ending_before")]
        return _list(call, earlier[-limit:], len(earlier) > limit)
    start = _position(items, after, table, "starting_after") + 1 if after else 0
    return _list(call, items[start : start + limit], len(items) > start + limit)


def _list(call: Call, items: list[Json], has_more: bool) -> Json:
    return {"object": "list", "data": items, "has_more": has_more, "url": call.address}


def _limit(params: Json) -> int:
    limit = int(params.get("limit", USUAL_PAGE))
    if not 1 <= limit <= LARGEST_PAGE:
        message = f"This value must be between 1 and {LARGEST_PAGE}."
        raise invalid(message, "limit", "parameter_invalid_integer")
    return limit


def _position(items: list[Json], identifier: str, table: str, param: str) -> int:
    for position, item in enumerate(items):
        if item["id"] == identifier:
            return position
    raise missing(table, identifier, param)


def _created_within(item: Json, created: Any) -> bool:
    if created is None:
        return True
    if isinstance(created, int):
        return bool(item["created"] == created)
    moment = int(item["created"])
    starts = created.get("gte", moment) <= moment and created.get("gt", moment - 1) < moment
    return bool(starts and moment <= created.get("lte", moment) and moment < created.get("lt", moment + 1))
