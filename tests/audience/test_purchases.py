"""Orders become purchases of contacts."""

import copy
from typing import Any

import pytest

from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.status import ConsentState, Deliverability
from saleor_stripe_audience.audience.shopping.models import Purchase, PurchaseLine
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, everything, line, member, order
from tests.audience.records import record_customer, record_order, record_order_consent


def test_a_paid_order_makes_a_nonsubscribed_contact_with_the_purchase(shop: Installation) -> None:
    record_order(shop, order(lines=[line(1), line(2, quantity=1, unit=19.99)]), at(1))

    contact = Contact.objects.get()
    assert (contact.email, contact.status, contact.orders_count) == ("ada@shop.example", "nonsubscribed", 1)
    assert (contact.first_name, contact.last_name, contact.phone) == ("Ada", "Buyer", "+13155550123")
    assert (contact.country, contact.language, contact.saleor_user_id) == ("US", "en-us", None)
    assert [(row.currency, row.spent_minor) for row in contact.spent.all()] == [("USD", 3000)]
    assert sorted(PurchaseLine.objects.values_list("quantity", "unit_minor", "total_minor")) == [
        (1, 1999, 1999),
        (2, 1500, 3000),
    ]


def test_the_same_delivery_twice_is_once(shop: Installation) -> None:
    payload = order()
    record_order(shop, payload, at(1))
    before = everything(shop)
    record_order(shop, copy.deepcopy(payload), at(1))
    assert everything(shop) == before
    assert (Purchase.objects.count(), PurchaseLine.objects.count(), Audience.objects.count()) == (1, 1, 1)


def test_an_older_delivery_changes_nothing(shop: Installation) -> None:
    record_order(shop, order(status="CANCELED"), at(5))
    before = everything(shop)
    record_order(shop, order(), at(4))
    assert [one["purchases"] for one in everything(shop)] == [one["purchases"] for one in before]
    assert everything(shop)[0]["orders_count"] == 0


def test_a_line_removed_from_an_order_is_removed_from_the_purchase(shop: Installation) -> None:
    record_order(shop, order(lines=[line(1), line(2)]), at(1))
    record_order(shop, order(lines=[line(2)]), at(2))
    assert list(PurchaseLine.objects.values_list("saleor_line_id", flat=True)) == [line(2)["id"]]


@pytest.mark.parametrize(
    ("status", "charge_status", "charged"),
    [
        ("UNFULFILLED", "NONE", 0.0),
        ("UNCONFIRMED", "NONE", 0.0),
        ("CANCELED", "FULL", 30.0),
        ("CANCELED", "NONE", 0.0),
        ("EXPIRED", "NONE", 0.0),
        ("DRAFT", "NONE", 0.0),
    ],
)
def test_unpaid_cancelled_and_expired_orders_are_not_revenue(
    shop: Installation, status: str, charge_status: str, charged: float
) -> None:
    record_order(shop, order(status=status, charge_status=charge_status, charged=charged), at(1))
    contact = Contact.objects.get()
    assert (contact.orders_count, contact.first_order_at, contact.spent.count()) == (0, None, 0)
    assert contact.purchases.count() == 1


def test_an_order_that_is_cancelled_later_no_longer_counts(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    record_order(shop, order("2"), at(2))
    record_order(shop, order("2", status="CANCELED"), at(3))
    contact = Contact.objects.get()
    assert contact.orders_count == 1
    assert [row.spent_minor for row in contact.spent.all()] == [3000]


def test_a_partial_refund_is_subtracted_once(shop: Installation) -> None:
    """Saleor sends 25 charged and 5 refunded for an order of 30: the shopper spent 25."""
    record_order(shop, order(charged=25.0, refunded=5.0, charge_status="PARTIAL"), at(2))
    spent = Contact.objects.get().spent.get()
    assert (spent.spent_minor, spent.refunded_minor) == (2500, 500)
    assert Purchase.objects.get().charged_minor == 3000


def test_a_full_refund_leaves_no_revenue(shop: Installation) -> None:
    record_order(shop, order(), at(1))
    record_order(shop, order(charged=0.0, refunded=30.0, charge_status="NONE"), at(2))
    contact = Contact.objects.get()
    assert (contact.orders_count, contact.spent.count()) == (0, 0)
    assert Purchase.objects.get().refunded_minor == 3000


def test_currencies_are_never_added_together(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    record_order(shop, order("2", total=1200, currency="JPY", lines=[]), at(2))
    record_order(shop, order("3", total=10.5, currency="USD", lines=[]), at(3))
    spent = {row.currency: row.spent_minor for row in Contact.objects.get().spent.all()}
    assert spent == {"USD": 4050, "JPY": 1200}


def test_guest_and_account_with_one_address_are_one_contact(shop: Installation) -> None:
    record_order(shop, order("1", email="ADA@shop.example"), at(1))
    record_order(shop, order("2", user=member(7)), at(2))
    contact = Contact.objects.get()
    assert (contact.orders_count, contact.saleor_user_id) == (2, member(7)["id"])


def test_two_shops_share_nothing(shop: Installation) -> None:
    other = install("other.example")
    record_order(shop, order(), at(1))
    record_order(other, order(total=99.0), at(1))
    assert Contact.objects.count() == Purchase.objects.count() == Audience.objects.count() == 2
    assert everything(other)[0]["spent"] == {"USD": (9900, 0)}


FACTS = [
    {"consent": consent, "deliverability": deliverability, "lifecycle": lifecycle}
    for consent in ConsentState.values
    for deliverability in Deliverability.values
    for lifecycle in ("active", "archived")
]


@pytest.mark.parametrize("facts", FACTS, ids=lambda facts: "-".join(facts.values()))
def test_a_purchase_never_changes_what_a_person_agreed_to(shop: Installation, facts: dict[str, str]) -> None:
    record_order(shop, order("1"), at(1))
    Contact.objects.update(**facts)
    status = Contact.objects.get().status
    record_order(shop, order("2"), at(2))
    record_customer(shop, member(7), at(3))
    contact = Contact.objects.get()
    assert {name: getattr(contact, name) for name in facts} == facts
    assert contact.status == status


def test_many_purchases_make_no_subscriber(shop: Installation) -> None:
    for number in range(120):
        record_order(shop, order(str(number), email=f"buyer-{number % 30}@shop.example"), at(number))
    statuses = Contact.objects.values_list("status", flat=True)
    assert (len(statuses), set(statuses), Purchase.objects.count()) == (30, {"nonsubscribed"}, 120)


@pytest.mark.parametrize(
    "change",
    [
        {"total": {"gross": {"amount": "NaN", "currency": "USD"}}},
        {"total": {"gross": {"amount": 12, "currency": "??"}}},
        {"totalCharged": {"amount": 12, "currency": "EUR"}},
        {"totalRefunded": {"amount": -1, "currency": "USD"}},
        {"total": None},
        {"id": None},
        {"lines": [{"id": "x"}]},
    ],
)
def test_a_bad_order_is_refused_and_leaves_nothing(shop: Installation, change: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as refused:
        record_order(shop, order() | change, at(1))
    assert "ada" not in refused.value.message
    assert (Contact.objects.count(), Purchase.objects.count(), Audience.objects.count()) == (0, 0, 0)


def test_a_refund_and_a_dispute_can_exceed_the_charge(shop: Installation) -> None:
    """Charged 30, 5 refunded, then fully disputed: the shop is 5 in the red."""
    record_order(shop, order(charged=-5.0, refunded=5.0), at(1))
    purchase = Purchase.objects.get()
    assert (purchase.charged_minor, purchase.refunded_minor) == (0, 500)
    assert [row.spent_minor for row in Contact.objects.get().spent.all()] == [-500]


@pytest.mark.parametrize("address", ["", "nobody", "a@", None])
def test_an_order_without_a_valid_address_is_a_purchase_without_a_contact(
    shop: Installation, address: str | None
) -> None:
    for _ in range(2):  # doing it twice has no further effect
        record_order(shop, order(lines=[line(1)]) | {"userEmail": address}, at(1))
    purchase = Purchase.objects.get()
    assert (purchase.contact, purchase.charged_minor, purchase.lines.count()) == (None, 3000, 1)
    assert not Contact.objects.exists()


def test_a_corrected_address_assigns_the_purchase_to_a_contact(shop: Installation) -> None:
    for first, second in ((("nobody", 1), ("ada@shop.example", 2)), (("ada@shop.example", 2), ("nobody", 1))):
        Purchase.objects.all().delete()
        Contact.objects.all().delete()
        for address, step in (first, second):
            record_order(shop, order(email=address), at(step))
        contact = Contact.objects.get()
        assert (contact.email, contact.orders_count, Purchase.objects.get().contact) == (
            "ada@shop.example",
            1,
            contact,
        )


def test_consent_on_an_order_without_a_valid_address_is_dropped(shop: Installation) -> None:
    payload = order(email="nobody") | {"metadata": [{"key": "marketing_consent", "value": "true"}]}
    record_order_consent(shop, payload, at(1))
    assert not Consent.objects.exists()


def test_the_city_of_the_buyer_is_stored(shop: Installation) -> None:
    payload = order()
    payload["billingAddress"]["city"] = "PARIS"
    record_order(shop, payload, at(1))
    assert Contact.objects.get().city == "PARIS"


def test_fields_that_an_older_saleor_does_not_send_stay_empty(shop: Installation) -> None:
    whole = order()
    needed = {name: whole[name] for name in ("id", "status", "userEmail", "total", "isPaid")}
    record_order(shop, needed, at(1))
    purchase = Purchase.objects.get()
    assert (purchase.charge_status, purchase.charged_minor, purchase.placed_at) == ("FULL", 3000, at(1))
    assert purchase.lines.count() == 0


@pytest.mark.parametrize(("place", "name"), [(None, "Will"), ("", "Will"), ("Shop in Oswego", "")])
def test_the_warehouse_of_a_collected_order_is_not_its_buyer(
    shop: Installation, place: str | None, name: str
) -> None:
    payload = order() | {"billingAddress": None, "collectionPointName": place}
    payload["shippingAddress"] = {"firstName": "Will", "lastName": "House", "country": {"code": "US"}}
    record_order(shop, payload, at(1))
    assert Contact.objects.get().first_name == name
