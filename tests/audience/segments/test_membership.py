"""Membership follows changes of contacts, and time."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from saleor_stripe_audience.audience.contacts import identity, tags
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactSpent, StaleContact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.segments import membership, store
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.audience.shopping import totals
from tests.audience.histories import at, order
from tests.audience.records import record_order
from tests.audience.segments.people import bought, contact

BUYERS = {"type": "ordersCount", "atLeast": 1}


def segment(audience: Audience, root: dict[str, Any], name: str = "Some", **options: Any) -> Segment:
    return store.create(audience, store.SegmentValues(name, {"version": 1, "root": root}, **options))


def work() -> None:
    """Do what the tasks do: evaluate due segments and changed contacts until there are none."""
    for _ in range(5):
        for row in list(StaleContact.objects.all()):
            membership.refresh_contact(row.contact_id)
        membership.refresh_due()


def members(of: Segment) -> list[str]:
    return sorted(membership.members_of(of).values_list("email", flat=True))


def test_a_new_segment_has_all_contacts_that_match(audience: Audience, elsewhere: Audience) -> None:
    buyer, _other, theirs = contact(audience), contact(audience), contact(elsewhere)
    bought(buyer)
    bought(theirs)
    made = segment(audience, BUYERS)
    work()
    assert members(made) == [buyer.email]
    made.refresh_from_db()
    assert made.refreshed_at is not None
    assert made.refresh_due_at is None


def test_an_event_moves_a_contact_in_and_out_and_twice_is_once(audience: Audience) -> None:
    made = segment(audience, BUYERS)
    work()
    record_order(audience.installation, order(), at(1))
    work()
    assert members(made) == ["ada@shop.example"]
    since = Membership.objects.get().entered_at

    record_order(audience.installation, order(), at(1))
    record_order(audience.installation, order(), at(2))
    work()
    assert Membership.objects.get().entered_at == since

    record_order(audience.installation, order(status="CANCELED"), at(3))
    work()
    assert members(made) == []


CHANGES: list[tuple[str, dict[str, Any], Callable[[Contact], Any]]] = [
    ("lifecycle", {"type": "status", "in": ["archived"]}, lifecycle.archive),
    (
        "deliverability",
        {"type": "status", "in": ["cleaned"]},
        lambda who: lifecycle.set_deliverability(who, "bounced", timezone.now()),
    ),
    (
        "tag",
        {"type": "tag", "tag": "VIP"},
        lambda who: tags.add(tags.get_or_create_tag(who.audience, "VIP"), [who]),
    ),
]


@pytest.mark.parametrize(
    ("root", "change"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
def test_every_change_of_a_contact_is_noticed(
    audience: Audience, root: dict[str, Any], change: Callable[[Contact], Any]
) -> None:
    tags.get_or_create_tag(audience, "VIP")
    who = contact(audience)
    made = segment(audience, root)
    work()
    assert members(made) == []
    change(who)
    assert StaleContact.objects.filter(contact=who).exists()
    work()
    assert members(made) == [who.email]


def test_without_segments_nothing_is_noted(audience: Audience) -> None:
    lifecycle.archive(contact(audience))
    assert not StaleContact.objects.exists()


def test_time_alone_moves_contacts(audience: Audience, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    who = contact(audience)
    bought(who, at=now - timedelta(days=89))
    lapsed = segment(audience, {"type": "lastOrder", "longerAgo": {"days": 90}}, "Lapsed")
    inner = segment(audience, {"type": "inSegment", "segment": "Lapsed"}, "Outer")
    work()
    assert (members(lapsed), members(inner)) == ([], [])
    later = now + timedelta(days=2)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert membership.refresh_due() == 2
    assert (members(lapsed), members(inner)) == ([who.email], [who.email])
    lapsed.refresh_from_db()
    assert lapsed.refresh_due_at is not None
    assert lapsed.refresh_due_at >= later + timedelta(minutes=1)
    assert membership.refresh_due() == 0


def test_a_changed_rule_changes_members_also_of_segments_that_refer_to_it(audience: Audience) -> None:
    french, german = contact(audience, country="FR"), contact(audience, country="DE")
    inner = segment(audience, {"type": "country", "in": ["FR"]}, "Inner")
    outer = segment(audience, {"type": "inSegment", "segment": "inner"}, "Outer")
    work()
    assert members(outer) == [french.email]
    store.change(
        inner, store.SegmentValues("Inner", {"version": 1, "root": {"type": "country", "in": ["DE"]}})
    )
    for each in (inner, outer):
        membership.refresh_segment(each.pk)
    assert (members(inner), members(outer)) == ([german.email], [german.email])


def test_only_members_of_a_segment_have_its_tag(audience: Audience) -> None:
    who, other = contact(audience), contact(audience)
    tag = tags.get_or_create_tag(audience, "Buyer")
    tags.add(tag, [other])
    made = segment(audience, BUYERS, tag=tag)
    by_tag = segment(audience, {"type": "tag", "tag": "Buyer"}, "By tag")
    work()
    assert members(by_tag) == [other.email]
    order_of_who = bought(who)
    work()
    assert members(made) == [who.email]
    assert members(by_tag) == sorted([who.email, other.email])
    order_of_who.status = "CANCELED"
    order_of_who.save()
    totals.refresh(who)
    work()
    assert members(by_tag) == [other.email]  # a rule does not remove a tag that was added manually


def test_a_tag_of_two_segments_stays_while_one_of_them_matches(audience: Audience) -> None:
    tag = tags.get_or_create_tag(audience, "Good")
    who = contact(audience, country="FR")
    french = segment(audience, {"type": "country", "in": ["FR"]}, "French", tag=tag)
    segment(audience, BUYERS, "Buyers", tag=tag)
    bought(who)
    work()
    store.delete(french)
    work()
    assert tag.contact_tags.filter(contact=who).exists()
    who.purchases.update(status="CANCELED")
    totals.refresh(who)
    work()
    assert not tag.contact_tags.exists()


def test_a_merged_contact_leaves_and_the_other_is_evaluated_again(audience: Audience) -> None:
    kept, absorbed = contact(audience), contact(audience)
    bought(absorbed)
    made = segment(audience, BUYERS)
    work()
    identity.merge(kept, absorbed)
    work()
    assert members(made) == [kept.email]


def test_an_erased_contact_is_in_no_segment(audience: Audience) -> None:
    who = contact(audience)
    bought(who)
    segment(audience, BUYERS)
    work()
    receipt = erasure.erase(audience.installation, who.email)
    assert receipt.erased["Membership"] == 1
    work()
    assert not Membership.objects.exists()


def test_a_contact_whose_task_was_lost_is_evaluated_later(audience: Audience) -> None:
    made = segment(audience, BUYERS)
    work()
    who = contact(audience)
    bought(who)
    StaleContact.objects.update(marked_at=timezone.now() - timedelta(minutes=1))
    membership.refresh_due()
    assert members(made) == [who.email]
    assert not StaleContact.objects.exists()


def test_the_opposite_of_what_everybody_meets_has_no_members(audience: Audience) -> None:
    bought(contact(audience))
    root = {"type": "not", "of": {"type": "spent", "currency": "USD", "atLeast": "0"}}
    assert store.preview(audience, {"version": 1, "root": root}).count == 0
    made = segment(audience, root)
    membership.refresh_segment(made.pk)
    assert members(made) == []


BROKEN = [
    {"type": "hero"},
    {"type": "lastOrder", "before": "9999-12-31T23:59:59-05:00"},
    {"type": "inSegment", "segment": str(uuid.uuid4())},
]


@pytest.mark.parametrize("root", BROKEN, ids=lambda root: root["type"])
def test_a_segment_that_cannot_be_evaluated_does_not_stop_the_others(
    audience: Audience, root: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = segment(audience, BUYERS, "Broken", tag=tags.get_or_create_tag(audience, "VIP"))
    good = segment(audience, BUYERS, "Good")
    record_order(audience.installation, order(), at(1))
    work()
    Segment.objects.filter(pk=broken.pk).update(tree={"version": 1, "root": root})

    record_order(audience.installation, order("2", email="bob@shop.example"), at(2))
    work()
    assert members(good) == ["ada@shop.example", "bob@shop.example"]
    assert members(broken) == tagged(broken) == ["ada@shop.example"]
    assert not StaleContact.objects.exists()
    _check_failed(broken)

    later = timezone.now() + timedelta(minutes=6)
    monkeypatch.setattr(timezone, "now", lambda: later)
    timed = segment(audience, {"type": "lastOrder", "within": {"days": 3000}}, "Timed")
    assert membership.refresh_due() == 2
    assert members(timed) == ["ada@shop.example", "bob@shop.example"]
    _check_failed(broken)

    store.change(broken, store.SegmentValues("Broken", {"version": 1, "root": BUYERS}, broken.tag))
    membership.refresh_due()
    broken.refresh_from_db()
    assert broken.failed_at is None
    assert members(broken) == tagged(broken) == ["ada@shop.example", "bob@shop.example"]


def _check_failed(broken: Segment) -> None:
    """It is shown as failed, and tried again later."""
    broken.refresh_from_db()
    assert broken.failed_at is not None
    assert broken.refresh_due_at is not None
    assert broken.refresh_due_at > timezone.now()


def tagged(of: Segment) -> list[str]:
    assert of.tag is not None
    return sorted(of.tag.contact_tags.values_list("contact__email", flat=True))


def test_a_failing_query_does_not_stop_the_others(audience: Audience) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite counts on beyond its largest integer")
    who = contact(audience)
    bought(who)
    broken = segment(
        audience, {"type": "averageOrder", "currency": "USD", "atLeast": "999999999999"}, "Broken"
    )
    good = segment(audience, BUYERS, "Good")
    ContactSpent.objects.filter(contact=who).update(orders_count=2_000_000)
    StaleContact.objects.create(contact=who, marked_at=timezone.now())
    membership.refresh_contact(who.pk)
    assert members(good) == [who.email]
    _check_failed(broken)


@pytest.mark.django_db(transaction=True)
def test_a_change_during_the_evaluation_of_a_segment_is_not_lost(audience: Audience) -> None:
    """Whole segments and single contacts that several threads evaluate at the same time are correct in the end."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one transaction write at a time")
    people = [contact(audience) for _ in range(8)]
    made = segment(audience, {"type": "country", "in": ["FR"]})
    membership.refresh_segment(made.pk)
    stop = threading.Event()

    def look_through() -> None:
        while not stop.is_set():
            membership.refresh_segment(made.pk)
        connection.close()

    def change(mine: list[Contact]) -> None:
        for turn in range(10):
            for who in mine:
                Contact.objects.filter(pk=who.pk).update(country="FR" if turn % 2 == 0 else "DE")
                StaleContact.objects.update_or_create(contact=who, defaults={"marked_at": timezone.now()})
                membership.refresh_contact(who.pk)
        connection.close()

    looking = threading.Thread(target=look_through)
    changing = [threading.Thread(target=change, args=(people[start::2],)) for start in range(2)]
    for thread in (looking, *changing):
        thread.start()
    for thread in changing:
        thread.join(60)
    stop.set()
    looking.join(60)
    assert members(made) == []
