"""The list of contacts, a contact, and what staff can do with it."""

import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_contact
from tests.dashboard.test_payments import an_order, neighbor

Json = dict[str, Any]


def ask(client: Client, shop: Shop, path: str = "contacts", **query: str) -> str:
    answer = client.get(f"/dashboard/{path}", query or None, headers=shop.headers())
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, shop: Shop, path: str, **fields: str) -> tuple[int, str]:
    answer = client.post(f"/dashboard/{path}", fields, headers=shop.headers())
    return answer.status_code, answer.content.decode()


def found(text: str) -> list[str]:
    """Return the listed addresses."""
    return re.findall(r'id="contact-[^>]+>([^<]+)</button>', text)


# ---- the list ----


def test_a_contact_is_found_by_address_and_name(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    ada.former_addresses.create(audience=ada.audience, email="old@example.com", held_at=NOON)
    Contact.objects.create(
        audience=ada.audience, email="eve@example.com", first_name="Eve", last_name="de Vries"
    )
    for text in (
        "ada@example.com",
        " ADA@example.com",
        "old@example.com",
        "ada",
        "Buyer",
        "Ada buyer",
        "buyer ADA",
        "ad",
        "ADA@",
        "Ada bu",
        "buyer a",
    ):
        assert found(ask(client, shop, q=text)) == ["ada@example.com"], text
    assert found(ask(client, shop, q="de Vries")) == ["eve@example.com"]
    for text in ("da", "%", "old@", "Ad Buyer", "Ada Vries", "x" * 400):
        assert found(ask(client, shop, q=text)) == [], text
        assert "No contacts found" in ask(client, shop, q=text)
    assert len(found(ask(client, shop, q="\x00"))) == 2


def test_contacts_are_filtered(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    ada.country = "FR"
    ada.lifecycle = "archived"
    ada.save()
    Contact.objects.create(audience=ada.audience, email="eve@example.com")
    tag = tags.get_or_create_tag(ada.audience, "VIP")
    tags.add(tag, [ada])
    segment = Segment.objects.create(
        audience=ada.audience, name="Good", tree={"version": 1, "root": {"type": "cart"}}
    )
    Membership.objects.create(segment=segment, contact=ada, entered_at=NOON)
    for name, value in (
        ("status", "archived"),
        ("tag", str(tag.pk)),
        ("segment", str(segment.pk)),
        ("country", "fr"),
    ):
        text = ask(client, shop, **{name: value})
        assert found(text) == ["ada@example.com"], name
        assert f'value="{value}"' in text
    for name in ("status", "tag", "segment", "country", "audience"):
        for value in ("x", str(uuid.uuid4())):
            assert found(ask(client, shop, **{name: value})) == [], (name, value)


def test_pages_lead_both_ways(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    for number in range(24):
        Contact.objects.create(
            audience=audience,
            email=f"{number:02}@example.com",
            created_at=NOON + timedelta(seconds=number // 2),
        )
    first = ask(client, shop)
    second = ask(client, shop, neighbor(first, "next"))
    assert (len(found(first)), len(found(second))) == (20, 5)
    assert len({*found(first), *found(second)}) == 25
    assert found(ask(client, shop, neighbor(second, "previous"))) == found(first)


def test_each_audience_has_its_own_list(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    other = Audience.objects.create(installation=shop.installation, name="Wholesale")
    Contact.objects.create(audience=other, email="eve@example.com")
    assert found(ask(client, shop)) == ["ada@example.com"]
    text = ask(client, shop, audience=str(other.pk))
    assert found(text) == ["eve@example.com"]
    assert f'<option value="{other.pk}" selected>Wholesale' in text


def test_a_shop_without_contacts_says_where_they_come_from(shop: Shop, client: Client) -> None:
    assert "Customers appear here when they order or register." in ask(client, shop)


# ---- one contact ----


def test_one_contact_with_its_consent_and_why(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    assert "The person never agreed to marketing" in ask(client, shop, f"contacts/{ada.pk}")
    Audience.objects.update(consent_text="Send me news <b>weekly</b>.")
    ada = Contact.objects.select_related("audience").get(pk=ada.pk)
    given = ConsentEvent(
        Consent.Kind.GIVEN,
        NOON,
        Consent.Source.CHECKOUT,
        wording="Send me news <b>weekly</b>.",
        is_proven=True,
    )
    ledger.record(ada, given)
    an_order(shop, ada, "1042")
    tags.add(tags.get_or_create_tag(ada.audience, "VIP"), [ada])
    text = ask(client, shop, f"contacts/{ada.pk}")
    for expected in (
        *("Subscribed", "The person agreed to marketing.", "“Send me news &lt;b&gt;weekly&lt;/b&gt;.”"),
        *(
            "at the checkout",
            "Marketing emails: yes",
            "#1042",
            'data-route="/orders/order-1042"',
            "VIP",
            "42.00 USD",
        ),
    ):
        assert expected in text, expected
    french = client.get(
        f"/dashboard/contacts/{ada.pk}", headers=shop.headers() | {"Accept-Language": "fr"}
    ).content.decode()
    for expected in ("Abonné", "E-mails marketing\N{NO-BREAK SPACE}: oui", "A commandé"):
        assert expected in french, expected


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"consent": "withdrawn"}, "The person unsubscribed."),
        ({"deliverability": "complained"}, "The person reported an email as spam."),
        ({"deliverability": "bounced"}, "Emails to this address bounce."),
        ({"consent": "pending"}, "has not confirmed it"),
        ({"lifecycle": "archived", "consent": "confirmed"}, "Staff archived this contact."),
    ],
)
def test_the_status_is_explained(shop: Shop, client: Client, changed: Json, reason: str) -> None:
    ada = a_contact(shop.installation)
    Contact.objects.filter(pk=ada.pk).update(**changed)
    text = ask(client, shop, f"contacts/{ada.pk}")
    assert reason in text
    assert "Marketing emails: no" in text


def test_a_contacts_carts_say_what_is_in_them_and_what_became_of_them(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    assert "No carts yet." in ask(client, shop, f"contacts/{ada.pk}")
    an_order(shop, ada, "1042", "checkout-1")
    later = timezone.now()
    for number, (closed, order) in enumerate((("", ""), ("yes", "order-1042"), ("yes", "order-gone"))):
        cart = a_cart(ada, number, later, lines=7 if number == 0 else 1)
        if closed:
            Cart.objects.filter(pk=cart.pk).update(closed_at=later, saleor_order_id=order)
    a_cart(ada, 8, later - timedelta(hours=2), lines=1)
    a_cart(ada, 9, later - timedelta(hours=3), lines=0)
    a_cart(ada, 10, NOON - timedelta(days=1), lines=1)
    [table] = re.findall(
        r'<section class="card" id="carts">(.*?)</section>',
        ask(client, shop, f"contacts/{ada.pk}"),
        re.DOTALL,
    )
    states = re.findall(r'<span class="badge \w+">([^<]+)</span>', table)
    assert states == [
        "Order placed",
        "Order placed",
        "In progress",
        "Abandoned",
        "Empty",
        "Ordered through another checkout",
    ]
    for expected in (
        "2 × Lantern &lt;1&gt; (Blue)<br>",
        "and 2 more lines",
        "14.00 USD",
        'data-route="/orders/order-1042">#1042</a>',
        'data-route="/orders/order-gone">Order</a>',
    ):
        assert expected in table, expected
    french = client.get(
        f"/dashboard/contacts/{ada.pk}", headers=shop.headers() | {"Accept-Language": "fr"}
    ).content.decode()
    for expected in ("Paniers", "Abandonné", "Commandé autrement", "et 2 lignes de plus", "14,00"):
        assert expected in french, expected


@pytest.mark.parametrize(
    ("changed", "badge", "refunded", "counts"),
    [
        ({}, "Paid", "", True),
        ({"refunded_minor": 450}, "Partially refunded", "4.50 USD", True),
        (
            {"refunded_minor": 123_450, "charge_status": "NONE"},
            "Refunded",
            "1,234.50 USD",
            False,
        ),
        ({"status": "CANCELED"}, "Cancelled", "", False),
        ({"charge_status": "NONE", "charged_minor": 0}, "Not paid", "", False),
    ],
)
def test_an_order_says_what_became_of_it(
    shop: Shop, client: Client, changed: Json, badge: str, refunded: str, *, counts: bool
) -> None:
    ada = a_contact(shop.installation)
    order = an_order(shop, ada)
    Purchase.objects.filter(pk=order.pk).update(**changed)
    text = ask(client, shop, f"contacts/{ada.pk}")
    orders, timeline = text.split("<h2>Orders</h2>")[1].split("<h2>Timeline</h2>")
    assert re.findall(r'<span class="badge \w+">([^<]+)</span>', orders.split("<h2>Carts</h2>")[0]) == [badge]
    assert (f'<span class="quiet">{refunded}</span>' in orders) == bool(refunded)
    assert (f"1,234.50 USD ({refunded} refunded)" in timeline) == bool(refunded)
    assert ("number of orders counts paid orders" not in orders) == counts


def a_cart(contact: Contact, number: int, active_at: datetime, lines: int) -> Cart:
    """Create a cart with this many lines of 2.00 USD, each of two lanterns."""
    cart = Cart.objects.create(
        installation=contact.audience.installation,
        contact=contact,
        saleor_checkout_id=f"cart-{number}",
        currency="USD",
        total_minor=200 * lines,
        started_at=active_at,
        last_active_at=active_at,
        issued_at=active_at,
    )
    for line in range(lines):
        cart.lines.create(
            saleor_line_id=str(line),
            product_name=f"Lantern <{line}>",
            variant_name="Blue",
            quantity=2,
            total_minor=200,
        )
    return cart


def test_ads_lists_may_have_buyers_where_the_audience_says_so(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    assert "Ads lists: no" in ask(client, shop, f"contacts/{ada.pk}")
    Audience.objects.update(ads_to_buyers=True)
    text = ask(client, shop, f"contacts/{ada.pk}")
    assert ("Ads lists: yes" in text, "Marketing emails: no" in text) == (True, True)


def test_a_contact_costs_the_same_however_much_it_did(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            ask(client, shop, f"contacts/{ada.pk}")
        return len(queries)

    def add(number: int) -> None:
        an_order(shop, ada, str(number), f"checkout-{number}")
        tags.add(tags.get_or_create_tag(ada.audience, f"Tag {number}"), [ada])
        a_cart(ada, number, NOON, lines=2)

    add(0)
    one = cost()
    for number in range(1, 30):
        add(number)
    assert cost() <= one


def test_the_timeline_names_the_segment(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    segment = Segment.objects.create(audience=ada.audience, name="VIP", tree={})
    Membership.objects.create(segment=segment, contact=ada, entered_at=NOON)
    assert "Entered the segment “VIP”" in ask(client, shop, f"contacts/{ada.pk}")


def test_a_long_timeline_has_pages(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    for number in range(30):
        an_order(shop, ada, str(number), f"checkout-{number}")
    first = ask(client, shop, f"contacts/{ada.pk}")
    older = neighbor(first, "older")
    shown = [text.count("<strong>Ordered</strong>") for text in (first, ask(client, shop, older))]
    assert sum(shown) == 30
    assert "Became a contact" in first + ask(client, shop, older)
    assert ask(client, shop, f"contacts/{ada.pk}", after="cut") == first


# ---- what staff do ----


def test_a_contact_is_archived_and_restored(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    for _ in range(2):
        status, text = post(client, shop, f"contacts/{ada.pk}/change", archived="yes")
        assert (status, "Archived." in text) == (200, True)
    assert Contact.objects.get().status == "archived"
    assert post(client, shop, f"contacts/{ada.pk}/change", archived="no")[0] == 200
    assert Contact.objects.get().status == "nonsubscribed"


def test_a_tag_is_added_and_removed_and_a_bad_one_refused_beside_its_form(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    for _ in range(2):
        assert "Tagged “VIP”." in post(client, shop, f"contacts/{ada.pk}/change", tag=" VIP ")[1]
    [row] = ada.contact_tags.all()
    assert (row.origin, row.actor) == ("staff", "VXNlcjox")
    assert "<strong>Tagged “VIP”</strong>" in ask(client, shop, f"contacts/{ada.pk}")
    status, text = post(client, shop, f"contacts/{ada.pk}/change", tag="x" * 101)
    assert status == 422
    assert 'class="note bad"' in re.findall(r'<form id="tags".*?</form>', text, re.DOTALL)[0]
    for untag in (str(row.tag_id), str(row.tag_id), "no-uuid"):
        assert "The tag was removed." in post(client, shop, f"contacts/{ada.pk}/change", untag=untag)[1]
    assert not ada.contact_tags.exists()


def test_a_person_is_erased_once(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    status, text = post(client, shop, f"contacts/{ada.pk}/erase")
    assert (status, "The person was erased." in text) == (200, True)
    assert 'data-address="/dashboard/contacts"' in text, "nobody returns to an erased contact"
    assert "ada@example.com" not in text
    assert not Contact.objects.exists()
    assert erasure.is_erased(shop.installation, "ada@example.com")
    assert post(client, shop, f"contacts/{ada.pk}/erase")[0] == 404


def test_the_data_of_a_person_is_a_file(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    answer = client.get(f"/dashboard/contacts/{ada.pk}/data", headers=shop.headers())
    assert answer["Content-Disposition"] == 'attachment; filename="contact.json"'
    assert json.loads(answer.content)["contacts"][0]["email"] == "ada@example.com"


def test_a_contact_is_added_and_not_subscribed(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    assert 'id="add-contact"' in ask(client, shop, "contacts/add", audience=str(audience.pk))
    fields = {"audience": str(audience.pk), "email": "Eve@Example.com", "first_name": "Eve", "country": "fr"}
    status, text = post(client, shop, "contacts/add", **fields)
    assert (status, "was added, not subscribed" in text) == (200, True)
    made = Contact.objects.get(first_name="Eve")
    assert (made.status, made.country) == ("nonsubscribed", "FR")
    for broken in ({}, {"email": "no address"}, {"email": "new@example.com", "country": "zz9"}):
        status, text = post(client, shop, "contacts/add", **(fields | broken))
        assert status == 422
        assert 'value="Eve"' in text
        assert "on the order" not in text, "that is for an address that came from Saleor"
    assert Contact.objects.count() == 2
    assert post(client, shop, "contacts/add", **(fields | {"audience": str(uuid.uuid4())}))[0] == 404


SUBSCRIBED = {
    "email": "eve@example.com",
    "marketing": "subscribed",
    "where": "Paper form in Lyon",
    "wording": "Send me <b>news</b>.",
    "given_at": "2026-11-20T10:30",
    "given_at_utc": "2026-11-20T09:30:00.000Z",
}


def test_a_contact_that_agreed_is_added_with_the_proof(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    Audience.objects.update(consent_text="The audience's own words.")
    assert "The audience&#x27;s own words.</textarea>" in ask(client, shop, "contacts/add")
    for expected in (200, 422):  # sent again: the contact already exists
        status, text = post(client, shop, "contacts/add", audience=str(audience.pk), **SUBSCRIBED)
        assert status == expected
        assert ("was added and is subscribed" in text) == (expected == 200)
    made = Contact.objects.get(email="eve@example.com")
    [consent] = made.consents.select_related("wording")
    assert (made.status, consent.source, consent.source_detail) == (
        "subscribed",
        "staff",
        "Paper form in Lyon",
    )
    assert consent.wording is not None
    assert (consent.wording.text, consent.actor) == ("Send me <b>news</b>.", "VXNlcjox")
    assert consent.at.isoformat() == "2026-11-20T09:30:00+00:00"
    page = ask(client, shop, f"contacts/{made.pk}")
    for part in ("“Send me &lt;b&gt;news&lt;/b&gt;.”", "Paper form in Lyon", "Recorded by you"):
        assert part in page
    colleague = client.get(f"/dashboard/contacts/{made.pk}", headers=shop.headers(user_id="VXNlcjoy"))
    assert b'data-route="/staff/VXNlcjox"' in colleague.content


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("where", " ", "how and where the person agreed"),
        ("where", "x" * 129, "how and where the person agreed"),
        ("wording", "", "Enter the wording"),
        ("wording", "x" * 10_001, "is longer than 10000 characters"),
        ("given_at", "", "Enter when the person agreed"),
        ("given_at_utc", "soon", "Enter when the person agreed"),
        ("given_at_utc", "2999-01-01T00:00:00Z", "Enter when the person agreed"),
        ("email", "nobody", "address"),
    ],
)
def test_a_consent_without_proof_adds_nobody_and_loses_nothing(
    shop: Shop, client: Client, field: str, value: str, said: str
) -> None:
    audience = a_contact(shop.installation).audience
    fields = SUBSCRIBED | {"audience": str(audience.pk), field: value}
    status, text = post(client, shop, "contacts/add", **fields)
    assert (status, said in text) == (422, True)
    assert re.search(rf'name="{field.removesuffix("_utc")}"[^>]*aria-invalid="true" data-focus', text)
    assert ('id="subscribed" aria-describedby="proof" checked' in text, Contact.objects.count()) == (True, 1)
    assert Consent.objects.count() == 0


def test_who_unsubscribed_elsewhere_is_not_subscribed_by_staff(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    other = Audience.objects.create(installation=shop.installation, name="Wholesale")
    ledger.record(ada, ConsentEvent(Consent.Kind.WITHDRAWN, NOON, Consent.Source.MAIL))
    fields = SUBSCRIBED | {"audience": str(other.pk), "email": ada.email}
    status, text = post(client, shop, "contacts/add", **fields)
    assert (status, "only the person can subscribe again" in text) == (200, True)
    assert other.contacts.get().status == "unsubscribed"


def test_double_opt_in_waits_for_the_person(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    Audience.objects.update(double_opt_in=True)
    assert "This audience uses double opt-in" in ask(client, shop, "contacts/add")
    fields = SUBSCRIBED | {"audience": str(audience.pk)}
    status, text = post(client, shop, "contacts/add", **fields)
    assert (status, "confirms it by email" in text) == (200, True)
    assert Contact.objects.get(email="eve@example.com").status == "pending"


# ---- permissions ----


def test_another_shops_contact_is_not_found(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    foreign = a_contact(other.installation, "eve@other.example")
    for path in (f"contacts/{foreign.pk}", f"contacts/{foreign.pk}/data"):
        answer = client.get(f"/dashboard/{path}", headers=shop.headers())
        assert (answer.status_code, b"eve@" in answer.content) == (404, False)
    for action in ("change", "erase"):
        assert post(client, shop, f"contacts/{foreign.pk}/{action}", archived="yes", tag="VIP")[0] == 404
    assert (
        post(client, shop, "contacts/add", audience=str(foreign.audience_id), email="x@example.com")[0] == 404
    )
    assert found(ask(client, shop, audience=str(foreign.audience_id))) == []
    foreign.refresh_from_db()
    assert foreign.status == "nonsubscribed"


def test_contacts_need_the_permission_to_manage_users(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    headers = shop.headers(user_permissions=["MANAGE_APPS", "HANDLE_PAYMENTS"])
    for path in ("contacts", "contacts/add", f"contacts/{ada.pk}", f"contacts/{ada.pk}/data"):
        assert client.get(f"/dashboard/{path}", headers=headers).status_code == 403
    for path in ("contacts/add", f"contacts/{ada.pk}/change", f"contacts/{ada.pk}/erase"):
        assert client.post(f"/dashboard/{path}", {"archived": "yes"}, headers=headers).status_code == 403
    assert Contact.objects.get().status == "nonsubscribed"


def test_a_new_shop_can_import_and_segment_at_once(shop: Shop, client: Client) -> None:
    """Nobody has opened Audiences yet, and no order has come."""
    contacts = client.get("/dashboard/contacts", headers=shop.headers()).content.decode()
    assert "/dashboard/contacts/import" in contacts
    Audience.objects.all().delete()
    segments = client.get("/dashboard/segments", headers=shop.headers()).content.decode()
    assert "/dashboard/segments/new" in segments
    assert Audience.objects.get().is_default
