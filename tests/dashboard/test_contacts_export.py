"""Search results as a file, and lists for advertisers: not for other shops or staff without the permission."""

import csv
import hashlib
import io
from codecs import BOM_UTF8

from django.test import Client

from saleor_stripe_audience.audience.people.models import Contact
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import a_contact
from tests.dashboard.test_contacts import ask


def download(client: Client, shop: Shop, **query: str) -> str:
    answer = client.get("/dashboard/contacts.csv", query, headers=shop.headers())
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    # Excel needs the byte order mark; the networks might take it for a part of the column's name.
    assert content.startswith(BOM_UTF8) is ("ads" not in query)
    return content.decode("utf-8-sig")


def test_what_was_searched_for_is_exported_and_executes_nothing(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    Contact.objects.create(audience=ada.audience, email="eve@example.com", first_name='=HYPERLINK("x")')
    page = ask(client, shop, q="eve@example.com")
    assert 'hx-get="/dashboard/contacts/export?q=eve%40example.com"' in page
    choice = ask(client, shop, "contacts/export", q="eve@example.com")
    assert 'data-download="/dashboard/contacts.csv?q=eve%40example.com"' in choice
    [row] = csv.DictReader(io.StringIO(download(client, shop, q="eve@example.com")))
    assert (row["email"], row["first_name"][:2]) == ("eve@example.com", "'=")
    assert len(list(csv.DictReader(io.StringIO(download(client, shop))))) == 2


def test_a_list_for_advertisers_has_only_who_may_be_shown_ads(shop: Shop, client: Client) -> None:
    ada = a_contact(shop.installation)
    assert download(client, shop, ads="meta") == "email\n"
    assert "legal basis" not in ask(client, shop, "contacts/export")
    ada.audience.ads_to_buyers = True
    ada.audience.save()
    assert "legal basis" in ask(client, shop, "contacts/export")
    digest = hashlib.sha256(b"ada@example.com").hexdigest()
    assert download(client, shop, ads="google") == f"Email\n{digest}\n"


def test_no_other_shop_and_no_clerk_gets_a_file(shop: Shop, client: Client) -> None:
    foreign = a_contact(make_shop("https://other.example.com/graphql/", "QXBwOjk=").installation)
    a_contact(shop.installation, "mine@example.com")
    clerk = shop.headers(user_permissions=["HANDLE_PAYMENTS", "MANAGE_APPS"])
    for path in ("contacts.csv", "contacts/export"):
        query = {"audience": str(foreign.audience_id)}
        assert client.get(f"/dashboard/{path}", query, headers=shop.headers()).status_code == 404
        assert client.get(f"/dashboard/{path}", headers=clerk).status_code == 403
    assert client.get("/dashboard/contacts.csv", {"ads": "x"}, headers=shop.headers()).status_code == 404
    assert "ada@example.com" not in download(client, shop)


def test_a_search_that_finds_nobody_is_a_file_with_a_header(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    for query in ({"status": "foo"}, {"tag": "foo"}, {"segment": "foo"}, {"q": "nobody"}):
        assert len(download(client, shop, **query).splitlines()) == 1, query
        assert download(client, shop, ads="meta", **query) == "email\n", query
