"""PaymentMethods: created from test cards and test names, attached to a customer, detached."""

import hashlib
from dataclasses import replace
from typing import Any

from . import cards, listing, metadata
from .errors import Refusal, card_error, invalid, missing, required
from .state import Account, Call, Json, new_id

_EMPTY_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}
_LAST_YEAR = 2099
_TEST_NAMES = ("pm_card_", "pm_usBankAccount")


def create(call: Call) -> Json:
    """POST /v1/payment_methods"""
    return create_method(call, call.params)


def create_method(call: Call, given: Json) -> Json:
    """Create a PaymentMethod from its type's details (`card[number]`, `card[token]`, `sepa_debit[iban]` …)."""
    kind = given.get("type")
    if kind is None:
        raise required("type")
    behavior = _card(given, call.now) if kind == "card" else cards.of_type(kind)
    method = _keep(call, behavior, given)
    if kind == "sepa_debit":
        _bank_details(call.account, method, given)
    return method


def find_or_create(call: Call, identifier: str, param: str = "payment_method") -> Json:
    """Return the PaymentMethod with this id; a test name such as pm_card_visa creates a new one each time."""
    if identifier.startswith(_TEST_NAMES):
        behavior = cards.by_token(identifier)
        if behavior is None:
            raise missing("PaymentMethod", identifier, param)
        return _keep(call, behavior, {})
    method = call.account.table("payment_method").get(identifier)
    if method is None:
        raise missing("PaymentMethod", identifier, param)
    return method


def retrieve(call: Call) -> Json:
    """GET /v1/payment_methods/{id}"""
    return call.account.addressed("payment_method", call.path["id"], "payment_method")


def update(call: Call) -> Json:
    """POST /v1/payment_methods/{id}: only for a method that is attached to a customer."""
    method = retrieve(call)
    if method["customer"] is None:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.")
    before = dict(method)
    method["metadata"] = metadata.merge(method["metadata"], call.params.get("metadata"))
    method["allow_redisplay"] = call.params.get("allow_redisplay", method["allow_redisplay"])
    call.emit("payment_method.updated", method, before)
    return method


def list_(call: Call) -> Json:
    """GET /v1/payment_methods and GET /v1/customers/{id}/payment_methods: those of one customer."""
    if "id" in call.path:
        call.account.addressed("customer", call.path["id"], "customer")
    customer = call.path.get("id") or call.params.get("customer")
    call.params.pop("customer", None)
    fields = ("type", "allow_redisplay")
    return listing.page(
        call, "payment_method", fields, keep=lambda item: bool(customer and item["customer"] == customer)
    )


def attach(call: Call) -> Json:
    """POST /v1/payment_methods/{id}/attach"""
    if "customer" not in call.params:
        raise required("customer")
    customer = call.account.referred("customer", call.params["customer"], "customer")
    method = find_or_create(call, call.path["id"])
    if method["customer"] not in (None, customer["id"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    return attach_method(call, method, customer["id"])


def attach_method(call: Call, method: Json, customer: str) -> Json:
    """Attach the method to the customer; a declined card is not attached. Repeating it has no further effect."""
    behavior = call.account.behaviors[method["id"]]
    if method["customer"] == customer:
        return method
    check_unused(call.account, method)
    if behavior.decline and not behavior.attachable:
        raise card_refusal(behavior.decline, payment_method=method)
    before = dict(method)
    method["customer"] = customer
    call.emit("payment_method.attached", method, before)
    return method


def detach(call: Call) -> Json:
    """POST /v1/payment_methods/{id}/detach: it cannot be used again."""
    method = retrieve(call)
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    before = dict(method)
    method["customer"] = None
    call.account.used_methods.add(method["id"])
    call.emit("payment_method.detached", method, before)
    return method


def check_unused(account: Account, method: Json) -> None:
    """Refuse a method that was used without a customer, or detached from one."""
    if method["id"] in account.used_methods and method["customer"] is None:
        message = (
            f"The PaymentMethod {method['id']} was used before without being attached to a Customer, or was "
            "detached from one: it may not be used again."
        )
        raise invalid(message, "payment_method")


def card_refusal(decline: cards.Decline, **fields: Any) -> Refusal:
    """The 402 for a declined card."""
    return card_error(
        decline.message,
        decline.code,
        decline_code=decline.decline_code,
        param="cvc" if decline.code == "incorrect_cvc" else None,
        **fields,
    )


def _card(given: Json, now: int) -> cards.Behavior:
    card = given.get("card")
    if not card:
        raise required("card")
    if "token" in card:
        return _tokenized(card["token"])
    for name in ("number", "exp_month", "exp_year"):
        if name not in card:
            raise required(f"card[{name}]")
    _check_expiry(card, now)
    return _numbered(card["number"])


def _tokenized(token: str) -> cards.Behavior:
    behavior = cards.by_token(token) if token.startswith("tok_") else None
    if behavior is None:
        raise missing("token", token, "card[token]")
    return behavior


def _numbered(number: str) -> cards.Behavior:
    behavior = cards.by_number(number)
    if behavior is None and _passes_luhn(number.replace(" ", "")):
        raise card_error(
            "Your card was declined. A real card was used, but only test cards are known here.",
            "card_declined",
            decline_code="test_mode_live_card",
            param="",
        )
    if behavior is None:
        raise card_error("Your card number is incorrect.", "incorrect_number", param="number")
    return behavior


def _passes_luhn(number: str) -> bool:
    if not number.isdigit() or not 12 <= len(number) <= 19:
        return False
    doubled = (int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(number)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _check_expiry(card: Json, now: int) -> None:
    year = card["exp_year"] + (2000 if card["exp_year"] < 100 else 0)
    if not 1 <= card["exp_month"] <= 12:
        raise card_error(
            "Your card's expiration month is invalid.", "invalid_expiry_month", param="exp_month"
        )
    if not 1970 + now // 31_556_952 <= year <= _LAST_YEAR:
        raise card_error("Your card's expiration year is invalid.", "invalid_expiry_year", param="exp_year")


def _keep(call: Call, behavior: cards.Behavior, given: Json) -> Json:
    method: Json = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": given.get("allow_redisplay", "unspecified"),
        "billing_details": _billing(given.get("billing_details") or {}),
        "created": call.now,
        "customer": None,
        "livemode": call.account.livemode,
        "metadata": metadata.merge({}, given.get("metadata")),
        "type": behavior.type,
        behavior.type: _details(behavior, given.get(behavior.type) or {}),
    }
    call.account.behaviors[method["id"]] = behavior
    return call.account.put(method)


def _billing(given: Json) -> Json:
    details: Json = {
        "address": dict(_EMPTY_ADDRESS),
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    }
    for name in ("email", "name", "phone", "tax_id"):
        details[name] = given.get(name) or None
    details["address"].update(given.get("address") or {})
    return details


def _details(behavior: cards.Behavior, given: Json) -> Json:
    if behavior.type == "card":
        return card_details(behavior, given)
    if behavior.type == "us_bank_account":
        return {
            "bank_name": "STRIPE TEST BANK",
            "last4": "6789",
            "routing_number": "110000000",
            "account_type": "checking",
        }
    return {}


def card_details(behavior: cards.Behavior, given: Json) -> Json:
    """The `card` hash of a PaymentMethod."""
    checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"}
    wants_authentication = behavior.authentication != "never"
    return {
        "brand": behavior.brand,
        "checks": checks,
        "country": "US",
        "display_brand": behavior.brand,
        "exp_month": given.get("exp_month", 12),
        "exp_year": given.get("exp_year", 2034),
        "fingerprint": fingerprint(behavior.number),
        "funding": "credit",
        "generated_from": None,
        "last4": behavior.number[-4:],
        "networks": {"available": [behavior.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": wants_authentication or behavior.brand == "visa"},
        "wallet": None,
    }


def fingerprint(number: str) -> str:
    """Return the same value for the same card number, without revealing it."""
    return hashlib.sha256(f"sandbox:{number}".encode()).hexdigest()[:16]


def _bank_details(account: Account, method: Json, given: Json) -> None:
    """SEPA Direct Debit: the IBAN decides how it ends."""
    iban = (given.get("sepa_debit") or {}).get("iban")
    if not iban:
        raise required("sepa_debit[iban]")
    method["sepa_debit"] = {
        "bank_code": iban[4:9],
        "branch_code": None,
        "country": iban[:2],
        "fingerprint": fingerprint(iban),
        "generated_from": None,
        "last4": iban[-4:],
    }
    account.behaviors[method["id"]] = replace(account.behaviors[method["id"]], number=iban)
