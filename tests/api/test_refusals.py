"""The callers and requests that are refused; nothing internal is ever revealed."""

import base64
import json
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from saleor_stripe_audience.api import installation
from saleor_stripe_audience.api.views import LARGEST_REQUEST_BYTES, graphql_view
from saleor_stripe_audience.api_keys.keys import create_key, revoke
from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.audience.people.models import Contact
from tests.api.conftest import Ask, Shop, post

SMALL = "{ installation { domain } }"
DEEP = """{ contacts(first: 1) { edges { node { purchases(first: 1) { edges { node {
  lines { a { b { c { d } } } } } } } } } } }"""


def _code(response: HttpResponse) -> str:
    result = json.loads(response.content)
    assert response["Content-Type"] == "application/json"
    code: str = result["errors"][0]["extensions"]["code"]
    return code


def test_a_key_is_shown_once_and_kept_hashed(mine: Shop) -> None:
    key = create_key(mine.installation, "a developer").secret
    kept = ApiKey.objects.get()
    assert key.startswith("ssa_")
    assert len(key) > 40
    assert key not in str(vars(kept))
    assert json.loads(post(key, {"query": SMALL}).content) == {
        "data": {"installation": {"domain": "mine.example"}}
    }
    kept.refresh_from_db()
    assert kept.last_used_at is not None


@pytest.mark.parametrize("key", [None, "", "ssa_", "ssa_wrong", "Ünï"])
def test_without_a_valid_key_nothing_is_answered(mine: Shop, key: str | None) -> None:
    response = post(key, {"query": SMALL})
    assert (response.status_code, _code(response)) == (401, "UNAUTHENTICATED")
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_revoked_or_expired_key_and_a_removed_shop_are_refused(mine: Shop) -> None:
    revoked, expired = (
        create_key(mine.installation, "revoked").secret,
        create_key(mine.installation, "expired", timezone.now() - timedelta(seconds=1)).secret,
    )
    revoke(ApiKey.objects.get(name="revoked"))
    still = create_key(mine.installation, "good", timezone.now() + timedelta(hours=1)).secret
    assert [post(key, {"query": SMALL}).status_code for key in (revoked, expired, still)] == [401, 401, 200]
    mine.installation.is_active = False
    mine.installation.save()
    assert post(still, {"query": SMALL}).status_code == 401


def test_only_post(mine: Shop) -> None:
    key = create_key(mine.installation, "a developer").secret
    request = RequestFactory().get("/graphql/", {"query": SMALL}, headers={"Authorization": f"Bearer {key}"})
    response = graphql_view(request)
    assert (response.status_code, response["Allow"], _code(response)) == (405, "POST", "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "5", "null", "[]", '"text"', "{}", '{"query": 5}', '{"query": " "}', "[" * 50_000,
        '{"query": "{ installation { id } }", "variables": []}',
        '{"query": "{ installation { id } }", "operationName": 7}',
        '{"query": "query A { __typename } query B { __typename }"}',
        '{"query": "{ contact(email: \\"a\\u0000@b.example\\") { id } }"}',
        '{"query": "{ installation { id } }", "variables": {"x": "\\ud800"}}',
        '{"query": "subscription { __typename }"}',
        b"\xff\xfe\x00".decode("latin-1"),
    ],
)  # fmt: skip
def test_what_is_not_a_query_is_refused(mine: Shop, body: str) -> None:
    response = post(create_key(mine.installation, "a developer").secret, body)
    assert (response.status_code, _code(response)) == (400, "BAD_REQUEST")


def test_too_large_a_request(mine: Shop) -> None:
    key = create_key(mine.installation, "a developer").secret
    response = post(key, {"query": SMALL, "variables": {"x": "y" * LARGEST_REQUEST_BYTES}})
    assert (response.status_code, _code(response)) == (400, "TOO_LARGE")


@pytest.mark.parametrize(
    "query",
    [
        "{ nothing }",
        "{ installation { domain ",
        "{ contact { email } }",
        "{" + " ".join(f"a{number}: __typename" for number in range(16)) + "}",
        DEEP,
        "{" + " __typename" * 3000 + "}",
        "query ($id: ID!) { node(id: $id) { id } }",
    ],
)
def test_a_query_beyond_the_schema_or_its_limits(ask: Ask, query: str) -> None:
    answer = ask(query)
    assert not answer["data"]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    "page",
    [
        "first: 101",
        "first: -1",
        "last: 101",
        "first: 1, last: 1",
        'after: "nonsense"',
        'first: 1, after: "nonsense"',
        'first: 1, before: "YTox"',
        'first: 1, after: "YXJyYXljb25uZWN0aW9uOng="',
    ],
)
def test_a_page_beyond_the_limits(ask: Ask, page: str) -> None:
    for asked in (
        f"{{ contacts({page}) {{ edges {{ node {{ email }} }} }} }}",
        f"{{ contacts(first: 1) {{ edges {{ node {{ purchases({page}) {{ edges {{ node {{ id }} }} }} }} }} }} }}",
    ):
        assert [error["extensions"]["code"] for error in ask(asked)["errors"]] == ["BAD_PAGE"]


def test_a_page_beyond_the_limits_under_a_node(ask: Ask, mine: Shop) -> None:
    key = Contact.objects.get(audience__installation=mine.installation).pk
    query = "query ($id: ID!) { node(id: $id) { ... on Contact { purchases(first: 101) { totalCount } } } }"
    answer = ask(query, id=base64.b64encode(f"Contact:{key}".encode()).decode())
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_PAGE"]


def test_an_unexpected_failure_tells_a_reference_and_nothing_else(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("password=hunter2 at /srv/app.py")

    monkeypatch.setattr(installation, "shop_id", broken)
    [error] = ask(SMALL)["errors"]
    assert error["extensions"] == {"code": "INTERNAL"}
    assert "hunter2" not in str(error)
    reference = error["message"].rstrip(".").split()[-1]
    assert reference in caplog.text
