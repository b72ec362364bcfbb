"""Contacts and orders over the API: all data of a contact, and how lists are filtered, paged and counted."""

import base64
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from saleor_stripe_audience.api import paging
from saleor_stripe_audience.audience.people.models import Contact, FormerAddress, Tag
from saleor_stripe_audience.audience.shopping.models import Purchase
from tests.api.conftest import Ask, Shop, codes_of, furnish, id_of, one
from tests.audience.histories import at, order, say
from tests.audience.records import record_order
from tests.conftest import shared_rows

CONTACTS = """query ($filter: ContactFilterInput, $search: String, $order: ContactSortingInput, $first: Int,
  $after: String, $last: Int, $before: String) { contacts(filter: $filter, search: $search, sortBy: $order,
    first: $first, after: $after, last: $last, before: $before) { edges { cursor node { email } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
ALL = {"first": 100}
COUNTS = """query ($filter: ContactFilterInput) { contacts(first: 1, filter: $filter) {
  totalCount totalCountIsExact exactTotalCount } }"""
PURCHASES = """query ($filter: PurchaseFilterInput, $where: PurchaseWhereInput, $order: PurchaseSortingInput) {
  purchases(first: 100, filter: $filter, where: $where, sortBy: $order) {
    totalCount edges { node { number contact { email } } } } }"""
ORDERS = ("CREATED_AT", "EMAIL", "LAST_ORDER_AT", "ORDERS_COUNT")


World = tuple[Shop, Shop, dict[str, Contact]]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with shared_rows(django_db_blocker):
        mine, theirs = (
            furnish("mine.example", "ada@mine.example"),
            furnish("theirs.example", "bob@theirs.example"),
        )
        yield mine, theirs, populate(mine)


@pytest.fixture
def mine(world: World, db: None) -> Shop:
    return deepcopy(world[0])


@pytest.fixture
def people(world: World, db: None) -> dict[str, Contact]:
    return deepcopy(world[2])


def populate(mine: Shop) -> dict[str, Contact]:
    """Ada has two orders and speaks English; Bea one, in Poland; Cid agreed and has one; Dan never ordered."""
    for number, (email, minute) in enumerate([("bea@mine.example", 20), ("cid@mine.example", 30)], start=5):
        record_order(
            mine.installation,
            order(str(number), email=email) | {"created": at(minute).isoformat()},
            at(minute),
        )
    known = {each.email.partition("@")[0]: each for each in Contact.objects.select_related("audience")}
    known["dan"] = Contact.objects.create(audience=known["ada"].audience, email="dan@mine.example")
    Contact.objects.filter(pk=known["bea"].pk).update(country="PL", first_name="Élodie", last_name="Lastly")
    Contact.objects.filter(pk=known["cid"].pk).update(language="de", last_name="100%_sure")
    say(known["cid"], "given", at(40))
    for audience, name, contact in (
        (known["ada"].audience, "VIP", known["bea"]),
        (known["bob"].audience, "theirs", known["bob"]),
    ):
        Tag.objects.create(audience=audience, name=name).contact_tags.create(contact=contact, origin="staff")
    return known


def emails(answer: dict[str, Any]) -> list[str]:
    return [edge["node"]["email"].partition("@")[0] for edge in one(answer)["edges"]]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "ada bea cid dan"),
        ({"country": ["pl"]}, "bea"),
        ({"language": ["EN"]}, "ada bea"),
        ({"language": ["en-us", "de"]}, "ada bea cid"),
        ({"language": ["e"]}, ""),
        ({"consent": ["UNKNOWN"]}, "ada bea dan"),
        ({"consent": ["CONFIRMED", "PENDING"]}, "cid"),
        ({"lawfulBasis": ["CONSENT"]}, "cid"),
        ({"lawfulBasis": ["SOFT_OPT_IN", "NONE"]}, "ada bea dan"),
        ({"tag": ["vip", "none"]}, "bea"),
        ({"tag": ["theirs"]}, ""),
        ({"ordersCount": {"lte": 1}}, "bea cid dan"),
        ({"ordersCount": {"gte": 1, "lte": 1}}, "bea cid"),
        ({"ordersCount": {"lte": 0}}, "dan"),
        ({"ordersCount": {"gte": -5}}, "ada bea cid dan"),
        ({"ordersCount": {"lte": -5}}, "dan"),
        ({"lastOrderAt": {"lte": at(10).isoformat()}}, "ada"),
        ({"lastOrderAt": {"gte": at(10).isoformat()}, "tag": ["VIP"], "country": ["PL", "DE"]}, "bea"),
    ],
)
@pytest.mark.parametrize("by", ["EMAIL", "LAST_ORDER_AT"])
def test_contacts_are_narrowed(
    ask: Ask, people: dict[str, Contact], wanted: dict[str, Any], found: str, by: str
) -> None:
    order_by = {"field": by, "direction": "DESC"}
    assert " ".join(sorted(emails(ask(CONTACTS, filter=wanted, order=order_by, **ALL)))) == found


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("MINE", ""),
        ("bea@m", "bea"),
        (" last", "bea"),
        ("Él", "bea"),
        ("100%_", "cid"),
        ("100_", ""),
        ("former@", ""),
        (" ", "ada bea cid dan"),
    ],
)
@pytest.mark.parametrize("by", ["EMAIL", "LAST_ORDER_AT"])
def test_contacts_are_searched(
    ask: Ask, people: dict[str, Contact], search: str, found: str, by: str
) -> None:
    order_by = {"field": by, "direction": "DESC"}
    assert " ".join(sorted(emails(ask(CONTACTS, search=search, order=order_by, **ALL)))) == found


@pytest.mark.parametrize("name", ["tag", "country", "language"])
def test_too_many_values_are_refused(ask: Ask, people: dict[str, Contact], name: str) -> None:
    assert codes_of(ask(CONTACTS, filter={name: ["x"] * 101}, **ALL)) == {"TOO_MANY_VALUES"}


@pytest.mark.parametrize("field", ORDERS)
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_are_walked_there_and_back(
    ask: Ask, people: dict[str, Contact], field: str, direction: str, size: int
) -> None:
    order_by = {"field": field, "direction": direction}
    whole = emails(ask(CONTACTS, order=order_by, **ALL))
    assert sorted(whole) == ["ada", "bea", "cid", "dan"]
    there, cursor = [], None
    while True:
        page = ask(CONTACTS, order=order_by, first=size, after=cursor)
        there += emails(page)
        info = one(page)["pageInfo"]
        assert info["hasPreviousPage"] == (cursor is not None)
        cursor = info["endCursor"]
        if not info["hasNextPage"]:
            break
    assert there == whole
    back: list[str] = []
    cursor = None
    while True:
        page = ask(CONTACTS, order=order_by, last=size, before=cursor)
        back = emails(page) + back
        info = one(page)["pageInfo"]
        assert info["hasNextPage"] == (cursor is not None)
        cursor = info["startCursor"]
        if not info["hasPreviousPage"]:
            break
    assert back == whole


def test_who_never_ordered_comes_last_among_the_latest(ask: Ask, people: dict[str, Contact]) -> None:
    latest = {"field": "LAST_ORDER_AT", "direction": "DESC"}
    assert emails(ask(CONTACTS, order=latest, **ALL)) == ["cid", "bea", "ada", "dan"]


def test_a_page_between_two_others(ask: Ask, people: dict[str, Contact]) -> None:
    by = {"field": "EMAIL", "direction": "ASC"}
    cursors = [edge["cursor"] for edge in one(ask(CONTACTS, order=by, **ALL))["edges"]]
    assert emails(ask(CONTACTS, order=by, after=cursors[0], before=cursors[3], **ALL)) == ["bea", "cid"]
    trimmed = ask(CONTACTS, order=by, last=2, before=cursors[3])
    assert emails(trimmed) == ["bea", "cid"]
    assert one(trimmed)["pageInfo"]["hasPreviousPage"]
    assert one(trimmed)["pageInfo"]["hasNextPage"]
    assert emails(ask(CONTACTS, order=by, first=0)) == []


def test_what_comes_in_meanwhile_moves_no_page(ask: Ask, people: dict[str, Contact]) -> None:
    by = {"field": "EMAIL", "direction": "ASC"}
    cursor = one(ask(CONTACTS, order=by, first=2))["pageInfo"]["endCursor"]
    Contact.objects.create(audience=people["ada"].audience, email="aaa@mine.example")
    people["ada"].delete()
    assert emails(ask(CONTACTS, order=by, first=2, after=cursor)) == ["cid", "dan"]


def forged(*values: Any, mark: str = "place") -> str:
    return base64.b64encode(f"{mark}:{json.dumps(values)}".encode()).decode()


PLACE, KEY = "Contact -by_created_at", "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    "page",
    [
        {"first": None},
        {"first": 1, "last": 1},
        {"first": -1},
        {"first": 101},
        {"last": 101},
        {"after": ""},
        {"after": "?"},
        {"after": "YXJyYXljb25uZWN0aW9uOjA="},
        {"after": forged(PLACE, "2026-11-01T12:00:00Z", KEY, mark="other")},
        {"after": forged("Contact by_created_at", "2026-11-01T12:00:00Z", KEY)},
        {"after": forged(PLACE, "2026-11-01T12:00:00", KEY)},
        {"after": forged(PLACE, "soon", KEY)},
        {"after": forged(PLACE, 5, KEY)},
        {"after": forged(PLACE, None, None)},
        {"after": forged(PLACE, "2026-11-01T12:00:00Z", "x")},
        {"before": forged(PLACE)},
        {"before": forged("Contact -by_email", "a\0b", KEY)},
    ],
)
def test_an_unfit_page_is_reported(ask: Ask, people: dict[str, Contact], page: dict[str, Any]) -> None:
    size = {} if "last" in page else ALL
    assert codes_of(ask(CONTACTS, **(size | page))) == {"BAD_PAGE"}


@pytest.mark.parametrize(
    ("field", "value"), [("EMAIL", "a\0b"), ("EMAIL", "\ud800"), ("ORDERS_COUNT", "9" * 30)]
)
def test_a_cursor_that_no_column_holds_is_reported(
    ask: Ask, people: dict[str, Contact], field: str, value: str
) -> None:
    cursor = forged(f"Contact -by_{field.lower()}", value, KEY)
    order_by = {"field": field, "direction": "DESC"}
    assert codes_of(ask(CONTACTS, order=order_by, after=cursor, **ALL)) == {"BAD_PAGE"}


def test_counts_stop_at_the_cap_and_say_so(
    ask: Ask, people: dict[str, Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert one(ask(COUNTS)) == {"totalCount": 4, "totalCountIsExact": True, "exactTotalCount": 4}
    monkeypatch.setattr(paging, "COUNTED_UP_TO", 3)
    assert one(ask(COUNTS)) == {"totalCount": 3, "totalCountIsExact": False, "exactTotalCount": 4}
    few = one(ask(COUNTS, filter={"ordersCount": {"gte": 1}}))
    assert few == {"totalCount": 3, "totalCountIsExact": True, "exactTotalCount": 3}


def test_the_capped_count_reads_no_further(ask: Ask, people: dict[str, Contact]) -> None:
    with CaptureQueriesContext(connection) as made:
        ask("{ contacts(first: 1) { totalCount totalCountIsExact } }")
    counts = [
        each["sql"] for each in made.captured_queries if "COUNT(" in each["sql"] and "contact" in each["sql"]
    ]
    assert len(counts) == 1
    assert f"LIMIT {paging.COUNTED_UP_TO + 1}" in counts[0]


def test_all_of_a_contact_is_reported(ask: Ask, people: dict[str, Contact]) -> None:
    bea = people["bea"]
    FormerAddress.objects.create(audience=bea.audience, contact=bea, email="b@old.example", held_at=at(1))
    say(bea, "given", at(50), needs_confirmation=True)
    Contact.objects.filter(pk=bea.pk).update(deliverability="bounced")
    contact = one(
        ask(
            """{ contact(email: "bea@mine.example") {
        audience { name isDefault } status consent deliverability lifecycle softOptIn lawfulBasis mayReceive updatedAt
        tags { tag { name } origin } formerAddresses { email heldAt }
        consents { kind basis at recordedAt email source sourceDetail actor reference wording ip needsConfirmation }
      } }"""
        )
    )
    [word] = contact.pop("consents")
    assert word.pop("recordedAt")
    assert word == {
        "kind": "GIVEN",
        "basis": "CONSENT",
        "at": at(50).isoformat(),
        "email": "bea@mine.example",
        "source": "MAIL",
        "sourceDetail": "",
        "actor": "",
        "reference": "",
        "wording": "News by mail, please.",
        "ip": None,
        "needsConfirmation": True,
    }
    assert contact.pop("updatedAt") <= timezone.now().isoformat()
    assert contact == {
        "audience": {"name": "mine.example", "isDefault": True},
        "status": "CLEANED",
        "consent": "PENDING",
        "deliverability": "BOUNCED",
        "lifecycle": "ACTIVE",
        "softOptIn": False,
        "lawfulBasis": "NONE",
        "mayReceive": [],
        "tags": [{"tag": {"name": "VIP"}, "origin": "STAFF"}],
        "formerAddresses": [{"email": "b@old.example", "heldAt": at(1).isoformat()}],
    }


def test_what_hangs_on_contacts_is_read_at_once(ask: Ask, mine: Shop, people: dict[str, Contact]) -> None:
    query = """{ contacts(first: 100) { edges { node { audience { name } tags { tag { name } } formerAddresses { email }
      consents { wording } } } } }"""
    ask(query)
    with CaptureQueriesContext(connection) as few:
        ask(query)
    for number in range(10, 14):
        record_order(mine.installation, order(str(number), email=f"{number}@mine.example"), at(number))
    for contact in Contact.objects.filter(audience=people["ada"].audience):
        say(contact, "given", at(90))
        contact.contact_tags.get_or_create(tag=Tag.objects.get(name="VIP"), origin="staff")
    with CaptureQueriesContext(connection) as many:
        answer = ask(query)
    assert len(one(answer)["edges"]) == 8
    assert len(many) <= len(few)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, "0 1 5 6"),
        ({"number": "5"}, "5"),
        ({"saleorOrderId": "T3JkZXI66"}, "6"),
        ({"saleorOrderId": "elsewhere"}, ""),
        ({"channel": ["default-channel"]}, "0 1 5 6"),
        ({"channel": []}, ""),
        ({"currency": "jpy"}, "1"),
        ({"voucherCode": "SUMMER"}, "5"),
        ({"isPaid": False}, "6"),
        ({"isPaid": True}, "0 1 5"),
        ({"placedAt": {"gte": at(20).isoformat(), "lte": at(29).isoformat()}}, "5"),
        ({"status": ["CANCELED"]}, "6"),
        ({"chargeStatus": ["FULL", "PARTIAL"]}, "0 1 5 6"),
    ],
)
def test_orders_are_listed(
    ask: Ask, people: dict[str, Contact], wanted: dict[str, Any], numbers: str
) -> None:
    Purchase.objects.filter(number="5").update(voucher_code="SUMMER")
    Purchase.objects.filter(number="6").update(status="CANCELED")
    page = one(ask(PURCHASES, filter=wanted))
    same = {name: {"oneOf" if isinstance(value, list) else "eq": value} for name, value in wanted.items()}
    where = {name: wanted[name] if name in ("isPaid", "placedAt") else value for name, value in same.items()}
    assert one(ask(PURCHASES, where=where)) == page
    assert page["totalCount"] == len(page["edges"])
    assert " ".join(sorted(edge["node"]["number"] for edge in page["edges"])) == numbers


def test_orders_are_newest_first_and_may_have_no_contact(ask: Ask, people: dict[str, Contact]) -> None:
    Purchase.objects.filter(number="5").update(contact=None)
    newest = [edge["node"] for edge in one(ask(PURCHASES))["edges"]]
    assert [each["number"] for each in newest[:2]] == ["6", "5"]
    assert [each["contact"] for each in newest[:2]] == [{"email": "cid@mine.example"}, None]
    oldest = [
        edge["node"]["number"]
        for edge in one(ask(PURCHASES, order={"field": "PLACED_AT", "direction": "ASC"}))["edges"]
    ]
    assert oldest[2:] == ["5", "6"]


def test_a_tag_by_its_id(ask: Ask, people: dict[str, Contact]) -> None:
    query = "query ($id: ID!) { node(id: $id) { ... on Tag { name contactsCount } } }"
    assert one(ask(query, id=id_of(Tag.objects.get(name="VIP")))) == {"name": "VIP", "contactsCount": 1}
    assert one(ask(query, id=id_of(Tag.objects.get(name="theirs")))) is None
