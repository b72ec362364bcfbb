"""Refunds and disputes."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from saleor_stripe_audience.sandbox.stripe import StripeSandbox


def test_parts_are_refunded_up_to_the_whole(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    paid = pay()
    first = client.v1.refunds.create(
        {"payment_intent": paid.id, "amount": 300, "reason": "requested_by_customer"}
    )
    assert (first.status, first.amount, first.charge) == ("succeeded", 300, paid.latest_charge)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 701})
    assert refused.value.param == "amount"
    rest = client.v1.refunds.create({"charge": paid.latest_charge})
    assert rest.amount == 700
    charge = client.v1.charges.retrieve(paid.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": paid.latest_charge})
    assert refused.value.code == "charge_already_refunded"
    listed = client.v1.refunds.list({"payment_intent": paid.id}).data
    assert [refund.amount for refund in listed] == [700, 300]


def test_a_refund_names_what_it_refunds(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"amount": 5})
    assert refused.value.code == "parameter_missing"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": pay().id, "charge": pay().latest_charge})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": pay().id, "reason": "bored"})
    assert refused.value.param == "reason"


def test_only_money_taken_is_refunded(
    client: stripe.StripeClient, pay: Callable[..., Any], hold: Callable[..., Any]
) -> None:
    for intent in (hold(), pay("pm_usBankAccount_success")):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.refunds.create({"payment_intent": intent.id})
    unpaid = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": unpaid.id})


def test_after_a_partial_capture_only_that_is_refunded(
    client: stripe.StripeClient, hold: Callable[..., Any]
) -> None:
    held = hold()
    client.v1.payment_intents.capture(held.id, {"amount_to_capture": 400})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": held.id, "amount": 401})
    assert client.v1.refunds.create({"payment_intent": held.id}).amount == 400


def test_a_refund_that_fails_later_gives_the_amount_back(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    paid = pay("pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": paid.id})
    assert refund.status == "succeeded"
    assert sandbox.drain()
    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    charge = client.v1.charges.retrieve(paid.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert sandbox.events("refund.failed")[0]["data"]["previous_attributes"]["status"] == "succeeded"


def test_a_pending_refund_succeeds_later(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    refund = client.v1.refunds.create({"payment_intent": pay("pm_card_pendingRefund").id})
    assert refund.status == "pending"
    assert sandbox.drain()
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert len(sandbox.events("refund.updated")) == 1


def test_control_fails_any_refund_once(
    client: stripe.StripeClient, url: str, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    refund = client.v1.refunds.create({"payment_intent": pay().id})
    address = f"{url}/sandbox/control/refunds/{refund.id}"
    assert requests.post(address, json={"outcome": "fail"}, timeout=5).json()["status"] == "failed"
    assert requests.post(address, json={"outcome": "fail"}, timeout=5).status_code == 400
    assert len(sandbox.events("refund.failed")) == 1


def test_the_dispute_card_is_disputed_at_once(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    paid = pay("pm_card_createDispute", expand=["latest_charge"])
    assert paid.status == "succeeded"
    assert paid.latest_charge.disputed
    dispute = client.v1.disputes.list({"payment_intent": paid.id}).data[0]
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 1000)
    assert [each.net for each in dispute.balance_transactions] == [-2500]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_disputed"
    kinds = [event["type"] for event in sandbox.events() if event["type"].startswith("charge.dispute")]
    assert kinds == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


def test_a_dispute_is_won_by_control(url: str, sandbox: StripeSandbox, pay: Callable[..., Any]) -> None:
    paid = pay()
    address = f"{url}/sandbox/control/disputes"
    body = {"action": "open", "id": paid.id, "reason": "product_not_received", "amount": 500}
    dispute = requests.post(address, json=body, timeout=5).json()
    assert (dispute["amount"], dispute["reason"]) == (500, "product_not_received")
    won = requests.post(address, json={"action": "win", "id": dispute["id"]}, timeout=5).json()
    assert won["status"] == "won"
    assert len(sandbox.events("charge.dispute.funds_reinstated")) == 1
    assert requests.post(address, json={"action": "lose", "id": dispute["id"]}, timeout=5).status_code == 400


def test_evidence_decides_and_closing_loses(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    pay("pm_card_createDispute")
    dispute = client.v1.disputes.list().data[0]
    sent = client.v1.disputes.update(dispute.id, {"evidence": {"product_description": "A shirt"}})
    assert sent.status == "under_review"
    won = client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert won.status == "won"
    pay("pm_card_createDispute")
    assert client.v1.disputes.close(client.v1.disputes.list().data[0].id).status == "lost"


def test_an_inquiry_moves_no_money(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    pay("pm_card_createDisputeInquiry")
    dispute = client.v1.disputes.list().data[0]
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])


def test_a_charge_under_inquiry_can_be_refunded_and_a_disputed_one_cannot(
    client: stripe.StripeClient, pay: Callable[..., Any]
) -> None:
    asked = pay("pm_card_createDisputeInquiry")
    assert client.v1.refunds.create({"payment_intent": asked.id, "amount": 400}).status == "succeeded"
    assert client.v1.refunds.create({"payment_intent": asked.id}).amount == asked.amount - 400
    disputed = pay("pm_card_createDispute")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": disputed.id})
    assert refused.value.code == "charge_disputed"


def test_an_inquiry_can_become_a_dispute(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    asked, refunded = pay("pm_card_createDisputeInquiry"), pay("pm_card_createDisputeInquiry")
    client.v1.refunds.create({"payment_intent": refunded.id})
    later, first = client.v1.disputes.list().data
    escalated = sandbox.escalate_inquiry(first.id)
    assert (escalated["status"], len(escalated["balance_transactions"])) == ("needs_response", 1)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": asked.id})
    with pytest.raises(Exception, match="Only an open inquiry"):
        sandbox.escalate_inquiry(later.id)


def test_other_currencies_are_settled_in_the_accounts(pay: Callable[..., Any]) -> None:
    paid = pay(currency="eur", capture_method="automatic", expand=["latest_charge.balance_transaction"])
    transaction = paid.latest_charge.balance_transaction
    assert (transaction.currency, transaction.amount, transaction.exchange_rate) == ("usd", 1100, 1.1)
