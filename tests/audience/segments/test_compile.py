"""Each condition, for a contact who barely matches it and for one who barely does not."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments import rules, store
from saleor_stripe_audience.audience.segments.compile import Compiler
from saleor_stripe_audience.audience.segments.explain import explain
from saleor_stripe_audience.wording import in_language
from tests.audience.histories import say
from tests.audience.segments.people import (
    NOW,
    add_payment_fact,
    ago,
    attribute,
    bought,
    cart,
    contact,
    product,
    saleor_id,
    sold,
)

Do = Callable[[Contact], Any]


def fits(who: Contact, root: dict[str, Any]) -> bool:
    """Check the whole audience, this contact only, and the explanation: all three agree."""
    rule = rules.read({"version": 1, "root": root})
    whole = Compiler(who.audience, NOW).contacts(rule.root).filter(pk=who.pk).exists()
    alone = Compiler(who.audience, NOW, only=[who.pk]).contacts(rule.root).exists()
    explanation = explain(who, rule, NOW)
    assert whole == alone == explanation.holds
    assert all(each.because for each in explanation.flat())
    return whole


def is_(**fields: Any) -> Do:
    def change(who: Contact) -> None:
        Contact.objects.filter(pk=who.pk).update(**fields)
        who.refresh_from_db()

    return change


def nothing(_who: Contact) -> None:
    pass


def tagged(who: Contact) -> None:
    tags.add(tags.get_or_create_tag(who.audience, "VIP"), [who])


def both(*steps: Do) -> Do:
    def do(who: Contact) -> None:
        for step in steps:
            step(who)

    return do


CASES: list[tuple[dict[str, Any], Do, Do]] = [
    ({"type": "status", "in": ["subscribed"]}, is_(consent="confirmed"), is_(consent="pending")),
    ({"type": "consent", "in": ["pending"]}, is_(consent="pending"), is_(consent="confirmed")),
    ({"type": "country", "in": ["FR"]}, is_(country="FR"), nothing),
    ({"type": "language", "in": ["fr"]}, is_(language="fr-ca"), is_(language="fro")),
    ({"type": "ordersCount", "atLeast": 2}, both(bought, bought), bought),
    ({"type": "ordersCount", "atMost": 0}, lambda who: bought(who, status="CANCELED"), bought),
    (
        {"type": "spent", "currency": "USD", "atLeast": "50.00"},
        both(lambda who: bought(who, minor=3000), lambda who: bought(who, minor=2000)),
        both(lambda who: bought(who, minor=4999), lambda who: bought(who, minor=100, currency="EUR")),
    ),
    (
        {"type": "spent", "currency": "USD", "atLeast": "50.00", "within": {"days": 30}},
        lambda who: bought(who, minor=5000, at=ago(days=29)),
        both(lambda who: bought(who, minor=4999), lambda who: bought(who, minor=5000, at=ago(days=31))),
    ),
    (
        {"type": "spent", "currency": "USD", "atMost": "50.00", "within": {"days": 30}},
        lambda who: bought(who, minor=9000, at=ago(days=31)),
        lambda who: bought(who, minor=5001),
    ),
    ({"type": "spent", "currency": "USD", "atMost": "0"}, nothing, bought),
    ({"type": "spent", "currency": "USD", "atLeast": "0"}, nothing, nothing),
    (
        {"type": "spent", "currency": "USD", "atMost": "10.00"},
        lambda who: bought(who, minor=2000, refunded_minor=1000),
        lambda who: bought(who, minor=2000, refunded_minor=999),
    ),
    (
        {"type": "averageOrder", "currency": "USD", "atLeast": "15.00"},
        both(lambda who: bought(who, minor=1000), lambda who: bought(who, minor=2000)),
        both(lambda who: bought(who, minor=1000), lambda who: bought(who, minor=1999)),
    ),
    ({"type": "averageOrder", "currency": "USD", "atMost": "15.00"}, lambda who: bought(who, minor=1500), nothing),
    (
        {"type": "firstOrder", "since": "2026-01-01T00:00:00Z"},
        bought,
        both(bought, lambda who: bought(who, at=ago(days=400))),
    ),
    ({"type": "lastOrder", "longerAgo": {"days": 90}}, lambda who: bought(who, at=ago(days=91)), nothing),
    (
        {"type": "lastOrder", "within": {"days": 90}, "longerAgo": {"days": 30}},
        lambda who: bought(who, at=ago(days=31)),
        both(lambda who: bought(who, at=ago(days=31)), bought),
    ),
    ({"type": "lastOrder", "before": "2026-11-01T00:00:00Z"}, lambda who: bought(who, at=ago(days=60)), bought),
    ({"type": "purchased"}, bought, lambda who: bought(who, charge_status="NONE")),
    (
        {"type": "purchased", "product": [product(1), product(2)]},
        lambda who: bought(who, 2, 3),
        lambda who: bought(who, 3),
    ),
    (
        {"type": "purchased", "product": [product(1)], "atLeast": 2},
        both(lambda who: bought(who, 1), lambda who: bought(who, 1)),
        both(lambda who: bought(who, 1, 1), lambda who: bought(who, 2)),
    ),
    (
        {"type": "purchased", "product": [product(1)], "within": {"days": 7}, "channel": "fr"},
        lambda who: bought(who, 1, channel="fr", at=ago(days=6)),
        both(lambda who: bought(who, 1, at=ago(days=6)), lambda who: bought(who, 1, channel="fr", at=ago(days=8))),
    ),
    (
        {"type": "purchased", "variant": [saleor_id("ProductVariant", 10)]},
        lambda who: bought(who, 1),
        lambda who: bought(who, 2),
    ),
    (
        {"type": "purchased", "collection": [saleor_id("Collection", 7)]},
        lambda who: bought(who, 1),
        lambda who: bought(who, 2),
    ),
    (
        {"type": "purchased", "category": [saleor_id("Category", 5)]},
        lambda who: bought(who, 1),
        lambda who: bought(who, 2),
    ),
    (
        {"type": "purchased", "productType": [saleor_id("ProductType", 3)]},
        lambda who: bought(who, 1),
        lambda who: bought(who, 2),
    ),
    (
        {"type": "cart"},
        lambda who: cart(who, silent_since=ago(minutes=61)),
        lambda who: cart(who, silent_since=ago(minutes=59)),
    ),
    (
        {"type": "cart", "abandonedFor": {"days": 1}},
        lambda who: cart(who, silent_since=ago(days=2)),
        both(
            lambda who: cart(who, silent_since=ago(hours=23)),
            lambda who: cart(who, silent_since=ago(days=2), closed_at=NOW),
            lambda who: cart(who, silent_since=ago(days=2), lines=0),
        ),
    ),
    (
        {"type": "cart"},
        both(
            lambda who: bought(who, at=ago(hours=3)),
            lambda who: cart(who, silent_since=ago(hours=2)),
            lambda who: bought(who, at=ago(hours=1), status="CANCELED"),
        ),
        both(
            lambda who: cart(who, silent_since=ago(hours=2)),
            lambda who: bought(who, at=ago(hours=1), charge_status="NONE"),
        ),
    ),
    (
        {"type": "cart", "product": [product(2)]},
        lambda who: cart(who, silent_since=ago(hours=2), lines=2),
        lambda who: cart(who, silent_since=ago(hours=2), lines=1),
    ),
    (
        {"type": "inCart", "variant": [saleor_id("ProductVariant", 10)]},
        lambda who: cart(who, silent_since=NOW),
        both(lambda who: cart(who, silent_since=NOW, closed_at=NOW), lambda who: cart(who, silent_since=NOW, lines=0)),
    ),
    (
        {"type": "inCart", "product": [product(1)], "within": {"hours": 1}},
        lambda who: cart(who, silent_since=ago(minutes=59)),
        lambda who: cart(who, silent_since=ago(minutes=61)),
    ),
    (
        {"type": "orderedSince", "since": "2026-11-20T12:00:00Z"},
        lambda who: bought(who, at=ago(days=3), charge_status="NONE"),
        both(
            lambda who: bought(who, at=ago(days=3, seconds=1)),
            lambda who: bought(who, at=ago(days=1), status="EXPIRED"),
        ),
    ),
    (
        {"type": "orderedSince", "within": {"days": 3}},
        lambda who: bought(who, at=ago(days=3)),
        lambda who: bought(who, at=ago(days=3, seconds=1)),
    ),
    (
        {"type": "orderedSince", "cart": True},
        both(lambda who: cart(who, silent_since=ago(hours=2)), lambda who: bought(who, at=ago(hours=1))),
        both(lambda who: bought(who, at=ago(hours=3)), lambda who: cart(who, silent_since=ago(hours=2))),
    ),
    ({"type": "joined", "within": {"days": 7}}, is_(created_at=ago(days=7)), is_(created_at=ago(days=7, seconds=1))),
    ({"type": "joined", "before": "2026-11-20T12:00:00Z"}, is_(created_at=ago(days=4)), is_(created_at=ago(days=3))),
    ({"type": "name", "is": ["ada", "bo"]}, is_(first_name="ADA"), is_(first_name="Adam", last_name="Box")),
    ({"type": "name", "part": "last", "contains": "lace"}, is_(last_name="Lovelace"), is_(first_name="Lacey")),
    ({"type": "name", "startsWith": "lo"}, is_(last_name="Lovelace"), is_(last_name="Slow")),
    ({"type": "name", "contains": "50%"}, is_(last_name="a 50% b"), is_(last_name="a 500 b")),
    ({"type": "city", "is": ["paris"]}, is_(city="PARIS"), is_(city="Paris 2e")),
    ({"type": "city", "startsWith": "paris"}, is_(city="Paris 2e"), is_(city="Le Paris")),
    (
        {"type": "consentGiven", "since": "2026-11-20T12:00:00Z"},
        lambda who: say(who, "given", ago(days=3)),
        both(
            lambda who: say(who, "given", ago(days=3, seconds=1)),
            lambda who: say(who, "given", ago(days=1), needs_confirmation=True),
            lambda who: say(who, "given", ago(days=1), basis="soft_opt_in"),
        ),
    ),
    (
        {"type": "consentGiven", "longerAgo": {"days": 30}},
        lambda who: say(who, "given", ago(days=31)),
        both(lambda who: say(who, "given", ago(days=31)), lambda who: say(who, "given", ago(days=29))),
    ),
    (
        {"type": "consentGiven", "within": {"days": 30}},
        lambda who: say(who, "given", ago(days=3)),
        both(lambda who: say(who, "given", ago(days=3)), lambda who: say(who, "withdrawn", ago(days=2))),
    ),
    (
        {"type": "attribute", "key": "tier", "is": ["gold", "silver"]},
        lambda who: attribute(who, "tier", "gold"),
        both(lambda who: attribute(who, "tier", "golden"), lambda who: attribute(who, "level", "gold")),
    ),
    (
        {"type": "attribute", "key": "tier", "contains": "old"},
        lambda who: attribute(who, "tier", "GOLD"),
        lambda who: attribute(who, "tier", "silver"),
    ),
    ({"type": "attribute", "key": "tier", "exists": True}, lambda who: attribute(who, "tier", "x"),
     lambda who: attribute(who, "tier", "")),
    ({"type": "attribute", "key": "tier", "exists": False}, lambda who: attribute(who, "tier", ""),
     lambda who: attribute(who, "tier", "x")),
    (
        {"type": "attribute", "key": "points", "atLeast": "10", "atMost": "20.5"},
        lambda who: attribute(who, "points", "10.0"),
        both(lambda who: attribute(who, "points", "9.999"), lambda who: attribute(who, "other", "15")),
    ),
    (
        {"type": "attribute", "key": "points", "atMost": "20.5"},
        lambda who: attribute(who, "points", "-3"),
        lambda who: attribute(who, "points", "many"),
    ),
    (
        {"type": "paymentDeclined", "code": ["expired_card"], "within": {"days": 7}},
        lambda who: add_payment_fact(who, "declined", at=ago(days=6), code="expired_card"),
        both(
            lambda who: add_payment_fact(who, "declined", at=ago(days=8), code="expired_card"),
            lambda who: add_payment_fact(who, "declined", at=ago(days=6), code="insufficient_funds"),
            lambda who: add_payment_fact(who, "disputed", at=ago(days=6), code="expired_card"),
        ),
    ),
    (
        {"type": "disputed", "within": {"days": 7}},
        lambda who: add_payment_fact(who, "disputed", at=ago(days=6), code="fraudulent"),
        lambda who: add_payment_fact(who, "disputed", at=ago(days=8)),
    ),
    ({"type": "refunded"}, lambda who: bought(who, refunded_minor=1), bought),
    (
        {"type": "refunded", "within": {"days": 7}},
        lambda who: bought(who, refunded_minor=1),
        lambda who: bought(who, refunded_minor=1, at=ago(days=8)),
    ),
    ({"type": "voucher"}, lambda who: bought(who, voucher_code="SUMMER"), bought),
    (
        {"type": "voucher", "code": ["SUMMER"], "within": {"days": 7}},
        lambda who: bought(who, voucher_code="SUMMER"),
        both(
            lambda who: bought(who, voucher_code="WINTER"),
            lambda who: bought(who, voucher_code="SUMMER", at=ago(days=8)),
            lambda who: bought(who, voucher_code="SUMMER", status="CANCELED"),
        ),
    ),
    (
        {"type": "all", "of": [{"type": "country", "in": ["FR"]}, {"type": "ordersCount", "atLeast": 1}]},
        both(is_(country="FR"), bought),
        is_(country="FR"),
    ),
    (
        {"type": "any", "of": [{"type": "country", "in": ["FR"]}, {"type": "ordersCount", "atLeast": 1}]},
        bought,
        nothing,
    ),
    (
        {"type": "any", "of": [
            {"type": "purchased", "product": [product(1)], "atLeast": 2},
            {"type": "not", "of": {"type": "spent", "currency": "USD", "atMost": "50", "within": {"days": 9}}},
        ]},
        lambda who: bought(who, minor=6000),
        lambda who: bought(who, 1),
    ),
]  # fmt: skip


@pytest.fixture
def shelf(audience: Audience) -> None:
    sold(audience, 1, category=5, kind=3, collections=[7, 8])
    sold(audience, 2, category=6, kind=4, collections=[8])


@pytest.mark.parametrize(
    ("root", "fitting", "other"),
    CASES,
    ids=[f"{number}-{root['type']}" for number, (root, _fitting, _other) in enumerate(CASES)],
)
def test_a_condition(audience: Audience, shelf: None, root: dict[str, Any], fitting: Do, other: Do) -> None:
    one, two = contact(audience), contact(audience)
    fitting(one)
    other(two)
    everybody = root == {"type": "spent", "currency": "USD", "atLeast": "0"}
    assert fits(one, root)
    assert fits(two, root) is everybody
    assert fits(one, {"type": "not", "of": root}) is False
    assert fits(two, {"type": "not", "of": root}) is not everybody


def test_an_order_in_another_audiences_channel_ends_an_abandoned_cart(audience: Audience) -> None:
    club = Audience.objects.create(installation=audience.installation, name="Club")
    one, two = contact(audience), contact(audience)
    for who in (one, two):
        cart(who, silent_since=ago(hours=2))
    bought(contact(club, email=one.email), at=ago(hours=1))
    assert (fits(one, {"type": "cart"}), fits(two, {"type": "cart"})) == (False, True)
    assert fits(one, {"type": "orderedSince", "cart": True})


def test_conditions_refer_to_tags_and_segments_by_id(audience: Audience) -> None:
    one, two = contact(audience, country="FR"), contact(audience)
    tagged(one)
    tag = audience.tags.get()
    french = store.create(
        audience, store.SegmentValues("French", {"version": 1, "root": {"type": "country", "in": ["FR"]}})
    )
    for root in ({"type": "tag", "tag": str(tag.pk)}, {"type": "inSegment", "segment": str(french.pk)}):
        assert (fits(one, root), fits(two, root)) == (True, False)


def test_another_shop_with_the_same_ids_does_not_match(audience: Audience, elsewhere: Audience) -> None:
    ours, theirs = contact(audience), contact(elsewhere)
    sold(elsewhere, 1, category=5, kind=3, collections=[7])
    bought(ours, 1)
    bought(theirs, 1)
    in_collection = rules.read(
        {"version": 1, "root": {"type": "purchased", "collection": [saleor_id("Collection", 7)]}}
    )
    assert not Compiler(audience, NOW).contacts(in_collection.root).exists()
    assert list(Compiler(elsewhere, NOW).contacts(in_collection.root)) == [theirs]
    anything = rules.read({"version": 1, "root": {"type": "purchased", "atLeast": 1}})
    assert list(Compiler(audience, NOW).contacts(anything.root)) == [ours]


def test_days_in_an_explanation_are_written_as_its_reader_does(audience: Audience) -> None:
    who = contact(audience)
    tagged(who)
    who.contact_tags.update(added_at=datetime(2026, 3, 4, 23, 30, tzinfo=UTC))
    tag = str(who.contact_tags.get().tag_id)
    rule = rules.read({"version": 1, "root": {"type": "tag", "tag": tag}})
    because = explain(who, rule, NOW).because
    assert [in_language(because, each) for each in ("en", "fr")] == [
        "tagged “VIP” since 2026-03-04",
        "a le tag «\u00a0VIP\u00a0» depuis le 04/03/2026",
    ]
