"""SetupIntents: saving a payment method without a payment. Source: "The Setup Intents API"."""

import copy
from urllib.parse import urlencode

from . import cards, listing, metadata, payment_methods
from .errors import Refusal, invalid, unexpected_state
from .state import Call, Json, new_id

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_STORABLE = ["card", "link"]
_PUBLIC = (
    "id", "object", "automatic_payment_methods", "cancellation_reason", "client_secret", "created",
    "description", "last_setup_error", "livemode", "next_action", "payment_method",
    "payment_method_types", "status", "usage",
)  # fmt: skip


def create(call: Call) -> Json:
    """POST /v1/setup_intents"""
    intent = _new(call)
    _change(call, intent)
    if call.params.get("confirm"):
        _check_confirmable(call, intent)
    call.account.put(intent)
    call.emit("setup_intent.created", intent)
    return _attempt(call, intent) if call.params.get("confirm") else intent


def retrieve(call: Call) -> Json:
    """GET /v1/setup_intents/{id}"""
    return _shown(call, addressed(call))


def confirm(call: Call) -> Json:
    """POST /v1/setup_intents/{id}/confirm"""
    intent = addressed(call)
    if intent["status"] not in _OPEN:
        message = f"You cannot confirm this SetupIntent because it has a status of {intent['status']}."
        raise unexpected_state(message, intent)
    changed = copy.deepcopy(intent)
    _change(call, changed)
    _check_confirmable(call, changed)
    intent.update(changed)
    return _shown(call, _attempt(call, intent))


def cancel(call: Call) -> Json:
    """POST /v1/setup_intents/{id}/cancel"""
    intent = addressed(call)
    if intent["status"] not in _OPEN:
        message = f"You cannot cancel this SetupIntent because it has a status of {intent['status']}."
        raise unexpected_state(message, intent)
    reason = call.params.get("cancellation_reason")
    intent.update(status="canceled", cancellation_reason=reason, next_action=None)
    call.emit("setup_intent.canceled", intent)
    return intent


def list_(call: Call) -> Json:
    """GET /v1/setup_intents"""
    return listing.page(call, "setup_intent", ("customer", "payment_method"))


def finish_authentication(call: Call, intent: Json, ok: bool) -> Json:
    """The shopper returned from the bank's page."""
    if intent["status"] != "requires_action":
        raise unexpected_state(f"This SetupIntent has a status of {intent['status']}: nothing to do.", intent)
    method = call.account.table("payment_method")[intent["payment_method"]]
    intent["next_action"] = None
    if ok:
        _succeed(call, intent, method)
    else:
        _fail(call, intent, method, cards.FAILED_AUTHENTICATION, "setup_intent_authentication_failure")
    return intent


def addressed(call: Call) -> Json:
    """Return the intent whose id is in the path; a browser must know its client secret."""
    intent = call.account.addressed("setup_intent", call.path["id"], "intent")
    given = call.params.get("client_secret")
    if call.by_browser and given is None:
        raise invalid(
            "The client_secret is needed with a publishable key.", "client_secret", "parameter_missing"
        )
    if given is not None and given != intent["client_secret"]:
        raise invalid(
            "The client_secret provided does not match.", "client_secret", "setup_intent_invalid_parameter"
        )
    return intent


def _shown(call: Call, intent: Json) -> Json:
    return {name: intent[name] for name in _PUBLIC} if call.by_browser else intent


def _new(call: Call) -> Json:
    name = new_id("seti")
    given = call.params
    allowed = given.get("allowed_payment_method_types")
    chosen = given.get("automatic_payment_methods") or {"enabled": True}
    redirects = chosen.get("allow_redirects", "always")
    return {
        "id": name,
        "object": "setup_intent",
        "allowed_payment_method_types": allowed,
        "application": None,
        "automatic_payment_methods": None
        if allowed
        else {"enabled": chosen["enabled"], "allow_redirects": redirects},
        "cancellation_reason": None,
        "client_secret": new_id(f"{name}_secret"),
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": call.account.livemode,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": given.get("payment_method_options", {}),
        "payment_method_types": allowed or _STORABLE,
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": given.get("usage", "off_session"),
    }


def _change(call: Call, intent: Json) -> None:
    given = call.params
    intent["metadata"] = metadata.merge(intent["metadata"] or {}, given.get("metadata"))
    if "customer" in given:
        intent["customer"] = call.account.referred("customer", given["customer"], "customer")["id"]
    if "payment_method_data" in given:
        method = payment_methods.create_method(call, given["payment_method_data"])
    elif "payment_method" in given:
        method = payment_methods.find_or_create(call, given["payment_method"])
    else:
        return
    _check_method(call, intent, method)
    intent.update(payment_method=method["id"], status="requires_confirmation")


def _check_method(call: Call, intent: Json, method: Json) -> None:
    if method["type"] not in intent["payment_method_types"]:
        raise invalid(
            f"This SetupIntent does not take a PaymentMethod of type {method['type']}.", "payment_method"
        )
    payment_methods.check_unused(call.account, method)
    if method["customer"] and method["customer"] != intent["customer"]:
        raise invalid(
            "The PaymentMethod belongs to another Customer. Provide that customer.", "payment_method"
        )


def _check_confirmable(call: Call, intent: Json) -> None:
    if intent["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this SetupIntent because it's missing a payment method.", intent
        )
    automatic = intent["automatic_payment_methods"]
    redirects = automatic and automatic["enabled"] and automatic["allow_redirects"] == "always"
    given = call.params
    if redirects and not call.by_browser and not given.get("return_url") and not given.get("use_stripe_sdk"):
        raise invalid(
            "Confirming this SetupIntent needs a return_url.", "return_url", "setup_intent_invalid_parameter"
        )


def _attempt(call: Call, intent: Json) -> Json:
    method = call.account.table("payment_method")[intent["payment_method"]]
    behavior = call.account.behaviors[method["id"]]
    intent["last_setup_error"] = None
    if behavior.authentication != "never":
        intent.update(status="requires_action", next_action=_next_action(call, intent))
        call.emit("setup_intent.requires_action", intent)
        return intent
    if behavior.decline and not behavior.attachable:
        _fail(call, intent, method, behavior.decline, behavior.decline.code)
        raise _refusal(intent)
    return _succeed(call, intent, method)


def _next_action(call: Call, intent: Json) -> Json:
    return_url = call.params.get("return_url")
    address = f"{call.base_url}/sandbox/3ds/{intent['id']}"
    if return_url and not call.params.get("use_stripe_sdk"):
        address += "?" + urlencode({"return_url": return_url})
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": address}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": address},
    }


def _succeed(call: Call, intent: Json, method: Json) -> Json:
    if intent["customer"]:
        payment_methods.attach_method(call, method, intent["customer"])
    intent["status"] = "succeeded"
    call.emit("setup_intent.succeeded", intent)
    return intent


def _fail(call: Call, intent: Json, method: Json, decline: cards.Decline, code: str) -> None:
    error: Json = {"type": "card_error", "code": code, "message": decline.message}
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    error["payment_method"] = copy.deepcopy(method)
    intent.update(status="requires_payment_method", payment_method=None, last_setup_error=error)
    call.emit("setup_intent.setup_failed", intent)


def _refusal(intent: Json) -> Refusal:
    error = dict(intent["last_setup_error"])
    kind, message = error.pop("type"), error.pop("message")
    return Refusal(402, kind, message, setup_intent=intent, **error)
