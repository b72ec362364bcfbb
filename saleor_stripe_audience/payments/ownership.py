"""Which shop and transaction a PaymentIntent belongs to.

Our own row says so: which intent, at which account, in which currency. Anyone with access to the Stripe account can
edit its metadata, so metadata only counts if the row is lost and something else confirms it.
"""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils.crypto import salted_hmac
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import accounts, failures, payment_intents
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.gateway.sources import looks_up_sources
from saleor_stripe_audience.payments import records
from saleor_stripe_audience.payments.models import Attempt, Payment
from saleor_stripe_audience.saleor.client import fetch_transaction_events
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

FOREIGN_PAYMENT = pgettext_lazy(
    "staff",
    "The payment {payment} in the Stripe account “{account}” names a transaction of the shop that it does not belong "
    "to, or its currency or mode is another. It is not booked in Saleor.",
)

log = structlog.get_logger(__name__)

UNKNOWN_PAYMENT = "unknown_payment"  # none of the shop's accounts has it, so it can never be paid
ENDED = "payment_ended"  # its PaymentIntent was canceled, so it can no longer be paid
FOREIGN = "foreign_payment"  # it names a transaction of the shop, and is not that transaction's payment
NOT_OURS = frozenset({UNKNOWN_PAYMENT, FOREIGN})
CLOCK_SKEW = timedelta(minutes=5)  # Stripe's clock and ours
LONGEST_KEY = 255  # characters, Stripe's limit; Saleor allows storefronts longer ones


def stripe_key(installation: Installation, *parts: str) -> str:
    """Return Stripe's idempotency key for one effect of the shop; a hash if it is too long or not valid in a header."""
    key = ":".join((str(installation.pk), *parts))
    if len(key) <= LONGEST_KEY and key.isascii() and key.isprintable():
        return key
    return f"{installation.pk}:{hashlib.sha256(key.encode()).hexdigest()}"


def may_exist(installation: Installation, transaction_id: str) -> bool:
    """Whether Stripe has, or may have created, a payment of the transaction, as far as our rows show.

    True if the database cannot be queried.
    """
    try:
        rows = (model.objects.filter(installation=installation) for model in (Payment, Attempt))
        return any(each.filter(transaction_id=transaction_id).exists() for each in rows)
    except DatabaseError:
        log.exception("payment not looked up", transaction=transaction_id)
        return True


def current_intent(
    installation: Installation, transaction_id: str, psp_reference: str
) -> tuple[StripeAccount, PaymentIntent]:
    """Return the transaction's account and intent as they are now; without a row, the shop's accounts are searched.

    `Rejected` with the code `UNKNOWN_PAYMENT` if none of them has it.
    """
    payment = records.find(installation, transaction_id)
    if payment is not None:
        return payment.account, retrieve(payment)
    return search(installation, transaction_id, psp_reference)


def search(
    installation: Installation, transaction_id: str, psp_reference: str
) -> tuple[StripeAccount, PaymentIntent]:
    """Search the shop's accounts for the transaction's intent; if an account cannot be searched, the result is unknown.

    The reference is Saleor's own, which it has from us: together with the transaction in the metadata it is proof
    enough, even if the installation there no longer exists, because the app's data was lost or deleted.
    """
    failure: Failure | None = None
    for account in accounts.accounts_of(installation.pk) if psp_reference.startswith("pi_") else []:
        try:
            intent = payment_intents.retrieve(account, psp_reference)
        except Rejected as error:
            failure = failure if error.code == failures.MISSING else error
            continue
        if _names(intent, installation, transaction_id) and intent.livemode == account.livemode:
            records.save(account, intent)
            return account, restore_metadata(account, intent)
    raise failure or Rejected(
        pgettext_lazy("staff", "This payment is not known to any of the shop's Stripe accounts."),
        code=UNKNOWN_PAYMENT,
    )


def _names(intent: PaymentIntent, installation: Installation, transaction_id: str) -> bool:
    """Whether the metadata names the transaction, and this shop or an installation that no longer exists."""
    if intent.belongs_to(installation.pk, transaction_id):
        return True
    named = intent.metadata.get(names.INSTALLATION)
    known = {str(each) for each in Installation.objects.values_list("pk", flat=True)}
    return bool(named) and named not in known and intent.transaction_id == transaction_id


def retrieve(payment: Payment) -> PaymentIntent:
    """Return the payment's intent as it is now, with our own metadata.

    `Rejected` if its currency or mode is another now.
    """
    intent = payment_intents.retrieve(payment.account, payment.payment_intent_id)
    _check(payment.currency, payment.account, intent)
    return _with_our_metadata(payment, intent)


def restore_metadata(account: StripeAccount, intent: PaymentIntent) -> PaymentIntent:
    """Return the intent with the metadata that we gave it, whatever was changed in Stripe since."""
    payment = Payment.objects.filter(account=account, payment_intent_id=intent.id).first()
    return _with_our_metadata(payment, intent) if payment is not None else intent


def recognize(account: StripeAccount, intent: PaymentIntent) -> PaymentIntent:
    """Return the intent, with our own metadata, if it is the payment of one of the shop's transactions.

    `Rejected` with the code `FOREIGN` if it names a transaction of the shop that it does not pay, and with
    `UNKNOWN_PAYMENT` if it has nothing to do with the shop. `Unavailable` if Saleor has to be queried and does not
    respond.
    """
    payment = Payment.objects.filter(account=account, payment_intent_id=intent.id).first()
    if payment is not None:
        _check(payment.currency, account, intent)
        return _with_our_metadata(payment, intent)
    if not intent.belongs_to(account.installation_id) or not intent.transaction_id:
        raise Rejected(
            pgettext_lazy("staff", "This payment in Stripe does not belong to the app."), code=UNKNOWN_PAYMENT
        )
    _check_without_row(account, intent)
    return intent


@looks_up_sources
def look_up_source(installation_id: uuid.UUID, intent: PaymentIntent) -> str | None:
    """Return what the intent pays by our row; empty if another intent is its transaction's; None without a row."""
    known = Payment.objects.filter(installation_id=installation_id)
    payment = known.filter(payment_intent_id=intent.id).first()
    if payment is not None:
        return payment.source_id
    transaction_id = intent.transaction_id
    is_foreign = bool(transaction_id) and known.filter(transaction_id=transaction_id).exists()
    return "" if is_foreign else None


def _with_our_metadata(payment: Payment, intent: PaymentIntent) -> PaymentIntent:
    return intent.with_metadata(
        {
            names.INSTALLATION: str(payment.installation_id),
            names.TRANSACTION: payment.transaction_id,
            names.FLOW: payment.flow,
            names.SOURCE: payment.source_id,
            names.CHANNEL: payment.channel_slug,
        }
    )


def _check(currency: str, account: StripeAccount, intent: PaymentIntent) -> None:
    if intent.currency != currency.upper() or intent.livemode != account.livemode:
        raise _foreign(account, intent)


def _check_without_row(account: StripeAccount, intent: PaymentIntent) -> None:
    """Check that it is the intent that we created for the transaction, by the attempt that was stored before or by
    Saleor, which only knows the transaction's reference from us.
    """
    same_transaction = {
        "installation_id": account.installation_id,
        "transaction_id": intent.transaction_id,
    }
    if Payment.objects.filter(**same_transaction).exists():
        raise _foreign(account, intent)
    attempt = Attempt.objects.filter(**same_transaction).first()
    if attempt is not None:
        _check(str(attempt.params["currency"]), attempt.account, intent)
        if attempt.account_id != account.pk:
            raise _foreign(account, intent)
        is_same_amount = intent.amount == attempt.params["amount"]
        created_at = datetime.fromtimestamp(intent.created, UTC)
        is_later = created_at >= attempt.created_at - CLOCK_SKEW
        if is_same_amount and is_later and _is_proven(attempt, intent):
            return
    installation = Installation.objects.get(pk=account.installation_id)
    known = [
        event
        for event in fetch_transaction_events(installation, intent.transaction_id)
        if event.psp_reference == intent.id
    ]
    if not known:
        raise _foreign(account, intent)
    _check(known[0].currency, account, intent)


def _foreign(account: StripeAccount, intent: PaymentIntent) -> Rejected:
    return Rejected(
        with_values(FOREIGN_PAYMENT, payment=intent.id, account=account.name),
        code=FOREIGN,
    )


def belongs_to_attempt(attempt: Attempt, intent: PaymentIntent) -> bool:
    """Whether the intent is the one that the attempt requested, although there is no row that says so.

    Anyone with access to the Stripe account can create an intent that names the transaction; no one else knows the
    proof before there is an intent with it.
    """
    if not intent.belongs_to(attempt.installation_id, attempt.transaction_id):
        return False
    is_same_money = (intent.livemode, intent.currency) == (
        attempt.account.livemode,
        str(attempt.params["currency"]).upper(),
    )
    if not is_same_money or not _is_proven(attempt, intent):
        return False
    others = Payment.objects.filter(account=attempt.account, payment_intent_id=intent.id)
    return not others.exclude(transaction_id=attempt.transaction_id).exists()


def proofs_of(installation_id: uuid.UUID, account_id: uuid.UUID, transaction_id: str) -> list[str]:
    """Return the proofs of a transaction's payment at an account: by the current secret, and by earlier ones."""
    whose = f"{installation_id}:{account_id}:{transaction_id}"
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    made = (salted_hmac("payments.proof", whose, secret=each, algorithm="sha256") for each in secrets)
    return [each.hexdigest()[:32] for each in made]


def _is_proven(attempt: Attempt, intent: PaymentIntent) -> bool:
    stored = attempt.params["metadata"].get(names.PROOF)
    if stored is None:  # by an earlier version
        return True
    proofs = proofs_of(attempt.installation_id, attempt.account_id, attempt.transaction_id)
    return intent.metadata.get(names.PROOF) in (stored, *proofs)
