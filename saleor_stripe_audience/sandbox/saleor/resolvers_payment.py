"""Transactions: fields, the storefront's payment mutations, and the staff's and the app's."""

import ipaddress
import uuid
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from . import payments
from .access import Call, Info, call_of, denied, needs
from .events import EventKind
from .fields import Refused, mutation, resolves
from .ids import global_id
from .install import is_url
from .ledger import REFUSALS, Verdict, deduce_amount, judge
from .money import quantize
from .payments import Session, amounts_changed, twin
from .resolvers_metadata import metadata_from
from .resolvers_query import by_id
from .state import App, Checkout, Money, Order, PaymentMethod, Transaction, TransactionEvent, now
from .totals import outstanding

_AMOUNTS = {
    "authorizedAmount": "authorized",
    "authorizePendingAmount": "authorize_pending",
    "refundedAmount": "refunded",
    "refundPendingAmount": "refund_pending",
    "canceledAmount": "canceled",
    "cancelPendingAmount": "cancel_pending",
    "chargedAmount": "charged",
    "chargePendingAmount": "charge_pending",
}


@resolves("TransactionItem", *_AMOUNTS)
def amount(transaction: Transaction, info: Info) -> Money:
    return Money(getattr(transaction.amounts, _AMOUNTS[info.field_name]), transaction.currency)


@resolves("TransactionItem", "token")
def token(transaction: Transaction, _info: Info) -> str:
    return transaction.key


@resolves("TransactionItem", "createdAt")
def created_at(transaction: Transaction, _info: Info) -> datetime:
    return transaction.created


@resolves("TransactionItem", "modifiedAt")
def modified_at(transaction: Transaction, _info: Info) -> datetime:
    return transaction.updated_at


@resolves("TransactionItem", "events")
def events(transaction: Transaction, _info: Info) -> list[dict[str, Any]]:
    """Return the events, newest first, as recorded; each gets its currency from the transaction."""
    newest = sorted(transaction.events, key=lambda each: (each.created_at, int(each.key)), reverse=True)
    return [event_view(transaction, each) for each in newest]


def event_view(transaction: Transaction, event: TransactionEvent) -> dict[str, Any]:
    """An event as the API shows it."""
    return {
        "__typename": "TransactionEvent",
        "id": global_id("TransactionEvent", event.key),
        "createdAt": event.created_at,
        "pspReference": event.psp_reference,
        "message": event.message,
        "externalUrl": event.external_url,
        "amount": Money(event.amount, transaction.currency),
        "type": event.type,
        "createdBy": event.created_by,
        "idempotencyKey": event.idempotency_key,
    }


@resolves("TransactionItem", "createdBy")
def created_by(transaction: Transaction, info: Info) -> App | None:
    held = call_of(info).host.store.installed()
    return next((each for each in held if each.identifier == transaction.app_identifier), None)


@resolves("TransactionItem", "paymentMethodDetails")
def payment_method_details(transaction: Transaction, _info: Info) -> dict[str, Any] | None:
    method = transaction.payment_method
    if method is None:
        return None
    names = {"CARD": "Card", "OTHER": "Other", "GIFT_CARD": "GiftCard"}
    return {
        "__typename": f"{names[method.type]}PaymentMethodDetails",
        "name": method.name,
        "brand": method.brand,
        "firstDigits": method.first_digits,
        "lastDigits": method.last_digits,
        "expMonth": method.exp_month,
        "expYear": method.exp_year,
        "lastChars": method.last_chars,
    }


@resolves("TransactionItem", "reason")
def reason(_transaction: Transaction, _info: Info) -> None:
    return None


# --- the storefront --------------------------------------------------------------------------------


def source_of(call: Call, given: str) -> Checkout | Order:
    """Return the checkout or order with this id."""
    store = call.host.store
    found: Checkout | Order | None = by_id(store.checkouts, given, "Checkout")
    found = found or by_id(store.orders, given, "Order")
    if found is None:
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {given}")
    return found


def _due(call: Call, source: Checkout | Order, given: Decimal | None) -> Decimal:
    due = outstanding(call.host.store, source) if given is None else given
    return quantize(due, source.channel.currency_code)


def active_app(call: Call, identifier: str) -> App | None:
    """Return the active app with this manifest id."""
    held = call.host.store.installed()
    return next((each for each in held if each.identifier == identifier and each.is_active), None)


def _ip(call: Call, given: str | None) -> str:
    if not given:
        return call.ip
    if not (call.app and call.may("HANDLE_PAYMENTS")):
        raise denied("HANDLE_PAYMENTS")
    try:
        return str(ipaddress.ip_address(given))
    except ValueError as error:
        raise Refused("customerIpAddress", "INVALID", "Enter a valid IPv4 or IPv6 address.") from error


@mutation("paymentGatewayInitialize")
def payment_gateway_initialize(
    _root: Any,
    info: Info,
    *,
    id_: str,
    amount: Decimal | None = None,
    payment_gateways: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    source = source_of(call, id_)
    due = _due(call, source, amount)
    wanted = payment_gateways or [
        {"id": webhook.app.identifier} for webhook in call.host.webhooks_for(_GATEWAY_EVENT)
    ]
    return {"gatewayConfigs": [_gateway_config(call, source, due, gateway) for gateway in wanted]}


_GATEWAY_EVENT = EventKind("PAYMENT_GATEWAY_INITIALIZE_SESSION")


def _gateway_config(
    call: Call, source: Checkout | Order, due: Decimal, gateway: dict[str, Any]
) -> dict[str, Any]:
    attempt, answer = call.host.ask(
        _GATEWAY_EVENT.name,
        gateway["id"],
        call.requestor,
        sourceObject=source,
        data=gateway.get("data"),
        amount=due,
    )
    shown: dict[str, Any] = {"id": gateway["id"], "data": None, "errors": []}
    if attempt is None:
        message = "Active app with `HANDLE_PAYMENT` permissions or app webhook not found."
        return {**shown, "errors": [{"field": "id", "code": "NOT_FOUND", "message": message}]}
    if not isinstance(answer, dict) or "data" not in answer:
        message = "Unable to process a payment gateway response."
        return {**shown, "errors": [{"field": "id", "code": "INVALID", "message": message}]}
    return {**shown, "data": answer["data"]}


@mutation("transactionInitialize")
def transaction_initialize(
    _root: Any,
    info: Info,
    *,
    id_: str,
    payment_gateway: dict[str, Any],
    amount: Decimal | None = None,
    action: str | None = None,
    idempotency_key: str | None = None,
    customer_ip_address: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    source = source_of(call, id_)
    if idempotency_key == "":
        raise Refused("idempotencyKey", "INVALID", "Cannot be provided as an empty string.")
    if action and not (call.app and call.may("HANDLE_PAYMENTS")):
        raise denied("HANDLE_PAYMENTS")
    ip = _ip(call, customer_ip_address)
    due = _due(call, source, amount)
    app = active_app(call, payment_gateway["id"])
    if app is None:
        raise Refused("paymentGateway", "NOT_FOUND", "App with provided identifier not found.")
    requested = payments.Requested(due, action or source.channel.flow, idempotency_key or str(uuid.uuid4()))
    transaction, request = payments.begin(call.host, source, app, requested)
    data = payment_gateway.get("data")
    session = Session(call.host, call.requestor, transaction, request, app, data, ip)
    return _session_payload(payments.run(session, "TRANSACTION_INITIALIZE_SESSION"))


def _session_payload(result: payments.SessionResult) -> dict[str, Any]:
    return {
        "transaction": result.transaction,
        "transactionEvent": event_view(result.transaction, result.event),
        "data": result.data,
    }


def _transaction(call: Call, id_: str | None, token: str | None) -> Transaction:
    if (id_ is None) == (token is None):
        raise Refused("id", "GRAPHQL_ERROR", "Exactly one of the arguments id, token is required.")
    held = call.host.store.transactions
    found = by_id(held, id_, "TransactionItem") or next((t for t in held if t.key == token), None)
    if found is None:
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {id_ or token}")
    return found


@mutation("transactionProcess")
def transaction_process(
    _root: Any,
    info: Info,
    *,
    id_: str | None = None,
    token: str | None = None,
    data: Any = None,
    customer_ip_address: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    transaction = _transaction(call, id_, token)
    if done := payments.already_final(transaction):
        return _session_payload(payments.SessionResult(transaction, done, None))
    request = payments.open_request(transaction)
    if request is None:
        raise Refused("id", "INVALID", "Missing call of `transactionInitialize` mutation.")
    ip = _ip(call, customer_ip_address)
    app = active_app(call, transaction.app_identifier)
    if app is None:
        raise Refused("id", "MISSING_PAYMENT_APP", "Payment app attached to the transaction, doesn't exist.")
    session = Session(call.host, call.requestor, transaction, request, app, data, ip)
    return _session_payload(payments.run(session, "TRANSACTION_PROCESS_SESSION"))


# --- staff -----------------------------------------------------------------------------------------


@mutation("transactionRequestAction")
@needs("HANDLE_PAYMENTS")
def transaction_request_action(
    _root: Any,
    info: Info,
    *,
    action_type: str,
    id_: str | None = None,
    token: str | None = None,
    amount: Decimal | None = None,
    refund_reason: str | None = None,
    refund_reason_reference: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    if refund_reason_reference is not None:
        raise Refused("refundReasonReference", "INVALID", "The stand-in has no pages for reasons.")
    if refund_reason and action_type != "REFUND":
        raise Refused("refundReason", "INVALID", "Reason can be set only for REFUND action.")
    transaction = _transaction(call, id_, token)
    most = transaction.amounts.charged if action_type == "REFUND" else transaction.amounts.authorized
    wanted = min(quantize(amount or most, transaction.currency), most)
    action = payments.Action(action_type, wanted, refund_reason)
    payments.request_action(call.host, call.requestor, transaction, action)
    return {"transaction": transaction}


@mutation("transactionRequestRefundForGrantedRefund")
@needs("HANDLE_PAYMENTS")
def transaction_request_refund_for_granted_refund(
    _root: Any, info: Info, *, granted_refund_id: str, id_: str | None = None, token: str | None = None
) -> dict[str, Any]:
    del id_, token  # ignored, as the granted refund always has its transaction
    call = call_of(info)
    held = [each for order in call.host.store.orders for each in order.granted_refunds]
    grant = by_id(held, granted_refund_id, "OrderGrantedRefund")
    if grant is None:
        raise Refused("grantedRefundId", "NOT_FOUND", f"Couldn't resolve to a node: {granted_refund_id}")
    refusals = {
        "PENDING": ("REFUND_IS_PENDING", "The refund of this granted refund was requested already."),
        "SUCCESS": ("REFUND_ALREADY_PROCESSED", "This granted refund was paid already."),
    }
    if grant.status in refusals:
        raise Refused("grantedRefundId", *refusals[grant.status])
    transaction = grant.transaction
    if transaction.amounts.charged < grant.amount:
        message = f"Only {transaction.amounts.charged} of the transaction can be refunded."
        raise Refused("grantedRefundId", "AMOUNT_GREATER_THAN_AVAILABLE", message)
    action = payments.Action("REFUND", grant.amount, granted=grant)
    payments.request_action(call.host, call.requestor, transaction, action)
    return {"transaction": transaction}


# --- the app ---------------------------------------------------------------------------------------


def _reported_amount(transaction: Transaction, kind: str, reference: str, given: Decimal | None) -> Decimal:
    if given is not None:
        return quantize(given, transaction.currency)
    deduced = deduce_amount([each.booked() for each in transaction.events], kind, reference)
    if deduced is None:
        raise Refused("amount", "REQUIRED", f"An amount is needed for {kind}, as none can be deduced.")
    return deduced


def _method_from(given: dict[str, Any] | None) -> PaymentMethod | None:
    if given is None:
        return None
    if len([each for each in given.values() if each is not None]) != 1:
        raise Refused("paymentMethodDetails", "INVALID", "Exactly one of card, other is expected.")
    card = given.get("card")
    if card is None:
        return PaymentMethod("OTHER", given["other"]["name"])
    for name, most in (("brand", 40), ("firstDigits", 4), ("lastDigits", 4)):
        if len(card.get(name) or "") > most:
            raise Refused("paymentMethodDetails", "INVALID", f"{name} takes at most {most} characters.")
    names = ("name", "brand", "firstDigits", "lastDigits", "expMonth", "expYear")
    return PaymentMethod("CARD", *(card.get(name) for name in names))


@mutation("transactionEventReport")
def transaction_event_report(
    _root: Any,
    info: Info,
    *,
    type_: str,
    psp_reference: str,
    id_: str | None = None,
    token: str | None = None,
    amount: Decimal | None = None,
    time: datetime | None = None,
    external_url: str | None = None,
    message: str | None = None,
    available_actions: list[str] | None = None,
    transaction_metadata: list[dict[str, str]] | None = None,
    transaction_private_metadata: list[dict[str, str]] | None = None,
    payment_method_details: dict[str, Any] | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    transaction = _transaction(call, id_, token)
    if call.app is None or not call.may("HANDLE_PAYMENTS"):
        raise denied("OWNER", "HANDLE_PAYMENTS")
    if external_url and not is_url(external_url):
        raise Refused("externalUrl", "INVALID", "Enter a valid URL.")
    event = TransactionEvent(
        type_,
        _reported_amount(transaction, type_, psp_reference, amount),
        psp_reference,
        created_at=time or now(),
        message=(message or "")[:512],
        external_url=external_url or "",
        created_by=call.app,
        granted=payments.granted_by(transaction, psp_reference) if type_.startswith("REFUND") else None,
    )
    metadata = metadata_from(transaction_metadata, "metadata")
    private = metadata_from(transaction_private_metadata, "privateMetadata")
    method = _method_from(payment_method_details)
    verdict = judge([each.booked() for each in transaction.events], event.booked())
    if verdict in REFUSALS:
        field, text = REFUSALS[verdict]
        payments.record_failure(transaction, event, text)
        raise Refused(field, verdict.value, text)
    transaction.payment_method = method or transaction.payment_method
    if available_actions is not None:
        transaction.actions = sorted(set(available_actions))
    if verdict is Verdict.ALREADY_PROCESSED:
        event = twin(transaction, event.booked())
    else:
        transaction.metadata.update(metadata)
        transaction.private_metadata.update(private)
        _book_report(call, transaction, event, bool(metadata or private))
    return {
        "alreadyProcessed": verdict is Verdict.ALREADY_PROCESSED,
        "transaction": transaction,
        "transactionEvent": event_view(transaction, event),
    }


def _book_report(call: Call, transaction: Transaction, event: TransactionEvent, metadata: bool) -> None:
    opening = ("AUTHORIZATION_REQUEST", "AUTHORIZATION_SUCCESS", "CHARGE_REQUEST", "CHARGE_SUCCESS")
    if event.type in opening and not transaction.psp_reference:
        transaction.psp_reference = event.psp_reference
    transaction.external_url = event.external_url or transaction.external_url
    transaction.events.append(event)
    before = replace(transaction.amounts)
    transaction.recalculate()
    if metadata:
        call.host.emit("TRANSACTION_ITEM_METADATA_UPDATED", call.requestor, transaction=transaction)
    amounts_changed(call.host, transaction, before, call.requestor)
