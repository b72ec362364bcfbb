"""Reading a rule: errors are reported with their position, and no invalid rule is accepted."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from saleor_stripe_audience.audience.segments import rules
from saleor_stripe_audience.audience.segments.places import Misplaced
from saleor_stripe_audience.errors import Rejected
from tests.audience.segments.people import product, saleor_id

FRENCH = {"type": "country", "in": ["FR"]}


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = FRENCH
    for _ in range(depth):
        tree = {"type": "not", "of": tree}
    return tree


def tree_of(root: Any) -> dict[str, Any]:
    return {"version": 1, "root": root}


GOOD: list[dict[str, Any]] = [
    {"type": "all", "of": [FRENCH, {"type": "status", "in": ["subscribed"]}]},
    {"type": "any", "of": [FRENCH, {"type": "consent", "in": ["unknown", "pending"]}]},
    {"type": "not", "of": FRENCH},
    {"type": "tag", "tag": "VIP"},
    {"type": "inSegment", "segment": "Big spenders"},
    {"type": "language", "in": ["fr", "en-us"]},
    {"type": "purchased", "atLeast": 1},
    {
        "type": "purchased",
        "product": [product(1)],
        "within": {"days": 30},
        "channel": "default",
        "atLeast": 2,
    },
    {"type": "purchased", "variant": [saleor_id("ProductVariant", 1)], "atLeast": 1},
    {"type": "purchased", "collection": [saleor_id("Collection", 1)], "atLeast": 1},
    {"type": "purchased", "category": [saleor_id("Category", 1)], "atLeast": 1},
    {"type": "purchased", "productType": [saleor_id("ProductType", 1)], "atLeast": 1},
    {"type": "ordersCount", "atLeast": 1, "atMost": 1},
    {"type": "spent", "currency": "USD", "atLeast": "200.00", "within": {"days": 365}},
    {"type": "averageOrder", "currency": "JPY", "atMost": "5000"},
    {"type": "firstOrder", "since": "2026-01-01T00:00:00Z", "before": "2026-02-01T00:00:00Z"},
    {"type": "lastOrder", "longerAgo": {"days": 90}},
    {"type": "lastOrder", "since": "0001-01-01T00:00:00Z", "before": "9999-12-31T23:59:59Z"},
    {"type": "averageOrder", "currency": "KWD", "atLeast": "999999999999.99"},
    {"type": "cart"},
    {"type": "cart", "abandonedFor": {"hours": 2, "minutes": 30}},
    {"type": "paymentDeclined", "code": ["insufficient_funds"], "within": {"days": 7}},
    {"type": "disputed"},
    {"type": "cart", "product": [product(1)]},
    {"type": "inCart", "variant": [saleor_id("ProductVariant", 1)], "within": {"days": 1}},
    {"type": "orderedSince", "cart": True},
    {"type": "orderedSince", "since": "2026-01-01T00:00:00Z"},
    {"type": "joined", "within": {"days": 30}},
    {"type": "consentGiven", "since": "2026-01-01T00:00:00Z"},
    {"type": "name", "part": "first", "is": ["Ada"]},
    {"type": "city", "contains": "ville"},
    {"type": "attribute", "key": "points", "atLeast": "10"},
    {"type": "attribute", "key": "tier", "exists": False},
    {"type": "refunded", "within": {"days": 7}},
    {"type": "voucher", "code": ["SUMMER"]},
    nested(19),
]


@pytest.mark.parametrize("root", GOOD, ids=lambda root: root["type"])
def test_a_rule_is_read_and_serialized_unchanged(root: dict[str, Any]) -> None:
    assert rules.read(tree_of(root)).as_json() == tree_of(root)


def test_equivalent_rules_are_stored_in_one_form() -> None:
    stored = rules.read(tree_of({"type": "country", "in": "fr"})).as_json()
    assert stored["root"] == FRENCH
    stored = rules.read(tree_of({"type": "language", "in": ["FR_ca", "fr-CA"]})).as_json()
    assert stored["root"] == {"type": "language", "in": ["fr-ca"]}


BAD = [
    (3, "the segment"),
    ({}, "version: this is required"),
    ({"version": 2, "root": FRENCH}, "version: the app supports version 1"),
    (tree_of({}), "root: give the type"),
    (tree_of("status"), "root: "),
    (tree_of({"type": "hero"}), "root: there is no such type"),
    (tree_of({"type": "all", "of": []}), "root.of: give at least one"),
    (tree_of({"type": "all", "of": [FRENCH, {"type": "hero"}]}), "root.of[1]: there is no such type"),
    (tree_of({"type": "status", "in": ["hero"]}), "root.in[0]: "),
    (tree_of({"type": "status", "in": []}), "root.in: give at least one"),
    (tree_of({"type": "country", "in": ["France"]}), "root.in[0]: "),
    (tree_of({"type": "language", "in": ["français"]}), "root.in[0]: "),
    (tree_of({"type": "country", "in": ["FR"] * 101}), "root.in: give at most 100"),
    (tree_of({"type": "not", "of": {"type": "purchased", "product": ["abc"]}}), "root.of.product[0]: this is not"),
    (tree_of({"type": "purchased", "product": [saleor_id("Order", 1)]}), "root.product[0]: this is not"),
    (
        tree_of({"type": "purchased", "product": [product(1)], "variant": [saleor_id("ProductVariant", 1)]}),
        "root: give products",
    ),
    (tree_of({"type": "purchased", "within": {"days": -1}}), "root.within.days: "),
    (tree_of({"type": "purchased", "within": {}}), "root.within: give more than zero"),
    (tree_of({"type": "purchased", "within": {"days": 3650, "hours": 1}}), "root.within: give more than zero"),
    (tree_of({"type": "purchased", "within": "30 days"}), "root.within: give an object"),
    (tree_of({"type": "purchased", "atLeast": 0}), "root.atLeast: "),
    (tree_of({"type": "purchased", "color": "red"}), "root.color: a condition of this type has no such field"),
    (tree_of({"type": "ordersCount"}), "root: give atLeast, atMost, or both"),
    (tree_of({"type": "ordersCount", "atLeast": 5, "atMost": 2}), "root: atLeast is more than atMost"),
    (tree_of({"type": "ordersCount", "atLeast": True}), "root.atLeast: "),
    (tree_of({"type": "spent", "atLeast": "5"}), "root.currency: this is required"),
    (tree_of({"type": "spent", "currency": "dollars", "atLeast": "5"}), "root.currency: "),
    (tree_of({"type": "spent", "currency": "USD", "atLeast": "5.001"}), "root: the amount 5.001 USD has more"),
    (tree_of({"type": "spent", "currency": "USD", "atLeast": "-5"}), "root: the amount -5 USD is negative"),
    (tree_of({"type": "spent", "currency": "USD", "atLeast": "1e999"}), "root.atLeast: the number is too large"),
    (tree_of({"type": "joined"}), "root: give within, longerAgo, since or before"),
    (tree_of({"type": "orderedSince"}), "root: give one of since, within and cart"),
    (tree_of({"type": "orderedSince", "cart": True, "within": {"days": 1}}), "root: give one of since"),
    (tree_of({"type": "orderedSince", "cart": False}), "root.cart: "),
    (tree_of({"type": "inCart"}), "root: give products or variants"),
    (tree_of({"type": "cart", "product": [saleor_id("Order", 1)]}), "root.product[0]: this is not"),
    (tree_of({"type": "name"}), "root: give one of is, contains and startsWith"),
    (tree_of({"type": "name", "part": "middle", "is": ["Ada"]}), "root.part: "),
    (tree_of({"type": "city", "is": []}), "root.is: give at least one"),
    (tree_of({"type": "attribute", "key": "", "exists": True}), "root.key: "),
    (tree_of({"type": "attribute", "key": "tier"}), "root: give one of is, contains, exists"),
    (tree_of({"type": "attribute", "key": "tier", "is": ["a"], "exists": True}), "root: give one of is"),
    (tree_of({"type": "attribute", "key": "points", "atLeast": "2", "atMost": "1"}), "root: atLeast is more"),
    (tree_of({"type": "attribute", "key": "points", "atLeast": "1e12"}), "root.atLeast: the number is too large"),
    (tree_of({"type": "attribute", "key": "points", "atMost": "-1e15"}), "root.atMost: the number is too large"),
    (tree_of({"type": "averageOrder", "currency": "USD", "atLeast": "1e12"}), "root.atLeast: the number is too large"),
    (tree_of({"type": "spent", "currency": "JPY", "atMost": "9" * 20}), "root.atMost: the number is too large"),
    (
        tree_of({"type": "not", "of": {"type": "joined", "since": "0001-01-01T00:00:00+14:00"}}),
        "root.of.since: the time is before the year 1 or after 9999 in UTC",
    ),
    (tree_of({"type": "lastOrder", "before": "9999-12-31T23:59:59-05:00"}), "root.before: the time is before"),
    (tree_of({"type": "consentGiven", "before": "9999-12-31T23:59:59-05:00"}), "root.before: the time is before"),
    (tree_of({"type": "orderedSince", "since": "0001-01-01T00:00:00+14:00"}), "root.since: the time is before"),
    (tree_of({"type": "lastOrder"}), "root: give within, longerAgo, since or before"),
    (tree_of({"type": "lastOrder", "since": "2026-01-01"}), "root.since: give the time with its time zone"),
    (
        tree_of({"type": "lastOrder", "since": "2026-02-01T00:00:00Z", "before": "2026-01-01T00:00:00Z"}),
        "root: since is not before",
    ),
    (
        tree_of({"type": "lastOrder", "within": {"days": 3}, "longerAgo": {"days": 3}}),
        "root: nothing can be within that time and longer ago",
    ),
    (
        tree_of(
            {"type": "all", "of": [{"type": "status", "in": ["subscribed"]}, {"type": "status", "in": ["pending"]}]}
        ),
        "root.of[0] and root.of[1] contradict",
    ),
    (tree_of({"type": "any", "of": [{"type": "all", "of": [FRENCH, {"type": "not", "of": FRENCH}]}]}),
     "root.of[0].of[0] and root.of[0].of[1] contradict"),
    (tree_of(nested(20)), "root.of.of"),
    (tree_of(nested(50)), "root.of.of"),
    (tree_of({"type": "any", "of": [FRENCH] * 100}), "more than 100 conditions"),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "message"), BAD)
def test_errors_name_their_position(tree: Any, message: str) -> None:
    with pytest.raises(Rejected) as refused:
        rules.read(tree)
    assert refused.value.message.startswith(message) or message in refused.value.message
    assert refused.value.code == "segment"
    assert len(refused.value.message) < 400


def texts_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each list or object in the value with the index or name of each text in it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in pairs:
        if isinstance(each, str):
            yield value, step
        yield from texts_of(each)


@pytest.mark.parametrize("unusable", ["\0", "\ud800"])
@pytest.mark.parametrize("root", GOOD, ids=lambda root: root["type"])
def test_no_text_has_what_databases_cannot_store(root: dict[str, Any], unusable: str) -> None:
    for index, _place in enumerate(texts_of(root)):
        changed = deepcopy(root)
        holder, step = list(texts_of(changed))[index]
        holder[step] += unusable
        with pytest.raises(Misplaced) as refused:
            rules.read(tree_of(changed))
        refused.value.message.encode()


@pytest.mark.parametrize("unusable", ["\0", "\ud800"])
def test_what_cannot_be_stored_is_named(unusable: str) -> None:
    for root, place in (
        ({"type": "name", "contains": f"a{unusable}b"}, "root.contains"),
        ({"type": "voucher", "code": ["A", unusable]}, "root.code[1]"),
        ({"type": "attribute", "key": "a", "is": [unusable]}, "root.is[0]"),
    ):
        with pytest.raises(Misplaced) as refused:
            rules.read(tree_of(root))
        expected = f"{place}: the text contains a character that databases cannot store."
        assert refused.value.message == expected


def test_ten_thousand_levels_are_refused_like_twenty_one() -> None:
    with pytest.raises(Rejected, match="20 levels deep"):
        rules.read(tree_of(nested(10_000)))


def test_a_rule_in_json_text_comes_back_the_same() -> None:
    tree = tree_of({"type": "spent", "currency": "EUR", "atLeast": "12.30"})
    assert rules.read(json.loads(json.dumps(rules.read(tree).as_json()))) == rules.read(tree)


@pytest.mark.parametrize(
    ("root", "timed"),
    [
        (FRENCH, False),
        ({"type": "cart"}, True),
        ({"type": "not", "of": {"type": "lastOrder", "longerAgo": {"days": 90}}}, True),
        ({"type": "lastOrder", "since": "2026-01-01T00:00:00Z"}, False),
        ({"type": "any", "of": [FRENCH, {"type": "refunded", "within": {"days": 1}}]}, True),
    ],
)
def test_which_rules_change_with_time_alone(root: dict[str, Any], *, timed: bool) -> None:
    assert rules.is_timed(rules.read(tree_of(root)).root) is timed
