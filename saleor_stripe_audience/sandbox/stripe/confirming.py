"""Confirming a PaymentIntent: declines, 3-D Secure, methods that take days, holding and taking the money.

Source: "Payment status updates", "3D Secure authentication", "Declines".
"""

import copy
from urllib.parse import urlencode

from . import cards, charges, payment_methods
from .errors import Refusal, invalid, unexpected_state
from .state import Call, Json, new_id

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def check_status(intent: Json) -> None:
    """Only an intent that is not yet paid, held or ended may be confirmed."""
    if intent["status"] not in CONFIRMABLE:
        message = f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}."
        raise unexpected_state(message, intent)


def check(call: Call, intent: Json, given: Json) -> None:
    """Everything that makes Stripe refuse before it tries; nothing is changed."""
    if intent["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method.", intent
        )
    if given.get("off_session") and intent["setup_future_usage"]:
        raise invalid(
            "setup_future_usage cannot be used together with off_session=true.", "setup_future_usage"
        )
    method = call.account.table("payment_method")[intent["payment_method"]]
    check_method(call, intent, method)
    if method["type"] == "card" and intent["statement_descriptor"]:
        message = "A card payment takes statement_descriptor_suffix, not statement_descriptor."
        raise invalid(message, "statement_descriptor")
    _check_return_url(call, intent, given)


def check_method(call: Call, intent: Json, method: Json) -> None:
    """The method must be of a type the intent takes, unspent, and of the intent's customer if of anyone's."""
    if method["type"] not in intent["payment_method_types"]:
        message = f"The PaymentMethod's type ({method['type']}) is not one this PaymentIntent takes."
        raise invalid(
            message, "payment_method", "payment_intent_incompatible_payment_method", payment_intent=intent
        )
    payment_methods.check_unused(call.account, method)
    if method["customer"] and method["customer"] != intent["customer"]:
        raise invalid("The PaymentMethod belongs to another Customer: give that customer.", "payment_method")


def confirmed(call: Call, intent: Json, given: Json) -> Json:
    """Try the intent's method: it asks for authentication, pays, holds, or raises the 402 of a decline."""
    method = call.account.table("payment_method")[intent["payment_method"]]
    behaviour = call.account.behaviours[method["id"]]
    intent["last_payment_error"] = None
    if _must_authenticate(intent, method, behaviour):
        return _ask(call, intent, method, given)
    if not finished(call, intent, method):
        raise decline_of(intent)
    return intent


def authenticated(call: Call, intent: Json, ok: bool) -> Json:
    """The shopper came back from the bank's page (or a redirect method's): nobody waits for an answer
    here.
    """
    if intent["status"] != "requires_action":
        raise unexpected_state(
            f"This PaymentIntent has a status of {intent['status']}: nothing to do.", intent
        )
    method = call.account.table("payment_method")[intent["payment_method"]]
    intent["next_action"] = None
    if ok:
        finished(call, intent, method)
    else:
        _declined(call, intent, method, cards.FAILED_AUTHENTICATION, charged=False)
    return intent


def finished(call: Call, intent: Json, method: Json) -> bool:
    """Charge the method. False when it is declined: the intent then waits for another method."""
    behaviour = call.account.behaviours[method["id"]]
    if behaviour.decline:
        _declined(call, intent, method, behaviour.decline, charged=True)
        return False
    charge = charges.attempted(call, intent, method, None)
    _keep_method(call, intent, method)
    if behaviour.settles_later:
        _process(call, intent, charge)
    elif _capture_method(intent, method) == "manual":
        _hold(call, intent, charge)
    else:
        _pay(call, intent, charge)
    if not behaviour.settles_later:
        charges.after_success(call, charge, behaviour)
    return True


def processed(call: Call, intent: Json, ok: bool) -> Json:
    """A debit that took days arrives, or does not."""
    if intent["status"] != "processing":
        raise unexpected_state(
            f"This PaymentIntent has a status of {intent['status']}, not processing.", intent
        )
    charge = call.account.table("charge")[intent["latest_charge"]]
    intent["processing"] = None
    if ok:
        charge.update(status="succeeded", paid=True)
        _pay(call, intent, charge)
        return intent
    charge.update(status="failed", captured=False, amount_captured=0)
    charge.update(failure_code="payment_method_provider_decline", failure_message="The debit was returned.")
    method = call.account.table("payment_method")[intent["payment_method"]]
    returned = cards.Decline(
        "payment_method_provider_decline", "insufficient_funds", "The debit was returned."
    )
    call.emit("charge.failed", charge)
    _declined(call, intent, method, returned, charged=False)
    return intent


def decline_of(intent: Json) -> Refusal:
    """The 402 that tells of the intent's last error."""
    error = dict(intent["last_payment_error"])
    kind, message = error.pop("type"), error.pop("message")
    error.pop("doc_url", None)
    return Refusal(402, kind, message, payment_intent=intent, **error)


def _must_authenticate(intent: Json, method: Json, behaviour: cards.Behaviour) -> bool:
    if behaviour.redirects or behaviour.authentication == "always":
        return True
    card = intent["payment_method_options"].get("card") or {}
    if behaviour.type == "card" and card.get("request_three_d_secure") in ("any", "challenge"):
        return True
    return behaviour.authentication == "unless_set_up" and method["customer"] is None


def _ask(call: Call, intent: Json, method: Json, given: Json) -> Json:
    if given.get("off_session") or given.get("error_on_requires_action"):
        _declined(call, intent, method, cards.NEEDS_AUTHENTICATION, charged=bool(given.get("off_session")))
        raise decline_of(intent)
    intent.update(status="requires_action", next_action=_next_action(call, intent, given))
    call.emit("payment_intent.requires_action", intent)
    return intent


def _next_action(call: Call, intent: Json, given: Json) -> Json:
    return_url = given.get("return_url")
    address = f"{call.base_url}/sandbox/3ds/{intent['id']}"
    if return_url:
        address += "?" + urlencode({"return_url": return_url})
    if return_url and not given.get("use_stripe_sdk"):
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": address}}
    details = {"type": "three_d_secure_redirect", "stripe_js": address, "source": new_id("payatt")}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": details}


def _declined(call: Call, intent: Json, method: Json, decline: cards.Decline, *, charged: bool) -> None:
    """Back to requires_payment_method, with the reason; the method is let go."""
    charge = charges.attempted(call, intent, method, decline) if charged else None
    if charge:
        call.emit("charge.failed", charge)
    intent["last_payment_error"] = _error(method, decline, charge)
    intent.update(status="requires_payment_method", payment_method=None, next_action=None)
    call.emit("payment_intent.payment_failed", intent)


def _error(method: Json, decline: cards.Decline, charge: Json | None) -> Json:
    error: Json = {
        "type": "invalid_request_error" if decline is cards.FAILED_AUTHENTICATION else "card_error",
        "code": decline.code,
        "doc_url": "https://stripe.com/docs/error-codes/" + decline.code.replace("_", "-"),
        "message": decline.message,
        "payment_method": copy.deepcopy(method),
    }
    if charge:
        error["charge"] = charge["id"]
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    if decline is cards.INCORRECT_CVC:
        error["param"] = "cvc"
    return error


def _capture_method(intent: Json, method: Json) -> str:
    options = intent["payment_method_options"].get(method["type"]) or {}
    return str(options.get("capture_method") or intent["capture_method"])


def _keep_method(call: Call, intent: Json, method: Json) -> None:
    """Saved for the customer where that was asked; otherwise a method without a customer is spent."""
    options = intent["payment_method_options"].get(method["type"]) or {}
    kept = intent["setup_future_usage"] or options.get("setup_future_usage") in ("off_session", "on_session")
    if kept and intent["customer"]:
        payment_methods.attached(call, method, intent["customer"])
    elif method["customer"] is None:
        call.account.used_methods.add(method["id"])


def _hold(call: Call, intent: Json, charge: Json) -> None:
    charge.update(captured=False, amount_captured=0)
    intent.update(status="requires_capture", amount_capturable=intent["amount"])
    call.emit("charge.succeeded", charge)
    call.emit("payment_intent.amount_capturable_updated", intent)


def _pay(call: Call, intent: Json, charge: Json) -> None:
    at_once = intent["capture_method"] != "automatic_async"
    if at_once:
        charges.settled(call, charge, charge["amount"])
    intent.update(status="succeeded", amount_received=intent["amount"])
    call.emit("charge.succeeded", charge)
    call.emit("payment_intent.succeeded", intent)
    if not at_once:
        charges.settled_later(call, charge, charge["amount"])


def _process(call: Call, intent: Json, charge: Json) -> None:
    intent.update(status="processing", processing={"type": charge["payment_method_details"]["type"]})
    call.emit("charge.pending", charge)
    call.emit("payment_intent.processing", intent)


def _check_return_url(call: Call, intent: Json, given: Json) -> None:
    """Where methods that redirect are on offer, a server must say where the shopper shall come back to."""
    automatic = intent["automatic_payment_methods"]
    redirects = automatic and automatic["allow_redirects"] == "always"
    if redirects and not call.by_browser and not given.get("return_url") and not given.get("use_stripe_sdk"):
        message = (
            "This PaymentIntent may use payment methods that redirect, so confirming it needs a return_url. "
            "Or set automatic_payment_methods[allow_redirects]=never."
        )
        raise invalid(message, "return_url", "payment_intent_invalid_parameter")
