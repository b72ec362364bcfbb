"""Stored payment methods: listed by the app, cached for five minutes, for the signed-in owner only."""

import time
from typing import Any

from .access import Call, Info, call_of, denied
from .fields import Refused, mutation, resolves
from .state import Channel, Checkout, User

CACHE_SECONDS = 300.0


def _channel(call: Call, slug: str) -> Channel:
    found = next((each for each in call.host.store.channels if each.slug == slug), None)
    if found is None:
        raise Refused("channel", "NOT_FOUND", f"Channel with '{slug}' slug does not exist.")
    return found


def stored_methods(call: Call, user: User, channel: Channel) -> list[dict[str, Any]]:
    """Return what every payment app stores for a user in a channel."""
    name = "LIST_STORED_PAYMENT_METHODS"
    apps = [each for each in call.host.store.installed() if any(name in w.events for w in each.webhooks)]
    return [method for app in apps for method in _of_app(call, user, channel, app.identifier)]


def _of_app(call: Call, user: User, channel: Channel, identifier: str) -> list[dict[str, Any]]:
    place = (identifier, user.id, channel.slug)
    cached = call.host.store.stored_methods.get(place)
    if cached is None or cached[0] < time.monotonic():
        _, answer = call.host.ask(
            "LIST_STORED_PAYMENT_METHODS", identifier, call.requestor, user=user, channel=channel
        )
        cached = (time.monotonic() + CACHE_SECONDS, answer)
        call.host.store.stored_methods[place] = cached
    listed = cached[1].get("paymentMethods") if isinstance(cached[1], dict) else None
    return [_view(identifier, channel, each) for each in listed or []]


def _view(identifier: str, channel: Channel, given: dict[str, Any]) -> dict[str, Any]:
    card = given.get("creditCardInfo")
    gateway = {"id": identifier, "name": identifier, "config": [], "currencies": [channel.currency_code]}
    return {
        "id": f"app:{identifier}:{given['id']}",
        "gateway": gateway,
        "paymentMethodId": given["id"],
        "creditCardInfo": card and {"firstDigits": None, **card},
        "supportedPaymentFlows": given.get("supportedPaymentFlows") or [],
        "type": given["type"],
        "name": given.get("name"),
        "data": given.get("data"),
    }


@resolves("User", "storedPaymentMethods")
def of_user(user: User, info: Info, channel: str | None = None) -> list[dict[str, Any]]:
    call = call_of(info)
    if call.user is not user or channel is None:
        return []
    return stored_methods(call, user, _channel(call, channel))


@resolves("Checkout", "storedPaymentMethods")
def of_checkout(checkout: Checkout, info: Info, **_: Any) -> list[dict[str, Any]]:
    call = call_of(info)
    if call.user is None or checkout.user is not call.user:
        return []
    return stored_methods(call, call.user, checkout.channel)


def _owner(call: Call) -> User:
    if call.user is None:
        raise denied("AUTHENTICATED_USER")
    return call.user


def _ask(call: Call, name: str, identifier: str, slug: str, **fields: Any) -> dict[str, Any]:
    """Return the app's response; an empty mapping if there is none."""
    channel = _channel(call, slug)
    _, answer = call.host.ask(name, identifier, call.requestor, user=_owner(call), channel=channel, **fields)
    return answer if isinstance(answer, dict) else {}


def _payload(answer: dict[str, Any], allowed: tuple[str, ...]) -> dict[str, Any]:
    result = answer.get("result")
    errors = []
    if result not in allowed:
        result = "FAILED_TO_DELIVER"
        errors = [{"field": None, "code": "GATEWAY_ERROR", "message": "Failed to delivery request."}]
    elif answer.get("error"):
        errors = [{"field": None, "code": "GATEWAY_ERROR", "message": answer["error"]}]
    return {"result": result, "id": answer.get("id"), "data": answer.get("data"), "errors": errors}


@mutation("storedPaymentMethodRequestDelete")
def stored_payment_method_request_delete(_root: Any, info: Info, *, id_: str, channel: str) -> dict[str, Any]:
    call = call_of(info)
    _, _, rest = id_.partition("app:")
    identifier, _, method = rest.partition(":")
    if not method:
        return _refused("id", "Incorrect ID format.")
    answer = _ask(call, "STORED_PAYMENT_METHOD_DELETE_REQUESTED", identifier, channel, paymentMethodId=method)
    payload = _payload(answer, ("SUCCESSFULLY_DELETED", "FAILED_TO_DELETE"))
    if payload["result"] == "SUCCESSFULLY_DELETED":
        call.host.store.stored_methods.pop((identifier, _owner(call).id, channel), None)
    return payload


def _refused(field: str, message: str) -> dict[str, Any]:
    error = {"field": field, "code": "INVALID", "message": message}
    return {"result": "FAILED_TO_DELIVER", "errors": [error]}


@mutation("paymentGatewayInitializeTokenization")
def payment_gateway_initialize_tokenization(
    _root: Any, info: Info, *, id_: str, channel: str, data: Any = None
) -> dict[str, Any]:
    name = "PAYMENT_GATEWAY_INITIALIZE_TOKENIZATION_SESSION"
    answer = _ask(call_of(info), name, id_, channel, data=data)
    return _payload(answer, ("SUCCESSFULLY_INITIALIZED", "FAILED_TO_INITIALIZE"))


_TOKENIZED = ("SUCCESSFULLY_TOKENIZED", "PENDING", "ADDITIONAL_ACTION_REQUIRED", "FAILED_TO_TOKENIZE")


@mutation("paymentMethodInitializeTokenization")
def payment_method_initialize_tokenization(
    _root: Any,
    info: Info,
    *,
    id_: str,
    channel: str,
    payment_flow_to_support: str,
    data: Any = None,
) -> dict[str, Any]:
    answer = _ask(
        call_of(info),
        "PAYMENT_METHOD_INITIALIZE_TOKENIZATION_SESSION",
        id_,
        channel,
        data=data,
        paymentFlowToSupport=payment_flow_to_support,
    )
    return _with_id(id_, _payload(answer, _TOKENIZED))


def _with_id(identifier: str, payload: dict[str, Any]) -> dict[str, Any]:
    given = payload["id"]
    return {**payload, "id": f"app:{identifier}:{given}" if given else None}


@mutation("paymentMethodProcessTokenization")
def payment_method_process_tokenization(
    _root: Any, info: Info, *, id_: str, channel: str, data: Any = None
) -> dict[str, Any]:
    _, _, rest = id_.partition("app:")
    identifier, _, method = rest.partition(":")
    if not method:
        return _refused("id", "Incorrect ID format.")
    answer = _ask(
        call_of(info),
        "PAYMENT_METHOD_PROCESS_TOKENIZATION_SESSION",
        identifier,
        channel,
        data=data,
        id=method,
    )
    return _with_id(identifier, _payload(answer, _TOKENIZED))
