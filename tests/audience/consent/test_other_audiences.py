"""A withdrawal counts in every audience of the shop that contains the person."""

import io
from collections.abc import Callable

import pytest

from saleor_stripe_audience.audience.consent import choices, ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts.identity import merge
from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    change_audience,
    create_audience,
    lock_shop,
)
from saleor_stripe_audience.audience.people.models import Audience, ChannelAudience, Contact
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.shops.models import Channel, Installation
from tests.audience.histories import at, member, order, say
from tests.audience.records import record_account_consent, record_customer, record_order
from tests.plans import explained

ADA, NEW = "ada@shop.example", "ada.new@shop.example"


@pytest.fixture
def other(shop: Installation) -> Audience:
    """A second audience, fed by the French channel."""
    lock_shop(shop)
    change_audience(Audience.objects.get(), AudienceSettings("Shop", consent_text="Yes."))
    made = create_audience(shop, AudienceSettings("France", consent_text="Oui."))
    for slug in ("default-channel", "channel-fr"):
        Channel.objects.create(installation=shop, slug=slug, name=slug, currency="EUR")
    ChannelAudience.objects.create(installation=shop, channel="channel-fr", audience=made)
    return made


def buy(shop: Installation, number: str, step: int, *, email: str = ADA, french: bool = False) -> None:
    payload = order(number, email=email)
    payload["channel"]["slug"] = "channel-fr" if french else "default-channel"
    record_order(shop, payload, at(step))


def statuses() -> list[str]:
    return sorted(Contact.objects.values_list("status", flat=True))


def everywhere(shop: Installation) -> None:
    buy(shop, "1", 1)
    buy(shop, "2", 1, french=True)
    for contact in Contact.objects.all():
        say(contact, "given", at(2))
    assert statuses() == ["subscribed", "subscribed"]


def test_a_link_unsubscribes_from_all(shop: Installation, other: Audience) -> None:
    everywhere(shop)
    choices.withdraw(Contact.objects.get(audience=other))
    choices.withdraw(Contact.objects.exclude(audience=other).get())
    assert statuses() == ["unsubscribed", "unsubscribed"]
    assert Consent.objects.filter(kind="withdrawn").count() == 2  # one row in each ledger


def test_a_page_unsubscribes_from_all_audiences_even_if_its_own_has_no_contact(
    shop: Installation, other: Audience
) -> None:
    buy(shop, "1", 1)
    say(Contact.objects.get(), "given", at(2))
    storefront.unsubscribe(shop, "channel-fr", ADA)
    assert statuses() == ["unsubscribed"]


def test_an_accounts_metadata_unsubscribes_from_all(shop: Installation, other: Audience) -> None:
    everywhere(shop)
    pairs = [
        {"key": "marketing_consent", "value": "withdrawn"},
        {"key": "consent_at", "value": at(3).isoformat()},
    ]
    record_account_consent(shop, member(7, metadata=pairs), at(3))
    assert statuses() == ["unsubscribed", "unsubscribed"]


def test_staff_and_imports_unsubscribe_from_all(shop: Installation, other: Audience) -> None:
    for source in (Consent.Source.STAFF, Consent.Source.IMPORT, Consent.Source.MAILCHIMP):
        Contact.objects.all().delete()
        everywhere(shop)
        say(Contact.objects.get(audience=other), "withdrawn", at(3), source=source, is_proven=False)
        assert statuses() == ["unsubscribed", "unsubscribed"]


def test_an_audience_that_gets_the_person_later_gets_the_withdrawal(
    shop: Installation, other: Audience
) -> None:
    buy(shop, "1", 1)
    say(Contact.objects.get(), "withdrawn", at(2))
    buy(shop, "2", 3, french=True)
    assert statuses() == ["unsubscribed", "unsubscribed"]


def test_a_change_of_address_carries_the_withdrawal(shop: Installation, other: Audience) -> None:
    record_customer(shop, member(7, ADA), at(1))
    say(Contact.objects.get(), "withdrawn", at(2))
    buy(shop, "2", 3, email=NEW, french=True)
    assert statuses() == ["nonsubscribed", "unsubscribed"]
    record_customer(shop, member(7, NEW), at(4))
    assert statuses() == ["unsubscribed", "unsubscribed"]


@pytest.mark.parametrize("who", [NEW, ADA])
def test_who_took_over_a_former_address_is_another_person(
    shop: Installation, other: Audience, who: str
) -> None:
    buy(shop, "1", 1, email="somebody@shop.example", french=True)
    record_customer(shop, member(7, ADA), at(1))
    record_customer(shop, member(7, NEW), at(2))
    record_customer(shop, member(8, ADA), at(3))
    buy(shop, "2", 4, email=ADA, french=True)
    for contact in Contact.objects.filter(email__in=(ADA, NEW)):
        say(contact, "given", at(5))
    choices.withdraw(Contact.objects.filter(email=who).latest("created_at"))
    unsubscribed = Contact.objects.filter(status="unsubscribed")
    assert set(unsubscribed.values_list("email", flat=True)) == {who}
    assert unsubscribed.count() == (1 if who == NEW else 2)


def taken_over(shop: Installation) -> None:
    """Ada's former address belongs to another account, which the French audience does not know."""
    record_customer(shop, member(7, ADA), at(1))
    record_customer(shop, member(7, NEW), at(2))
    record_customer(shop, member(8, ADA), at(3))
    buy(shop, "1", 4, email=NEW, french=True)


def by_page(shop: Installation, _other: Audience) -> None:
    storefront.subscribe(shop, "channel-fr", ADA, "Oui.")


def by_file(_shop: Installation, other: Audience) -> None:
    text = f"email,consent,consent_at\n{ADA},yes,2025-01-01\n"
    import_csv(other, io.BytesIO(text.encode()), ImportOptions())


@pytest.mark.parametrize("subscribe", [by_page, by_file])
def test_an_address_that_was_taken_over_subscribes_its_holder(
    shop: Installation, other: Audience, subscribe: Callable[[Installation, Audience], None]
) -> None:
    taken_over(shop)
    subscribe(shop, other)
    subscribed = Contact.objects.filter(status="subscribed")
    assert [(each.email, each.saleor_user_id) for each in subscribed] == [(ADA, member(8)["id"])]


def test_a_guests_order_belongs_to_who_has_the_address_now(shop: Installation, other: Audience) -> None:
    taken_over(shop)
    buy(shop, "2", 5, email=ADA, french=True)
    assert Contact.objects.get(purchases__number="2").saleor_user_id == member(8)["id"]


def test_a_page_unsubscribes_only_who_has_the_address_now(shop: Installation, other: Audience) -> None:
    taken_over(shop)
    for contact in Contact.objects.all():
        say(contact, "given", at(5))
    storefront.unsubscribe(shop, "channel-fr", ADA)
    unsubscribed = Contact.objects.filter(status="unsubscribed")
    assert [each.email for each in unsubscribed] == [ADA]


def test_merging_contacts_carries_the_withdrawal(shop: Installation, other: Audience) -> None:
    buy(shop, "1", 1)
    buy(shop, "2", 1, email=NEW)
    buy(shop, "3", 1, email=NEW, french=True)
    say(Contact.objects.get(email=ADA), "withdrawn", at(2))
    merge(Contact.objects.get(email=ADA), Contact.objects.get(email=NEW, audience__is_default=True))
    assert statuses() == ["unsubscribed", "unsubscribed"]


def test_a_later_consent_to_one_audience_counts_for_that_audience(
    shop: Installation, other: Audience
) -> None:
    everywhere(shop)
    choices.withdraw(Contact.objects.get(audience=other))
    choices.subscribe(Contact.objects.get(audience=other), "Oui.")
    assert statuses() == ["subscribed", "unsubscribed"]
    choices.withdraw(Contact.objects.exclude(audience=other).get())
    assert statuses() == ["unsubscribed", "unsubscribed"]


def test_another_shops_audience_is_not_affected(shop: Installation, other: Audience) -> None:
    from tests.audience.conftest import install

    elsewhere = install("other.example")
    record_order(elsewhere, order("1"), at(1))
    say(Contact.objects.get(), "given", at(1))
    buy(shop, "1", 1)
    choices.withdraw(Contact.objects.get(audience__installation=shop))
    assert statuses() == ["subscribed", "unsubscribed"]


def test_contacts_elsewhere_are_looked_up_by_their_audiences(shop: Installation, other: Audience) -> None:
    """If they were looked up by shop, all of a million contacts would be read to find none in the other audience."""
    buy(shop, "1", 1)
    audience = Contact.objects.get().audience
    with explained() as plans:
        ledger.carry_withdrawals_of(audience, [ADA])
    [plan] = [each for each in plans if "audience_contact" in each.sql]
    assert "installation_id" not in plan.sql
    assert not plan.scanned(), plan.lines
