"""The page reads growing tables through their indexes, in the order in which it shows the rows."""

import pytest
from django.db import connection
from django.test import Client

from saleor_stripe_audience.audience.people.audiences import counts_by_audience
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.dashboard.overview import checks
from tests.dashboard.conftest import Shop
from tests.dashboard.rows import a_contact, a_payment
from tests.plans import Plan, explained

TABLES = frozenset(
    {"audience_contact", "payments_payment", "inbox_event", "inbox_handling", "audience_purchase"}
)


def about(plans: list[Plan], table: str) -> list[Plan]:
    return [plan for plan in plans if f'FROM "{table}"' in plan.sql]


@pytest.mark.parametrize("path", ["overview", "contacts", "payments", "problems", "audiences"])
def test_no_section_reads_a_whole_table(shop: Shop, client: Client, path: str) -> None:
    a_contact(shop.installation)
    a_payment(shop.installation)
    with explained() as plans:
        assert client.get(f"/dashboard/{path}", headers=shop.headers()).status_code == 200
    assert plans
    scanning = [f"{plan.sql}\n{plan.lines}" for plan in plans if plan.scanned() & TABLES]
    assert not scanning, "\n\n".join(scanning)


def test_the_overview_asks_for_one_event_only(shop: Shop) -> None:
    with explained() as plans:
        checks(shop.installation)
    assert not [plan for plan in about(plans, "inbox_event") if "MAX(" in plan.sql]


def test_an_index_has_the_newest_contacts_of_an_audience_in_order(shop: Shop, client: Client) -> None:
    a_contact(shop.installation)
    Audience.objects.create(installation=shop.installation, name="Empty")
    with explained(in_order=True) as plans:
        answer = client.get("/dashboard/contacts", headers=shop.headers())
    assert answer.status_code == 200
    newest = [plan for plan in about(plans, "audience_contact") if "LIMIT 21" in plan.sql]
    assert len(newest) == 1
    for plan in newest:
        assert "contact_newest" in plan.lines, plan.lines
        if connection.vendor != "postgresql":
            assert "USE TEMP B-TREE FOR ORDER BY" not in plan.lines


def test_an_index_has_the_newest_payments_of_a_shop_in_order(shop: Shop, client: Client) -> None:
    a_payment(shop.installation)
    with explained(in_order=True) as plans:
        assert client.get("/dashboard/payments", headers=shop.headers()).status_code == 200
    [newest] = [plan for plan in about(plans, "payments_payment") if "LIMIT 21" in plan.sql]
    assert "payments_newest" in newest.lines
    assert "TEMP B-TREE" not in newest.lines
    assert "Incremental Sort" not in newest.lines


@pytest.mark.parametrize("q", ["ada@example.com", "ad", "Buyer", "Ada Buyer"])
def test_a_search_for_a_contact_reads_no_whole_table(shop: Shop, client: Client, q: str) -> None:
    a_contact(shop.installation)
    with explained() as plans:
        assert client.get("/dashboard/contacts", {"q": q}, headers=shop.headers()).status_code == 200
    assert not [plan.lines for plan in plans if plan.scanned() & TABLES]


def test_contacts_are_counted_from_an_index_alone(shop: Shop) -> None:
    audience = a_contact(shop.installation).audience
    with explained(in_order=True, index_only=True) as plans:
        counted = counts_by_audience(shop.installation.pk)
    assert counted[audience.pk]["nonsubscribed"] == 1
    [plan] = about(plans, "audience_contact")
    # SQLite never calls an index with a generated column covering, but only reads rows for columns not in the index.
    how = "USING INDEX" if connection.vendor == "sqlite" else "Index Only Scan using"
    assert f"{how} contact_by_status" in plan.lines, plan.lines
    assert "USE TEMP B-TREE" not in plan.lines
