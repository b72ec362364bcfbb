"""Limits for one query, and for one minute."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from graphql import get_introspection_query

from saleor_stripe_audience.api import request_counts
from saleor_stripe_audience.api.models import RequestCount
from saleor_stripe_audience.api.tasks import forget_old_counts
from saleor_stripe_audience.api_keys.keys import create_key
from tests.api.conftest import Shop, post

SMALL = "{ installation { domain } }"
CHEAP = "{ contacts(first: 100) { edges { node { purchases(first: 50) { edges { node { number } } } } } } }"
DEAR = "{ contacts(first: 100) { edges { node { purchases(first: 50) { edges { node { lines { sku } } } } } } } }"
DEAR_BY_VARIABLE = "query ($n: Int) " + DEAR.replace("first: 100", "first: $n")


def bomb(kind: str, inmost: str) -> str:
    """2 to the 30 fields."""
    doubled = " ".join(f"fragment f{n} on {kind} {{ ...f{n + 1} ...f{n + 1} }}" for n in range(30))
    return f"query {{ contacts(first: 100) {{ ...f0 }} }} {doubled} fragment f30 on {kind} {{ {inmost} }}"


BOMBS = [
    bomb("ContactConnection", "edges { node { purchases(first: 50) { edges { node { lines { sku } } } } } }"),
    bomb("ContactConnection", "totalCount"),  # cheap, but slow to check
    bomb("Nothing", "totalCount"),
]
ITSELF = (
    "{ contacts(first: 100) { ...a } } fragment a on ContactConnection { ...a ...b } "
    "fragment b on ContactConnection { ...a }"
)


def codes(key: str, query: str, **variables: Any) -> set[str]:
    result = json.loads(post(key, {"query": query, "variables": variables}).content)
    return {error["extensions"]["code"] for error in result.get("errors", [])}


@pytest.fixture
def key(mine: Shop) -> str:
    return create_key(mine.installation, "a developer").secret


class TestCost:
    def test_what_could_give_too_much_is_refused_with_what_to_do(self, key: str) -> None:
        answer = post(key, {"query": DEAR})
        assert answer.status_code == 400
        [error] = json.loads(answer.content)["errors"]
        assert error["extensions"]["code"] == "TOO_COMPLEX"
        assert "smaller pages" in error["message"]

    def test_smaller_pages_are_answered(self, key: str) -> None:
        assert not codes(key, CHEAP)
        assert not codes(key, DEAR.replace("first: 100", "first: 20"))

    def test_fields_that_count_rows_are_dear(self, key: str) -> None:
        tags = "{ contacts(first: %d) { edges { node { tags { tag { contactsCount } } } } } }"
        assert codes(key, tags % 100) == {"TOO_COMPLEX"}
        assert not codes(key, tags % 15)
        assert not codes(
            key, "{ contacts(first: 100) { edges { node { audience { contactsByStatus { count } } } } } }"
        )

    @pytest.mark.parametrize(
        "purchases",
        [
            "purchases(first: 0) { totalCount }",
            "purchases(first: 1) { pageInfo { hasNextPage } }",
            "purchases(first: 1) { edges { node { number } } }",
        ],
    )
    def test_a_list_that_is_read_for_each_row_of_another_is_dear(self, key: str, purchases: str) -> None:
        contacts = "{ contacts(first: 100) { edges { node { %s } } } }"
        assert codes(key, contacts % f"a: {purchases} b: {purchases}") == {"TOO_COMPLEX"}
        assert not codes(key, contacts % purchases)

    @pytest.mark.parametrize(
        "counted",
        [
            "a: exactTotalCount b: exactTotalCount",
            "... on ContactConnection { a: exactTotalCount b: exactTotalCount }",
            "...counts } } fragment counts on ContactConnection { a: exactTotalCount ... { b: exactTotalCount",
        ],
    )
    def test_what_counts_a_list_is_counted_once_and_not_for_each_row(self, key: str, counted: str) -> None:
        assert not codes(key, f"{{ contacts(first: 100) {{ edges {{ node {{ email }} }} {counted} }} }}")

    def test_a_fragment_costs_what_the_page_holds_that_it_is_spread_in(self, key: str) -> None:
        lines = "fragment lines on PurchaseConnection { edges { node { lines { sku } } } }"
        both = "a: purchases(first: 1) { ...lines } b: purchases(first: %d) { ...lines }"
        asked = "{ contacts(first: 20) { edges { node { " + both + " } } } } " + lines
        assert codes(key, asked % 100) == {"TOO_COMPLEX"}
        assert not codes(key, asked % 10)

    def test_previews_of_segments_are_dear(self, key: str) -> None:
        previews = [f'a{n}: segmentPreview(audience: "x", rule: "x") {{ count }}' for n in range(4)]
        assert codes(key, f"{{ {' '.join(previews)} }}") == {"TOO_COMPLEX"}
        assert codes(key, f"{{ {' '.join(previews[:3])} }}") == {"GRAPHQL_ERROR"}

    def test_what_jobs_tell_counts_as_what_it_may_hold(self, key: str) -> None:
        jobs = "jobs { problems { code } differences { what } }"
        assert codes(key, f"{{ a: {jobs} b: {jobs} }}") == {"TOO_COMPLEX"}
        assert not codes(key, f"{{ {jobs} }}")

    def test_page_sizes_in_variables_count(self, key: str) -> None:
        assert codes(key, DEAR_BY_VARIABLE, n=100) == {"TOO_COMPLEX"}
        assert not codes(key, DEAR_BY_VARIABLE, n=20)

    @pytest.mark.parametrize("query", [*BOMBS, ITSELF])
    def test_fragments_cannot_blow_up_the_counting(self, key: str, query: str) -> None:
        assert codes(key, query) <= {"TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED"}
        assert codes(key, query)

    def test_of_several_operations_the_named_one_counts(self, key: str) -> None:
        both = f"query Small {SMALL} query Dear {DEAR}"
        for name, status in (("Small", 200), ("Dear", 400)):
            assert post(key, {"query": both, "operationName": name}).status_code == status


class TestRate:
    @pytest.fixture(autouse=True)
    def _one_minute(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.API_REQUESTS_PER_MINUTE = 3
        self.now = 1_800_000_000.0
        monkeypatch.setattr("time.time", lambda: self.now)

    def test_one_too_many_is_reported_when_to_come_again(self, key: str) -> None:
        assert [post(key, {"query": SMALL}).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = post(key, {"query": SMALL})
        assert 0 < int(refused["Retry-After"]) <= 60
        assert json.loads(refused.content)["errors"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"
        self.now += int(refused["Retry-After"])
        assert post(key, {"query": SMALL}).status_code == 200

    def test_each_key_has_its_own(self, key: str, mine: Shop) -> None:
        other = create_key(mine.installation, "other").secret
        for _ in range(4):
            post(key, {"query": SMALL})
        assert post(other, {"query": SMALL}).status_code == 200

    def test_old_counts_are_dropped(self, key: str) -> None:
        post(key, {"query": SMALL})
        assert forget_old_counts.call() == 0
        self.now += 2 * 3600
        assert forget_old_counts.call() == 1
        assert not RequestCount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_all_counted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_REQUESTS_PER_MINUTE = 10
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)

    def ask(_: int) -> int:
        try:
            return request_counts.take_one("key:1")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(ask, range(16)))
    # A request that reads the count after others may be refused too early, but too many are never accepted.
    assert 0 < sum(wait == 0 for wait in waits) <= 10
    assert RequestCount.objects.get().count == 16


def test_tools_can_read_the_schema(key: str) -> None:
    assert not codes(key, get_introspection_query(descriptions=True))


def test_the_browsers_tool_is_there_only_where_it_was_asked_for(client: Client, settings: Any) -> None:
    assert client.get("/graphql/").status_code == 405
    settings.GRAPHIQL = True
    page = client.get("/graphql/")
    assert page.status_code == 200
    assert re.search(r"graphiql\.min\.[0-9a-f]{12}\.js", page.content.decode())
    assert "//unpkg" not in page.content.decode()
