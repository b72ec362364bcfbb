"""Radar's manual reviews: a successful payment that someone should check before the goods are sent.

Source: "Reviews" in the API reference and "Review payments": opened by a rule or manually, closed once, with a reason.
"""

import copy

from .errors import invalid
from .state import Call, Json, new_id

CLOSED = ("approved", "refunded", "refunded_as_fraud", "disputed", "redacted", "canceled")


def open_review(call: Call, charge: Json, reason: str = "rule") -> Json:
    """The payment is put under review; no money moves."""
    intent = call.account.table("payment_intent")[charge["payment_intent"]]
    review = call.account.put(
        {
            "id": new_id("prv"),
            "object": "review",
            "billing_zip": None,
            "charge": charge["id"],
            "closed_reason": None,
            "created": call.now,
            "ip_address": None,
            "livemode": call.account.livemode,
            "open": True,
            "opened_reason": reason,
            "payment_intent": intent["id"],
            "reason": reason,
        }
    )
    intent["review"] = charge["review"] = review["id"]
    call.emit("review.opened", review)
    return review


def close(call: Call, review: Json, reason: str) -> Json:
    """Close the review: someone decided, or the payment was refunded or disputed."""
    if not review["open"]:
        raise invalid("This review is already closed.")
    before = copy.copy(review)
    review.update(open=False, closed_reason=reason, reason=reason)
    call.account.table("payment_intent")[review["payment_intent"]]["review"] = None
    call.emit("review.closed", review, before)
    return review
