"""The SQL statements that a shopper waits for: their number, and that each of them uses an index."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience import recent
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor.webhooks import type_of
from saleor_stripe_audience.shops.models import Channel, Installation
from tests.gateway.test_webhooks import event, post
from tests.payments.conftest import APP, Buy, Json, post_signed

Buying = Callable[..., Buy]

ADDRESS = {
    "firstName": "Robin", "lastName": "Vale", "streetAddress1": "1 Harbour Street", "city": "Oswego",
    "postalCode": "13126", "countryArea": "NY", "country": {"code": "US"},
}  # fmt: skip
CONTROL = re.compile(r"BEGIN|COMMIT|SAVEPOINT|RELEASE", re.IGNORECASE)


def checkout(**more: Any) -> Json:
    return {
        "__typename": "Checkout",
        "id": f"Q2hlY2tvdXQ6{uuid.uuid4().hex}",
        "channel": {"slug": "default-channel", "currencyCode": "USD"},
        "totalPrice": {"gross": {"amount": 12.3, "currency": "USD"}},
        "checkoutTransactions": [],
        **more,
    }


def sent(act: Callable[[], Any]) -> list[str]:
    """Return the statements that were sent, without those that only begin and end transactions."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return [each["sql"] for each in captured if not CONTROL.match(each["sql"])]


def check_plan(statement: str) -> None:
    """Check that the plan uses an index for every table; otherwise, it would read a million rows."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            steps = [str(row[3]) for row in cursor.fetchall()]
            scans = [each for each in steps if each.startswith("SCAN") and each != "SCAN CONSTANT ROW"]
            assert scans in ([], ["SCAN one"]), (statement, steps)
        else:
            cursor.execute("SET enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(str(row[0]) for row in cursor.fetchall())
            cursor.execute("RESET enable_seqscan")
            assert "Seq Scan" not in plan, (statement, plan)


GUESTS = [checkout(), checkout(billingAddress=ADDRESS, email="robin@shop.example")]


@pytest.mark.parametrize("source", GUESTS, ids=["a guest", "a guest with an address"])
def test_a_new_payment_of_a_guest_needs_three_statements(buy: Buying, source: Json) -> None:
    buy().initialize(sourceObject=checkout())
    one = buy()
    statements = sent(lambda: one.initialize(sourceObject=source))
    assert one.row().payment_intent_id == one.psp
    assert len(statements) <= 3, statements
    for each in statements:
        check_plan(each)


def test_a_new_payment_of_a_known_shopper_needs_one_more_for_the_customer(buy: Buying) -> None:
    source = checkout(user={"id": "VXNlcjox", "email": "robin@shop.example"}, billingAddress=ADDRESS)
    buy().initialize(sourceObject=source)
    statements = sent(lambda: buy().initialize(sourceObject={**source, "id": "another"}))
    assert len(statements) <= 4, statements
    for each in statements:
        check_plan(each)


def test_what_became_of_a_payment_needs_three_statements(buy: Buying) -> None:
    source = checkout()
    buy().paid()
    one = buy()
    one.initialize(sourceObject=source)
    one.pay()
    statements = sent(lambda: one.process(sourceObject=source))
    assert one.row().status == "succeeded"
    assert len(statements) <= 3, statements
    for each in statements:
        check_plan(each)


def test_the_form_needs_no_statement(buy: Buying) -> None:
    def ask() -> None:
        answer = buy().send("payment_gateway_initialize_session", sourceObject=checkout())
        assert answer["data"]["stripePublishableKey"]

    recent.forget_all()
    first = sent(ask)
    assert len(first) == 2
    for each in first:
        check_plan(each)
    assert sent(ask) == []


@pytest.mark.parametrize("slug", ["default-channel", "renamed"])
def test_a_channel_with_its_id_needs_no_more_statements(buy: Buying, slug: str) -> None:
    identifier = "Q2hhbm5lbDox"
    Channel.objects.create(
        installation=buy().installation,
        slug="default-channel",
        saleor_id=identifier,
        name="-",
        currency="USD",
    )
    channel = {"id": identifier, "slug": slug, "currencyCode": "USD"}
    recent.forget_all()
    first = sent(
        lambda: buy().send("payment_gateway_initialize_session", sourceObject=checkout(channel=channel))
    )
    [reading] = [each for each in first if "gateway_accountchannel" in each]
    check_plan(reading)
    if slug != "renamed":  # then, the shop's channels are fetched, too
        assert len(first) == 2
        buy().initialize(sourceObject=checkout(channel=channel))
        statements = sent(lambda: buy().initialize(sourceObject=checkout(channel=channel)))
        assert len(statements) <= 3, statements


def test_the_manifest_needs_no_statement(db: None) -> None:
    assert sent(lambda: Client().get("/api/manifest")) == []


def test_an_event_of_saleor_is_accepted_in_two_statements(installation: Installation) -> None:
    def deliver() -> None:
        payload = {
            "__typename": type_of("order_created"),
            "recipient": {"id": APP},
            "order": {"id": uuid.uuid4().hex},
        }
        body = json.dumps(payload).encode()
        assert post_signed(installation, "order_created", body).json() == {"ok": True, "new": True}
        assert post_signed(installation, "order_created", body).json() == {"ok": True, "new": False}

    deliver()
    statements = sent(deliver)
    assert Event.objects.count() == 2
    assert len(statements) == 3, statements  # event and task, then the event that already exists
    for each in statements:
        check_plan(each)


def test_an_event_of_stripe_is_accepted_in_two_statements(account: StripeAccount) -> None:
    post(account, json.dumps(event()).encode())
    body = json.dumps(event(id="evt_2")).encode()
    statements = sent(lambda: post(account, body))
    assert len(statements) == 2, statements
    assert len(sent(lambda: post(account, body))) == 1
    for each in statements:
        check_plan(each)


def test_a_payment_that_has_a_row_is_brought_up_to_date_in_one_statement(buy: Buying) -> None:
    one = buy()
    one.initialize()
    Payment.objects.update(amount_minor=1)
    statements = sent(one.initialize)
    assert one.row().amount_minor == 1230
    assert [
        each.split()[:2] for each in statements if "payments_payment" in each and "SELECT" not in each
    ] == [["UPDATE", "payments_payment"]]
