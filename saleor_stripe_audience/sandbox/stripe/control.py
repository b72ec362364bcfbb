"""The sandbox's own endpoints: faults, disputes, refunds, keys, time, the log, and the page of the shopper's bank."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from . import pages
from .errors import Refusal, invalid
from .faults import Fault
from .operator import Operator


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Faults(_Command):
    """POST /sandbox/control"""

    faults: list[Fault]


class Dispute(_Command):
    """POST /sandbox/control/disputes: `id` is a charge or PaymentIntent to dispute, or a dispute.

    Reinstating returns a part of the money while the dispute is open; `amount` can also be what a won dispute returns.
    """

    action: Literal["open", "win", "lose", "reinstate"]
    id: str
    amount: int | None = None
    reason: str = "fraudulent"
    currency: str = ""


class Refund(_Command):
    """POST /sandbox/control/refunds/{id}"""

    outcome: Literal["succeed", "fail"]


class Intent(_Command):
    """POST /sandbox/control/payment_intents/{id}: settle or fail a debit, pass or fail 3-D Secure, pay a voucher, send
    a transfer of `amount`, let either expire, or capture `amount` of a hold, even more than was held.
    """

    outcome: Literal["settle", "fail", "authenticate", "reject", "pay", "expire", "overcapture"]
    amount: int | None = None


class CashBalance(_Command):
    """POST /sandbox/control/customers/{id}: a bank transfer of `amount` arrives, or what is left is sent back, or goes
    to the account.
    """

    action: Literal["transfer", "send_back", "sweep"]
    currency: str
    amount: int | None = None


class Redelivery(_Command):
    """POST /sandbox/control/redeliver: in the order given, to all endpoints or one."""

    events: list[str]
    endpoint: str | None = None


class Key(_Command):
    """POST /sandbox/control/keys: revoke it, restore it, or limit it to scopes (null: everything)."""

    key: str
    action: Literal["revoke", "restore", "limit"]
    scopes: list[str] | None = None


class Onboarding(_Command):
    """POST /sandbox/control/accounts/{id}: the result of a connected account's onboarding, or that its owner leaves."""

    outcome: Literal["complete", "review", "restrict", "reject", "deauthorize"]


class Review(_Command):
    """POST /sandbox/control/reviews: `id` is a charge or PaymentIntent to put under review, or a review to close."""

    action: Literal["open", "close"]
    id: str
    reason: str = ""


class Restriction(_Command):
    """POST /sandbox/control/restriction: Stripe stops the first account's payments, or allows them again."""

    restricted: bool


class Clock(_Command):
    """POST /sandbox/control/clock"""

    advance_seconds: float


class Drain(_Command):
    """POST /sandbox/control/drain: wait until all webhooks are delivered."""

    timeout_seconds: float = 10.0


class Losing(_Command):
    """POST /sandbox/control/webhooks: lose them, or send them again."""

    losing: bool


type Control = Callable[[Operator, Request, str], Any]


def respond(sandbox: Operator, request: Request) -> Response:
    """Return the response of one of the sandbox's own endpoints."""
    try:
        handler, values = _MAP.bind("sandbox").match(request.path, request.method)
    except HTTPException as error:
        return Response(f"{error}\n", error.code or 404)
    try:
        result = handler(sandbox, request, values.get("id", ""))
    except Refusal as refusal:
        return pages.as_json(refusal.body(), refusal.status)
    return result if isinstance(result, Response) else pages.as_json(result)


def _read[Model: _Command](request: Request, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        raise invalid(str(error)) from None


def _faults(sandbox: Operator, request: Request, _: str) -> Any:
    for fault in _read(request, Faults).faults:
        sandbox.faults.add(fault)
    return {"ok": True}


def _no_faults(sandbox: Operator, _request: Request, _: str) -> Any:
    sandbox.faults.clear()
    return {"ok": True}


def _dispute(sandbox: Operator, request: Request, _: str) -> Any:
    body = _read(request, Dispute)
    if body.action == "open":
        return sandbox.open_dispute(body.id, body.amount, body.reason, currency=body.currency)
    if body.action == "reinstate":
        return sandbox.reinstate_dispute(body.id, body.amount or 0)
    return sandbox.end_dispute(body.id, "won" if body.action == "win" else "lost", body.amount)


def _refund(sandbox: Operator, request: Request, identifier: str) -> Any:
    return sandbox.end_refund(identifier, ok=_read(request, Refund).outcome == "succeed")


def _intent(sandbox: Operator, request: Request, identifier: str) -> Any:
    body = _read(request, Intent)
    acts: dict[str, Callable[[], Any]] = {
        "settle": lambda: sandbox.end_processing(identifier, ok=True),
        "fail": lambda: sandbox.end_processing(identifier, ok=False),
        "authenticate": lambda: sandbox.authenticate(identifier, ok=True),
        "reject": lambda: sandbox.authenticate(identifier, ok=False),
        "pay": lambda: sandbox.pay_voucher(identifier, body.amount),
        "expire": lambda: sandbox.expire_voucher(identifier),
        "overcapture": lambda: sandbox.overcapture(identifier, body.amount or 0),
    }
    return acts[body.outcome]()


def _move_cash(sandbox: Operator, request: Request, identifier: str) -> Any:
    body = _read(request, CashBalance)
    if body.action == "send_back":
        return sandbox.send_back(identifier, body.currency, body.amount)
    if body.action == "sweep":
        return sandbox.sweep(identifier, body.currency)
    sandbox.transfer(identifier, body.currency, body.amount or 0)
    return {"transferred": body.amount or 0}


def _redeliver(sandbox: Operator, request: Request, _: str) -> Any:
    body = _read(request, Redelivery)
    return {"sent": sum(sandbox.redeliver(event, body.endpoint) for event in body.events)}


def _key(sandbox: Operator, request: Request, _: str) -> Any:
    body = _read(request, Key)
    owners = [account for account in sandbox.accounts.values() if body.key in account.keys]
    if not owners:
        raise invalid("No such key.", "key", "resource_missing", 404)
    if body.action == "revoke":
        sandbox.revoke_key(body.key)
    else:
        scopes = body.scopes if body.action == "limit" else owners[0].keys[body.key].scopes
        sandbox.add_key(owners[0], body.key, scopes)
    return {"ok": True}


def _account(sandbox: Operator, request: Request, identifier: str) -> Any:
    outcome = _read(request, Onboarding).outcome
    if outcome == "deauthorize":
        sandbox.deauthorize(identifier)
        return {"ok": True}
    return sandbox.onboard(identifier, outcome)


def _review(sandbox: Operator, request: Request, _: str) -> Any:
    body = _read(request, Review)
    if body.action == "open":
        return sandbox.open_review(body.id, body.reason or "rule")
    return sandbox.close_review(body.id, body.reason or "approved")


def _restriction(sandbox: Operator, request: Request, _: str) -> Any:
    sandbox.restrict(sandbox.account, _read(request, Restriction).restricted)
    return {"ok": True}


def _clock(sandbox: Operator, request: Request, _: str) -> Any:
    sandbox.advance(_read(request, Clock).advance_seconds)
    return {"now": sandbox.now()}


def _drain(sandbox: Operator, request: Request, _: str) -> Any:
    return {"drained": sandbox.drain(_read(request, Drain).timeout_seconds)}


def _losing(sandbox: Operator, request: Request, _: str) -> Any:
    sandbox.lose_webhooks(_read(request, Losing).losing)
    return {"ok": True}


def _requests(sandbox: Operator, request: Request, _: str) -> Any:
    entries = sandbox.log.entries(request.args.get("method"), request.args.get("path"))
    return {"requests": [asdict(entry) for entry in entries]}


def _no_requests(sandbox: Operator, _request: Request, _: str) -> Any:
    sandbox.log.clear()
    return {"ok": True}


def _deliveries(sandbox: Operator, _request: Request, _: str) -> Any:
    return {"deliveries": [asdict(attempt) for attempt in sandbox.deliveries()]}


def _rule(line: str, handler: Control) -> Rule:
    method, address = line.split()
    return Rule(f"/sandbox/{address}", methods=[method], endpoint=handler)


_MAP = Map(
    [
        _rule("POST control", _faults),
        _rule("DELETE control", _no_faults),
        _rule("POST control/disputes", _dispute),
        _rule("POST control/refunds/<id>", _refund),
        _rule("POST control/payment_intents/<id>", _intent),
        _rule("POST control/customers/<id>", _move_cash),
        _rule("POST control/redeliver", _redeliver),
        _rule("POST control/keys", _key),
        _rule("POST control/accounts/<id>", _account),
        _rule("POST control/reviews", _review),
        _rule("POST control/restriction", _restriction),
        _rule("POST control/clock", _clock),
        _rule("POST control/drain", _drain),
        _rule("POST control/webhooks", _losing),
        _rule("GET requests", _requests),
        _rule("DELETE requests", _no_requests),
        _rule("GET deliveries", _deliveries),
        _rule("GET 3ds/<id>", pages.bank),
        _rule("POST 3ds/<id>", pages.answer_bank),
        _rule("GET connect/<id>", pages.onboarding),
        _rule("POST connect/<id>", pages.leave_onboarding),
        _rule("GET receipts/<id>", pages.receipt),
    ]
)
