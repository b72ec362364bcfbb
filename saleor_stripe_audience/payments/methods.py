"""Ways to pay: which of them can be held, and what the host may tell of the one that was used.

The account's own choice in Stripe says which are offered (automatic payment methods); here stands only what differs.
"""

from typing import Any

from saleor_stripe_audience.payments import delayed
from saleor_stripe_audience.payments.declines import Sentence
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
CHARGED_INSTEAD = Sentence(
    CHARGED_AT_ONCE,
    "Ce moyen de paiement ne permet pas de réserver le montant, qui a donc été débité aussitôt.",
)
NAMES = {
    "amex": "American Express", "cartes_bancaires": "Cartes Bancaires", "diners": "Diners Club", "jcb": "JCB",
    "mastercard": "Mastercard", "unionpay": "UnionPay", "eftpos_au": "eftpos", "us_bank_account": "ACH Direct Debit",

    "sepa_debit": "SEPA Direct Debit", "bacs_debit": "Bacs Direct Debit", "ideal": "iDEAL",
    "eps": "EPS", "p24": "Przelewy24",
    "blik": "BLIK", "paypal": "PayPal", "cashapp": "Cash App Pay", "twint": "TWINT", "wechat_pay": "WeChat Pay",
}  # fmt: skip
# The host's limits: it refuses the whole answer or report that goes beyond one of them.
LONGEST_BRAND, LONGEST_NAME = 40, 256
MONTHS, YEARS = range(1, 13), range(2000, 10_000)


def options(flow: str, _wished: str = "") -> Json:
    """What a hold needs: every method that can be held is held, whatever the storefront named.

    The shopper chooses in Stripe's form, not in the storefront's. Methods that cannot be held are charged at once: with
    manual capture asked for the payment as a whole, Stripe would not even offer them. A card may be captured in several
    parts where its network and the account's contract with Stripe allow it.
    """
    if flow != AUTHORIZATION:
        return {}
    held: Json = {kind: {"capture_method": "manual"} for kind in sorted(HOLDABLE)}
    held["card"]["request_multicapture"] = "if_available"
    return {"payment_method_options": held}


def card_options(params: Json, wished: str) -> Json:
    """The parameters with a hold of cards, and of the method that the storefront named, only.

    For an account at which Stripe refuses an option of a method that it does not have.
    """
    held = params.get("payment_method_options")
    if not held:
        return params
    return {**params, "payment_method_options": {k: held[k] for k in held if k in ("card", wished)}}


def changed_options(flow: str, _wished: str = "", intent: Json | None = None) -> Json:
    """The same for an intent that is there already: what was to be held is no more, where that was so.

    Of `intent` only the methods that it offers are changed.
    """
    offered = {"card", *(intent or {}).get("payment_method_types", HOLDABLE)}
    held = options(flow).get("payment_method_options")
    wanted = held or {kind: {"capture_method": ""} for kind in sorted(HOLDABLE)}
    return {"payment_method_options": {kind: wanted[kind] for kind in wanted if kind in offered}}


def could_be_held(intent: Json) -> bool:
    """Whether the payment was, or will be, a hold: what was used is known once there is a charge or a voucher."""
    if delayed.cannot_be_held(intent):
        return False
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
        return {"type": "OTHER", "name": _named(str(kind))[:LONGEST_NAME]}
    brand = _named(str(card.get("brand") or "card"))
    wallet = (card.get("wallet") or {}).get("type")
    found: Json = {
        "type": "CARD",
        "name": (f"{brand} ({_named(str(wallet))})" if wallet else brand)[:LONGEST_NAME],
        "brand": brand[:LONGEST_BRAND],
    }
    last = str(card.get("last4") or "")
    if last.isdigit() and len(last) == len("4242"):
        found["lastDigits"] = last
    month, year = card.get("exp_month"), card.get("exp_year")
    if month in MONTHS and year in YEARS:
        found |= {"expMonth": month, "expYear": year}
    return found


def reported_details(intent: Json) -> Json | None:
    """The same as the host's `transactionEventReport` takes it: `card` or `other`."""
    found = details(intent)
    if found is None:
        return None
    kind = str(found["type"]).lower()
    return {kind: {name: value for name, value in found.items() if name != "type"}}


def _named(kind: str) -> str:
    return NAMES.get(kind) or kind.replace("_", " ").title()
