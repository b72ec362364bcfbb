"""Our own rows of payments. A row is a memory, not the truth: that is in Stripe."""

from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.outcomes import LONGEST_MESSAGE, decline_of
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

# A payment only moves up: nothing leaves "succeeded" or "canceled", and a hold only becomes one of these two.
# https://docs.stripe.com/payments/paymentintents/lifecycle
_PROGRESS = {"requires_capture": 1, "succeeded": 2, "canceled": 2}


def find(installation: Installation, transaction_id: str) -> Payment | None:
    """Return the row of a transaction's payment, with its account."""
    rows = Payment.objects.select_related("account")
    return rows.filter(installation=installation, transaction_id=transaction_id).first()


def save(
    account: StripeAccount, intent: PaymentIntent, asked_at: datetime | None = None, *, is_new: bool = False
) -> None:
    """Create the payment's row, or bring it up to date. If the database fails, the payment continues without it.

    `asked_at` is when Stripe was asked for the intent, by default now: what is older than the row changes nothing.
    `is_new` if there was no row a moment ago: this saves looking for one.
    """
    asked_at = asked_at or timezone.now()
    try:
        with transaction.atomic():
            if is_new and intent.transaction_id and _create(account, intent, asked_at):
                return
            _save(account, intent, asked_at)
    except DatabaseError:
        log.exception("payment not stored", payment_intent=intent.id)


def _save(account: StripeAccount, intent: PaymentIntent, asked_at: datetime) -> None:
    rows = Payment.objects.select_for_update()
    payment = rows.filter(account=account, payment_intent_id=intent.id).first()
    if payment is not None:
        _update(payment, intent, asked_at)
    elif not intent.transaction_id:
        log.error("an intent that names no transaction is not stored", payment_intent=intent.id)
    elif not _create(account, intent, asked_at):
        same_intent = Q(account=account, payment_intent_id=intent.id)
        same_transaction = Q(installation_id=account.installation_id, transaction_id=intent.transaction_id)
        payment = rows.filter(same_intent | same_transaction).first()
        if payment is not None and payment.payment_intent_id == intent.id:
            _update(payment, intent, asked_at)
        else:
            log.error("another intent of a payment that is known", payment_intent=intent.id)


def _create(account: StripeAccount, intent: PaymentIntent, asked_at: datetime) -> bool:
    """Whether the row was created; False if the intent, or its transaction, has one."""
    try:
        with transaction.atomic():
            Payment.objects.create(
                installation_id=account.installation_id,
                account=account,
                transaction_id=intent.transaction_id,
                payment_intent_id=intent.id,
                flow=intent.requested_flow,
                source_id=intent.metadata.get(names.SOURCE, ""),
                channel_slug=intent.metadata.get(names.CHANNEL, ""),
                currency=intent.currency,
                asked_at=asked_at,
                **changing_fields(intent),
            )
    except IntegrityError:
        return False
    return True


def _update(payment: Payment, intent: PaymentIntent, asked_at: datetime) -> None:
    """Events of one payment are handled in parallel: what was read earlier may be written later."""
    changes = changing_fields(intent)
    if _is_outdated(payment, changes, asked_at):
        return
    changes |= {"flow": intent.metadata.get(names.FLOW) or payment.flow, "asked_at": asked_at}
    for name, value in changes.items():
        setattr(payment, name, value)
    payment.save(update_fields=[*changes, "updated_at"])


def _is_outdated(payment: Payment, changes: dict[str, Any], asked_at: datetime) -> bool:
    """The progress of the payment decides; where that is the same, when Stripe was asked."""
    before = (_PROGRESS.get(payment.status, 0), payment.captured_minor)
    now = (_PROGRESS.get(changes["status"], 0), changes["captured_minor"])
    if before != now:
        return now < before
    return payment.asked_at is not None and asked_at < payment.asked_at


def changing_fields(intent: PaymentIntent) -> dict[str, Any]:
    """Return the fields of `Payment` that change, as the intent has them now."""
    code, message = decline_of(intent)
    return {
        "amount_minor": intent.amount,
        "status": intent.status,
        "captured_minor": intent.amount_received,
        "refunded_minor": intent.refunded_minor,
        "decline_code": code,
        "decline_message": message[:LONGEST_MESSAGE] if code else "",
    }
