"""The segments of an audience: counts, the ready-made ones, and deleting."""

import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments import ready_made
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.dashboard import segments
from saleor_stripe_audience.shops.models import Channel
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_contact
from tests.dashboard.test_contacts import ask, post

CART = {"version": 1, "root": {"type": "cart"}}


def a_segment(audience: Audience, name: str = "Carts") -> Segment:
    return Segment.objects.create(audience=audience, name=name, tree=CART)


def test_segments_are_listed_with_their_members(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    segment = a_segment(ada.audience)
    Membership.objects.create(segment=segment, contact=ada, entered_at=NOON)
    text = ask(client, shop, "segments")
    assert re.search(r"Carts</button></td>\s*<td class=\"number\"><button[^>]*>1</button></td>", text)
    members = re.search(rf'id="members-{segment.pk}" hx-get="/dashboard/([^"]+)"', text)
    assert members is not None
    assert "ada@example.com" in ask(client, shop, members[1].replace("&amp;", "&"))


def test_a_segment_that_could_not_be_evaluated_is_shown(shop: Shop, client: Client) -> None:
    segment = a_segment(a_contact(shop.installation).audience)
    assert "ould not be evaluated" not in ask(client, shop, "segments") + ask(
        client, shop, f"segments/{segment.pk}"
    )
    Segment.objects.update(failed_at=NOON)
    assert "Could not be evaluated" in ask(client, shop, "segments")
    assert "This segment could not be evaluated" in ask(client, shop, f"segments/{segment.pk}")


def test_ready_made_ones_are_added_once(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    fields = {"audience": str(audience.pk), "currency": "USD", "big": "250"}
    for _ in range(2):
        status, text = post(client, shop, "segments/ready-made", **fields)
        assert (status, "Added." in text) == (200, True)
    assert {each.ready_made for each in Segment.objects.all()} == set(ready_made.NAMES)
    assert Segment.objects.get(ready_made="big_spenders").tree["root"]["atLeast"] == "250"
    assert 'name="big"' not in ask(client, shop, "segments")


def test_one_whose_name_is_taken_is_skipped_and_named(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    a_segment(audience, "big Spenders")
    fields = {"audience": str(audience.pk), "currency": "USD", "big": "250"}
    skipped = "Not added, because another segment has this name: Big spenders."
    status, text = post(client, shop, "segments/ready-made", **fields)
    assert (status, "Added." in text, skipped in text) == (200, True, True)
    assert Segment.objects.count() == len(ready_made.NAMES)
    status, text = post(client, shop, "segments/ready-made", **fields)
    assert (status, "Added." in text, skipped in text) == (422, False, True)


def test_a_refused_amount_adds_none(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    for big, currency in (("x", "USD"), ("", "USD"), ("5", "")):
        fields = {"audience": str(audience.pk), "currency": currency, "big": big}
        status, text = post(client, shop, "segments/ready-made", **fields)
        assert status == 422
        assert 'class="note bad"' in re.findall(r'<form id="ready-made".*?</form>', text, re.DOTALL)[0]
    assert not Segment.objects.exists()


def offered_currencies(client: Client, shop: Shop, audience: Audience) -> list[str]:
    """Return the currencies that the form offers; the browser preselects the first one."""
    text = ask(client, shop, "segments", audience=str(audience.pk))
    found = re.findall(r'<select id="currency".*?</select>', text, re.DOTALL)[0]
    assert "selected" not in found
    return re.findall(r"<option>([A-Z]{3})</option>", found)


def an_order(contact: Contact | None, shop: Shop, currency: str, **changed: object) -> Purchase:
    number = str(Purchase.objects.count())
    values = {"status": "UNFULFILLED", "charge_status": "FULL", "placed_at": NOON, "issued_at": NOON}
    values |= {"total_minor": 100, "charged_minor": 100, "refunded_minor": 0, "currency": currency}
    return Purchase.objects.create(
        contact=contact, installation=shop.installation, saleor_order_id=number, **(values | changed)
    )


def test_the_currency_of_most_sales_is_preselected(shop: Shop, client: Client) -> None:
    """500 of another currency may be less than two dollars: every buyer would be a big spender."""
    ada = a_contact(shop.installation)
    Channel.objects.create(installation=shop.installation, slug="hu", name="A", currency="HUF")
    assert offered_currencies(client, shop, ada.audience) == ["USD", "HUF", "PLN"], "of the first channel"
    for _ in range(2):
        an_order(None, shop, "PLN")
    an_order(None, shop, "CHF")  # of no channel
    for _ in range(3):
        an_order(ada, shop, "HUF", charge_status="NONE")
    assert offered_currencies(client, shop, ada.audience) == ["PLN", "HUF", "USD"]
    an_order(ada, shop, "USD")
    assert offered_currencies(client, shop, ada.audience) == ["USD", "HUF", "PLN"], "of this audience"


def test_a_refused_amount_and_its_currency_stay_in_the_form(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    fields = {"audience": str(audience.pk), "currency": "PLN", "big": "2x00"}
    _, text = post(client, shop, "segments/ready-made", **fields)
    assert ("<option selected>PLN</option>" in text, 'name="big" value="2x00"' in text) == (True, True)


def test_a_segment_is_deleted_unless_another_needs_it(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    needed = a_segment(audience)
    other = Segment.objects.create(
        audience=audience,
        name="Same",
        tree={"version": 1, "root": {"type": "inSegment", "segment": str(needed.pk)}},
    )
    status, text = post(client, shop, f"segments/{needed.pk}/delete")
    assert (status, "is part of" in text) == (422, True)
    assert post(client, shop, f"segments/{other.pk}/delete")[0] == 200
    assert "was deleted" in post(client, shop, f"segments/{needed.pk}/delete")[1]
    assert post(client, shop, f"segments/{needed.pk}/delete")[0] == 404
    assert not Segment.objects.exists()


def test_the_list_costs_the_same_however_many_there_are(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            ask(client, shop, "segments")
        return len(queries)

    a_segment(audience)
    one = cost()
    for number in range(20):
        a_segment(audience, f"Segment {number}")
    assert cost() == one


def test_a_million_members_are_not_counted_one_by_one(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = a_contact(shop.installation)
    segment = a_segment(ada.audience)
    monkeypatch.setattr(segments, "MOST_COUNTED", 2)
    for number in range(3):
        contact = Contact.objects.create(audience=ada.audience, email=f"{number}@example.com")
        Membership.objects.create(segment=segment, contact=contact, entered_at=NOON)
    with CaptureQueriesContext(connection) as queries:
        assert "more than 2" in ask(client, shop, "segments")
    assert [each for each in queries if "COUNT(*)" in each["sql"] and "LIMIT 3" in each["sql"]]


def test_more_segments_than_a_page_has_are_on_the_next(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    for number in range(25):
        a_segment(audience, f"Segment {number:02}")
    first = ask(client, shop, "segments")
    assert ("Segment 19" in first, "Segment 20" in first) == (True, False)
    link = re.search(r'id="next" hx-get="/dashboard/([^"]+)"', first)
    assert link is not None
    last = ask(client, shop, link[1].replace("&amp;", "&"))
    assert ("Segment 19" in last, "Segment 24" in last) == (False, True)
    assert "Segment 00" in ask(client, shop, "segments?start=-1")
    assert "Segment 00" in ask(client, shop, "segments?start=%C2%B2")


def test_a_french_amount_makes_big_spenders(shop: Shop, client: Client) -> None:
    audience = a_contact(shop.installation).audience
    fields = {"audience": str(audience.pk), "currency": "USD", "big": "1 250,50"}
    assert post(client, shop, "segments/ready-made", **fields)[0] == 200
    assert Segment.objects.get(ready_made="big_spenders").tree["root"]["atLeast"] == "1250.50"


def test_segments_of_another_shop_and_without_permission_are_refused(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    foreign = a_segment(a_contact(other.installation).audience, "Foreign")
    assert "Foreign" not in ask(client, shop, "segments", audience=str(foreign.audience_id))
    assert post(client, shop, f"segments/{foreign.pk}/delete")[0] == 404
    assert post(client, shop, "segments/ready-made", audience=str(foreign.audience_id))[0] == 404
    assert post(client, shop, "segments/ready-made", audience=str(uuid.uuid4()))[0] == 404
    headers = shop.headers(user_permissions=["HANDLE_PAYMENTS", "MANAGE_APPS"])
    assert client.get("/dashboard/segments", headers=headers).status_code == 403
    for path in (f"segments/{foreign.pk}/delete", "segments/ready-made"):
        assert client.post(f"/dashboard/{path}", headers=headers).status_code == 403
    assert Segment.objects.count() == 1


def test_a_shop_without_an_audience_has_an_empty_page(shop: Shop, client: Client) -> None:
    assert "No segments yet" in ask(client, shop, "segments")
