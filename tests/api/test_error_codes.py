"""One spelling of error codes: each failure that the API can return has a code, and the docs list it."""

import ast
import re
from pathlib import Path

import saleor_stripe_audience
from saleor_stripe_audience.api.errors import MEANINGS, ErrorCode, code_of, error_of
from saleor_stripe_audience.documents import read_document
from saleor_stripe_audience.errors import Rejected, Unavailable

PACKAGE = Path(saleor_stripe_audience.__file__).parent
# Codes that only events, mails, pages and commands return.
ELSEWHERE = {
    "address_changed",
    "link",
    "mail",
    "no_account",
    "payload",
    "rate_limited",
    "withdrawn_since",
}


def codes_raised() -> set[str]:
    """Return every code with which a failure of the API or the audience is raised."""
    found = set()
    for folder in ("api", "audience"):
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
    assert MEANINGS.keys() - codes_raised() == set()


def test_the_documents_list_every_code_and_no_other() -> None:
    errors = read_document("docs/api.md").partition("## Errors")[2]
    table = "\n".join(line for line in errors.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`([A-Z_]{3,})`", table)) == {each.name for each in ErrorCode}


def test_what_has_no_code_is_invalid_or_unavailable() -> None:
    assert code_of(Rejected("Change it.")) is ErrorCode.INVALID
    assert code_of(Unavailable("Wait.", code="stripe_unavailable")) is ErrorCode.UNAVAILABLE
    assert error_of(Rejected("Change it.", code="name")).field == "name"
