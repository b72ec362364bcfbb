"""All that a shop has of a kind, page after page, oldest first: what comes new meanwhile stands at the end."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.saleor.catch_up import CHANGED, fields_of
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

PAGE = 50
LARGEST_PAGE = 100  # Saleor's limit
EVENTS = {listing: event for event, (listing, _) in CHANGED.items()}


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects; `after` is where the next page begins, None where there is none. `total` is of all pages."""

    nodes: list[Json]
    after: str | None
    total: int


def page(installation: Installation, listing: str, after: str | None) -> Page:
    """A page of customers or orders, with the very fields that their events bring."""
    return _fetched(installation, listing, _query(listing, installation.schema_version), after)


def short_page(installation: Installation, listing: str, after: str | None, fields: str = "id") -> Page:
    """The same with few fields, to compare."""
    return _fetched(installation, listing, _asked(listing, LARGEST_PAGE, f"{{ {fields} }}"), after)


def count(installation: Installation, listing: str) -> int:
    """How many the shop has."""
    return _fetched(installation, listing, _asked(listing, 1, "{ id }"), None).total


@cache
def _query(listing: str, schema_version: str) -> str:
    return _asked(listing, PAGE, fields_of(EVENTS[listing], schema_version))


def _asked(listing: str, size: int, fields: str) -> str:
    return (
        f"query Page($after: String) {{ {listing}(first: {size}, after: $after, "
        f"sortBy: {{field: CREATED_AT, direction: ASC}}) "
        f"{{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {fields} }} }} }}"
    )


def _fetched(installation: Installation, listing: str, query: str, after: str | None) -> Page:
    found = client.fetch_page(installation, query, after)
    with client.reading_answer():
        listed = found[listing]
        info = listed["pageInfo"]
        return Page(
            [edge["node"] for edge in listed["edges"]],
            info["endCursor"] if info["hasNextPage"] else None,
            int(listed["totalCount"]),
        )
