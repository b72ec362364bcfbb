"""Everything that a shop has of a kind, page by page, with the same fields as its events."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.saleor.documents import fields, read_version
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

PAGE_SIZE = 50
LARGEST_PAGE = 100  # Saleor's limit


@dataclass(frozen=True)
class Listing:
    """A list of the shop: `event` reports a change with the object in `field`; `fragment` has the fields to fetch.

    With `permission`, Saleor lists all objects; without it, it may hide some.
    """

    name: str
    event: str
    field: str
    fragment: str
    permission: str


LISTINGS = {
    listing.name: listing
    for listing in (
        Listing("orders", "order_updated", "order", "OrderFields", "MANAGE_ORDERS"),
        Listing("customers", "customer_updated", "user", "CustomerFields", "MANAGE_USERS"),
        Listing("products", "product_updated", "product", "ProductFields", "MANAGE_PRODUCTS"),
    )
}


def may_list(installation: Installation, name: str) -> bool:
    """Whether the app may see all objects: its manifest asks for the permission, or the shop granted it anyway.

    The shop is only queried if the manifest does not request it: `Rejected` or `Unavailable` if it does not respond.
    """
    permission = LISTINGS[name].permission
    if permission in client.wanted_permissions(installation):
        return True
    return permission in client.fetch_installed(installation).permissions


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects; `after` is where the next page begins, None at the end. `total` counts all pages."""

    nodes: list[Json]
    after: str | None
    total: int


def fetch_changed(installation: Installation, name: str, since: datetime) -> Iterator[Json]:
    """Every object that changed since then."""
    query = changed_query(name, installation.schema_version)
    return client.fetch_changed(installation, query, name, since)


@cache
def changed_query(name: str, schema_version: str) -> str:
    """The query for the objects that changed, with the time of the change: an object can change back to an earlier
    state, which is another event.
    """
    selection = fields(LISTINGS[name].fragment, read_version(schema_version))
    selection = f"{{ updatedAt {selection.removeprefix('{')}"
    return (
        f"query Changed($since: DateTime!, $after: String) {{ {name}(first: {PAGE_SIZE}, after: $after, "
        f"filter: {{updatedAt: {{gte: $since}}}}) "
        f"{{ pageInfo {{ hasNextPage endCursor }} edges {{ node {selection} }} }} }}"
    )


def fetch_products(installation: Installation, chosen: Json) -> Iterator[Json]:
    """Return every product that matches; `chosen` is a ProductFilterInput, such as {"ids": […]}."""
    selection = fields(LISTINGS["products"].fragment, read_version(installation.schema_version))
    query = (
        f"query Products($chosen: ProductFilterInput!, $after: String) {{ products(first: {PAGE_SIZE}, "
        f"after: $after, filter: $chosen) "
        f"{{ pageInfo {{ hasNextPage endCursor }} edges {{ node {selection} }} }} }}"
    )
    return client.fetch_listed(installation, query, "Products", "products", {"chosen": chosen})


def fetch_present(installation: Installation, name: str, ids: Collection[str]) -> set[str]:
    """Return those of the ids, at most 100, that the shop still has.

    `Blocked` without the permission to see all: the shop would hide objects that it has.
    """
    query = (
        f"query Present($ids: [ID!]) {{ {name}(first: {LARGEST_PAGE}, filter: {{ids: $ids}}) "
        "{ edges { node { id } } } app { permissions { code } } }"
    )
    found = client.fetch_visible(installation, query, "Present", name, ids, LISTINGS[name].permission)
    return {node["id"] for node in found}


def fetch_owners(installation: Installation, order_ids: Collection[str]) -> list[str | None]:
    """Return the account of each of the orders, at most 100, that the shop still has; None for one without an account.

    `Blocked` without the permission to see customers: the shop would hide the accounts.
    """
    query = (
        f"query Owners($ids: [ID!]) {{ orders(first: {LARGEST_PAGE}, filter: {{ids: $ids}}) "
        "{ edges { node { user { id } } } } app { permissions { code } } }"
    )
    permission = LISTINGS["customers"].permission
    found = client.fetch_visible(installation, query, "Owners", "orders", order_ids, permission)
    return [(node["user"] or {}).get("id") for node in found]


def fetch_page(installation: Installation, name: str, after: str | None) -> Page:
    """A page of customers or orders, oldest first: new ones come at the end."""
    selection = fields(LISTINGS[name].fragment, read_version(installation.schema_version))
    return _fetch(installation, name, PAGE_SIZE, selection, after)


def fetch_short_page(installation: Installation, name: str, after: str | None, names: str = "id") -> Page:
    """The same with few fields, to compare."""
    return _fetch(installation, name, LARGEST_PAGE, f"{{ {names} }}", after)


def fetch_count(installation: Installation, name: str) -> int:
    """How many the shop has."""
    return _fetch(installation, name, 1, "{ id }", None).total


def _fetch(installation: Installation, name: str, size: int, selection: str, after: str | None) -> Page:
    query = (
        f"query Page($after: String) {{ {name}(first: {size}, after: $after, "
        f"sortBy: {{field: CREATED_AT, direction: ASC}}) "
        f"{{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {selection} }} }} }}"
    )
    data = client.fetch_page(installation, query, after)
    with client.reading_response():
        listed = data[name]
        info = listed["pageInfo"]
        return Page(
            [edge["node"] for edge in listed["edges"]],
            info["endCursor"] if info["hasNextPage"] else None,
            int(listed["totalCount"]),
        )
