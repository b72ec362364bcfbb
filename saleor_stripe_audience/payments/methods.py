"""Ways to pay: which of them can be held, and what the host may tell of the one that was used.

The account's own choice in Stripe says which are offered (automatic payment methods); here stands only what differs.
"""

from typing import Any

from saleor_stripe_audience.payments.outcomes import AUTHORIZATION, latest_charge

Json = dict[str, Any]

# Stripe's own types: those whose payment_method_options have a capture_method (stripe 16.1, API 2026-10-28).
HOLDABLE = frozenset(
    {
        "affirm", "afterpay_clearpay", "alma", "amazon_pay", "billie", "card", "cashapp", "kakao_pay", "klarna",
        "kr_card", "link", "mobilepay", "naver_pay", "payco", "paypal", "revolut_pay", "samsung_pay", "satispay",
        "scalapay", "sequra", "sunbit",
    }
)  # fmt: skip
CHARGED_AT_ONCE = "This way to pay cannot be held, so the amount was charged at once."
NAMES = {
    "amex": "American Express", "cartes_bancaires": "Cartes Bancaires", "diners": "Diners Club", "jcb": "JCB",
    "mastercard": "Mastercard", "unionpay": "UnionPay", "eftpos_au": "eftpos", "us_bank_account": "ACH Direct Debit",

    "sepa_debit": "SEPA Direct Debit", "bacs_debit": "Bacs Direct Debit", "ideal": "iDEAL",
    "eps": "EPS", "p24": "Przelewy24",
    "blik": "BLIK", "paypal": "PayPal", "cashapp": "Cash App Pay", "twint": "TWINT", "wechat_pay": "WeChat Pay",
}  # fmt: skip
LONGEST_BRAND = 40


def options(flow: str, wished: str) -> Json:
    """What a hold needs: cards are held, and the method that the storefront named, if it can be.

    All others are charged at once: asked for manual capture as a whole, Stripe would not even offer them. A card may be
    captured in several parts where its network and the account's contract with Stripe allow it.
    """
    if flow != AUTHORIZATION:
        return {}
    named: Json = {"card": {"capture_method": "manual", "request_multicapture": "if_available"}}
    if wished in HOLDABLE and wished != "card":
        named[wished] = {"capture_method": "manual"}
    return {"payment_method_options": named}


def changed_options(flow: str, wished: str) -> Json:
    """The same for an intent that is there already: what was to be held is no more, where that was so."""
    return options(flow, wished) or {"payment_method_options": {"card": {"capture_method": ""}}}


def could_be_held(intent: Json) -> bool:
    """Whether the payment was, or will be, a hold: what was used is known once there is a charge."""
    charge = latest_charge(intent)
    if charge is None:
        return True
    used = str((charge.get("payment_method_details") or {}).get("type") or "card")
    chosen = (intent.get("payment_method_options") or {}).get(used) or {}
    return "manual" in (chosen.get("capture_method"), intent.get("capture_method"))


def details(intent: Json) -> Json | None:
    """The host's paymentMethodDetails of what was used; None while nothing was."""
    used = (latest_charge(intent) or {}).get("payment_method_details") or {}
    kind = used.get("type")
    if not kind:
        return None
    card = used.get("card")
    if kind != "card" or not isinstance(card, dict):
        return {"type": "OTHER", "name": _named(str(kind))}
    brand = _named(str(card.get("brand") or "card"))
    wallet = (card.get("wallet") or {}).get("type")
    found: Json = {
        "type": "CARD",
        "name": f"{brand} ({_named(str(wallet))})" if wallet else brand,
        "brand": brand[:LONGEST_BRAND],
    }
    last = str(card.get("last4") or "")
    if last.isdigit() and len(last) == len("4242"):
        found["lastDigits"] = last
    if card.get("exp_month") and card.get("exp_year"):
        found |= {"expMonth": int(card["exp_month"]), "expYear": int(card["exp_year"])}
    return found


def _named(kind: str) -> str:
    return NAMES.get(kind) or kind.replace("_", " ").title()
