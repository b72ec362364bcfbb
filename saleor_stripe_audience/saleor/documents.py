"""The GraphQL documents that the app sends to Saleor, made for the version that a shop runs.

Fields that several documents request are written once, as a fragment in graphql/fragments. Saleor does not accept
fragments from files, so each line `...OrderFields` is replaced by the fragment's fields before a document is sent. A
line that ends in `# since 3.22` is left out for older versions: one unknown field makes an installation fail.
"""

import re
from functools import cache

from saleor_stripe_audience.documents import read_document

NEWEST = (3, 24)
OLDEST = (3, 21)

_SINCE = re.compile(r"#\s*since\s+(\d+)\.(\d+)\s*$")
_SPREAD = re.compile(r"(\s*)\.\.\.(?!on\b)(\w+)\s*$")

Version = tuple[int, int]


def read_version(text: str) -> Version:
    """(3, 23) for "3.23.28"; the newest known version if the text is not a version."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})", text)
    return (int(found[1]), int(found[2])) if found else NEWEST


@cache
def subscription(event: str, version: Version) -> str:
    """The subscription of a webhook, such as ORDER_PAID."""
    return _document(f"webhooks/{event}", version)


def is_supported(event: str, version: Version) -> bool:
    """Whether Saleor sends this event in that version: its document may begin with `# since` a later one."""
    return _since(read_document(f"graphql/webhooks/{event}.graphql").partition("\n")[0]) <= version


@cache
def operation(name: str, version: Version) -> str:
    """The query or mutation of that name, such as FetchApp; a broken document fails here."""
    from gql import gql  # noqa: PLC0415 - large, and not needed to serve Saleor's requests
    from graphql import print_ast  # noqa: PLC0415

    return print_ast(gql(_document(f"operations/{name}", version)).document)


@cache
def fields(fragment: str, version: Version) -> str:
    """The fields of a fragment in braces, for a query that is put together, such as a listing's."""
    return "{\n" + _trim("\n".join(_fields(fragment)), version) + "\n}"


def _document(path: str, version: Version) -> str:
    return _trim(_inline(read_document(f"graphql/{path}.graphql")), version)


def _inline(text: str) -> str:
    """The text with every fragment replaced by its fields."""
    lines: list[str] = []
    for line in text.splitlines():
        spread = _SPREAD.fullmatch(line)
        lines += [spread[1] + field for field in _fields(spread[2])] if spread else [line]
    return "\n".join(lines)


def _fields(fragment: str) -> list[str]:
    """The lines between the fragment's first and last, without their indent."""
    lines = read_document(f"graphql/fragments/{fragment}.graphql").splitlines()
    return [line.removeprefix("  ") for line in _inline("\n".join(lines[1:-1])).splitlines()]


def _trim(text: str, version: Version) -> str:
    return "\n".join(line for line in text.splitlines() if _since(line) <= version)


def _since(line: str) -> Version:
    found = _SINCE.search(line)
    return (int(found[1]), int(found[2])) if found else OLDEST
