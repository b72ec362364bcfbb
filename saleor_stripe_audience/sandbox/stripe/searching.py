"""Search by metadata. Source: "Search": new objects are found after about a minute; deleted ones are not found.

Queries can only compare metadata for equality, joined by AND: anything else is refused here.
"""

import re

from .errors import invalid
from .listing import LARGEST_PAGE, USUAL_PAGE
from .state import Call, Json

FOUND_AFTER_SECONDS = 60
_TEXT = r"""(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')"""
_CLAUSE = re.compile(rf"metadata\[{_TEXT}\]:{_TEXT}")


def page(call: Call, table: str) -> Json:
    """GET /v1/{table}s/search: newest first, one page of at most `limit`."""
    wanted = _wanted(str(call.params["query"]))
    limit = int(call.params.get("limit", USUAL_PAGE))
    if not 1 <= limit <= LARGEST_PAGE:
        raise invalid(f"This value must be between 1 and {LARGEST_PAGE}.", "limit")
    if "page" in call.params:
        raise invalid("The sandbox's search has one page.", "page")
    found = [item for item in reversed(call.account.table(table).values()) if _fits(call, item, wanted)]
    return {
        "object": "search_result",
        "data": found[:limit],
        "has_more": len(found) > limit,
        "next_page": None,
        "url": call.address,
    }


def _fits(call: Call, item: Json, wanted: dict[str, str]) -> bool:
    if item.get("deleted") or call.now - item["created"] < FOUND_AFTER_SECONDS:
        return False
    return all(item["metadata"].get(name) == value for name, value in wanted.items())


def _wanted(query: str) -> dict[str, str]:
    """Return the comparisons; refuse a query with anything but AND between them."""
    found = _CLAUSE.findall(query)
    between = _CLAUSE.sub("\0", query).strip()
    if not found or between != " AND ".join("\0" * len(found)):
        raise invalid(f"We were unable to parse your search query: {query}", "query")
    return {_unescaped(name or same): _unescaped(value or also) for name, same, value, also in found}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
