"""The host's payment events and who answers them."""

from collections.abc import Callable
from typing import Any

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.payments import actions, ownership, sessions, stored_methods
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
from saleor_stripe_audience.saleor.models import Installation
from saleor_stripe_audience.saleor.webhooks import answers

Json = dict[str, Any]


def _session_failure(message: str) -> Json:
    return sessions.failure(CHARGE, Rejected(message))


def _process_unclear(message: str) -> Json:
    return sessions.unclear(CHARGE, Rejected(message))


def _failure(result: str) -> Callable[[str], Json]:
    return lambda message: {"result": result, "message": message[:512]}


def _error(result: str) -> Callable[[str], Json]:
    return lambda message: {"result": result, "error": message}


@answers(
    "payment_gateway_initialize_session", failure=lambda message: {"data": {"errors": [{"message": message}]}}
)
def payment_gateway_initialize_session(installation: Installation, payload: Json) -> Json:
    return {"data": sessions.gateway_config(installation, read(GatewayInitialize, payload).sourceObject)}


@answers("transaction_initialize_session", failure=_session_failure)
def transaction_initialize_session(installation: Installation, payload: Json) -> Json:
    try:
        return sessions.initialize(installation, read(Session, payload))
    except Failure as error:
        return sessions.failure(_flow(payload), error)


@answers("transaction_process_session", failure=_process_unclear)
def transaction_process_session(installation: Installation, payload: Json) -> Json:
    try:
        return sessions.process(installation, read(Session, payload))
    except Failure as error:
        is_over = error.code == ownership.UNKNOWN_PAYMENT
        return (sessions.failure if is_over else sessions.unclear)(_flow(payload), error)


@answers("transaction_charge_requested", failure=_failure("CHARGE_FAILURE"))
def transaction_charge_requested(installation: Installation, payload: Json) -> Json:
    return actions.charge(installation, read(Requested, payload))


@answers("transaction_refund_requested", failure=_failure("REFUND_FAILURE"))
def transaction_refund_requested(installation: Installation, payload: Json) -> Json:
    return actions.refund(installation, read(Requested, payload))


@answers("transaction_cancelation_requested", failure=_failure("CANCEL_FAILURE"))
def transaction_cancelation_requested(installation: Installation, payload: Json) -> Json:
    return actions.cancel(installation, read(Requested, payload))


@answers("list_stored_payment_methods", failure=lambda _: {"paymentMethods": []})
def list_stored_payment_methods(installation: Installation, payload: Json) -> Json:
    return stored_methods.listed(installation, read(ShopperAsks, payload))


@answers("stored_payment_method_delete_requested", failure=_error("FAILED_TO_DELETE"))
def stored_payment_method_delete_requested(installation: Installation, payload: Json) -> Json:
    return stored_methods.deleted(installation, read(MethodDeletion, payload))


@answers("payment_gateway_initialize_tokenization_session", failure=_error("FAILED_TO_INITIALIZE"))
def payment_gateway_initialize_tokenization_session(installation: Installation, payload: Json) -> Json:
    return stored_methods.gateway_ready(installation, read(ShopperAsks, payload))


@answers("payment_method_initialize_tokenization_session", failure=_error("FAILED_TO_TOKENIZE"))
def payment_method_initialize_tokenization_session(installation: Installation, payload: Json) -> Json:
    return stored_methods.begun(installation, read(ShopperAsks, payload))


@answers("payment_method_process_tokenization_session", failure=_error("FAILED_TO_TOKENIZE"))
def payment_method_process_tokenization_session(installation: Installation, payload: Json) -> Json:
    return stored_methods.processed(installation, read(MethodProcess, payload))


def _flow(payload: Json) -> str:
    """A failure is told in the flow that was asked for."""
    action = payload.get("action")
    asked = action.get("actionType") if isinstance(action, dict) else None
    return AUTHORIZATION if asked == AUTHORIZATION else CHARGE
