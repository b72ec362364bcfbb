"""Tags added by staff, by rules and by imports."""

import pytest

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactTag, Tag
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, member, order
from tests.audience.records import record_customer, record_order


@pytest.fixture
def audience(shop: Installation) -> Audience:
    for number in range(3):
        record_order(shop, order(str(number), email=f"{number}@shop.example"), at(1))
    return Audience.objects.get()


def contact(number: int) -> Contact:
    return Contact.objects.get(email=f"{number}@shop.example")


def tagged(tag: Tag) -> dict[str, str]:
    return dict(tag.contact_tags.values_list("contact__email", "origin"))


@pytest.mark.parametrize("again", ["VIP", "vip", "  Vip ", "v\tip"])
def test_a_name_is_one_tag_however_it_is_written(audience: Audience, again: str) -> None:
    tag = tags.get_or_create_tag(audience, "Vip" if "\t" not in again else "v ip")
    assert tags.get_or_create_tag(audience, again) == tag
    assert Tag.objects.count() == 1


@pytest.mark.parametrize("name", ["", "  ", "n" * 101, "nul\0"])
def test_an_invalid_name_is_refused(audience: Audience, name: str) -> None:
    tag = tags.get_or_create_tag(audience, "Vip")
    with pytest.raises(Rejected):
        tags.get_or_create_tag(audience, name)
    with pytest.raises(Rejected):
        tags.rename(tag, name)
    assert Tag.objects.get().name == "Vip"


def test_tags_are_added_and_removed_once(audience: Audience) -> None:
    tag = tags.get_or_create_tag(audience, "Vip")
    assert tags.add(tag, [contact(0), contact(1)], actor="staff 1") == 2
    assert tags.add(tag, [contact(1)]) == 0
    assert tagged(tag) == {"0@shop.example": "staff", "1@shop.example": "staff"}
    assert tags.remove(tag, Contact.objects.all()) == 2
    assert tags.remove(tag, [contact(0)]) == 0


def test_a_rule_adds_and_removes_only_its_own_tags(audience: Audience) -> None:
    tag = tags.get_or_create_tag(audience, "Buyers")
    tags.add(tag, [contact(0)])
    tags.add(tag, [contact(1)], ContactTag.Origin.IMPORT)
    members = Contact.objects.filter(orders_count=1)
    assert tags.apply_rule(tag, members) == (1, 0)
    assert tags.apply_rule(tag, members) == (0, 0)
    assert tagged(tag)["2@shop.example"] == "rule"
    assert tags.apply_rule(tag, Contact.objects.none()) == (0, 1)
    assert tagged(tag) == {"0@shop.example": "staff", "1@shop.example": "import"}


def test_a_rule_does_not_remove_a_tag_that_staff_confirmed(audience: Audience) -> None:
    tag = tags.get_or_create_tag(audience, "Buyers")
    tags.apply_rule(tag, Contact.objects.all())
    tags.add(tag, [contact(0)])
    assert tags.apply_rule(tag, Contact.objects.none()) == (0, 2)
    assert tagged(tag) == {"0@shop.example": "staff"}


def test_a_merged_contact_has_the_tags_of_both(shop: Installation, audience: Audience) -> None:
    one, both = tags.get_or_create_tag(audience, "One"), tags.get_or_create_tag(audience, "Both")
    tags.add(one, [contact(0)])
    tags.add(both, [contact(0)])
    tags.add(both, [contact(1)], ContactTag.Origin.RULE)
    record_customer(shop, member(7, "1@shop.example"), at(2))
    record_customer(shop, member(7, "0@shop.example"), at(3))
    assert (tagged(one), tagged(both)) == ({"0@shop.example": "staff"}, {"0@shop.example": "staff"})


def test_another_shops_contact_gets_no_tag(audience: Audience) -> None:
    other = install("other.example")
    record_order(other, order("9", email="9@shop.example"), at(1))
    tag = tags.get_or_create_tag(audience, "Vip")
    with pytest.raises(Rejected):
        tags.add(tag, [contact(9)])
    assert tags.apply_rule(tag, Contact.objects.all()) == (3, 0)


def test_a_tag_is_renamed_but_not_to_anothers_name(audience: Audience) -> None:
    tag, _other = tags.get_or_create_tag(audience, "Vip"), tags.get_or_create_tag(audience, "Buyers")
    assert tags.rename(tag, "VIP").name == "VIP"
    with pytest.raises(Rejected, match="Another tag"):
        tags.rename(tag, "buyers")
