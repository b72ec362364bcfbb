"""What staff see in a payment's history and among the problems.

Saleor does not tell apps its staff's language, so messages there are in `STAFF_LANGUAGE`, for the whole installation of
the app. On the app's own page, problems are in the reader's language.
"""

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import failures
from saleor_stripe_audience.gateway.objects import Dispute, Refund
from saleor_stripe_audience.wording import with_values

REFUND_FAILED = pgettext_lazy("staff", "The refund did not arrive ({reason}); the money stayed with you.")
REFUNDED_AT_STRIPE = pgettext_lazy("staff", "From Stripe: {reason}.")
# https://docs.stripe.com/api/refunds/object#refund_object-reason
REFUND_REASONS = {
    "duplicate": pgettext_lazy("staff", "paid twice"),
    "fraudulent": pgettext_lazy("staff", "fraudulent"),
    "requested_by_customer": pgettext_lazy("staff", "requested by the customer"),
    "expired_uncaptured_charge": pgettext_lazy("staff", "the hold expired"),
}
# https://docs.stripe.com/api/refunds/object#refund_object-failure_reason, and the statuses of refunds without one
REFUND_FAILURES = {
    "canceled": pgettext_lazy("staff", "it was cancelled"),
    "charge_for_pending_refund_disputed": pgettext_lazy("staff", "the customer disputed the payment"),
    "declined": pgettext_lazy("staff", "the customer's bank declined it"),
    "expired_or_canceled_card": pgettext_lazy("staff", "the card expired or was cancelled"),
    "failed": pgettext_lazy("staff", "no reason given"),
    "insufficient_funds": pgettext_lazy("staff", "insufficient funds"),
    "lost_or_stolen_card": pgettext_lazy("staff", "the card is reported as lost or stolen"),
    "merchant_request": pgettext_lazy("staff", "requested by you"),
    "unknown": pgettext_lazy("staff", "no reason given"),
}

GONE = pgettext_lazy(
    "staff",
    "Stripe charged {amount} for a checkout that no longer exists in Saleor, so there is no "
    "order for it. Refund the payment, or create the order yourself: {url}",
)
UNFINISHED = pgettext_lazy(
    "staff",
    "Stripe charged {amount}, but the checkout did not become an order: the customer left before the last step, "
    "or Saleor refused it, for example because an item is out of stock. Complete it with the customer, or refund "
    "the payment: {url}",
)
GONE_HELD = pgettext_lazy(
    "staff",
    "Stripe holds an authorization of {amount} for a checkout that no longer exists in Saleor, so there is no "
    "order for it. Release it, or create the order yourself: {url}",
)
UNFINISHED_HELD = pgettext_lazy(
    "staff",
    "Stripe holds an authorization of {amount}, but the checkout did not become an order: the customer left "
    "before the last step, or Saleor refused it, for example because an item is out of stock. Complete it with "
    "the customer, or release the authorization: {url}",
)
GONE_UNDECIDED = pgettext_lazy(
    "staff",
    "Stripe has payments of {amount} for a checkout that no longer exists in Saleor, so there is no order for it; "
    "not all of it has been charged. Refund or release it, or create the order yourself: {url}",
)
UNFINISHED_UNDECIDED = pgettext_lazy(
    "staff",
    "Stripe has payments of {amount}, but the checkout did not become an order: the customer left before the "
    "last step, or Saleor refused it, for example because an item is out of stock. Not all of it has been "
    "charged. Complete it with the customer, or refund or release it: {url}",
)
HELD_FOR_NOTHING = pgettext_lazy(
    "staff",
    "Order {number} was cancelled, but Stripe still holds an authorization of {amount} for it. Release it: {url}",
)
PENDING_FOR_NOTHING = pgettext_lazy(
    "staff",
    "Order {number} was cancelled or has expired, but a payment of {amount} for it is still on its way and cannot be "
    "stopped. Refund it when it has arrived: {url}",
)
CHARGED_FOR_NOTHING = pgettext_lazy(
    "staff", "Order {number} was cancelled or has expired, but {amount} was charged for it. Refund it: {url}"
)
REVIVED = pgettext_lazy(
    "staff",
    "Order {number} was cancelled or had expired before {amount} arrived, and Saleor shows it as unfulfilled again. "
    "Refund the payment, or fulfill the order: {url}",
)
EXPIRED = pgettext_lazy("staff", "The authorization expired before it was captured.")
UNCOVERED = pgettext_lazy(
    "staff",
    "The authorization of {amount} for order {number} expired before it was captured, so the order is not paid. Ask "
    "the customer to pay again, or cancel the order: {url}",
)
PARTLY_COVERED = pgettext_lazy(
    "staff",
    "The authorization of the last {amount} for order {number} expired before it was captured, so only a part of the "
    "order is paid. Ask the customer to pay the rest, or change the order: {url}",
)
UNPAID = pgettext_lazy(
    "staff",
    "The payment of {amount} for order {number} failed after the order had been placed, so the order is not paid. "
    "{reason} Ask the customer to pay again, or cancel the order: {url}",
)
TOO_MUCH = pgettext_lazy(
    "staff",
    "{what} was overpaid by {surplus}. Refund or release the excess amount; the last payment is {url}",
)
CHECKOUT = pgettext_lazy("staff", "A checkout")
ORDER = pgettext_lazy("staff", "Order {number}")
# https://docs.stripe.com/payments/customer-balance/refunding: "Refund a customer's available cash balance"
LEFT_OF_ORDER = pgettext_lazy(
    "staff",
    "Stripe keeps {amount} that the customer of order {number} sent by bank transfer and that paid for nothing: too "
    "much arrived, it arrived too late, or the payment was cancelled before all of it had arrived. Send it back on the "
    "customer's page in Stripe, or use it for a payment that is still waiting for a transfer: {customer} (the "
    "payment: {url})",
)
LEFT_OF_CHECKOUT = pgettext_lazy(
    "staff",
    "Stripe keeps {amount} that a customer sent by bank transfer for a checkout without an order, and that paid for "
    "nothing: too much arrived, it arrived too late, or the payment was cancelled before all of it had arrived. Send "
    "it back on the customer's page in Stripe, or use it for a payment that is still waiting for a transfer: "
    "{customer} (the payment: {url})",
)
TRANSFER_IN_PART = pgettext_lazy("staff", "{arrived} of {amount} has arrived by bank transfer.")
TRANSFER_OVER = pgettext_lazy(
    "staff", "The payment is complete; it is no longer waiting for a bank transfer."
)
TRANSFER_RETURNED = pgettext_lazy(
    "staff",
    "The payment was cancelled before all of the bank transfer had arrived. Stripe has put the part that had arrived "
    "into the customer's cash balance.",
)
TRANSFER_NOT_RETURNED = pgettext_lazy(
    "staff",
    "Stripe could not send {money} of a bank transfer back to the customer, and has moved it to your Stripe balance. "
    "Pay the customer in another way, and mark this as resolved.",
)
NO_WAY_TO_PAY = pgettext_lazy(
    "staff",
    "No one can pay in the channel “{channel}” with {currency}: enable a payment method for it in Stripe, under "
    "Settings, Payment methods.",
)

INQUIRY = pgettext_lazy(
    "staff",
    "The customer's bank is inquiring about this payment of {money} (inquiry: {reason}). No "
    "money has moved. Respond in Stripe {day}, or refund the payment: an inquiry without a "
    "response becomes a lost dispute.",
)
DISPUTE = pgettext_lazy(
    "staff",
    "The customer disputes {money} ({reason}). Respond in Stripe {day}: without a response, "
    "you lose the dispute and the money.",
)
# https://docs.stripe.com/api/disputes/object#dispute_object-reason
DISPUTE_REASONS = {
    "bank_cannot_process": pgettext_lazy("staff", "the bank cannot process it"),
    "check_returned": pgettext_lazy("staff", "the check was returned"),
    "credit_not_processed": pgettext_lazy("staff", "a refund did not arrive"),
    "customer_initiated": pgettext_lazy("staff", "started by the customer"),
    "debit_not_authorized": pgettext_lazy("staff", "the debit was not authorized"),
    "duplicate": pgettext_lazy("staff", "paid twice"),
    "fraudulent": pgettext_lazy("staff", "fraudulent"),
    "general": pgettext_lazy("staff", "no reason given"),
    "incorrect_account_details": pgettext_lazy("staff", "incorrect account details"),
    "insufficient_funds": pgettext_lazy("staff", "insufficient funds"),
    "noncompliant": pgettext_lazy("staff", "against the card network's rules"),
    "product_not_received": pgettext_lazy("staff", "the product was not received"),
    "product_unacceptable": pgettext_lazy("staff", "the product was not acceptable"),
    "subscription_canceled": pgettext_lazy("staff", "the subscription had been canceled"),
    "unrecognized": pgettext_lazy("staff", "the customer does not recognize the payment"),
}
DISPUTED = pgettext_lazy("staff", "Disputed: {reason}.")
DISPUTE_PARTLY_RETURNED = pgettext_lazy("staff", "A part of the disputed amount was returned.")
DISPUTE_WON = pgettext_lazy("staff", "The dispute was won.")
BY_DAY = pgettext_lazy("staff", "by {day}")
SOON = pgettext_lazy("staff", "soon")
DISPUTE_STATES = {
    "under_review": pgettext_lazy(
        "staff",
        "The bank is reviewing your response to the dispute over {money}. There is nothing to do now.",
    ),
    "warning_under_review": pgettext_lazy(
        "staff",
        "The bank is reviewing your response to its inquiry about {money}. There is nothing to do now.",
    ),
    "won": pgettext_lazy("staff", "The dispute over {money} was won: the money is yours."),
    "lost": pgettext_lazy("staff", "The dispute over {money} was lost: the money stays with the customer."),
    "warning_closed": pgettext_lazy(
        "staff", "The bank's inquiry about {money} was closed without a dispute."
    ),
    "prevented": pgettext_lazy("staff", "The dispute over {money} was prevented."),
}
DISPUTE_CHANGED = pgettext_lazy("staff", "The dispute over {money} changed in Stripe.")
REFUND_WAITS = pgettext_lazy(
    "staff",
    "The refund of {money} is waiting because the balance of your Stripe account does not "
    "cover it. Top up the balance in Stripe; the refund is then paid out automatically. "
    "Stripe gives up after some time.",
)
REFUND_WAITS_NO_MORE = pgettext_lazy(
    "staff", "The refund of {money} is no longer waiting for the balance of your Stripe account."
)
REFUND_DID_NOT_ARRIVE = pgettext_lazy(
    "staff",
    "The refund of {money} did not reach the customer ({reason}); the money is back in Stripe. "
    "Refund it again, or pay the customer in another way and mark this as resolved.",
)
REFUND_REPEATED = pgettext_lazy("staff", "The refund of {money} that had failed was made again.")
REFUND_MARKED_RESOLVED = pgettext_lazy("staff", "A member of staff marked the failed refund as resolved.")
REVIEW = pgettext_lazy(
    "staff",
    "This payment is under review in Stripe Radar ({why}). The card was charged; check the "
    "payment in Stripe, and approve or refund it before you send the goods.",
)
REVIEW_REASONS = {
    "rule": pgettext_lazy("staff", "requested by one of your rules"),
    "manual": pgettext_lazy("staff", "requested by your team"),
}
REVIEW_ASKED_BY_RADAR = pgettext_lazy("staff", "requested by Stripe")
REVIEW_ENDS = {
    "approved": pgettext_lazy(
        "staff", "The review of this payment was closed: it was approved. The goods can be sent."
    ),
    "refunded": pgettext_lazy("staff", "The review of this payment was closed: it was refunded."),
    "refunded_as_fraud": pgettext_lazy(
        "staff", "The review of this payment was closed: it was refunded as fraud. Do not send the goods."
    ),
    "disputed": pgettext_lazy(
        "staff", "The review of this payment was closed: the customer disputes it. Do not send the goods."
    ),
    "canceled": pgettext_lazy("staff", "The review of this payment was closed: the payment was cancelled."),
}
REVIEW_CLOSED = pgettext_lazy("staff", "The review of this payment was closed.")
FRAUD_WARNING = pgettext_lazy(
    "staff",
    "Early fraud warning: the card's bank reports this payment of {money} as fraud ({kind}). A dispute is likely. If "
    "you do not know the customer, do not send the goods, and refund the payment in full now: that prevents the "
    "dispute.",
)
# https://docs.stripe.com/api/radar/early_fraud_warnings/object#early_fraud_warning_object-fraud_type
FRAUD_KINDS = {
    "card_never_received": pgettext_lazy("staff", "the cardholder never received the card"),
    "fraudulent_card_application": pgettext_lazy("staff", "the card was applied for fraudulently"),
    "made_with_counterfeit_card": pgettext_lazy("staff", "made with a counterfeit card"),
    "made_with_lost_card": pgettext_lazy("staff", "made with a lost card"),
    "made_with_stolen_card": pgettext_lazy("staff", "made with a stolen card"),
    "misc": pgettext_lazy("staff", "no details given"),
    "unauthorized_use_of_card": pgettext_lazy("staff", "unauthorized use of the card"),
}
FRAUD_WARNING_OVER = pgettext_lazy(
    "staff", "The early fraud warning for this payment is settled: it was refunded or disputed."
)
PAYMENT_AT_STRIPE = pgettext_lazy("staff", "The payment in Stripe: {url}")

NO_ACCOUNT = pgettext_lazy(
    "staff",
    "No Stripe account accepts payments for {channels}. Choose one under Channels, on the app's page in Saleor's "
    "Dashboard.",
)
CHANNEL_PAUSED = pgettext_lazy(
    "staff",
    "Payments are paused in {channels}: no one can pay there. Accept payments again under Channels, on the app's page "
    "in Saleor's Dashboard.",
)
TERMS = pgettext_lazy(
    "staff",
    "No one can pay in {channels} until the terms are accepted. Read and accept them under Setup, on the app's page "
    "in Saleor's Dashboard.",
)
TEST_ONLY = pgettext_lazy(
    "staff",
    "The shop accepts live payments, but only test payments in {channels}. Choose a live account there under "
    "Channels, on the app's page in Saleor's Dashboard.",
)
ACCOUNT_NOT_READY = pgettext_lazy(
    "staff",
    "The Stripe account “{account}” does not accept payments: Stripe needs more information, "
    "or has rejected it. See the details on the app's page in Saleor's Dashboard.",
)
ACCOUNT_MAY_NOT_CHARGE = pgettext_lazy(
    "staff",
    "Stripe does not currently allow the account “{account}” to accept payments. Open "
    "Stripe's Dashboard: it shows which documents or details Stripe needs.",
)
ACCOUNT_NOT_SERVED = pgettext_lazy(
    "staff",
    "Stripe rejects the app's key for the account “{account}”. Paste new keys on the app's "
    "page in Saleor's Dashboard; everything that is waiting then continues.",
)
FOREIGN = pgettext_lazy(
    "staff",
    "The payment {payment} in the Stripe account “{account}” names a transaction of the shop that it does not belong "
    "to, or its currency or mode is another. It is not booked in Saleor. Someone may have copied the metadata of "
    "another payment. Look at it in Stripe: refund or cancel it if no one ordered anything with it.",
)

KEY_REFUSED = pgettext_lazy(
    "staff", "Stripe refused the key of account “{account}”. Paste a new restricted key on the app's page."
)
PLATFORM_KEY_REFUSED = pgettext_lazy(
    "staff",
    "Stripe refused the platform key with which the app acts for “{account}”. Ask the operator of the app for a new "
    "one.",
)
NO_ACCESS = pgettext_lazy(
    "staff", "Stripe no longer lets the app act for “{account}”. Connect the account again on the app's page."
)
PERMISSION_MISSING = pgettext_lazy(
    "staff",
    "The key of account “{account}” is missing a permission: {why}. Grant it in Stripe, or paste another key that has "
    "it.",
)
SECRET_KEY_CHANGED = pgettext_lazy(
    "staff",
    "A stored secret of “{account}” cannot be decrypted, because the app runs with a "
    "different SECRET_KEY. Ask the operator of the app to restore the previous one.",
)
OTHER_MODE = pgettext_lazy(
    "staff",
    "“{account}” was connected in a different mode (live or test) from the one in which the "
    "app now runs Stripe Connect. Connect an account in the current mode, or ask the operator "
    "of the app.",
)
NOT_CONNECTED = pgettext_lazy(
    "staff", "“{account}” is not connected at Stripe. Connect it on the app's page."
)
NO_PLATFORM = pgettext_lazy(
    "staff",
    "The operator of the app no longer offers Stripe Connect, through which “{account}” was connected. Paste the "
    "account's keys on the app's page instead.",
)
ENDPOINT_CHANGED = pgettext_lazy(
    "staff",
    "The webhook endpoint of “{account}” at Stripe was changed or disabled. Paste the account's keys again on the "
    "app's page to fix it.",
)
ENDPOINT_REFUSED = pgettext_lazy(
    "staff", "Stripe refuses the webhook endpoint of “{account}”, so it cannot report payments: {why}"
)


_CAUSES = {
    failures.NO_ACCESS: NO_ACCESS,
    "secret_key_changed": SECRET_KEY_CHANGED,
    "mode": OTHER_MODE,
    "not_connected": NOT_CONNECTED,
    "no_platform": NO_PLATFORM,
}


def refund_failure(refund: Refund) -> Promise | str:
    """Why a refund failed, as staff read it."""
    code = refund.failure_reason or refund.status
    return REFUND_FAILURES.get(code, code.replace("_", " "))


def dispute_reason(dispute: Dispute) -> Promise | str:
    """Why the customer disputes the payment, as staff read it."""
    code = dispute.reason or "general"
    return DISPUTE_REASONS.get(code, code.replace("_", " "))


def key_problem(failure: Failure, account_name: str, *, is_hosted: bool) -> Promise:
    """Why Stripe does not serve an account, as staff read it."""
    if (cause := _CAUSES.get(failure.code)) is not None:
        return with_values(cause, account=account_name)
    if failure.code == failures.MISSING_PERMISSION:
        return with_values(PERMISSION_MISSING, account=account_name, why=failure.values["why"])
    return with_values(PLATFORM_KEY_REFUSED if is_hosted else KEY_REFUSED, account=account_name)


def endpoint_problem(failure: Failure, account_name: str) -> Promise:
    """What is wrong with Stripe's endpoint of an account, as staff read it."""
    if failure.code == failures.ENDPOINT:
        return with_values(ENDPOINT_CHANGED, account=account_name)
    return with_values(ENDPOINT_REFUSED, account=account_name, why=failure.message)
