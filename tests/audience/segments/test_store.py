"""Saving segments: preview, refusals with the position, no circular references, the ready-made ones."""

from typing import Any

import pytest

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.segments import membership, ready_made, store
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.errors import Rejected
from tests.audience.segments.people import bought, contact, product, saleor_id

FRENCH = {"type": "country", "in": ["FR"]}


def values(root: dict[str, Any], name: str = "Some", **more: Any) -> store.SegmentValues:
    return store.SegmentValues(name, {"version": 1, "root": root}, **more)


def test_a_preview_counts_and_shows_and_keeps_nothing(audience: Audience, elsewhere: Audience) -> None:
    french = [contact(audience, country="FR") for _ in range(12)]
    contact(audience)
    contact(elsewhere, country="FR")
    seen = store.preview(audience, {"version": 1, "root": FRENCH})
    assert seen.count == 12
    assert len(seen.sample) == 10
    assert {each.pk for each in seen.sample} <= {each.pk for each in french}
    assert seen.milliseconds > 0
    assert seen.notes == []
    assert not Segment.objects.exists()


def test_products_that_nobody_bought_are_noted_and_refused_unless_accepted(audience: Audience) -> None:
    bought(contact(audience), 1)
    root = {"type": "not", "of": {"type": "purchased", "product": [product(1), product(2)]}}
    [note] = store.preview(audience, {"version": 1, "root": root}).notes
    assert note == "root.of.product[1]: nobody has bought this. Was it deleted?"
    with pytest.raises(Rejected, match=r"root\.of\.product\[1\]: nobody has bought this"):
        store.create(audience, values(root))
    assert not Segment.objects.exists()
    assert store.create(audience, values(root, accept_unknown=True)).pk


@pytest.mark.parametrize("kind", ["variant", "collection", "category", "productType"])
def test_the_same_of_all_that_can_be_bought(audience: Audience, kind: str) -> None:
    named = {"variant": "ProductVariant", "productType": "ProductType"}.get(kind, kind.capitalize())
    with pytest.raises(Rejected, match=rf"root\.{kind}\[0\]: nobody has bought this"):
        store.create(audience, values({"type": "purchased", kind: [saleor_id(named, 9)]}))


def test_tags_and_segments_are_given_by_name_and_stored_by_id(audience: Audience) -> None:
    tag = tags.get_or_create_tag(audience, "VIP")
    french = store.create(audience, values(FRENCH, "French"))
    root = {"type": "any", "of": [{"type": "tag", "tag": "vip"}, {"type": "inSegment", "segment": "french"}]}
    made = store.create(audience, values(root, "Both"))
    assert made.tree["root"]["of"] == [
        {"type": "tag", "tag": str(tag.pk)},
        {"type": "inSegment", "segment": str(french.pk)},
    ]
    tags.rename(tag, "Very important")
    membership.refresh_segment(made.pk)


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (
            {"type": "not", "of": {"type": "tag", "tag": "Nowhere"}},
            "root.of.tag: the audience has no such tag",
        ),
        ({"type": "inSegment", "segment": "Theirs"}, "root.segment: the audience has no such segment"),
    ],
)
def test_what_the_audience_does_not_have_is_refused(
    audience: Audience, elsewhere: Audience, root: dict[str, Any], message: str
) -> None:
    tags.get_or_create_tag(elsewhere, "Nowhere")
    store.create(elsewhere, values(FRENCH, "Theirs"))
    with pytest.raises(Rejected) as refused:
        store.create(audience, values(root))
    assert refused.value.message.startswith(message)


def test_circles_are_refused(audience: Audience) -> None:
    one = store.create(audience, values(FRENCH, "One"))
    two = store.create(audience, values({"type": "inSegment", "segment": "One"}, "Two"))
    three = store.create(
        audience, values({"type": "not", "of": {"type": "inSegment", "segment": "Two"}}, "Three")
    )
    for named in ("One", "Two", "Three"):
        with pytest.raises(Rejected, match="depends on itself"):
            store.change(one, values({"type": "inSegment", "segment": named}, "One"))
    one.refresh_from_db()
    assert one.tree["root"] == FRENCH
    assert {two.name, three.name} == {"Two", "Three"}


def test_a_circle_through_a_tag_is_refused(audience: Audience) -> None:
    tag = tags.get_or_create_tag(audience, "Hot")
    with pytest.raises(Rejected, match="depends on itself"):
        store.create(audience, values({"type": "not", "of": {"type": "tag", "tag": "Hot"}}, tag=tag))
    asking = store.create(audience, values({"type": "tag", "tag": "Hot"}, "Asking"))
    with pytest.raises(Rejected, match="depends on itself"):
        store.create(audience, values({"type": "inSegment", "segment": "Asking"}, "Giving", tag=tag))
    assert list(Segment.objects.all()) == [asking]


def test_a_segment_in_use_is_not_deleted_nor_a_tag(audience: Audience) -> None:
    tag = tags.get_or_create_tag(audience, "VIP")
    inner = store.create(audience, values({"type": "tag", "tag": "VIP"}, "Inner"))
    outer = store.create(audience, values({"type": "inSegment", "segment": "Inner"}, "Outer"))
    with pytest.raises(Rejected, match="“Outer”"):
        store.delete(inner)
    with pytest.raises(Rejected, match="“Inner”"):
        store.check_deletable(tag)
    store.delete(outer)
    store.delete(inner)
    store.check_deletable(tag)


def test_a_rule_that_can_no_longer_be_read_does_not_stop_work_on_others(audience: Audience) -> None:
    broken = store.create(audience, values(FRENCH, "Broken"))
    Segment.objects.filter(pk=broken.pk).update(tree={"version": 1, "root": {"type": "hero"}})
    tag = tags.get_or_create_tag(audience, "VIP")
    store.check_deletable(tag)
    made = store.create(audience, values({"type": "tag", "tag": "VIP"}, "VIPs"))
    store.change(made, values(FRENCH, "French"))
    store.delete(made)
    store.change(broken, values(FRENCH, "Broken"))
    store.delete(broken)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "two\nlines\x00"])
def test_a_name_is_one_line(audience: Audience, name: str) -> None:
    with pytest.raises(Rejected, match="name of 1 to 100"):
        store.create(audience, values(FRENCH, name))


def test_names_differ_by_more_than_capitals(audience: Audience, elsewhere: Audience) -> None:
    store.create(audience, values(FRENCH, "French"))
    store.create(elsewhere, values(FRENCH, "French"))
    with pytest.raises(Rejected, match="Another segment"):
        store.create(audience, values(FRENCH, " french "))


def test_a_tag_of_another_audience_is_refused(audience: Audience, elsewhere: Audience) -> None:
    with pytest.raises(Rejected, match="different audiences"):
        store.create(audience, values(FRENCH, tag=tags.get_or_create_tag(elsewhere, "VIP")))


def test_the_number_of_segments_is_limited(audience: Audience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_SEGMENTS", 1)
    store.create(audience, values(FRENCH, "One"))
    with pytest.raises(Rejected, match="at most 1 segments"):
        store.create(audience, values(FRENCH, "Two"))


def test_the_ready_made_ones_come_once(audience: Audience) -> None:
    made = store.install_ready_made(audience, "USD", "500")
    assert {each.ready_made for each in made} == set(ready_made.NAMES)
    assert store.install_ready_made(audience, "USD", "500") == []
    for each in made:
        membership.refresh_segment(each.pk)


def test_a_ready_made_one_whose_name_is_taken_is_skipped(audience: Audience) -> None:
    own = store.create(audience, values(FRENCH, "big Spenders"))
    made = store.install_ready_made(audience, "USD", "500")
    assert {each.ready_made for each in made} == set(ready_made.NAMES) - {"big_spenders"}
    assert store.install_ready_made(audience, "USD", "500") == []
    own.refresh_from_db()
    assert (own.tree["root"], own.ready_made) == (FRENCH, "")
    store.delete(own)
    assert [each.name for each in store.install_ready_made(audience, "USD", "500")] == ["Big spenders"]


@pytest.mark.parametrize(
    ("currency", "big"), [("USD", "-1"), ("USD", "abc"), ("JPY", "100.5"), ("XXXX", "1")]
)
def test_a_refused_amount_installs_nothing(audience: Audience, currency: str, big: str) -> None:
    with pytest.raises(Rejected):
        store.install_ready_made(audience, currency, big)
    assert not Segment.objects.exists()
