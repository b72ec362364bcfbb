"""A segment's members are those who match it, whatever happens to people, and in any order."""

from datetime import timedelta
from random import Random
from typing import Any

from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.audiences import default_audience
from saleor_stripe_audience.audience.people.models import StaleContact
from saleor_stripe_audience.audience.segments import membership, rules, store
from saleor_stripe_audience.audience.segments.compile import Compiler
from saleor_stripe_audience.audience.segments.models import Segment
from tests.audience.conftest import install
from tests.audience.lives import Delivery, lives
from tests.audience.segments.people import product
from tests.examples import play

RULES: list[dict[str, Any]] = [
    {"type": "status", "in": ["subscribed"]},
    {"type": "consent", "in": ["withdrawn", "unknown"]},
    {"type": "country", "in": ["US"]},
    {"type": "ordersCount", "atLeast": 2},
    {"type": "spent", "currency": "USD", "atLeast": "60.00"},
    {"type": "averageOrder", "currency": "USD", "atMost": "29.00"},
    {"type": "purchased", "product": [product(134)]},
    {"type": "refunded"},
    {"type": "paymentDeclined"},
    {"type": "cart"},
    {"type": "not", "of": {"type": "cart"}},
    {"type": "tag", "tag": "Buyer"},
]


class Followed(TestCase):
    @play(6)
    @given(events=lives, arrival=st.randoms(use_true_random=False))
    def test_every_change_is_noticed(self, events: list[Delivery], arrival: Random) -> None:
        shop = install()
        audience = default_audience(shop)
        buyer = tags.get_or_create_tag(audience, "Buyer")
        for number, root in enumerate(RULES):
            tree = {"version": 1, "root": root}
            store.create(audience, store.SegmentValues(f"No {number}", tree, accept_unknown=True))
        giving = {"version": 1, "root": {"type": "ordersCount", "atLeast": 1}}
        store.create(audience, store.SegmentValues("Buyers", giving, tag=buyer))
        membership.refresh_due()

        arrival.shuffle(events)
        for deliver in events:
            deliver(shop)
            if arrival.random() < 0.5:
                self._work()
        self._work()

        later = timezone.now() + timedelta(seconds=1)
        for segment in Segment.objects.filter(audience=audience):
            fitting = Compiler(audience, later).contacts(rules.read(segment.tree).root)
            assert set(membership.members_of(segment)) == set(fitting), segment.tree

    def _work(self) -> None:
        """Handle the changes so far, and the tags that they add, but nothing that only time causes."""
        while stale := list(StaleContact.objects.values_list("contact", flat=True)):
            for contact_id in stale:
                membership.refresh_contact(contact_id)
