"""Random queries, generated from the schema: none breaks anything."""

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from graphql import ObjectFieldNode, ObjectValueNode, StringValueNode, ValueNode
from graphql.language import NameNode
from hypothesis import Phase, settings
from hypothesis import strategies as st
from schemathesis.specs.graphql.schemas import GraphQLSchema

from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.api_keys.scopes import EVERYTHING
from saleor_stripe_audience.documents import documents_root
from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.saleor import http
from tests.api.conftest import Shop, post
from tests.examples import play


def _text(value: str) -> ValueNode:
    return StringValueNode(value=value)


def _object(fields: dict[str, ValueNode]) -> ValueNode:
    named = (ObjectFieldNode(name=NameNode(value=name), value=value) for name, value in fields.items())
    return ObjectValueNode(fields=tuple(named))


# A segment's rule is JSON: of any form, or nearly the right one.
TEXTS = st.sampled_from(["all", "not", "cart", "spent", "USD", "1", ""]).map(_text)
PARTS = st.sampled_from(["version", "root", "type", "of", "in", "currency", "atLeast"])
JSON = st.recursive(TEXTS, lambda inner: st.dictionaries(PARTS, inner, max_size=4).map(_object), max_leaves=8)
schemathesis.graphql.scalar("JSON", JSON)
AMOUNTS = st.sampled_from(["0", "-1", "0.10", "12.345", "12.34", "1e999", "NaN", "much", ""])
schemathesis.graphql.scalar("Decimal", AMOUNTS.map(_text))

api: GraphQLSchema = schemathesis.graphql.from_path(
    str(Path(documents_root()) / "graphql" / "schema.graphql")
)
api.config.update(base_url="http://127.0.0.1:9/graphql/")


@pytest.fixture(autouse=True)
def saleor_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that query Saleor return `UNAVAILABLE`: there is no shop here."""

    def fail(*_: Any, **__: Any) -> Any:
        raise Unavailable("Saleor is down.", code="saleor_unreachable")

    monkeypatch.setattr(http, "call", fail)


@api.parametrize()
@settings(play(3), phases=[Phase.generate])
@pytest.mark.django_db
def test_no_query_of_the_schema_breaks_anything(case: Any, mine: Shop) -> None:
    key = create_key(mine.installation, "any", scopes=EVERYTHING).secret
    answer = post(key, {"query": case.body})
    assert answer.status_code in (200, 400), answer.content
    result = json.loads(answer.content)
    codes = {error["extensions"]["code"] for error in result.get("errors", [])}
    assert "INTERNAL" not in codes, case.body
