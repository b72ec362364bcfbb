"""The page on which staff build a segment: conditions, counts, saving, explaining."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments import store
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.shopping.models import SoldProduct
from saleor_stripe_audience.dashboard import segment_form
from tests.audience.segments.people import product
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_contact
from tests.dashboard.test_contacts import ask, post

Json = dict[str, Any]
FRENCH = {"Accept-Language": "fr"}


@pytest.fixture
def ada(shop: Shop) -> Contact:
    found = a_contact(shop.installation)
    found.audience.tags.create(name="VIP")
    return found


def form_of(html: str) -> dict[str, str]:
    """Return the hidden fields of the segment's form."""
    return dict(re.findall(r'type="hidden" name="(key|version|audience)" value="([^"]*)"', html))


def fields(root: Json, **more: str) -> dict[str, Any]:
    """Return the form's fields for a rule."""
    found: dict[str, Any] = {}

    def add(node: segment_form.Node, path: str) -> None:
        found[f"{path}.type"] = node.type
        found[f"{path}.negated"] = "yes" if node.negated else ""
        for name, values in node.fields.items():
            found[f"{path}.{name}"] = values
        for index, child in enumerate(node.children):
            add(child, f"{path}-{index}")

    add(segment_form.from_rule({"version": 1, "root": root}), "n")
    return found | more


def condition(html: str, path: str) -> str:
    """Return what the page shows of a condition."""
    [found] = re.findall(rf'<fieldset class="condition[^>]* id="{path}".*?</fieldset>', html, re.DOTALL)
    return str(found)


ORDERS = {"type": "ordersCount", "atLeast": 2}


def test_a_segment_is_made_once_changed_and_copied(shop: Shop, client: Client, ada: Contact) -> None:
    new = form_of(ask(client, shop, "segments/new"))
    assert new["audience"] == str(ada.audience_id)
    for _ in range(2):
        status, text = post(client, shop, "segments/save", **fields(ORDERS, **new, name="Loyal", tag="VIP"))
        assert (status, "Saved." in text) == (200, True)
        assert f'data-address="/dashboard/segments/{new["key"]}"' in text
    made = Segment.objects.get()
    assert (str(made.pk), made.name, made.tree["root"], made.tag and made.tag.name) == (
        new["key"],
        "Loyal",
        ORDERS,
        "VIP",
    )
    opened = form_of(ask(client, shop, f"segments/{made.pk}"))
    more = {"type": "all", "of": [ORDERS, {"type": "not", "of": {"type": "country", "in": ["FR"]}}]}
    for _ in range(2):
        status, text = post(
            client, shop, "segments/save", **fields(more, **opened, name="Loyal abroad", tag="")
        )
        assert (status, "Saved." in text) == (200, True)
    made.refresh_from_db()
    assert (made.name, made.tree["root"], made.tag) == ("Loyal abroad", more, None)
    status, text = post(client, shop, "segments/save", **fields(ORDERS, **opened, name="Other"))
    assert (status, "Someone else has changed this segment" in text) == (422, True)
    copy = ask(client, shop, "segments/new", **{"from": str(made.pk)})
    assert 'value="Loyal abroad (copy)"' in copy
    assert form_of(copy)["key"] != str(made.pk)
    assert Segment.objects.count() == 1


@pytest.mark.parametrize(
    ("root", "path", "said"),
    [
        ({"type": "status", "in": []}, "n-0", "Choose or enter at least one."),
        ({"type": "ordersCount", "atLeast": "two"}, "n-0", "Enter a whole number."),
        ({"type": "ordersCount"}, "n-0", "Enter the minimum, the maximum, or both."),
        ({"type": "spent", "currency": "USD", "atLeast": "1,234"}, "n-0", "Enter an amount such as 12.30."),
        (
            {"type": "spent", "currency": "USD", "atLeast": "5", "atMost": "1"},
            "n-0",
            "The minimum is greater than the maximum",
        ),
        (
            {"type": "spent", "currency": "JPY", "atLeast": "1.5"},
            "n-0",
            "This amount or currency is not valid.",
        ),
        ({"type": "spent", "currency": "USD", "atLeast": "1e12"}, "n-0", "This number is too large."),
        ({"type": "lastOrder"}, "n-0", "Say when."),
        (
            {"type": "lastOrder", "before": "9999-12-31T23:59:59-05:00"},
            "n-0",
            "This date is too early or too late.",
        ),
        ({"type": "cart", "abandonedFor": {"days": 4000}}, "n-0", "This number is too large."),
        ({"type": "tag", "tag": str(uuid.uuid4())}, "n-0", "Choose a tag."),
        ({"type": "country", "in": ["France"]}, "n-0", "Enter codes such as FR"),
        (
            {
                "type": "all",
                "of": [ORDERS, {"type": "not", "of": {"type": "any", "of": [ORDERS, {"type": "joined"}]}}],
            },
            "n-1-1",
            "Say when.",
        ),
        (
            {"type": "all", "of": [{"type": "country", "in": ["FR"]}, {"type": "country", "in": ["BE"]}]},
            "n-1",
            "contradicts",
        ),
    ],
)
def test_an_error_is_beside_its_condition(
    shop: Shop, client: Client, ada: Contact, root: Json, path: str, said: str
) -> None:
    new = form_of(ask(client, shop, "segments/new"))
    sent = fields(root, **new, name="Wrong")
    status, text = post(client, shop, "segments/save", **sent)
    assert status == 422
    assert said in condition(text, path)
    assert text.count('role="alert"') == 2, "the condition's, and one at the top"
    assert not Segment.objects.exists()
    counted = post(client, shop, "segments/preview", **sent)
    assert counted[0] == 200
    assert said in counted[1]


@pytest.mark.parametrize(("name", "said"), [("", "Give the segment a name"), ("Loyal", "Another segment")])
def test_a_refused_name_keeps_what_was_built(
    shop: Shop, client: Client, ada: Contact, name: str, said: str
) -> None:
    store.create(ada.audience, store.SegmentValues("loyal", {"version": 1, "root": ORDERS}))
    new = form_of(ask(client, shop, "segments/new"))
    status, text = post(client, shop, "segments/save", **fields(ORDERS, **new, name=name))
    assert (status, said in text) == (422, True)
    assert 'name="n-0.atLeast" value="2"' in text
    assert re.search(r'<input id="name"[^>]* aria-invalid="true" data-focus>', text)


def test_conditions_are_added_and_products_picked_by_name(shop: Shop, client: Client, ada: Contact) -> None:
    SoldProduct.objects.create(
        installation=shop.installation, saleor_product_id=product(7), name="Lantern <b>", issued_at=NOON
    )
    new = form_of(ask(client, shop, "segments/new"))
    sent = fields({"type": "purchased", "product": [product(9)]}, **new)
    added = post(client, shop, "segments/build", **sent, do="add:n")[1]
    assert re.search(r'id="n-1-type"[^>]* data-focus', added)
    found = post(client, shop, "segments/build", **(sent | {"n-0.find": "lant"}))[1]
    assert "Lantern &lt;b&gt;" in condition(found, "n-0")
    picked = post(client, shop, "segments/build", **sent, do=f"pick:n-0:{product(7)}")[1]
    assert f'name="n-0.ids" value="{product(9)} {product(7)}"' in condition(picked, "n-0")
    assert condition(picked, "n-0").count("<li>") == 2
    none = post(client, shop, "segments/build", **(sent | {"n-0.find": "zzz"}))[1]
    assert "Nothing with this name was found." in none
    assert not Segment.objects.exists()


def test_the_count_and_a_sample_follow_the_form(shop: Shop, client: Client, ada: Contact) -> None:
    new = form_of(ask(client, shop, "segments/new"))
    text = post(client, shop, "segments/preview", **fields(ORDERS, **new))[1]
    assert "<strong>1 contact</strong>" in text
    assert "ada@example.com" in text
    unknown = {"type": "purchased", "product": [product(9)]}
    text = post(client, shop, "segments/preview", **fields(unknown, **new))[1]
    assert "<strong>0 contacts</strong>" in text
    assert "nobody has bought any of these yet" in text
    assert not Segment.objects.exists()


def test_why_somebody_is_in_it_or_not(shop: Shop, client: Client, ada: Contact) -> None:
    root = {"type": "any", "of": [ORDERS, {"type": "not", "of": {"type": "country", "in": ["FR"]}}]}
    made = store.create(ada.audience, store.SegmentValues("Loyal", {"version": 1, "root": root}))
    text = ask(client, shop, f"segments/{made.pk}/why", contact="ADA@example.com")
    for expected in ("Matches", "2 paid orders", "no country is known", "2 of 2 conditions are met"):
        assert expected in text
    assert "Loyal" in ask(client, shop, f"segments/{made.pk}/why", contact=str(ada.pk))
    answer = client.get(
        f"/dashboard/segments/{made.pk}/why", {"contact": str(ada.pk)}, headers=shop.headers() | FRENCH
    )
    for expected in ("Correspond", "2 commandes payées", "aucun pays n'est connu"):
        assert expected in answer.content.decode().replace("&#x27;", "'")
    for nobody in ("eve@example.com", str(uuid.uuid4()), "x"):
        answer = client.get(f"/dashboard/segments/{made.pk}/why", {"contact": nobody}, headers=shop.headers())
        assert (answer.status_code, b"no contact with this address" in answer.content) == (404, True)


def test_a_ready_made_segment_has_a_name_in_each_language(shop: Shop, client: Client, ada: Contact) -> None:
    store.install_ready_made(ada.audience, "USD", "500")
    big = Segment.objects.get(ready_made="big_spenders")
    for path in ("segments", f"segments/{big.pk}", "contacts"):
        answer = client.get(f"/dashboard/{path}", headers=shop.headers() | FRENCH)
        assert "Gros acheteurs" in answer.content.decode()
        assert "Big spenders" not in answer.content.decode()
    opened = form_of(ask(client, shop, f"segments/{big.pk}"))
    sent = fields(
        {"type": "spent", "currency": "USD", "atLeast": "1 000,50"}, **opened, name="Gros acheteurs"
    )
    answer = client.post("/dashboard/segments/save", sent, headers=shop.headers() | FRENCH)
    assert answer.status_code == 200
    big.refresh_from_db()
    assert (big.name, big.tree["root"]["atLeast"]) == ("Big spenders", "1000.50")


def test_the_page_costs_the_same_however_many_conditions_and_products_there_are(
    shop: Shop, client: Client, ada: Contact
) -> None:
    def cost(root: Json) -> int:
        made = store.create(
            ada.audience,
            store.SegmentValues(uuid.uuid4().hex, {"version": 1, "root": root}, accept_unknown=True),
        )
        with CaptureQueriesContext(connection) as queries:
            ask(client, shop, f"segments/{made.pk}")
        return len(queries)

    bought = [
        {"type": "purchased", "product": [product(number + 10 * times) for number in range(9)]}
        for times in range(30)
    ]
    one = cost(bought[0])
    assert one <= 12
    assert cost({"type": "all", "of": bought}) == one


def test_what_is_hostile_is_text(shop: Shop, client: Client, ada: Contact) -> None:
    hostile = '"><script>alert(1)</script>'
    ada.audience.tags.create(name=hostile)
    Contact.objects.update(first_name=hostile, last_name=hostile, city=hostile)
    Audience.objects.update(name=hostile, attribute_keys=[hostile])
    SoldProduct.objects.create(
        installation=shop.installation, saleor_product_id=product(7), name=hostile, issued_at=NOON
    )
    root = {
        "type": "all",
        "of": [
            {"type": "purchased", "product": [product(7)]},
            {"type": "name", "contains": hostile},
            {"type": "city", "is": [hostile]},
            {"type": "attribute", "key": hostile, "is": [hostile]},
        ],
    }
    made = store.create(
        ada.audience, store.SegmentValues(hostile, {"version": 1, "root": root}, accept_unknown=True)
    )
    other = store.create(
        ada.audience,
        store.SegmentValues("in", {"version": 1, "root": {"type": "inSegment", "segment": hostile}}),
    )
    opened = form_of(ask(client, shop, f"segments/{made.pk}"))
    pages = [
        ask(client, shop, path)
        for path in (
            *("segments", f"segments/{made.pk}", f"segments/{other.pk}", f"segments/new?from={made.pk}"),
            *(f"segments/{made.pk}/why?contact={ada.pk}", "contacts", f"contacts/{ada.pk}", "contacts/add"),
        )
    ]
    pages.append(post(client, shop, "segments/preview", **fields(root, **opened))[1])
    pages.append(post(client, shop, "segments/build", **(fields(root, **opened) | {"n-0.find": "script"}))[1])
    assert all("&lt;script&gt;" in page for page in pages[:-2])
    assert not [page for page in pages if "<script" in page]


def test_other_shops_and_clerks_are_refused(shop: Shop, client: Client, ada: Contact) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    foreign = store.create(
        a_contact(other.installation).audience, store.SegmentValues("Foreign", {"version": 1, "root": ORDERS})
    )
    paths = (f"segments/{foreign.pk}", f"segments/{foreign.pk}/why", f"segments/new?from={foreign.pk}")
    for path in (*paths, f"segments/new?audience={foreign.audience_id}"):
        assert client.get(f"/dashboard/{path}", headers=shop.headers()).status_code == 404
    mine = form_of(ask(client, shop, "segments/new"))
    for changed in (
        {"key": str(foreign.pk)},
        {"audience": str(foreign.audience_id)},
        {"key": "x"},
        {"key": str(uuid.UUID(int=0))},
    ):
        for path in ("build", "preview", "save"):
            assert (
                post(client, shop, f"segments/{path}", **fields(ORDERS, **(mine | changed), name="X"))[0]
                == 404
            )
    headers = shop.headers(user_permissions=["HANDLE_PAYMENTS", "MANAGE_APPS"])
    assert client.get("/dashboard/segments/new", headers=headers).status_code == 403
    for path in ("build", "preview", "save"):
        assert client.post(f"/dashboard/segments/{path}", mine, headers=headers).status_code == 403
    foreign.refresh_from_db()
    assert (foreign.name, Segment.objects.count()) == ("Foreign", 1)
