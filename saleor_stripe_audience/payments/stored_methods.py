"""Payment methods that a signed-in shopper stores at Stripe. Only their owner sees or changes them.

Stripe determines who owns a method: it is the shopper's only if their Customer of that account stores it.
"""

from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import accounts, customers, failures, payment_methods, platform
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PAYABLE, PaymentMethod, SetupIntent
from saleor_stripe_audience.payments import declines
from saleor_stripe_audience.payments import shopper_messages as messages
from saleor_stripe_audience.payments.payloads import MethodDeletion, MethodProcess, ShopperRequest
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import in_language

Json = dict[str, Any]

UNKNOWN_METHOD = "unknown_method"
NOT_YOURS = "This payment method is not one of your saved ones."


def list_methods(installation: Installation, request: ShopperRequest) -> Json:
    """LIST_STORED_PAYMENT_METHODS: what the shopper stores at the channel's account."""
    account = accounts.account_for(installation.pk, *request.channel.named)
    customer = customers.customer_of(account, request.user.id)
    methods = payment_methods.list_for(account, customer) if customer else []
    return {"paymentMethods": [describe(each) for each in methods]}


def delete_method(installation: Installation, request: MethodDeletion) -> Json:
    """STORED_PAYMENT_METHOD_DELETE_REQUESTED: the owner deletes a method."""
    account = accounts.account_for(installation.pk, *request.channel.named)
    check_owner(account, request.user.id, request.paymentMethodId)
    payment_methods.detach(account, request.paymentMethodId)
    return {"result": "SUCCESSFULLY_DELETED"}


def check_owner(account: StripeAccount, shopper: str, method_id: str) -> str:
    """Return the Customer that stores the method; `Rejected` unless it is the shopper's own."""
    customer = customers.customer_of(account, shopper)
    if not customer or not method_id.startswith(("pm_", "src_", "card_")):
        raise Rejected(NOT_YOURS, code=UNKNOWN_METHOD)
    try:
        method = payment_methods.retrieve(account, method_id)
    except Rejected as error:
        raise _unknown(error) from error
    if method.customer != customer:
        raise Rejected(NOT_YOURS, code=UNKNOWN_METHOD)
    return customer


def initialize_form(installation: Installation, request: ShopperRequest) -> Json:
    """PAYMENT_GATEWAY_INITIALIZE_TOKENIZATION_SESSION: what the storefront needs to show Stripe's form."""
    account = accounts.account_for(installation.pk, *request.channel.named)
    return {"result": "SUCCESSFULLY_INITIALIZED", "data": platform.browser_config(account)}


def create_setup(installation: Installation, request: ShopperRequest) -> Json:
    """PAYMENT_METHOD_INITIALIZE_TOKENIZATION_SESSION: a SetupIntent, which the shopper finishes in the browser."""
    account = accounts.account_for(installation.pk, *request.channel.named)
    metadata = {names.INSTALLATION: str(installation.pk), names.SHOPPER: request.user.id}
    intent = customers.with_customer(
        account,
        request.user.id,
        request.user.email,
        lambda customer: payment_methods.create_setup_intent(account, customer, metadata),
    )
    return response_for(intent, request.user.languageCode)


def process_setup(installation: Installation, request: MethodProcess) -> Json:
    """PAYMENT_METHOD_PROCESS_TOKENIZATION_SESSION: the current state of the SetupIntent."""
    account = accounts.account_for(installation.pk, *request.channel.named)
    customer = customers.customer_of(account, request.user.id)
    if not customer or not request.id.startswith("seti_"):
        raise Rejected(NOT_YOURS, code=UNKNOWN_METHOD)
    try:
        intent = payment_methods.retrieve_setup_intent(account, request.id)
    except Rejected as error:
        raise _unknown(error) from error
    if intent.customer != customer:
        raise Rejected(NOT_YOURS, code=UNKNOWN_METHOD)
    return response_for(intent, request.user.languageCode)


def _unknown(error: Rejected) -> Rejected:
    """A method that Stripe does not have gets the same message as another shopper's, so that nobody can tell which it
    is.
    """
    return Rejected(NOT_YOURS, code=UNKNOWN_METHOD) if error.code == failures.MISSING else error


def response_for(intent: SetupIntent, language: str) -> Json:
    """The table of SetupIntents. After a decline the shopper may try again with the same secret: it is no failure."""
    if intent.status == "succeeded":
        return {"result": "SUCCESSFULLY_TOKENIZED", "id": intent.payment_method}
    if intent.status == "processing":
        return {"result": "PENDING", "id": intent.id}
    if intent.status not in PAYABLE:
        return {"result": "FAILED_TO_TOKENIZE", "error": in_language(messages.SETUP_CANCELED, language)}
    data: Json = {"stripeClientSecret": intent.client_secret}
    if intent.last_setup_error is not None:
        message = declines.for_shopper(intent.last_setup_error.reason, language)
        data["errors"] = [{"code": "StripeCardError", "message": message}]
    return {"result": "ADDITIONAL_ACTION_REQUIRED", "id": intent.id, "data": {"setupIntent": data}}


def describe(method: PaymentMethod) -> Json:
    """Return a method as Saleor shows it: just enough to recognize it."""
    details = method.details
    name = (details.brand or details.bank_name or method.type).replace("_", " ")
    name = f"{name[:1].upper()}{name[1:]}"
    described: Json = {
        "id": method.id,
        "type": method.type,
        "name": f"{name} •••• {details.last4}" if details.last4 else name,
        "supportedPaymentFlows": ["INTERACTIVE"],
    }
    if method.type == "card":
        described["creditCardInfo"] = {
            "brand": details.brand or "unknown",
            "lastDigits": details.last4,
            "expMonth": details.exp_month,
            "expYear": details.exp_year,
        }
    return described
