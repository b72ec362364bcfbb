"""A payment begins and goes on: what TRANSACTION_INITIALIZE_SESSION and _PROCESS_SESSION do."""

from typing import Any

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import accounts, client
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.money import Money, check_chargeable, from_decimal
from saleor_stripe_audience.payments import beginnings, ownership
from saleor_stripe_audience.payments.descriptions import language_of
from saleor_stripe_audience.payments.outcomes import (
    AUTHORIZATION,
    CHARGE,
    LANGUAGE,
    WAITING,
    Outcome,
    outcome_of,
)
from saleor_stripe_audience.payments.payloads import Session, Source
from saleor_stripe_audience.payments.wishes import wishes_of
from saleor_stripe_audience.saleor.models import Installation

Json = dict[str, Any]


def gateway_config(installation: Installation, source: Source) -> Json:
    """What the storefront needs to show the payment form."""
    account = accounts.account_for(installation.pk, source.channel.slug)
    return {"stripePublishableKey": account.publishable_key}


def initialize(installation: Installation, session: Session) -> Json:
    """Make the PaymentIntent, or find the one this transaction already has; the shopper then pays it in the browser."""
    flow = _flow(session)
    wishes = wishes_of(session)
    payment = ownership.payment_of(installation, session.transaction.id)
    if payment is not None:
        account = payment.account
        intent = client.retrieve_payment_intent(account, payment.payment_intent_id).to_dict()
    else:
        account = accounts.account_for(installation.pk, session.sourceObject.channel.slug)
        params = _params(installation, session, flow, _money(session))
        account, intent = beginnings.begun(installation, account, session, wishes, params)
    intent = _brought_up_to_date(account, intent, _money(session), flow)
    ownership.remember(installation, account, intent, "")
    if wishes.offSession:
        try:
            intent = beginnings.charged_off_session(installation, account, session, intent)
        except Unavailable as error:
            return unclear(flow, error)
        ownership.remember(installation, account, intent, "")
    return _answer(outcome_of(intent, ownership.flow_of(intent)), intent)


def process(installation: Installation, session: Session) -> Json:
    """What became of the PaymentIntent since the shopper went to pay it."""
    transaction = session.transaction
    account, intent = ownership.current_intent(installation, transaction.id, transaction.pspReference)
    ownership.remember(installation, account, intent, "")
    return _answer(outcome_of(intent, ownership.flow_of(intent)), intent)


def failure(flow: str, error: Failure) -> Json:
    """A session that cannot go on, in the storefront contract's words."""
    return _told(f"{flow}_FAILURE", error)


def unclear(flow: str, error: Failure) -> Json:
    """The payment exists, but what became of it could not be read: it may have been paid.

    *_FAILURE would end the transaction for the host, which then asks no more; so the shopper is asked to try again.
    """
    return _told(f"{flow}_ACTION_REQUIRED", error)


def _told(result: str, error: Failure) -> Json:
    return {
        "result": result,
        "message": error.message[:512],
        "data": {
            "paymentIntent": {"errors": [{"code": _contract_code(error), "message": error.message[:512]}]}
        },
    }


def _flow(session: Session) -> str:
    flow = session.action.actionType
    if flow not in (CHARGE, AUTHORIZATION):
        raise Rejected("Only CHARGE and AUTHORIZATION can begin a payment.", code="ParseError")
    return flow


def _money(session: Session) -> Money:
    if session.action.amount is None:
        raise Rejected("Saleor's request came without an amount.", code="ParseError")
    money = from_decimal(session.action.amount, session.action.currency)
    check_chargeable(money)
    return money


def _brought_up_to_date(account: StripeAccount, intent: Json, money: Money, flow: str) -> Json:
    """The intent with what is asked now, as long as the shopper has not paid: then it is what was paid that counts."""
    wanted = {"amount": money.minor, "capture_method": _capture_method(flow)}
    money.in_currency(intent["currency"].upper())
    changed = {name: value for name, value in wanted.items() if intent[name] != value}
    if not changed or intent["status"] not in WAITING:
        return intent
    params = {**changed, **_options(flow), "metadata": {ownership.FLOW: flow}, "expand": ["latest_charge"]}
    return client.update_payment_intent(account, intent["id"], params).to_dict()


def _options(flow: str) -> Json:
    """A hold may be captured in parts where the card and the account's contract with Stripe allow it."""
    if flow != AUTHORIZATION:
        return {}
    return {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}


def _capture_method(flow: str) -> str:
    return "manual" if flow == AUTHORIZATION else "automatic"


def _params(installation: Installation, session: Session, flow: str, money: Money) -> Json:
    """Only what stays the same for a transaction: the same idempotency key must find the same intent."""
    return {
        "amount": money.minor,
        "currency": money.currency.lower(),
        "capture_method": _capture_method(flow),
        "automatic_payment_methods": {"enabled": True},
        **_options(flow),
        "metadata": {
            ownership.INSTALLATION: str(installation.pk),
            ownership.TRANSACTION: session.transaction.id,
            ownership.FLOW: flow,
            ownership.SOURCE: session.sourceObject.id,
            ownership.CHANNEL: session.sourceObject.channel.slug,
            ownership.ORDER_NUMBER: session.sourceObject.number,  # empty for a checkout: Stripe keeps no empty one
            LANGUAGE: language_of(session.sourceObject),
        },
        "expand": ["latest_charge"],
    }


def _answer(outcome: Outcome, intent: Json) -> Json:
    told: Json = {"stripeClientSecret": intent.get("client_secret")}
    if outcome.decline_code:
        told["errors"] = [{"code": "StripeCardError", "message": outcome.message}]
    return {**outcome.answer(), "data": {"paymentIntent": told}}


def _contract_code(error: Failure) -> str:
    return {"ParseError": "ParseError", "card_declined": "StripeCardError"}.get(error.code, "StripeApiError")
