"""Several audiences of one shop, each fed by channels."""

from typing import Any

import pytest

from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    audiences_of,
    change_audience,
    create_audience,
    move_channel,
    preview_move,
)
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Channel, Installation
from tests.audience.conftest import install
from tests.audience.histories import at, everything, member, order, say
from tests.audience.records import record_customer, record_order

NEW = "ada.new@shop.example"


@pytest.fixture
def french(shop: Installation) -> Audience:
    """Create an audience fed by the channel `fr`; all others feed the default one."""
    for slug in ("default-channel", "fr"):
        Channel.objects.create(installation=shop, slug=slug, name=slug, currency="EUR")
    audience = create_audience(shop, AudienceSettings("Nouvelles", language="FR"))
    move_channel(shop, preview_move(shop, "fr", audience))
    return audience


def of(channel: str, number: str, **known: Any) -> dict[str, Any]:
    return order(number, **known) | {"channel": {"slug": channel, "currencyCode": "USD"}}


@pytest.mark.parametrize(
    ("shop_name", "domain", "name"),
    [
        ("Tea House", "shop.example", "Tea House"),
        ("", "shop.example", "shop.example"),
        ("", "", "Customers"),
    ],
)
def test_the_default_audience_has_the_shops_name(
    shop: Installation, shop_name: str, domain: str, name: str
) -> None:
    shop.shop_name, shop.domain = shop_name, domain
    shop.save()
    assert audiences_of(shop).get().name == name
    shop.shop_name = "Renamed later"
    shop.save()
    assert audiences_of(shop).get().name == name


def test_each_channel_feeds_its_audience(shop: Installation, french: Audience) -> None:
    record_order(shop, of("fr", "1"), at(1))
    record_order(shop, of("default-channel", "2"), at(2))
    record_order(shop, of("unheard-of", "3", email="other@shop.example"), at(3))
    assert french.contacts.get().orders_count == 1
    assert Audience.objects.get(is_default=True).contacts.count() == 2
    assert french.language == "fr"


def test_consent_is_given_to_one_audience(shop: Installation, french: Audience) -> None:
    record_order(shop, of("fr", "1"), at(1))
    record_order(shop, of("default-channel", "2"), at(2))
    say(french.contacts.get(), "given", at(3))
    assert french.contacts.get().status == "subscribed"
    assert Contact.objects.exclude(audience=french).get().status == "nonsubscribed"


def test_a_move_is_previewed(shop: Installation, french: Audience) -> None:
    record_order(shop, of("default-channel", "1", email="a@shop.example"), at(1))
    record_order(shop, of("default-channel", "2", email="b@shop.example"), at(1))
    record_order(shop, of("default-channel", "3", email="b@shop.example"), at(1))
    record_order(shop, of("fr", "4", email="b@shop.example"), at(1))
    say(Contact.objects.get(email="a@shop.example"), "given", at(2))

    move = preview_move(shop, "default-channel", french)
    assert (move.contacts, move.subscribed, move.already_there) == (2, 1, 1)
    text = " ".join(move.sentences())
    assert "2 contacts" in text
    assert "Nouvelles" in text

    before = everything(shop)
    move_channel(shop, move)
    assert everything(shop) == before
    record_order(shop, of("default-channel", "5", email="a@shop.example"), at(3))
    assert french.contacts.get(email="a@shop.example").status == "nonsubscribed"
    assert Contact.objects.exclude(audience=french).get(email="a@shop.example").status == "subscribed"


def test_an_order_stays_in_its_audience(shop: Installation, french: Audience) -> None:
    record_order(shop, of("default-channel", "1"), at(1))
    move_channel(shop, preview_move(shop, "default-channel", french))
    record_order(shop, of("default-channel", "1", status="CANCELED"), at(2))
    contact = Purchase.objects.select_related("contact").get().contact
    assert contact is not None
    assert contact.audience.is_default
    assert french.contacts.count() == 0


def test_a_move_that_was_overtaken_is_refused(shop: Installation, french: Audience) -> None:
    third = create_audience(shop, AudienceSettings("Third"))
    move, other = (
        preview_move(shop, "fr", third),
        preview_move(shop, "fr", Audience.objects.get(is_default=True)),
    )
    move_channel(shop, move)
    with pytest.raises(Rejected, match="meantime"):
        move_channel(shop, other)


def test_a_change_of_address_is_known_in_every_audience(shop: Installation, french: Audience) -> None:
    record_order(shop, of("fr", "1", user=member(7)), at(1))
    record_order(shop, of("default-channel", "2", user=member(7)), at(2))
    record_customer(shop, member(7, NEW), at(3))
    assert set(Contact.objects.values_list("email", flat=True)) == {NEW}
    assert Contact.objects.count() == 2


def test_who_takes_over_an_accounts_former_address_is_no_contact_where_only_that_account_bought(
    shop: Installation, french: Audience
) -> None:
    one, two = "one@shop.example", "two@shop.example"
    record_order(shop, of("default-channel", "1", user=member(1, one)), at(1))
    record_order(shop, of("fr", "2", user=member(2, two)), at(2))
    record_customer(shop, member(1, "between@shop.example"), at(3))
    record_customer(shop, member(2, one), at(4))
    record_customer(shop, member(1, two), at(5))
    assert [(each.saleor_user_id, each.email) for each in french.contacts.all()] == [
        (member(2)["id"], one),
    ]


def test_an_order_that_arrives_after_a_change_of_address_finds_the_person(
    shop: Installation, french: Audience
) -> None:
    record_customer(shop, member(7), at(1))
    record_customer(shop, member(7, NEW), at(3))
    record_order(shop, of("fr", "1", user=member(7)), at(2))
    record_order(shop, of("fr", "2"), at(4))
    contact = french.contacts.get()
    assert (contact.email, contact.orders_count) == (NEW, 2)


@pytest.mark.parametrize(
    "options",
    [
        AudienceSettings(""),
        AudienceSettings("  "),
        AudienceSettings("n" * 201),
        AudienceSettings("two\nlines"),
        AudienceSettings("Nouvelles"),
        AudienceSettings("x", language="l" * 36),
        AudienceSettings("x", language="Klingon!"),
        AudienceSettings("x", language="zz"),
        AudienceSettings("x", attribute_keys=[""]),
        AudienceSettings("x", attribute_keys=["k" * 129]),
        AudienceSettings("x", attribute_keys=["two\nlines"]),
        AudienceSettings("x", attribute_keys=[str(number) for number in range(51)]),
        AudienceSettings("x", consent_text="t" * 10_001),
        AudienceSettings("x", double_opt_in=True),
    ],
)
def test_invalid_options_are_refused_and_change_nothing(
    shop: Installation, french: Audience, options: AudienceSettings
) -> None:
    with pytest.raises(Rejected):
        create_audience(shop, options)
    with pytest.raises(Rejected):
        change_audience(Audience.objects.get(is_default=True), options)
    assert Audience.objects.count() == 2


def test_an_audience_keeps_its_own_name(french: Audience) -> None:
    assert (
        change_audience(french, AudienceSettings("Nouvelles", consent_text=" Oui. ")).consent_text == "Oui."
    )


def test_another_shops_channels_and_audiences_are_out_of_reach(shop: Installation, french: Audience) -> None:
    other = install("other.example")
    Channel.objects.create(installation=other, slug="theirs", name="Theirs", currency="EUR")
    with pytest.raises(Rejected, match="channel"):
        preview_move(shop, "theirs", french)
    with pytest.raises(Rejected, match="audience"):
        preview_move(other, "theirs", french)
