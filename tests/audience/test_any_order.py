"""Events arrive late, twice and in another order; the result is the same."""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import permutations
from random import Random
from typing import Any

from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleor_stripe_audience.audience.consent.ledger import contacts_of_person
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    change_audience,
    create_audience,
    default_audience,
    hold_shop,
)
from saleor_stripe_audience.audience.people.models import ChannelAudience, Contact
from saleor_stripe_audience.audience.shopping.ahead import look_ahead
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, everything, line, member, nobodys, order, out, products
from tests.audience.lives import ADDRESSES as LIVED_AT
from tests.audience.lives import OTHER_CHANNEL, WORDING, lives
from tests.audience.lives import Delivery as Life
from tests.audience.records import record_customer, record_order
from tests.audience.shopping.checkouts import checkout, checkout_id
from tests.examples import play

PEOPLE = st.sampled_from([7, 8, None])
ADDRESSES = st.sampled_from(["a@shop.example", "b@shop.example", "c@shop.example"])
NEW = "ada.new@shop.example"

Delivery = tuple[Callable[[Installation, Mapping[str, Any], datetime], object], dict[str, Any], datetime]

HISTORY: list[Delivery] = [
    (record_order, order("1", charge_status="NONE", charged=0.0), at(1)),
    (record_order, order("1", lines=[line(1), line(2)]), at(2)),
    (record_customer, member(7, firstName="Ada", lastName="Lovelace"), at(3)),
    (record_order, order("1", charged=25.0, refunded=5.0, charge_status="PARTIAL"), at(4)),
    (record_order, order("2", email=NEW, total=900, currency="JPY", lines=[]), at(5)),
    (record_customer, member(7, NEW, firstName="Augusta"), at(6)),
    (record_order, order("3", user=member(7, NEW), email=NEW), at(7)),
    (record_order, order("3", user=member(7, NEW), email=NEW, status="CANCELED"), at(8)),
    (record_order, order("4", email="other@shop.example"), at(9)),
]
# Every order, checkout, address and account that `lives` can have.
LOOKED_FOR = [
    order(str(number), email=address, user=member(person, address)) | {"checkoutId": checkout_id(number)}
    for person, addresses in LIVED_AT.items()
    for address in addresses
    for number in range(13)
]
LOST_NOTHING = {
    NEW: (2, {"USD": (2500, 500), "JPY": (900, 0)}),
    "other@shop.example": (1, {"USD": (3000, 0)}),
}


def with_two_audiences() -> Installation:
    """A shop whose other channel feeds another audience; both have the wording that the storefront shows."""
    shop = install()
    with transaction.atomic():
        change_audience(default_audience(shop), AudienceSettings("Shop", consent_text=WORDING))
    other = create_audience(shop, AudienceSettings("France", consent_text=WORDING))
    ChannelAudience.objects.create(installation=shop, channel=OTHER_CHANNEL, audience=other)
    return shop


def subscribed_against_a_refusal(shop: Installation) -> list[str]:
    """Return subscribers with a withdrawal in some audience that the person never reversed."""
    found = []
    for contact in Contact.objects.filter(audience__installation=shop, status="subscribed"):
        others = contacts_of_person(contact)
        refused = [
            event.at
            for event in Consent.objects.filter(contact__in=others, kind="withdrawn")
            if event.source != "checkout" or event.is_proven
        ]
        proven = [event.at for event in contact.consents.exclude(kind="withdrawn") if event.is_proven]
        if refused and max(refused) >= max(proven, default=at(-1)):
            found.append(str(contact.pk))
    return found


def consents(shop: Installation) -> list[tuple[object, ...]]:
    """Return the contacts that the shop may email, by audience and address."""
    contacts = Contact.objects.filter(audience__installation=shop)
    return sorted(contacts.values_list("audience__name", "email", "consent", "soft_opt_in", "status"))


class AnyOrder(TestCase):
    @play(6)
    @given(deliveries=st.permutations(HISTORY), again=st.lists(st.sampled_from(HISTORY), max_size=4))
    def test_every_order_of_arrival_of_one_history_has_the_same_result(
        self, deliveries: list[Delivery], again: list[Delivery]
    ) -> None:
        in_order, shuffled = install(), install()
        for record, payload, issued_at in HISTORY:
            record(in_order, payload, issued_at)
        for record, payload, issued_at in [*deliveries, *again]:
            record(shuffled, payload, issued_at)

        seen = {one["email"]: (one["orders_count"], one["spent"]) for one in everything(in_order)}
        assert seen == LOST_NOTHING
        assert everything(shuffled) == everything(in_order)
        assert not Contact.objects.exclude(status="nonsubscribed").exists()

    @play(8)
    @given(
        history=st.lists(st.tuples(PEOPLE, ADDRESSES, st.integers(0, 5)), max_size=14), moments=st.randoms()
    )
    def test_no_purchase_is_lost_when_addresses_change(
        self, history: list[tuple[int | None, str, int]], moments: Random
    ) -> None:
        """Two accounts and guests use, drop and exchange three addresses, with the events in any order."""
        shop = install()
        steps = moments.sample(range(100), len(history))
        orders = set()
        for (person, email, number), step in zip(history, steps, strict=True):
            user = member(person, email) if person else None
            if user and number == 0:
                record_customer(shop, user, at(step))
            else:
                record_order(shop, order(str(number), email=email, user=user), at(step))
                orders.add(order(str(number))["id"])

        held = everything(shop)
        kept = sorted(purchase[0] for one in held for purchase in one["purchases"])
        assert kept == sorted(orders)
        assert sum(one["orders_count"] for one in held) == len(orders)
        assert sum(one["spent"].get("USD", (0, 0))[0] for one in held) == 3000 * len(orders)
        assert {one["status"] for one in held} <= {"nonsubscribed"}

    @play(8)
    @given(events=lives, arrival=st.randoms(use_true_random=False))
    def test_every_order_of_arrival_of_any_life_has_the_same_result(
        self, events: list[Life], arrival: Random
    ) -> None:
        """Orders, refunds, edits, consents, changes of address and erasures: duplicate and in any order."""
        in_order, shuffled = install(), install()
        for shop in (in_order, shuffled):
            with transaction.atomic():
                change_audience(default_audience(shop), AudienceSettings("Shop", consent_text=WORDING))
        for deliver in events:
            deliver(in_order)
        deliveries = events + arrival.choices(events, k=len(events) // 3) if events else []
        arrival.shuffle(deliveries)
        for deliver in deliveries:
            deliver(shuffled)
        assert everything(shuffled) == everything(in_order)
        assert nobodys(shuffled) == nobodys(in_order)
        assert products(shuffled) == products(in_order)
        assert out(shuffled) == out(in_order)
        assert not subscribed_against_a_refusal(shuffled)

    @play(8)
    @given(events=lives, arrival=st.randoms(use_true_random=False))
    def test_events_handled_together_have_the_same_result(self, events: list[Life], arrival: Random) -> None:
        """Several in one transaction, which first looked up everything that they might look up."""
        one_by_one, together = with_two_audiences(), with_two_audiences()
        arrival.shuffle(events)
        for deliver in events:
            deliver(one_by_one)
        while events:
            some, events = events[:4], events[4:]
            with hold_shop(together) as locked:
                look_ahead(locked, LOOKED_FOR, [checkout(each) for each in range(13)])
                for deliver in some:
                    deliver(together)
        assert everything(together) == everything(one_by_one)
        assert nobodys(together) == nobodys(one_by_one)
        assert products(together) == products(one_by_one)
        assert out(together) == out(one_by_one)
        assert consents(together) == consents(one_by_one)

    def test_a_guest_with_the_address_of_an_account_is_the_same_person_in_another_audience(self) -> None:
        bought = order("1", email="old@shop.example") | {
            "channel": {"slug": OTHER_CHANNEL, "currencyCode": "USD"}
        }
        events: list[Life] = [
            lambda shop: record_customer(shop, member(7, "old@shop.example"), at(1)),
            lambda shop: record_order(shop, bought, at(2)),
            lambda shop: record_customer(shop, member(7, "new@shop.example"), at(3)),
        ]
        for arrival in permutations(events):
            shop = with_two_audiences()
            for deliver in arrival:
                deliver(shop)
            contacts = Contact.objects.filter(audience__installation=shop)
            assert set(contacts.values_list("audience__name", "email", "saleor_user_id")) == {
                (name, "new@shop.example", member(7)["id"]) for name in ("Shop", "France")
            }

    @play(4)
    @given(events=lives, arrival=st.randoms(use_true_random=False))
    def test_every_order_of_arrival_of_any_life_has_the_same_consent_in_two_audiences(
        self, events: list[Life], arrival: Random
    ) -> None:
        in_order, shuffled = with_two_audiences(), with_two_audiences()
        for deliver in events:
            deliver(in_order)
        deliveries = events + arrival.choices(events, k=len(events) // 3) if events else []
        arrival.shuffle(deliveries)
        for deliver in deliveries:
            deliver(shuffled)
        assert consents(shuffled) == consents(in_order)
        assert not subscribed_against_a_refusal(shuffled)
