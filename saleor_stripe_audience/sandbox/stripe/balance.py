"""Balance transactions: what a payment, refund or dispute did to the account's balance, fee and net.

The fee (2.9% plus 30 in the smallest unit) and the exchange rates are invented; their format is Stripe's.
"""

from . import listing
from .currencies import convert
from .state import Call, Json, new_id

_FIXED_FEE = 30
_FEE_PER_THOUSAND = 29
_AVAILABLE_AFTER_SECONDS = 2 * 24 * 3600


def book(call: Call, kind: str, amount: int, source: Json, fee: int | None = None) -> str:
    """Book an amount in the source's currency (negative if money leaves the account); return the transaction's id."""
    settlement = call.account.default_currency
    settled, rate = convert(amount, source["currency"], settlement)
    taken = _fee(settled) if fee is None else fee
    details = [
        {
            "amount": taken,
            "application": None,
            "currency": settlement,
            "description": "Processing fee",
            "type": "stripe_fee",
        }
    ]
    entry: Json = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": settled,
        "available_on": call.now + _AVAILABLE_AFTER_SECONDS,
        "balance_type": "payments",
        "created": call.now,
        "currency": settlement,
        "description": source.get("description"),
        "exchange_rate": rate,
        "fee": taken,
        "fee_details": details if taken else [],
        "net": settled - taken,
        "reporting_category": "dispute" if kind == "adjustment" else kind,
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }
    return str(call.account.put(entry)["id"])


def retrieve(call: Call) -> Json:
    """GET /v1/balance_transactions/{id}"""
    return call.account.addressed("balance_transaction", call.path["id"], "id")


def list_(call: Call) -> Json:
    """GET /v1/balance_transactions"""
    return listing.page(call, "balance_transaction", ("currency", "source", "type"))


def _fee(settled: int) -> int:
    return round(settled * _FEE_PER_THOUSAND / 1000) + _FIXED_FEE if settled > 0 else 0
