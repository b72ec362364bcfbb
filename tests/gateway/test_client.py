"""The client for Stripe: readable errors, deadlines kept, one effect per key."""

import time
from typing import Any

import pytest
import stripe
from django.db import transaction

from saleor_stripe_audience.database import NetworkCallInTransaction
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import failures, payment_intents, refunds
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.sandbox.stripe import StripeSandbox

PARAMS: dict[str, Any] = {
    "amount": 1230,
    "currency": "usd",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}
PAID = {**PARAMS, "confirm": True, "payment_method": "pm_card_visa"}

pytestmark = pytest.mark.usefixtures("stripe_url")


def refused(sandbox: StripeSandbox, account: StripeAccount, **fault: Any) -> Failure:
    """Return the failure that a caller gets if Stripe responds like this."""
    sandbox.add_fault("GET /v1/payment_intents/*", times=2, **fault)
    with pytest.raises(Failure) as caught:
        payment_intents.retrieve(account, "pi_1")
    return caught.value


@pytest.mark.parametrize("status", [500, 502, 503, 409])
def test_what_may_pass_is_unavailable(
    stripe_sandbox: StripeSandbox, account: StripeAccount, status: int
) -> None:
    failure = refused(stripe_sandbox, account, status=status)
    assert isinstance(failure, Unavailable)
    assert "did not respond" in failure.message


@pytest.mark.parametrize("fault", [{"drop_connection": True}, {"garbage": True}])
def test_no_answer_at_all_is_unavailable(
    stripe_sandbox: StripeSandbox, account: StripeAccount, fault: dict[str, Any]
) -> None:
    assert isinstance(refused(stripe_sandbox, account, **fault), Unavailable)


def test_one_failure_is_got_over(stripe_sandbox: StripeSandbox, account: StripeAccount) -> None:
    stripe_sandbox.add_fault("POST /v1/payment_intents", status=500)
    made = payment_intents.create(account, PARAMS, "key-1")
    assert payment_intents.retrieve(account, made.id).amount == 1230


def test_a_slow_stripe_is_left_when_time_is_up(stripe_sandbox: StripeSandbox, account: StripeAccount) -> None:
    stripe_sandbox.add_fault("GET /v1/payment_intents/*", latency_seconds=5, times=3)
    started = time.monotonic()
    with deadline(1.0), pytest.raises(Unavailable):
        payment_intents.retrieve(account, "pi_1")
    assert time.monotonic() - started < 2.5
    assert len(stripe_sandbox.log.entries("GET", "/v1/payment_intents/pi_1")) <= 1


def test_with_no_time_left_nothing_is_sent(stripe_sandbox: StripeSandbox, account: StripeAccount) -> None:
    with deadline(0.1), pytest.raises(Unavailable) as caught:
        payment_intents.create(account, PARAMS, "key-1")
    assert caught.value.code == "deadline"
    assert stripe_sandbox.log.entries("POST", "/v1/payment_intents") == []


def test_a_key_that_is_refused_names_the_account_not_the_key(
    stripe_sandbox: StripeSandbox, account: StripeAccount
) -> None:
    stripe_sandbox.revoke_key(account.secret_key)
    with pytest.raises(Rejected) as caught:
        payment_intents.retrieve(account, "pi_1")
    assert "Sandbox Shop" in caught.value.message
    assert account.secret_key not in caught.value.message


def test_a_missing_permission_is_named(stripe_sandbox: StripeSandbox, account: StripeAccount) -> None:
    stripe_sandbox.add_key(stripe_sandbox.account, "rk_test_narrow", ["payment_intent_read"])
    account.secret_key = "rk_test_narrow"
    with pytest.raises(Rejected) as caught:
        payment_intents.create(account, PARAMS, "key-1")
    assert caught.value.code == "missing_permission"
    assert "payment_intent_write" in caught.value.message


def test_what_stripe_does_not_have_is_rejected(account: StripeAccount) -> None:
    with pytest.raises(Rejected) as caught:
        payment_intents.retrieve(account, "pi_nobody")
    assert caught.value.code == "resource_missing"


def test_a_declined_card_is_rejected_with_its_code(account: StripeAccount) -> None:
    with pytest.raises(Rejected) as caught:
        payment_intents.create(account, {**PAID, "payment_method": "pm_card_chargeDeclined"}, "key-1")
    assert caught.value.code == "card_declined"


def test_the_same_key_with_other_details_is_rejected(account: StripeAccount) -> None:
    payment_intents.create(account, PARAMS, "key-1")
    with pytest.raises(Rejected) as caught:
        payment_intents.create(account, {**PARAMS, "amount": 99}, "key-1")
    assert caught.value.code == "idempotency"


def test_a_repeat_finds_the_intent_as_it_is_now(account: StripeAccount) -> None:
    first = payment_intents.create(account, PARAMS, "key-1")
    payment_intents.cancel(account, first.id, "key-2")
    again = payment_intents.create(account, PARAMS, "key-1")
    assert (again.id, again.status) == (first.id, "canceled")


def test_a_repeat_finds_the_refund_as_it_is_now(
    stripe_sandbox: StripeSandbox, account: StripeAccount
) -> None:
    paid = payment_intents.create(account, PAID, "key-1")
    first = refunds.create(account, paid.id, 230, {}, "key-2")
    stripe_sandbox.end_refund(first.id, ok=False)
    again = refunds.create(account, paid.id, 230, {}, "key-2")
    assert (first.status, again.id, again.status) == ("succeeded", first.id, "failed")


def test_two_accounts_on_one_client_stay_apart(stripe_sandbox: StripeSandbox, account: StripeAccount) -> None:
    stripe_sandbox.create_account("Other", "pk_test_other", "sk_test_other")
    made = payment_intents.create(account, PARAMS, "key-1")
    account.secret_key = "sk_test_other"
    with pytest.raises(Rejected):
        payment_intents.retrieve(account, made.id)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_asked_inside_a_transaction(stripe_sandbox: StripeSandbox, account: StripeAccount) -> None:
    with transaction.atomic(), pytest.raises(NetworkCallInTransaction):
        payment_intents.retrieve(account, "pi_1")
    assert stripe_sandbox.log.entries("GET", "/v1/payment_intents/pi_1") == []


def test_the_errors_of_a_library_that_says_little_have_words() -> None:
    failure = failures.failure_of(stripe.InvalidRequestError(None, None), "Shop")  # type: ignore[no-untyped-call]  # as the library itself does it
    assert "no reason given" in failure.message
