"""Queries that nobody thought of, made from the schema itself: none breaks anything."""

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.graphql.schemas import GraphQLSchema

from saleor_stripe_audience.api.keys import create_key
from saleor_stripe_audience.api.scopes import EVERYTHING
from saleor_stripe_audience.documents import documents_root
from tests.api.conftest import Shop, post

api: GraphQLSchema = schemathesis.graphql.from_path(
    str(Path(documents_root()) / "graphql" / "schema.graphql")
)
api.config.update(base_url="http://127.0.0.1:9/graphql/")


@api.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
@pytest.mark.django_db
def test_no_query_of_the_schema_breaks_anything(case: Any, mine: Shop) -> None:
    key = create_key(mine.installation, "any", scopes=EVERYTHING)
    answer = post(key, {"query": case.body})
    assert answer.status_code in (200, 400), answer.content
    told = json.loads(answer.content)
    codes = {error["extensions"]["code"] for error in told.get("errors", [])}
    assert "INTERNAL" not in codes, case.body
