"""Lists are narrowed, ordered, counted and paged."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.purchases import record_order
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.payments.models import Payment
from tests.api.conftest import Ask, Shop
from tests.audience.histories import at, order

CONTACTS = """query ($filter: ContactFilter, $order: ContactOrder) {
  contacts(filter: $filter, orderBy: $order) { totalCount edges { node { email } } } }"""
PAYMENTS = """query ($filter: PaymentFilter, $order: PaymentOrder) {
  payments(filter: $filter, orderBy: $order) { totalCount edges { node { transactionId } } } }"""
PRODUCTS = """query ($filter: ProductFilter, $order: ProductOrder) {
  products(filter: $filter, orderBy: $order) { totalCount edges { node { sku } } } }"""


def found(answer: dict[str, Any]) -> list[str]:
    [connected] = answer["data"].values()
    assert connected["totalCount"] == len(connected["edges"])
    return [next(iter(edge["node"].values())) for edge in connected["edges"]]


@pytest.fixture
def people(mine: Shop, theirs: Shop) -> None:
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
        ({"search": "beatr"}, {"bea"}),
        ({"search": "Ada@m"}, {"ada"}),
        ({"country": ["PL", "FR"]}, {"bea"}),
        ({"country": []}, set()),
        ({"status": ["NONSUBSCRIBED"]}, {"ada", "bea", "cid"}),
        ({"status": ["SUBSCRIBED"]}, set()),
        ({"ordersCountGte": 2}, {"ada"}),
        ({"lastOrderAt": {"gte": at(25).isoformat()}}, {"cid"}),
        ({"lastOrderAt": {"gte": at(15).isoformat(), "lt": at(25).isoformat()}}, {"bea"}),
        ({"country": ["PL"], "ordersCountGte": 2}, set()),
    ],
)
def test_contacts_are_narrowed(ask: Ask, people: None, wanted: dict[str, Any], emails: set[str]) -> None:
    answer = ask(CONTACTS, filter=wanted)
    assert {each.partition("@")[0] for each in found(answer)} == emails


@pytest.mark.parametrize(
    ("field", "direction", "emails"),
    [
        ("EMAIL", "ASC", ["ada", "bea", "cid"]),
        ("EMAIL", "DESC", ["cid", "bea", "ada"]),
        ("LAST_ORDER_AT", "DESC", ["cid", "bea", "ada"]),
        ("ORDERS_COUNT", "DESC", ["ada"]),
    ],
)
def test_contacts_are_ordered(ask: Ask, people: None, field: str, direction: str, emails: list[str]) -> None:
    answer = ask(CONTACTS, order={"field": field, "direction": direction})
    assert [each.partition("@")[0] for each in found(answer)][: len(emails)] == emails


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"transactionId": "transaction of mine.example"}, 1),
        ({"transactionId": "transaction of theirs.example"}, 0),
        ({"paymentIntentId": "pi_mine.example"}, 1),
        ({"status": ["succeeded", "canceled"]}, 1),
        ({"channelSlug": ["elsewhere"]}, 0),
        ({"currency": "usd"}, 1),
        ({"declined": True}, 0),
        ({"declined": False}, 1),
        ({"createdAt": {"lt": "2001-01-01T00:00:00Z"}}, 0),
    ],
)
def test_payments_are_narrowed(
    ask: Ask, mine: Shop, theirs: Shop, wanted: dict[str, Any], count: int
) -> None:
    assert len(found(ask(PAYMENTS, filter=wanted))) == count


def test_payments_are_newest_first_unless_asked_otherwise(ask: Ask, mine: Shop) -> None:
    older = Payment.objects.get()
    older.pk, older.transaction_id, older.payment_intent_id, older.amount_minor = None, "older", "pi_older", 1
    older._state.adding = True
    older.save()
    Payment.objects.filter(transaction_id="older").update(created_at=older.created_at - timedelta(days=1))
    assert found(ask(PAYMENTS))[-1] == "older"
    assert found(ask(PAYMENTS, order={"field": "AMOUNT", "direction": "ASC"}))[0] == "older"


def test_products_are_narrowed_and_ordered(ask: Ask, mine: Shop) -> None:
    other = CatalogProduct.objects.get()
    other.pk, other.saleor_variant_id, other.stripe_product_id = None, "other", "prod_other"
    other.sku, other.name, other.is_active, other._state.adding = "0001", "Cap", False, True
    other.save()
    assert found(ask(PRODUCTS, filter={"isActive": False})) == ["0001"]
    assert found(ask(PRODUCTS, filter={"search": "ca"})) == ["0001"]
    assert found(ask(PRODUCTS, filter={"sku": "3282"})) == ["3282"]
    assert found(ask(PRODUCTS, order={"field": "SKU"})) == ["0001", "3282"]


def test_nothing_is_counted_unless_asked(ask: Ask, mine: Shop) -> None:
    ask("{ contacts { edges { node { email } } } }")
    with CaptureQueriesContext(connection) as without:
        ask("{ contacts { edges { node { email } } } }")
    assert "COUNT(" not in "".join(
        each["sql"] for each in without.captured_queries if "contact" in each["sql"]
    )


def test_pages_can_be_walked_in_any_order(ask: Ask, people: None) -> None:
    query = """query ($after: String) { contacts(first: 1, after: $after, orderBy: {field: EMAIL, direction: ASC}) {
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
        (CONTACTS, {"order": {"field": "PASSWORD"}}, "GRAPHQL_VALIDATION_FAILED"),
        (PAYMENTS, {"filter": {"createdAt": {"lt": "yesterday"}}}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_an_unfit_filter_is_told(ask: Ask, query: str, variables: dict[str, Any], code: str) -> None:
    answer = ask(query, **variables)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {code}


def test_ids_are_opaque_and_whole(ask: Ask, mine: Shop) -> None:
    [edge] = ask("{ payments { edges { node { id } } } }")["data"]["payments"]["edges"]
    assert base64.b64decode(edge["node"]["id"]).decode() == f"Payment:{mine.payment.pk}"
    assert json.dumps(edge)
