"""The host's payment events and who answers them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.payments import (
    actions,
    ownership,
    requests,
    sessions,
    shopper_messages,
    stored_methods,
)
from saleor_stripe_audience.payments.outcomes import AUTHORIZATION, CHARGE
from saleor_stripe_audience.payments.payloads import (
    GatewayInitialize,
    MethodDeletion,
    MethodProcess,
    Requested,
    Session,
    ShopperAsks,
    read,
)
from saleor_stripe_audience.saleor.webhooks import sync_webhook
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Json = dict[str, Any]


def _session_unclear(_message: str) -> Json:
    """The request could not be read, so neither could the shopper's language: both are told.

    The payment that it is about may exist, so it is not called failed.
    """
    message = f"{shopper_messages.UNCLEAR.en} {shopper_messages.UNCLEAR.fr}"
    return sessions.session_answer(f"{CHARGE}_ACTION_REQUIRED", "StripeApiError", message)


def _error(result: str) -> Callable[[str], Json]:
    return lambda message: {"result": result, "error": message}


@sync_webhook(failure=lambda message: {"data": {"errors": [{"message": message}]}})
def payment_gateway_initialize_session(installation: Installation, payload: Json) -> Json:
    try:
        return {"data": sessions.gateway_config(installation, read(GatewayInitialize, payload).sourceObject)}
    except Failure as error:
        _note(error, payload)
        message = shopper_messages.for_shopper(error, _language(payload))
        return {"data": {"errors": [{"message": message}]}}


@sync_webhook(failure=_session_unclear)
def transaction_initialize_session(installation: Installation, payload: Json) -> Json:
    return _answered(installation, payload, sessions.initialize, _initialize_failed)


@sync_webhook(failure=_session_unclear)
def transaction_process_session(installation: Installation, payload: Json) -> Json:
    return _answered(installation, payload, sessions.process, _process_failed)


def _answered(
    installation: Installation,
    payload: Json,
    session: Callable[[Installation, Session], Json],
    failed: Callable[[Installation, Json, Failure], Json],
) -> Json:
    try:
        return session(installation, read(Session, payload))
    except Failure as error:
        _note(error, payload)
        return failed(installation, payload, error)
    except Exception:
        log.exception("session crashed", transaction=_transaction(payload))
        return sessions.unclear(
            _flow(payload), Unavailable("The app crashed.", code="crash"), _language(payload)
        )


def _initialize_failed(installation: Installation, payload: Json, error: Failure) -> Json:
    """*_FAILURE ends the transaction: only where it is certain that Stripe has no payment of it, nor will have."""
    is_certain = isinstance(error, Rejected) and not ownership.may_exist(installation, _transaction(payload))
    answer = sessions.failure if is_certain or error.code == ownership.ENDED else sessions.unclear
    return answer(_flow(payload), error, _language(payload))


def _process_failed(_installation: Installation, payload: Json, error: Failure) -> Json:
    is_over = error.code in (ownership.UNKNOWN_PAYMENT, ownership.ENDED)
    answer = sessions.failure if is_over else sessions.unclear
    return answer(_flow(payload), error, _language(payload))


@sync_webhook(failure=partial(requests.failure, "CHARGE"), bounded=False)
def transaction_charge_requested(installation: Installation, payload: Json) -> Json:
    return requests.answer_once(installation, read(Requested, payload), "CHARGE", actions.charge)


@sync_webhook(failure=partial(requests.failure, "REFUND"), bounded=False)
def transaction_refund_requested(installation: Installation, payload: Json) -> Json:
    return requests.answer_once(installation, read(Requested, payload), "REFUND", actions.refund)


@sync_webhook(failure=partial(requests.failure, "CANCEL"), bounded=False)
def transaction_cancelation_requested(installation: Installation, payload: Json) -> Json:
    return requests.answer_once(installation, read(Requested, payload), "CANCEL", actions.cancel)


@sync_webhook(failure=lambda _: {"paymentMethods": []})
def list_stored_payment_methods(installation: Installation, payload: Json) -> Json:
    return stored_methods.listed(installation, read(ShopperAsks, payload))


@sync_webhook(failure=_error("FAILED_TO_DELETE"))
def stored_payment_method_delete_requested(installation: Installation, payload: Json) -> Json:
    with _shoppers_words(payload):
        return stored_methods.deleted(installation, read(MethodDeletion, payload))


@sync_webhook(failure=_error("FAILED_TO_INITIALIZE"))
def payment_gateway_initialize_tokenization_session(installation: Installation, payload: Json) -> Json:
    with _shoppers_words(payload):
        return stored_methods.gateway_ready(installation, read(ShopperAsks, payload))


@sync_webhook(failure=_error("FAILED_TO_TOKENIZE"))
def payment_method_initialize_tokenization_session(installation: Installation, payload: Json) -> Json:
    with _shoppers_words(payload):
        return stored_methods.begun(installation, read(ShopperAsks, payload))


@sync_webhook(failure=_error("FAILED_TO_TOKENIZE"))
def payment_method_process_tokenization_session(installation: Installation, payload: Json) -> Json:
    with _shoppers_words(payload):
        return stored_methods.processed(installation, read(MethodProcess, payload))


@contextmanager
def _shoppers_words(payload: Json) -> Iterator[None]:
    """What failed, in the shopper's words; a request that is not of the contract's form, in the developer's."""
    try:
        yield
    except Failure as error:
        _note(error, payload)
        if error.code in shopper_messages.FOR_DEVELOPERS:
            raise
        message = shopper_messages.for_shopper(error, _language(payload))
        raise type(error)(message, code=error.code) from error


def _note(error: Failure, payload: Json) -> None:
    """What the merchant is to read: it does not leave for the storefront."""
    log.warning("session failed", transaction=_transaction(payload), code=error.code, reason=error.message)


def _flow(payload: Json) -> str:
    """A failure is told in the flow that was asked for."""
    return AUTHORIZATION if _part(payload, "action").get("actionType") == AUTHORIZATION else CHARGE


def _transaction(payload: Json) -> str:
    return str(_part(payload, "transaction").get("id") or "")


def _language(payload: Json) -> str:
    """What the shopper reads, also of a request that is not readable as a whole."""
    source, user = _part(payload, "sourceObject"), _part(payload, "user")
    found = source.get("languageCode") or source.get("languageCodeEnum") or user.get("languageCode")
    return str(found or "")


def _part(payload: Json, name: str) -> Json:
    part = payload.get(name)
    return part if isinstance(part, dict) else {}
