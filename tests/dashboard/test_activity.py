"""Events and jobs: found, replayed, paused, resumed and cancelled by staff with the permission."""

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from saleor_stripe_audience.dashboard.event_names import in_words
from saleor_stripe_audience.event_handlers import EVENT_HANDLERS
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor.permissions import NAMES
from saleor_stripe_audience.shops.models import Installation
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_problem, an_account
from tests.plans import explained


def an_event(shop: Installation, key: str, **changed: Any) -> Event:
    values = {
        "source": "saleor",
        "origin": shop.pk,
        "kind": "order_created",
        "payload": {},
        "handled_at": NOON,
    }
    return Event.objects.create(key=key, occurred_at=NOON, **(values | changed))


def ask(client: Client, shop: Shop, query: str = "") -> str:
    answer = client.get(f"/dashboard/activity{query}", headers=shop.headers())
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def post(client: Client, shop: Shop, path: str, **claims: Any) -> tuple[int, str]:
    answer = client.post(f"/dashboard/activity/{path}", headers=shop.headers(**claims))
    return answer.status_code, html.unescape(answer.content.decode())


def keys_in(page: str) -> list[str]:
    return re.findall(r"evt_\d+(?=</p>)", page)


def test_events_of_all_senders_are_listed_newest_first_page_by_page(shop: Shop, client: Client) -> None:
    first, second = an_account(shop.installation, "One"), an_account(shop.installation, "Two")
    for number in range(45):
        origin = (first, second)[number % 2].pk
        an_event(shop.installation, f"evt_{number}", source="stripe", origin=origin, kind="charge.updated")
    an_event(shop.installation, "of-saleor")
    page = ask(client, shop)
    assert "Saleor · Order placed" in page
    assert keys_in(page) == [f"evt_{number}" for number in range(44, 25, -1)]
    following = re.search(r'id="next" hx-get="/dashboard/activity([^"]+)"', page)
    assert following is not None
    second_page = ask(client, shop, following[1])
    assert keys_in(second_page) == [f"evt_{number}" for number in range(25, 5, -1)]
    back = re.search(r'id="previous" hx-get="/dashboard/activity([^"]+)"', second_page)
    assert back is not None
    assert keys_in(ask(client, shop, back[1])) == keys_in(page)


def test_events_are_found_by_id_kind_sender_and_state(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    an_event(shop.installation, "evt_1", source="stripe", origin=account.pk, kind="charge.updated")
    an_event(
        shop.installation, "evt_2", source="stripe", origin=account.pk, kind="refund.created", handled_at=None
    )
    failed = a_problem(shop.installation, source="stripe", origin=account.pk)
    Event.objects.filter(pk=failed.event_id).update(key="evt_3")
    for query, found in (
        ("?q=evt_1", ["evt_1"]),
        ("?q=evt_", []),
        ("?kind=refund.created", ["evt_2"]),
        ("?state=waiting", ["evt_2"]),
        ("?state=failed", ["evt_3"]),
        ("?state=done", ["evt_1"]),
        ("?source=saleor", []),
        ("?source=stripe&kind=charge.updated", ["evt_1"]),
        ("?q=%00", ["evt_3", "evt_2", "evt_1"]),
        ("?after=x&state=none", ["evt_3", "evt_2", "evt_1"]),
    ):
        assert keys_in(ask(client, shop, query)) == found, query


def test_a_failed_event_is_replayed_once(shop: Shop, client: Client) -> None:
    problem = a_problem(shop.installation)
    assert problem.reason in ask(client, shop)
    status, page = post(client, shop, f"events/{problem.event_id}/replay")
    assert (status, "being replayed" in page) == (200, True)
    assert Handling.objects.get(pk=problem.pk).given_up_at is None
    status, page = post(client, shop, f"events/{problem.event_id}/replay")
    assert (status, "no longer needs attention" in page) == (200, True)
    Handling.objects.filter(pk=problem.pk).update(given_up_at=NOON)
    Event.objects.filter(pk=problem.event_id).update(payload=None)
    status, page = post(client, shop, f"events/{problem.event_id}/replay")
    assert status == 422
    assert "no longer stored" in page


def test_nothing_of_another_shop_is_shown_or_changed(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjI=")
    problem = a_problem(other.installation)
    job = Job.objects.create(installation=other.installation, kind=Job.Kind.SALEOR)
    assert problem.reason not in ask(client, shop)
    assert post(client, shop, f"events/{problem.event_id}/replay")[0] == 404
    assert post(client, shop, f"jobs/{job.pk}/cancel")[0] == 404
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED


def test_a_job_is_paused_resumed_and_cancelled_once_each(shop: Shop, client: Client) -> None:
    job = Job.objects.create(installation=shop.installation, kind=Job.Kind.SALEOR, state=Job.State.RUNNING)
    for change, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        for _ in range(2):
            assert post(client, shop, f"jobs/{job.pk}/{change}")[0] == 200
        job.refresh_from_db()
        assert job.state == state
    status, _page = post(client, shop, f"jobs/{job.pk}/resume")
    assert status == 422
    assert post(client, shop, f"jobs/{job.pk}/delete")[0] == 404


@pytest.mark.parametrize(
    ("kind", "permission"), [("saleor", "MANAGE_USERS"), ("catalogue", "MANAGE_PRODUCTS")]
)
def test_a_job_needs_the_permission_of_its_subject(
    shop: Shop, client: Client, kind: str, permission: str
) -> None:
    job = Job.objects.create(installation=shop.installation, kind=kind, state=Job.State.RUNNING)
    status, page = post(client, shop, f"jobs/{job.pk}/pause", user_permissions=["MANAGE_APPS"])
    assert (status, str(NAMES[permission]) in page) == (403, True)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    answer = client.get("/dashboard/activity", headers=shop.headers(user_permissions=["MANAGE_APPS"]))
    assert str(job.pk) not in answer.content.decode()
    allowed = ["MANAGE_APPS", permission]
    assert post(client, shop, f"jobs/{job.pk}/pause", user_permissions=allowed)[0] == 200


def test_every_event_has_a_name_in_the_readers_language() -> None:
    for source in ("saleor", "stripe"):
        for kind in EVENT_HANDLERS[source]:
            with translation.override("en"):
                english = in_words(kind)
            with translation.override("fr"):
                french = in_words(kind)
            assert english != kind
            assert french != english
    assert in_words("of.a_later_version") == "of.a_later_version"


def test_who_started_a_job_is_named_in_the_readers_language(shop: Shop, client: Client) -> None:
    for kind, actor in (("saleor", "the app"), ("import", "command line"), ("stripe", "ada@example.com")):
        Job.objects.create(installation=shop.installation, kind=kind, actor=actor)
    answer = client.get("/dashboard/activity", headers=shop.headers() | {"Accept-Language": "fr"})
    page = html.unescape(answer.content.decode())
    for actor in ("· l'application ·", "· ligne de commande ·", "· ada@example.com ·"):
        assert actor in page


def test_every_kind_of_job_is_listed_with_its_title(shop: Shop, client: Client) -> None:
    for kind in Job.Kind:
        Job.objects.create(installation=shop.installation, kind=kind, state=Job.State.DONE)
    page = client.get(
        "/dashboard/activity",
        headers=shop.headers(user_permissions=["MANAGE_APPS", "MANAGE_USERS", "MANAGE_PRODUCTS"]),
    ).content.decode()
    for title in ("Customers and orders from Saleor", "Import of contacts", "Changes made in Stripe"):
        assert title in page
    assert page.count('<span class="badge good">Done</span>') == len(Job.Kind)


def test_what_stripe_has_is_brought_in_after_saleors(shop: Shop, client: Client) -> None:
    status, page = post(client, shop, "stripe")
    assert status == 422
    assert "first" in page
    Job.objects.create(installation=shop.installation, kind=Job.Kind.SALEOR, state=Job.State.DONE)
    for _ in range(2):
        assert post(client, shop, "stripe")[0] == 200
    assert Job.objects.filter(kind=Job.Kind.STRIPE).count() == 1
    assert post(client, shop, "stripe", user_permissions=["MANAGE_APPS"])[0] == 403


def test_a_failed_job_says_why_in_the_readers_language(shop: Shop, client: Client) -> None:
    job = Job.objects.create(installation=shop.installation, kind=Job.Kind.SALEOR, state=Job.State.RUNNING)
    job.report = {"failure": {"code": "x", "message": "No.", "messages": {"en": "No.", "fr": "Non."}}}
    job.state = Job.State.FAILED
    job.save()
    assert "<p>No.</p>" in ask(client, shop)
    answer = client.get("/dashboard/activity", headers=shop.headers() | {"Accept-Language": "fr"})
    assert "<p>Non.</p>" in answer.content.decode()
    job.report = {"failure": {"code": "x", "message": "Old."}}
    assert job.failure == "Old."


def test_the_list_reads_no_whole_table_and_costs_the_same(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            ask(client, shop)
        return len(queries)

    an_event(shop.installation, "evt_0", source="stripe", origin=account.pk)
    a_problem(shop.installation)
    one = cost()
    for number in range(1, 15):
        an_event(shop.installation, f"evt_{number}", source="stripe", origin=account.pk)
        a_problem(shop.installation)
    assert cost() == one
    for query in ("", "?q=evt_1", "?state=failed", "?state=waiting"):
        with explained() as plans:
            ask(client, shop, query)
        scanning = [plan for plan in plans if plan.scanned() & {"inbox_event", "inbox_handling"}]
        assert [f"{plan.sql}\n{plan.lines}" for plan in scanning] == [], query


@pytest.mark.parametrize("path", ["activity", "keys"])
def test_both_sections_are_for_who_manages_apps(shop: Shop, client: Client, path: str) -> None:
    headers = shop.headers(user_permissions=["MANAGE_USERS", "HANDLE_PAYMENTS"])
    assert client.get(f"/dashboard/{path}", headers=headers).status_code == 403
