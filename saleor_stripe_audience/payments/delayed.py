"""Payments that the shopper makes later: vouchers, bank transfers, accounts verified by small deposits.

Stripe calls these "delayed notification payment methods" (https://docs.stripe.com/payments/payment-methods). Their
PaymentIntent stands at `requires_action` for days, but nobody waits in the browser any more: the shopper has what they
need, so the order is made and waits for the money. `next_action.type` says which kind it is
(https://docs.stripe.com/api/payment_intents/object):

- `boleto_display_details`, `oxxo_display_details`, `konbini_display_details`, `multibanco_display_details`: a voucher
  to pay at a bank, a till or a cash machine within days. Any other `*_display_details` would be one of these.
- `display_bank_transfer_instructions`: the shopper sends a transfer; it may arrive in parts.
- `verify_with_microdeposits`: two small deposits reach the account in one or two days, then the debit begins.
- `card_await_notification`: an Indian bank tells the cardholder a day ahead, then Stripe charges by itself.

All other kinds are finished at once, by the shopper, in the browser or with a telephone in the hand, and run out within
minutes or hours: `redirect_to_url`, `use_stripe_sdk`, `alipay_handle_redirect`, `blik_authorize`, the QR codes of Pix,
PayNow, PromptPay, Klarna, WeChat Pay, Swish, Cash App and UPI, and the ways to the WeChat app. An order that is made
before them would often stay unpaid.
"""

from typing import Any

from saleor_stripe_audience.money import from_minor
from saleor_stripe_audience.payments.declines import Sentence

Json = dict[str, Any]

VOUCHER = "_display_details"
BANK_TRANSFER = "display_bank_transfer_instructions"
MICRODEPOSITS = "verify_with_microdeposits"
NOTIFICATION = "card_await_notification"

# Stripe's types of the methods behind them. A card that waits for its bank is still a card.
METHODS = frozenset(
    {"acss_debit", "boleto", "customer_balance", "konbini", "multibanco", "oxxo", "us_bank_account"}
)
EXPIRED = "payment_intent_payment_attempt_expired"
# Why such a payment ends without money (https://docs.stripe.com/error-codes). Others, such as a wrong tax number, are
# refused before anything was handed out.
ENDS = frozenset(
    {
        EXPIRED,
        "payment_intent_payment_attempt_failed",
        "payment_method_microdeposit_failed",
        "payment_method_microdeposit_verification_attempts_exceeded",
        "payment_method_microdeposit_verification_timeout",
        "payment_method_microdeposit_processing_error",
    }
)

_VOUCHER_MESSAGE = Sentence(
    "The payment slip was handed out. The order waits until it is paid.",
    "Le bon de paiement a été remis. La commande attend son règlement.",
)
_TRANSFER_MESSAGE = Sentence(
    "The order waits for the bank transfer.", "La commande attend le virement bancaire."
)
_PARTLY_MESSAGE = Sentence(
    "A part of the bank transfer has arrived; {amount} are still to come.",
    "Une partie du virement est arrivée ; il manque encore {amount}.",
)
_DEPOSITS_MESSAGE = Sentence(
    "The bank account is being checked by small deposits. The payment follows.",
    "Le compte bancaire est vérifié par de petits dépôts. Le paiement suivra.",
)
_NOTIFICATION_MESSAGE = Sentence(
    "The bank tells the cardholder about the payment first. The payment follows.",
    "La banque informe d'abord le titulaire de la carte. Le paiement suivra.",
)


def is_handed_out(intent: Json) -> bool:
    """Whether the shopper has what they need and will pay later."""
    return intent.get("status") == "requires_action" and _is_delayed(_action_of(intent))


def cannot_be_held(intent: Json) -> bool:
    """Whether the payment under way, or the one that just ran out, is of a kind that Stripe never holds."""
    return (is_handed_out(intent) and _action_of(intent) != NOTIFICATION) or has_run_out(intent)


def has_run_out(intent: Json) -> bool:
    """Whether such a payment ended without money: the slip expired, the account was never verified.

    The QR codes end with the same code; there the shopper may simply try again.
    """
    error = intent.get("last_payment_error") or {}
    if intent.get("status") != "requires_payment_method" or error.get("code") not in ENDS:
        return False
    kind = (error.get("payment_method") or {}).get("type")
    return kind in METHODS or (kind is None and error["code"] != "payment_intent_payment_attempt_failed")


def message_of(intent: Json, language: str) -> str:
    """What is waited for, in the language of a tag such as "fr"; empty where nothing of this kind is."""
    kind = _action_of(intent)
    if not _is_delayed(kind):
        return ""
    if kind == BANK_TRANSFER:
        return _transfer_message(intent, language)
    found = {MICRODEPOSITS: _DEPOSITS_MESSAGE, NOTIFICATION: _NOTIFICATION_MESSAGE}
    return found.get(kind, _VOUCHER_MESSAGE).told(language)


def _transfer_message(intent: Json, language: str) -> str:
    remaining = (intent["next_action"].get(BANK_TRANSFER) or {}).get("amount_remaining")
    if not isinstance(remaining, int) or remaining >= int(intent["amount"]):
        return _TRANSFER_MESSAGE.told(language)
    return _PARTLY_MESSAGE.told(language).format(amount=from_minor(remaining, intent["currency"]))


def _action_of(intent: Json) -> str:
    return str((intent.get("next_action") or {}).get("type") or "")


def _is_delayed(kind: str) -> bool:
    return kind in (BANK_TRANSFER, MICRODEPOSITS, NOTIFICATION) or kind.endswith(VOUCHER)
