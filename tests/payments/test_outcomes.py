"""The table: every status of a PaymentIntent in both flows."""

from typing import Any

import pytest

from saleor_stripe_audience.gateway.metadata import LANGUAGE
from saleor_stripe_audience.gateway.objects import LONGEST_CODE, PaymentIntent, parse
from saleor_stripe_audience.payments import declines
from saleor_stripe_audience.payments.outcomes import Outcome, actions_of, outcome_of

HIDDEN = ["fraudulent", "lost_card", "stolen_card", "pickup_card", "restricted_card", "merchant_blacklist"]
CHARGE, AUTHORIZATION = "CHARGE", "AUTHORIZATION"
PAID = {"id": "ch_1", "captured": True, "amount": 1230, "amount_captured": 1230, "amount_refunded": 0}


def intent(status: str, **more: Any) -> PaymentIntent:
    whole = {"id": "pi_1", "status": status, "amount": 1230, "amount_received": 0, "amount_capturable": 0}
    found = {**whole, "currency": "usd", "livemode": False, "latest_charge": None, **more}
    return parse(PaymentIntent, found)


TABLE = [
    (CHARGE, "succeeded", "CHARGE_SUCCESS", ("REFUND",)),
    (CHARGE, "processing", "CHARGE_REQUEST", ()),
    (CHARGE, "requires_payment_method", "CHARGE_ACTION_REQUIRED", ()),
    (CHARGE, "requires_confirmation", "CHARGE_ACTION_REQUIRED", ()),
    (CHARGE, "requires_action", "CHARGE_ACTION_REQUIRED", ()),
    (CHARGE, "requires_capture", "AUTHORIZATION_SUCCESS", ("CHARGE", "CANCEL")),
    (CHARGE, "canceled", "CHARGE_FAILURE", ()),
    (AUTHORIZATION, "requires_capture", "AUTHORIZATION_SUCCESS", ("CHARGE", "CANCEL")),
    (AUTHORIZATION, "succeeded", "CHARGE_SUCCESS", ("REFUND",)),
    (AUTHORIZATION, "processing", "AUTHORIZATION_REQUEST", ()),
    (AUTHORIZATION, "requires_payment_method", "AUTHORIZATION_ACTION_REQUIRED", ()),
    (AUTHORIZATION, "requires_confirmation", "AUTHORIZATION_ACTION_REQUIRED", ()),
    (AUTHORIZATION, "requires_action", "AUTHORIZATION_ACTION_REQUIRED", ()),
    (AUTHORIZATION, "canceled", "AUTHORIZATION_FAILURE", ()),
]


@pytest.mark.parametrize(("flow", "status", "result", "actions"), TABLE)
def test_the_table(flow: str, status: str, result: str, actions: tuple[str, ...]) -> None:
    changes: dict[str, dict[str, Any]] = {
        "succeeded": {"amount_received": 1230, "latest_charge": PAID},
        "requires_capture": {"amount_capturable": 1230},
    }
    moved = changes.get(status, {})
    outcome = outcome_of(intent(status, **moved), flow)
    assert (outcome.result, outcome.actions) == (result, actions)
    assert str(outcome.money.amount) == "12.30"
    assert outcome.external_url == "https://dashboard.stripe.com/test/payments/pi_1"


def test_a_captured_hold_has_a_reference_of_its_own() -> None:
    paid = intent("succeeded", amount_received=1230, latest_charge=PAID)
    assert outcome_of(paid, AUTHORIZATION).psp_reference == "ch_1"
    assert outcome_of(paid, CHARGE).psp_reference == "pi_1"


def test_what_was_taken_counts_not_what_was_asked() -> None:
    charge = {**PAID, "amount_captured": 500, "amount_refunded": 730}
    part = intent("succeeded", amount_received=500, latest_charge=charge)
    assert str(outcome_of(part, AUTHORIZATION).money.amount) == "5.00"
    assert part.refunded_minor == 0
    assert actions_of(part) == ("REFUND",)


def test_what_is_refunded_whole_cannot_be_refunded_again() -> None:
    paid = intent("succeeded", amount_received=1230, latest_charge={**PAID, "amount_refunded": 1230})
    assert paid.refunded_minor == 1230
    assert actions_of(paid) == ()


def test_a_live_payment_links_to_the_live_page() -> None:
    outcome = outcome_of(intent("processing", livemode=True), CHARGE)
    assert outcome.external_url == "https://dashboard.stripe.com/payments/pi_1"


def declined(code: str, **more: Any) -> Outcome:
    error = {"code": "card_declined", "decline_code": code, "message": f"Your card is {code}."}
    return outcome_of(intent("requires_payment_method", last_payment_error=error, **more), CHARGE)


@pytest.mark.parametrize("code", sorted(HIDDEN))
@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_shopper_reads_why_a_card_is_blocked(code: str, language: str) -> None:
    outcome = declined(code, metadata={LANGUAGE: language})
    assert outcome.message == declines.for_shopper("generic_decline", language)
    assert outcome.decline_code == code
    assert code not in str(outcome.as_response())


@pytest.mark.parametrize(
    ("language", "words"), [("", "has expired"), ("de", "has expired"), ("FR_CA", "a expiré")]
)
def test_a_decline_is_reported_in_the_shoppers_language(language: str, words: str) -> None:
    assert words in declined("expired_card", metadata={LANGUAGE: language}).message


def test_an_error_without_a_decline_code_is_reported_by_its_own() -> None:
    error = {"code": "payment_intent_authentication_failure", "message": "Not authenticated."}
    outcome = outcome_of(intent("requires_payment_method", last_payment_error=error), CHARGE)
    assert outcome.decline_code == "payment_intent_authentication_failure"
    assert "not confirmed with your bank" in outcome.message


@pytest.mark.parametrize(
    "error", [{"type": "card_error"}, {"code": None, "decline_code": None}, {"code": "x" * 300}]
)
def test_an_odd_error_is_a_decline_all_the_same(error: dict[str, Any]) -> None:
    outcome = outcome_of(intent("requires_payment_method", last_payment_error=error), CHARGE)
    assert outcome.message == declines.for_shopper("")
    assert len(outcome.decline_code) <= LONGEST_CODE


def test_a_message_is_no_longer_than_saleor_stores() -> None:
    outcome = outcome_of(intent("processing"), CHARGE)
    long = Outcome(outcome.result, "pi_1", outcome.money, message="x" * 600)
    assert len(long.as_response()["message"]) == 512
