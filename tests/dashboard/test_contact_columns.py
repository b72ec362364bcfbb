"""The columns of the contact list, chosen by each staff member."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactAttribute
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.dashboard.contact_rows import language_name
from saleor_stripe_audience.dashboard.models import ChosenColumns
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_contact
from tests.dashboard.test_contacts import ask, found

USUAL = ["Contact", "Status", "Orders", "Total spent", "Last order"]


def titles(text: str) -> list[str]:
    """Return the headings of the list."""
    return re.findall(r"<th[^>]*>([^<]+)</th>", text)


def ticked(text: str) -> list[str]:
    return re.findall(r'name="column" value="([^"]+)" checked', text)


def choose(client: Client, shop: Shop, *columns: str, query: str = "", user: str = "VXNlcjox") -> str:
    answer = client.post(
        f"/dashboard/contacts/columns{query}", {"column": columns}, headers=shop.headers(user_id=user)
    )
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_usual_columns_are_shown_until_others_are_chosen(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    text = ask(client, shop)
    assert titles(text) == USUAL
    assert ticked(text) == ["status", "orders", "spent", "last_order"]
    for _ in range(2):
        chosen = choose(client, shop, "country", "status", "unknown", "\0")
        assert titles(chosen) == ["Contact", "Status", "Country"]
        assert "page-header" not in chosen  # the list alone: the menu stays open
    text = ask(client, shop)
    assert titles(text) == ["Contact", "Status", "Country"]
    assert ticked(text) == ["status", "country"]
    assert ChosenColumns.objects.count() == 1


def test_no_column_at_all_can_be_chosen(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    choose(client, shop)
    text = ask(client, shop)
    assert (titles(text), ticked(text)) == (["Contact"], [])
    assert found(text) == ["ada@example.com"]


def test_the_usual_columns_come_back(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    choose(client, shop, "city")
    for _ in range(2):
        answer = client.post("/dashboard/contacts/columns", {"reset": "yes"}, headers=shop.headers())
        text = answer.content.decode()
        assert (answer.status_code, titles(text)) == (200, USUAL)
        assert 'popovertarget="columns" data-focus' in text


def test_the_choice_is_one_persons_in_one_shop(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/")
    a_contact(shop.installation)
    a_contact(other.installation)
    choose(client, shop, "city")
    assert titles(ask(client, shop)) == ["Contact", "City"]
    colleague = client.get("/dashboard/contacts", headers=shop.headers(user_id="VXNlcjoy")).content.decode()
    assert titles(colleague) == titles(ask(client, other)) == USUAL
    other.installation.delete()
    assert ChosenColumns.objects.count() == 1
    shop.installation.delete()
    assert not ChosenColumns.objects.exists()


def test_the_columns_of_what_was_searched_for_and_of_the_next_page(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    for number in range(24):
        Contact.objects.create(audience=audience, email=f"{number:02}@example.com", country="FR")
    text = choose(client, shop, "country", query="?country=fr")
    assert len(found(text)) == 20
    assert "ada@example.com" not in text
    [following] = re.findall(r'id="next" hx-get="/dashboard/contacts\?([^"]+)"', text)
    assert "country=fr" in following
    assert "No contacts found" in choose(client, shop, "country", query="?country=be")


def test_each_column_shows_what_the_contact_has(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    Audience.objects.update(attribute_keys=["size", "fan"])
    Contact.objects.update(
        first_order_at=NOON, phone="+33 1", city="<Lyon>", country="FR", language="fr-CA", orders_count=7
    )
    ContactAttribute.objects.create(contact=ada, key="size", value="XL", said_at=NOON)
    for number in range(5):
        tags.add(tags.get_or_create_tag(ada.audience, f"Tag {number}"), [ada])
    for name in ("Good", "Better", "Best", "Last"):
        segment = Segment.objects.create(
            audience=ada.audience, name=name, tree={"version": 1, "root": {"type": "cart"}}
        )
        Membership.objects.create(segment=segment, contact=ada, entered_at=NOON)
    every = re.findall(r'name="column" value="([^"]+)"', ask(client, shop))
    assert every[-2:] == ["attribute:size", "attribute:fan"]
    text = choose(client, shop, *every)
    cells = [
        re.sub(r"<[^>]+>", "|", each).strip("|")
        for each in re.findall(r"<td[^>]*>(.*?)</td>", text, re.DOTALL)
    ]
    shown = dict(zip(titles(text), cells, strict=True))
    for title, expected in {
        "Status": "Not subscribed",
        "Orders": "7",
        "Total spent": "2,500 JPY|42.00 USD",
        "Tags": "Tag 0|Tag 1|Tag 2|and 2 more",
        "Segments": "Best|Better|Good|Last",
        "Phone": "+33 1",
        "City": "&lt;Lyon&gt;",
        "Country": "FR",
        "Language": "French (fr-CA)",
        "size": "XL",
        "fan": "–",
    }.items():
        assert shown[title] == expected, title
    assert shown["First order"].startswith("Nov. 23, 2026")
    french = client.get(
        "/dashboard/contacts", headers=shop.headers() | {"Accept-Language": "fr"}
    ).content.decode()
    for expected in ("Colonnes", "Réinitialiser", "Première commande", "et 2 autres"):
        assert expected in french, expected


def test_columns_of_another_audiences_attributes_stay_chosen(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    Audience.objects.update(attribute_keys=["size"])
    other = Audience.objects.create(installation=shop.installation, name="Wholesale", attribute_keys=["firm"])
    choose(client, shop, "attribute:size", "city")
    choose(client, shop, "attribute:firm", "attribute:size", query=f"?audience={other.pk}")
    assert ticked(ask(client, shop)) == ["attribute:size"]
    assert ticked(ask(client, shop, audience=str(other.pk))) == ["attribute:firm"]


def test_a_list_with_all_columns_costs_the_same_however_long_it_is(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    Audience.objects.update(attribute_keys=["size"])
    segment = Segment.objects.create(
        audience=ada.audience, name="Good", tree={"version": 1, "root": {"type": "cart"}}
    )

    def add(contact: Contact) -> None:
        tags.add(tags.get_or_create_tag(ada.audience, "VIP"), [contact])
        Membership.objects.create(segment=segment, contact=contact, entered_at=NOON)
        ContactAttribute.objects.create(contact=contact, key="size", value="XL", said_at=NOON)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert "XL" in ask(client, shop)
        return len(queries)

    add(ada)
    choose(client, shop, *re.findall(r'name="column" value="([^"]+)"', ask(client, shop)))
    one = cost()
    for number in range(30):
        add(Contact.objects.create(audience=ada.audience, email=f"{number}@example.com"))
    assert cost() == one
    choose(client, shop, "status")
    with CaptureQueriesContext(connection) as queries:
        ask(client, shop)
    assert len(queries) == one - 4  # no query for what no column shows: spent, tags, segments, attributes


@pytest.mark.parametrize("query", ["?audience=x", "?audience=00000000-0000-0000-0000-000000000000"])
def test_columns_of_an_audience_that_is_not_there(shop: Shop, client: Client, query: str) -> None:
    a_contact(shop.installation)
    assert found(choose(client, shop, "city", query=query)) == []


def test_columns_need_the_permission_to_manage_users(shop: Shop, client: Client) -> None:
    answer = client.post(
        "/dashboard/contacts/columns",
        {"column": "city"},
        headers=shop.headers(user_permissions=["MANAGE_APPS"]),
    )
    assert answer.status_code == 403
    assert client.get("/dashboard/contacts/columns", headers=shop.headers()).status_code == 405
    assert not ChosenColumns.objects.exists()


@pytest.mark.parametrize(
    ("tag", "language", "expected"),
    [
        ("fr", "en", "French"),
        ("en-us", "fr", "anglais (en-us)"),
        ("zh-Hans-CN", "en", "Simplified Chinese (zh-Hans-CN)"),
        ("tlh", "en", "tlh"),
        ("", "en", ""),
    ],
)
def test_languages_have_names(tag: str, language: str, expected: str) -> None:
    with override(language):
        assert language_name(tag).lower() == expected.lower()
