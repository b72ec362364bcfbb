"""The queries in the demo and in the docs are valid."""

import re

import pytest
from graphql import build_schema, parse, validate

from saleor_stripe_audience.api.export import schema_text
from saleor_stripe_audience.documents import read_document
from saleor_stripe_audience.sandbox.demo import person
from saleor_stripe_audience.sandbox.demo.page import OVERVIEW
from saleor_stripe_audience.sandbox.demo.stage import FURNISH


def operations(document: str) -> list[str]:
    """Return all GraphQL operations on a page of the docs."""
    blocks = re.findall(r"```graphql\n(.*?)```", read_document(document), re.DOTALL)
    return [each for block in blocks for each in re.split(r"\n(?=query|mutation)", block) if each.strip()]


@pytest.mark.parametrize(
    "query",
    [
        FURNISH,
        OVERVIEW,
        person.PERSON,
        person.STORY,
        *operations("docs/transfer.md"),
        *operations("docs/api.md"),
    ],
)
def test_it_fits_the_schema(query: str) -> None:
    assert validate(build_schema(schema_text()), parse(query)) == []
