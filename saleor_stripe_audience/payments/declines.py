"""Why a payment was declined: a tactful sentence for the shopper and the actual reason for the merchant, in two
languages.

The codes are Stripe's: "Decline codes" (https://docs.stripe.com/declines/codes), those of bank debits from "Network
decline codes" (https://docs.stripe.com/declines/network-codes) and, where a decline has none of its own, "Error codes"
(https://docs.stripe.com/error-codes). The sentences are ours.

Shoppers are never informed that a card is reported as lost, stolen or fraudulent: they may not be its owner.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.wording import ENGLISH, in_language, with_values


@dataclass(frozen=True)
class Decline:
    """What one code means to shopper and merchant."""

    shopper: Promise
    merchant: Promise


def message_of(code: str) -> Promise:
    """Return the shopper's sentence, not translated yet; a general one for a code that is not in the table."""
    found = DECLINES.get(code)
    return found.shopper if found else _DECLINED


def reason_of(code: str) -> Promise:
    """Return the merchant's sentence, not translated yet; with Stripe's own code where the table has none."""
    found = DECLINES.get(code)
    return found.merchant if found else with_values(_UNKNOWN, code=code)


def for_shopper(code: str, language: str = ENGLISH) -> str:
    """Return the shopper's sentence in their language."""
    return in_language(message_of(code), language)


def for_merchant(code: str, language: str = ENGLISH) -> str:
    """Return the merchant's sentence in their language; empty without a code."""
    return in_language(reason_of(code), language) if code else ""


_DECLINED = pgettext_lazy("shopper", "The card was declined. Please try another card, or ask your bank.")
_UNKNOWN = pgettext_lazy(
    "staff",
    "The payment was declined with Stripe's code “{code}”. Stripe's page for the payment has more details.",
)
_ANOTHER_CARD = pgettext_lazy(
    "shopper", "This card cannot be used here. Please try another card or payment method."
)
_AMOUNT = pgettext_lazy(
    "shopper", "The bank did not approve this amount. Please try another card or payment method."
)
_EXPIRED = pgettext_lazy("shopper", "This card has expired. Please use another card.")
_NUMBER = pgettext_lazy("shopper", "The card number is incorrect. Please check it, or use another card.")
_CVC = pgettext_lazy("shopper", "The card's security code is incorrect. Please check it and try again.")
_EXPIRY = pgettext_lazy("shopper", "The card's expiry date is incorrect. Please check it and try again.")
_ADDRESS = pgettext_lazy("shopper", "The address does not match the card. Please check it and try again.")
_PIN = pgettext_lazy("shopper", "The PIN is incorrect or required. Please try again, or use another card.")
_AGAIN = pgettext_lazy(
    "shopper", "The payment did not go through. Please try again in a moment, or use another card."
)
_AUTHENTICATE = pgettext_lazy(
    "shopper", "Your bank asks you to confirm this payment. Please try again and follow your bank's steps."
)
_NOT_CONFIRMED = pgettext_lazy(
    "shopper", "The payment was not confirmed with your bank. Please try again, or use another card."
)
_TOO_OFTEN = pgettext_lazy(
    "shopper",
    "This card was used too often or has reached its limit. Please use another card, or try again later.",
)
_TWICE = pgettext_lazy(
    "shopper", "A payment like this was made a moment ago. Please look at your orders before you try again."
)
_RAN_OUT = pgettext_lazy(
    "shopper", "The payment timed out. Please start again, or choose another payment method."
)
_OTHER_ACCOUNT = pgettext_lazy(
    "shopper", "This bank account could not be debited. Please try another account or payment method."
)
_OTHER_WAY = pgettext_lazy(
    "shopper", "This payment method did not work. Please try again, or choose another one."
)


def _unexplained(merchant: Promise) -> Decline:
    """The bank declines without giving the reason to anyone but its customer."""
    return Decline(_DECLINED, merchant)


_NO_REASON = _unexplained(
    pgettext_lazy(
        "staff",
        "The bank declined the card and gave no reason. Only the customer can ask the bank; another card may work.",
    )
)
_STOPPED = _unexplained(
    pgettext_lazy(
        "staff",
        "The cardholder asked the bank to stop payments to you. Do not charge this card again; "
        "contact the customer.",
    )
)
_TEST_CARD = Decline(
    _ANOTHER_CARD,
    pgettext_lazy("staff", "A test card was used for a live payment, or a real card for a test payment."),
)
_PIN_NEEDED = Decline(
    _PIN,
    pgettext_lazy("staff", "The card requires a PIN, which cannot be entered online. Another card may work."),
)
_WRONG_PIN = Decline(
    _PIN,
    pgettext_lazy("staff", "A wrong PIN was entered."),
)
_WRONG_NUMBER = Decline(
    _NUMBER,
    pgettext_lazy("staff", "The card number is wrong."),
)
_WRONG_CVC = Decline(
    _CVC,
    pgettext_lazy("staff", "The card's security code (CVC) is wrong."),
)
_WRONG_EXPIRY = Decline(
    _EXPIRY,
    pgettext_lazy("staff", "The card's expiry date is wrong."),
)
_WRONG_ADDRESS = Decline(
    _ADDRESS,
    pgettext_lazy("staff", "The postcode or address does not match the one that the bank has for the card."),
)
_NO_AUTHENTICATION = Decline(
    _NOT_CONFIRMED,
    pgettext_lazy(
        "staff",
        "The customer did not complete the bank's authentication (3-D Secure): it was abandoned, "
        "failed or timed out.",
    ),
)
_ACCOUNT_UNUSABLE = Decline(
    _OTHER_ACCOUNT,
    pgettext_lazy(
        "staff", "The bank account cannot be debited: it is frozen, restricted, or of the wrong kind."
    ),
)
_UNREACHABLE = Decline(
    _AGAIN,
    pgettext_lazy(
        "staff", "The bank could not be reached, or its system failed. The same card may work later."
    ),
)

DECLINES: dict[str, Decline] = {
    "approve_with_id": Decline(
        _AGAIN,
        pgettext_lazy(
            "staff",
            "The bank could not authorize the payment. It may work a second time; if not, the customer "
            "should ask the bank.",
        ),
    ),
    "authentication_required": Decline(
        _AUTHENTICATE,
        pgettext_lazy(
            "staff",
            "The bank requires the cardholder to confirm the payment (3-D Secure). Ask the customer to "
            "pay in the shop themselves.",
        ),
    ),
    "authentication_not_handled": _NO_AUTHENTICATION,
    "bank_account_closed": Decline(
        _OTHER_ACCOUNT, pgettext_lazy("staff", "The customer's bank account is closed.")
    ),
    "bank_account_frozen": _ACCOUNT_UNUSABLE,
    "bank_account_invalid_details": Decline(
        _OTHER_ACCOUNT,
        pgettext_lazy("staff", "The bank does not know the account, or its details are wrong."),
    ),
    "bank_account_restricted": _ACCOUNT_UNUSABLE,
    "bank_account_unusable": _ACCOUNT_UNUSABLE,
    "call_issuer": _NO_REASON,
    "card_declined": _NO_REASON,
    "card_not_supported": Decline(
        _ANOTHER_CARD,
        pgettext_lazy("staff", "The card does not support this kind of purchase, such as online or abroad."),
    ),
    "card_velocity_exceeded": Decline(
        _TOO_OFTEN,
        pgettext_lazy("staff", "The card was used too often in a short time, or is over its limit."),
    ),
    "charge_exceeds_source_limit": Decline(
        _AMOUNT,
        pgettext_lazy("staff", "The amount exceeds the limit of this payment method for a period."),
    ),
    "currency_not_supported": Decline(
        _ANOTHER_CARD,
        pgettext_lazy("staff", "The card cannot pay in this currency."),
    ),
    "debit_not_authorized": Decline(
        _OTHER_ACCOUNT,
        pgettext_lazy(
            "staff",
            "The customer, or their bank, did not authorize the debit. Contact the customer before you debit the "
            "account again.",
        ),
    ),
    "do_not_honor": _NO_REASON,
    "do_not_try_again": _unexplained(
        pgettext_lazy(
            "staff", "The bank declined the card permanently. Trying the same card again will not help."
        )
    ),
    "duplicate_transaction": Decline(
        _TWICE,
        pgettext_lazy(
            "staff",
            "The same amount was charged to this card a moment ago. Check whether the order is already paid.",
        ),
    ),
    "expired_card": Decline(_EXPIRED, pgettext_lazy("staff", "The card has expired.")),
    "fraudulent": _unexplained(
        pgettext_lazy(
            "staff",
            "Stripe or the bank suspects fraud and blocked the payment. Do not send the goods before you have checked.",
        )
    ),
    "generic_decline": _unexplained(
        pgettext_lazy("staff", "The bank, or one of your Radar rules, declined the card and gave no reason.")
    ),
    "incorrect_address": _WRONG_ADDRESS,
    "incorrect_cvc": _WRONG_CVC,
    "incorrect_number": _WRONG_NUMBER,
    "incorrect_pin": _WRONG_PIN,
    "incorrect_zip": _WRONG_ADDRESS,
    "insufficient_funds": Decline(
        _AMOUNT,
        pgettext_lazy("staff", "There is not enough money on the card or account."),
    ),
    "invalid_account": Decline(
        _ANOTHER_CARD,
        pgettext_lazy("staff", "The card, or the account behind it, is not valid or no longer valid."),
    ),
    "invalid_amount": Decline(
        _AMOUNT,
        pgettext_lazy("staff", "The amount is not valid for this card, or exceeds what it can pay at once."),
    ),
    "invalid_cvc": _WRONG_CVC,
    "invalid_expiry_month": _WRONG_EXPIRY,
    "invalid_expiry_year": _WRONG_EXPIRY,
    "invalid_number": _WRONG_NUMBER,
    "invalid_pin": _WRONG_PIN,
    "issuer_not_available": _UNREACHABLE,
    "live_mode_test_card": _TEST_CARD,
    "lost_card": _unexplained(
        pgettext_lazy(
            "staff", "The card is reported as lost. Do not tell the customer; check before you send anything."
        )
    ),
    "merchant_blacklist": _unexplained(
        pgettext_lazy("staff", "The card is on your own block list in Stripe. Do not tell the customer.")
    ),
    "mobile_device_authentication_required": Decline(
        _AUTHENTICATE,
        pgettext_lazy("staff", "The wallet requires the cardholder to confirm on their phone."),
    ),
    "new_account_information_available": Decline(
        _ANOTHER_CARD,
        pgettext_lazy(
            "staff", "The bank has given the cardholder a new card or account. The old one cannot be used."
        ),
    ),
    "no_action_taken": _NO_REASON,
    "not_permitted": _unexplained(pgettext_lazy("staff", "The bank does not permit this payment.")),
    "offline_pin_required": _PIN_NEEDED,
    "online_or_offline_pin_required": _PIN_NEEDED,
    "payment_intent_authentication_failure": _NO_AUTHENTICATION,
    "payment_intent_payment_attempt_expired": Decline(
        _RAN_OUT,
        pgettext_lazy("staff", "The payment was not completed in time."),
    ),
    "payment_intent_payment_attempt_failed": Decline(
        _OTHER_WAY,
        pgettext_lazy("staff", "The payment attempt failed. Stripe's page for the payment says why."),
    ),
    "payment_method_customer_decline": Decline(
        _OTHER_WAY,
        pgettext_lazy("staff", "The customer cancelled the payment at the provider."),
    ),
    "payment_method_not_available": Decline(
        _OTHER_WAY,
        pgettext_lazy("staff", "The provider of this payment method is not responding at the moment."),
    ),
    "payment_method_provider_decline": Decline(
        _OTHER_WAY,
        pgettext_lazy("staff", "The provider of this payment method declined, or a debit was returned."),
    ),
    "payment_method_provider_timeout": Decline(
        _OTHER_WAY,
        pgettext_lazy("staff", "The provider of this payment method did not respond in time."),
    ),
    "pickup_card": _unexplained(
        pgettext_lazy(
            "staff",
            "The bank wants the card to be withheld: it may be lost or stolen. Do not tell the customer.",
        )
    ),
    "pin_try_exceeded": Decline(
        _TOO_OFTEN,
        pgettext_lazy("staff", "A wrong PIN was entered too often."),
    ),
    "processing_error": Decline(
        _AGAIN,
        pgettext_lazy(
            "staff", "An error occurred while processing the card. The same card may work in a moment."
        ),
    ),
    "reenter_transaction": _UNREACHABLE,
    "restricted_card": _unexplained(
        pgettext_lazy(
            "staff",
            "The card is restricted: it may be lost or stolen, or not valid for this use. Do not tell "
            "the customer.",
        )
    ),
    "revocation_of_all_authorizations": _STOPPED,
    "revocation_of_authorization": _STOPPED,
    "security_violation": _NO_REASON,
    "service_not_allowed": _NO_REASON,
    "setup_intent_authentication_failure": _NO_AUTHENTICATION,
    "stolen_card": _unexplained(
        pgettext_lazy(
            "staff",
            "The card is reported as stolen. Do not tell the customer; check before you send anything.",
        )
    ),
    "stop_payment_order": _STOPPED,
    "test_mode_live_card": _TEST_CARD,
    "testmode_decline": _TEST_CARD,
    "tokenized_account_number_deactivated": Decline(
        _OTHER_ACCOUNT,
        pgettext_lazy("staff", "The customer's bank has ended the access to the account that was used."),
    ),
    "transaction_not_allowed": _unexplained(
        pgettext_lazy("staff", "The bank does not allow this kind of payment with the card.")
    ),
    "try_again_later": _UNREACHABLE,
    "withdrawal_count_limit_exceeded": Decline(
        _TOO_OFTEN,
        pgettext_lazy("staff", "The card exceeds the number or total of payments that its bank allows."),
    ),
}
