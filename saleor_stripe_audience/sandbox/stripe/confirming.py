"""Confirming a PaymentIntent: declines, 3-D Secure, methods that take days, holds and captures.

Source: "Payment status updates", "3D Secure authentication", "Declines", "Accept a bank transfer", "Customer balance:
reconciliation".
"""

import copy
from urllib.parse import urlencode

from . import cards, cash_balances, charges, payment_methods
from .errors import Refusal, invalid, unexpected_state
from .state import Call, Json, new_id

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def check_status(intent: Json) -> None:
    """Refuse to confirm an intent that is already paid, held or canceled."""
    if intent["status"] not in CONFIRMABLE:
        message = f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}."
        raise unexpected_state(message, intent)


def check(call: Call, intent: Json, given: Json) -> None:
    """Refuse everything that Stripe refuses before it attempts the payment; nothing is changed."""
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
        message = "A card payment needs statement_descriptor_suffix, not statement_descriptor."
        raise invalid(message, "statement_descriptor")
    _check_return_url(call, intent, given)
    _check_export(call, intent, method)


def check_method(call: Call, intent: Json, method: Json) -> None:
    """Refuse a method of a type that the intent does not accept, a used one, and another customer's."""
    if method["type"] not in intent["payment_method_types"]:
        message = f"The PaymentMethod's type ({method['type']}) is not accepted by this PaymentIntent."
        raise invalid(
            message, "payment_method", "payment_intent_incompatible_payment_method", payment_intent=intent
        )
    payment_methods.check_unused(call.account, method)
    if method["customer"] and method["customer"] != intent["customer"]:
        raise invalid(
            "The PaymentMethod belongs to another Customer. Provide that customer.", "payment_method"
        )


def attempt(call: Call, intent: Json, given: Json) -> Json:
    """Attempt the payment: it requires authentication, succeeds, is held, or is declined with a 402."""
    method = call.account.table("payment_method")[intent["payment_method"]]
    behavior = call.account.behaviors[method["id"]]
    intent["last_payment_error"] = None
    if shown := _shown_instead(intent, behavior):
        return _hand_out(call, intent, shown)
    if _must_authenticate(intent, method, behavior):
        return _ask(call, intent, method, given)
    if not charge_method(call, intent, method):
        raise decline_of(intent)
    return intent


def finish_authentication(call: Call, intent: Json, ok: bool) -> Json:
    """The shopper returned from the bank's page or a redirect. A decline is not raised: no request waits for it."""
    if intent["status"] != "requires_action":
        raise unexpected_state(
            f"This PaymentIntent has a status of {intent['status']}: nothing to do.", intent
        )
    method = call.account.table("payment_method")[intent["payment_method"]]
    intent["next_action"] = None
    if ok:
        charge_method(call, intent, method)
    else:
        _decline(call, intent, method, cards.FAILED_AUTHENTICATION, charged=False)
    return intent


def receive_payment(call: Call, intent: Json, amount: int | None = None) -> Json:
    """A voucher is paid, a QR code is scanned, microdeposits are confirmed, or a bank transfer arrives.

    `amount` is that of a transfer; the default is the amount remaining. Of a transfer of more, the rest stays in the
    Customer's cash balance.
    """
    action = _waiting(intent)
    transfer = action.get(cash_balances.INSTRUCTIONS)
    if transfer is not None:
        arrived = transfer["amount_remaining"] if amount is None else amount
        cash_balances.fund(call, intent["customer"], intent["currency"], arrived, transfer["reference"])
        _apply_balance(call, intent)
        reconcile(call, intent["customer"], intent["currency"])
        return intent
    intent["next_action"] = None
    method = call.account.table("payment_method")[intent["payment_method"]]
    charge_method(call, intent, method)
    return intent


def receive_transfer(call: Call, customer: str, currency: str, amount: int) -> None:
    """A bank transfer without a reference that names a payment arrives for the Customer."""
    cash_balances.fund(call, customer, currency, amount, None)
    reconcile(call, customer, currency)


def reconcile(call: Call, customer: str, currency: str) -> None:
    """Apply the Customer's cash balance to the payments that wait for transfers: to one that waits for exactly this
    amount, otherwise to the oldest ones first.
    """
    left = cash_balances.available(call, customer, currency)
    waiting = [
        each
        for each in call.account.table("payment_intent").values()
        if (each["customer"], each["currency"]) == (customer, currency) and _instructions(each)
    ]
    exact = [each for each in waiting if _instructions(each)["amount_remaining"] == left]
    for intent in exact[:1] or waiting:
        _apply_balance(call, intent)


def return_transfer(call: Call, intent: Json) -> None:
    """A payment that no longer waits for its transfer gives back what it had; Stripe applies that to others."""
    if intent["customer"] is None or intent["status"] == "succeeded" or _instructions(intent):
        return
    if had := cash_balances.applied(call, intent):
        cash_balances.unapply(call, intent, had)
        reconcile(call, intent["customer"], intent["currency"])


def expire(call: Call, intent: Json) -> Json:
    """The voucher or QR code expired unpaid: the intent needs another method. Transfers do not expire."""
    if _waiting(intent)["type"] == cash_balances.INSTRUCTIONS:
        raise unexpected_state("Instructions for a bank transfer do not expire.", intent)
    method = call.account.table("payment_method")[intent["payment_method"]]
    _decline(call, intent, method, cards.EXPIRED_ATTEMPT, charged=False)
    return intent


def has_expired(call: Call, intent: Json) -> bool:
    """Whether the voucher or QR code has expired, by the sandbox's time."""
    action = intent["next_action"] or {}
    details = action.get(action.get("type", ""), {})
    ends = details.get("expires_at", details.get("expires_after"))
    return intent["status"] == "requires_action" and ends is not None and call.now > ends


def charge_method(call: Call, intent: Json, method: Json) -> bool:
    """Charge the method. False if it is declined: the intent then needs another method."""
    behavior = call.account.behaviors[method["id"]]
    if behavior.decline:
        _decline(call, intent, method, behavior.decline, charged=True)
        return False
    charge = charges.record_attempt(call, intent, method, None)
    _keep_method(call, intent, method)
    if behavior.settles_later:
        _process(call, intent, charge)
    elif _capture_method(intent, method) == "manual":
        _hold(call, intent, charge)
    else:
        _pay(call, intent, charge)
    if not behavior.settles_later:
        charges.after_success(call, charge, behavior)
    return True


def end_processing(call: Call, intent: Json, ok: bool) -> Json:
    """A debit that took days succeeds or fails."""
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
    _decline(call, intent, method, returned, charged=False)
    return intent


def decline_of(intent: Json) -> Refusal:
    """Return the 402 with the intent's last error."""
    error = dict(intent["last_payment_error"])
    kind, message = error.pop("type"), error.pop("message")
    error.pop("doc_url", None)
    return Refusal(402, kind, message, payment_intent=intent, **error)


def _waiting(intent: Json) -> Json:
    action: Json = intent["next_action"] or {}
    if intent["status"] != "requires_action" or "redirect_to_url" in action or "use_stripe_sdk" in action:
        raise unexpected_state("This payment has no voucher, QR code or instructions.", intent)
    return action


def _shown_instead(intent: Json, behavior: cards.Behavior) -> str:
    """The next_action of a method without a redirect; a US bank account may need microdeposits."""
    options = intent["payment_method_options"].get(behavior.type) or {}
    if options.get("verification_method") == "microdeposits":
        return "verify_with_microdeposits"
    return behavior.next_action


def _hand_out(call: Call, intent: Json, kind: str) -> Json:
    """Give the shopper a voucher for some days, a QR code for some hours, or an account to transfer money to."""
    page = f"{call.base_url}/sandbox/receipts/{intent['id']}"
    seconds = _SECONDS_OF_A_VOUCHER if kind.endswith("_display_details") else _SECONDS_OF_A_CODE
    details: Json = {"expires_at": call.now + seconds}
    if kind.endswith("_display_details"):
        details["hosted_voucher_url"] = page
    if kind == "oxxo_display_details":
        details = {"expires_after": details["expires_at"], "hosted_voucher_url": page, "number": "1234"}
    if kind == "verify_with_microdeposits":
        details = {
            "arrival_date": call.now + 24 * 3600,
            "hosted_verification_url": page,
            "microdeposit_type": "amounts",
        }
    if kind == cash_balances.INSTRUCTIONS:
        details = {
            "amount_remaining": intent["amount"],
            "currency": intent["currency"],
            "hosted_instructions_url": page,
            "reference": "SANDBOX",
            "type": "eu_bank_transfer",
        }
    intent.update(status="requires_action", next_action={"type": kind, kind: details})
    if kind == cash_balances.INSTRUCTIONS and _is_covered(call, intent):
        _apply_balance(call, intent)
        return intent
    call.emit("payment_intent.requires_action", intent)
    if kind == cash_balances.INSTRUCTIONS:
        _apply_balance(call, intent)
    return intent


def _is_covered(call: Call, intent: Json) -> bool:
    """Whether the cash balance has everything already: then confirming takes it, and nothing is handed out."""
    left = cash_balances.available(call, intent["customer"], intent["currency"])
    return left >= int(intent["amount"])


def _instructions(intent: Json) -> Json:
    """The instructions for the bank transfer that the payment waits for; empty if it waits for none."""
    action: Json = intent["next_action"] or {}
    return action.get(cash_balances.INSTRUCTIONS) or {} if intent["status"] == "requires_action" else {}


def _apply_balance(call: Call, intent: Json) -> None:
    """Let the payment take what it needs from the Customer's cash balance, or a part of it."""
    transfer = _instructions(intent)
    left = cash_balances.available(call, intent["customer"], intent["currency"])
    taken = min(left, transfer["amount_remaining"])
    if taken <= 0:
        return
    cash_balances.apply(call, intent, taken)
    transfer["amount_remaining"] -= taken
    if transfer["amount_remaining"]:
        call.emit("payment_intent.partially_funded", intent)
        return
    intent["next_action"] = None
    method = call.account.table("payment_method")[intent["payment_method"]]
    charge_method(call, intent, method)


_SECONDS_OF_A_VOUCHER = 3 * 24 * 3600
_SECONDS_OF_A_CODE = 4 * 3600


def _must_authenticate(intent: Json, method: Json, behavior: cards.Behavior) -> bool:
    if behavior.redirects or behavior.authentication == "always":
        return True
    card = intent["payment_method_options"].get("card") or {}
    if behavior.type == "card" and card.get("request_three_d_secure") in ("any", "challenge"):
        return True
    return behavior.authentication == "unless_set_up" and method["customer"] is None


def _ask(call: Call, intent: Json, method: Json, given: Json) -> Json:
    if given.get("off_session") or given.get("error_on_requires_action"):
        _decline(call, intent, method, cards.NEEDS_AUTHENTICATION, charged=bool(given.get("off_session")))
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


def _decline(call: Call, intent: Json, method: Json, decline: cards.Decline, *, charged: bool) -> None:
    """Return to requires_payment_method, with the reason; the method is detached from the intent."""
    charge = charges.record_attempt(call, intent, method, decline) if charged else None
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
    """Save the method for the customer if that was requested; otherwise a method without a customer is used up."""
    options = intent["payment_method_options"].get(method["type"]) or {}
    kept = intent["setup_future_usage"] or options.get("setup_future_usage") in ("off_session", "on_session")
    if kept and intent["customer"]:
        payment_methods.attach_method(call, method, intent["customer"])
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
        charges.book_payment(call, charge, charge["amount"])
    intent.update(status="succeeded", amount_received=intent["amount"])
    call.emit("charge.succeeded", charge)
    call.emit("payment_intent.succeeded", intent)
    if not at_once:
        charges.book_payment_later(call, charge, charge["amount"])


def _process(call: Call, intent: Json, charge: Json) -> None:
    intent.update(status="processing", processing={"type": charge["payment_method_details"]["type"]})
    call.emit("charge.pending", charge)
    call.emit("payment_intent.processing", intent)


def _check_export(call: Call, intent: Json, method: Json) -> None:
    """Source: "Accept international payments from India": description, name and address of the buyer."""
    if call.account.country != "IN" or intent["currency"] == "inr":
        return
    if not intent["description"]:
        raise invalid("As per Indian regulations, export transactions require a description.", "description")
    customer = call.account.table("customer").get(intent["customer"] or "") or {}
    known = (intent["shipping"] or {}, customer, method["billing_details"])
    if not any(each.get("name") and (each.get("address") or {}).get("line1") for each in known):
        message = "As per Indian regulations, export transactions require a customer name and address."
        raise invalid(message, None, "payment_intent_invalid_parameter")


def _check_return_url(call: Call, intent: Json, given: Json) -> None:
    """If redirect methods are offered, a server must give a return_url."""
    automatic = intent["automatic_payment_methods"]
    redirects = automatic and automatic["allow_redirects"] == "always"
    if redirects and not call.by_browser and not given.get("return_url") and not given.get("use_stripe_sdk"):
        message = (
            "This PaymentIntent may use payment methods that redirect, so confirming it needs a return_url. "
            "Or set automatic_payment_methods[allow_redirects]=never."
        )
        raise invalid(message, "return_url", "payment_intent_invalid_parameter")
