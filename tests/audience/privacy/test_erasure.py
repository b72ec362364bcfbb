"""Erasing a person: none of their data remains, they stay out, and a receipt lists what was erased."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django_ox.models import OxTask

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.privacy import erasure, stored_events
from saleor_stripe_audience.audience.privacy.models import Erasure, Tombstone
from saleor_stripe_audience.audience.shopping.models import Purchase, PurchaseLine
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, everything, member, order, say
from tests.audience.records import record_customer, record_order

ADA = "ada@shop.example"
NEW = "ada.new@shop.example"


def deliver(shop: Installation, kind: str, payload: dict[str, Any], step: int) -> Event:
    record("saleor", shop.pk, f"{kind} {step}", kind, {"issuedAt": at(step).isoformat()} | payload, at(step))
    event = Event.objects.get(origin=shop.pk, key=f"{kind} {step}")
    dispatch(event.pk)
    return event


def all_that_is_kept() -> str:
    """Return every value of every row in the database as one text."""
    models = [each for each in apps.get_models() if each.__module__.startswith("saleor_stripe_audience")]
    return json.dumps([list(model.objects.values()) for model in models], default=str).lower()  # type: ignore[attr-defined]  # every model has a manager


def test_nothing_of_the_person_is_left_and_the_receipt_lists_it(shop: Installation) -> None:
    deliver(shop, "order_created", {"order": order("1", user=member(7)) | {"voucherCode": "ADA10"}}, 1)
    deliver(shop, "customer_updated", {"user": member(7, NEW, firstName="Augusta", lastName="King")}, 2)
    deliver(shop, "order_created", {"order": order("2", email="other@shop.example")}, 3)
    say(Contact.objects.get(email=NEW), "given", at(3))
    receipt = erasure.erase(shop, "ADA@Shop.Example", actor="staff 1")

    kept = all_that_is_kept()
    for trace in ("ada@", "ada.new@", "augusta", "lovelace", "king", "ada10", "VXNlcjo3".lower()):
        assert trace not in kept
    assert receipt.erased == {
        "Consent": 1,
        "Contact": 1,
        "ContactSpent": 1,
        "FormerAddress": 1,
        "inbox payloads": 2,
        "purchases made anonymous": 1,
    }
    assert "other@shop.example" in kept
    assert [one["email"] for one in everything(shop)] == ["other@shop.example"]


def test_purchases_stay_without_a_contact(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    erasure.erase(shop, ADA)
    purchase = Purchase.objects.get()
    assert (purchase.contact, purchase.charged_minor, PurchaseLine.objects.count()) == (None, 3000, 1)
    record_order(shop, order("1", charged=25.0, refunded=5.0, charge_status="PARTIAL"), at(2))
    purchase.refresh_from_db()
    assert (purchase.contact, purchase.refunded_minor, Contact.objects.count()) == (None, 500, 0)


@pytest.mark.parametrize("email", [ADA, "ADA@SHOP.example", " ada@shop.example "])
def test_an_erased_address_stays_out(shop: Installation, email: str) -> None:
    erasure.erase(shop, ADA)
    record_order(shop, order("1", email=email), at(1))
    record_customer(shop, member(8, email), at(2))
    assert (Contact.objects.count(), Purchase.objects.get().contact) == (0, None)
    assert erasure.is_erased(shop, ADA)
    assert not erasure.is_erased(shop, "other@shop.example")


def test_an_erased_account_stays_out_under_every_address(shop: Installation) -> None:
    record_customer(shop, member(7), at(1))
    erasure.erase(shop, ADA)
    record_order(shop, order("1", email=NEW), at(2))
    record_customer(shop, member(7, NEW), at(3))
    assert Contact.objects.count() == 0
    assert erasure.is_erased(shop, NEW)


def test_an_address_that_belongs_to_another_account_now_is_not_erased_with_its_former_owner(
    shop: Installation,
) -> None:
    record_customer(shop, member(7, ADA), at(1))
    record_customer(shop, member(7, NEW), at(2))
    record_customer(shop, member(9, ADA), at(3))
    erasure.erase(shop, NEW)
    assert [one["email"] for one in everything(shop)] == [ADA]
    record_customer(shop, member(7, ADA), at(1))
    assert [one["saleor_user_id"] for one in everything(shop)] == [member(9)["id"]]


def test_another_shop_keeps_its_own(shop: Installation) -> None:
    other = install("other.example")
    record_order(shop, order(), at(1))
    deliver(other, "order_created", {"order": order()}, 1)
    erasure.erase(shop, ADA)
    assert Contact.objects.get().audience.installation == other
    assert Event.objects.get().payload is not None
    assert not erasure.is_erased(other, ADA)
    assert erasure.receipts(other, ADA).count() == 0


def test_tombstones_of_two_shops_cannot_be_compared(shop: Installation) -> None:
    erasure.erase(shop, ADA)
    erasure.erase(install("other.example"), ADA)
    digests = set(Tombstone.objects.values_list("digest", flat=True))
    assert len(digests) == 2


def test_a_receipt_is_found_again_by_the_address_and_holds_none(shop: Installation) -> None:
    record_order(shop, order(), at(1))
    receipt = erasure.erase(shop, ADA)
    again = erasure.erase(shop, ADA)
    erasure.erase(shop, "other@shop.example")
    assert list(erasure.receipts(shop, ADA)) == [again, receipt]
    assert again.erased == {}
    assert "@" not in json.dumps([list(Erasure.objects.values())], default=str)


def test_a_readmitted_person_starts_over(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    erasure.erase(shop, ADA)
    assert erasure.readmit(shop, ADA)
    assert not erasure.readmit(shop, ADA)
    record_order(shop, order("2"), at(2))
    assert (Contact.objects.get().orders_count, Contact.objects.get().email) == (1, ADA)


def test_an_invalid_address_erases_nothing(shop: Installation) -> None:
    record_order(shop, order(), at(1))
    for address in ("", "nobody", "a" * 300 + "@shop.example"):
        with pytest.raises(Rejected):
            erasure.erase(shop, address)
    assert (Contact.objects.count(), Erasure.objects.count(), Tombstone.objects.count()) == (1, 0, 0)


# Deletions in Saleor


@pytest.mark.parametrize("kind", ["customer_deleted", "account_deleted"])
def test_a_deletion_in_saleor_is_followed(shop: Installation, kind: str) -> None:
    deliver(shop, "order_created", {"order": order("1", user=member(7))}, 1)
    event = deliver(shop, kind, {"user": member(7) | {"isConfirmed": True}}, 2)
    assert (Contact.objects.count(), Purchase.objects.get().contact) == (0, None)
    assert Erasure.objects.get().reason == kind
    event.refresh_from_db()
    assert event.payload == {"user": {"id": member(7)["id"], "isConfirmed": True}}
    assert event.handled_at is not None
    assert "ada@" not in all_that_is_kept()


def test_a_deletion_that_arrives_first_keeps_the_rest_out(shop: Installation) -> None:
    deliver(shop, "account_deleted", {"user": member(7, NEW)}, 9)
    deliver(shop, "customer_created", {"user": member(7, ADA)}, 1)
    deliver(shop, "order_created", {"order": order("1", email=ADA)}, 2)
    deliver(shop, "customer_updated", {"user": member(7, NEW)}, 3)
    assert Contact.objects.count() == 0


def test_the_deletion_of_an_unconfirmed_account_erases_no_other_person(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    deliver(shop, "customer_created", {"user": member(9) | {"isConfirmed": False}}, 2)
    deliver(shop, "customer_deleted", {"user": member(9) | {"isConfirmed": False}}, 3)
    assert Contact.objects.get().orders_count == 1
    assert not erasure.is_erased(shop, ADA)


def test_a_deletion_without_its_user_erases_nobody(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    event = deliver(shop, "customer_deleted", {"user": None}, 2)
    assert event.handlings.get().done_at is not None
    assert Contact.objects.get().orders_count == 1


# Orders made anonymous in Saleor


def anonymize(payload: dict[str, Any], email: str = "") -> dict[str, Any]:
    return payload | {"userEmail": email, "user": None, "billingAddress": None, "shippingAddress": None}


@pytest.mark.parametrize("email", ["", "a...@shop.example"])
def test_an_anonymized_order_has_no_contact(shop: Installation, email: str) -> None:
    record_order(shop, order("1"), at(1))
    record_order(shop, order("2") | {"voucherCode": "ADA10"}, at(2))
    record_order(shop, anonymize(order("2"), email), at(3))
    [buyer] = everything(shop)
    assert (buyer["orders_count"], buyer["spent"]) == (1, {"USD": (3000, 0)})
    assert Purchase.objects.get(contact=None).voucher_code == ""


@pytest.mark.parametrize("steps", [(1, 3), (3, 1), (3, 1, 3, 1)])
def test_a_contact_with_only_anonymized_orders_is_deleted(shop: Installation, steps: tuple[int, ...]) -> None:
    for step in steps:
        record_order(shop, order("1") if step == 1 else anonymize(order("1")), at(step))
    assert (Contact.objects.count(), Purchase.objects.get().contact) == (0, None)


def test_a_contact_with_consent_is_not_deleted_with_an_order(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    say(Contact.objects.get(), "withdrawn", at(2))
    record_order(shop, anonymize(order("1")), at(3))
    assert (Contact.objects.get().status, Contact.objects.get().orders_count) == ("unsubscribed", 0)


# Stored events


@pytest.mark.parametrize(
    ("address", "written", "found"),
    [
        (ADA, "ADA@shop.example", True),
        (ADA, "Receipt for ada@shop.example.", True),
        (ADA, "xada@shop.example", False),
        (ADA, "ada@shop.example.org", False),
        ("jo@xn--bcher-kva.de", "Jo@Bücher.de", True),
        ("ünï@shop.example", "ÜNÏ@shop.example", True),
        ("ünï@shop.example", "u\u0308ni\u0308@shop.example", True),
        ("v@xn--fa-hia.de", "V@Faß.de", True),
        ("v@faß.de", "v@xn--fa-hia.de", True),
    ],
)
def test_stored_events_are_found_however_the_address_is_written(
    shop: Installation, address: str, written: str, found: bool
) -> None:
    Event.objects.create(
        source="saleor",
        origin=shop.pk,
        key="x",
        kind="x",
        payload={"deep": [{"er": written}]},
        occurred_at=at(1),
        handled_at=at(2),
    )
    erasure.erase(shop, address)
    assert (Event.objects.get().payload is None) is found


def test_events_from_stripe_are_found_too(shop: Installation) -> None:
    stripe = StripeAccount.objects.create(
        installation=shop, name="A", publishable_key="pk", secret_key="sk", stripe_id="acct_1", livemode=False
    )
    payload = {"data": {"object": {"billing_details": {"email": ADA}}}}
    Event.objects.create(
        source="stripe",
        origin=stripe.pk,
        key="evt_1",
        kind="charge.succeeded",
        payload=payload,
        occurred_at=at(1),
        handled_at=at(2),
    )
    receipt = erasure.erase(shop, ADA)
    assert (Event.objects.get().payload, receipt.erased) == (None, {"inbox payloads": 1})


class TestUnhandledEvents:
    """A backlog, or an outage: the person is erased before their events are handled."""

    @pytest.mark.django_db(transaction=True)
    def test_an_order_still_counts_and_is_emptied_then(
        self, shop: Installation, run_all_tasks: Callable[[], int]
    ) -> None:
        record("saleor", shop.pk, "1", "order_created", {"order": order("1", email=ADA)}, at(1))
        erasure.erase(shop, ADA)
        assert Event.objects.get().payload is not None
        run_all_tasks()
        [purchase] = Purchase.objects.all()
        assert (purchase.contact, purchase.charged_minor) == (None, 3000)
        assert Event.objects.get().payload is None
        assert ADA not in all_that_is_kept()

    def test_what_is_never_handled_is_dropped_in_the_end(self, shop: Installation) -> None:
        Event.objects.create(
            source="saleor", origin=shop.pk, key="x", kind="x", payload={"email": ADA}, occurred_at=at(1)
        )
        erasure.erase(shop, ADA)
        [task] = OxTask.objects.all()
        event_ids, attempt = task.args
        assert stored_events.clear_when_handled.call(event_ids, attempt) == 1
        assert Event.objects.get().payload is not None
        assert stored_events.clear_when_handled.call(event_ids, stored_events.LAST_ATTEMPT) == 0
        event = Event.objects.get()
        assert event.payload is None
        assert event.handled_at is not None


# Events that arrive after the erasure


def test_later_events_of_an_erased_person_are_emptied_and_those_of_others_stay(shop: Installation) -> None:
    erasure.erase(shop, ADA)
    deliver(shop, "order_created", {"order": order("1")}, 1)
    deliver(shop, "customer_updated", {"user": member(7, "ADA@shop.example")}, 2)
    deliver(shop, "order_created", {"order": order("2", email="bob@shop.example")}, 3)
    deliver(shop, "order_updated", {"order": order("1") | {"note": "Call ada@shop.example."}}, 4)
    assert ADA in all_that_is_kept()

    assert stored_events.clear_later_events() == 2, "the account's event has found the first one"

    assert ADA not in all_that_is_kept()
    assert [each.key for each in Event.objects.filter(payload__isnull=False)] == ["order_created 3"]
    assert Purchase.objects.count() == 2, "the order still counts"
    assert stored_events.clear_later_events() == 0


def test_later_events_are_found_by_the_account_too(shop: Installation) -> None:
    deliver(shop, "customer_created", {"user": member(7)}, 1)
    erasure.erase(shop, ADA)
    event = deliver(shop, "order_created", {"order": order("1", email="new@shop.example", user=member(7))}, 2)
    other = deliver(
        shop,
        "order_created",
        {"order": order("2", email="x@shop.example", user=member(70, "x@shop.example"))},
        3,
    )
    stored_events.clear_later_events()
    event.refresh_from_db()
    other.refresh_from_db()
    assert event.payload is None
    assert other.payload is not None


def test_a_later_event_that_is_not_handled_yet_is_emptied_afterwards(shop: Installation) -> None:
    erasure.erase(shop, ADA)
    record("saleor", shop.pk, "late", "order_created", {"order": order("1")}, at(1))
    assert stored_events.clear_later_events() == 1
    event = Event.objects.get(key="late")
    assert event.payload is not None, "its purchase is not stored yet"
    dispatch(event.pk)
    assert stored_events.clear_when_handled.call([event.pk], 0) == 0
    event.refresh_from_db()
    assert event.payload is None


def test_nothing_of_a_readmitted_person_is_emptied(shop: Installation) -> None:
    erasure.erase(shop, ADA)
    erasure.readmit(shop, ADA)
    deliver(shop, "order_created", {"order": order("1")}, 1)
    assert stored_events.clear_later_events() == 0


def test_a_later_event_of_stripe_is_emptied(shop: Installation) -> None:
    account = StripeAccount.objects.create(
        installation=shop, publishable_key="pk", secret_key="sk", livemode=False
    )
    erasure.erase(shop, ADA)
    record("stripe", account.pk, "evt_1", "charge.refunded", {"billing_details": {"email": ADA}}, at(1))
    Event.objects.update(handled_at=at(2))
    assert stored_events.clear_later_events() == 1
    assert not Event.objects.filter(payload__isnull=False).exists()


def test_an_event_of_stripe_that_names_only_the_checkout_is_emptied(shop: Installation) -> None:
    account = StripeAccount.objects.create(
        installation=shop, publishable_key="pk", secret_key="sk", livemode=False
    )
    deliver(shop, "order_created", {"order": order("1") | {"checkoutId": "Q2hlY2tvdXQ6MQ=="}}, 1)
    charge = {"description": "For Ada", "metadata": {"saleor_source": "Q2hlY2tvdXQ6MQ=="}}
    record("stripe", account.pk, "evt_1", "charge.updated", {"data": {"object": charge}}, at(1))
    Event.objects.filter(key="evt_1").update(handled_at=at(2))
    erasure.erase(shop, ADA)
    assert Event.objects.get(key="evt_1").payload is None
