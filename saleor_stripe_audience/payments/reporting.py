"""Stripe tells, the host is told: whatever the event says, what is reported is the payment as it is now.

So a doubled or late event ends in the same ledger: the host knows doubles by (transaction, pspReference, type).
"""

from datetime import datetime
from typing import Any

from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.handlers import Write, handles_outside
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.money import Money, from_minor
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.outcomes import (
    AUTHORIZATION,
    Outcome,
    actions_of,
    dashboard_url,
    latest_charge,
    outcome_of,
)
from saleor_stripe_audience.saleor.client import TransactionReport, report_transaction_event
from saleor_stripe_audience.saleor.models import Installation

Json = dict[str, Any]


@handles_outside(
    "stripe",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
)
def report_payment_intent(event: Event) -> Write | None:
    account, told = account_of(event), _object(event)
    if not ownership.is_ours(told, account.installation_id):
        return None
    intent = client.retrieve_payment_intent(account, told["id"]).to_dict()
    outcomes = outcomes_now(intent, failed_now=event.kind == "payment_intent.payment_failed")
    return _report(account, intent, outcomes, event.occurred_at)


@handles_outside("stripe", "refund.created", "refund.updated", "refund.failed")
def report_refund(event: Event) -> Write | None:
    account, told = account_of(event), _object(event)
    intent_id = told.get("payment_intent")
    if not isinstance(intent_id, str):
        return None
    intent = client.retrieve_payment_intent(account, intent_id).to_dict()
    if not ownership.is_ours(intent, account.installation_id):
        return None
    refund = client.retrieve_refund(account, told["id"]).to_dict()
    outcome = refund_outcome(refund, intent)
    return _report(account, intent, [outcome] if outcome else [], event.occurred_at)


def outcomes_now(intent: Json, *, failed_now: bool) -> list[Outcome]:
    """What the host should know of the intent: its state, and what of a hold was released."""
    flow = ownership.flow_of(intent)
    released = released_money(intent)
    if intent["status"] == "canceled":
        return [_released(intent, released)] if released else [outcome_of(intent, flow)]
    if (
        intent["status"] in ("requires_payment_method", "requires_confirmation", "requires_action")
        and not failed_now
    ):
        return []  # nothing happened that the shopper did not see
    outcomes = [outcome_of(intent, flow)]
    if intent["status"] == "succeeded" and flow == AUTHORIZATION:
        outcomes.insert(0, _held(intent))
        if released:
            outcomes.append(_released(intent, released))
    return outcomes


def refund_outcome(refund: Json, intent: Json) -> Outcome | None:
    """A refund's state; None for the rest of a hold, which Stripe lists as a refund too."""
    charge = refund.get("charge")
    if isinstance(charge, dict) and not charge.get("captured"):
        return None
    money = from_minor(refund["amount"], refund["currency"])
    result = {"succeeded": "REFUND_SUCCESS", "failed": "REFUND_FAILURE", "canceled": "REFUND_FAILURE"}.get(
        refund["status"], "REFUND_REQUEST"
    )
    message = str(refund.get("failure_reason") or "").replace("_", " ")
    return Outcome(result, refund["id"], money, actions_of(intent), message, dashboard_url(intent))


def released_money(intent: Json) -> Money | None:
    """The part of a hold that was given up: all of it when cancelled, the rest after a partial capture."""
    charge = latest_charge(intent)
    if charge is None or charge.get("status") != "succeeded" or ownership.flow_of(intent) != AUTHORIZATION:
        return None
    taken = int(charge["amount_captured"]) if charge.get("captured") else 0
    rest = int(charge["amount"]) - taken
    gone = intent["status"] in ("canceled", "succeeded")
    return from_minor(rest, intent["currency"]) if gone and rest > 0 else None


def _held(intent: Json) -> Outcome:
    """The hold that came before the capture: its own event may have been lost or come late."""
    charge = latest_charge(intent) or intent
    money = from_minor(int(charge["amount"]), intent["currency"])
    return Outcome(
        "AUTHORIZATION_SUCCESS", intent["id"], money, actions_of(intent), "", dashboard_url(intent)
    )


def _released(intent: Json, money: Money | None) -> Outcome:
    released = money or from_minor(intent["amount"], intent["currency"])
    return Outcome("CANCEL_SUCCESS", intent["id"], released, actions_of(intent), "", dashboard_url(intent))


def _report(account: StripeAccount, intent: Json, outcomes: list[Outcome], time: datetime) -> Write:
    installation = Installation.objects.get(pk=account.installation_id)
    for outcome in outcomes:
        report_transaction_event(installation, _as_report(intent, outcome, time))
    return lambda: ownership.remember(installation, account, intent, "")


def _as_report(intent: Json, outcome: Outcome, time: datetime) -> TransactionReport:
    return TransactionReport(
        transaction_id=intent["metadata"][ownership.TRANSACTION],
        type=outcome.result,
        psp_reference=outcome.psp_reference,
        amount=outcome.money.amount,
        time=time,
        message=outcome.message,
        external_url=outcome.external_url,
        available_actions=outcome.actions,
    )


def _object(event: Event) -> Json:
    told: Json = (event.payload or {})["data"]["object"]
    return told
