"""The databases' plans for conditions on carts, in shops with one audience and with several."""

import re
from typing import Any

import pytest
from django.db import connection

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.segments import store
from saleor_stripe_audience.audience.segments.queries import MEMORY, large_queries
from tests.audience.segments.people import ago, bought, cart, contact
from tests.plans import explained

CONDITIONS = [{"type": "cart"}, {"type": "orderedSince", "cart": True}]
IN_INDEX_ALONE = {
    "postgresql": "Index Only Scan using purchase_by_contact",
    "sqlite": "USING COVERING INDEX purchase_by_contact",
}
QUERIES = {"postgresql": 1, "sqlite": 2}  # to count the contacts, and to list some of them
BY_AUDIENCE_AND_ADDRESS = {
    "postgresql": re.compile(r"audience_id = .* AND \(\(email\)::text = "),
    "sqlite": re.compile(r"audience_id=\? AND email=\?"),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_whether_a_cart_was_followed_by_an_order_is_in_an_index(
    audience: Audience, condition: dict[str, Any]
) -> None:
    bought(_with_cart(audience), at=ago(days=2))
    with explained(index_only=True) as plans:
        store.preview(audience, {"version": 1, "root": condition})
    about = [plan.lines for plan in plans if "audience_purchase" in plan.sql]
    assert len(about) == QUERIES[connection.vendor]
    assert all(IN_INDEX_ALONE[connection.vendor] in lines for lines in about), "\n".join(about)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_same_address_in_another_audience_is_found_by_an_index(
    audience: Audience, condition: dict[str, Any]
) -> None:
    other = Audience.objects.create(installation=audience.installation, name="Other")
    for each in (audience, other):
        Contact.objects.bulk_create(
            Contact(audience=each, email=f"{number}@shop.example") for number in range(500)
        )
    _with_cart(audience)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with explained() as plans:
        store.preview(audience, {"version": 1, "root": condition})
    about = [plan.lines for plan in plans if "audience_purchase" in plan.sql]
    assert len(about) == QUERIES[connection.vendor]
    assert all(BY_AUDIENCE_AND_ADDRESS[connection.vendor].search(lines) for lines in about), "\n".join(about)


@pytest.mark.django_db(transaction=True)
def test_queries_over_an_audience_have_settings_of_their_own() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has these settings")
    usual = _setting("work_mem")
    with large_queries():
        assert _setting("work_mem") == MEMORY
        assert _setting("jit") == "off"
    assert _setting("work_mem") == usual != MEMORY


def _with_cart(audience: Audience) -> Contact:
    who = contact(audience)
    cart(who, silent_since=ago(days=5))
    return who


def _setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])
