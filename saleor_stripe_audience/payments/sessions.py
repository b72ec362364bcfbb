"""A payment begins and goes on: what TRANSACTION_INITIALIZE_SESSION and _PROCESS_SESSION do."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import accounts, client, platform
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.money import Money, check_chargeable, from_decimal
from saleor_stripe_audience.payments import (
    beginnings,
    covering,
    methods,
    ownership,
    shopper_messages,
    staff_messages,
)
from saleor_stripe_audience.payments.covering import Lack
from saleor_stripe_audience.payments.descriptions import language_of
from saleor_stripe_audience.payments.outcomes import (
    AUTHORIZATION,
    CHARGE,
    LANGUAGE,
    LONGEST_MESSAGE,
    PAID_OTHERWISE,
    WAITING,
    exact_metadata,
    outcome_of,
)
from saleor_stripe_audience.payments.payloads import Session, Source
from saleor_stripe_audience.payments.staff_messages import for_staff
from saleor_stripe_audience.payments.wishes import Wishes, wishes_of
from saleor_stripe_audience.saleor.documents import read_version
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

NO_WAY_TO_PAY = "payment_intent_invalid_parameter"  # Stripe's code where no method fits the currency
LONGEST_PROBLEM_KEY = 128
KNOWS_DETAILS = (3, 22)  # from this version on the host takes paymentMethodDetails


def gateway_config(installation: Installation, source: Source) -> Json:
    """What the storefront needs to show the payment form."""
    account = accounts.account_to_show(installation.pk, source.channel.slug)
    return platform.browser_config(account)


def initialize(installation: Installation, session: Session) -> Json:
    """Make the PaymentIntent, or find the one this transaction already has; the shopper then pays it in the browser.

    It is made for what was asked, but never for more than the checkout or order still lacks.
    """
    flow = _flow(session)
    wishes = wishes_of(session)
    lacks = covering.lacking(installation, session.sourceObject, besides=session.transaction.id)
    known = _known(installation, session)
    if known is None:
        account = accounts.account_for(installation.pk, session.sourceObject.channel.slug)
        amount = _amount(session, lacks)
        params = _params(installation, session, flow, amount, wishes, lacks)
        with _ways_to_pay(installation, session):
            account, intent = beginnings.begun(installation, account, session, wishes, params)
    else:
        account, intent = known
        if (ended := _ended(installation, account, intent, session, lacks)) is not None:
            return ended
    intent = _brought_up_to_date(account, intent, session, flow, wishes.paymentMethod, lacks)
    ownership.remember(installation, account, intent, "")
    if wishes.offSession:
        try:
            intent = beginnings.charged_off_session(installation, account, session, intent)
        except Unavailable as error:
            return unclear(flow, error, session.sourceObject.language)
        ownership.remember(installation, account, intent, "")
    return _answer(installation, intent, session, lacks)


def _ended(
    installation: Installation, account: StripeAccount, intent: Json, session: Session, lacks: Lack | None
) -> Json | None:
    """The answer where nothing is left to pay that Stripe could charge: the open intent is cancelled."""
    reason = covering.too_little(lacks) if lacks is not None else None
    if reason is None or intent["status"] not in WAITING:
        return None
    intent, cancelled = covering.cancelled(installation, account, intent, reason)
    ownership.remember(installation, account, intent, "")
    return _answer(installation, intent, session, lacks) if cancelled is not None else None


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
                for_staff(staff_messages.NO_WAY_TO_PAY, channel=slug, currency=session.action.currency),
            )
        raise
    problems.clear(installation, problem)


def process(installation: Installation, session: Session) -> Json:
    """What became of the PaymentIntent since the shopper went to pay it."""
    transaction = session.transaction
    account, intent = _known(installation, session) or ownership.current_intent(
        installation, transaction.id, transaction.pspReference
    )
    lacks = covering.lacking(installation, session.sourceObject, besides=transaction.id)
    intent, _ = covering.bring_in_line(installation, account, intent, lacks)
    ownership.remember(installation, account, intent, "")
    return _answer(installation, intent, session, lacks)


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
        raise Rejected("Only CHARGE and AUTHORIZATION can begin a payment.", code="parse_error")
    return flow


def _amount(session: Session, lacks: Lack | None) -> Decimal:
    """What was asked, or what is lacking if that is less: the host asks for totals without their gift cards."""
    asked = session.action.amount
    if asked is None:
        raise Rejected("Saleor's request came without an amount.", code="parse_error")
    money = from_decimal(asked, session.action.currency)
    if money.is_zero:
        raise Rejected("There is nothing to pay: the amount is zero.", code="nothing_to_pay")
    if lacks is not None:
        lacks.check_currency(money.currency)
        if reason := covering.too_little(lacks):
            raise reason
        asked = min(asked, lacks.amount)
    check_chargeable(from_decimal(asked, money.currency))
    return asked


def _brought_up_to_date(
    account: StripeAccount, intent: Json, session: Session, flow: str, wished: str, lacks: Lack | None
) -> Json:
    """The intent with what is asked now, as long as the shopper has not paid: then it is what was paid that counts."""
    if intent["status"] not in WAITING:
        return intent
    amount = _amount(session, lacks)
    money = from_decimal(amount, session.action.currency)
    money.in_currency(intent["currency"].upper())
    if intent["amount"] == money.minor and ownership.asked_flow(intent) == flow:
        return intent
    params: Json = {
        "amount": money.minor,
        **methods.changed_options(flow, wished, intent),
        "metadata": {ownership.FLOW: flow, **_noted(lacks), **exact_metadata(amount, money)},
        "expand": ["latest_charge"],
    }
    return client.update_payment_intent(account, intent["id"], params).to_dict()


def _noted(lacks: Lack | None) -> Json:
    return lacks.metadata() if lacks is not None else {}


def _params(
    installation: Installation,
    session: Session,
    flow: str,
    amount: Decimal,
    wishes: Wishes,
    lacks: Lack | None,
) -> Json:
    """Only what stays the same for a transaction: the same idempotency key must find the same intent."""
    money = from_decimal(amount, session.action.currency)
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
            **_noted(lacks),
            **exact_metadata(amount, money),
            LANGUAGE: language_of(session.sourceObject),
        },
        "expand": ["latest_charge"],
    }


def _answer(installation: Installation, intent: Json, session: Session, lacks: Lack | None) -> Json:
    outcome = outcome_of(intent, ownership.flow_of(intent))
    told: Json = {"stripeClientSecret": intent.get("client_secret")}
    if outcome.decline_code:
        told["errors"] = [{"code": "StripeCardError", "message": outcome.message}]
    answer = {**outcome.answer(), "data": {"paymentIntent": told}}
    if intent["status"] == "canceled":
        message = _why_cancelled(intent, session, lacks)
        answer |= session_answer(outcome.result, "StripeApiError", message)
    elif note := _note(intent, session, lacks):
        answer["message"] = note
    if read_version(installation.schema_version) >= KNOWS_DETAILS and (details := methods.details(intent)):
        answer["paymentMethodDetails"] = details
    if outcome.result.endswith(("_SUCCESS", "_REQUEST")):
        covering.keep_others_in_line(installation, session.sourceObject, session.transaction.id)
    return answer


def _why_cancelled(intent: Json, session: Session, lacks: Lack | None) -> str:
    reason = covering.too_little(lacks) if lacks is not None else None
    was_paid = intent.get("cancellation_reason") == PAID_OTHERWISE
    reason = reason or Rejected(
        "The payment was cancelled.", code=covering.COVERED if was_paid else "cancelled"
    )
    return shopper_messages.for_shopper(reason, session.sourceObject.language)


def _note(intent: Json, session: Session, lacks: Lack | None) -> str:
    """What is to be known of a payment that is otherwise than asked; empty where all is as asked.

    It is shown to the shopper and stands in the order's history for staff.
    """
    language = session.sourceObject.language
    if intent["status"] in WAITING:
        return _capped(intent, session, language)
    if intent["status"] == "canceled":
        return ""
    paid = Money(int(intent["amount"]), intent["currency"].upper())
    lacked = covering.lacked_at_first(intent)
    if lacks is not None and lacked is not None:
        if paid.minor > lacks.minor and lacked.minor > lacks.minor:
            return shopper_messages.fallen(paid, Money(lacks.minor, paid.currency), language)
        if lacks.minor > paid.minor >= lacked.minor:
            return shopper_messages.risen(paid, Money(lacks.minor, paid.currency), language)
    is_held_as_asked = ownership.flow_of(intent) == ownership.asked_flow(intent)
    return "" if is_held_as_asked else methods.CHARGED_INSTEAD.told(language)


def _capped(intent: Json, session: Session, language: str) -> str:
    """Less is asked than the host wanted, as there are gift cards or other payments; a decline is told instead."""
    if intent.get("last_payment_error") or session.action.amount is None:
        return ""
    asked = from_decimal(session.action.amount, session.action.currency)
    is_less = asked.currency.lower() == intent["currency"] and int(intent["amount"]) < asked.minor
    return shopper_messages.capped(Money(int(intent["amount"]), asked.currency), language) if is_less else ""


def _contract_code(error: Failure) -> str:
    return {"parse_error": "ParseError", "card_declined": "StripeCardError"}.get(error.code, "StripeApiError")
