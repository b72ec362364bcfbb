"""A segment's form can represent every rule, and opening and saving a rule does not change it."""

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from saleor_stripe_audience.audience.segments import rules
from saleor_stripe_audience.dashboard import segment_form
from saleor_stripe_audience.dashboard.segment_controls import KINDS
from saleor_stripe_audience.dashboard.segment_form import Node
from tests.audience.segments.people import product
from tests.audience.segments.test_compile import CASES
from tests.examples import play

Json = dict[str, Any]

MORE: list[Json] = [
    {"type": "cart", "abandonedFor": {"days": 1, "hours": 2}, "product": [product(1), product(2)]},
    {"type": "inCart", "variant": ["UHJvZHVjdFZhcmlhbnQ6MQ=="], "within": {"minutes": 90}},
    {"type": "purchased", "atLeast": 1},
    {
        "type": "purchased",
        "collection": ["Q29sbGVjdGlvbjo0"],
        "channel": "eu",
        "atLeast": 3,
        "within": {"days": 9},
    },
    {"type": "orderedSince", "cart": True},
    {"type": "orderedSince", "since": "2026-11-23T14:30:00Z"},
    {"type": "joined", "since": "2026-01-01T00:00:00Z", "before": "2026-02-01T10:00:00Z"},
    {"type": "joined", "since": "0001-01-01T00:00:00Z", "before": "9999-12-31T23:59:59Z"},
    {"type": "lastOrder", "within": {"days": 90}, "longerAgo": {"hours": 5}},
    {"type": "attribute", "key": "tier", "exists": False},
    {"type": "attribute", "key": "tier", "exists": True},
    {"type": "attribute", "key": "points", "atLeast": "10", "atMost": "20.5"},
    {"type": "attribute", "key": "tier", "is": ["gold, silver", "plain"]},
    {"type": "attribute", "key": "tier", "contains": "old"},
    {"type": "name", "part": "last", "startsWith": "de "},
    {"type": "city", "is": ["Paris", "Le Havre"]},
    {"type": "voucher", "code": ["SAVE,10", "A B"], "within": {"days": 3}},
    {"type": "language", "in": ["fr", "en-gb"]},
    {"type": "country", "in": ["FR", "BE"]},
    {"type": "tag", "tag": "VIP"},
    {"type": "inSegment", "segment": "Buyers"},
]
CONDITIONS = [
    rules.read({"version": 1, "root": each}).as_json()["root"]
    for each in [*(case[0] for case in CASES), *MORE]
]
FLAT = [each for each in CONDITIONS if each["type"] not in ("all", "any", "not")]


def sent(node: Node, path: str = segment_form.ROOT) -> QueryDict:
    """Return the fields that a browser sends from the form."""
    fields = QueryDict(mutable=True)
    fields[f"{path}.type"] = node.type
    fields[f"{path}.negated"] = "yes" if node.negated else ""
    for name, values in node.fields.items():
        fields.setlist(f"{path}.{name}", values)
    for index, child in enumerate(node.children):
        for name, values in sent(child, f"{path}-{index}").lists():
            fields.setlist(name, values)
    return fields


def reopened(root: Json) -> Json:
    """Return the rule after it was opened in the browser and saved."""
    form = segment_form.from_rule({"version": 1, "root": root})
    tree, _places = segment_form.to_rule(segment_form.from_fields(sent(form)))
    root_again: Json = rules.read(tree).as_json()["root"]
    return root_again


def without_double_negation(part: Json) -> Json:
    if part["type"] == "not":
        inner = without_double_negation(part["of"])
        return inner["of"] if inner["type"] == "not" else {"type": "not", "of": inner}
    if part["type"] in segment_form.GROUPS:
        return {"type": part["type"], "of": [without_double_negation(each) for each in part["of"]]}
    return part


def in_days(part: Any) -> Any:
    """Return the rule with durations by their length, because the form only has one unit."""
    if isinstance(part, list):
        return [in_days(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part and part.keys() <= {"days", "hours", "minutes"}:
        return rules.Span.model_validate(part).length
    return {name: in_days(each) for name, each in part.items()}


def same(part: Json) -> Any:
    return in_days(without_double_negation(part))


def test_every_type_of_condition_has_its_controls() -> None:
    types = {each.model_fields["type"].default for each in rules.Condition.__args__}
    assert set(KINDS) == types
    assert {each["type"] for each in FLAT} == types


@pytest.mark.parametrize("condition", FLAT, ids=lambda each: str(each)[:60])
def test_a_condition_that_is_opened_and_saved_stays_as_it_was(condition: Json) -> None:
    assert same(reopened(condition)) == same(condition)
    negated = {"type": "not", "of": condition}
    assert same(reopened(negated)) == same(negated)


CONDITION = st.sampled_from(FLAT)
TREES = st.recursive(
    CONDITION,
    lambda inner: st.one_of(
        st.builds(
            lambda kind, of: {"type": kind, "of": of},
            st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=2, max_size=4),
        ),
        st.builds(lambda of: {"type": "not", "of": of}, inner),
    ),
    max_leaves=12,
)


@play(60)
@given(root=TREES)
def test_a_tree_that_is_opened_and_saved_stays_as_it_was(root: Json) -> None:
    form = segment_form.from_rule({"version": 1, "root": root})
    tree, places = segment_form.to_rule(segment_form.from_fields(sent(form)))
    assert same(tree["root"]) == same(root)
    for place, path in places.items():
        assert segment_form.path_of(f"{place}.within.days", places) == path
        assert segment_form.find(form, path) is not None


def test_buttons_change_the_tree() -> None:
    root = segment_form.new_rule()
    assert segment_form.apply(root, "add:n") == "n-1"
    assert segment_form.apply(root, "group:n") == "n-2-0"
    assert segment_form.apply(root, "add:n-2") == "n-2-1"
    assert [path for path, _node in segment_form.walk(root)] == ["n", "n-0", "n-1", "n-2", "n-2-0", "n-2-1"]
    assert segment_form.apply(root, "remove:n-2-0") == "n-2"
    assert segment_form.apply(root, "remove:n-2-0") == "n", "a group without conditions goes too"
    assert len(root.children) == 2
    root.children[0].fields["kind"] = ["product"]
    for _ in range(2):
        assert segment_form.apply(root, f"pick:n-0:{product(1)}") == "n-0"
    segment_form.apply(root, f"pick:n-0:{product(2)}")
    segment_form.apply(root, f"drop:n-0:{product(1)}")
    assert root.children[0].fields["ids"] == [product(2)]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "add",
        "add:",
        "add:n-0",
        "remove:n",
        "remove:n-7",
        "remove:x",
        "drop:n-0",
        "add:n-" + "1" * 5000,
        "what:n",
    ],
)
def test_a_button_that_makes_no_sense_changes_nothing(command: str) -> None:
    root = segment_form.new_rule()
    segment_form.apply(root, command)
    assert root == segment_form.new_rule()


def test_no_more_conditions_are_read_or_added_than_a_rule_may_have() -> None:
    wide = QueryDict(mutable=True)
    wide["n.type"] = "all"
    for index in range(400):
        wide[f"n-{index}.type"] = "cart"
    root = segment_form.from_fields(wide)
    assert segment_form.count(root) == rules.MAX_CONDITIONS + 2, "one too many, which the rule refuses"
    before = segment_form.count(root)
    assert segment_form.apply(root, "add:n") == ""
    assert segment_form.count(root) == before
    deep, path = QueryDict(mutable=True), "n"
    for _ in range(300):
        deep[f"{path}.type"] = "all"
        path = f"{path}-0"
    assert segment_form.count(segment_form.from_fields(deep)) <= rules.MAX_DEPTH + 3


def test_another_type_of_condition_begins_empty() -> None:
    changed = QueryDict("n.type=all&n-0.was=purchased&n-0.type=ordersCount&n-0.atLeast=1&n-0.negated=yes")
    [child] = segment_form.from_fields(changed).children
    assert (child.type, child.negated, child.fields["atLeast"]) == ("ordersCount", True, [""])


def test_fields_that_nobody_would_send_make_a_new_condition() -> None:
    strange = QueryDict("n.type=all&n-0.type=nothing&n-1.type=cart&n-1.kind=%00")
    root = segment_form.from_fields(strange)
    assert [each.type for each in root.children] == [segment_form.FIRST_KIND, "cart"]
    assert root.children[1].fields["kind"] == [""]
    assert segment_form.from_fields(QueryDict("")).is_group
