"""Identity: accounts, guests, changes of address."""

import pytest

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from tests.audience.histories import at, everything, member, order, say
from tests.audience.records import record_customer, record_order

NEW = "ada.new@shop.example"


def test_a_new_account_is_a_nonsubscribed_contact(shop: Installation) -> None:
    record_customer(shop, member(7, firstName="Ada", languageCode="PT_BR"), at(1))
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name, contact.language) == ("ada@shop.example", "Ada", "pt-br")
    assert (contact.status, contact.orders_count) == ("nonsubscribed", 0)


def test_the_same_customer_twice_is_once(shop: Installation) -> None:
    record_customer(shop, member(7, firstName="Ada"), at(1))
    before = everything(shop)
    record_customer(shop, member(7, firstName="Ada"), at(1))
    assert everything(shop) == before


def test_an_older_name_does_not_replace_a_newer_one(shop: Installation) -> None:
    record_customer(shop, member(7, firstName="Newer"), at(2))
    record_customer(shop, member(7, firstName="Older", lastName="Name"), at(1))
    contact = Contact.objects.get()
    assert (contact.first_name, contact.last_name) == ("Newer", "Name")


def test_a_change_of_address_keeps_the_person(shop: Installation) -> None:
    record_order(shop, order("1", user=member(7)), at(1))
    say(Contact.objects.get(), "given", at(1))
    record_customer(shop, member(7, NEW), at(2))
    contact = Contact.objects.get()
    assert (contact.email, contact.status, contact.orders_count) == (NEW, "subscribed", 1)


def test_events_under_a_former_address_belong_to_the_same_person(shop: Installation) -> None:
    record_customer(shop, member(7), at(1))
    record_customer(shop, member(7, NEW), at(2))
    record_order(shop, order("1"), at(3))
    assert [(one["email"], one["orders_count"]) for one in everything(shop)] == [(NEW, 1)]


def test_a_guest_with_the_new_address_is_merged_without_losing_purchases(shop: Installation) -> None:
    record_order(shop, order("1", user=member(7)), at(1))
    record_order(shop, order("2", email=NEW), at(2))
    record_customer(shop, member(7, NEW), at(3))
    [person] = everything(shop)
    assert (person["email"], person["orders_count"], person["spent"]) == (NEW, 2, {"USD": (6000, 0)})


SAID = {"subscribed": "given", "unsubscribed": "withdrawn"}


@pytest.mark.parametrize(
    ("of_account", "of_guest", "kept"),
    [
        ("subscribed", "unsubscribed", "unsubscribed"),
        ("unsubscribed", "subscribed", "unsubscribed"),
        ("nonsubscribed", "subscribed", "subscribed"),
        ("subscribed", "nonsubscribed", "subscribed"),
        ("nonsubscribed", "nonsubscribed", "nonsubscribed"),
    ],
)
def test_a_withdrawal_survives_a_merge(shop: Installation, of_account: str, of_guest: str, kept: str) -> None:
    """Both events have the same time, so neither is later."""
    record_customer(shop, member(7), at(1))
    record_order(shop, order("2", email=NEW), at(2))
    for email, status in (("ada@shop.example", of_account), (NEW, of_guest)):
        if status in SAID:
            say(Contact.objects.get(email=email), SAID[status], at(2))
    record_customer(shop, member(7, NEW), at(3))
    assert Contact.objects.get().status == kept


@pytest.mark.parametrize(("first", "last"), [("given", "withdrawn"), ("withdrawn", "given")])
@pytest.mark.parametrize("guest_is_last", [True, False])
def test_when_contacts_merge_the_later_event_counts(
    shop: Installation, first: str, last: str, guest_is_last: bool
) -> None:
    record_customer(shop, member(7), at(1))
    record_order(shop, order("2", email=NEW), at(2))
    said = [first, last] if guest_is_last else [last, first]
    for email, kind in zip(["ada@shop.example", NEW], said, strict=True):
        say(Contact.objects.get(email=email), kind, at(5 if kind == last else 4))
    record_customer(shop, member(7, NEW), at(6))
    assert Contact.objects.get().status == {"given": "subscribed", "withdrawn": "unsubscribed"}[last]


def test_an_account_created_again_under_an_address_is_the_same_contact(shop: Installation) -> None:
    record_order(shop, order("1", user=member(7)), at(1))
    record_customer(shop, member(8), at(2))
    contact = Contact.objects.get()
    assert (contact.saleor_user_id, contact.orders_count) == (member(8)["id"], 1)


def test_two_accounts_exchanging_addresses_lose_no_purchase(shop: Installation) -> None:
    record_order(shop, order("1", user=member(7, "a@shop.example")), at(1))
    record_order(shop, order("2", user=member(8, "b@shop.example")), at(2))
    record_customer(shop, member(7, "c@shop.example"), at(3))
    record_customer(shop, member(8, "a@shop.example"), at(4))
    record_customer(shop, member(7, "b@shop.example"), at(5))
    held = {one["email"]: (one["saleor_user_id"], one["orders_count"]) for one in everything(shop)}
    assert held == {"b@shop.example": (member(7)["id"], 1), "a@shop.example": (member(8)["id"], 1)}


def test_an_account_without_a_valid_address_is_refused(shop: Installation) -> None:
    with pytest.raises(Rejected):
        record_customer(shop, member(7, "nobody"), at(1))
    assert Contact.objects.count() == 0
