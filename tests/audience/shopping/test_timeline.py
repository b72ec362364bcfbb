"""A contact's timeline: all that happened, newest first, page by page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from saleor_stripe_audience.audience import tags
from saleor_stripe_audience.audience.models import Audience, Contact, Membership, Segment
from saleor_stripe_audience.audience.timeline import Kind, timeline
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.models import Installation
from tests.audience.histories import say
from tests.audience.segments.people import bought, cart, contact, went_wrong

NOW = timezone.now()


@pytest.fixture
def ada(shop: Installation) -> Contact:
    """Somebody with whom everything has happened; `test_…` counts it."""
    audience = Audience.objects.create(installation=shop, name="Customers", is_default=True)
    someone = contact(audience)
    ago = {name: NOW - timedelta(days=days) for days, name in enumerate(["d0", "d1", "d2", "d3", "d4", "d5"])}
    bought(someone, at=ago["d5"], minor=6000, refunded_minor=500)
    cart(someone, silent_since=ago["d4"], closed_at=ago["d4"])
    cart(someone, silent_since=ago["d3"])
    cart(someone, silent_since=ago["d2"], lines=0)
    went_wrong(someone, "declined", at=ago["d2"], code="insufficient_funds")
    dispute = went_wrong(someone, "disputed", at=ago["d1"], code="fraudulent")
    dispute.outcome, dispute.outcome_at = "lost", NOW
    dispute.save()
    say(someone, "given", ago["d1"])
    tags.put_on(tags.tag_named(audience, "VIP"), [someone])
    segment = Segment.objects.create(audience=audience, name="Buyers", tree={})
    Membership.objects.create(segment=segment, contact=someone, entered_at=NOW)
    other = contact(audience)
    bought(other)
    return someone


def test_everything_is_told_newest_first(ada: Contact) -> None:
    page = timeline(ada, NOW)
    assert not page.has_more
    assert [entry.at for entry in page.entries] == sorted((entry.at for entry in page.entries), reverse=True)
    told = {entry.kind: entry for entry in page.entries}
    assert set(told) == set(Kind) - {Kind.ADDRESS_CHANGED}
    assert told[Kind.ORDER].title.endswith("unfulfilled, paid, 5.00 USD given back")
    assert str(told[Kind.ORDER].amount) == "60.00 USD"
    assert told[Kind.PAYMENT_DECLINED].title == "A payment was declined: insufficient funds"
    assert told[Kind.DISPUTE_DECIDED].title == "The dispute was lost"
    assert told[Kind.CONSENT].title == "Agreed to marketing (staff)"
    assert told[Kind.TAG].title == "Tagged “VIP” by hand"
    assert told[Kind.CART_ABANDONED].at == NOW - timedelta(days=3) + timedelta(minutes=60)
    assert [entry.kind for entry in page.entries].count(Kind.CART_ABANDONED) == 1
    assert [entry.kind for entry in page.entries].count(Kind.CART_BEGUN) == 3


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pages_leave_nothing_out_and_tell_nothing_twice(ada: Contact, size: int) -> None:
    whole = timeline(ada, NOW, 100).entries
    told, after = [], ""
    for _ in range(len(whole)):
        page = timeline(ada, NOW, size, after)
        told += page.entries
        if not page.has_more:
            break
        after = page.entries[-1].cursor
    assert told == whole


@pytest.mark.parametrize(("first", "after"), [(0, ""), (101, ""), (5, "nonsense"), (5, "MjAyNi0xMS0yMw==")])
def test_what_is_no_page_is_refused(ada: Contact, first: int, after: str) -> None:
    with pytest.raises(Rejected):
        timeline(ada, NOW, first, after)
