"""Payments: the state machine, and what it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from saleor_stripe_audience.sandbox.stripe import StripeSandbox


def test_a_new_intent_waits_for_a_payment_method(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    assert intent.status == "requires_payment_method"
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(intent.id + "_secret_")
    assert intent.capture_method == "automatic_async"
    assert intent.automatic_payment_methods is not None
    assert intent.automatic_payment_methods.enabled
    assert "card" in intent.payment_method_types


def test_a_good_card_pays_and_shows_fee_and_net(pay: Callable[..., Any]) -> None:
    intent = pay(capture_method="automatic", expand=["latest_charge.balance_transaction", "payment_method"])
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    transaction = intent.latest_charge.balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (1000, 59, 941)
    assert intent.payment_method.card.last4 == "4242"


def test_automatic_async_books_the_balance_transaction_later(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    intent = pay(expand=["latest_charge"])
    assert intent.status == "succeeded"
    assert intent.latest_charge.balance_transaction is None
    assert sandbox.drain()
    charge = client.v1.charges.retrieve(intent.latest_charge.id, {"expand": ["balance_transaction"]})
    assert charge.balance_transaction.net == 941  # type: ignore[union-attr]  # expanded


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
    ],
)
def test_a_decline_is_402_and_the_intent_waits_again(
    client: stripe.StripeClient, method: str, code: str, decline_code: str
) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_intents.confirm(
            intent.id, {"payment_method": method, "return_url": "https://shop.example/"}
        )
    error = refused.value
    assert (error.http_status, error.code) == (402, code)
    assert error.error is not None
    assert error.error.decline_code == decline_code
    assert error.error.payment_intent.id == intent.id  # type: ignore[union-attr]
    after = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == decline_code
    assert after.latest_charge.status == "failed"  # type: ignore[union-attr]
    again = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example/"}
    )
    assert again.status == "succeeded"
    assert again.last_payment_error is None


def test_a_part_is_captured_and_the_rest_released(
    client: stripe.StripeClient, hold: Callable[..., Any]
) -> None:
    held = hold()
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 1000, 0)
    taken = client.v1.payment_intents.capture(
        held.id, {"amount_to_capture": 400, "expand": ["latest_charge.refunds"]}
    )
    assert (taken.status, taken.amount_capturable, taken.amount_received) == ("succeeded", 0, 400)
    charge: Any = taken.latest_charge
    assert (charge.amount_captured, charge.amount_refunded, charge.captured) == (400, 600, True)
    assert [refund.amount for refund in charge.refunds.data] == [600]


def test_no_more_than_held_is_captured(client: stripe.StripeClient, hold: Callable[..., Any]) -> None:
    held = hold()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(held.id, {"amount_to_capture": 1001})
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount_to_capture")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.capture(held.id, {"amount_to_capture": 0})
    assert client.v1.payment_intents.retrieve(held.id).status == "requires_capture"


def test_a_second_capture_is_refused(client: stripe.StripeClient, hold: Callable[..., Any]) -> None:
    held = hold()
    client.v1.payment_intents.capture(held.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(held.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.error is not None
    assert refused.value.error.payment_intent.status == "succeeded"  # type: ignore[union-attr]


def test_multicapture_needs_a_contract_and_to_be_asked_for(
    client: stripe.StripeClient, sandbox: StripeSandbox, hold: Callable[..., Any]
) -> None:
    asked = {"card": {"request_multicapture": "if_available"}}
    with pytest.raises(stripe.InvalidRequestError, match="final_capture"):
        client.v1.payment_intents.capture(
            hold(payment_method_options=asked).id, {"amount_to_capture": 300, "final_capture": False}
        )
    sandbox.account.multicapture = True
    with pytest.raises(stripe.InvalidRequestError, match="final_capture"):
        client.v1.payment_intents.capture(hold().id, {"amount_to_capture": 300, "final_capture": False})
    held = hold(payment_method_options=asked)
    first = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 300, "final_capture": False})
    assert (first.status, first.amount_received, first.amount_capturable) == ("requires_capture", 300, 700)
    last = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 500})
    assert (last.status, last.amount_received, last.amount_capturable) == ("succeeded", 800, 0)


def test_nothing_is_captured_only_to_end_a_hold_of_parts(
    client: stripe.StripeClient, sandbox: StripeSandbox, hold: Callable[..., Any]
) -> None:
    sandbox.account.multicapture = True
    held = hold(payment_method_options={"card": {"request_multicapture": "if_available"}})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.capture(held.id, {"amount_to_capture": 0})
    client.v1.payment_intents.capture(held.id, {"amount_to_capture": 300, "final_capture": False})
    ended = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 0})
    assert (ended.status, ended.amount_received, ended.amount_capturable) == ("succeeded", 300, 0)


def test_cancel_releases_what_was_held(
    client: stripe.StripeClient, sandbox: StripeSandbox, hold: Callable[..., Any]
) -> None:
    held = hold()
    ended = client.v1.payment_intents.cancel(held.id, {"cancellation_reason": "requested_by_customer"})
    assert (ended.status, ended.amount_capturable) == ("canceled", 0)
    assert ended.cancellation_reason == "requested_by_customer"
    assert [event["type"] for event in sandbox.events()][-2:] == [
        "charge.refunded",
        "payment_intent.canceled",
    ]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.cancel(held.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_paid_intent_cannot_be_cancelled_or_confirmed(
    client: stripe.StripeClient, pay: Callable[..., Any]
) -> None:
    paid = pay()
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        client.v1.payment_intents.cancel(paid.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        client.v1.payment_intents.confirm(paid.id)


def test_the_amount_changes_until_it_is_paid(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    assert client.v1.payment_intents.update(intent.id, {"amount": 1200}).amount == 1200
    paid = pay()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.update(paid.id, {"amount": 1200})
    assert refused.value.code == "payment_intent_unexpected_state"
    noted = client.v1.payment_intents.update(paid.id, {"metadata": {"order": "7"}})
    assert noted.metadata["order"] == "7"


def test_authorizations_lapse_after_seven_days(
    client: stripe.StripeClient, sandbox: StripeSandbox, hold: Callable[..., Any]
) -> None:
    held = hold()
    sandbox.advance(7 * 24 * 3600)
    lapsed = client.v1.payment_intents.retrieve(held.id)
    assert (lapsed.status, lapsed.cancellation_reason) == ("canceled", "automatic")


def test_debits_are_processing_until_reported(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    arriving, returned = (pay("pm_usBankAccount_success") for _ in range(2))
    assert arriving.status == "processing"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.cancel(arriving.id)
    sandbox.end_processing(arriving.id, ok=True)
    sandbox.end_processing(returned.id, ok=False)
    assert client.v1.payment_intents.retrieve(arriving.id).status == "succeeded"
    failed = client.v1.payment_intents.retrieve(returned.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None


def test_debits_cannot_be_held(hold: Callable[..., Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        hold(payment_method="pm_usBankAccount_success")
    assert refused.value.param == "payment_method"


def test_card_only_holding_leaves_other_methods_alone(pay: Callable[..., Any]) -> None:
    options = {"card": {"capture_method": "manual"}}
    assert pay(payment_method_options=options).status == "requires_capture"
    assert pay("pm_usBankAccount_success", payment_method_options=options).status == "processing"


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"amount": 49, "currency": "usd"}, "amount", "amount_too_small"),
        ({"amount": 50, "currency": "usd"}, None, None),
        ({"amount": 29, "currency": "gbp"}, "amount", "amount_too_small"),
        ({"amount": 49, "currency": "jpy"}, "amount", "amount_too_small"),
        ({"amount": 99_999_999, "currency": "usd"}, None, None),
        ({"amount": 100_000_000, "currency": "usd"}, "amount", "amount_too_large"),
        ({"amount": 0, "currency": "usd"}, "amount", "parameter_invalid_integer"),
        ({"amount": -5, "currency": "usd"}, "amount", "parameter_invalid_integer"),
        ({"amount": 100_050, "currency": "isk"}, "amount", "parameter_invalid_integer"),
        ({"amount": 100_000, "currency": "isk"}, None, None),
        ({"amount": 500_001, "currency": "ugx"}, "amount", "parameter_invalid_integer"),
        ({"amount": 5_001, "currency": "kwd"}, "amount", "parameter_invalid_integer"),
        ({"amount": 5_000, "currency": "kwd"}, None, None),
        ({"amount": 3, "currency": "mga"}, "amount", "amount_too_small"),
        # The account is paid out in US dollars, so the amount's value in dollars counts.
        ({"amount": 50, "currency": "jpy"}, "amount", "amount_too_small"),
        ({"amount": 77, "currency": "jpy"}, None, None),
        ({"amount": 1800, "currency": "inr"}, "amount", "amount_too_small"),
        ({"amount": 55, "currency": "sar"}, "amount", "amount_too_small"),
        ({"amount": 46, "currency": "eur"}, None, None),
        ({"amount": 1000, "currency": "xyz"}, "currency", None),
        ({"currency": "usd"}, "amount", "parameter_missing"),
        ({"amount": 1000}, "currency", "parameter_missing"),
        ({"amount": "ten", "currency": "usd"}, "amount", "parameter_invalid_integer"),
        ({"amount": 1000, "currency": "usd", "color": "red"}, "color", "parameter_unknown"),
        ({"amount": 1000, "currency": "usd", "payment_method_types": ["card"]}, None, "parameter_unknown"),
        (
            {"amount": 1000, "currency": "usd", "shipping": {"name": "x"}},
            "shipping[address]",
            "parameter_missing",
        ),
        ({"amount": 1000, "currency": "usd", "capture_method": "never"}, "capture_method", None),
        ({"amount": 1000, "currency": "usd", "return_url": "https://x.example"}, "return_url", None),
        ({"amount": 1000, "currency": "usd", "off_session": True}, "off_session", None),
        ({"amount": 1000, "currency": "usd", "customer": "cus_none"}, "customer", "resource_missing"),
        ({"amount": 1000, "currency": "usd", "statement_descriptor": "1234"}, "statement_descriptor", None),
        ({"amount": 1000, "currency": "usd", "statement_descriptor_suffix": "12*4a"}, None, None),
        ({"amount": 1000, "currency": "usd", "description": ""}, "description", "parameter_invalid_empty"),
        ({"amount": 1000, "currency": "usd", "metadata": {"k" * 41: "v"}}, "metadata", None),
        ({"amount": 1000, "currency": "usd", "metadata": {"k": "v" * 501}}, "metadata[k]", None),
        ({"amount": 1000, "currency": "usd", "metadata": {str(n): "v" for n in range(51)}}, "metadata", None),
    ],
)
def test_what_stripe_refuses_is_refused(
    client: stripe.StripeClient, sandbox: StripeSandbox, params: Any, param: str | None, code: str | None
) -> None:
    good = param is None and code is None and "statement_descriptor_suffix" not in params
    if good:
        assert client.v1.payment_intents.create(params).status == "requires_payment_method"
        return
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(params)
    assert refused.value.http_status == 400
    assert param in (None, refused.value.param)
    assert refused.value.code == code
    assert not sandbox.account.table("payment_intent")


def test_confirming_needs_a_method_and_a_way_back(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id, {"return_url": "https://shop.example/"})
    assert refused.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert refused.value.param == "return_url"
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_an_unknown_intent_is_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.retrieve("pi_none")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_metadata_is_merged_and_emptied(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "metadata": {"a": "1", "b": "2"}}
    )
    changed = client.v1.payment_intents.update(intent.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert client.v1.payment_intents.update(intent.id, {"metadata": ""}).metadata.to_dict() == {}


def test_expansion_is_checked_before_anything_is_done(
    client: stripe.StripeClient, sandbox: StripeSandbox
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "expand": ["amount"]})
    assert not sandbox.account.table("payment_intent")
