"""What a developer can read, of one shop only."""

import base64

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from saleor_stripe_audience import recent
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.payments import declines
from saleor_stripe_audience.payments.models import Payment
from tests.api.conftest import Ask, Shop
from tests.audience.histories import at, order
from tests.audience.records import record_order

EVERYTHING = """{
  installation { id domain saleorApiUrl isActive channels { slug } }
  payments(first: 10) { totalCount edges { node { id transactionId paymentIntentId status flow channel
    amount { amount currency fractionDigits } captured { amount } refunded { amount } declineCode createdAt } } }
  contacts(first: 10) { totalCount edges { node { id email status firstName ordersCount
    spent { currency spent { amount currency } refunded { amount } }
    purchases(first: 5) { totalCount edges { node { id number status isPaid total { amount currency }
      charged { amount } refunded { amount }
      lines { productName quantity unitPrice { amount } total { amount } } }
    } } } } }
  products(first: 10) { totalCount edges { node { id name sku stripeProductId isActive
    prices { channel stripePriceId isActive amount { amount currency } } } } }
}"""
NODE = "query Node($id: ID!) { node(id: $id) { __typename id } }"


def test_everything_of_ones_own_shop_and_nothing_of_another(ask: Ask, mine: Shop, theirs: Shop) -> None:
    answer = ask(EVERYTHING)
    assert "errors" not in answer
    data = answer["data"]
    assert data["installation"]["domain"] == "mine.example"
    assert [data[name]["totalCount"] for name in ("payments", "contacts", "products")] == [1, 1, 1]
    [payment] = [edge["node"] for edge in data["payments"]["edges"]]
    assert payment["amount"] == {"amount": 30.0, "currency": "USD", "fractionDigits": 2}
    assert payment["refunded"] == {"amount": 5.0}
    [contact] = [edge["node"] for edge in data["contacts"]["edges"]]
    assert (contact["email"], contact["status"], contact["ordersCount"]) == (
        "ada@mine.example",
        "NONSUBSCRIBED",
        2,
    )
    spent = {row["currency"]: row["spent"]["amount"] for row in contact["spent"]}
    assert spent == {"USD": 3000.0, "JPY": 3000.0}
    assert contact["purchases"]["totalCount"] == 2
    [product] = [edge["node"] for edge in data["products"]["edges"]]
    assert {price["amount"]["amount"] for price in product["prices"]} == {19.99, 2500.0}
    assert "theirs" not in str(answer)


def test_one_contact_by_address_whatever_its_capitals(ask: Ask, theirs: Shop) -> None:
    found = """query ($email: String!) { contact(email: $email) { email
      purchases(first: 100) { edges { node { number } } } } }"""
    contact = ask(found, email=" ADA@Mine.Example")["data"]["contact"]
    assert contact["email"] == "ada@mine.example"
    assert len(contact["purchases"]["edges"]) == 2
    assert ask(found, email="bob@theirs.example") == {"data": {"contact": None}}
    assert ask(found, email="nobody")["errors"][0]["extensions"]["code"] == "INVALID"


def test_ids_of_another_shop_name_nothing(ask: Ask, mine: Shop, theirs: Shop) -> None:
    own = {
        "Installation": mine.installation.pk,
        "Payment": mine.payment.pk,
        "Product": mine.product.pk,
        "Contact": Contact.objects.get(email="ada@mine.example").pk,
        "Purchase": Purchase.objects.get(installation=mine.installation, number="0").pk,
    }
    foreign = {
        "Installation": theirs.installation.pk,
        "Payment": theirs.payment.pk,
        "Product": theirs.product.pk,
        "Contact": Contact.objects.get(email="bob@theirs.example").pk,
        "Purchase": Purchase.objects.get(installation=theirs.installation, number="0").pk,
    }
    for kind, key in own.items():
        assert ask(NODE, id=_id(kind, key))["data"]["node"] == {"__typename": kind, "id": _id(kind, key)}
    for kind, key in foreign.items():
        assert ask(NODE, id=_id(kind, key)) == {"data": {"node": None}}


def test_ids_that_name_nothing(ask: Ask) -> None:
    for made_up in (
        _id("Contact", "not-a-uuid"),
        _id("Purchase", "x"),
        _id("Money", 1),
        _id("Nothing", 1),
    ):
        assert ask(NODE, id=made_up) == {"data": {"node": None}}
    refused = ask(NODE, id="not an id")
    assert refused["data"] == {"node": None}
    assert refused["errors"][0]["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


def test_the_number_of_database_queries_does_not_grow_with_the_rows(
    ask: Ask, mine: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(
        timezone, "now", lambda: now
    )  # requests and a key's last use are counted by the minute
    monkeypatch.setattr(recent, "SECONDS", 3600.0)
    ask(EVERYTHING)
    with CaptureQueriesContext(connection) as few:
        ask(EVERYTHING)
    for number in range(10, 18):
        record_order(mine.installation, order(str(number), email=f"{number % 4}@mine.example"), at(number))
    with CaptureQueriesContext(connection) as many:
        answer = ask(EVERYTHING)
    assert answer["data"]["contacts"]["totalCount"] == 5
    # Two of them count the request, one finds the audience, and one counts contacts up to the cap; the key's last use
    # is written at most once a minute.
    assert len(many) <= len(few) <= 14


def test_pages_follow_one_another(ask: Ask, mine: Shop) -> None:
    for number in range(10, 13):
        record_order(mine.installation, order(str(number), email=f"{number}@mine.example"), at(number))
    query = """query ($after: String) { contacts(first: 3, after: $after) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { email } } } }"""
    first = ask(query)["data"]["contacts"]
    second = ask(query, after=first["pageInfo"]["endCursor"])["data"]["contacts"]
    emails = [edge["node"]["email"] for page in (first, second) for edge in page["edges"]]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (
        4,
        True,
        False,
    )
    assert sorted(emails) == ["10@mine.example", "11@mine.example", "12@mine.example", "ada@mine.example"]


def _id(kind: str, key: object) -> str:
    return base64.b64encode(f"{kind}:{key}".encode()).decode()


DECLINED = """{ payments(first: 1) { edges { node { declineCode
  declineForMerchant french: declineForMerchant(language: "fr-CA") declineForShopper } } } }"""


def test_a_refusal_is_explained_to_both_sides(ask: Ask, mine: Shop) -> None:
    Payment.objects.filter(pk=mine.payment.pk).update(decline_code="stolen_card")
    [edge] = ask(DECLINED)["data"]["payments"]["edges"]
    assert edge["node"] == {
        "declineCode": "stolen_card",
        "declineForMerchant": declines.for_merchant("stolen_card"),
        "french": declines.for_merchant("stolen_card", "fr"),
        "declineForShopper": declines.for_shopper("stolen_card"),
    }


def test_nothing_is_explained_where_nothing_was_refused(ask: Ask, mine: Shop) -> None:
    [edge] = ask(DECLINED)["data"]["payments"]["edges"]
    assert set(edge["node"].values()) == {""}


FEES = """{ payments(first: 1) { edges { node {
  gross { amount currency } fee { amount currency } net { amount currency } } } } }"""


def test_fees_are_reported_in_the_currency_of_the_balance(ask: Ask, mine: Shop) -> None:
    [edge] = ask(FEES)["data"]["payments"]["edges"]
    assert edge["node"] == {"gross": None, "fee": None, "net": None}
    Payment.objects.filter(pk=mine.payment.pk).update(
        gross_minor=4500, fee_minor=161, net_minor=4339, settled_currency="JPY"
    )
    [edge] = ask(FEES)["data"]["payments"]["edges"]
    assert edge["node"] == {
        "gross": {"amount": 4500.0, "currency": "JPY"},
        "fee": {"amount": 161.0, "currency": "JPY"},
        "net": {"amount": 4339.0, "currency": "JPY"},
    }
