"""An address that somebody gave up and somebody else has now: each of them can read and erase their own data only."""

import json
from datetime import datetime
from typing import Any

import pytest

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.privacy import erasure, stored_events, subject
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, everything, member, order
from tests.audience.records import record_customer

OLD, NEW, NEWER = "old@shop.example", "anna@shop.example", "bert@shop.example"
CHECKOUT = "Q2hlY2tvdXQ6ZTQ1"
ANNA, BERT, CARL = (member(number, firstName=name) for number, name in enumerate(("Anna", "Bert", "Carl"), 1))


def deliver(shop: Installation, kind: str, payload: dict[str, Any], step: int) -> None:
    record("saleor", shop.pk, str(step), kind, payload, at(step))
    dispatch(Event.objects.get(origin=shop.pk, key=str(step)).pk)


def report_bounce(shop: Installation, step: int) -> None:
    """Store an event that mentions nothing but the freed address."""
    Event.objects.create(
        source="mail",
        origin=shop.pk,
        key=str(step),
        kind="soft_bounce",
        payload={"recipient": OLD},
        occurred_at=at(step),
        handled_at=at(step),
    )


def checkout_of(email: str) -> dict[str, Any]:
    money = {"gross": {"amount": 5.0, "currency": "USD"}}
    return {"id": CHECKOUT, "email": email, "user": None, "totalPrice": money, "lines": []}


@pytest.fixture
def two(shop: Installation) -> Installation:
    """Anna had the address until she changed hers; then Bert registered with it."""
    anna, bert = ANNA | {"email": OLD}, BERT | {"email": OLD}
    deliver(shop, "checkout_created", {"checkout": checkout_of(OLD)}, 1)
    deliver(shop, "order_created", {"order": order("1", email=OLD) | {"checkoutId": CHECKOUT}}, 2)
    deliver(shop, "customer_created", {"user": anna}, 3)
    report_bounce(shop, 4)
    deliver(shop, "customer_updated", {"user": anna}, 5)
    deliver(shop, "account_email_changed", {"user": anna | {"email": NEW}}, 6)
    deliver(shop, "customer_created", {"user": bert}, 11)
    report_bounce(shop, 12)
    deliver(shop, "order_created", {"order": order("2", email=OLD, user=bert)}, 13)
    deliver(shop, "order_created", {"order": order("3", email=OLD)}, 14)
    return shop


HIS = [11, 12, 13, 14]
HERS = [1, 2, 3, 4, 5, 6]


def read_by(shop: Installation, email: str) -> list[int]:
    """Return the steps of the events in the person's access file."""
    events = subject.export(shop, email)["events"]
    return sorted((datetime.fromisoformat(each["occurred_at"]) - at(0)).seconds for each in events)


def stored() -> list[int]:
    return [int(event.key) for event in Event.objects.order_by("pk") if event.payload is not None]


def test_everybody_reads_their_own_events_only(two: Installation) -> None:
    assert read_by(two, OLD) == HIS
    assert read_by(two, NEW) == HERS
    assert "Anna" not in json.dumps(subject.export(two, OLD))
    assert "Bert" not in json.dumps(subject.export(two, NEW))


def test_who_has_the_address_now_is_erased_alone(two: Installation) -> None:
    erasure.erase(two, OLD)
    assert stored() == HERS
    assert [one["email"] for one in everything(two)] == [NEW]
    stored_events.clear_later_events()
    assert stored() == HERS
    assert read_by(two, NEW) == HERS


def test_who_gave_the_address_up_is_erased_alone(two: Installation) -> None:
    erasure.erase(two, NEW)
    assert stored() == HIS
    assert [one["email"] for one in everything(two)] == [OLD]
    stored_events.clear_later_events()
    assert stored() == HIS
    assert read_by(two, OLD) == HIS


def test_a_late_event_of_who_gave_it_up_does_not_erase_them(two: Installation) -> None:
    erasure.erase(two, OLD)
    for step in (4, 5):
        record_customer(two, ANNA | {"email": OLD}, at(step))
        assert [one["email"] for one in everything(two)] == [NEW]


def test_who_takes_an_erased_address_again_is_erased_with_it(two: Installation) -> None:
    erasure.erase(two, OLD)
    record_customer(two, ANNA | {"email": OLD}, at(20))
    assert everything(two) == []


@pytest.mark.parametrize("kind", ["customer_deleted", "account_deleted"])
def test_a_deletion_that_arrives_first_does_not_erase_who_gave_the_address_up(
    shop: Installation, kind: str
) -> None:
    for email, step in ((OLD, 1), (NEW, 6)):
        deliver(shop, "customer_updated", {"user": ANNA | {"email": email}}, step)
    deliver(shop, kind, {"user": BERT | {"email": OLD}}, 13)
    deliver(shop, "account_confirmed", {"user": BERT | {"email": OLD}}, 12)
    deliver(shop, "order_created", {"order": order("2", email=OLD, user=BERT | {"email": OLD})}, 11)
    assert [one["email"] for one in everything(shop)] == [NEW]
    assert erasure.is_erased(shop, OLD)
    assert not erasure.is_erased(shop, NEW)


def test_every_later_holder_has_their_own(two: Installation) -> None:
    bert, carl = BERT | {"email": NEWER}, CARL | {"email": OLD}
    deliver(two, "account_email_changed", {"user": bert}, 21)
    deliver(two, "customer_created", {"user": carl}, 22)
    assert read_by(two, OLD) == [22]
    assert {11, 13, 14, 21} <= set(read_by(two, NEWER))
    assert {1, 2, 3, 5, 6} <= set(read_by(two, NEW))
    erasure.erase(two, OLD)
    assert {1, 2, 3, 5, 6, 11, 13, 14, 21} <= set(stored())
    assert 22 not in stored()


def test_an_order_under_a_mistyped_address_is_its_buyers_to_read_and_the_owners_to_erase(
    shop: Installation,
) -> None:
    deliver(shop, "customer_created", {"user": BERT | {"email": OLD}}, 1)
    deliver(shop, "order_created", {"order": order("1", email=OLD)}, 2)
    deliver(shop, "order_updated", {"order": order("1", email=NEW)}, 3)
    assert read_by(shop, OLD) == [1]
    assert read_by(shop, NEW) == [2, 3]
    erasure.erase(shop, OLD)
    assert stored() == [3]


def test_staff_who_buy_do_not_read_the_orders_that_they_worked_on(shop: Installation) -> None:
    staff = BERT | {"email": OLD}
    deliver(shop, "order_created", {"order": order("1", email=OLD, user=staff)}, 1)
    placed = {"events": [{"type": "PLACED", "user": {"id": staff["id"]}}]}
    deliver(shop, "order_created", {"order": order("2", email=NEW) | placed}, 2)
    assert read_by(shop, OLD) == [1]
    assert read_by(shop, NEW) == [2]


def test_who_registered_with_anothers_address_owns_nothing(shop: Installation) -> None:
    deliver(shop, "customer_created", {"user": BERT | {"email": OLD}}, 1)
    deliver(shop, "customer_created", {"user": ANNA | {"email": OLD, "isConfirmed": False}}, 2)
    assert read_by(shop, OLD) == [1, 2]
    erasure.erase(shop, OLD)
    assert stored() == []
    assert not Contact.objects.exists()
