"""The responses to TRANSACTION_INITIALIZE_SESSION and TRANSACTION_PROCESS_SESSION, with a payment or without one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.utils.functional import Promise

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway.metadata import AUTHORIZATION, CHARGE
from saleor_stripe_audience.gateway.objects import DUPLICATE, PaymentIntent
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import amounts_due, methods, ownership
from saleor_stripe_audience.payments import shopper_messages as messages
from saleor_stripe_audience.payments.amounts_due import Due
from saleor_stripe_audience.payments.outcomes import LONGEST_MESSAGE, outcome_of
from saleor_stripe_audience.payments.payloads import Session, read
from saleor_stripe_audience.saleor.documents import read_version
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import ENGLISH, FRENCH, in_language

log = structlog.get_logger(__name__)

Json = dict[str, Any]
FailedSession = Callable[[Installation, Json, Failure], Json]

TAKES_DETAILS = (3, 22)  # since this version, Saleor accepts paymentMethodDetails
CODES = {"parse_error": "ParseError", "card_declined": "StripeCardError"}  # of the storefront's contract


def respond(
    installation: Installation,
    payload: Json,
    session: Callable[[Installation, Session], Json],
    failed: FailedSession,
) -> Json:
    """Return the session's response, or the response of `failed` if it raises a failure."""
    try:
        return session(installation, read(Session, payload))
    except Failure as error:
        _log(error, payload)
        return failed(installation, payload, error)
    except Exception:
        log.exception("session crashed", transaction=transaction_in(payload))
        crash = Unavailable("The app crashed.", code="crash")
        return for_unclear(flow_in(payload), crash, language_in(payload))


def initialize_failed(installation: Installation, payload: Json, error: Failure) -> Json:
    """Return *_FAILURE, which ends the transaction, only if it is certain that Stripe has no payment for it and never
    will.
    """
    is_certain = isinstance(error, Rejected) and not ownership.may_exist(
        installation, transaction_in(payload)
    )
    response = for_failure if is_certain or error.code == ownership.ENDED else for_unclear
    return response(flow_in(payload), error, language_in(payload))


def process_failed(_installation: Installation, payload: Json, error: Failure) -> Json:
    """Return *_FAILURE only if the payment can no longer succeed."""
    response = for_failure if error.code in (ownership.UNKNOWN_PAYMENT, ownership.ENDED) else for_unclear
    return response(flow_in(payload), error, language_in(payload))


@contextmanager
def failures_for_shopper(payload: Json) -> Iterator[None]:
    """Word the failure for the shopper or, if the request is malformed, for the developer."""
    try:
        yield
    except Failure as error:
        _log(error, payload)
        if error.code in messages.FOR_DEVELOPERS:
            raise
        message = messages.for_shopper(error, language_in(payload))
        raise type(error)(message, code=error.code) from error


def for_no_form(error: Failure, payload: Json) -> Json:
    """Return the response to PAYMENT_GATEWAY_INITIALIZE_SESSION if the storefront has nothing to show."""
    _log(error, payload)
    return {"data": {"errors": [{"message": messages.for_shopper(error, language_in(payload))}]}}


def _log(error: Failure, payload: Json) -> None:
    """Log the failure for the merchant: it is not sent to the storefront."""
    log.warning("session failed", transaction=transaction_in(payload), code=error.code, reason=error.message)


def for_payment(
    installation: Installation,
    intent: PaymentIntent,
    session: Session,
    due: Due | None,
    why_canceled: Rejected | None = None,
) -> Json:
    """Return the response for the payment as it is; `due` is the amount due for the checkout or order without it.

    `why_canceled` is given if it has just been canceled.
    """
    outcome = outcome_of(intent, intent.flow)
    data: Json = {"stripeClientSecret": intent.client_secret}
    if outcome.decline_code:
        data["errors"] = [{"code": "StripeCardError", "message": outcome.message}]
    response = {**outcome.as_response(), "data": {"paymentIntent": data}}
    if intent.status == "canceled":
        reason = why_canceled or _why_canceled(intent, due)
        message = messages.for_shopper(reason, session.sourceObject.language)
        response |= without_payment(outcome.result, "StripeApiError", message)
    elif note := _note(intent, session, due):
        response["message"] = note
    details = methods.details_of(intent)
    if details and read_version(installation.schema_version) >= TAKES_DETAILS:
        response["paymentMethodDetails"] = details
    return response


def _why_canceled(intent: PaymentIntent, due: Due | None) -> Rejected:
    reason = due.why_not_payable() if due is not None else None
    if reason is None:
        is_paid = due is None and intent.cancellation_reason == DUPLICATE
        reason = Rejected("The payment was cancelled.", code=amounts_due.COVERED if is_paid else "cancelled")
    return reason


def _note(intent: PaymentIntent, session: Session, due: Due | None) -> str:
    """Return what is different from the request; empty if nothing is.

    It is shown to the shopper, and staff read it in the order's history.
    """
    language = session.sourceObject.language
    if intent.is_payable:
        return _capped(intent, session, language)
    paid, due_before = intent.money(intent.amount), amounts_due.noted_due(intent)
    if due is not None and due_before is not None:
        now = Money(due.minor, paid.currency)
        if paid.minor > now.minor and due_before.minor > now.minor:
            return messages.fallen(paid, now, language)
        if now.minor > paid.minor >= due_before.minor:
            return messages.risen(paid, now, language)
    return "" if intent.flow == intent.requested_flow else in_language(messages.CHARGED_INSTEAD, language)


def _capped(intent: PaymentIntent, session: Session, language: str) -> str:
    """Return a note that less is charged than Saleor requested, because of gift cards or other payments. A decline
    takes precedence.
    """
    if intent.last_payment_error is not None or (requested := session.action.money) is None:
        return ""
    is_less = requested.currency == intent.currency and intent.amount < requested.minor
    return messages.capped(intent.money(intent.amount), language) if is_less else ""


def for_failure(flow: str, error: Failure, language: str = "") -> Json:
    """Return the response of a session that cannot continue: its transaction will never be paid."""
    return _for_error(f"{flow}_FAILURE", error, messages.for_shopper(error, language))


def for_unclear(flow: str, error: Failure, language: str = "") -> Json:
    """Return the response if a payment exists or may exist, but its state is unknown: it may have been paid.

    *_FAILURE would end the transaction for Saleor, which then sends no more; so the shopper is asked to try again.
    """
    message = messages.for_shopper(error, language, messages.UNCLEAR)
    return _for_error(f"{flow}_ACTION_REQUIRED", error, message)


def for_unreadable(_message: Promise | str) -> Json:
    """Return the response to a request that could not be read, so the shopper's language is unknown too.

    The payment that it is about may exist, so this is no failure.
    """
    message = " ".join(in_language(messages.UNCLEAR, language) for language in (ENGLISH, FRENCH))
    return without_payment(f"{CHARGE}_ACTION_REQUIRED", "StripeApiError", message)


def _for_error(result: str, error: Failure, message: str) -> Json:
    """Return the shopper's sentence and, if a developer has to fix something, the error's own message under
    `errors`.
    """
    detail = error.message if error.code in messages.FOR_DEVELOPERS else message
    return without_payment(result, CODES.get(error.code, "StripeApiError"), message, detail)


def without_payment(result: str, code: str, message: str, detail: str = "") -> Json:
    """Return a response without a payment.

    `message` is for the shopper, `code` and `detail` are of the storefront's contract.
    """
    error = {"code": code, "message": (detail or message)[:LONGEST_MESSAGE]}
    return {
        "result": result,
        "message": message[:LONGEST_MESSAGE],
        "data": {"paymentIntent": {"errors": [error]}},
    }


def flow_in(payload: Json) -> str:
    """Return the flow that was requested; a failure is reported in it."""
    return AUTHORIZATION if part_of(payload, "action").get("actionType") == AUTHORIZATION else CHARGE


def transaction_in(payload: Json) -> str:
    """Return the transaction's id, also of a request that is not readable as a whole."""
    return str(part_of(payload, "transaction").get("id") or "")


def language_in(payload: Json) -> str:
    """Return what the shopper reads, also of a request that is not readable as a whole."""
    source, user = part_of(payload, "sourceObject"), part_of(payload, "user")
    found = source.get("languageCode") or source.get("languageCodeEnum") or user.get("languageCode")
    return str(found or "")


def part_of(payload: Json, name: str) -> Json:
    """Return an object of the payload; empty if there is none."""
    part = payload.get(name)
    return part if isinstance(part, dict) else {}
