"""Identity: unconfirmed accounts, staff, contacts merged by staff, archived, bounced."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from saleor_stripe_audience.audience import staff_actions
from saleor_stripe_audience.audience.consent import choices
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.contacts.identity import merge
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.models import Audience, ChannelAudience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, everything, member, order, say
from tests.audience.records import record_customer, record_order

ADA = "ada@shop.example"
NEW = "ada.new@shop.example"


def unconfirmed(number: int = 9, email: str = ADA, **known: Any) -> dict[str, Any]:
    return member(number, email, isConfirmed=False, **known)


def test_an_unconfirmed_account_takes_over_nothing_and_makes_no_contact(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    say(Contact.objects.get(), "given", at(1))
    before = everything(shop)
    record_customer(shop, unconfirmed(firstName="You won", languageCode="PL"), at(2))
    record_customer(shop, unconfirmed(email="evil@shop.example"), at(3))
    assert everything(shop) == before


def test_an_order_of_an_unconfirmed_account_is_a_guests(shop: Installation) -> None:
    record_order(shop, order("1", user=unconfirmed(email="elsewhere@shop.example")), at(1))
    contact = Contact.objects.get()
    assert (contact.email, contact.saleor_user_id, contact.first_name) == (ADA, None, "Ada")


def test_an_account_is_linked_once_it_is_confirmed(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    record_customer(shop, unconfirmed(), at(2))
    record_customer(shop, unconfirmed() | {"isConfirmed": True}, at(3))
    contact = Contact.objects.get()
    assert (contact.saleor_user_id, contact.orders_count) == (member(9)["id"], 1)


def test_an_unconfirmed_account_takes_no_address_from_its_owner(shop: Installation) -> None:
    record_customer(shop, member(7), at(1))
    record_customer(shop, unconfirmed(9), at(2))
    record_customer(shop, member(7, firstName="Ada"), at(3))
    assert Contact.objects.get().saleor_user_id == member(7)["id"]


# Saleor reports its staff's accounts as customers too


def test_late_events_of_an_account_that_was_created_again_are_the_same_persons(shop: Installation) -> None:
    record_customer(shop, member(7), at(1))
    record_customer(shop, member(7, NEW), at(4))
    say(Contact.objects.get(), "withdrawn", at(5))
    record_customer(shop, member(3, NEW), at(6))
    before = everything(shop)
    record_customer(shop, member(7), at(3))
    record_order(shop, order("1", user=member(7)), at(2))
    [person] = everything(shop)
    assert (person["email"], person["status"], person["orders_count"]) == (NEW, "unsubscribed", 1)
    assert person["former"] == before[0]["former"] == [ADA]
    record_customer(shop, member(8), at(7))
    assert Contact.objects.get(email=ADA).status == "nonsubscribed", "it has the address now"


def test_an_account_that_takes_its_address_again_is_not_who_was_taken_for_it(shop: Installation) -> None:
    record_customer(shop, member(7), at(1))
    record_customer(shop, member(7, NEW), at(2))
    record_customer(shop, member(3, NEW), at(3))
    record_customer(shop, member(7), at(4))
    assert dict(Contact.objects.values_list("email", "saleor_user_id")) == {
        NEW: member(3)["id"],
        ADA: member(7)["id"],
    }


def test_a_staff_account_makes_no_contact(shop: Installation) -> None:
    record_customer(shop, member(9, isStaff=True, metadata=[{"key": "onboarding", "value": "{}"}]), at(1))
    assert not Contact.objects.exists()


def test_staff_who_bought_are_contacts_like_others(shop: Installation) -> None:
    record_order(shop, order("1", user=member(9)), at(1))
    record_customer(shop, member(9, NEW, isStaff=True, firstName="Augusta"), at(2))
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name, contact.saleor_user_id) == (NEW, "Augusta", member(9)["id"])


def test_a_staff_account_belongs_to_the_contact_that_bought_under_its_address(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    record_customer(shop, member(9, isStaff=True), at(2))
    contact = Contact.objects.get()
    assert (contact.saleor_user_id, contact.orders_count) == (member(9)["id"], 1)


def test_staff_who_bought_stay_in_the_audience_where_they_bought(shop: Installation) -> None:
    news = Audience.objects.create(installation=shop, name="News")
    ChannelAudience.objects.create(installation=shop, channel="default-channel", audience=news)
    record_order(shop, order("1", user=member(9)), at(1))
    record_customer(shop, member(9, isStaff=True, firstName="Augusta"), at(2))
    contact = Contact.objects.get()
    assert (contact.audience, contact.first_name) == (news, "Augusta")


def by_staff(audience: Audience, *addresses: str) -> None:
    for each in addresses:
        actor = staff_actions.Actor(audience.installation, "staff 1")
        if identity.find_by_address(audience, each) is None:
            staff_actions.create_contact(actor, audience.pk, each, staff_actions.Profile())


def by_import(audience: Audience, *addresses: str) -> None:
    text = "\n".join(["email,tags", *(f"{each},VIP" for each in addresses)])
    import_csv(audience, io.BytesIO(text.encode()), ImportOptions())


@pytest.mark.parametrize("add", [by_staff, by_import])
@pytest.mark.parametrize("addresses", [(ADA,), (NEW,), (ADA, NEW), (NEW, ADA)])
@pytest.mark.parametrize("moves_first", [True, False])
def test_who_was_added_to_another_audience_is_the_account_that_the_shop_knows(
    shop: Installation, add: Callable[..., None], addresses: tuple[str, ...], moves_first: bool
) -> None:
    record_customer(shop, member(7, ADA), at(1))
    other = Audience.objects.create(installation=shop, name="News")
    if moves_first:
        record_customer(shop, member(7, NEW), at(2))
        add(other, *addresses)
    else:
        add(other, *addresses)
        record_customer(shop, member(7, NEW), at(2))
    known = [(each.email, each.saleor_user_id) for each in Contact.objects.all()]
    if moves_first or ADA in addresses:
        assert known == [(NEW, member(7)["id"])] * 2
    erasure.erase_deleted_account(shop, member(7, NEW), "account_deleted")
    assert not Contact.objects.exists()


# Merged manually by staff


def test_a_contact_merged_by_staff_has_all_data_of_both(shop: Installation) -> None:
    record_order(shop, order("1", email=NEW), at(1))
    record_order(shop, order("2", user=member(7)), at(2))
    guest, owner = Contact.objects.get(email=NEW), Contact.objects.get(email=ADA)
    say(guest, "given", at(3))
    assert merge(guest, owner) == owner
    record_order(shop, order("3", email=NEW), at(4))
    [one] = everything(shop)
    assert (one["email"], one["orders_count"], one["status"], one["former"]) == (ADA, 3, "subscribed", [NEW])


def test_an_erasure_reaches_other_audiences_through_a_merge_by_staff(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    record_order(shop, order("2", email=NEW), at(1))
    merge(Contact.objects.get(email=ADA), Contact.objects.get(email=NEW))
    by_import(Audience.objects.create(installation=shop, name="News"), NEW)
    erasure.erase(shop, ADA)
    assert not Contact.objects.exists()
    assert (erasure.is_erased(shop, ADA), erasure.is_erased(shop, NEW)) == (True, True)


def test_what_cannot_be_merged_is_refused(shop: Installation) -> None:
    record_customer(shop, member(7), at(1))
    record_customer(shop, member(8, NEW), at(1))
    other = install("other.example")
    record_order(other, order(), at(1))
    ada, new = Contact.objects.get(saleor_user_id=member(7)["id"]), Contact.objects.get(email=NEW)
    theirs = Contact.objects.get(audience__installation=other)
    for kept, absorbed in ((ada, ada), (ada, theirs), (ada, new)):
        with pytest.raises(Rejected):
            merge(kept, absorbed)
    assert Contact.objects.count() == 3


# Archived, bounced, complained


@pytest.fixture
def ada(shop: Installation) -> Contact:
    record_order(shop, order("1"), at(1))
    say(Contact.objects.get(), "given", at(1))
    return Contact.objects.get()


def test_an_archived_contact_keeps_its_consent(ada: Contact) -> None:
    lifecycle.archive(ada)
    assert (Contact.objects.get().status, Contact.objects.get().consent) == ("archived", "confirmed")
    lifecycle.restore(ada)
    assert Contact.objects.get().status == "subscribed"


@pytest.mark.parametrize("archived", [ADA, NEW])
def test_a_change_of_address_restores_no_archived_contact(shop: Installation, archived: str) -> None:
    record_customer(shop, member(7, ADA), at(1))
    record_order(shop, order("1", email=NEW), at(2))
    for each in Contact.objects.all():
        say(each, "given", at(2))
    lifecycle.archive(Contact.objects.get(email=archived))
    record_customer(shop, member(7, NEW), at(3))
    assert [(each.email, each.status) for each in Contact.objects.all()] == [(NEW, "archived")]


def test_staff_merge_an_archived_contact_into_an_active_one(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    record_order(shop, order("2", email=NEW), at(1))
    lifecycle.archive(Contact.objects.get(email=NEW))
    merge(Contact.objects.get(email=ADA), Contact.objects.get(email=NEW))
    assert [(each.email, each.status) for each in Contact.objects.all()] == [(ADA, "nonsubscribed")]


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        ([("bounced", 2)], "cleaned"),
        ([("complained", 2)], "unsubscribed"),
        ([("bounced", 2), ("ok", 3)], "subscribed"),
        ([("ok", 3), ("bounced", 2)], "subscribed"),
        ([("bounced", 3), ("complained", 3)], "unsubscribed"),
        ([("complained", 3), ("bounced", 3)], "unsubscribed"),
    ],
)
def test_the_newest_report_of_the_mail_service_counts(
    ada: Contact, reports: list[tuple[str, int]], status: str
) -> None:
    for state, step in reports:
        lifecycle.set_deliverability(ada, state, at(step))
    assert Contact.objects.get().status == status


def test_subscribing_from_the_mailbox_ends_a_bounce(ada: Contact) -> None:
    lifecycle.set_deliverability(ada, "complained", at(2))
    lifecycle.archive(ada)
    choices.subscribe(Contact.objects.get(), "Yes.")
    assert Contact.objects.get().status == "subscribed"


def test_a_bounce_is_the_addresss_a_complaint_the_persons(shop: Installation) -> None:
    for number, state in ((7, "bounced"), (8, "complained")):
        record_customer(shop, member(number, f"{state}@shop.example"), at(1))
        lifecycle.set_deliverability(Contact.objects.get(email=f"{state}@shop.example"), state, at(2))
        record_customer(shop, member(number, f"{state}.new@shop.example"), at(3))
    found = dict(Contact.objects.values_list("email", "deliverability"))
    assert found == {"bounced.new@shop.example": "ok", "complained.new@shop.example": "complained"}


def test_a_complaint_stays_if_the_new_address_has_bounced(shop: Installation) -> None:
    record_customer(shop, member(7, ADA), at(1))
    lifecycle.set_deliverability(Contact.objects.get(), "complained", at(2))
    record_order(shop, order("1", email=NEW), at(3))
    lifecycle.set_deliverability(Contact.objects.get(email=NEW), "bounced", at(4))
    record_customer(shop, member(7, NEW), at(5))
    assert Contact.objects.get().deliverability == "complained"


def test_staff_record_a_choice_made_elsewhere(ada: Contact) -> None:
    event = ConsentEvent(
        Consent.Kind.WITHDRAWN, at(5), Consent.Source.STAFF, actor="staff 1", source_detail="telephone"
    )
    choices.record(ada, event)
    kept = Consent.objects.get(kind="withdrawn")
    assert (kept.actor, kept.source_detail, Contact.objects.get().status) == (
        "staff 1", "telephone", "unsubscribed",
    )  # fmt: skip
