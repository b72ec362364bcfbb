"""The examples in docs/api.md are run as they are."""

import json
import re
from typing import Any

import pytest

from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, create_audience
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.documents import documents_root
from saleor_stripe_audience.shops.models import Channel
from tests.api.conftest import Shop, codes_of, id_of, post
from tests.audience.histories import at, order
from tests.audience.records import record_order

EXAMPLES = re.findall(
    r"```graphql\n(.*?)```", (documents_root() / "docs" / "api.md").read_text(encoding="utf-8"), re.DOTALL
)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_does_what_it_says(mine: Shop, example: str) -> None:
    shop = mine.installation
    record_order(shop, order("9", email="ada@example.com"), at(9))
    ada = Contact.objects.select_related("audience").get(email="ada@example.com")
    Channel.objects.create(installation=shop, slug="default-channel", name="Default", currency="USD")
    other = create_audience(shop, AudienceSettings("Other"))
    known: dict[str, Any] = {"contact": id_of(ada), "source": id_of(ada.audience), "target": id_of(other)}
    wanted = {name: known[name] for name in re.findall(r"\$(\w+):", example)}
    key = create_key(
        shop, "a reader of the documents", scopes=["audience:write", "payments:read", "settings:read"]
    ).secret
    answer = post(key, {"query": example, "variables": wanted})
    assert answer.status_code == 200
    read = json.loads(answer.content)
    assert not codes_of(read), read
    assert read["data"]
