"""Staff that Saleor restricts to channels read the orders, carts and payments of these channels only."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.segments import rules, store
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.saleor import staff_channels
from saleor_stripe_audience.saleor.trouble import APP_UNKNOWN
from tests.api.conftest import codes_of, id_of, post
from tests.dashboard.conftest import Groups, Shop, groups, shop
from tests.dashboard.rows import buyer_in_two_channels

__all__ = ["groups", "shop"]

CONTACT = """email ordersCount firstOrderAt lastOrderAt spent { currency spent { amount } refunded { amount } }
  carts { total { amount } } paymentFacts { kind amount { amount } }
  purchases(first: 9) { totalCount edges { node { number lines { productName } } } }"""
EVERYTHING = f"""query ($order: ID!, $contact: ID!) {{
  purchases(first: 9) {{ totalCount exactTotalCount edges {{ node {{ number contact {{ {CONTACT} }} }} }} }}
  one: purchases(first: 9, filter: {{channel: ["default-channel"]}}) {{ totalCount }}
  contacts(first: 9) {{ totalCount edges {{ node {{ {CONTACT} }} }} }}
  contact(email: "ada@shop.example") {{ {CONTACT} }}
  order: node(id: $order) {{ ... on Purchase {{ number }} }}
  person: node(id: $contact) {{ ... on Contact {{ {CONTACT} }} }}
  contactTimeline(contact: $contact, first: 50) {{ entries {{ kind title reference amount {{ amount }} }} }}
}}"""
OTHER = (
    '"1077"',
    "T3JkZXI61077",
    "222.0",
    "99.0",
    "44.0",
)  # the order, what was spent, the cart, the decline


@pytest.fixture
def ada(shop: Shop) -> Contact:
    return buyer_in_two_channels(shop.installation)


def ask(shop: Shop, query: str, **variables: Any) -> dict[str, Any]:
    """Send the query as a member of staff who may see contacts."""
    token = shop.token(user_permissions=["MANAGE_USERS"])
    url = {"Saleor-Api-Url": shop.installation.saleor_api_url}
    found: dict[str, Any] = json.loads(post(token, {"query": query, "variables": variables}, **url).content)
    return found


def everything(shop: Shop, ada: Contact) -> dict[str, Any]:
    other = Purchase.objects.get(channel="default-channel")
    found = ask(shop, EVERYTHING, order=id_of(other), contact=id_of(ada))
    assert "errors" not in found, found
    data: dict[str, Any] = found["data"]
    return data


def restrict(groups: Groups, *slugs: str) -> None:
    staff_channels.forget_all()
    groups.restrict(*slugs)


def test_nested_or_not_they_see_their_channels(shop: Shop, ada: Contact, groups: Groups) -> None:
    data = everything(shop, ada)
    assert (data["purchases"]["totalCount"], data["order"]) == (2, {"number": "1077"})
    for each in (data["contact"], data["person"], data["contacts"]["edges"][0]["node"]):
        assert (each["ordersCount"], each["purchases"]["totalCount"], len(each["carts"])) == (2, 2, 1)
        assert {row["currency"] for row in each["spent"]} == {"PLN", "USD"}
        assert len(each["paymentFacts"]) == 2
    restrict(groups, "channel-pln")
    data = everything(shop, ada)
    assert data["purchases"]["totalCount"] == data["purchases"]["exactTotalCount"] == 1
    assert (data["one"]["totalCount"], data["order"]) == (0, None)
    nodes = [each["node"] for name in ("contacts", "purchases") for each in data[name]["edges"]]
    nested = [nodes[0], nodes[1]["contact"]]
    for each in (data["contact"], data["person"], *nested):
        assert each == {
            "email": "ada@shop.example",
            "ordersCount": 1,
            "firstOrderAt": "2026-01-01T00:00:00+00:00",
            "lastOrderAt": "2026-01-01T00:00:00+00:00",
            "spent": [{"currency": "PLN", "spent": {"amount": 50.0}, "refunded": {"amount": 0.0}}],
            "carts": [],
            "paymentFacts": [{"kind": "DISPUTED", "amount": {"amount": 50.0}}],
            "purchases": {
                "totalCount": 1,
                "edges": [{"node": {"number": "1076", "lines": [{"productName": "Monospace Tee"}]}}],
            },
        }
    kinds = [each["kind"] for each in data["contactTimeline"]["entries"]]
    assert sorted(kinds) == ["CREATED", "ORDER", "PAYMENT_DISPUTED"]
    shown = json.dumps(data)
    assert not [each for each in OTHER if each in shown]


def test_who_has_no_channel_sees_no_order(shop: Shop, ada: Contact, groups: Groups) -> None:
    restrict(groups)
    data = everything(shop, ada)
    assert (data["purchases"]["totalCount"], data["contacts"]["totalCount"]) == (0, 1)
    assert (data["contact"]["ordersCount"], data["contact"]["lastOrderAt"]) == (0, None)
    assert (data["contact"]["spent"], data["contact"]["paymentFacts"]) == ([], [])


def test_a_failed_payment_of_unknown_source_is_hidden(shop: Shop, ada: Contact, groups: Groups) -> None:
    ada.payment_facts.update(source_id="")
    Purchase.objects.update(saleor_checkout_id="")
    assert len(everything(shop, ada)["contact"]["paymentFacts"]) == 2
    restrict(groups, "channel-pln", "default-channel")
    assert everything(shop, ada)["contact"]["paymentFacts"] == []


def test_a_failed_payment_belongs_to_the_channel_of_its_cart(
    shop: Shop, ada: Contact, groups: Groups
) -> None:
    restrict(groups, "default-channel")
    facts = everything(shop, ada)["contact"]["paymentFacts"]
    assert [each["kind"] for each in facts] == ["DECLINED"]
    ada.payment_facts.update(source_id="Q2hlY2tvdXQ6Ng==")
    Purchase.objects.filter(channel="default-channel").update(saleor_checkout_id="Q2hlY2tvdXQ6Ng==")
    assert len(everything(shop, ada)["contact"]["paymentFacts"]) == 2


def test_a_mutation_returns_no_more(shop: Shop, ada: Contact, groups: Groups) -> None:
    restrict(groups, "channel-pln")
    found = ask(
        shop,
        f"mutation ($id: ID!) {{ contactArchive(id: $id) {{ contact {{ {CONTACT} }} }} }}",
        id=id_of(ada),
    )
    contact = found["data"]["contactArchive"]["contact"]
    assert (contact["ordersCount"], contact["purchases"]["totalCount"]) == (1, 1)
    assert not [each for each in OTHER if each in json.dumps(contact)]


CONDITIONS = (
    "filter: {ordersCount: {gte: 1}}",
    'filter: {lastOrderAt: {gte: "2020-01-01T00:00:00Z"}}',
    "where: {ordersCount: {eq: 2}}",
    "where: {AND: [{OR: [{ordersCount: {eq: 2}}]}]}",
    "sortBy: {field: ORDERS_COUNT, direction: ASC}",
    "sortBy: {field: LAST_ORDER_AT, direction: DESC}",
)


@pytest.mark.parametrize("given", CONDITIONS)
def test_no_condition_reveals_orders_of_other_channels(
    shop: Shop, ada: Contact, groups: Groups, given: str
) -> None:
    assert ada
    query = f"{{ contacts(first: 9, {given}) {{ totalCount }} }}"
    assert ask(shop, query)["data"]["contacts"]["totalCount"] == 1
    restrict(groups, "channel-pln")
    refused = ask(shop, query)
    assert (codes_of(refused), refused["data"]) == ({"PERMISSION_DENIED"}, None)
    allowed = '{ contacts(first: 9, where: {email: {eq: "ada@shop.example"}}) { totalCount } }'
    assert ask(shop, allowed)["data"]["contacts"]["totalCount"] == 1


def test_everything_about_a_person_is_for_all_channels(shop: Shop, ada: Contact, groups: Groups) -> None:
    query = f'{{ subjectExport(email: "{ada.email}") }}'
    assert "T3JkZXI6" in json.dumps(ask(shop, query))
    restrict(groups, "channel-pln")
    assert codes_of(ask(shop, query)) == {"PERMISSION_DENIED"}
    assert "T3JkZXI6" not in json.dumps(ask(shop, query))


CREATE = """mutation ($input: SegmentCreateInput!) { segmentCreate(input: $input) { segment { id }
  errors { code } } }"""
UPDATE = """mutation ($id: ID!, $input: SegmentInput!) { segmentUpdate(id: $id, input: $input) {
  segment { name } errors { code } } }"""


def test_segments_reveal_no_orders_of_other_channels(shop: Shop, ada: Contact, groups: Groups) -> None:
    spent = {"version": 1, "root": {"type": "spent", "currency": "USD", "atLeast": "222"}}
    named = {"version": 1, "root": {"type": "name", "contains": "ad"}}
    audience = id_of(ada.audience)
    segment = store.create(ada.audience, store.SegmentValues("Big", spent))
    preview = (
        "query ($audience: ID!, $rule: JSON!) { segmentPreview(audience: $audience, rule: $rule) { count } }"
    )
    explain = "query ($s: ID!, $c: ID!) { segmentExplain(segment: $s, contact: $c) { holds because } }"
    assert ask(shop, preview, audience=audience, rule=spent)["data"]["segmentPreview"]["count"] == 1
    assert "222" in json.dumps(ask(shop, explain, s=id_of(segment), c=id_of(ada)))
    restrict(groups, "channel-pln")
    ready = """mutation ($audience: ID!) { segmentsInstallReadyMade(
      audience: $audience, currency: "USD", bigSpenderFrom: "1") { errors { code } } }"""
    refused = [
        ask(shop, preview, audience=audience, rule=spent),
        ask(shop, explain, s=id_of(segment), c=id_of(ada)),
        ask(shop, CREATE, input={"audience": audience, "name": "New", "rule": spent}),
        ask(shop, UPDATE, id=id_of(segment), input={"rule": {**spent, "root": {"type": "not", "of": spent["root"]}}}),
        ask(shop, ready, audience=audience),
    ]  # fmt: skip
    assert [codes_of(each) for each in refused] == [{"PERMISSION_DENIED"}] * 5
    assert Segment.objects.count() == 1
    assert ask(shop, preview, audience=audience, rule=named)["data"]["segmentPreview"]["count"] == 1
    assert not codes_of(ask(shop, CREATE, input={"audience": audience, "name": "New", "rule": named}))
    renamed = ask(shop, UPDATE, id=id_of(segment), input={"name": "Bigger", "rule": spent})
    assert renamed["data"]["segmentUpdate"]["segment"] == {"name": "Bigger"}


def test_each_condition_is_about_the_person_or_about_orders() -> None:
    # A new condition counts as one about orders until someone decides that it is not.
    about_the_person = {each.model_fields["type"].default for each in rules.ABOUT_THE_PERSON}
    assert about_the_person == {
        "attribute", "city", "consent", "consentGiven", "country", "inSegment", "joined", "language", "name",
        "status", "tag",
    }  # fmt: skip


def test_a_file_has_nothing_about_orders(shop: Shop, client: Client, ada: Contact, groups: Groups) -> None:
    assert ada
    headers = shop.headers(user_permissions=["MANAGE_USERS"])

    def download() -> str:
        answer = client.get("/api/audience/export.csv", headers=headers)
        assert answer.status_code == 200
        return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]

    about = {"orders_count", "first_order_at", "last_order_at", "spent"}
    header, row, *_ = download().splitlines()
    assert about < set(header.split(","))
    assert "222.00 USD" in row
    restrict(groups, "channel-pln")
    fewer, row, *_ = download().splitlines()
    assert fewer.split(",") == [each for each in header.split(",") if each not in about]
    assert "ada@shop.example" in row
    assert "USD" not in row


def test_without_an_answer_there_is_no_list_and_no_file(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    assert ada
    headers = shop.headers(user_permissions=["MANAGE_USERS"])
    expected = [
        (Unavailable("Saleor did not respond.", code="saleor_unreachable"), 503, "UNAVAILABLE"),
        (Rejected("Saleor rejects the token.", code=APP_UNKNOWN), 401, "UNAUTHENTICATED"),
    ]
    for groups.failure, status, code in expected:
        answer = client.get("/api/audience/export.csv", headers=headers)
        assert (answer.status_code, codes_of(answer.json())) == (status, {code})
        for query in ("{ purchases(first: 1) { totalCount } }", "{ contacts(first: 1) { totalCount } }"):
            found = ask(shop, query)
            assert (codes_of(found), found["data"]) == ({code}, None)


def test_a_key_has_all_channels(shop: Shop, ada: Contact, groups: Groups) -> None:
    assert ada
    groups.restrict()
    key = create_key(shop.installation, "a program", scopes=["audience:read"]).secret
    answer = post(key, {"query": "{ purchases(first: 1) { totalCount } }"})
    assert json.loads(answer.content)["data"]["purchases"]["totalCount"] == 2
    assert not groups.asked


def test_statements_do_not_grow_with_the_contacts(shop: Shop, ada: Contact, groups: Groups) -> None:
    assert ada
    restrict(groups, "channel-pln")
    query = f"""{{ contacts(first: 9) {{ edges {{ node {{ {CONTACT} }} }} }}
      purchases(first: 9) {{ edges {{ node {{ contact {{ {CONTACT} }} }} }} }} }}"""

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert "errors" not in ask(shop, query)
        return len(captured)

    statements()
    before = statements()
    for number in range(5):
        buyer_in_two_channels(shop.installation, f"{number}@shop.example", str(number))
    assert statements() == before
