"""Signed by the shop but nonsense: the response has the event's format and no stack trace, and no money moves."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import (  # noqa: F401 - fixtures
    APP,
    Buy,
    account,
    buy,
    check_answer,
    installation,
    post_signed,
    stripe_sandbox,
    stripe_url,
)

Begin = Callable[..., Buy]

pytestmark = pytest.mark.django_db(transaction=True)

FAILURES = {
    "transaction_initialize_session": "CHARGE_ACTION_REQUIRED",  # its payment may exist
    "transaction_charge_requested": "CHARGE_FAILURE",
    "transaction_refund_requested": "REFUND_FAILURE",
    "transaction_cancelation_requested": "CANCEL_FAILURE",
}
NONSENSE = [
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"recipient": {"id": "QXBwOjE="}, "action": {"amount": NaN}}',
    b'{"recipient": {"id": "QXBwOjE="}, "action": {"amount": 1e999}}',
    b"\x00\x01\x02",
    b"[]",
    b'"text"',
    b"null",
]


@pytest.mark.parametrize("event", sorted(FAILURES))
@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: body[:24].decode("latin-1"))
def test_nonsense_is_a_failure_with_words(
    installation: Installation,  # noqa: F811 - a fixture
    event: str,
    body: bytes,
) -> None:
    response = post_signed(installation, event, body)
    assert response.status_code == 200
    answer = response.json()
    check_answer(event, answer)
    assert answer["result"] == FAILURES[event]
    assert answer["message"]
    assert "Traceback" not in response.content.decode()


@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: body[:24].decode("latin-1"))
def test_nonsense_for_later_is_refused_and_not_written_down(
    installation: Installation,  # noqa: F811 - a fixture
    body: bytes,
) -> None:
    response = post_signed(installation, "order_created", body)
    assert response.status_code == 400
    assert response.json()["error"]["message"]
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (-1, "USD"), (0, "USD"), (-0.0, "USD"), (0.001, "USD"), (10.005, "USD"), (0.49, "USD"), (1_000_000, "USD"),
        (1e30, "USD"), ("NaN", "USD"), ("Infinity", "USD"), ("1e400", "USD"), ("ten", "USD"), ([], "USD"),
        (True, "USD"),
        (10, "XYZ"), (10, ""), (10, "usd; drop"), (10, None), (10.5, "JPY"), (100.1, "ISK"), (1.2345, "KWD"),
    ],
)  # fmt: skip
def test_an_amount_that_cannot_be_charged_is_said_and_nothing_begins(
    buy: Begin,  # noqa: F811 - a fixture
    stripe_sandbox: StripeSandbox,  # noqa: F811 - a fixture
    amount: Any,
    currency: Any,
) -> None:
    one = buy()
    action = {"amount": amount, "currency": currency, "actionType": "CHARGE"}
    answer = one.session("transaction_initialize_session", action=action)
    assert answer["result"] == "CHARGE_FAILURE"
    assert answer["message"]
    assert not stripe_sandbox.account.table("payment_intent")
    assert not Payment.objects.exists()


@pytest.mark.parametrize("kind", ["CHARGE", "REFUND"])
@pytest.mark.parametrize("amount", ["-1", "0", "10.005", "1000000"])
def test_an_amount_that_cannot_be_moved_is_said_and_nothing_moves(
    buy: Begin,  # noqa: F811 - a fixture
    stripe_sandbox: StripeSandbox,  # noqa: F811 - a fixture
    kind: str,
    amount: str,
) -> None:
    one = buy(flow="AUTHORIZATION" if kind == "CHARGE" else "CHARGE").paid()
    answer = one.request(kind, amount)
    assert answer["result"] == f"{kind}_FAILURE"
    assert answer["message"]
    [intent] = stripe_sandbox.account.table("payment_intent").values()
    assert intent["amount_received"] == (0 if kind == "CHARGE" else 1230)
    assert not stripe_sandbox.account.table("refund")


@pytest.mark.parametrize(
    "path",
    [
        "/api/webhooks/saleor/transaction-initialize-session", "/api/webhooks/saleor/order-created",
        "/api/webhooks/stripe/00000000-0000-4000-8000-000000000000", "/api/register", "/graphql/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [0, 2 * 1024 * 1024 + 1])
def test_nothing_is_answered_to_nobody(path: str, size: int) -> None:
    response = Client().post(path, b"x" * size, content_type="application/json")
    assert 400 <= response.status_code < 500
    assert "Traceback" not in response.content.decode()


def test_a_signed_event_of_another_app_is_refused(installation: Installation) -> None:  # noqa: F811 - a fixture
    body = json.dumps({"recipient": {"id": APP + "x"}, "action": {}}).encode()
    answer = post_signed(installation, "transaction_charge_requested", body).json()
    assert answer["result"] == "CHARGE_FAILURE"
    assert "another app" in answer["message"]
