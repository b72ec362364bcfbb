"""How transactions change: sessions and requested actions, and their effect on checkout and order."""

import uuid
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from . import orders
from .access import Requestor
from .answers import Answer, Unusable, action_answer, session_answer
from .events import EventKind
from .fields import Refused
from .host import Host
from .ids import global_id
from .ledger import REFUSALS, Amounts, LedgerEvent, Verdict, failure_of, judge
from .state import App, Checkout, GrantedRefund, Money, Order, Transaction, TransactionEvent
from .totals import authorize_status, is_fully_charged

UNDELIVERED = "Failed to delivery request."
MOST_TRANSACTIONS = 100
_OPENING = frozenset({"AUTHORIZATION_REQUEST", "AUTHORIZATION_SUCCESS", "CHARGE_REQUEST", "CHARGE_SUCCESS"})
_FINAL = _OPENING | {"AUTHORIZATION_FAILURE", "CHARGE_FAILURE"}


@dataclass(frozen=True)
class Session:
    """One initialize or process call on its way to the app."""

    host: Host
    requestor: Requestor
    transaction: Transaction
    request: TransactionEvent
    app: App
    data: Any
    ip: str


@dataclass(frozen=True)
class SessionResult:
    """What the storefront receives."""

    transaction: Transaction
    event: TransactionEvent
    data: Any


@dataclass(frozen=True)
class Requested:
    """What a storefront requests: an amount, CHARGE or AUTHORIZATION, under an idempotency key."""

    amount: Decimal
    flow: str
    key: str


def begin(
    host: Host, source: Checkout | Order, app: App, requested: Requested
) -> tuple[Transaction, TransactionEvent]:
    """Find or create the key's transaction; refuse another amount or source under the same key."""
    held = (each for each in host.store.transactions if each.app_identifier == app.identifier)
    known = next((each for each in held if each.idempotency_key == requested.key), None)
    if known is None:
        return _new(host, source, app, requested)
    request = next(event for event in known.events if event.idempotency_key == requested.key)
    wanted = (requested.amount, f"{requested.flow}_REQUEST")
    if known.source is not source or (request.amount, request.type) != wanted:
        message = "Different transaction with provided idempotency key already exists."
        raise Refused("idempotencyKey", "UNIQUE", message)
    return known, request


def _new(
    host: Host, source: Checkout | Order, app: App, requested: Requested
) -> tuple[Transaction, TransactionEvent]:
    if len(host.store.transactions_of(source)) >= MOST_TRANSACTIONS:
        raise Refused("id", "INVALID", f"At most {MOST_TRANSACTIONS} transactions are allowed.")
    transaction = Transaction(
        app.identifier,
        source.channel.currency_code,
        idempotency_key=requested.key,
        checkout=source if isinstance(source, Checkout) else None,
        order=source if isinstance(source, Order) else None,
        key=str(uuid.uuid4()),
    )
    request = TransactionEvent(
        f"{requested.flow}_REQUEST", requested.amount, idempotency_key=requested.key, counted=False
    )
    transaction.events.append(request)
    host.store.transactions.append(transaction)
    return transaction, request


def already_final(transaction: Transaction) -> TransactionEvent | None:
    """Return the event after which `transactionProcess` no longer calls the app."""
    return next((each for each in transaction.events if each.type in _FINAL and each.counted), None)


def open_request(transaction: Transaction) -> TransactionEvent | None:
    """Return the request that `transactionProcess` continues."""
    types = ("AUTHORIZATION_REQUEST", "CHARGE_REQUEST")
    return next((each for each in transaction.events if each.type in types and not each.counted), None)


def run(session: Session, event_name: str) -> SessionResult:
    """Send the webhook and book the app's response."""
    transaction, request = session.transaction, session.request
    action = {
        "actionType": request.type.partition("_")[0],
        "amount": request.amount,
        "currency": transaction.currency,
    }
    _, answer = session.host.ask(
        event_name,
        transaction.app_identifier,
        session.requestor,
        transaction=transaction,
        sourceObject=transaction.source,
        data=session.data,
        merchantReference=transaction.id,
        customerIpAddress=session.ip,
        idempotencyKey=transaction.idempotency_key,
        action=action,
    )
    if answer is not None and not isinstance(answer, dict):
        # The real Saleor crashes on a response that is not an object, and the request stays open.
        raise GraphQLError(f"'{type(answer).__name__}' object has no attribute 'get'")
    event = _settle_session(session, answer)
    return SessionResult(transaction, event, answer.get("data") if answer else None)


def _settle_session(session: Session, answer: dict[str, Any] | None) -> TransactionEvent:
    transaction, request = session.transaction, session.request
    if answer is None:
        return record_failure(transaction, request, UNDELIVERED)
    try:
        read = session_answer(answer, request.amount)
        event = _book_session(session, read)
    except Unusable as error:
        return record_failure(transaction, request, str(error))
    if read.payment_method:
        transaction.payment_method = read.payment_method
    _after_session(session, event, read)
    return event


def _book_session(session: Session, read: Answer) -> TransactionEvent:
    request, transaction = session.request, session.transaction
    if read.type in ("AUTHORIZATION_REQUEST", "CHARGE_REQUEST"):
        request.type, request.amount = read.type, read.amount
        request.psp_reference, request.counted = read.psp_reference or "", True
        request.created_at, request.message = read.time, read.message
        request.external_url, request.created_by = read.external_url or request.external_url, session.app
        return request
    event = take(transaction, _event_from(read, session.app))
    request.psp_reference = event.psp_reference
    return event


def _after_session(session: Session, event: TransactionEvent, read: Answer) -> None:
    transaction = session.transaction
    if event.type not in _OPENING:
        transaction.psp_reference = event.psp_reference or transaction.psp_reference
        transaction.touch()
        return
    before = replace(transaction.amounts)
    transaction.psp_reference = event.psp_reference
    transaction.external_url = read.external_url or transaction.external_url
    if read.actions is not None:
        transaction.actions = sorted(set(read.actions))
    transaction.recalculate()
    amounts_changed(session.host, transaction, before, session.requestor)


def _event_from(read: Answer, app: App | None) -> TransactionEvent:
    return TransactionEvent(
        read.type or "",
        read.amount,
        read.psp_reference or "",
        created_at=read.time,
        message=read.message,
        external_url=read.external_url,
        created_by=app,
    )


def take(transaction: Transaction, event: TransactionEvent) -> TransactionEvent:
    """Add an event unless it exists already; Unusable if the ledger refuses it."""
    booked = [each.booked() for each in transaction.events]
    verdict = judge(booked, event.booked())
    if verdict in REFUSALS:
        raise Unusable(REFUSALS[verdict][1])
    if verdict is Verdict.ALREADY_PROCESSED:
        return twin(transaction, event.booked())
    transaction.events.append(event)
    return event


def twin(transaction: Transaction, event: LedgerEvent) -> TransactionEvent:
    """Return the event of the same type and pspReference, which must exist."""
    return next(
        each
        for each in transaction.events
        if each.type == event.type and each.psp_reference == event.psp_reference
    )


def record_failure(transaction: Transaction, request: TransactionEvent, cause: str) -> TransactionEvent:
    """Record a failure, which changes no amounts."""
    event = TransactionEvent(
        failure_of(request.type),
        request.amount,
        request.psp_reference,
        message=cause,
        counted=False,
        granted=request.granted,
    )
    transaction.events.append(event)
    return event


@dataclass(frozen=True)
class Action:
    """Staff's request to CHARGE, REFUND or CANCEL an amount; a refund may have a reason, or have been granted."""

    kind: str
    amount: Decimal
    reason: str | None = None
    granted: GrantedRefund | None = None

    @property
    def event(self) -> EventKind:
        """The webhook that requests it."""
        return EventKind(f"TRANSACTION_{'CANCELATION' if self.kind == 'CANCEL' else self.kind}_REQUESTED")


def request_action(host: Host, requestor: Requestor, transaction: Transaction, action: Action) -> None:
    """Request a charge, refund or cancellation from the app, in the background."""
    webhook = next(iter(host.webhooks_for(action.event, transaction.app_identifier)), None)
    if webhook is None:
        message = "No app is configured to handle this action of the transaction."
        raise Refused(None, "MISSING_TRANSACTION_ACTION_REQUEST_WEBHOOK", message)
    request = TransactionEvent(
        f"{action.kind}_REQUEST",
        action.amount,
        message=action.reason or "",
        idempotency_key=str(uuid.uuid4()),
        counted=False,
        created_by=requestor,
        granted=action.granted,
    )
    transaction.events.append(request)
    if transaction.order:
        kind = f"TRANSACTION_{action.kind}_REQUESTED"
        orders.note(transaction.order, kind, requestor, amount=action.amount, message=action.reason)

    def settle(answer: Any) -> None:
        settle_action(host, transaction, request, answer, webhook.app)

    shown = {"actionType": action.kind, "amount": action.amount, "currency": transaction.currency}
    # Without a granted refund, Saleor sends an empty one, whose non-null fields then fail.
    granted = grant_view(action.granted) if action.granted else {"id": global_id("OrderGrantedRefund", None)}
    host.act(webhook, action.event.name, settle, transaction=transaction, action=shown, grantedRefund=granted)


def grant_view(grant: GrantedRefund) -> dict[str, Any]:
    """A granted refund as the API shows it."""
    return {
        "id": grant.id,
        "createdAt": grant.created,
        "updatedAt": grant.updated_at,
        "amount": Money(grant.amount, grant.transaction.currency),
        "reason": grant.reason,
        "shippingCostsIncluded": False,
        "status": grant.status,
    }


def granted_by(transaction: Transaction, psp_reference: str) -> GrantedRefund | None:
    """Return the granted refund of the last request that has this reference: how Saleor connects a reported event."""
    requests = [
        each
        for each in transaction.events
        if each.type == "REFUND_REQUEST" and each.psp_reference == psp_reference
    ]
    return requests[-1].granted if requests else None


def release(host: Host, transaction: Transaction) -> None:
    """Request from the app, without a caller, to cancel the authorized amount and refund the charged one."""
    amounts = transaction.amounts
    for kind, amount in (("CANCEL", amounts.authorized), ("REFUND", amounts.charged)):
        if amount > 0:
            request_action(host, None, transaction, Action(kind, amount))


def settle_action(
    host: Host, transaction: Transaction, request: TransactionEvent, answer: Any, app: App
) -> None:
    """Book the app's response to a requested action; `answer` is None if there was none."""
    if not isinstance(answer, dict):
        record_failure(transaction, request, UNDELIVERED)
        return
    try:
        read = action_answer(answer, request.type.partition("_")[0], request.amount)
        if read.psp_reference is not None:
            request.psp_reference, request.counted = read.psp_reference, True
        if read.type is not None:
            event = _event_from(read, app)
            event.granted = request.granted
            take(transaction, event)
    except Unusable as error:
        record_failure(transaction, request, str(error))
        return
    before = replace(transaction.amounts)
    transaction.recalculate()
    if read.actions is not None:
        transaction.actions = sorted(set(read.actions))
    amounts_changed(host, transaction, before, None)


def amounts_changed(host: Host, transaction: Transaction, before: Amounts, requestor: Requestor) -> None:
    """Send the events of the checkout or order that follow from a change of the ledger."""
    if transaction.order is not None:
        orders.payment_changed(host, transaction.order, before, transaction.amounts, requestor)
    elif transaction.checkout is not None:
        _checkout_covered(host, transaction.checkout, requestor)


def _checkout_covered(host: Host, checkout: Checkout, requestor: Requestor) -> None:
    paid = is_fully_charged(host.store, checkout)
    covered = authorize_status(host.store, checkout) == "FULL"
    if paid and not checkout.was_fully_paid:
        host.emit("CHECKOUT_FULLY_PAID", requestor, checkout=checkout)
    if covered and not checkout.was_fully_authorized:
        host.emit("CHECKOUT_FULLY_AUTHORIZED", requestor, checkout=checkout)
    checkout.was_fully_paid, checkout.was_fully_authorized = paid, covered
