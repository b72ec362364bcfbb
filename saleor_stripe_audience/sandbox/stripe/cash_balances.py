"""A Customer's cash balance: bank transfers arrive there, and payments take their money from it.

Source: "Customer balance" (with the types of its transactions), "Customer balance: reconciliation". Applying it to
payments is in confirming.py.
"""

from . import balance, listing
from .errors import invalid
from .state import Call, Json, new_id

INSTRUCTIONS = "display_bank_transfer_instructions"
_TABLE = "customer_cash_balance_transaction"


def retrieve(call: Call) -> Json:
    """GET /v1/customers/{id}/cash_balance"""
    customer = call.account.addressed("customer", call.path["id"], "customer")["id"]
    currencies = {each["currency"] for each in _of(call, customer)}
    return {
        "object": "cash_balance",
        "available": {each: available(call, customer, each) for each in sorted(currencies)} or None,
        "customer": customer,
        "customer_account": None,
        "livemode": call.account.livemode,
        "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    }


def list_(call: Call) -> Json:
    """GET /v1/customers/{id}/cash_balance_transactions"""
    customer = call.account.addressed("customer", call.path["id"], "customer")["id"]
    return listing.page(call, _TABLE, keep=lambda each: bool(each["customer"] == customer))


def exists(call: Call, customer: str) -> bool:
    """Whether the Customer has a cash balance, even if it is 0: such a Customer cannot be deleted."""
    return bool(_of(call, customer))


def available(call: Call, customer: str, currency: str) -> int:
    """Return what is in the cash balance, in the smallest unit."""
    return next(
        (int(each["ending_balance"]) for each in _of(call, customer)[::-1] if each["currency"] == currency), 0
    )


def applied(call: Call, intent: Json) -> int:
    """Return what the payment has taken from the cash balance so far."""
    moved = [
        int(each["net_amount"]) for each in _of(call, intent["customer"]) if _intent_of(each) == intent["id"]
    ]
    return -sum(moved)


def fund(call: Call, customer: str, currency: str, amount: int, reference: str | None) -> None:
    """A bank transfer arrives."""
    details = {
        "eu_bank_transfer": {"bic": None, "iban_last4": None, "sender_name": None},
        "reference": reference,
        "type": "eu_bank_transfer",
    }
    _move(call, customer, currency, amount, "funded", {"bank_transfer": details})


def apply(call: Call, intent: Json, amount: int) -> None:
    """The payment takes a part of what it needs, or all of it."""
    details = {"payment_intent": intent["id"]}
    _move(call, intent["customer"], intent["currency"], -amount, "applied_to_payment", details)


def unapply(call: Call, intent: Json, amount: int) -> None:
    """The payment was canceled or changed before it had everything: what it took comes back."""
    details = {"payment_intent": intent["id"]}
    _move(call, intent["customer"], intent["currency"], amount, "unapplied_from_payment", details)


def send_back(call: Call, customer: str, currency: str, amount: int | None) -> Json:
    """The merchant returns what is left to the shopper's bank account, on the Customer's page in the Dashboard."""
    left = available(call, customer, currency)
    returned = left if amount is None else amount
    if not 0 < returned <= left:
        raise invalid(f"The cash balance of {customer} has {left} {currency}.", "amount")
    return _move(call, customer, currency, -returned, "return_initiated", None)


def sweep(call: Call, customer: str, currency: str) -> Json:
    """Stripe found no way to return what is left to the shopper: after 90 days, the account's balance gets it."""
    left = available(call, customer, currency)
    source = {"id": customer, "currency": currency}
    details = {"balance_transaction": balance.book(call, "payment_unreconciled", left, source, 0)}
    return _move(call, customer, currency, -left, "transferred_to_balance", details)


def _move(call: Call, customer: str, currency: str, amount: int, kind: str, details: Json | None) -> Json:
    entry: Json = {
        "id": new_id("ccsbtxn"),
        "object": _TABLE,
        "created": call.now,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "ending_balance": available(call, customer, currency) + amount,
        "livemode": call.account.livemode,
        "net_amount": amount,
        "type": kind,
    }
    if details is not None:
        entry[kind] = details
    call.emit("customer_cash_balance_transaction.created", call.account.put(entry))
    return entry


def _of(call: Call, customer: str) -> list[Json]:
    """The Customer's transactions, oldest first."""
    return [each for each in call.account.table(_TABLE).values() if each["customer"] == customer]


def _intent_of(entry: Json) -> str:
    return str((entry.get(entry["type"]) or {}).get("payment_intent", ""))
