"""Whose a PaymentIntent is: its metadata says so, our rows only remember."""

import hashlib
import uuid
from typing import Any

import structlog
from django.db import DatabaseError

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import accounts, client
from saleor_stripe_audience.gateway.intents import CHANNEL, FLOW, INSTALLATION, SOURCE, TRANSACTION
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import methods
from saleor_stripe_audience.payments.models import Attempt, Payment
from saleor_stripe_audience.payments.outcomes import CHARGE, decline_of, refunded_minor
from saleor_stripe_audience.saleor.models import Installation

log = structlog.get_logger(__name__)

__all__ = ["CHANNEL", "FLOW", "INSTALLATION", "SOURCE", "TRANSACTION"]  # its callers know them by this module

Json = dict[str, Any]

TOTAL = "saleor_total"  # what the checkout or order cost when the payment began or was changed last

ORDER_NUMBER = "saleor_order_number"

UNKNOWN_PAYMENT = "unknown_payment"  # none of the shop's accounts holds it: nothing can come of it
ENDED = "payment_ended"  # its PaymentIntent was cancelled: nothing can come of it any more
LONGEST_KEY = 255  # characters, Stripe's limit; the host allows storefronts longer ones


def stripe_key(installation: Installation, *parts: str) -> str:
    """Stripe's idempotency key for one effect of the shop. One too long, or unfit for a header, is told by its hash."""
    key = ":".join((str(installation.pk), *parts))
    if len(key) <= LONGEST_KEY and key.isascii() and key.isprintable():
        return key
    return f"{installation.pk}:{hashlib.sha256(key.encode()).hexdigest()}"


def is_ours(intent: Json, installation_id: uuid.UUID, transaction_id: str | None = None) -> bool:
    """Whether the intent was made by this app for that shop (and transaction)."""
    metadata = intent.get("metadata") or {}
    same_shop = metadata.get(INSTALLATION) == str(installation_id)
    return same_shop and transaction_id in (None, metadata.get(TRANSACTION))


def asked_flow(intent: Json) -> str:
    """CHARGE or AUTHORIZATION, as it was asked for."""
    return str((intent.get("metadata") or {}).get(FLOW) or CHARGE)


def flow_of(intent: Json) -> str:
    """CHARGE or AUTHORIZATION, as it is: what was to be held and cannot be is charged at once."""
    return asked_flow(intent) if methods.could_be_held(intent) else CHARGE


def payment_of(installation: Installation, transaction_id: str) -> Payment | None:
    """What we remember of a transaction's payment."""
    remembered = Payment.objects.select_related("account")
    return remembered.filter(installation=installation, transaction_id=transaction_id).first()


def may_exist(installation: Installation, transaction_id: str) -> bool:
    """Whether Stripe has, or may have made, a payment of the transaction, as far as we remember.

    A database that cannot be asked leaves it open, which is a yes.
    """
    try:
        rows = (model.objects.filter(installation=installation) for model in (Payment, Attempt))
        return any(each.filter(transaction_id=transaction_id).exists() for each in rows)
    except DatabaseError:
        log.exception("payment not looked up", transaction=transaction_id)
        return True


def current_intent(
    installation: Installation, transaction_id: str, psp_reference: str
) -> tuple[StripeAccount, Json]:
    """The transaction's account and intent as they are now; on a miss in our rows the shop's accounts are asked."""
    payment = payment_of(installation, transaction_id)
    if payment is not None:
        return payment.account, client.retrieve_payment_intent(
            payment.account, payment.payment_intent_id
        ).to_dict()
    return _searched(installation, transaction_id, psp_reference)


def _searched(
    installation: Installation, transaction_id: str, psp_reference: str
) -> tuple[StripeAccount, Json]:
    """The intent at whichever account of the shop holds it; one that cannot be asked leaves the question open."""
    unasked: Failure | None = None
    for account in accounts.accounts_of(installation.pk) if psp_reference.startswith("pi_") else []:
        try:
            intent = client.retrieve_payment_intent(account, psp_reference).to_dict()
        except Rejected as error:
            unasked = unasked if error.code == "resource_missing" else error
            continue
        if is_ours(intent, installation.pk, transaction_id):
            remember(installation, account, intent, idempotency_key="")
            return account, intent
    raise unasked or Rejected(
        "This payment is not known to any of the shop's Stripe accounts.", code=UNKNOWN_PAYMENT
    )


def remember(installation: Installation, account: StripeAccount, intent: Json, idempotency_key: str) -> None:
    """One row for the payment. If it cannot be written the payment goes on: Stripe's metadata says whose it is."""
    metadata = intent["metadata"]
    try:
        Payment.objects.update_or_create(
            installation=installation,
            transaction_id=metadata[TRANSACTION],
            defaults=facts_of(intent),
            create_defaults={
                **facts_of(intent),
                "account": account,
                "idempotency_key": idempotency_key,
                "payment_intent_id": intent["id"],
                "flow": metadata[FLOW],
                "source_id": metadata[SOURCE],
                "channel_slug": metadata.get(CHANNEL, ""),
                "currency": intent["currency"].upper(),
            },
        )
    except DatabaseError:
        log.exception("payment not remembered", payment_intent=intent["id"])


def facts_of(intent: Json) -> Json:
    """The changing fields of Payment, read off the intent as it is now."""
    code, message = decline_of(intent)
    return {
        "amount_minor": intent["amount"],
        "status": intent["status"],
        "captured_minor": intent.get("amount_received") or 0,
        "refunded_minor": refunded_minor(intent),
        "decline_code": code,
        "decline_message": message[:512] if code else "",
    }
