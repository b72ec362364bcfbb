"""Our own rows of payments. A row is a copy: the truth is in Stripe."""

from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from saleor_stripe_audience.gateway import accounts
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.outcomes import LONGEST_MESSAGE, decline_of
from saleor_stripe_audience.shops.channels import on_rename
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.statements import (
    insert_once,
    savepoint_if_needed,
    select_rows,
    stored,
    turn_to_write,
)

log = structlog.get_logger(__name__)

# A payment only moves forward: nothing leaves "succeeded" or "canceled", and a hold only becomes one of these two.
# https://docs.stripe.com/payments/paymentintents/lifecycle
_PROGRESS = {"requires_capture": 1, "succeeded": 2, "canceled": 2}
_CHANGING = ("amount_minor", "status", "captured_minor", "refunded_minor", "decline_code", "decline_message")


def find(installation: Installation, transaction_id: str) -> Payment | None:
    """Return the row of a transaction's payment, with its account."""
    found = select_rows(
        Payment,
        "installation_id = %s AND transaction_id = %s",
        [stored(Payment, "installation", installation.pk), transaction_id],
    )
    return with_account(found[0]) if found else None


def with_account(payment: Payment) -> Payment:
    """Return the row with its account, as it was at most five seconds ago."""
    account = accounts.known_account(payment.account_id)
    if account is not None:
        payment.account = account
    return payment


def save(
    account: StripeAccount, intent: PaymentIntent, fetched_at: datetime | None = None, *, is_new: bool = False
) -> None:
    """Create the payment's row, or bring it up to date. If the database fails, the payment continues without it.

    `fetched_at` is when the intent was requested from Stripe, by default now: data older than the row changes nothing.
    `is_new` if there was no row a moment ago: this saves looking for one.
    """
    fetched_at = fetched_at or timezone.now()
    try:
        with savepoint_if_needed():
            if is_new and intent.transaction_id and _create(account, intent, fetched_at):
                return
            if _update_newer(account, intent, fetched_at):
                return
            with transaction.atomic():
                _save(account, intent, fetched_at)
    except DatabaseError:
        log.exception("payment not stored", payment_intent=intent.id)


def save_compared(account: StripeAccount, intent: PaymentIntent, fetched_at: datetime) -> None:
    """Do the same as `save`, but if nothing changed, only `fetched_at` is stored.

    With another `updated_at`, `reconcile` would compare the payment again at each run.
    """
    rows = Payment.objects.filter(account=account, payment_intent_id=intent.id, **changing_fields(intent))
    if not rows.filter(Q(fetched_at=None) | Q(fetched_at__lte=fetched_at)).update(fetched_at=fetched_at):
        save(account, intent, fetched_at)


def _save(account: StripeAccount, intent: PaymentIntent, fetched_at: datetime) -> None:
    rows = Payment.objects.select_for_update()
    payment = rows.filter(account=account, payment_intent_id=intent.id).first()
    if payment is not None:
        _update(payment, intent, fetched_at)
    elif not intent.transaction_id:
        log.error("PaymentIntent without a transaction not stored", payment_intent=intent.id)
    elif not _create(account, intent, fetched_at):
        same_intent = Q(account=account, payment_intent_id=intent.id)
        same_transaction = Q(installation_id=account.installation_id, transaction_id=intent.transaction_id)
        payment = rows.filter(same_intent | same_transaction).first()
        if payment is not None and payment.payment_intent_id == intent.id:
            _update(payment, intent, fetched_at)
        else:
            log.error("payment already has another PaymentIntent", payment_intent=intent.id)


@on_rename
def _follow_channel(installation: Installation, before: str, after: str) -> None:
    """Keep the payments with their renamed channel, by which they are filtered; at Stripe they keep its former slug."""
    Payment.objects.filter(installation=installation, channel_slug=before).update(channel_slug=after)


def _create(account: StripeAccount, intent: PaymentIntent, fetched_at: datetime) -> bool:
    """Whether the row was created; False if the intent, or its transaction, has one."""
    payment = Payment(
        installation_id=account.installation_id,
        account_id=account.pk,
        transaction_id=intent.transaction_id,
        payment_intent_id=intent.id,
        flow=intent.requested_flow,
        source_id=intent.metadata.get(names.SOURCE, ""),
        channel_slug=intent.metadata.get(names.CHANNEL, ""),
        currency=intent.currency,
        fetched_at=fetched_at,
        **changing_fields(intent),
    )
    return insert_once(payment)


_PROGRESS_BEFORE = (
    "CASE status WHEN 'requires_capture' THEN 1 WHEN 'succeeded' THEN 2 WHEN 'canceled' THEN 2 ELSE 0 END"
)
_UPDATE_NEWER = f"""
    UPDATE payments_payment SET amount_minor = %s, status = %s, captured_minor = %s, refunded_minor = %s,
      decline_code = %s, decline_message = %s, flow = COALESCE(NULLIF(%s, ''), flow), fetched_at = %s, updated_at = %s
    WHERE account_id = %s AND payment_intent_id = %s AND (
      ({_PROGRESS_BEFORE}, captured_minor) < (%s, %s)
      OR ({_PROGRESS_BEFORE}, captured_minor) = (%s, %s) AND (fetched_at IS NULL OR fetched_at <= %s))"""  # noqa: S608 - no values


def _update_newer(account: StripeAccount, intent: PaymentIntent, fetched_at: datetime) -> bool:
    """Whether there is a row, and it was brought up to date in this one statement: `_is_outdated` in SQL."""
    changes = changing_fields(intent)
    progress = (_PROGRESS.get(intent.status, 0), intent.amount_received)
    at = stored(Payment, "fetched_at", fetched_at)
    with turn_to_write(), connection.cursor() as cursor:
        cursor.execute(
            _UPDATE_NEWER,
            [
                *(changes[name] for name in _CHANGING),
                intent.metadata.get(names.FLOW, ""),
                at,
                stored(Payment, "updated_at", timezone.now()),
                stored(Payment, "account", account.pk),
                intent.id,
                *progress,
                *progress,
                at,
            ],
        )
        return bool(cursor.rowcount == 1)


def _update(payment: Payment, intent: PaymentIntent, fetched_at: datetime) -> None:
    """Events of one payment are handled in parallel: what was read earlier may be written later."""
    changes = changing_fields(intent)
    if _is_outdated(payment, changes, fetched_at):
        return
    changes |= {"flow": intent.metadata.get(names.FLOW) or payment.flow, "fetched_at": fetched_at}
    for name, value in changes.items():
        setattr(payment, name, value)
    payment.save(update_fields=[*changes, "updated_at"])


def _is_outdated(payment: Payment, changes: dict[str, Any], fetched_at: datetime) -> bool:
    """The payment's progress decides; if it is the same, the time of the request to Stripe does."""
    before = (_PROGRESS.get(payment.status, 0), payment.captured_minor)
    now = (_PROGRESS.get(changes["status"], 0), changes["captured_minor"])
    if before != now:
        return now < before
    return payment.fetched_at is not None and fetched_at < payment.fetched_at


def changing_fields(intent: PaymentIntent) -> dict[str, Any]:
    """Return the fields of `Payment` that change, as the intent has them now."""
    code, message = decline_of(intent) if intent.last_payment_error is not None else ("", "")
    return {
        "amount_minor": intent.amount,
        "status": intent.status,
        "captured_minor": intent.amount_received,
        "refunded_minor": intent.refunded_minor,
        "decline_code": code,
        "decline_message": message[:LONGEST_MESSAGE] if code else "",
    }
