"""The HTTP server: finds the caller and the endpoint, checks the parameters and the idempotency key, then does the
work.
"""

import copy
import json
import logging
import socket
import time
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.wrappers import Request, Response

from . import connect, control, expanding, forms, keys, params, routes
from .errors import Refusal, invalid
from .faults import FAILURE, Fault
from .idempotency import Answer
from .operator import Operator
from .requests import Logged
from .routes import Route
from .state import API_VERSION, Call, Json, new_id

_log = logging.getLogger(__name__)
_FORM = "application/x-www-form-urlencoded"
# Stripe.js sends these in addition to the documented parameters.
_BROWSER_ONLY = ("key", "_stripe_version", "_stripe_account", "client_secret", "expected_payment_method_type")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, Stripe-Version, Stripe-Account"
    ),
    "Access-Control-Expose-Headers": "Request-Id, Stripe-Manage-Version",
    "Access-Control-Max-Age": "300",
}


class DroppedError(ConnectionError):
    """The connection was closed on purpose; the server sends nothing more."""


class Server:
    """The WSGI side of a sandbox."""

    def __init__(self, sandbox: Operator) -> None:
        self._sandbox = sandbox

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application."""
        request = Request(environ)
        self._sandbox.base_url = request.host_url.rstrip("/")
        if request.path.startswith("/sandbox/"):
            response = control.respond(self._sandbox, request)
        elif request.method == "OPTIONS":
            response = Response(status=200, headers=_CORS)
        else:
            response = self._api(request)
        return response(environ, start_response)

    def _api(self, request: Request) -> Response:
        entry = self._sandbox.log.add(
            Logged(
                request.method,
                request.path,
                request.headers.get("Idempotency-Key"),
                request_id=new_id("req", 14),
                stripe_version=request.headers.get("Stripe-Version"),
            )
        )
        fault = self._sandbox.faults.take(request.method, request.path)
        try:
            answer = self._answered(request, entry, fault)
        except Refusal as refusal:
            answer = Answer(refusal.status, refusal.body(), entry.request_id)
        except Exception:  # noqa: BLE001 - a bug of the stand-in must look like Stripe's own failure, and be logged
            _log.exception("The Stripe stand-in failed on %s %s", request.method, request.path)
            error = {"type": "api_error", "message": "The stand-in failed: see its log."}
            answer = Answer(500, {"error": error}, entry.request_id)
        if fault is not None and fault.after_effect:
            time.sleep(fault.latency_seconds)
        if fault is not None and fault.loses_answer:
            return _spoil(fault, request, entry)
        return _response(answer, entry)

    def _answered(self, request: Request, entry: Logged, fault: Fault | None) -> Answer:
        raw = _given(request)
        entry.params = raw
        key_text = _key_text(request) or raw.get("key")
        account, key = keys.find(self._sandbox.accounts.values(), key_text)
        _check_version(request)
        other = request.headers.get("Stripe-Account") or raw.get("_stripe_account")
        account = connect.acting(self._sandbox.accounts, account, other)
        entry.account = account.id
        route, path = routes.find(request.method, request.path)
        keys.check(account, key, route.resource, route.level, browser=route.browser)
        call = self._sandbox.call(
            account,
            path=path,
            address=request.path,
            key=key,
            request_id=entry.request_id,
            idempotency_key=entry.idempotency_key,
        )
        call.params = _checked(route, copy.deepcopy(raw), browser=key.is_publishable)
        expanding.check(route.kind, call.params.get("expand", []), in_list=route.is_list)
        return self._once(call, route, raw, entry, fault)

    def _once(self, call: Call, route: Route, raw: Json, entry: Logged, fault: Fault | None) -> Answer:
        """Handle the request, unless there is a response for this idempotency key."""
        key = entry.idempotency_key if route.method == "POST" else None
        if key is None:
            return self._done(call, route, fault)
        answers = call.account.answers
        with self._sandbox.lock:
            kept = answers.begin(key, call.address, raw, self._sandbox.now())
        if kept is not None:
            entry.replayed = True
            return kept
        try:
            answer = self._done(call, route, fault)
        except BaseException:
            with self._sandbox.lock:
                answers.forget(key)
            raise
        with self._sandbox.lock:
            if answer.request_id:
                answers.finish(key, answer)
            else:
                answers.forget(key)
        return answer

    def _done(self, call: Call, route: Route, fault: Fault | None) -> Answer:
        """Do the work. An answer without a request id means that a fault prevented it."""
        if fault is not None:
            time.sleep(0 if fault.after_effect else fault.latency_seconds)  # slowness is the fault
            if fault.loses_answer and not fault.after_effect:
                return _stored_failure(fault, call) if fault.kept else Answer(0, {}, "")
        with self._sandbox.lock:
            try:
                result = route.handler(call)
                body = expanding.expanded(call.account, result, call.params.get("expand", []))
            except Refusal as refusal:
                return Answer(refusal.status, copy.deepcopy(refusal.body()), call.request_id or "")
        if fault is not None and fault.kept:
            return _stored_failure(fault, call)
        return Answer(200, body, call.request_id or "")


def _given(request: Request) -> Json:
    pairs = [*request.args.items(multi=True)]
    if request.method == "POST":
        if request.content_length and request.mimetype != _FORM:
            raise invalid(f"Invalid request (check that your POST content type is {_FORM}).")
        pairs += request.form.items(multi=True)
    return forms.decode(pairs)


def _key_text(request: Request) -> str | None:
    header = request.authorization
    if header is None:
        return None
    return header.token if header.type == "bearer" else header.username


def _check_version(request: Request) -> None:
    version = request.headers.get("Stripe-Version")
    if version not in (None, API_VERSION):
        raise invalid(f"Invalid Stripe API version: {version}. This stand-in supports {API_VERSION}.")


def _checked(route: Route, raw: Json, *, browser: bool) -> Json:
    """Check the parameters by Stripe's definitions; Stripe.js also sends its own, and card numbers inside data."""
    if not browser:
        return params.check(route.params, raw)
    extra = {name: raw.pop(name) for name in _BROWSER_ONLY if name in raw}
    data = raw.pop("payment_method_data", None)
    checked = params.check(route.params, raw)
    if data is not None:
        checked["payment_method_data"] = params.check("PaymentMethodCreateParams", data)
    if "client_secret" in extra:
        checked["client_secret"] = extra["client_secret"]
    return checked


def _response(answer: Answer, entry: Logged) -> Response:
    entry.status = answer.status
    headers = {**_CORS, "Request-Id": entry.request_id, "Stripe-Version": API_VERSION}
    if entry.idempotency_key:
        headers["Idempotency-Key"] = entry.idempotency_key
    if entry.replayed:
        headers |= {"Idempotent-Replayed": "true", "Original-Request": answer.request_id}
    text = json.dumps(answer.body, separators=(",", ":"))
    return Response(text, answer.status, headers, content_type="application/json")


def _stored_failure(fault: Fault, call: Call) -> Answer:
    """Return the failure as it is stored under the idempotency key."""
    body = fault.body if isinstance(fault.body, dict) else FAILURE
    return Answer(fault.status or 500, body, call.request_id or "")


def _spoil(fault: Fault, request: Request, entry: Logged) -> Response:
    """Return what the client gets instead of the response."""
    if fault.drop_connection:
        _cut(request)
    entry.status = fault.status or 200
    headers = {"Request-Id": entry.request_id, **fault.headers}
    if fault.kept:
        headers["Stripe-Should-Retry"] = "false"
    if fault.garbage:
        return Response("<html>gateway</html>", entry.status, headers, content_type="text/html")
    body: Any = fault.body
    if body is None:
        body = FAILURE
    text = body if isinstance(body, str) else json.dumps(body)
    return Response(text, entry.status, headers, content_type="application/json")


def _cut(request: Request) -> None:
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    raise DroppedError
