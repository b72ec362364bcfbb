"""TRANSACTION_PROCESS_SESSION: the state of the PaymentIntent after the shopper tried to pay it."""

from typing import Any

import structlog
from django.db import DatabaseError

from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.payments import (
    amounts_due,
    attempts,
    order_matching,
    outcomes,
    ownership,
    records,
    responses,
)
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.payloads import Session
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)


def process(installation: Installation, session: Session) -> dict[str, Any]:
    """Return the response for the payment as it is now; an open payment never exceeds the amount due."""
    transaction, source = session.transaction, session.sourceObject
    payment = records.find(installation, transaction.id)
    if payment is not None:
        account, intent = payment.account, ownership.retrieve(payment)
    else:
        account, intent = attempts.resume(installation, transaction.id) or ownership.search(
            installation, transaction.id, transaction.pspReference
        )
    others = _payments(installation, session, intent)
    due = amounts_due.remaining_due(source, others, transaction.id) if others is not None else None
    intent, why_canceled = amounts_due.adjust(installation, account, intent, due, is_requested=True)
    records.save(account, intent)
    response = responses.for_payment(installation, intent, session, due, why_canceled)
    if outcomes.covers(response["result"]):
        order_matching.adjust_others(installation, source, transaction.id, others)
    return response


def _payments(installation: Installation, session: Session, intent: PaymentIntent) -> list[Payment] | None:
    """Return all payments of the checkout or order; None if they are not known.

    Once the shopper has paid, only a note depends on it, so a database failure does not hide the payment.
    """
    try:
        return amounts_due.payments_of(installation, session.sourceObject)
    except DatabaseError:
        if intent.is_payable:
            raise
        log.exception("payments not looked up", payment_intent=intent.id)
        return None
