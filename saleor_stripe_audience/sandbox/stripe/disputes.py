"""Disputes: opened by a test card or by the sandbox's control, answered with evidence, won, lost or closed.

Source: "Disputes": the amount and a fee leave the balance when one opens and come back when it is won; an
inquiry (status warning_…) moves no money. Test evidence "winning_evidence" and "losing_evidence" decides at once.
"""

import copy

from . import balance, listing, metadata
from .currencies import convert
from .errors import invalid
from .state import Call, Json, new_id

FEE = 1500
_DAYS_TO_ANSWER = 9 * 24 * 3600
_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
_EVIDENCE = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_dispute(
    call: Call,
    charge: Json,
    amount: int,
    reason: str = "fraudulent",
    *,
    inquiry: bool = False,
    currency: str = "",
) -> Json:
    """The shopper's bank takes the money back, or first makes an inquiry. `currency` is that of the dispute, if it is
    not the charge's; `amount` is in the charge's.
    """
    if not charge["captured"]:
        raise invalid(f"Charge {charge['id']} is not captured: there is nothing to dispute.", "charge")
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} is already disputed.", "charge")
    before = copy.copy(charge)
    charge["disputed"] = True
    disputed_in = currency or charge["currency"]
    disputed = convert(amount, charge["currency"], disputed_in)[0]
    dispute = call.account.put(_dispute(call, charge, disputed, reason, inquiry) | {"currency": disputed_in})
    call.emit("charge.dispute.created", dispute)
    call.emit("charge.updated", charge, before)
    if not inquiry:
        _move(call, dispute, dispute["currency"], -dispute["amount"], FEE)
        call.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def escalate(call: Call, dispute: Json) -> Json:
    """The bank does not accept the response to its inquiry: the same object becomes a dispute."""
    charge = call.account.table("charge")[dispute["charge"]]
    if not dispute["status"].startswith("warning_") or dispute["status"] not in _OPEN or charge["refunded"]:
        raise invalid("Only an open inquiry about a payment that was not refunded becomes a dispute.")
    before = copy.copy(dispute)
    dispute.update(status="needs_response", is_charge_refundable=False)
    call.emit("charge.dispute.updated", dispute, before)
    _move(call, dispute, dispute["currency"], -dispute["amount"], FEE)
    call.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def reinstate(call: Call, dispute: Json, amount: int) -> Json:
    """Return a part of the withdrawn amount while the dispute is open, as for a payment that was partly refunded before
    it ("Disputes: disputes on partially refunded payments"). `amount` is in the currency of the account's balance.
    """
    if amount < 1 or amount > _outstanding(dispute):
        raise invalid("Only what was withdrawn can be given back.", "amount")
    _move(call, dispute, call.account.default_currency, amount, 0)
    call.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def end(call: Call, dispute: Json, outcome: str, amount: int | None = None) -> Json:
    """Close the dispute: `outcome` is won or lost; an inquiry becomes warning_closed. A closed dispute is refused.

    If it is won, `amount` comes back, in the currency of the account's balance; the default is the rest.
    """
    if dispute["status"] not in _OPEN:
        raise invalid("This dispute is already closed.", None, "dispute_closed")
    before = copy.copy(dispute)
    is_inquiry = dispute["status"].startswith("warning")
    dispute["status"] = "warning_closed" if is_inquiry else outcome
    call.emit("charge.dispute.closed", dispute, before)
    if outcome == "won" and not is_inquiry:
        back = _outstanding(dispute) if amount is None else amount
        if back > _outstanding(dispute):
            raise invalid("Only what was withdrawn can be given back.", "amount")
        _move(call, dispute, call.account.default_currency, back, -FEE)
        call.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def set_due_by(call: Call, dispute: Json, due_by: int) -> Json:
    """Change the time by which to respond."""
    before = copy.deepcopy(dispute)
    dispute["evidence_details"]["due_by"] = due_by
    call.emit("charge.dispute.updated", dispute, before)
    return dispute


def retrieve(call: Call) -> Json:
    """GET /v1/disputes/{id}"""
    return call.account.addressed("dispute", call.path["id"], "dispute")


def list_(call: Call) -> Json:
    """GET /v1/disputes"""
    return listing.page(call, "dispute", ("charge", "payment_intent"))


def close(call: Call) -> Json:
    """POST /v1/disputes/{id}/close: the merchant accepts it, so it is lost."""
    return end(call, retrieve(call), "lost")


def update(call: Call) -> Json:
    """POST /v1/disputes/{id}: evidence, sent to the bank unless submit=false."""
    dispute = retrieve(call)
    if dispute["status"] not in _OPEN:
        raise invalid("This dispute is already closed.", None, "dispute_closed")
    before = copy.deepcopy(dispute)
    dispute["metadata"] = metadata.merge(dispute["metadata"], call.params.get("metadata"))
    dispute["evidence"].update(call.params.get("evidence") or {})
    dispute["evidence_details"]["has_evidence"] = bool(dispute["evidence"])
    if "evidence" in call.params and call.params.get("submit", True):
        _submit(dispute)
    call.emit("charge.dispute.updated", dispute, before)
    decided = _EVIDENCE.get(dispute["evidence"].get("uncategorized_text", ""))
    if decided and dispute["status"].endswith("under_review"):
        return end(call, dispute, decided)
    return dispute


def _submit(dispute: Json) -> None:
    dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    dispute["evidence_details"]["submission_count"] += 1


def _outstanding(dispute: Json) -> int:
    """Return what was withdrawn and not returned, in the currency of the account's balance."""
    return -sum(int(each["amount"]) for each in dispute["balance_transactions"])


def _move(call: Call, dispute: Json, currency: str, amount: int, fee: int) -> None:
    entry = balance.book(call, "adjustment", amount, {**dispute, "currency": currency}, fee)
    transaction = call.account.table("balance_transaction")[entry]
    dispute["balance_transactions"].append(copy.deepcopy(transaction))


def _dispute(call: Call, charge: Json, amount: int, reason: str, inquiry: bool) -> Json:
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": call.now + _DAYS_TO_ANSWER,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": call.account.livemode,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": None,
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
