"""Charges: one for each payment attempt of a PaymentIntent."""

import copy

from . import balance, cards, listing, metadata
from .contact_details import check_email, check_shipping
from .disputes import open_dispute
from .state import Call, Json, new_id

_OUTCOMES = {
    None: ("approved_by_network", "authorized", None, "normal", "Payment complete."),
    "fraudulent": (
        "not_sent_to_network",
        "blocked",
        "highest_risk_level",
        "highest",
        "Stripe blocked this payment.",
    ),
}
_DECLINED = (
    "declined_by_network",
    "issuer_declined",
    None,
    "normal",
    "The bank did not return any further details.",
)


def record_attempt(call: Call, intent: Json, method: Json, decline: cards.Decline | None) -> Json:
    """Create the charge of one attempt, which fails if there is a decline. It becomes the intent's latest charge."""
    charge = call.account.put(_charge(call, intent, method, decline))
    intent["latest_charge"] = charge["id"]
    return charge


def book_payment(call: Call, charge: Json, amount: int) -> None:
    """Book the balance transaction of a captured charge."""
    charge["balance_transaction"] = balance.book(call, "charge", amount, charge)


def book_payment_later(call: Call, charge: Json, amount: int) -> None:
    """Book the balance transaction after the response, as with capture_method automatic_async."""

    def settle(later: Call) -> None:
        before = copy.copy(charge)
        book_payment(later, charge, amount)
        later.emit("charge.updated", charge, before)

    call.later(settle)


def after_success(call: Call, charge: Json, behavior: cards.Behavior) -> None:
    """Open the dispute or fraud warning that some test cards cause after a payment, but not after a hold."""
    if not charge["captured"]:
        return
    if behavior.dispute_reason:
        open_dispute(
            call, charge, charge["amount_captured"], behavior.dispute_reason, inquiry=behavior.is_inquiry
        )
    if behavior.fraud_warning:
        call.emit("radar.early_fraud_warning.created", call.account.put(_warning(call, charge)))


def retrieve(call: Call) -> Json:
    """GET /v1/charges/{id}"""
    return call.account.addressed("charge", call.path["id"], "charge")


def update(call: Call) -> Json:
    """POST /v1/charges/{id}"""
    charge = retrieve(call)
    check_email(call.params, "receipt_email")
    check_shipping(call.params.get("shipping"))
    before = copy.deepcopy(charge)
    charge["metadata"] = metadata.merge(charge["metadata"], call.params.get("metadata"))
    for name in ("description", "receipt_email", "shipping"):
        charge[name] = call.params.get(name, charge[name])
    call.emit("charge.updated", charge, before)
    return charge


def list_(call: Call) -> Json:
    """GET /v1/charges"""
    return listing.page(call, "charge", ("customer", "payment_intent", "transfer_group"))


def unrefunded(charge: Json) -> int:
    """Return how much can still be refunded, in the smallest unit."""
    return refund_limit(charge) - int(charge["amount_refunded"])


def refund_limit(charge: Json) -> int:
    """Return the limit of a charge's refunds: its amount, or more if more was captured."""
    return max(int(charge["amount"]), int(charge["amount_captured"]))


def _charge(call: Call, intent: Json, method: Json, decline: cards.Decline | None) -> Json:
    automatic = intent["capture_method"] != "manual"
    pending = call.account.behaviors[method["id"]].settles_later and decline is None
    paid = decline is None and not pending
    return {
        "id": new_id("py" if pending else "ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if automatic and decline is None else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": intent["application_fee_amount"],
        "authorization_code": None,
        "balance_transaction": None,
        "billing_details": copy.deepcopy(method["billing_details"]),
        "calculated_statement_descriptor": _descriptor(call, intent) if method["type"] == "card" else None,
        "captured": automatic and decline is None,
        "created": call.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": call.account.livemode,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _method_details(call, method, intent),
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{call.base_url}/sandbox/receipts/{intent['id']}" if paid else None,
        "refunded": False,
        "review": None,
        "shipping": copy.deepcopy(intent["shipping"]),
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if decline else "pending" if pending else "succeeded",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def _descriptor(call: Call, intent: Json) -> str:
    prefix = call.account.name.upper()[:10].strip() or "SANDBOX"
    suffix = intent["statement_descriptor_suffix"]
    return (f"{prefix}* {suffix.upper()}" if suffix else prefix)[:22]


def _outcome(decline: cards.Decline | None) -> Json:
    code = decline.decline_code if decline else None
    status, kind, reason, risk, message = _OUTCOMES.get(code, _DECLINED)
    if kind == "issuer_declined":
        reason = code
    return {
        "advice_code": "try_again_later" if kind == "issuer_declined" else None,
        "network_advice_code": None,
        "network_decline_code": "01" if kind == "issuer_declined" else None,
        "network_status": status,
        "reason": reason,
        "risk_level": risk,
        "risk_score": {"normal": 12, "highest": 95}[risk],
        "seller_message": message,
        "type": kind,
    }


def _method_details(call: Call, method: Json, intent: Json) -> Json:
    kind = method["type"]
    details = copy.deepcopy(method.get(kind) or {})
    if kind == "card":
        details = {name: details[name] for name in _CARD_FIELDS} | {
            "network": details["brand"],
            "three_d_secure": None,
            "multicapture": {"status": "available" if may_capture_often(call, intent) else "unavailable"},
        }
    return {"type": kind, kind: details}


def may_capture_often(call: Call, intent: Json) -> bool:
    """Source: "Capture a payment multiple times": requested at confirmation, cards only, contract permitting."""
    card = intent["payment_method_options"].get("card") or {}
    return call.account.multicapture and card.get("request_multicapture") == "if_available"


_CARD_FIELDS = (
    "brand",
    "checks",
    "country",
    "exp_month",
    "exp_year",
    "fingerprint",
    "funding",
    "last4",
    "wallet",
)


def _warning(call: Call, charge: Json) -> Json:
    return {
        "id": new_id("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": call.now,
        "fraud_type": "misc",
        "livemode": call.account.livemode,
        "payment_intent": charge["payment_intent"],
    }
