"""Segments, carts, facts and the timeline over the API: each by scope, in the caller's shop only."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.segments import membership, store
from saleor_stripe_audience.audience.segments.models import Segment
from tests.api.conftest import Ask, Shop, changed, codes_of, errors_of, id_of, one, post
from tests.audience.segments.people import add_payment_fact, cart

BUYERS = {"version": 1, "root": {"type": "ordersCount", "atLeast": 2}}
ERRORS = "errors { field message code }"
CREATE = f"""mutation ($input: SegmentCreateInput!) {{ segmentCreate(input: $input) {{ {ERRORS}
  segment {{ id name rule readyMade refreshedAt tag {{ name }} }} }} }}"""
UPDATE = f"""mutation ($id: ID!, $input: SegmentInput!) {{ segmentUpdate(id: $id, input: $input) {{ {ERRORS}
  segment {{ name rule tag {{ name }} }} }} }}"""
DELETE = f"mutation ($id: ID!) {{ segmentDelete(id: $id) {{ {ERRORS} segment {{ id name }} }} }}"
READY_MADE = f"""mutation ($audience: ID!, $big: String! = "10") {{
  segmentsInstallReadyMade(audience: $audience, currency: "USD", bigSpenderFrom: $big) {{ {ERRORS}
    segments {{ readyMade }} }} }}"""
LIST = "query ($audience: ID!) { segments(audience: $audience) { id name membersCount failedAt } }"
MEMBERS = """query ($segment: ID!) { contacts(first: 5, filter: {segment: $segment}) {
  totalCount edges { node { email } } } }"""
PREVIEW = """query ($audience: ID!, $rule: JSON!) {
  segmentPreview(audience: $audience, rule: $rule) { count milliseconds notes sample { email status } } }"""
EXPLAIN = """query ($segment: ID!, $contact: ID!) {
  segmentExplain(segment: $segment, contact: $contact) { place type holds because } }"""
TIMELINE = """query ($contact: ID!, $first: Int! = 20, $after: String! = "") {
  contactTimeline(contact: $contact, first: $first, after: $after) {
    hasMore entries { kind title amount { amount currency } cursor } } }"""
SHOPPING = """{ contact(email: "ada@mine.example") {
  carts { saleorCheckoutId closedAt total { amount currency } lines { quantity } }
  paymentFacts { kind code amount { amount } } } }"""


@pytest.fixture
def ada(mine: Shop) -> Contact:
    return Contact.objects.select_related("audience").get(email="ada@mine.example")


@pytest.fixture
def bob(theirs: Shop) -> Contact:
    return Contact.objects.select_related("audience").get(email="bob@theirs.example")


@pytest.fixture
def buyers(ada: Contact) -> Segment:
    made = store.create(ada.audience, store.SegmentValues("Buyers", BUYERS))
    membership.refresh_segment(made.pk)
    return made


def test_a_segment_is_previewed_kept_listed_changed_and_deleted(ask: Ask, write: Ask, ada: Contact) -> None:
    audience = id_of(ada.audience)
    seen = one(ask(PREVIEW, audience=audience, rule=BUYERS))
    assert (seen["count"], seen["notes"]) == (1, [])
    assert seen["sample"] == [{"email": "ada@mine.example", "status": "NONSUBSCRIBED"}]
    assert seen["milliseconds"] > 0
    assert not Segment.objects.exists()

    tag = id_of(ada.audience.tags.create(name="Buyer"))
    wanted = {"audience": audience, "name": "Buyers", "rule": BUYERS, "tag": tag}
    made = changed(write(CREATE, input=wanted))
    assert (made["name"], made["rule"], made["tag"]) == ("Buyers", BUYERS, {"name": "Buyer"})
    membership.refresh_due()
    [listed] = one(ask(LIST, audience=audience))
    assert (listed["name"], listed["membersCount"]) == ("Buyers", 1)
    everybody = {"totalCount": 1, "edges": [{"node": {"email": "ada@mine.example"}}]}
    assert one(ask(MEMBERS, segment=listed["id"])) == everybody

    other = {"version": 1, "root": {"type": "country", "in": ["FR"]}}
    french = {"name": "French", "rule": other, "tag": {"name": "Buyer"}}
    assert changed(write(UPDATE, id=made["id"], input={"name": "French", "rule": other})) == french
    assert changed(write(UPDATE, id=made["id"], input={"tag": None})) == french | {"tag": None}
    assert changed(write(DELETE, id=made["id"])) == {"id": made["id"], "name": "French"}
    assert codes_of(write(DELETE, id=made["id"])) == {"NOT_FOUND"}


def test_the_ready_made_ones_come_once(write: Ask, ada: Contact) -> None:
    assert len(changed(write(READY_MADE, audience=id_of(ada.audience)))) == 6
    assert changed(write(READY_MADE, audience=id_of(ada.audience))) == []


def test_a_taken_name_is_skipped_and_a_wrong_amount_adds_none(write: Ask, ada: Contact) -> None:
    store.create(ada.audience, store.SegmentValues("Abandoned carts", BUYERS))
    refused = write(READY_MADE, audience=id_of(ada.audience), big="-1")
    assert errors_of(refused) == [(None, "INVALID")]
    assert Segment.objects.count() == 1
    made = changed(write(READY_MADE, audience=id_of(ada.audience)))
    assert len(made) == 5
    assert {"readyMade": "abandoned_carts"} not in made


def test_a_segment_that_could_not_be_evaluated_says_since_when(
    ask: Ask, ada: Contact, buyers: Segment
) -> None:
    [listed] = one(ask(LIST, audience=id_of(ada.audience)))
    assert listed["failedAt"] is None
    at = timezone.now()
    Segment.objects.update(failed_at=at)
    [listed] = one(ask(LIST, audience=id_of(ada.audience)))
    assert listed["failedAt"] == at.isoformat()


def test_a_segment_is_explained(ask: Ask, ada: Contact, buyers: Segment) -> None:
    explanation = one(ask(EXPLAIN, segment=id_of(buyers), contact=id_of(ada)))
    assert explanation == [
        {"place": "root", "type": "ordersCount", "holds": True, "because": "2 paid orders"}
    ]


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"version": 1, "root": {"type": "not", "of": {"type": "hero"}}}, "root.of"),
        ({"version": 1, "root": {"type": "purchased", "product": ["UHJvZHVjdDo5OTk="]}}, "root.product[0]"),
        ({"version": 2, "root": {"type": "cart"}}, "version"),
        ("cart", "the segment"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(write: Ask, ada: Contact, rule: Any, place: str) -> None:
    wanted = {"audience": id_of(ada.audience), "name": "Wrong", "rule": rule}
    answer = write(CREATE, input=wanted)
    assert errors_of(answer) in ([(None, "INVALID")], [("rule", "SEGMENT_UNKNOWN")])
    assert answer["data"]["segmentCreate"]["errors"][0]["message"].startswith(f"{place}: ")
    assert not Segment.objects.exists()


def test_a_name_that_is_taken_is_refused(write: Ask, buyers: Segment) -> None:
    wanted = {"audience": id_of(buyers.audience), "name": buyers.name.upper(), "rule": BUYERS}
    assert errors_of(write(CREATE, input=wanted)) == [("name", "UNIQUE")]


def test_what_is_of_another_shop_is_not_found(
    ask: Ask, write: Ask, ada: Contact, bob: Contact, buyers: Segment
) -> None:
    theirs = store.create(bob.audience, store.SegmentValues("Theirs", BUYERS))
    tag = id_of(bob.audience.tags.create(name="Theirs"))
    refused = [
        ask(LIST, audience=id_of(bob.audience)),
        ask(MEMBERS, segment=id_of(theirs)),
        ask(PREVIEW, audience=id_of(bob.audience), rule=BUYERS),
        ask(EXPLAIN, segment=id_of(theirs), contact=id_of(ada)),
        ask(EXPLAIN, segment=id_of(buyers), contact=id_of(bob)),
        ask(TIMELINE, contact=id_of(bob), first=20),
        write(CREATE, input={"audience": id_of(bob.audience), "name": "Mine", "rule": BUYERS}),
        write(CREATE, input={"audience": id_of(ada.audience), "name": "Mine", "rule": BUYERS, "tag": tag}),
        write(UPDATE, id=id_of(theirs), input={"name": "Mine", "rule": BUYERS}),
        write(DELETE, id=id_of(theirs)),
        write(READY_MADE, audience=id_of(bob.audience)),
        ask(EXPLAIN, segment=id_of(ada), contact=id_of(ada)),
    ]
    assert [codes_of(answer) for answer in refused] == [{"NOT_FOUND"}] * len(refused)
    assert one(ask("query ($id: ID!) { node(id: $id) { id } }", id=id_of(theirs))) is None
    assert Segment.objects.count() == 2


def test_each_needs_its_scope(mine: Shop, ada: Contact, ask: Ask, buyers: Segment) -> None:
    nobody = create_key(mine.installation, "payments only", scopes=["payments:read"]).secret
    variables = {
        "audience": id_of(ada.audience),
        "contact": id_of(ada),
        "segment": id_of(buyers),
        "rule": BUYERS,
    }
    for query in (LIST, PREVIEW, EXPLAIN, TIMELINE):
        answer = json.loads(post(nobody, {"query": query, "variables": variables}).content)
        assert codes_of(answer) == {"PERMISSION_DENIED"}
    wanted = {"audience": id_of(ada.audience), "name": "No", "rule": BUYERS}
    assert codes_of(ask(CREATE, input=wanted)) == {"PERMISSION_DENIED"}
    assert codes_of(ask(DELETE, id=id_of(buyers))) == {"PERMISSION_DENIED"}
    assert codes_of(ask(READY_MADE, audience=id_of(ada.audience))) == {"PERMISSION_DENIED"}


def test_carts_facts_and_the_timeline_are_reported(ask: Ask, ada: Contact, bob: Contact) -> None:
    now = timezone.now()
    left = cart(ada, silent_since=now - timedelta(days=1))
    add_payment_fact(ada, "declined", at=now, code="expired_card")
    add_payment_fact(bob, "declined", at=now)
    contact = one(ask(SHOPPING))
    assert contact["carts"] == [
        {
            "saleorCheckoutId": left.saleor_checkout_id,
            "closedAt": None,
            "total": {"amount": 40.0, "currency": "USD"},
            "lines": [{"quantity": 1}],
        }
    ]
    assert contact["paymentFacts"] == [
        {"kind": "DECLINED", "code": "expired_card", "amount": {"amount": 20.0}}
    ]

    first = one(ask(TIMELINE, contact=id_of(ada), first=2))
    rest = one(ask(TIMELINE, contact=id_of(ada), after=first["entries"][-1]["cursor"]))
    kinds = [entry["kind"] for entry in (*first["entries"], *rest["entries"])]
    assert (first["hasMore"], rest["hasMore"]) == (True, False)
    assert sorted(kinds) == [
        "CART_ABANDONED", "CART_STARTED", "CREATED", "ORDER", "ORDER", "PAYMENT_DECLINED",
    ]  # fmt: skip
    assert codes_of(ask(TIMELINE, contact=id_of(ada), after="nonsense")) == {"BAD_PAGE"}
    assert codes_of(ask(TIMELINE, contact=id_of(ada), first=0)) == {"BAD_PAGE"}
