"""Whose a PaymentIntent is.

Our own row says so: which intent, at which account, in which currency. Its metadata can be edited by anybody with
access to the Stripe account, so it is believed only where the row is lost and something else confirms it.
"""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import accounts, client
from saleor_stripe_audience.gateway.intents import (
    CHANNEL,
    FLOW,
    INSTALLATION,
    SOURCE,
    TRANSACTION,
    remembers_sources,
)
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import methods
from saleor_stripe_audience.payments.models import Attempt, Payment
from saleor_stripe_audience.payments.outcomes import CHARGE, decline_of, refunded_minor
from saleor_stripe_audience.saleor.client import fetch_transaction_events
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

__all__ = ["CHANNEL", "FLOW", "INSTALLATION", "SOURCE", "TRANSACTION"]  # its callers know them by this module

Json = dict[str, Any]

TOTAL = "saleor_total"  # what the checkout or order cost when the amount was set last
LACKING = "saleor_lacking"  # what of that no other payment covered then

ORDER_NUMBER = "saleor_order_number"
PROOF = "saleor_proof"  # what only this app can have written on an intent of the transaction

UNKNOWN_PAYMENT = "unknown_payment"  # none of the shop's accounts holds it: nothing can come of it
ENDED = "payment_ended"  # its PaymentIntent was cancelled: nothing can come of it any more
FOREIGN = "foreign_payment"  # it names a transaction of the shop, and is not that transaction's payment
NOT_OURS = frozenset({UNKNOWN_PAYMENT, FOREIGN})
CLOCK_SKEW = timedelta(minutes=5)  # Stripe's clock and ours
# A payment only moves up: nothing leaves "succeeded" or "canceled", and a hold only becomes one of these two.
# https://docs.stripe.com/payments/paymentintents/lifecycle
_PROGRESS = {"requires_capture": 1, "succeeded": 2, "canceled": 2}
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


def proofs_of(installation_id: uuid.UUID, account_id: uuid.UUID, transaction_id: str) -> list[str]:
    """The proof of a transaction's payment at an account, the same however often it begins; by earlier secrets too."""
    whose = f"{installation_id}:{account_id}:{transaction_id}"
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    made = (salted_hmac("payments.proof", whose, secret=each, algorithm="sha256") for each in secrets)
    return [each.hexdigest()[:32] for each in made]


def is_of_attempt(attempt: Attempt, intent: Json) -> bool:
    """Whether the intent is what the attempt asked for, whose row we do not have.

    Anybody with access to the Stripe account can make an intent that names the transaction; nobody else knows the proof
    before there is an intent with it.
    """
    account = attempt.account
    if not is_ours(intent, attempt.installation_id, attempt.transaction_id) or not _is_proven(
        attempt, intent
    ):
        return False
    if intent["livemode"] != account.livemode or intent["currency"] != attempt.params["currency"]:
        return False
    others = Payment.objects.filter(account=account, payment_intent_id=intent["id"])
    return not others.exclude(transaction_id=attempt.transaction_id).exists()


def _is_proven(attempt: Attempt, intent: Json) -> bool:
    asked = attempt.params["metadata"].get(PROOF)
    if asked is None:  # written down by an earlier version
        return True
    told = (intent.get("metadata") or {}).get(PROOF)
    return told in (asked, *proofs_of(attempt.installation_id, attempt.account_id, attempt.transaction_id))


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


def recognize(account: StripeAccount, intent: Json) -> Json:
    """The intent, with our own metadata, if it is the payment of one of the shop's transactions.

    `Rejected` with the code `FOREIGN` if it names a transaction of the shop that it does not pay, and with
    `UNKNOWN_PAYMENT` if it has nothing to do with the shop. `Unavailable` if the host must be asked and is silent.
    """
    payment = Payment.objects.filter(account=account, payment_intent_id=intent["id"]).first()
    if payment is not None:
        _check(payment.currency, account, intent)
        return _with_our_metadata(payment, intent)
    transaction_id = (intent.get("metadata") or {}).get(TRANSACTION)
    if not is_ours(intent, account.installation_id) or not transaction_id:
        raise Rejected("This payment in Stripe is not the app's.", code=UNKNOWN_PAYMENT)
    _check_lost(account, intent, transaction_id)
    return intent


@remembers_sources
def remembered_source(installation_id: uuid.UUID, intent: Mapping[str, Any]) -> str | None:
    """What the intent pays by our own row: nothing if another intent is its transaction's; None if there is no row."""
    known = Payment.objects.filter(installation_id=installation_id)
    payment = known.filter(payment_intent_id=intent["id"]).first()
    if payment is not None:
        return payment.source_id
    transaction_id = (intent.get("metadata") or {}).get(TRANSACTION)
    is_foreign = bool(transaction_id) and known.filter(transaction_id=transaction_id).exists()
    return "" if is_foreign else None


def restore_metadata(account: StripeAccount, intent: Json) -> Json:
    """The intent with the metadata that we gave it, whatever was made of that in Stripe since."""
    payment = Payment.objects.filter(account=account, payment_intent_id=intent["id"]).first()
    return _with_our_metadata(payment, intent) if payment is not None else intent


def retrieve(payment: Payment) -> Json:
    """The payment's intent as it is now, with our own metadata; `Rejected` if its currency or mode is another now."""
    intent = client.retrieve_payment_intent(payment.account, payment.payment_intent_id).to_dict()
    _check(payment.currency, payment.account, intent)
    return _with_our_metadata(payment, intent)


def _with_our_metadata(payment: Payment, intent: Json) -> Json:
    ours = {
        INSTALLATION: str(payment.installation_id),
        TRANSACTION: payment.transaction_id,
        FLOW: payment.flow,
        SOURCE: payment.source_id,
        CHANNEL: payment.channel_slug,
    }
    return {**intent, "metadata": {**(intent.get("metadata") or {}), **ours}}


def _check(currency: str, account: StripeAccount, intent: Json) -> None:
    if intent["currency"].upper() != currency.upper() or intent["livemode"] != account.livemode:
        raise _foreign(account, intent)


def _check_lost(account: StripeAccount, intent: Json, transaction_id: str) -> None:
    """Our row of the intent is missing: is it the one we made for the transaction? What was written down before it was
    made says so, or the host, which knows the reference of its transaction from us alone.
    """
    same_transaction = {"installation_id": account.installation_id, "transaction_id": transaction_id}
    if Payment.objects.filter(**same_transaction).exists():
        raise _foreign(account, intent)
    attempt = Attempt.objects.filter(**same_transaction).first()
    if attempt is not None:
        _check(str(attempt.params["currency"]), attempt.account, intent)
        if attempt.account_id != account.pk:
            raise _foreign(account, intent)
        if _is_made_by(attempt, intent):
            return
    installation = Installation.objects.get(pk=account.installation_id)
    known = [
        event
        for event in fetch_transaction_events(installation, transaction_id)
        if event.psp_reference == intent["id"]
    ]
    if not known:
        raise _foreign(account, intent)
    _check(known[0].currency, account, intent)


def _is_made_by(attempt: Attempt, intent: Json) -> bool:
    made_at = datetime.fromtimestamp(int(intent["created"]), UTC)
    same_amount = intent["amount"] == attempt.params["amount"]
    return same_amount and _is_proven(attempt, intent) and made_at >= attempt.created_at - CLOCK_SKEW


def _foreign(account: StripeAccount, intent: Json) -> Rejected:
    return Rejected(
        f"The payment {intent['id']} in the Stripe account “{account.name}” names a transaction of the shop that it "
        "does not belong to, or its currency or mode is another. It is not booked in Saleor.",
        code=FOREIGN,
    )


def current_intent(
    installation: Installation, transaction_id: str, psp_reference: str
) -> tuple[StripeAccount, Json]:
    """The transaction's account and intent as they are now; on a miss in our rows the shop's accounts are asked."""
    payment = payment_of(installation, transaction_id)
    if payment is not None:
        return payment.account, retrieve(payment)
    return _searched(installation, transaction_id, psp_reference)


def _searched(
    installation: Installation, transaction_id: str, psp_reference: str
) -> tuple[StripeAccount, Json]:
    """The intent at whichever account of the shop holds it; one that cannot be asked leaves the question open.

    The reference is the host's own, which it has from us: together with the metadata it is proof enough.
    """
    unasked: Failure | None = None
    for account in accounts.accounts_of(installation.pk) if psp_reference.startswith("pi_") else []:
        try:
            intent = client.retrieve_payment_intent(account, psp_reference).to_dict()
        except Rejected as error:
            unasked = unasked if error.code == "resource_missing" else error
            continue
        if is_ours(intent, installation.pk, transaction_id) and intent["livemode"] == account.livemode:
            remember(installation, account, intent, idempotency_key="")
            return account, intent
    raise unasked or Rejected(
        "This payment is not known to any of the shop's Stripe accounts.", code=UNKNOWN_PAYMENT
    )


def remember(
    installation: Installation,
    account: StripeAccount,
    intent: Json,
    idempotency_key: str,
    asked_at: datetime | None = None,
) -> None:
    """One row for the payment. If it cannot be written the payment goes on: it is found again by what Stripe has.

    `asked_at` is when Stripe was asked for the intent, now if left out. What is older than the row changes nothing.
    """
    try:
        with transaction.atomic():
            _remember(installation, account, intent, idempotency_key, asked_at or timezone.now())
    except DatabaseError:
        log.exception("payment not remembered", payment_intent=intent["id"])


def _remember(
    installation: Installation,
    account: StripeAccount,
    intent: Json,
    idempotency_key: str,
    asked_at: datetime,
) -> None:
    known = Payment.objects.select_for_update().filter(account=account, payment_intent_id=intent["id"])
    payment = known.first()
    if payment is not None:
        _bring_up_to_date(payment, intent, asked_at)
        return
    metadata = intent.get("metadata") or {}
    if not metadata.get(TRANSACTION):
        log.error("an intent that names no transaction is not remembered", payment_intent=intent["id"])
        return
    payment, is_new = Payment.objects.update_or_create(
        installation=installation,
        transaction_id=metadata[TRANSACTION],
        defaults={},
        create_defaults={
            **facts_of(intent),
            "account": account,
            "idempotency_key": idempotency_key,
            "payment_intent_id": intent["id"],
            "flow": metadata.get(FLOW) or CHARGE,
            "source_id": metadata.get(SOURCE) or "",
            "channel_slug": metadata.get(CHANNEL) or "",
            "currency": intent["currency"].upper(),
            "asked_at": asked_at,
        },
    )
    if not is_new and payment.payment_intent_id == intent["id"]:
        _bring_up_to_date(payment, intent, asked_at)
    elif not is_new:
        log.error("another intent of a payment that is known", payment_intent=intent["id"])


def _bring_up_to_date(payment: Payment, intent: Json, asked_at: datetime) -> None:
    """Events of one payment are worked in parallel: what was read earlier may come to be written later."""
    facts = facts_of(intent)
    if _is_outdated(payment, facts, asked_at):
        return
    facts["flow"] = (intent.get("metadata") or {}).get(FLOW) or payment.flow
    facts["asked_at"] = asked_at
    for name, value in facts.items():
        setattr(payment, name, value)
    payment.save(update_fields=[*facts, "updated_at"])


def _is_outdated(payment: Payment, facts: Json, asked_at: datetime) -> bool:
    """How far the payment is decides; where that is the same, when Stripe was asked."""
    before = (_PROGRESS.get(payment.status, 0), payment.captured_minor)
    now = (_PROGRESS.get(facts["status"], 0), facts["captured_minor"])
    if before != now:
        return now < before
    return payment.asked_at is not None and asked_at < payment.asked_at


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
