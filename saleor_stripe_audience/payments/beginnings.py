"""Making a transaction's PaymentIntent: whose it is, what it says, and what the storefront wished."""

from typing import Any

import structlog

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import client, customers, saved_methods
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import attempts, methods, ownership, stored_methods
from saleor_stripe_audience.payments.descriptions import decorations, person_of, receipt_of
from saleor_stripe_audience.payments.payloads import Session
from saleor_stripe_audience.payments.wishes import Wishes
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Json = dict[str, Any]


def begun(
    installation: Installation, account: StripeAccount, session: Session, wishes: Wishes, params: Json
) -> tuple[StripeAccount, Json]:
    """The account and the intent: made of `params`, the shopper's Customer, the wishes and a description.

    A description that Stripe refuses does not stop the payment, nor does the hold of a method that the account does not
    have. A Customer that was deleted at Stripe is replaced.
    """
    owned = _owned(account, session, wishes)
    # While the shopper is away no browser tells Stripe where it is sent.
    ships = wishes.shippingFromSaleor or wishes.offSession
    words = decorations(account, session.sourceObject, ships=ships)
    try:
        return _asked(installation, account, session, {**params, **owned, **words})
    except Rejected as error:
        if not client.is_refusal(error):
            raise  # whether Stripe made it is not known: only the same request may be repeated
        if _customer_is_gone(account, session, error):
            variant, owned = "renewed", _owned(account, session, wishes)
        elif client.refused_parameter(error).startswith("payment_method_options"):
            log.warning("payment begun with a hold of cards only", account=str(account.pk), code=error.code)
            variant, params = "cards", methods.card_options(params, wishes.paymentMethod)
        else:
            log.warning("payment begun without its description", account=str(account.pk), code=error.code)
            variant, words = "plain", {}
    return _asked(installation, account, session, {**params, **owned, **words}, variant)


def resumed(installation: Installation, transaction_id: str) -> tuple[StripeAccount, Json] | None:
    """The account and intent of an attempt whose outcome we did not see; None where nothing was attempted.

    Asked again under the same key, so that the payment is made once. What Stripe refuses ends the attempt.
    """
    attempt = attempts.attempt_of(installation, transaction_id)
    if attempt is None:
        return None
    try:
        return attempt.account, attempts.begin(attempt)
    except Rejected as error:
        if not client.is_refusal(error):
            raise
        return None


def charged_off_session(
    installation: Installation, account: StripeAccount, session: Session, intent: Json
) -> Json:
    """The stored method charged while the shopper is away: once, however often it is asked.

    After a decline, such as one for want of 3-D Secure, the shopper may pay the same intent at the shop.
    """
    if intent["status"] != "requires_confirmation":
        return intent
    key = ownership.stripe_key(installation, session.transaction.id, "off-session")
    return saved_methods.confirm_off_session(account, intent["id"], key)


def _asked(
    installation: Installation, account: StripeAccount, session: Session, params: Json, *variant: str
) -> tuple[StripeAccount, Json]:
    transaction = session.transaction.id
    key = ownership.stripe_key(installation, transaction, session.idempotencyKey, *variant)
    attempt = attempts.write_down(installation, account, transaction, key, params)
    return attempt.account, attempts.begin(attempt)


def _customer_is_gone(account: StripeAccount, session: Session, error: Rejected) -> bool:
    owner = session.sourceObject.user
    return owner is not None and error.code == customers.GONE and customers.forget_if_gone(account, owner.id)


def _owned(account: StripeAccount, session: Session, wishes: Wishes) -> Json:
    """The Customer, and what was wished of the method; nothing for a guest of whom nothing is known."""
    customer = _customer(account, session, wishes)
    if not customer:
        return {}
    told: Json = {"customer": customer}
    if wishes.setupFutureUsage:
        told["setup_future_usage"] = wishes.setupFutureUsage
    if wishes.storedPaymentMethodId:
        told["payment_method"] = wishes.method_id
    if wishes.offSession:
        # Nobody is there to be sent anywhere, and Stripe would ask for an address to come back to.
        told["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    return told


def _customer(account: StripeAccount, session: Session, wishes: Wishes) -> str:
    """The Customer with the billing name and address; empty where it cannot be had but is not needed."""
    owner, source = session.sourceObject.user, session.sourceObject
    person = person_of(source.billingAddress)
    if owner is None:
        return _guest(account, session, person) if "line1" in person.get("address", {}) else ""
    if wishes.storedPaymentMethodId:
        return stored_methods.check_owner(account, owner.id, wishes.method_id)
    try:
        return customers.ensure_customer(account, owner.id, owner.email, person)
    except Failure as error:
        if wishes.needs_customer:
            raise
        log.warning("payment begun without its customer", account=str(account.pk), code=error.code)
        return ""


def _guest(account: StripeAccount, session: Session, person: Json) -> str:
    key = ownership.stripe_key(account.installation, session.transaction.id, "guest")
    return customers.make_guest(account, key, receipt_of(session.sourceObject), person)
