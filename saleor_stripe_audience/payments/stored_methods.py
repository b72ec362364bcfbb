"""Ways to pay that a signed-in shopper keeps at Stripe: listed, added, let go. Only their owner sees or touches them.

Whose a method is, Stripe says: it is kept by the shopper's Customer of that account, or it is not theirs.
"""

from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import accounts, customers, platform, saved_methods
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import declines
from saleor_stripe_audience.payments.payloads import MethodDeletion, MethodProcess, ShopperAsks
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

UNKNOWN_METHOD = "unknown_method"
NOT_YOURS = "This payment method is not among those you have stored."
UNFINISHED = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


def listed(installation: Installation, asked: ShopperAsks) -> Json:
    """LIST_STORED_PAYMENT_METHODS: what the shopper keeps at the channel's account."""
    account = accounts.account_for(installation.pk, asked.channel.slug)
    customer = customers.customer_of(account, asked.user.id)
    methods = saved_methods.methods_of(account, customer) if customer else []
    return {"paymentMethods": [described(each) for each in methods]}


def deleted(installation: Installation, asked: MethodDeletion) -> Json:
    """STORED_PAYMENT_METHOD_DELETE_REQUESTED: the owner lets a method go."""
    account = accounts.account_for(installation.pk, asked.channel.slug)
    check_owner(account, asked.user.id, asked.paymentMethodId)
    saved_methods.detach_method(account, asked.paymentMethodId)
    return {"result": "SUCCESSFULLY_DELETED"}


def check_owner(account: StripeAccount, shopper: str, method_id: str) -> str:
    """The Customer that keeps the method; `Rejected` unless it is the shopper's own."""
    customer = customers.customer_of(account, shopper)
    if not customer or not method_id.startswith(("pm_", "src_", "card_")):
        raise Rejected(NOT_YOURS, code=UNKNOWN_METHOD)
    try:
        method = saved_methods.retrieve_method(account, method_id)
    except Rejected as error:
        raise _unknown(error) from error
    if method.get("customer") != customer:
        raise Rejected(NOT_YOURS, code=UNKNOWN_METHOD)
    return customer


def gateway_ready(installation: Installation, asked: ShopperAsks) -> Json:
    """PAYMENT_GATEWAY_INITIALIZE_TOKENIZATION_SESSION: what the storefront needs to show Stripe's form."""
    account = accounts.account_for(installation.pk, asked.channel.slug)
    return {"result": "SUCCESSFULLY_INITIALIZED", "data": platform.browser_config(account)}


def begun(installation: Installation, asked: ShopperAsks) -> Json:
    """PAYMENT_METHOD_INITIALIZE_TOKENIZATION_SESSION: a SetupIntent, which the shopper finishes in the browser."""
    account = accounts.account_for(installation.pk, asked.channel.slug)
    metadata = {customers.INSTALLATION: str(installation.pk), customers.SHOPPER: asked.user.id}
    intent = customers.with_customer(
        account,
        asked.user.id,
        asked.user.email,
        lambda customer: saved_methods.create_setup_intent(account, customer, metadata),
    )
    return answer_of(intent, asked.user.languageCode)


def processed(installation: Installation, asked: MethodProcess) -> Json:
    """PAYMENT_METHOD_PROCESS_TOKENIZATION_SESSION: what became of the SetupIntent since."""
    account = accounts.account_for(installation.pk, asked.channel.slug)
    customer = customers.customer_of(account, asked.user.id)
    if not customer or not asked.id.startswith("seti_"):
        raise Rejected(NOT_YOURS, code=UNKNOWN_METHOD)
    try:
        intent = saved_methods.retrieve_setup_intent(account, asked.id)
    except Rejected as error:
        raise _unknown(error) from error
    if intent.get("customer") != customer:
        raise Rejected(NOT_YOURS, code=UNKNOWN_METHOD)
    return answer_of(intent, asked.user.languageCode)


def answer_of(intent: Json, language: str) -> Json:
    """The table of SetupIntents. After a decline the shopper may try again with the same secret: it is no failure."""
    status = intent["status"]
    if status == "succeeded":
        return {"result": "SUCCESSFULLY_TOKENIZED", "id": intent["payment_method"]}
    if status == "processing":
        return {"result": "PENDING", "id": intent["id"]}
    if status not in UNFINISHED:
        return {"result": "FAILED_TO_TOKENIZE", "error": "Storing this payment method was called off."}
    told: Json = {"stripeClientSecret": intent["client_secret"]}
    if error := intent.get("last_setup_error"):
        code = str(error.get("decline_code") or error.get("code") or "")
        told["errors"] = [{"code": "StripeCardError", "message": declines.for_shopper(code, language)}]
    return {"result": "ADDITIONAL_ACTION_REQUIRED", "id": intent["id"], "data": {"setupIntent": told}}


def described(method: Json) -> Json:
    """A method as the host shows it: enough to recognise it by, and no more."""
    kind = str(method["type"])
    details = method.get(kind) or {}
    digits = str(details.get("last4") or "")
    name = str(details.get("brand") or details.get("bank_name") or kind).replace("_", " ")
    told: Json = {
        "id": method["id"],
        "type": kind,
        "name": f"{name[:1].upper()}{name[1:]} •••• {digits}" if digits else f"{name[:1].upper()}{name[1:]}",
        "supportedPaymentFlows": ["INTERACTIVE"],
    }
    if kind == "card":
        told["creditCardInfo"] = {
            "brand": str(details.get("brand") or "unknown"),
            "lastDigits": digits,
            "expMonth": details["exp_month"],
            "expYear": details["exp_year"],
        }
    return told


def _unknown(error: Rejected) -> Rejected:
    """What Stripe does not have is told in the words for what is another's: neither says which it is."""
    return Rejected(NOT_YOURS, code=UNKNOWN_METHOD) if error.code == customers.GONE else error
