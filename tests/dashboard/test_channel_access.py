"""Staff that Saleor restricts to channels see the payments of these, and move the money of no others."""

import csv
import html
import io
import re
import time
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.segments import store
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.payments.models import Payment, StaffRequest
from saleor_stripe_audience.saleor import staff_channels
from saleor_stripe_audience.saleor.client import StaffChannels
from saleor_stripe_audience.saleor.tokens import verify_dashboard_token
from saleor_stripe_audience.saleor.trouble import APP_UNKNOWN
from saleor_stripe_audience.sandbox.saleor.state import App
from saleor_stripe_audience.shops.models import Channel
from tests.audience.histories import at
from tests.audience.segments.people import cart
from tests.dashboard.conftest import Groups, Shop
from tests.dashboard.rows import a_contact, a_payment, an_account, buyer_in_two_channels
from tests.dashboard.test_payments import an_order
from tests.dashboard.test_segment_builder import fields
from tests.payments.conftest import stripe_sandbox, stripe_url
from tests.payments.test_reporting import Town, town

__all__ = ["stripe_sandbox", "stripe_url", "town"]

SEES_PAYMENTS = frozenset({"HANDLE_PAYMENTS", "MANAGE_USERS"})


# ---- with Saleor's stand-in ----


class Colleague:
    """A staff member who is restricted to channels, at the page of a paid payment in the channel default-channel."""

    def __init__(self, town: Town, *channels: str) -> None:
        app = town.shop.app("saleor.app.stripe-audience")
        assert app is not None
        self.town, self.client, self.app = town, Client(enforce_csrf_checks=True), app
        self.headers = headers_of(town, app, channels)
        self.path = f"/dashboard/payments/{Payment.objects.get().pk}"

    def look(self) -> tuple[int, str]:
        answer = self.client.get(self.path, headers=self.headers)
        return answer.status_code, answer.content.decode()

    def form(self) -> dict[str, str]:
        """Return the fields of the form for a refund, as an unrestricted colleague sees it."""
        everything = {
            "Authorization": f"Bearer {self.town.shop.dashboard_token(self.app)}",
            "Saleor-Api-Url": self.town.shop.api_url,
        }
        page = self.client.get(self.path, headers=everything).content.decode()
        [shown] = re.findall(r'<form id="refund".*?</form>', page, re.DOTALL)
        return dict(re.findall(r'name="(\w+)"(?: inputmode="decimal")? value="([^"]*)"', shown))

    def refund(self, fields: dict[str, str]) -> int:
        answer = self.client.post(f"{self.path}/request", fields, headers=self.headers)
        self.town.shop.drain()
        return answer.status_code


def headers_of(town: Town, app: App, channels: tuple[str, ...]) -> dict[str, str]:
    token = town.shop.dashboard_token(app, SEES_PAYMENTS, channels=frozenset(channels))
    return {"Authorization": f"Bearer {token}", "Saleor-Api-Url": town.shop.api_url}


@pytest.fixture
def paid(town: Town) -> Town:
    town.begin()
    town.pay()
    town.deliver_all(town.events())
    return town


def test_a_refund_in_another_channel_is_refused(paid: Town) -> None:
    colleague = Colleague(paid, "channel-pln")
    assert colleague.look()[0] == 404
    assert colleague.refund(colleague.form()) == 404
    assert not StaffRequest.objects.exists()
    assert not paid.reported("REFUND_SUCCESS")


def test_a_refund_in_an_own_channel_is_carried_out(paid: Town) -> None:
    colleague = Colleague(paid, "channel-pln", "default-channel")
    assert colleague.look()[0] == 200
    assert colleague.refund(colleague.form()) == 200
    assert len(paid.reported("REFUND_SUCCESS")) == 1


def test_before_a_refund_saleor_is_asked_now(paid: Town) -> None:
    colleague = Colleague(paid, "default-channel")
    fields = colleague.form()
    assert colleague.look()[0] == 200
    with paid.shop.host.store.lock:
        paid.shop.host.store.colleague(SEES_PAYMENTS, frozenset({"channel-pln"}))
    assert colleague.refund(fields) == 404
    assert not StaffRequest.objects.exists()


def test_without_an_answer_from_saleor_no_money_is_moved(paid: Town) -> None:
    colleague = Colleague(paid, "default-channel")
    fields = colleague.form()
    assert colleague.look()[0] == 200
    paid.shop.faults.statuses.append(503)
    assert colleague.refund(fields) == 503
    assert not StaffRequest.objects.exists()


def test_a_token_that_saleor_no_longer_accepts_ends_the_session(paid: Town) -> None:
    colleague = Colleague(paid, "default-channel")
    with paid.shop.host.store.lock:
        paid.shop.host.store.colleague(SEES_PAYMENTS, None).is_active = False
    assert colleague.look()[0] == 401


def test_a_token_that_expires_on_its_way_is_replaced(shop: Shop, client: Client, groups: Groups) -> None:
    groups.failure = Rejected("Saleor rejects the token.", code=APP_UNKNOWN)
    answer = client.get("/dashboard/payments", headers=shop.headers())
    assert (answer.status_code, "expired" in answer["WWW-Authenticate"]) == (401, True)


# ---- with rows ----


@pytest.fixture
def two(shop: Shop) -> tuple[Payment, Payment]:
    """A payment in each channel: of 1,111.00 USD in default-channel, of 2,222.00 PLN in channel-pln."""
    account = an_account(shop.installation)
    for channel in shop.installation.channels.all():
        AccountChannel.objects.create(
            installation=shop.installation, channel_slug=channel.slug, account=account
        )
    shared: dict[str, Any] = {"account": account, "source_id": "order-1042"}
    return (
        a_payment(shop.installation, amount_minor=111_100, captured_minor=111_100, **shared),
        a_payment(
            shop.installation, amount_minor=222_200, captured_minor=222_200, currency="PLN",
            channel_slug="channel-pln", **shared
        ),
    )  # fmt: skip


Two = tuple[Payment, Payment]


def page(client: Client, shop: Shop, path: str, **query: str) -> str:
    answer = client.get(f"/dashboard/{path}", query, headers=shop.headers())
    assert answer.status_code == 200
    content = b"".join(answer) if answer.streaming else answer.content
    return html.unescape(content.decode())


def test_lists_files_and_cards_have_the_own_channels_only(
    shop: Shop, client: Client, two: Two, groups: Groups
) -> None:
    other, own = two
    for path in ("payments", "payments.csv", "widgets/order"):
        shown = page(client, shop, path, orderId="order-1042")
        assert own.payment_intent_id in shown, path
        assert other.payment_intent_id in shown, path
    groups.restrict("channel-pln")
    staff_channels.forget_all()
    for path in ("payments", "payments.csv", "widgets/order"):
        shown = page(client, shop, path, orderId="order-1042")
        assert own.payment_intent_id in shown, path
        assert other.payment_intent_id not in shown, path


@pytest.mark.parametrize(
    "query",
    [
        {"channel": "default-channel"},
        {"site": "channel:default-channel"},
        {"q": "1111"},
        {"status": "paid"},
    ],
)
def test_no_filter_leads_to_another_channel(
    shop: Shop, client: Client, two: Two, groups: Groups, query: dict[str, str]
) -> None:
    groups.restrict("channel-pln")
    assert two[0].payment_intent_id not in page(client, shop, "payments", **query)
    rows = list(
        csv.DictReader(io.StringIO(page(client, shop, "payments.csv", **query).removeprefix("\ufeff")))
    )
    assert two[0].payment_intent_id not in [each["payment_intent"] for each in rows]


def test_what_is_offered_are_the_own_channels(shop: Shop, client: Client, two: Two, groups: Groups) -> None:
    assert two
    groups.restrict("channel-pln")
    for path in ("payments", "overview", f"payments/{two[1].pk}"):
        shown = page(client, shop, path)
        assert "Poland" in shown, path
        assert "Default" not in shown, path


@pytest.mark.parametrize("path", ["", "/history", "/method", "/request/refund"])
def test_a_payment_of_another_channel_is_not_found(
    shop: Shop, client: Client, two: Two, groups: Groups, path: str
) -> None:
    groups.restrict("channel-pln")
    answer = client.get(f"/dashboard/payments/{two[0].pk}{path}", headers=shop.headers())
    assert answer.status_code == 404


def test_an_order_of_another_channel_has_no_buyer(shop: Shop, client: Client, groups: Groups) -> None:
    order = an_order(shop, a_contact(shop.installation))
    order.channel = "default-channel"
    order.save()
    assert "ada@example.com" in page(client, shop, "widgets/order", orderId="order-1042")
    staff_channels.forget_all()
    groups.restrict("channel-pln")
    assert "ada@example.com" not in page(client, shop, "widgets/order", orderId="order-1042")


def test_home_adds_up_the_own_channels(shop: Shop, client: Client, two: Two, groups: Groups) -> None:
    assert two
    shown = page(client, shop, "overview")
    assert "1,111.00" in shown
    assert "2,222.00" in shown
    staff_channels.forget_all()
    groups.restrict("channel-pln")
    shown = page(client, shop, "overview")
    assert "1,111.00" not in shown
    assert "2,222.00" in shown


def test_staff_in_no_channel_see_no_payment(shop: Shop, client: Client, two: Two, groups: Groups) -> None:
    groups.restrict()
    shown = page(client, shop, "payments")
    assert not [each for each in two if each.payment_intent_id in shown]


def test_a_renamed_channel_is_recognized_by_its_id(
    shop: Shop, client: Client, two: Two, groups: Groups
) -> None:
    for number, slug in enumerate(("default-channel", "channel-pln")):
        Channel.objects.filter(slug=slug).update(saleor_id=f"channel-{number}")
    # Staff have exchanged the slugs in Saleor, and the app has not fetched the channels yet.
    groups.restricted_to = StaffChannels(frozenset({"channel-1"}), frozenset({"default-channel"}))
    shown = page(client, shop, "payments")
    assert two[0].payment_intent_id not in shown
    assert two[1].payment_intent_id in shown


def test_without_an_answer_nothing_of_a_channel_is_shown(
    shop: Shop, client: Client, two: Two, groups: Groups
) -> None:
    groups.failure = Unavailable("The shop did not respond.", code="saleor_unreachable")
    message = "Saleor did not say which channels you have access to."
    for path in ("payments", "payments.csv", f"payments/{two[0].pk}", "widgets/order"):
        answer = client.get(f"/dashboard/{path}", {"orderId": "order-1042"}, headers=shop.headers())
        assert answer.status_code == 503, path
        assert message in answer.content.decode(), path
    home = page(client, shop, "overview")
    assert message in home
    assert "Can customers pay?" in home
    assert "1,111.00" not in home
    assert page(client, shop, "problems")


def test_a_refused_request_is_no_access(shop: Shop, client: Client, groups: Groups) -> None:
    groups.failure = Rejected("Saleor refused.", code="saleor_refused")
    assert client.get("/dashboard/payments", headers=shop.headers()).status_code == 503
    groups.failure = Rejected("Saleor rejects the token.", code=APP_UNKNOWN)
    assert client.get("/dashboard/payments", headers=shop.headers()).status_code == 401


def test_saleor_is_asked_once_a_minute_for_each_token(
    shop: Shop, client: Client, groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, yours = shop.headers(), shop.headers(email="you@example.com")
    for headers in (mine, mine, yours):
        for path in ("overview", "payments"):
            assert client.get(f"/dashboard/{path}", headers=headers).status_code == 200
    assert [f"Bearer {each}" for each in groups.asked] == [
        mine["Authorization"],
        yours["Authorization"],
    ]
    later = time.monotonic() + staff_channels.KEPT_SECONDS
    monkeypatch.setattr(staff_channels, "monotonic", lambda: later)
    assert client.get("/dashboard/payments", headers=mine).status_code == 200
    assert len(groups.asked) == 3


def test_few_answers_are_kept(
    shop: Shop, client: Client, groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_channels, "MOST_KEPT", 2)
    for number in range(5):
        headers = shop.headers(email=f"{number}@example.com")
        assert client.get("/dashboard/payments", headers=headers).status_code == 200
    assert len(groups.asked) == 5
    assert len(staff_channels._kept) <= 2


def test_nobody_is_asked_for_what_belongs_to_no_channel(shop: Shop, client: Client, groups: Groups) -> None:
    headers = shop.headers(user_permissions=["MANAGE_USERS"])
    for path in ("overview", "segments", "audiences"):
        assert client.get(f"/dashboard/{path}", headers=headers).status_code == 200
    assert not groups.asked
    assert client.get("/dashboard/contacts", headers=headers).status_code == 200
    assert len(groups.asked) == 1


# ---- what contacts order, in two channels ----


@pytest.fixture
def ada(shop: Shop) -> Contact:
    """A buyer in both channels, who was last in default-channel: as a customer of Saleor, and in a segment."""
    found = buyer_in_two_channels(shop.installation)
    Contact.objects.filter(pk=found.pk).update(saleor_user_id="VXNlcjo3")
    segment = store.create(
        found.audience, store.SegmentValues("Buyers", rule({"type": "ordersCount", "atLeast": 1}))
    )
    segment.memberships.create(contact=found, entered_at=at(9))
    return found


def rule(root: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "root": root}


HIDDEN = (
    "222.00 USD",
    "#1077",
    "T3JkZXI61077",
    "99.00 USD",
    "44.00 USD",
)  # the order, the cart, the declined payment


@pytest.mark.parametrize("path", ["contacts", "contacts/{0}", "widgets/customer"])
def test_contacts_have_what_they_ordered_in_the_own_channels_only(
    shop: Shop, client: Client, ada: Contact, groups: Groups, path: str
) -> None:
    path = path.format(ada.pk)
    everything = page(client, shop, path, customerId="VXNlcjo3")
    assert [each for each in HIDDEN if each in everything] == list(
        HIDDEN if str(ada.pk) in path else HIDDEN[:1]
    )
    staff_channels.forget_all()
    groups.restrict("channel-pln")
    own = page(client, shop, path, customerId="VXNlcjo3")
    assert ada.email in own or "widgets" in path
    assert not [each for each in HIDDEN if each in own]
    assert "50.00 PLN" in own
    staff_channels.forget_all()
    groups.restrict()
    assert "50.00 PLN" not in page(client, shop, path, customerId="VXNlcjo3")


def test_a_file_of_contacts_has_nothing_about_orders(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    assert "222.00 USD" in page(client, shop, "contacts.csv")
    staff_channels.forget_all()
    groups.restrict("channel-pln")
    file = page(client, shop, "contacts.csv")
    assert ada.email in file
    assert not [each for each in ("USD", "PLN", "spent", "orders_count", "last_order_at") if each in file]


def test_the_list_counts_the_orders_of_the_own_channels(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    assert ada
    columns = {"column": ["orders", "spent", "first_order", "last_order"]}
    everything = client.post("/dashboard/contacts/columns", columns, headers=shop.headers()).content.decode()
    assert '<td class="number">2</td>' in everything
    assert 'datetime="2026-02-02' in everything
    staff_channels.forget_all()
    groups.restrict("channel-pln")
    own = page(client, shop, "contacts")
    assert '<td class="number">1</td>' in own
    assert "2026-02-02" not in own


def test_the_list_asks_as_many_statements_for_many_contacts(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    assert ada
    groups.restrict("channel-pln")

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client, shop, "contacts")
        return len(captured)

    statements()  # what is kept in memory
    before = statements()
    for number in range(5):
        buyer_in_two_channels(shop.installation, f"{number}@shop.example", str(number))
    assert statements() == before


def test_a_timeline_has_the_own_channels_only(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    groups.restrict("channel-pln")
    shown = page(client, shop, f"contacts/{ada.pk}")
    timeline = shown.partition("Timeline")[2]
    assert "Ordered" in timeline
    assert "Became a contact" in timeline
    assert "Payment declined" not in timeline
    assert "Payment disputed" in timeline  # of the order in the own channel
    assert "Started a cart" not in timeline


def test_a_cart_was_not_bought_in_another_channel(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    cart(ada, silent_since=at(0), channel="channel-pln")
    assert "Ordered through another checkout" in page(client, shop, f"contacts/{ada.pk}")
    Purchase.objects.filter(channel="channel-pln").delete()
    staff_channels.forget_all()
    groups.restrict("channel-pln")
    shown = page(client, shop, f"contacts/{ada.pk}")
    assert "Ordered through another checkout" not in shown
    assert "Abandoned" in shown


def test_everything_about_a_person_is_for_staff_of_all_channels(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    path = f"contacts/{ada.pk}"
    assert "Export data" in page(client, shop, path)
    assert "222" in page(client, shop, f"{path}/data")
    staff_channels.forget_all()
    groups.restrict("channel-pln")
    assert "Export data" not in page(client, shop, path)
    answer = client.get(f"/dashboard/{path}/data", headers=shop.headers())
    assert (answer.status_code, "T3JkZXI6" in answer.content.decode()) == (403, False)


def test_segments_do_not_reveal_what_was_ordered_elsewhere(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    [segment] = Segment.objects.all()
    outer = store.create(
        ada.audience, store.SegmentValues("Outer", rule({"type": "inSegment", "segment": str(segment.pk)}))
    )
    harmless = store.create(
        ada.audience, store.SegmentValues("Ada", rule({"type": "name", "contains": "ad"}))
    )
    groups.restrict("channel-pln")
    for each, status in ((segment, 403), (outer, 403), (harmless, 200)):
        answer = client.get(
            f"/dashboard/segments/{each.pk}/why", {"contact": ada.email}, headers=shop.headers()
        )
        assert answer.status_code == status, each


def test_who_is_restricted_makes_no_rule_about_orders(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    spent = {"type": "spent", "currency": "USD", "atLeast": "222"}
    named = {"type": "name", "contains": "ad"}
    new = {"audience": str(ada.audience_id), "name": "New", "tag": "fresh"}

    def send(path: str, root: dict[str, Any], **more: str) -> tuple[int, str]:
        sent = fields(root, **{**new, "key": str(uuid.uuid4()), **more})
        answer = client.post(f"/dashboard/segments/{path}", sent, headers=shop.headers())
        return answer.status_code, html.unescape(answer.content.decode())

    assert "1 contact" in send("preview", spent)[1]
    staff_channels.forget_all()
    groups.restrict("channel-pln")
    refused = "This covers the orders of all channels"
    assert refused in send("preview", spent)[1]
    assert refused in send("preview", {"type": "all", "of": [named, {"type": "not", "of": spent}]})[1]
    assert "1 contact" in send("preview", named)[1]
    status, shown = send("save", spent)
    assert (status, refused in shown) == (422, True)
    assert not ada.audience.tags.exists()
    assert send("save", named)[0] == 200
    answer = client.post(
        "/dashboard/segments/ready-made",
        {"audience": str(ada.audience_id), "currency": "USD", "big": "222"},
        headers=shop.headers(),
    )
    assert (answer.status_code, refused in answer.content.decode()) == (422, True)
    assert set(Segment.objects.values_list("name", flat=True)) == {"Buyers", "New"}


def test_who_is_restricted_may_rename_a_segment_about_orders(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    assert ada
    [segment] = Segment.objects.all()
    groups.restrict("channel-pln")
    sent = {
        "key": str(segment.pk),
        "version": segment.updated_at.isoformat(),
        "name": "All buyers",
        "tag": "",
    }
    for least, status in ((1, 200), (2, 422)):
        segment.refresh_from_db()
        sent["version"] = segment.updated_at.isoformat()
        answer = client.post(
            "/dashboard/segments/save",
            fields({"type": "ordersCount", "atLeast": least}, **sent),
            headers=shop.headers(),
        )
        assert answer.status_code == status, least
    segment.refresh_from_db()
    assert (segment.name, segment.tree["root"]["atLeast"]) == ("All buyers", 1)


def test_without_an_answer_no_contact_is_shown_or_changed(
    shop: Shop, client: Client, ada: Contact, groups: Groups
) -> None:
    groups.failure = Unavailable("The shop did not respond.", code="saleor_unreachable")
    paths = ("contacts", "contacts.csv", f"contacts/{ada.pk}", f"contacts/{ada.pk}/data", "widgets/customer")
    for path in paths:
        answer = client.get(f"/dashboard/{path}", {"customerId": "VXNlcjo3"}, headers=shop.headers())
        assert answer.status_code == 503, path
    answer = client.post(f"/dashboard/contacts/{ada.pk}/change", {"archived": "yes"}, headers=shop.headers())
    assert answer.status_code == 503
    ada.refresh_from_db()
    assert ada.lifecycle == "active"


def test_the_token_is_not_in_the_log(shop: Shop) -> None:
    token = shop.token()
    user = verify_dashboard_token(shop.installation.saleor_api_url, token)
    assert user.token == token
    assert token not in repr(user)
