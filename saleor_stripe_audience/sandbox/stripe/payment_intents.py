"""PaymentIntents: create, update, capture, cancel. Confirming is in confirming.py.

Source: "PaymentIntents", "Payment status updates", "Place a hold on a payment method".
"""

import copy
from typing import Any

from . import confirming, listing, metadata, payment_methods, refunds
from .account import charges_enabled
from .cards import HOLDABLE, REDIRECTS, REUSABLE
from .charges import after_success, book_payment, may_capture_often
from .contact_details import check_email, check_shipping
from .currencies import check_charge, check_currency, check_positive, check_whole, largest_without_card
from .descriptors import check_descriptor, check_suffix
from .errors import invalid, unexpected_state
from .state import Call, Json, new_id

CHANGEABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*CHANGEABLE, "requires_capture")
ONLY_WITH_CONFIRM = ("return_url", "off_session", "mandate", "mandate_data", "error_on_requires_action")
BY_CARD = frozenset({"card", "link"})
AUTHORIZED_SECONDS = 7 * 24 * 3600

# The methods that the account has enabled in its Dashboard, and the currencies of each (None: all).
# Source: "Payment method support: country and currency".
ENABLED_METHODS: dict[str, frozenset[str] | None] = {
    "card": None,
    "link": None,
    "us_bank_account": frozenset({"usd"}),
    "acss_debit": frozenset({"cad", "usd"}),
    "au_becs_debit": frozenset({"aud"}),
    "bacs_debit": frozenset({"gbp"}),
    "sepa_debit": frozenset({"eur"}),
    "ideal": frozenset({"eur"}),
    "bancontact": frozenset({"eur"}),
    "blik": frozenset({"pln"}),
    "eps": frozenset({"eur"}),
    "p24": frozenset({"eur", "pln"}),
    "twint": frozenset({"chf"}),
    "klarna": frozenset({"eur", "usd", "gbp", "pln", "sek"}),
    "paypal": frozenset({"eur", "usd", "gbp", "pln", "sek"}),
    "affirm": frozenset({"usd", "cad"}),
    "afterpay_clearpay": frozenset({"usd", "gbp", "aud"}),
    "alma": frozenset({"eur"}),
    "billie": frozenset({"eur", "gbp"}),
    "satispay": frozenset({"eur"}),
    "amazon_pay": frozenset({"usd", "eur", "gbp"}),
    "cashapp": frozenset({"usd"}),
    "revolut_pay": frozenset({"eur", "gbp"}),
    "mobilepay": frozenset({"dkk", "eur", "sek", "nok"}),
    "boleto": frozenset({"brl"}),
    "pix": frozenset({"brl"}),
    "oxxo": frozenset({"mxn"}),
    "konbini": frozenset({"jpy"}),
    "multibanco": frozenset({"eur"}),
    "promptpay": frozenset({"thb"}),
    "paynow": frozenset({"sgd"}),
    "swish": frozenset({"sek"}),
    "alipay": frozenset({"aud", "cad", "cny", "eur", "gbp", "hkd", "jpy", "myr", "nzd", "sgd", "usd"}),
    "wechat_pay": frozenset(
        {"aud", "cad", "chf", "cny", "dkk", "eur", "gbp", "hkd", "jpy", "nok", "sek", "sgd", "usd"}
    ),
    "customer_balance": frozenset({"eur", "gbp", "jpy", "mxn", "usd"}),
}
_PUBLIC = (
    "id", "object", "amount", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "livemode", "next_action", "payment_method", "payment_method_types",
    "processing", "receipt_email", "setup_future_usage", "shipping", "status",
)  # fmt: skip
_FREE_TEXT = (
    "description",
    "receipt_email",
    "shipping",
    "transfer_group",
    "application_fee_amount",
    "amount_details",
)


def create(call: Call) -> Json:
    """POST /v1/payment_intents"""
    given = call.params
    confirm = given.get("confirm", False)
    if not charges_enabled(call.account):
        raise invalid("Your account cannot currently make charges.")
    _check_new(call, given, confirm)
    intent = _new(call, given)
    _change(call, intent, given)
    if confirm:
        confirming.check(call, intent, given)
    call.account.put(intent)
    call.emit("payment_intent.created", intent)
    return confirming.attempt(call, intent, given) if confirm else intent


def retrieve(call: Call) -> Json:
    """GET /v1/payment_intents/{id}: a browser sends the client secret and gets the public fields."""
    return shown(call, addressed(call))


def update(call: Call) -> Json:
    """POST /v1/payment_intents/{id}"""
    intent = addressed(call)
    frozen = [
        name
        for name in call.params
        if name not in (*_FREE_TEXT, "metadata", "expand", "statement_descriptor_suffix")
    ]
    if frozen and intent["status"] not in CHANGEABLE:
        raise _not_changeable(intent, frozen[0])
    changed = copy.deepcopy(intent)
    if "amount" in call.params or "currency" in call.params:
        _reprice(call, changed)
    _change(call, changed, call.params)
    intent.update(changed)
    confirming.return_transfer(call, intent)
    return intent


def confirm(call: Call) -> Json:
    """POST /v1/payment_intents/{id}/confirm"""
    intent = addressed(call)
    changed = copy.deepcopy(intent)
    confirming.check_status(changed)
    _change(call, changed, call.params)
    confirming.check(call, changed, call.params)
    intent.update(changed)
    confirming.return_transfer(call, intent)
    return shown(call, confirming.attempt(call, intent, call.params))


def capture(call: Call) -> Json:
    """POST /v1/payment_intents/{id}/capture: all or a part of the authorized amount; the rest is released."""
    intent = addressed(call)
    if intent["status"] != "requires_capture":
        message = (
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. "
            "It must be in requires_capture."
        )
        raise unexpected_state(message, intent)
    amount = _capturable(call, intent)
    final = call.params.get("final_capture", True)
    if not final and not may_capture_often(call, intent):
        raise invalid(
            "final_capture=false requires a payment confirmed with request_multicapture, and an account that has it.",
            "final_capture",
        )
    intent["metadata"] = metadata.merge(intent["metadata"], call.params.get("metadata"))
    return _captured(call, intent, amount, final)


# https://docs.stripe.com/api/payment_intents/cancel#cancel_payment_intent-cancellation_reason
CANCELATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


def cancel(call: Call) -> Json:
    """POST /v1/payment_intents/{id}/cancel: the authorized amount is released."""
    intent = addressed(call)
    if intent["status"] not in CANCELABLE:
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise unexpected_state(message, intent)
    reason = call.params.get("cancellation_reason")
    if reason is not None and reason not in CANCELATION_REASONS:
        allowed = ", ".join(CANCELATION_REASONS)
        raise invalid(f"Invalid cancellation_reason: must be one of {allowed}", "cancellation_reason")
    return end_intent(call, intent, reason)


def end_intent(call: Call, intent: Json, reason: str | None) -> Json:
    """Cancel the intent; an uncaptured charge is released, which Stripe shows as refunded."""
    held = call.account.table("charge").get(intent["latest_charge"] or "")
    if intent["status"] == "requires_capture" and held:
        refunds.release(call, held, held["amount"] - held["amount_refunded"])
        call.emit("charge.expired" if reason == "automatic" else "charge.refunded", held)
    intent.update(
        status="canceled",
        canceled_at=call.now,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    call.emit("payment_intent.canceled", intent)
    confirming.return_transfer(call, intent)
    return intent


def lapse(call: Call) -> None:
    """Cancel authorizations older than 7 days, and let vouchers and QR codes expire when they are due."""
    for intent in list(call.account.table("payment_intent").values()):
        if confirming.has_expired(call, intent):
            confirming.expire(call, intent)
        if intent["status"] != "requires_capture":
            continue
        charge = call.account.table("charge")[intent["latest_charge"]]
        if call.now - charge["created"] >= AUTHORIZED_SECONDS:
            end_intent(call, intent, "automatic")


def overcapture(call: Call, intent: Json, amount: int) -> Json:
    """Capture more than was held ("Capture more than the authorized amount"): amount_captured exceeds amount."""
    charge = call.account.table("charge").get(intent["latest_charge"] or "")
    if intent["status"] != "requires_capture" or charge is None or intent["amount_received"]:
        raise unexpected_state("Only a payment that is held can be captured.", intent)
    if amount <= charge["amount"]:
        raise invalid("The amount must be more than was held.", "amount_to_capture")
    intent["amount_capturable"] = amount
    return _captured(call, intent, amount, True)


def list_(call: Call) -> Json:
    """GET /v1/payment_intents"""
    return listing.page(call, "payment_intent", ("customer",))


def addressed(call: Call) -> Json:
    """Return the intent whose id is in the path; a browser must know its client secret."""
    intent = call.account.addressed("payment_intent", call.path["id"], "intent")
    given = call.params.get("client_secret")
    if call.by_browser and given is None:
        raise invalid(
            "The client_secret is needed with a publishable key.", "client_secret", "parameter_missing"
        )
    if given is not None and given != intent["client_secret"]:
        message = "The client_secret provided does not match the client_secret of this PaymentIntent."
        raise invalid(message, "client_secret", "payment_intent_invalid_parameter")
    return intent


def shown(call: Call, intent: Json) -> Json:
    """Return the whole intent, or the fields that a publishable key may see."""
    return {name: intent[name] for name in _PUBLIC} if call.by_browser else intent


def _check_new(call: Call, given: Json, confirm: bool) -> None:
    given["currency"] = check_currency(given["currency"])
    check_charge(given["amount"], given["currency"], call.account.default_currency)
    early = [name for name in ONLY_WITH_CONFIRM if name in given and not confirm]
    if early:
        raise invalid(f"{early[0]} can only be used with confirm=true.", early[0])
    automatic = given.get("automatic_payment_methods", {}).get("enabled")
    if automatic and "allowed_payment_method_types" in given:
        message = "Give either automatic_payment_methods or allowed_payment_method_types, not both."
        raise invalid(message, "allowed_payment_method_types")


def _new(call: Call, given: Json) -> Json:
    name = new_id("pi")
    allowed = given.get("allowed_payment_method_types")
    return {
        "id": name,
        "object": "payment_intent",
        "allowed_payment_method_types": allowed,
        "amount": given["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None if allowed else _automatic(given),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": given.get("capture_method", "automatic_async"),
        "client_secret": new_id(f"{name}_secret"),
        "confirmation_method": given.get("confirmation_method", "automatic"),
        "created": call.now,
        "currency": given["currency"],
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": given.get("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": call.account.livemode,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None if allowed else {"id": "pmc_sandbox", "parent": None},
        "payment_method_options": {},
        "payment_method_types": [],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def _automatic(given: Json) -> Json | None:
    """Automatic payment methods are the default; enabled=false leaves cards only."""
    chosen = given.get("automatic_payment_methods", {"enabled": True})
    if not chosen["enabled"]:
        return None
    return {"allow_redirects": chosen.get("allow_redirects", "always"), "enabled": True}


def _change(call: Call, intent: Json, given: Json) -> None:
    """Make the changes of create, update and confirm. All checks come before any visible change."""
    _check_shipping(call, intent, given)
    check_email(given, "receipt_email")
    for name in _FREE_TEXT:
        if name in given:
            intent[name] = given[name] or None
    for name in (
        "setup_future_usage",
        "capture_method",
        "allowed_payment_method_types",
        "excluded_payment_method_types",
    ):
        if name in given:
            intent[name] = given[name] or None
    intent["metadata"] = metadata.merge(intent["metadata"], given.get("metadata"))
    if "customer" in given:
        intent["customer"] = call.account.referred("customer", given["customer"], "customer")["id"]
    _describe(intent, given)
    _options(intent, given.get("payment_method_options") or {})
    intent["payment_method_types"] = _types(intent)
    _choose_method(call, intent, given)


def _check_shipping(call: Call, intent: Json, given: Json) -> None:
    """A browser may set the shipping address, and change what a browser set."""
    if "shipping" not in given:
        return
    check_shipping(given["shipping"])
    by_secret_key = call.account.shipping_by_secret_key
    if call.by_browser and intent["id"] in by_secret_key:
        message = (
            "The shipping information on this PaymentIntent was last set with a secret key and therefore cannot be "
            "changed with a publishable key. Please use your secret key instead."
        )
        raise invalid(message, "shipping", "payment_intent_invalid_parameter")
    if not call.by_browser and given["shipping"]:
        by_secret_key.add(intent["id"])
    elif not call.by_browser:
        by_secret_key.discard(intent["id"])


def _describe(intent: Json, given: Json) -> None:
    if given.get("statement_descriptor"):
        check_descriptor(given["statement_descriptor"])
    if given.get("statement_descriptor_suffix"):
        check_suffix(given["statement_descriptor_suffix"])
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        if name in given:
            intent[name] = given[name] or None


def _options(intent: Json, given: Json) -> None:
    card = {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    }
    current: dict[str, Any] = intent["payment_method_options"] or {"card": card}
    for kind, options in given.items():
        current[kind] = {**current.get(kind, {}), **options} if isinstance(options, dict) else {}
    intent["payment_method_options"] = current


def _types(intent: Json) -> list[str]:
    """Return the methods that fit: allowed or enabled, not excluded, in the currency, and holdable if it is a hold."""
    automatic = intent["automatic_payment_methods"]
    offered = intent["allowed_payment_method_types"] or (list(ENABLED_METHODS) if automatic else ["card"])
    excluded = intent["excluded_payment_method_types"] or ()
    fitting = [kind for kind in offered if kind not in excluded and _fits(intent, kind)]
    if automatic and automatic["allow_redirects"] == "never":
        fitting = [kind for kind in fitting if kind not in REDIRECTS]
    if not fitting:
        message = (
            "No valid payment method types for this PaymentIntent with its currency and other parameters."
        )
        raise invalid(message, None, "payment_intent_invalid_parameter")
    return fitting


def _fits(intent: Json, kind: str) -> bool:
    if kind not in ENABLED_METHODS:
        return False
    currencies = ENABLED_METHODS[kind]
    if currencies is not None and intent["currency"] not in currencies:
        return False
    if kind not in BY_CARD and intent["amount"] > largest_without_card(intent["currency"]):
        return False
    if intent["capture_method"] == "manual" and kind not in HOLDABLE:
        return False
    if kind == "customer_balance" and not intent["customer"]:
        return False  # a bank transfer goes to a Customer's balance
    return not (intent["setup_future_usage"] and kind not in REUSABLE)


def _choose_method(call: Call, intent: Json, given: Json) -> None:
    if "payment_method_data" in given:
        if "payment_method" in given:
            raise invalid(
                "Give either payment_method or payment_method_data, not both.", "payment_method_data"
            )
        method = payment_methods.create_method(call, given["payment_method_data"])
    elif given.get("payment_method") == "":  # unset
        intent["payment_method"] = None
        if intent["status"] in CHANGEABLE:
            intent["status"], intent["next_action"] = "requires_payment_method", None
        return
    elif "payment_method" in given:
        method = payment_methods.find_or_create(call, given["payment_method"])
    else:
        return
    confirming.check_method(call, intent, method)
    intent["payment_method"] = method["id"]
    if intent["status"] in CHANGEABLE:
        intent["status"], intent["next_action"] = "requires_confirmation", None


def _reprice(call: Call, intent: Json) -> None:
    intent["currency"] = check_currency(str(call.params.get("currency", intent["currency"])))
    intent["amount"] = call.params.get("amount", intent["amount"])
    check_charge(intent["amount"], intent["currency"], call.account.default_currency)


def _capturable(call: Call, intent: Json) -> int:
    given = call.params.get("amount_to_capture")
    amount = int(intent["amount_capturable"] if given is None else given)
    # Zero can only be captured to end a hold that was partly captured.
    if amount or not intent["amount_received"] or not call.params.get("final_capture", True):
        check_positive(amount, "amount_to_capture")
    if amount > intent["amount_capturable"]:
        message = (
            f"The amount to capture ({amount}) is greater than the amount that can be captured "
            f"({intent['amount_capturable']})."
        )
        raise invalid(message, "amount_to_capture", "amount_too_large", payment_intent=intent)
    check_whole(amount, intent["currency"], "amount_to_capture")
    return amount


def _captured(call: Call, intent: Json, amount: int, final: bool) -> Json:
    charge = call.account.table("charge")[intent["latest_charge"]]
    before = copy.copy(charge)
    charge["amount_captured"] += amount
    intent["amount_received"] += amount
    intent["amount_capturable"] -= amount
    if not final and intent["amount_capturable"]:
        call.emit("charge.updated", charge, before)
        call.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    charge["captured"] = True
    if intent["amount_capturable"]:
        refunds.release(call, charge, intent["amount_capturable"])
    intent.update(status="succeeded", amount_capturable=0)
    book_payment(call, charge, charge["amount_captured"])
    call.emit("charge.captured", charge, before)
    call.emit("payment_intent.succeeded", intent)
    after_success(call, charge, call.account.behaviors[charge["payment_method"]])
    return intent


def _not_changeable(intent: Json, name: str) -> Exception:
    message = (
        f"This PaymentIntent's {name} could not be updated because it has a status of {intent['status']}. "
        f"It may be updated in {', '.join(CHANGEABLE)}."
    )
    return unexpected_state(message, intent)
