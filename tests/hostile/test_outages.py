"""The disk is full, the database locked, Stripe's response garbage or late: clear messages, nothing lost or doubled."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from saleor_stripe_audience import deadline
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import attempts, records
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import (  # noqa: F401 - fixtures
    APP,
    Buy,
    account,
    buy,
    installation,
    post_signed,
    stripe_sandbox,
    stripe_url,
)

Begin = Callable[..., Buy]

pytestmark = pytest.mark.django_db(transaction=True)

TROUBLE = [
    {"status": 500},
    {"status": 503, "body": "<html>Service unavailable</html>"},
    {"garbage": True},
    {"drop_connection": True},
    {"status": 429, "body": {"error": {"type": "invalid_request_error", "code": "rate_limit"}}},
]


def broken(words: str) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OperationalError(words)

    return fail


@pytest.mark.parametrize("trouble", TROUBLE, ids=str)
@pytest.mark.parametrize("after_effect", [False, True])
def test_while_stripe_is_in_trouble_nothing_is_started_twice(
    buy: Begin,  # noqa: F811 - a fixture
    stripe_sandbox: StripeSandbox,  # noqa: F811 - a fixture
    trouble: dict[str, Any],
    *,
    after_effect: bool,
) -> None:
    stripe_sandbox.add_fault("POST /v1/payment_intents", times=2, after_effect=after_effect, **trouble)
    one = buy()
    answer = one.initialize()
    assert answer["result"] == "CHARGE_ACTION_REQUIRED", "Stripe may have made it: Saleor must ask again"
    assert "try again" in answer["message"]
    assert "html" not in answer["message"]
    stripe_sandbox.faults.clear()
    assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
    assert len(stripe_sandbox.account.table("payment_intent")) == 1


@pytest.mark.parametrize("trouble", TROUBLE, ids=str)
def test_while_stripe_is_in_trouble_nothing_is_refunded_twice(
    buy: Begin,  # noqa: F811 - a fixture
    stripe_sandbox: StripeSandbox,  # noqa: F811 - a fixture
    trouble: dict[str, Any],
) -> None:
    one = buy().paid()
    stripe_sandbox.add_fault("POST /v1/refunds", times=2, after_effect=True, **trouble)
    assert one.request("REFUND", "5.00")["result"] == "REFUND_FAILURE"
    stripe_sandbox.faults.clear()
    assert one.request("REFUND", "5.00", again=True)["result"] == "REFUND_SUCCESS"
    assert [each["amount"] for each in stripe_sandbox.account.table("refund").values()] == [500]


def test_a_stripe_slower_than_the_deadline_is_left_in_time(
    buy: Begin,  # noqa: F811 - a fixture
    stripe_sandbox: StripeSandbox,  # noqa: F811 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A webhook's deadline is for all its calls together; it is short here so that the test is fast."""
    monkeypatch.setattr(deadline, "SYNCHRONOUS_WEBHOOK_SECONDS", 0.8)
    stripe_sandbox.add_fault("POST /v1/payment_intents", latency_seconds=3.0, after_effect=True)
    one = buy()
    answer = one.initialize()
    assert answer["result"] == "CHARGE_ACTION_REQUIRED"
    monkeypatch.undo()
    assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
    assert len(stripe_sandbox.account.table("payment_intent")) == 1


def test_a_revoked_key_is_said_without_the_key(buy: Begin, account: StripeAccount) -> None:  # noqa: F811 - fixtures
    one = buy().paid()
    StripeAccount.objects.update(secret_key="sk_test_revoked_marker")
    requested_by_staff = one.request("REFUND", "5.00")
    assert "Paste a new" in requested_by_staff["message"]
    for answer in (buy().initialize(), one.process()):
        assert "Paste" not in json.dumps(answer), "shoppers do not read merchants' messages"
        assert "marker" not in json.dumps([answer, requested_by_staff])
    assert one.process()["result"] == "CHARGE_ACTION_REQUIRED", (
        "a paid transaction is never reported as failed"
    )


@pytest.mark.parametrize("words", ["database or disk is full", "database is locked", "disk I/O error"])
class TestDatabase:
    def test_before_anything_was_asked_of_stripe_nothing_is(
        self,
        buy: Begin,  # noqa: F811 - a fixture
        stripe_sandbox: StripeSandbox,  # noqa: F811 - a fixture
        monkeypatch: pytest.MonkeyPatch,
        words: str,
    ) -> None:
        one = buy()
        with monkeypatch.context() as patched:
            patched.setattr(attempts, "store", broken(words))
            answer = one.initialize()
        assert answer["result"] == "CHARGE_ACTION_REQUIRED"
        assert words not in answer["message"]
        assert not stripe_sandbox.account.table("payment_intent")
        assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"

    def test_after_it_was_paid_it_is_reported_as_paid(
        self,
        buy: Begin,  # noqa: F811 - a fixture
        monkeypatch: pytest.MonkeyPatch,
        words: str,
    ) -> None:
        one = buy()
        with monkeypatch.context() as patched:
            patched.setattr(records, "insert_once", broken(words))
            one.initialize()
            one.pay()
            assert one.process()["result"] == "CHARGE_SUCCESS"
        assert one.process()["result"] == "CHARGE_SUCCESS"
        assert one.row().captured_minor == 1230

    def test_an_event_that_cannot_be_written_down_is_asked_for_again(
        self,
        installation: Installation,  # noqa: F811 - a fixture
        monkeypatch: pytest.MonkeyPatch,
        words: str,
    ) -> None:
        body = json.dumps({"recipient": {"id": APP}, "order": {"id": "T3JkZXI6MQ=="}}).encode()
        with monkeypatch.context() as patched:
            patched.setattr(inbox, "insert_once", broken(words))
            response = post_signed(installation, "order_created", body)
        assert response.status_code == 503
        assert words not in response.content.decode()
        assert post_signed(installation, "order_created", body).json() == {"ok": True, "new": True}

    def test_a_handler_that_cannot_write_is_run_again(
        self,
        installation: Installation,  # noqa: F811 - a fixture
        run_all_tasks: Callable[[], int],
        monkeypatch: pytest.MonkeyPatch,
        words: str,
    ) -> None:
        failures = [1, 1]
        genuine = inbox._run

        def sometimes(event: Event, handler: Any, before: Any) -> None:
            if failures:
                failures.pop()
                raise OperationalError(words)
            genuine(event, handler, before)

        monkeypatch.setattr(inbox, "_run", sometimes)
        body = json.dumps(
            {"__typename": "ProductDeleted", "recipient": {"id": APP}, "product": {"id": "UHJvZHVjdDox"}}
        ).encode()
        post_signed(installation, "product_deleted", body)
        run_all_tasks()
        assert Event.objects.get().handled_at is not None
