"""TRANSACTION_PROCESS_SESSION: what became of the PaymentIntent since the shopper went to pay it."""

from typing import Any

from saleor_stripe_audience.payments import (
    amounts_due,
    attempts,
    order_matching,
    outcomes,
    ownership,
    records,
    responses,
)
from saleor_stripe_audience.payments.payloads import Session
from saleor_stripe_audience.shops.models import Installation


def process(installation: Installation, session: Session) -> dict[str, Any]:
    """Return the response for the payment as it is now; an open one asks for no more than is due."""
    transaction, source = session.transaction, session.sourceObject
    payment = records.find(installation, transaction.id)
    if payment is not None:
        account, intent = payment.account, ownership.retrieve(payment)
    else:
        account, intent = attempts.resume(installation, transaction.id) or ownership.search(
            installation, transaction.id, transaction.pspReference
        )
    due = amounts_due.remaining_due(installation, source, besides=transaction.id)
    intent, _ = amounts_due.adjust(installation, account, intent, due)
    records.save(account, intent)
    response = responses.for_payment(installation, intent, session, due)
    if outcomes.covers(response["result"]):
        order_matching.adjust_others(installation, source, transaction.id)
    return response
