"""One spelling of error codes: each failure that the API can return has a code, and the docs list it."""

import ast
import json
import re
from pathlib import Path

import pytest
from graphql import build_schema

import saleor_stripe_audience
from saleor_stripe_audience.api.errors import MEANINGS, ErrorCode, code_of, error_of
from saleor_stripe_audience.api.export import schema_text
from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.documents import read_document
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.saleor import tokens
from tests.api.conftest import Shop, codes_of, post
from tests.test_error_codes import codes

PACKAGE = Path(saleor_stripe_audience.__file__).parent
# Codes that only events, emails, pages and commands return.
ELSEWHERE = {
    "address_changed",
    "import_empty",
    "import_full",
    "import_gone",
    "import_size",
    "import_started",
    "import_unchecked",
    "import_upload",
    "in_turn",
    "key_exists",
    "link",
    "mail",
    "no_account",
    "not_ready",
    "payload",
    "rate_limited",
    "withdrawn_since",
}


def codes_raised() -> set[str]:
    """Return every code with which a failure of the API or the audience is raised."""
    found = set()
    for folder in ("api", "api_keys", "audience", "catalog", "jobs"):
        for file in (PACKAGE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.keyword)
                    and node.arg == "code"
                    and isinstance(node.value, ast.Constant)
                ):
                    found.add(str(node.value.value))
    return found - {""}


def test_every_failure_has_a_code_of_the_api() -> None:
    known = MEANINGS.keys() | {each.value for each in ErrorCode} | ELSEWHERE
    assert codes_raised() - known == set()


def test_no_meaning_is_of_a_failure_that_is_gone() -> None:
    # Saleor ends the session of staff while the API asks for their channels.
    raised_by_saleor = {tokens.EXPIRED}
    assert MEANINGS.keys() - codes_raised() - raised_by_saleor == set()
    assert raised_by_saleor <= codes()


def test_the_documents_list_every_code_and_no_other() -> None:
    errors = read_document("docs/api.md").partition("## Errors")[2]
    table = "\n".join(line for line in errors.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`([A-Z_]{3,})`", table)) == {each.name for each in ErrorCode}


TOO_DEEP = "{AND: " * 6 + "{}" + "}" * 6
DEAR = "a: purchases(first: 1) { totalCount } b: purchases(first: 1) { totalCount }"
CASES = [
    ("{", 200, "GRAPHQL_VALIDATION_FAILED"),
    ("{ nothing }", 200, "GRAPHQL_VALIDATION_FAILED"),
    ('{ node(id: "garbage") { id } }', 200, "GRAPHQL_VALIDATION_FAILED"),
    ("{ contacts(first: 1) { ...nothing } }", 400, "GRAPHQL_VALIDATION_FAILED"),
    ("{ contacts(first: 101) { totalCount } }", 200, "BAD_PAGE"),
    (f"{{ contacts(first: 1, where: {TOO_DEEP}) {{ totalCount }} }}", 200, "TOO_COMPLEX"),
    (f"{{ contacts(first: 100) {{ edges {{ node {{ {DEAR} }} }} }} }}", 400, "TOO_COMPLEX"),
    ('{ segments(audience: "garbage") { name } }', 200, "GRAPHQL_ERROR"),
    ('mutation { tagDelete(id: "garbage") { errors { code } } }', 200, "GRAPHQL_ERROR"),
    ('mutation { tagDelete(id: "VGFnOjE=") { errors { code } } }', 200, "NOT_FOUND"),
    ('mutation { audienceCreate(input: {name: "mine.example"}) { errors { code } } }', 200, "UNIQUE"),
    ('mutation { audienceCreate(input: {name: ""}) { errors { code } } }', 200, "INVALID"),
    ("{ payments(first: 1) { totalCount } }", 200, "PERMISSION_DENIED"),
    (" ", 400, "BAD_REQUEST"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "status", "code"), CASES)
def test_the_documents_say_with_which_status_a_code_comes(
    mine: Shop, query: str, status: int, code: str
) -> None:
    response = post(create_key(mine.installation, "k", scopes=["audience:write"]).secret, {"query": query})
    assert (response.status_code, codes_of(json.loads(response.content))) == (status, {code})
    rows = [line for line in read_document("docs/api.md").splitlines() if line.startswith(f"| {status} |")]
    assert any(f"`{code}`" in row for row in rows)


def test_the_documents_name_every_query_and_mutation() -> None:
    schema = build_schema(schema_text())
    document = read_document("docs/api.md")
    roots = [root for root in (schema.query_type, schema.mutation_type) if root is not None]
    fields = [name for root in roots for name in root.fields]
    assert [name for name in fields if not re.search(rf"`{name}`", document)] == []


def test_what_has_no_code_is_invalid_or_unavailable() -> None:
    assert code_of(Rejected("Change it.")) is ErrorCode.INVALID
    assert code_of(Unavailable("Wait.", code="stripe_unavailable")) is ErrorCode.UNAVAILABLE
    assert error_of(Rejected("Change it.", code="name")).field == "name"
