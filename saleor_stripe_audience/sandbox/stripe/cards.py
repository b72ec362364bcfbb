"""Stripe's test cards and test payment methods, and how each behaves.

Source: "Testing": cards by brand, declined payments, fraud prevention, disputes, refunds, 3-D Secure; and the
names of PaymentMethods to use in test code.
"""

from dataclasses import dataclass, replace
from typing import Literal

type Authentication = Literal["never", "always", "unless_set_up"]
type RefundCourse = Literal["succeeds", "fails_later", "succeeds_later"]


@dataclass(frozen=True)
class Decline:
    """Why a card is refused: Stripe's error code and, for card_declined, its decline code."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True)
class Behavior:
    """What happens when a payment method is used."""

    type: str = "card"
    brand: str = "visa"
    number: str = "4242424242424242"
    decline: Decline | None = None
    attachable: bool = True
    authentication: Authentication = "never"
    dispute_reason: str | None = None
    is_inquiry: bool = False
    fraud_warning: bool = False
    refund: RefundCourse = "succeeds"
    settles_later: bool = False
    redirects: bool = False
    next_action: str = ""


def _declined(decline_code: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", decline_code, message)


GENERIC = _declined("generic_decline")
INSUFFICIENT = _declined("insufficient_funds", "Your card has insufficient funds.")
LOST = _declined("lost_card")
STOLEN = _declined("stolen_card")
FRAUDULENT = _declined("fraudulent")
VELOCITY = _declined(
    "card_velocity_exceeded", "Your card was declined for making repeated attempts too often."
)
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
INCORRECT_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline("processing_error", "processing_error", "An error occurred while processing your card.")
NEEDS_AUTHENTICATION = Decline(
    "authentication_required", "authentication_required", "Your card requires authentication."
)
EXPIRED_ATTEMPT = Decline(
    "payment_intent_payment_attempt_expired", None, "The latest attempt to pay has expired."
)
FAILED_AUTHENTICATION = Decline(
    "payment_intent_authentication_failure", None, "The payment method could not be authenticated."
)

_UNATTACHABLE = Behavior(attachable=False)


def _refusing(decline: Decline) -> Behavior:
    return replace(_UNATTACHABLE, decline=decline)


_CARDS = {
    "4242424242424242": Behavior(),
    "4000056655665556": Behavior(),
    "5555555555554444": Behavior(brand="mastercard"),
    "378282246310005": Behavior(brand="amex"),
    "6011111111111117": Behavior(brand="discover"),
    "4000000000000077": Behavior(),
    "4000000000000002": _refusing(GENERIC),
    "4000000000009995": _refusing(INSUFFICIENT),
    "4000000000009987": _refusing(LOST),
    "4000000000009979": _refusing(STOLEN),
    "4000000000000069": _refusing(EXPIRED),
    "4000000000000127": _refusing(INCORRECT_CVC),
    "4000000000000119": _refusing(PROCESSING),
    "4000000000006975": _refusing(VELOCITY),
    "4100000000000019": _refusing(FRAUDULENT),
    "4000000000000341": Behavior(decline=GENERIC),
    "4000000000003220": Behavior(authentication="always"),
    "4000000000003063": Behavior(authentication="always"),
    "4000002760003184": Behavior(authentication="always"),
    "4000002500003155": Behavior(authentication="unless_set_up"),
    "4000008400001629": Behavior(authentication="always", decline=GENERIC),
    "4000008260003178": Behavior(authentication="always", decline=INSUFFICIENT),
    "4000000000000259": Behavior(dispute_reason="fraudulent"),
    "4000000000002685": Behavior(dispute_reason="product_not_received"),
    "4000000000001976": Behavior(dispute_reason="fraudulent", is_inquiry=True),
    "4000000000005423": Behavior(fraud_warning=True),
    "4000000000005126": Behavior(refund="fails_later"),
    "4000000000007726": Behavior(refund="succeeds_later"),
}
CARDS = {number: replace(behavior, number=number) for number, behavior in _CARDS.items()}

_NAMES = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "bypassPending": "4000000000000077",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedLostCard": "4000000000009987",
    "visa_chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "chargeDeclinedFraudulent": "4100000000000019",
    "radarBlock": "4100000000000019",
    "chargeCustomerFail": "4000000000000341",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequired": "4000000000003063",
    "threeDSecureRequiredChargeDeclined": "4000008400001629",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createDisputeInquiry": "4000000000001976",
    "createIssuerFraudRecord": "4000000000005423",
    "refundFail": "4000000000005126",
    "pendingRefund": "4000000000007726",
}
TOKENS = {f"pm_card_{name}": CARDS[number] for name, number in _NAMES.items()} | {
    "pm_usBankAccount": Behavior(type="us_bank_account", settles_later=True),
    "pm_usBankAccount_success": Behavior(type="us_bank_account", settles_later=True),
}


def by_number(number: str) -> Behavior | None:
    """Return how a test card behaves; None for a number that is not a test card."""
    return CARDS.get(number.replace(" ", ""))


def by_token(token: str) -> Behavior | None:
    """Return how pm_card_… or tok_… behaves; None for an unknown name."""
    return TOKENS.get("pm_card_" + token.removeprefix("tok_") if token.startswith("tok_") else token)


def of_type(kind: str) -> Behavior:
    """Return how a method other than a card behaves: debits settle days later, vouchers and transfers are paid days
    later, QR codes at once, and the others redirect the shopper.
    """
    if kind in DEBITS:
        return Behavior(type=kind, settles_later=True)
    return Behavior(type=kind, redirects=kind in REDIRECTS, next_action=NEXT_ACTIONS.get(kind, ""))


DEBITS = frozenset({"us_bank_account", "sepa_debit", "bacs_debit", "acss_debit", "au_becs_debit"})
REDIRECTS = frozenset(
    {
        "affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay", "bancontact", "billie", "blik", "eps", "ideal",
        "klarna", "mobilepay", "p24", "paypal", "revolut_pay", "satispay", "twint",
    }
)  # fmt: skip
# What the shopper is shown instead, by the type of next_action. The first five are paid days later.
NEXT_ACTIONS = {
    "boleto": "boleto_display_details",
    "konbini": "konbini_display_details",
    "multibanco": "multibanco_display_details",
    "oxxo": "oxxo_display_details",
    "customer_balance": "display_bank_transfer_instructions",
    "cashapp": "cashapp_handle_redirect_or_display_qr_code",
    "paynow": "paynow_display_qr_code",
    "pix": "pix_display_qr_code",
    "promptpay": "promptpay_display_qr_code",
    "swish": "swish_handle_redirect_or_display_qr_code",
    "wechat_pay": "wechat_pay_display_qr_code",
}
# Methods whose options have a capture_method. Source: reference: create a PaymentIntent; "Place a hold: availability".
HOLDABLE = frozenset(
    {
        "affirm", "afterpay_clearpay", "alma", "amazon_pay", "billie", "card", "cashapp", "klarna", "link",
        "mobilepay", "paypal", "revolut_pay", "satispay",
    }
)  # fmt: skip
REUSABLE = frozenset({"amazon_pay", "card", "cashapp", "klarna", "link", "paypal", "revolut_pay"}) | DEBITS
