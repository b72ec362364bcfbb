"""A payment begins and goes on: what TRANSACTION_INITIALIZE_SESSION and _PROCESS_SESSION do."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import accounts, client, platform
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.money import Money, check_chargeable, from_decimal
from saleor_stripe_audience.payments import beginnings, methods, ownership, shopper_messages
from saleor_stripe_audience.payments.descriptions import language_of
from saleor_stripe_audience.payments.outcomes import (
    AUTHORIZATION,
    CHARGE,
    LANGUAGE,
    LONGEST_MESSAGE,
    WAITING,
    exact_metadata,
    outcome_of,
)
from saleor_stripe_audience.payments.payloads import Session, Source
from saleor_stripe_audience.payments.wishes import Wishes, wishes_of
from saleor_stripe_audience.saleor import problems
from saleor_stripe_audience.saleor.manifest import read_version
from saleor_stripe_audience.saleor.models import Installation

Json = dict[str, Any]

NO_WAY_TO_PAY = "payment_intent_invalid_parameter"  # Stripe's code where no method fits the currency
LONGEST_PROBLEM_KEY = 128
KNOWS_DETAILS = (3, 22)  # from this version on the host takes paymentMethodDetails


def gateway_config(installation: Installation, source: Source) -> Json:
    """What the storefront needs to show the payment form."""
    account = accounts.account_to_show(installation.pk, source.channel.slug)
    return platform.browser_config(account)


def initialize(installation: Installation, session: Session) -> Json:
    """Make the PaymentIntent, or find the one this transaction already has; the shopper then pays it in the browser."""
    flow = _flow(session)
    wishes = wishes_of(session)
    known = _known(installation, session)
    if known is not None:
        account, intent = known
    else:
        account = accounts.account_for(installation.pk, session.sourceObject.channel.slug)
        params = _params(installation, session, flow, _money(session), wishes)
        with _ways_to_pay(installation, session):
            account, intent = beginnings.begun(installation, account, session, wishes, params)
    intent = _brought_up_to_date(account, intent, session, _money(session), flow, wishes.paymentMethod)
    ownership.remember(installation, account, intent, "")
    if wishes.offSession:
        try:
            intent = beginnings.charged_off_session(installation, account, session, intent)
        except Unavailable as error:
            return unclear(flow, error)
        ownership.remember(installation, account, intent, "")
    return _answer(installation, intent, session)


def _known(installation: Installation, session: Session) -> tuple[StripeAccount, Json] | None:
    """What was begun for the transaction before, whatever the channel's account or its state is now."""
    payment = ownership.payment_of(installation, session.transaction.id)
    if payment is None:
        return beginnings.resumed(installation, session.transaction.id)
    return payment.account, ownership.retrieve(payment)


@contextmanager
def _ways_to_pay(installation: Installation, session: Session) -> Iterator[None]:
    """A channel for whose currency no way to pay is switched on in Stripe is a problem of the shop, until one is."""
    slug = session.sourceObject.channel.slug
    problem = f"methods-{slug}"[:LONGEST_PROBLEM_KEY]
    try:
        yield
    except Rejected as error:
        if error.code == NO_WAY_TO_PAY:
            problems.report(
                installation,
                problem,
                f"Nobody can pay in the channel “{slug}” with {session.action.currency}: switch on a payment "
                "method for it in Stripe, under Settings, Payment methods.",
            )
        raise
    problems.clear(installation, problem)


def process(installation: Installation, session: Session) -> Json:
    """What became of the PaymentIntent since the shopper went to pay it."""
    transaction = session.transaction
    account, intent = _known(installation, session) or ownership.current_intent(
        installation, transaction.id, transaction.pspReference
    )
    intent = _following_the_total(account, intent, session)
    ownership.remember(installation, account, intent, "")
    return _answer(installation, intent, session)


def failure(flow: str, error: Failure, language: str = "") -> Json:
    """A session that cannot go on: nothing will ever come of its transaction."""
    return _told(f"{flow}_FAILURE", error, shopper_messages.for_shopper(error, language))


def unclear(flow: str, error: Failure, language: str = "") -> Json:
    """The payment exists or may exist, but what became of it could not be read: it may have been paid.

    *_FAILURE would end the transaction for the host, which then asks no more; so the shopper is asked to try again.
    """
    message = shopper_messages.for_shopper(error, language, shopper_messages.UNCLEAR)
    return _told(f"{flow}_ACTION_REQUIRED", error, message)


def _told(result: str, error: Failure, message: str) -> Json:
    """The shopper's sentence; what is a developer's to mend, in their words under `errors`."""
    detail = error.message if error.code in shopper_messages.FOR_DEVELOPERS else message
    return session_answer(result, _contract_code(error), message, detail)


def session_answer(result: str, code: str, message: str, detail: str = "") -> Json:
    """An answer without a payment: `message` for the shopper, `code` and `detail` by the storefront's contract."""
    error = {"code": code, "message": (detail or message)[:LONGEST_MESSAGE]}
    return {
        "result": result,
        "message": message[:LONGEST_MESSAGE],
        "data": {"paymentIntent": {"errors": [error]}},
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
    if money.is_zero:
        raise Rejected("There is nothing to pay: the amount is zero.", code="nothing_to_pay")
    check_chargeable(money)
    return money


def _brought_up_to_date(
    account: StripeAccount, intent: Json, session: Session, money: Money, flow: str, wished: str
) -> Json:
    """The intent with what is asked now, as long as the shopper has not paid: then it is what was paid that counts."""
    money.in_currency(intent["currency"].upper())
    same = intent["amount"] == money.minor and ownership.asked_flow(intent) == flow
    if same or intent["status"] not in WAITING:
        return intent
    params: Json = {
        "amount": money.minor,
        **methods.changed_options(flow, wished),
        "metadata": {ownership.FLOW: flow, ownership.TOTAL: _total(session), **_exact(session, money)},
        "expand": ["latest_charge"],
    }
    return client.update_payment_intent(account, intent["id"], params).to_dict()


def _following_the_total(account: StripeAccount, intent: Json, session: Session) -> Json:
    """The checkout's total changed since the payment began: the payment changes by as much, as long as nobody paid."""
    before, now = str((intent.get("metadata") or {}).get(ownership.TOTAL) or ""), _total(session)
    if not before or not now or before == now or intent["status"] not in WAITING:
        return intent
    asked = outcome_of(intent, ownership.asked_flow(intent)).amount + Decimal(now) - Decimal(before)
    money = from_decimal(asked, intent["currency"])
    check_chargeable(money)
    params: Json = {
        "amount": money.minor,
        "metadata": {ownership.TOTAL: now, **exact_metadata(asked, money)},
        "expand": ["latest_charge"],
    }
    return client.update_payment_intent(account, intent["id"], params).to_dict()


def _total(session: Session) -> str:
    """What the checkout or order costs in all; empty where the host did not say."""
    total = session.sourceObject.total_gross
    return format(total.amount, "f") if total is not None else ""


def _exact(session: Session, money: Money) -> Json:
    return exact_metadata(session.action.amount or money.amount, money)


def _params(installation: Installation, session: Session, flow: str, money: Money, wishes: Wishes) -> Json:
    """Only what stays the same for a transaction: the same idempotency key must find the same intent."""
    return {
        "amount": money.minor,
        "currency": money.currency.lower(),
        "capture_method": "automatic",
        "automatic_payment_methods": {"enabled": True},
        **methods.options(flow, wishes.paymentMethod),
        "metadata": {
            ownership.INSTALLATION: str(installation.pk),
            ownership.TRANSACTION: session.transaction.id,
            ownership.FLOW: flow,
            ownership.SOURCE: session.sourceObject.id,
            ownership.CHANNEL: session.sourceObject.channel.slug,
            ownership.ORDER_NUMBER: session.sourceObject.number,  # empty for a checkout: Stripe keeps no empty one
            ownership.TOTAL: _total(session),
            **_exact(session, money),
            LANGUAGE: language_of(session.sourceObject),
        },
        "expand": ["latest_charge"],
    }


def _answer(installation: Installation, intent: Json, session: Session) -> Json:
    outcome = outcome_of(intent, ownership.flow_of(intent))
    told: Json = {"stripeClientSecret": intent.get("client_secret")}
    if outcome.decline_code:
        told["errors"] = [{"code": "StripeCardError", "message": outcome.message}]
    answer = {**outcome.answer(), "data": {"paymentIntent": told}}
    if note := _note(intent, session):
        answer["message"] = note
    if read_version(installation.schema_version) >= KNOWS_DETAILS and (details := methods.details(intent)):
        answer["paymentMethodDetails"] = details
    return answer


def _note(intent: Json, session: Session) -> str:
    """What staff should know of a payment that went through otherwise than asked; empty where all is as asked."""
    if intent["status"] not in ("succeeded", "processing", "requires_capture"):
        return ""
    before, now = str((intent.get("metadata") or {}).get(ownership.TOTAL) or ""), _total(session)
    if before and now and before != now:
        return (
            f"The total changed from {before} to {now} {intent['currency'].upper()} after the shopper had paid: "
            "the payment could not be changed any more."
        )
    return methods.CHARGED_AT_ONCE if ownership.flow_of(intent) != ownership.asked_flow(intent) else ""


def _contract_code(error: Failure) -> str:
    return {"ParseError": "ParseError", "card_declined": "StripeCardError"}.get(error.code, "StripeApiError")
