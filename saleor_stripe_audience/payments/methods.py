"""Payment methods: which of them can be authorized, and what Saleor is informed of about the one that was used.

The account's own settings in Stripe determine which are offered (automatic payment methods); this module only has the
exceptions.
"""

from typing import Any

from saleor_stripe_audience.gateway.metadata import AUTHORIZATION
from saleor_stripe_audience.gateway.objects import PaymentIntent

Json = dict[str, Any]

# Stripe's own types: those whose payment_method_options have a capture_method (stripe 16.1, API 2026-10-28).
HOLDABLE = frozenset(
    {
        "affirm", "afterpay_clearpay", "alma", "amazon_pay", "billie", "card", "cashapp", "kakao_pay", "klarna",
        "kr_card", "link", "mobilepay", "naver_pay", "payco", "paypal", "revolut_pay", "samsung_pay", "satispay",
        "scalapay", "sequra", "sunbit",
    }
)  # fmt: skip
NAMES = {
    "amex": "American Express", "cartes_bancaires": "Cartes Bancaires", "diners": "Diners Club", "jcb": "JCB",
    "mastercard": "Mastercard", "unionpay": "UnionPay", "eftpos_au": "eftpos", "us_bank_account": "ACH Direct Debit",
    "customer_balance": "Bank transfer",
    "sepa_debit": "SEPA Direct Debit", "bacs_debit": "Bacs Direct Debit", "ideal": "iDEAL",
    "eps": "EPS", "p24": "Przelewy24",
    "blik": "BLIK", "paypal": "PayPal", "cashapp": "Cash App Pay", "twint": "TWINT", "wechat_pay": "WeChat Pay",
}  # fmt: skip
# Saleor's limits: it refuses the whole response or report that exceeds one of them.
LONGEST_BRAND, LONGEST_NAME = 40, 256
MONTHS, YEARS = range(1, 13), range(2000, 10_000)


def hold_options(flow: str) -> Json:
    """Return the parameters for a hold: every method that can be held is held.

    The shopper chooses in Stripe's form, not in the storefront's. Methods that cannot be held are charged at once: with
    manual capture of the payment as a whole, Stripe would not even offer them. A card may be captured in several parts
    where its network and the account's contract with Stripe allow it.
    """
    if flow != AUTHORIZATION:
        return {}
    held: Json = {kind: {"capture_method": "manual"} for kind in sorted(HOLDABLE)}
    held["card"]["request_multicapture"] = "if_available"
    return {"payment_method_options": held}


def reduce_hold(params: Json, requested: str) -> Json:
    """Return the parameters with a hold of cards, and of the method that the storefront requested, only.

    For an account for which Stripe refuses the option of a method that it does not have.
    """
    held = params.get("payment_method_options")
    if not held:
        return params
    return {**params, "payment_method_options": {k: held[k] for k in held if k in ("card", requested)}}


def changed_hold_options(flow: str, intent: PaymentIntent) -> Json:
    """Return the parameters that make an existing intent hold, or no longer hold, the methods that it offers."""
    offered = {"card", *(HOLDABLE if intent.payment_method_types is None else intent.payment_method_types)}
    held = hold_options(flow).get("payment_method_options")
    options = held or {kind: {"capture_method": ""} for kind in sorted(HOLDABLE)}
    return {"payment_method_options": {kind: options[kind] for kind in options if kind in offered}}


def details_of(intent: PaymentIntent) -> Json | None:
    """Return Saleor's paymentMethodDetails of the method that was used; None before there was one."""
    used = intent.charge.payment_method_details if intent.charge is not None else None
    if used is None or not used.type:
        return None
    card = used.card
    if used.type != "card" or card is None:
        return {"type": "OTHER", "name": _name_of(used.type)[:LONGEST_NAME]}
    brand = _name_of(card.brand or "card")
    wallet = card.wallet.type if card.wallet is not None else ""
    details: Json = {
        "type": "CARD",
        "name": (f"{brand} ({_name_of(wallet)})" if wallet else brand)[:LONGEST_NAME],
        "brand": brand[:LONGEST_BRAND],
    }
    if card.last4.isdigit() and len(card.last4) == len("4242"):
        details["lastDigits"] = card.last4
    if card.exp_month in MONTHS and card.exp_year in YEARS:
        details |= {"expMonth": card.exp_month, "expYear": card.exp_year}
    return details


def reported_details(intent: PaymentIntent) -> Json | None:
    """Return the same as Saleor's `transactionEventReport` takes it: `card` or `other`."""
    details = details_of(intent)
    if details is None:
        return None
    kind = str(details["type"]).lower()
    return {kind: {name: value for name, value in details.items() if name != "type"}}


def _name_of(kind: str) -> str:
    return NAMES.get(kind) or kind.replace("_", " ").title()
