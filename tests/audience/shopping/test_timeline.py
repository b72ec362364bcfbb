"""A contact's timeline: everything that happened, newest first, page by page."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.audience.timeline import Kind, timeline
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import say
from tests.audience.segments.people import add_payment_fact, bought, cart, contact

NOW = timezone.now()


@pytest.fixture
def ada(shop: Installation) -> Contact:
    """Create a contact with every kind of entry."""
    audience = Audience.objects.create(installation=shop, name="Customers", is_default=True)
    someone = contact(audience)
    ago = {name: NOW - timedelta(days=days) for days, name in enumerate(["d0", "d1", "d2", "d3", "d4", "d5"])}
    bought(someone, at=ago["d5"], minor=6000, refunded_minor=500)
    cart(someone, silent_since=ago["d4"], closed_at=ago["d4"])
    cart(someone, silent_since=ago["d3"])
    cart(someone, silent_since=ago["d2"], lines=0)
    add_payment_fact(someone, "declined", at=ago["d2"], code="insufficient_funds")
    dispute = add_payment_fact(someone, "disputed", at=ago["d1"], code="fraudulent")
    dispute.outcome, dispute.outcome_at = "lost", NOW
    dispute.save()
    say(someone, "given", ago["d1"])
    tags.add(tags.get_or_create_tag(audience, "VIP"), [someone])
    segment = Segment.objects.create(audience=audience, name="Buyers", tree={})
    Membership.objects.create(segment=segment, contact=someone, entered_at=NOW)
    someone.former_addresses.create(audience=audience, email="before@shop.example", held_at=ago["d5"])
    other = contact(audience)
    bought(other)
    return someone


def test_the_timeline_has_everything_newest_first(ada: Contact) -> None:
    page = timeline(ada, NOW)
    assert not page.has_more
    assert [entry.at for entry in page.entries] == sorted((entry.at for entry in page.entries), reverse=True)
    entries = {entry.kind: entry for entry in page.entries}
    assert set(entries) == set(Kind)
    assert entries[Kind.ORDER].title.endswith("unfulfilled, paid, 5.00 USD refunded")
    assert str(entries[Kind.ORDER].amount) == "60.00 USD"
    assert entries[Kind.PAYMENT_DECLINED].title == "A payment was declined: insufficient funds"
    assert entries[Kind.DISPUTE_DECIDED].title == "The dispute was lost"
    assert entries[Kind.CONSENT].title == "Agreed to marketing (mail)"
    assert entries[Kind.TAG].title == "Tagged “VIP” by staff"
    assert entries[Kind.CART_ABANDONED].at == NOW - timedelta(days=3) + timedelta(minutes=60)
    assert [entry.kind for entry in page.entries].count(Kind.CART_ABANDONED) == 1
    assert [entry.kind for entry in page.entries].count(Kind.CART_STARTED) == 3
    assert [entry.kind for entry in page.entries].count(Kind.CART_CLOSED) == 1
    assert entries[Kind.ADDRESS_CHANGED].at == NOW - timedelta(days=5)


def test_an_address_of_unknown_time_has_no_entry(ada: Contact) -> None:
    ada.former_addresses.update(held_at=datetime(1970, 1, 1, tzinfo=UTC))
    assert Kind.ADDRESS_CHANGED not in {entry.kind for entry in timeline(ada, NOW).entries}


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pages_have_every_entry_once(ada: Contact, size: int) -> None:
    for number in range(12):  # many with the same time, of two kinds
        segment = Segment.objects.create(audience=ada.audience, name=f"Segment {number}", tree={})
        Membership.objects.create(segment=segment, contact=ada, entered_at=NOW)
        add_payment_fact(ada, "declined", at=NOW, code="expired_card")
    whole = timeline(ada, NOW, 100).entries
    assert len(whole) > 36
    entries, after = [], ""
    for _ in range(len(whole)):
        page = timeline(ada, NOW, size, after)
        entries += page.entries
        if not page.has_more:
            break
        after = page.entries[-1].cursor
    assert entries == whole


def test_what_happened_before_1970_has_its_page(ada: Contact) -> None:
    for year in (1969, 1901, 1000):
        bought(ada, at=datetime(year, 7, 20, tzinfo=UTC))
    whole = timeline(ada, NOW, 100).entries
    entries, after, has_more = [], "", True
    while has_more:
        page = timeline(ada, NOW, 1, after)
        entries += page.entries
        after, has_more = page.entries[-1].cursor, page.has_more
    assert entries == whole
    assert [entry.at.year for entry in entries[-3:]] == [1969, 1901, 1000]


NO_CURSORS = ["nonsense", "é", "\ud800", *(
    base64.urlsafe_b64encode(each.encode()).decode()
    for each in (
        "2026-11-23", "2026-11-23T12:00:00 order 1", "0001-01-01T00:00:00+00:00 order 1",
        "2026-11-23T12:00:00+00:00 holiday 1", "2026-11-23T12:00:00+00:00 order -1",
        "2026-11-23T12:00:00+00:00 order 9223372036854775808", "2026-11-23T12:00:00+00:00 order",
    )
)]  # fmt: skip


@pytest.mark.parametrize(("first", "after"), [(0, ""), (101, ""), *((5, each) for each in NO_CURSORS)])
def test_an_invalid_page_is_refused(ada: Contact, first: int, after: str) -> None:
    with pytest.raises(Rejected):
        timeline(ada, NOW, first, after)
