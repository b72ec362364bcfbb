"""What shoppers see about a payment, by its state or the code of the failure, in two languages.

The messages of failures are written for merchants ("paste a new key") or developers. None of them is sent to a
storefront, where the shopper sees the sentence for the failure's code. The only merchant message that shoppers see is
the one that the merchant wrote for them when pausing a channel.
"""

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway.objects import BANK_TRANSFER, MICRODEPOSITS, NOTIFICATION, PaymentIntent
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.wording import in_language, with_values

PAUSED_CODE = "paused"
# What only a developer can fix: a storefront's request, or an amount in a shop that is set up incorrectly.
FOR_DEVELOPERS = frozenset(
    {"parse_error", "currency", "decimals", "negative_amount", "not_a_number", "unknown_currency"}
)

WAITS_FOR_SHOPPER = pgettext_lazy("shopper", "Waiting for payment.")
CANCELED = pgettext_lazy("shopper", "The payment was cancelled.")
ALREADY_PAID = pgettext_lazy("shopper", "There is nothing left to pay for this order.")
REPLACED = pgettext_lazy("shopper", "This attempt failed; the payment was made with another payment method.")
CHARGED_INSTEAD = pgettext_lazy(
    "shopper", "This payment method cannot be authorized first, so the amount was charged immediately."
)
AT_THE_BANK = pgettext_lazy("shopper", "The bank is processing the payment.")
_VOUCHER = pgettext_lazy("shopper", "The payment voucher was issued. The order is waiting until it is paid.")
_TRANSFER = pgettext_lazy("shopper", "The order is waiting for the bank transfer.")
_TRANSFER_IN_PART = pgettext_lazy("shopper", "Part of the bank transfer has arrived; {amount} is still due.")
_DEPOSITS = pgettext_lazy(
    "shopper", "The bank account is being verified with small deposits. The payment will follow."
)
_NOTIFICATION = pgettext_lazy(
    "shopper", "The bank notifies the cardholder about the payment first. The payment will follow."
)


UNAVAILABLE = pgettext_lazy(
    "shopper",
    "This payment method is not available at the moment. Please choose another one, or contact the shop.",
)
UNCLEAR = pgettext_lazy(
    "shopper", "The payment could not be checked at the moment. Please try again shortly."
)
_TIMED_OUT = pgettext_lazy(
    "shopper", "The payment service did not respond in time. Please try again in a moment."
)
_PAUSED = pgettext_lazy("shopper", "Payments are paused at the moment. Please come back a little later.")
_SIGN_IN = pgettext_lazy("shopper", "Please sign in to save a payment method or to use a saved one.")
_NOT_YOURS = pgettext_lazy("shopper", "This payment method is not one of your saved ones.")
_UNKNOWN_PAYMENT = pgettext_lazy("shopper", "This payment is not known here. Please start the payment again.")
_NOTHING_TO_PAY = pgettext_lazy("shopper", "There is nothing to pay here: the amount is zero.")
_TOO_SMALL = pgettext_lazy(
    "shopper",
    "The amount is too small for this payment method. Please choose another one, or contact the shop.",
)
_TOO_SMALL_BY = pgettext_lazy(
    "shopper", "The minimum amount for this payment method is {smallest}; this is {amount}."
)
_TOO_LARGE = pgettext_lazy(
    "shopper",
    "The amount is too large for this payment method. Please choose another one, or contact the shop.",
)
_TOO_LARGE_BY = pgettext_lazy(
    "shopper", "The maximum amount for this payment method is {largest}; this is {amount}."
)
_NOT_PAYABLE = pgettext_lazy(
    "shopper", "This amount cannot be paid. Please reload the page and try again, or contact the shop."
)
_DECLINED = pgettext_lazy("shopper", "The card was declined. Please try another card, or ask your bank.")

_CANCELLED = pgettext_lazy("shopper", "This payment was cancelled. Please start the payment again.")
_ORDER_OVER = pgettext_lazy(
    "shopper", "This order was cancelled or has expired, so it can no longer be paid."
)
SETUP_CANCELED = pgettext_lazy("shopper", "The payment method was not saved. Please try again.")
_CAPPED = pgettext_lazy("shopper", "Only {amount} is left to pay, so the payment is for this amount.")
_FALLEN = pgettext_lazy(
    "shopper", "{amount} was paid, but only {total} is due. The shop can refund the difference."
)
_FALLEN_TO_NOTHING = pgettext_lazy(
    "shopper", "{amount} was paid, but nothing was due any more. The shop can refund it."
)
_RISEN = pgettext_lazy(
    "shopper", "{amount} was paid, but {total} is now due. Please pay the rest separately."
)

BY_CODE = {
    "already_covered": ALREADY_PAID,
    "amount_too_large": _TOO_LARGE,
    "amount_too_small": _TOO_SMALL,
    "busy": _TIMED_OUT,
    "cancelled": _CANCELLED,
    "card_declined": _DECLINED,
    "currency": _NOT_PAYABLE,
    "deadline": _TIMED_OUT,
    "decimals": _NOT_PAYABLE,
    "idempotency_key_in_use": _TIMED_OUT,
    "negative_amount": _NOT_PAYABLE,
    "not_a_number": _NOT_PAYABLE,
    "not_owner": _SIGN_IN,
    "nothing_to_pay": _NOTHING_TO_PAY,
    "order_over": _ORDER_OVER,
    PAUSED_CODE: _PAUSED,
    "stripe_unavailable": _TIMED_OUT,
    "unknown_currency": _NOT_PAYABLE,
    "unknown_method": _NOT_YOURS,
    "unknown_payment": _UNKNOWN_PAYMENT,
}
# Everything without amounts or names that a storefront, and Saleor's history of a payment, can have.
WITHOUT_VALUES = (
    *(WAITS_FOR_SHOPPER, CANCELED, REPLACED, CHARGED_INSTEAD, AT_THE_BANK, UNAVAILABLE, UNCLEAR),
    *(_VOUCHER, _TRANSFER, _DEPOSITS, _NOTIFICATION),
    *BY_CODE.values(),
)
# The same with the amounts, if the failure has them.
_WITH_VALUES = {"amount_too_large": _TOO_LARGE_BY, "amount_too_small": _TOO_SMALL_BY}


def for_shopper(error: Failure, language: str, otherwise: Promise = UNAVAILABLE) -> str:
    """The shopper's sentence, in the language of a tag such as "fr"; `otherwise` for a code that has none."""
    if error.code == PAUSED_CODE and "message" in error.values:
        return str(error.values["message"])
    if error.values and (template := _WITH_VALUES.get(error.code)):
        return in_language(template, language, **error.values)
    return in_language(BY_CODE.get(error.code, otherwise), language)


def for_pending(intent: PaymentIntent) -> Promise:
    """What a payment is waiting for if the bank, or the shopper with a voucher or transfer, needs days to complete
    it.
    """
    action = intent.next_action
    if intent.status == "processing" or action is None:
        return AT_THE_BANK
    if action.type == BANK_TRANSFER:
        transfer = action.display_bank_transfer_instructions
        remaining = transfer.amount_remaining if transfer is not None else None
        if remaining is None or remaining >= intent.amount:
            return _TRANSFER
        return with_values(_TRANSFER_IN_PART, amount=intent.money(remaining))
    found = {MICRODEPOSITS: _DEPOSITS, NOTIFICATION: _NOTIFICATION}
    return found.get(action.type, _VOUCHER)


def capped(amount: Money, language: str) -> str:
    """The payment is for less than was requested, because of gift cards or other payments."""
    return in_language(_CAPPED, language, amount=amount)


def fallen(paid: Money, total: Money, language: str) -> str:
    """More was paid than is now due."""
    if total.minor <= 0:
        return in_language(_FALLEN_TO_NOTHING, language, amount=paid)
    return in_language(_FALLEN, language, amount=paid, total=total)


def risen(paid: Money, total: Money, language: str) -> str:
    """Less was paid than is now due."""
    return in_language(_RISEN, language, amount=paid, total=total)
