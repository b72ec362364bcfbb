"""Lists are filtered, sorted, counted and paged."""

import base64
import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.plugin import DjangoDbBlocker

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.payments.models import Payment
from tests.api.conftest import Ask, Shop, furnish
from tests.audience.histories import at, order
from tests.audience.records import record_order
from tests.conftest import shared_rows

CONTACTS = """query ($filter: ContactFilterInput, $where: ContactWhereInput, $search: String,
  $order: ContactSortingInput) {
  contacts(first: 100, filter: $filter, where: $where, search: $search, sortBy: $order) {
    totalCount edges { node { email } } } }"""
PAYMENTS = """query ($filter: PaymentFilterInput, $where: PaymentWhereInput, $order: PaymentSortingInput) {
  payments(first: 100, filter: $filter, where: $where, sortBy: $order) {
    totalCount edges { node { transactionId } } } }"""
PRODUCTS = """query ($filter: ProductFilterInput, $where: ProductWhereInput, $search: String,
  $order: ProductSortingInput) {
  products(first: 100, filter: $filter, where: $where, search: $search, sortBy: $order) {
    totalCount edges { node { sku } } } }"""


def found(answer: dict[str, Any]) -> list[str]:
    [connected] = answer["data"].values()
    assert connected["totalCount"] == len(connected["edges"])
    return [next(iter(edge["node"].values())) for edge in connected["edges"]]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Shop]:
    with shared_rows(django_db_blocker):
        mine = furnish("mine.example", "ada@mine.example")
        furnish("theirs.example", "bob@theirs.example")
        populate(mine)
        yield mine


@pytest.fixture
def mine(world: Shop, db: None) -> Shop:
    return deepcopy(world)


def populate(mine: Shop) -> None:
    """Ada has two orders; Bea one, in Poland; Cid one, later."""
    for number, (email, minute) in enumerate([("bea@mine.example", 20), ("cid@mine.example", 30)], start=5):
        record_order(mine.installation, order(str(number), email=email), at(minute))
    Contact.objects.filter(email="bea@mine.example").update(
        country="PL", first_name="Beatrix", last_order_at=at(20)
    )
    Contact.objects.filter(email="cid@mine.example").update(last_order_at=at(30))
    Contact.objects.filter(email="ada@mine.example").update(last_order_at=at(1))


@pytest.mark.parametrize(
    ("wanted", "emails"),
    [
        ({}, {"ada", "bea", "cid"}),
        ({"email": " BEA@mine.example"}, {"bea"}),
        ({"country": ["PL", "FR"]}, {"bea"}),
        ({"country": []}, set()),
        ({"status": ["NONSUBSCRIBED"]}, {"ada", "bea", "cid"}),
        ({"status": ["SUBSCRIBED"]}, set()),
        ({"ordersCount": {"gte": 2}}, {"ada"}),
        ({"lastOrderAt": {"gte": at(25).isoformat()}}, {"cid"}),
        ({"lastOrderAt": {"gte": at(15).isoformat(), "lte": at(25).isoformat()}}, {"bea"}),
        ({"country": ["PL"], "ordersCount": {"gte": 2}}, set()),
    ],
)
def test_contacts_are_narrowed(ask: Ask, wanted: dict[str, Any], emails: set[str]) -> None:
    answer = ask(CONTACTS, filter=wanted)
    assert {each.partition("@")[0] for each in found(answer)} == emails


@pytest.mark.parametrize(
    ("search", "emails"),
    [("beatr", {"bea"}), ("Ada@m", {"ada"}), ("", {"ada", "bea", "cid"}), ("eatr", set())],
)
def test_contacts_are_searched(ask: Ask, search: str, emails: set[str]) -> None:
    assert {each.partition("@")[0] for each in found(ask(CONTACTS, search=search))} == emails


@pytest.mark.parametrize(
    ("where", "emails"),
    [
        ({}, {"ada", "bea", "cid"}),
        ({"email": {"eq": "BEA@mine.example"}}, {"bea"}),
        ({"email": {"oneOf": ["bea@mine.example", "cid@mine.example"]}}, {"bea", "cid"}),
        ({"email": {"oneOf": []}}, set()),
        ({"email": {"eq": "bea@mine.example", "oneOf": ["cid@mine.example"]}}, set()),
        ({"status": {"eq": "NONSUBSCRIBED"}}, {"ada", "bea", "cid"}),
        ({"status": {"oneOf": ["SUBSCRIBED", "PENDING"]}}, set()),
        ({"ordersCount": {"eq": 2}}, {"ada"}),
        ({"ordersCount": {"oneOf": [1, 5]}}, {"bea", "cid"}),
        ({"ordersCount": {"range": {"gte": 1, "lte": 1}}}, {"bea", "cid"}),
        ({"lastOrderAt": {"lte": at(20).isoformat()}}, {"ada", "bea"}),
        ({"OR": [{"country": {"eq": "pl"}}, {"ordersCount": {"eq": 2}}]}, {"ada", "bea"}),
        ({"OR": [{"country": {"eq": "PL"}}, {}]}, {"ada", "bea", "cid"}),
        ({"OR": []}, {"ada", "bea", "cid"}),
        ({"AND": [{"country": {"eq": "PL"}}, {"ordersCount": {"eq": 2}}]}, set()),
        ({"country": {"eq": "PL"}, "OR": [{"ordersCount": {"eq": 1}}, {"ordersCount": {"eq": 2}}]}, {"bea"}),
        ({"OR": [{"AND": [{"country": {"eq": "PL"}}, {"ordersCount": {"eq": 1}}]}]}, {"bea"}),
    ],
)
def test_where_narrows_contacts(ask: Ask, where: dict[str, Any], emails: set[str]) -> None:
    assert {each.partition("@")[0] for each in found(ask(CONTACTS, where=where))} == emails


@pytest.mark.parametrize(
    "where",
    [
        {"email": {"eq": None}}, {"email": {}}, {"email": {"oneOf": None}}, {"tag": {"eq": None}},
        {"createdAt": {}}, {"createdAt": {"gte": None, "lte": None}}, {"ordersCount": {"eq": None}},
        {"ordersCount": {}}, {"ordersCount": {"range": {}}}, {"OR": [{"email": {"eq": None}}]},
    ],
)  # fmt: skip
def test_a_condition_without_a_value_finds_nobody(ask: Ask, where: dict[str, Any]) -> None:
    """As in Saleor: a program whose variable is null must not get, and then erase, somebody else."""
    assert found(ask(CONTACTS, where=where)) == []


@pytest.mark.parametrize("wanted", [{}, {"createdAt": {}}, {"ordersCount": {}}, {"email": None}])
def test_a_filter_without_a_value_restricts_nothing(ask: Ask, wanted: dict[str, Any]) -> None:
    assert len(found(ask(CONTACTS, filter=wanted))) == 3


@pytest.mark.parametrize(
    ("query", "where", "count"),
    [
        (PAYMENTS, {"status": {"oneOf": ["SUCCEEDED", "CANCELED"]}, "flow": {"eq": "CHARGE"}}, 1),
        (PAYMENTS, {"channel": {"eq": "default-channel"}, "currency": {"oneOf": ["usd", "eur"]}}, 1),
        (PAYMENTS, {"OR": [{"isDeclined": True}, {"transactionId": {"eq": "none"}}]}, 0),
        (PRODUCTS, {"name": {"eq": "Tee"}, "isActive": True}, 1),
        (PRODUCTS, {"OR": [{"sku": {"eq": "none"}}, {"saleorProductId": {"eq": "UHJvZHVjdDox"}}]}, 1),
    ],
)
def test_where_narrows_the_other_lists(ask: Ask, query: str, where: dict[str, Any], count: int) -> None:
    assert len(found(ask(query, where=where))) == count


@pytest.mark.parametrize(
    ("field", "direction", "emails"),
    [
        ("EMAIL", "ASC", ["ada", "bea", "cid"]),
        ("EMAIL", "DESC", ["cid", "bea", "ada"]),
        ("LAST_ORDER_AT", "DESC", ["cid", "bea", "ada"]),
        ("ORDERS_COUNT", "DESC", ["ada"]),
    ],
)
def test_contacts_are_ordered(ask: Ask, field: str, direction: str, emails: list[str]) -> None:
    answer = ask(CONTACTS, order={"field": field, "direction": direction})
    assert [each.partition("@")[0] for each in found(answer)][: len(emails)] == emails


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"transactionId": "transaction of mine.example"}, 1),
        ({"transactionId": "transaction of theirs.example"}, 0),
        ({"paymentIntentId": "pi_mine.example"}, 1),
        ({"status": ["SUCCEEDED", "CANCELED"]}, 1),
        ({"channel": ["elsewhere"]}, 0),
        ({"currency": "usd"}, 1),
        ({"isDeclined": True}, 0),
        ({"isDeclined": False}, 1),
        ({"createdAt": {"lte": "2001-01-01T00:00:00Z"}}, 0),
    ],
)
def test_payments_are_narrowed(ask: Ask, wanted: dict[str, Any], count: int) -> None:
    assert len(found(ask(PAYMENTS, filter=wanted))) == count


def test_payments_are_newest_first_unless_asked_otherwise(ask: Ask, mine: Shop) -> None:
    older = Payment.objects.get(installation=mine.installation)
    older.pk, older.transaction_id, older.payment_intent_id, older.amount_minor = None, "older", "pi_older", 1
    older._state.adding = True
    older.save()
    Payment.objects.filter(transaction_id="older").update(created_at=older.created_at - timedelta(days=1))
    assert found(ask(PAYMENTS))[-1] == "older"
    assert found(ask(PAYMENTS, order={"field": "AMOUNT", "direction": "ASC"}))[0] == "older"


def test_products_are_narrowed_and_ordered(ask: Ask, mine: Shop) -> None:
    other = CatalogProduct.objects.get(installation=mine.installation)
    other.pk, other.saleor_variant_id, other.stripe_product_id = None, "other", "prod_other"
    other.sku, other.name, other.is_active, other._state.adding = "0001", "Cap", False, True
    other.save()
    assert found(ask(PRODUCTS, filter={"isActive": False})) == ["0001"]
    assert found(ask(PRODUCTS, search="ca")) == ["0001"]
    assert found(ask(PRODUCTS, filter={"sku": "3282"})) == ["3282"]
    assert found(ask(PRODUCTS, order={"field": "SKU", "direction": "ASC"})) == ["0001", "3282"]


def test_nothing_is_counted_unless_asked(ask: Ask, mine: Shop) -> None:
    ask("{ contacts(first: 100) { edges { node { email } } } }")
    with CaptureQueriesContext(connection) as without:
        ask("{ contacts(first: 100) { edges { node { email } } } }")
    assert "COUNT(" not in "".join(
        each["sql"] for each in without.captured_queries if "contact" in each["sql"]
    )


def test_pages_can_be_walked_in_any_order(ask: Ask) -> None:
    query = """query ($after: String) { contacts(first: 1, after: $after, sortBy: {field: EMAIL, direction: ASC}) {
        pageInfo { hasNextPage endCursor } edges { node { email } } } }"""
    emails, after = [], None
    while True:
        page = ask(query, after=after)["data"]["contacts"]
        emails += [edge["node"]["email"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert emails == sorted(emails)
    assert len(emails) == 3


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        (CONTACTS, {"filter": {"email": "nobody"}}, "INVALID"),
        (CONTACTS, {"filter": {"country": ["PL"] * 101}}, "TOO_MANY_VALUES"),
        (CONTACTS, {"filter": {"status": ["NOTHING"]}}, "GRAPHQL_VALIDATION_FAILED"),
        (CONTACTS, {"filter": {"password": "x"}}, "GRAPHQL_VALIDATION_FAILED"),
        (CONTACTS, {"order": {"field": "PASSWORD", "direction": "ASC"}}, "GRAPHQL_VALIDATION_FAILED"),
        (CONTACTS, {"order": {"field": "EMAIL"}}, "GRAPHQL_VALIDATION_FAILED"),
        (PAYMENTS, {"filter": {"createdAt": {"lte": "yesterday"}}}, "GRAPHQL_VALIDATION_FAILED"),
        (CONTACTS, {"filter": {}, "where": {}}, "INVALID"),
        (CONTACTS, {"where": {"email": {"eq": "nobody"}}}, "INVALID"),
        (CONTACTS, {"where": {"country": {"oneOf": ["PL"] * 101}}}, "TOO_MANY_VALUES"),
        (CONTACTS, {"where": {"OR": [{}] * 100}}, "TOO_MANY_VALUES"),
        (CONTACTS, {"where": {"AND": [{"OR": [{"AND": [{"OR": [{"AND": [{}]}]}]}]}]}}, "TOO_COMPLEX"),
    ],
)
def test_an_unfit_filter_is_reported(ask: Ask, query: str, variables: dict[str, Any], code: str) -> None:
    answer = ask(query, **variables)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {code}


def test_ids_are_opaque_and_whole(ask: Ask, mine: Shop) -> None:
    [edge] = ask("{ payments(first: 1) { edges { node { id } } } }")["data"]["payments"]["edges"]
    assert base64.b64decode(edge["node"]["id"]).decode() == f"Payment:{mine.payment.pk}"
    assert json.dumps(edge)
