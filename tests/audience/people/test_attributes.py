"""Contacts store the newest values of the merchant's keys in Saleor's metadata, and nothing else."""

from typing import Any

import pytest

from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.people import attributes
from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    change_audience,
    default_audience,
)
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactAttribute
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import account, at, order
from tests.audience.records import record_customer, record_order


@pytest.fixture
def audience(shop: Installation, db: None) -> Audience:
    made = Audience.objects.create(installation=shop, name="Customers", is_default=True)
    return change_audience(made, AudienceSettings("Customers", attribute_keys=["tier", "points", " tier "]))


def metadata(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def stored(shop: Installation) -> dict[str, str]:
    rows = ContactAttribute.objects.filter(contact__audience__installation=shop).exclude(value="")
    return dict(rows.values_list("key", "value"))


def customer(step: int, **values: Any) -> Any:
    payload = account(7, isConfirmed=True) | {"metadata": metadata(**values)}
    return lambda shop: record_customer(shop, payload, at(step))


def test_only_chosen_keys_are_stored(shop: Installation, audience: Audience) -> None:
    for _ in range(2):
        customer(1, tier="gold", points="12.5", secret="x", allergies="nuts")(shop)
    assert stored(shop) == {"tier": "gold", "points": "12.5"}
    assert ContactAttribute.objects.count() == 2
    assert str(ContactAttribute.objects.get(key="points").number) == "12.500"


def test_without_chosen_keys_nothing_is_stored(shop: Installation) -> None:
    customer(1, tier="gold")(shop)
    assert stored(shop) == {}


@pytest.mark.parametrize("steps", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_the_newest_value_counts_in_any_order(
    shop: Installation, audience: Audience, steps: tuple[int, ...]
) -> None:
    events = {1: customer(1, tier="gold", points="1"), 2: customer(2, tier="silver", points="2"),
                3: customer(3, points="3")}  # fmt: skip
    for step in steps:
        events[step](shop)
    assert stored(shop) == {"points": "3"}  # the tier was removed


def test_an_account_without_metadata_changes_no_attributes(shop: Installation, audience: Audience) -> None:
    customer(1, tier="gold")(shop)
    record_customer(shop, account(7, isConfirmed=True), at(2))
    assert stored(shop) == {"tier": "gold"}


def test_an_unconfirmed_account_writes_nothing(shop: Installation, audience: Audience) -> None:
    record_customer(shop, account(7, isConfirmed=False) | {"metadata": metadata(tier="gold")}, at(1))
    assert stored(shop) == {}


def test_an_order_sets_attributes_of_a_guest_and_of_its_own_account_only(
    shop: Installation, audience: Audience
) -> None:
    record_order(shop, order("1") | {"metadata": metadata(tier="guest")}, at(1))
    assert stored(shop) == {"tier": "guest"}
    own = account(7, isConfirmed=True)
    record_order(shop, order("2", user=own) | {"metadata": metadata(tier="own")}, at(2))
    assert stored(shop) == {"tier": "own"}
    record_order(shop, order("3") | {"metadata": metadata(tier="typed by anybody")}, at(3))
    assert stored(shop) == {"tier": "own"}
    by_address = order("5", user=own, signed_in=False)
    record_order(shop, by_address | {"metadata": metadata(tier="typed by anybody")}, at(4))
    assert stored(shop) == {"tier": "own"}
    record_order(shop, order("4", user=own) | {"metadata": []}, at(5))
    assert stored(shop) == {"tier": "own"}  # an order only sets the keys that it has


@pytest.mark.parametrize("value", ["x" * 501, "zero\0byte"])
def test_invalid_values_are_skipped(shop: Installation, audience: Audience, value: str) -> None:
    customer(1, tier=value, points="1")(shop)
    assert stored(shop) == {"points": "1"}


def test_removing_a_key_deletes_its_values(shop: Installation, audience: Audience) -> None:
    customer(1, tier="gold", points="1")(shop)
    change_audience(audience, AudienceSettings("Customers", attribute_keys=["points"]))
    assert stored(shop) == {"points": "1"}


def test_a_merged_contact_has_the_newest_values_of_both(shop: Installation, audience: Audience) -> None:
    one, two = (
        default_audience(shop).contacts.create(email=f"{name}@shop.example") for name in ("one", "two")
    )
    attributes.store(one, metadata(tier="old", points="1"), at(1), is_whole=False)
    attributes.store(two, metadata(tier="new"), at(2), is_whole=False)
    identity.merge(one, two)
    assert stored(shop) == {"tier": "new", "points": "1"}
    assert Contact.objects.get().attributes.count() == 2


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", "12.000"), ("-0.5", "-0.500"), ("1e3", "1000.000"), ("1e15", None), ("NaN", None), ("Infinity", None),
     ("12 EUR", None), ("", None), ("1e999999", None), ("999999999999.9994", "999999999999.999"),
     ("999999999999.9999", None), ("-999999999999.9999", None)],
)  # fmt: skip
def test_numbers(text: str, number: str | None) -> None:
    found = attributes.parse_number(text)
    assert (None if found is None else str(found)) == number


@pytest.mark.parametrize("value", ["999999999999.999", "999999999999.9999", "999999999999999.9999", "-1e12"])
def test_a_huge_number_can_be_stored_and_read(shop: Installation, audience: Audience, value: str) -> None:
    customer(1, points=value)(shop)
    contact = Contact.objects.get()
    assert [row.value for row in contact.attributes.all()] == [value]
    assert [row.number for row in contact.attributes.all()] == [attributes.parse_number(value)]
