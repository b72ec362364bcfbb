"""Idempotency keys, and the faults that make them necessary."""

import threading
import time
from typing import Any

import pytest
import stripe

from saleor_stripe_audience.sandbox.stripe import StripeSandbox

PARAMS: Any = {"amount": 1000, "currency": "usd"}
DEARER: Any = {**PARAMS, "amount": 2000}
COLORED: Any = {**PARAMS, "color": "red"}
DECLINED: Any = {
    **PARAMS,
    "confirm": True,
    "payment_method": "pm_card_chargeDeclined",
    "return_url": "https://shop.example/",
}


def test_the_same_key_replays_the_same_answer(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    first = client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"})
    client.v1.payment_intents.cancel(first.id)
    again = client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"})
    assert (again.id, again.status) == (first.id, "requires_payment_method")
    assert again.last_response is not None
    headers = {name.lower(): value for name, value in again.last_response.headers.items()}
    assert headers["idempotent-replayed"] == "true"
    assert headers["original-request"] != headers["request-id"]
    assert len(sandbox.account.table("payment_intent")) == 1


def test_a_decline_is_replayed_too(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.create(DECLINED, {"idempotency_key": "k"})
    assert len(sandbox.account.table("charge")) == 1


def test_other_parameters_under_a_key_are_refused(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError) as refused:
        client.v1.payment_intents.create(DEARER, {"idempotency_key": "k"})
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.cancel(intent.id, {}, {"idempotency_key": "k"})


def test_what_never_began_is_not_kept(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create(COLORED, {"idempotency_key": "k"})
    assert client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"}).id


def test_keys_have_at_most_255_characters(client: stripe.StripeClient) -> None:
    assert client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k" * 255}).id
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k" * 256})


def test_keys_are_forgotten_after_a_day(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    first = client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"})
    sandbox.advance(24 * 3600)
    assert client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"}).id != first.id


def test_a_key_in_use_is_409(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    sandbox.add_fault("POST /v1/payment_intents", latency_seconds=0.5)
    options: Any = {"idempotency_key": "k"}
    slow = threading.Thread(target=client.v1.payment_intents.create, args=(PARAMS, options))
    slow.start()
    _until(lambda: len(sandbox.log.entries("POST")) == 1)
    with pytest.raises(stripe.StripeError) as refused:
        client.v1.payment_intents.create(PARAMS, options)
    slow.join()
    assert (refused.value.http_status, code_of(refused.value)) == (409, "idempotency_key_in_use")
    assert len(sandbox.account.table("payment_intent")) == 1


def test_many_at_once_under_one_key_do_the_work_once(
    client: stripe.StripeClient, sandbox: StripeSandbox
) -> None:
    outcomes: list[str] = []

    def create() -> None:
        try:
            outcomes.append(client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"}).id)
        except stripe.StripeError as error:
            outcomes.append(code_of(error))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    made = set(outcomes) - {"idempotency_key_in_use"}
    assert made == set(sandbox.account.table("payment_intent"))
    assert len(made) == 1


@pytest.mark.parametrize("loss", [{"drop_connection": True}, {"status": 500}, {"garbage": True}])
def test_a_lost_answer_is_reported_on_the_next_try(
    client: stripe.StripeClient, sandbox: StripeSandbox, loss: dict[str, Any]
) -> None:
    sandbox.add_fault("POST /v1/payment_intents", after_effect=True, **loss)
    with pytest.raises(stripe.APIError if "drop_connection" not in loss else stripe.APIConnectionError):
        client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"})
    assert len(sandbox.account.table("payment_intent")) == 1
    again = client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"})
    assert list(sandbox.account.table("payment_intent")) == [again.id]
    assert [entry.replayed for entry in sandbox.log.entries("POST", "/v1/payment_intents")] == [False, True]


@pytest.mark.parametrize("loss", [{"drop_connection": True}, {"status": 503}])
def test_a_failure_before_the_work_leaves_nothing(
    client: stripe.StripeClient, sandbox: StripeSandbox, loss: dict[str, Any]
) -> None:
    sandbox.add_fault("POST /v1/payment_intents", **loss)
    with pytest.raises((stripe.APIError, stripe.APIConnectionError)):
        client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"})
    assert not sandbox.account.table("payment_intent")
    assert client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k"}).id


def test_the_library_itself_retries_to_one_payment(url: str, sandbox: StripeSandbox) -> None:
    sandbox.add_fault("POST /v1/payment_intents", drop_connection=True, after_effect=True)
    client = stripe.StripeClient("sk_test_sandbox", base_addresses={"api": url}, max_network_retries=1)
    intent = client.v1.payment_intents.create(PARAMS)
    assert list(sandbox.account.table("payment_intent")) == [intent.id]
    assert len(sandbox.log.entries("POST", "/v1/payment_intents")) == 2


def test_a_fault_happens_as_often_as_asked(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    sandbox.add_fault("GET /v1/prices*", times=2, status=429, headers={"Retry-After": "1"})
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            client.v1.prices.list()
    assert client.v1.prices.list().data == []


def code_of(error: stripe.StripeError) -> str:
    """Return the code in the body, because the library's own `code` is empty for some statuses."""
    assert error.error is not None
    return str(error.error.code)


def _until(true: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.005)


def test_a_late_answer_may_come_after_the_work(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    sandbox.add_fault("POST /v1/payment_intents", latency_seconds=0.5, after_effect=True)
    slow = threading.Thread(target=client.v1.payment_intents.create, args=(PARAMS,))
    slow.start()
    _until(lambda: sandbox.account.table("payment_intent"))
    assert slow.is_alive(), "the work is done before the response arrives"
    slow.join()
