"""A guest mistypes the address at the checkout, and staff correct it on the order: whose is the consent?"""

import re
from collections.abc import Sequence
from itertools import permutations
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience.audience.consent import choices
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    change_audience,
    default_audience,
)
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.privacy.erasure import erase, readmit
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, member, order
from tests.audience.records import record_order, record_order_consent
from tests.conftest import Work

TEXT = "Send me news by email."
TYPED, CORRECTED = "ada@gmial.example", "ada@gmail.example"
TICKED = {"marketing_consent": "true", "consent_text": TEXT}

Event = tuple[str, int, dict[str, str]]


@pytest.fixture(autouse=True)
def _wording(shop: Installation) -> None:
    change_audience(default_audience(shop), AudienceSettings("News", consent_text=TEXT))


def deliver(shop: Installation, events: Sequence[Event], /, **changed: Any) -> None:
    """Deliver events of one order: its address, when they were sent, its metadata."""
    for email, step, values in events:
        payload = order(email=email) | changed
        payload["metadata"] = [{"key": key, "value": value} for key, value in values.items()]
        record_order(shop, payload, at(step))
        record_order_consent(shop, payload, at(step))


def statuses() -> dict[str, str]:
    return dict(Contact.objects.values_list("email", "status"))


HISTORIES: list[tuple[list[Event], str]] = [
    ([(TYPED, 1, TICKED), (CORRECTED, 2, TICKED)], CORRECTED),
    ([(TYPED, 1, TICKED), (CORRECTED, 2, {})], CORRECTED),
    ([(TYPED, 1, TICKED), (CORRECTED, 2, TICKED), (TYPED, 3, TICKED)], TYPED),
]


@pytest.mark.parametrize(("history", "holder"), HISTORIES)
def test_it_belongs_to_the_address_that_the_order_has_now(
    shop: Installation, history: list[Event], holder: str
) -> None:
    for arrival in permutations([*history, history[0]]):
        Contact.objects.all().delete()
        shop.purchases.all().delete()
        deliver(shop, arrival)
        assert statuses() == {holder: "subscribed"}, arrival
        [consent] = Consent.objects.all()
        assert (consent.contact.email, consent.email, consent.kind) == (holder, holder, "given")
        assert consent.wording is not None
        assert consent.wording.text == TEXT


@pytest.mark.parametrize(
    ("values", "status"),
    [({}, "nonsubscribed"), (TICKED, "subscribed"), ({"marketing_consent": "withdrawn"}, "nonsubscribed")],
)
def test_what_the_owner_of_the_typed_address_chose_stays(
    shop: Installation, values: dict[str, str], status: str
) -> None:
    deliver(shop, [(TYPED, 1, values)], id="T3JkZXI6another")
    deliver(shop, [(TYPED, 2, TICKED), (CORRECTED, 3, TICKED)])
    assert statuses() == {TYPED: status, CORRECTED: "subscribed"}


def test_who_unsubscribed_stays_so(shop: Installation) -> None:
    deliver(shop, [(TYPED, 1, TICKED)])
    deliver(shop, [(CORRECTED, 1, {})], id="T3JkZXI6another")
    for contact in Contact.objects.all():
        choices.withdraw(contact)
    deliver(shop, [(CORRECTED, 3, TICKED)])
    assert statuses() == {TYPED: "unsubscribed", CORRECTED: "unsubscribed"}


def test_a_withdrawal_of_the_guest_follows_too(shop: Installation) -> None:
    deliver(shop, [(TYPED, 1, TICKED), (TYPED, 2, {"marketing_consent": "withdrawn"}), (CORRECTED, 3, {})])
    assert statuses() == {CORRECTED: "nonsubscribed"}
    assert Consent.objects.count() == 2


def test_what_an_account_agreed_to_stays_with_it_in_any_order_of_arrival(shop: Installation) -> None:
    """Its owner was signed in, so the owner of the order's new address must not be taken for who agreed.

    Saleor takes the account off the order, whose metadata stay, and off its history when it is deleted.
    """
    owner = member(email=TYPED)
    placed = {"events": [{"type": "PLACED", "user": owner}]}
    history: list[tuple[Event, dict[str, Any]]] = [
        ((TYPED, 1, TICKED), placed | {"user": owner}),
        ((CORRECTED, 2, TICKED), placed),
        ((CORRECTED, 3, TICKED), {"events": [{"type": "PLACED", "user": None}]}),
    ]
    for arrival in permutations([*history, history[0]]):
        Contact.objects.all().delete()
        shop.purchases.all().delete()
        for event, changed in arrival:
            deliver(shop, [event], **changed)
        assert statuses() == {TYPED: "subscribed", CORRECTED: "nonsubscribed"}, arrival
        assert Consent.objects.get().is_proven


@pytest.mark.parametrize("corrected_first", [False, True])
def test_what_an_erased_account_agreed_to_subscribes_nobody(
    shop: Installation, *, corrected_first: bool
) -> None:
    owner = member(email=TYPED)
    placed = [{"type": "PLACED", "user": owner}]
    deliver(shop, [(TYPED, 1, TICKED)], user=owner, events=placed)
    if corrected_first:
        deliver(shop, [(CORRECTED, 2, TICKED)], events=placed)
    erase(shop, TYPED)
    deliver(shop, [(CORRECTED, 3, TICKED)], events=placed)
    deliver(shop, [(CORRECTED, 4, TICKED)], events=[{"type": "PLACED", "user": None}])
    assert statuses() == {CORRECTED: "nonsubscribed"}
    assert not Consent.objects.exists()


def test_what_staff_entered_for_a_guest_counts_as_the_guests(shop: Installation) -> None:
    placed = [{"type": "PLACED", "user": {"id": "somebody", "isConfirmed": True, "isStaff": True}}]
    deliver(shop, [(TYPED, 1, TICKED)], user=None, events=placed)
    assert statuses() == {TYPED: "subscribed"}


def test_an_order_that_was_corrected_before_its_first_event_is_still_the_accounts(shop: Installation) -> None:
    """Saleor writes an event when it sends it, which may be late."""
    placed = [{"type": "PLACED", "user": member() | {"isStaff": False}}]
    deliver(shop, [(CORRECTED, 2, TICKED)], user=None, events=placed)
    deliver(shop, [(CORRECTED, 3, TICKED)], user=None, events=[{"type": "PLACED", "user": None}])
    assert statuses() == {CORRECTED: "nonsubscribed"}


def test_an_event_from_before_it_was_anonymized_makes_no_contact(shop: Installation) -> None:
    deliver(shop, [("a...", 2, {})], billingAddress=None)
    deliver(shop, [(TYPED, 1, TICKED)])
    assert statuses() == {}


def link_in(sent: EmailMultiAlternatives) -> str:
    found = re.search(r"http://\S+/audience/confirm/\S+", str(sent.body))
    assert found
    return urlsplit(found[0]).path


@pytest.fixture
def ticked_at(shop: Installation, mail_server: None, run_due_tasks: Work) -> str:
    """Return when a guest ticked the box; the typed address has been asked to confirm."""
    settings = AudienceSettings("News", consent_text=TEXT, double_opt_in=True)
    change_audience(default_audience(shop), settings)
    now = timezone.now().isoformat()
    deliver(shop, [(TYPED, 1, TICKED)], created=now)
    run_due_tasks()
    return now


@pytest.mark.django_db(transaction=True)
class TestDoubleOptIn:
    def test_the_corrected_address_is_asked_and_the_first_link_confirms_nothing(
        self,
        shop: Installation,
        ticked_at: str,
        run_due_tasks: Work,
        mailoutbox: list[EmailMultiAlternatives],
        client: Client,
    ) -> None:
        deliver(shop, [(CORRECTED, 2, TICKED), (CORRECTED, 2, TICKED)], created=ticked_at)
        run_due_tasks()
        assert [each.to for each in mailoutbox] == [[TYPED], [CORRECTED]]
        assert statuses() == {CORRECTED: "pending"}
        assert client.post(link_in(mailoutbox[0])).status_code == 404
        assert statuses() == {CORRECTED: "pending"}
        client.post(link_in(mailoutbox[1]))
        assert statuses() == {CORRECTED: "subscribed"}

    def test_who_confirmed_at_the_typed_address_is_its_owner_and_stays(
        self, shop: Installation, ticked_at: str, mailoutbox: list[EmailMultiAlternatives], client: Client
    ) -> None:
        client.post(link_in(mailoutbox[0]))
        deliver(shop, [(CORRECTED, 2, TICKED)], created=ticked_at)
        assert statuses() == {TYPED: "subscribed", CORRECTED: "pending"}

    def test_who_confirmed_stays_when_a_late_event_says_that_an_account_placed_the_order(
        self, shop: Installation, ticked_at: str, mailoutbox: list[EmailMultiAlternatives], client: Client
    ) -> None:
        client.post(link_in(mailoutbox[0]))
        owner = member(email=CORRECTED)
        placed = [{"type": "PLACED", "user": owner}]
        deliver(shop, [(CORRECTED, 0, TICKED)], created=ticked_at, user=owner, events=placed)
        assert statuses()[TYPED] == "subscribed"


def test_the_owner_of_the_typed_address_agreed_to_nothing_if_the_corrected_one_is_erased(
    shop: Installation,
) -> None:
    erase(shop, CORRECTED)
    history: list[Event] = [(TYPED, 1, TICKED), (CORRECTED, 2, TICKED)]
    for arrival in permutations([*history, history[0]]):
        shop.purchases.all().delete()
        deliver(shop, arrival)
        assert statuses() == {}, arrival


def test_a_readmitted_address_must_confirm_as_if_it_had_been_typed(shop: Installation) -> None:
    for history in ([(CORRECTED, 2, TICKED)], [(TYPED, 1, TICKED), (CORRECTED, 2, TICKED)]):
        Contact.objects.all().delete()
        shop.purchases.all().delete()
        erase(shop, CORRECTED)
        readmit(shop, CORRECTED)
        deliver(shop, history, created=timezone.now().isoformat())
        assert statuses() == {CORRECTED: "pending"}, history
