"""Refunds: by charge or PaymentIntent, in parts, failing or succeeding later.

Source: "Refund and cancel payments" and "Testing: refunds". A disputed charge cannot be refunded, but one under
inquiry can. A refund's amount counts against the charge at once, and is subtracted again if the refund fails.
"""

import copy

from . import balance, listing, metadata
from .charges import refund_limit, unrefunded
from .currencies import check_positive, check_whole
from .errors import invalid, missing, required
from .state import Call, Json, new_id

_FAILED = "expired_or_canceled_card"


def create(call: Call) -> Json:
    """POST /v1/refunds"""
    charge = _charge_of(call)
    _check_refundable(call, charge)
    amount = _amount(call, charge)
    course = call.account.behaviors[charge["payment_method"]].refund
    refund = call.account.put(
        _refund(call, charge, amount, "pending" if course == "succeeds_later" else "succeeded")
    )
    refund["balance_transaction"] = balance.book(call, "refund", -amount, refund, 0)
    call.emit("refund.created", refund)
    _count(charge, amount)
    call.emit("charge.refunded", charge)
    if course != "succeeds":
        call.later(lambda later: _end_if_open(later, refund, course == "succeeds_later"))
    return refund


def retrieve(call: Call) -> Json:
    """GET /v1/refunds/{id}"""
    return call.account.addressed("refund", call.path["id"], "refund")


def update(call: Call) -> Json:
    """POST /v1/refunds/{id}: its metadata only."""
    refund = retrieve(call)
    before = copy.deepcopy(refund)
    refund["metadata"] = metadata.merge(refund["metadata"], call.params.get("metadata"))
    call.emit("refund.updated", refund, before)
    return refund


def list_(call: Call) -> Json:
    """GET /v1/refunds and GET /v1/charges/{id}/refunds"""
    if "id" in call.path:
        call.params["charge"] = call.path["id"]
    return listing.page(call, "refund", ("charge", "payment_intent"))


def fail(call: Call, refund: Json) -> Json:
    """The bank returns the money: the refund failed after all."""
    if refund["status"] not in ("pending", "succeeded"):
        raise invalid(f"This refund has a status of {refund['status']} and cannot fail.")
    before = copy.copy(refund)
    refund["status"], refund["failure_reason"] = "failed", _FAILED
    refund["failure_balance_transaction"] = balance.book(call, "refund_failure", refund["amount"], refund, 0)
    for kind in ("refund.failed", "refund.updated"):
        call.emit(kind, refund, before)
    charge = call.account.table("charge")[refund["charge"]]
    charge_before = copy.copy(charge)
    _count(charge, -refund["amount"])
    call.emit("charge.updated", charge, charge_before)
    return refund


def succeed(call: Call, refund: Json) -> Json:
    """A pending refund succeeded."""
    if refund["status"] != "pending":
        raise invalid(f"This refund has a status of {refund['status']} and cannot succeed.")
    before = copy.copy(refund)
    refund["status"], refund["pending_reason"] = "succeeded", None
    call.emit("refund.updated", refund, before)
    return refund


def hold(call: Call, refund: Json, reason: str) -> Json:
    """A refund becomes pending, for this reason. Source: "Refunds", pending_reason."""
    before = copy.copy(refund)
    refund["status"], refund["pending_reason"] = "pending", reason
    call.emit("refund.updated", refund, before)
    return refund


def release(call: Call, charge: Json, amount: int) -> None:
    """Release the uncaptured rest of an authorization: recorded as a refund of the charge, without an event."""
    refund = call.account.put(_refund(call, charge, amount, "succeeded", released=True))
    refund["reason"] = None
    _count(charge, amount)


def _end_if_open(call: Call, refund: Json, succeeds: bool) -> None:
    """End the refund some time later, unless the sandbox's control ended it first."""
    if succeeds and refund["status"] == "pending":
        succeed(call, refund)
    elif not succeeds and refund["status"] == "succeeded":
        fail(call, refund)


def _charge_of(call: Call) -> Json:
    given = call.params
    if "charge" not in given and "payment_intent" not in given:
        raise required("payment_intent")
    if "payment_intent" not in given:
        return call.account.referred("charge", given["charge"], "charge")
    intent = call.account.referred("payment_intent", given["payment_intent"], "payment_intent")
    if "charge" in given and given["charge"] != intent["latest_charge"]:
        raise invalid("The charge does not belong to the PaymentIntent.", "charge")
    charge = call.account.table("charge").get(intent["latest_charge"] or "")
    if charge is None or charge["status"] == "failed":
        raise missing("successful charge of payment_intent", intent["id"], "payment_intent")
    return charge


def _check_refundable(call: Call, charge: Json) -> None:
    name = charge["id"]
    if charge["status"] != "succeeded":
        raise invalid(
            f"Charge {name} has a status of {charge['status']}: only a succeeded charge can be refunded.",
            "charge",
        )
    if not charge["captured"]:
        raise invalid(f"Charge {name} is not captured: cancel its PaymentIntent instead.", "charge")
    if charge["refunded"]:
        raise invalid(f"Charge {name} has already been refunded.", "charge", "charge_already_refunded")
    if charge["disputed"] and not _is_inquired(call, charge):
        raise invalid(
            f"Charge {name} has been charged back; cannot issue a refund.", "charge", "charge_disputed"
        )


def _is_inquired(call: Call, charge: Json) -> bool:
    """Whether the dispute is only an inquiry, which a refund can resolve. Source: reference: Disputes."""
    disputes = call.account.table("dispute").values()
    return all(each["is_charge_refundable"] for each in disputes if each["charge"] == charge["id"])


def _amount(call: Call, charge: Json) -> int:
    rest = unrefunded(charge)
    amount = int(call.params.get("amount", rest))
    check_positive(amount, "amount")
    if amount > rest:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})."
        raise invalid(message, "amount")
    check_whole(amount, charge["currency"])
    if str(call.params.get("currency", charge["currency"])).lower() != charge["currency"]:
        raise invalid("The refund's currency must be the charge's.", "currency")
    return amount


def _count(charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == refund_limit(charge)


def _refund(call: Call, charge: Json, amount: int, status: str, *, released: bool = False) -> Json:
    given: Json = {} if released else call.params
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "destination_details": {"type": charge["payment_method_details"]["type"]},
        "metadata": metadata.merge({}, given.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": "processing" if status == "pending" else None,
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
