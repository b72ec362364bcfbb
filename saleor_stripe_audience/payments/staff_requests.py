"""What staff request on the app's page: a refund or a capture, requested through Saleor as in its own Dashboard.

Saleor then asks the app to carry it out (`actions.py`), so that its ledger and the order know of it. Each form has its
own key: sent twice, it is one request. While a request is not carried out, another of its kind is refused, also if the
first was made in Saleor's own Dashboard; and so is a form that was opened before it. So two people who refund the same
payment refund it once.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_decimal
from saleor_stripe_audience.payments import repeats
from saleor_stripe_audience.payments.models import ActionRequest, Payment, StaffRequest
from saleor_stripe_audience.saleor.client import fetch_transaction_amounts, request_transaction_action
from saleor_stripe_audience.wording import with_values

REFUND, CHARGE = "REFUND", "CHARGE"
CARRIED_OUT_WITHIN = timedelta(minutes=15)  # Saleor's own retries end before
LONGEST_REASON = 500  # characters, what Stripe keeps of it


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a staff member filled in; `key` is the form's, `amount` in whole units as typed.

    `seen` is what had been requested and moved when the form was shown, see `seen_now`.
    """

    key: UUID
    kind: str
    amount: str
    by: str
    seen: str
    reason: str = ""


def request(payment: Payment, wanted: Wanted) -> Money:
    """Request the refund or capture from Saleor, once; returns the amount.

    `Rejected` for an amount that Saleor would reduce, and while another request of the kind is in progress. After
    `Unavailable` it is not known whether Saleor took the request: it is not sent again.
    """
    money = from_decimal(wanted.amount, payment.currency)
    if money.is_zero:
        raise Rejected(pgettext_lazy("staff", "The amount must be more than zero."), code="amount_too_small")
    if (known := _find(payment, wanted)) is not None:
        return _repeat(known, wanted, money)
    _check_amount(payment, wanted.kind, money)
    row, is_new = _claim(payment, wanted, money)
    if not is_new:
        return _repeat(row, wanted, money)
    try:
        request_transaction_action(
            payment.installation, payment.transaction_id, wanted.kind, money.amount, row.reason
        )
    except Rejected:
        row.delete()  # nothing was requested: the same form may be sent again
        raise
    StaffRequest.objects.filter(pk=row.pk).update(sent_at=timezone.now())
    return money


def seen_now(payment: Payment, kind: str) -> str:
    """Return what the payment's page shows of the kind: how often it was requested here, and what has been moved.

    The latter also changes if staff request it in Saleor's own Dashboard, or in Stripe.
    """
    moved = payment.refunded_minor if kind == REFUND else payment.captured_minor
    return f"{StaffRequest.objects.filter(payment=payment, kind=kind).count()}:{moved}"


def find_open(payment: Payment, kind: str) -> StaffRequest | None:
    """Return the last request of the kind if it is not carried out yet.

    A request whose result is unclear does not count as open, such as one that was interrupted: if staff make it again,
    the new one repeats it.
    """
    now = timezone.now()
    since = now - CARRIED_OUT_WITHIN
    requests = StaffRequest.objects.filter(payment=payment, kind=kind, created_at__gt=since)
    last = requests.order_by("-created_at", "-pk").first()
    if last is None:
        return None
    tried = ActionRequest.objects.filter(
        Q(answered_at__isnull=False)
        | Q(unclear_at__isnull=False)
        | Q(created_at__lt=now - repeats.LONGEST_TRY),
        installation=payment.installation_id,
        transaction_id=payment.transaction_id,
        kind=kind,
        created_at__gte=last.created_at,
    )
    return None if tried.exists() else last


def _is_being_tried(payment: Payment, kind: str) -> bool:
    """Whether a request of the kind is being carried out, such as one made in Saleor's own Dashboard."""
    tried = repeats.being_tried(payment.installation)
    return tried.filter(transaction_id=payment.transaction_id, kind=kind).exists()


def _find(payment: Payment, wanted: Wanted) -> StaffRequest | None:
    return StaffRequest.objects.filter(payment=payment, key=wanted.key).first()


def _repeat(known: StaffRequest, wanted: Wanted, money: Money) -> Money:
    """Return the amount of the form that was sent before; `Rejected` if that is not what is wanted now, or unclear."""
    if (known.kind, known.amount_minor) != (wanted.kind, money.minor):
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "This form was already sent with {amount}. Check the timeline before you request more.",
                ),
                amount=Money(known.amount_minor, money.currency),
            ),
            code="sent_before",
        )
    if known.sent_at is None:
        raise Rejected(
            pgettext_lazy(
                "staff",
                "It is not known whether Saleor accepted this request. Check the order in Saleor before "
                "you request it again.",
            ),
            code="unclear",
        )
    return money


def _check_amount(payment: Payment, kind: str, money: Money) -> None:
    """Saleor would silently request less than what was typed, if there is less."""
    amounts = fetch_transaction_amounts(payment.installation, payment.transaction_id)
    # What is charged falls below zero if a payment is disputed after a part of it was refunded.
    most = max(amounts.charged if kind == REFUND else amounts.authorized, Decimal(0))
    if money.amount > most:
        message = (
            pgettext_lazy("staff", "Saleor says that at most {most} can be refunded.")
            if kind == REFUND
            else pgettext_lazy("staff", "Saleor says that at most {most} can be captured.")
        )
        raise Rejected(
            with_values(message, most=from_decimal(most, payment.currency)), code="amount_too_large"
        )


def _claim(payment: Payment, wanted: Wanted, money: Money) -> tuple[StaffRequest, bool]:
    """Store the request before it is sent; returns False if this form was sent before."""
    with transaction.atomic():
        # Requests of one payment come one after the other.
        payment = Payment.objects.select_for_update().get(pk=payment.pk)
        if (known := _find(payment, wanted)) is not None:
            return known, False
        if find_open(payment, wanted.kind) is not None or _is_being_tried(payment, wanted.kind):
            raise Rejected(
                pgettext_lazy(
                    "staff",
                    "Another request for this payment is in progress. Wait for its result in the timeline.",
                ),
                code="being_carried_out",
            )
        if seen_now(payment, wanted.kind) != wanted.seen:
            raise Rejected(
                pgettext_lazy(
                    "staff",
                    "Something else has been requested for this payment since you opened it. Check what "
                    "Saleor shows below, then request what is still needed.",
                ),
                code="outdated",
            )
        stored = StaffRequest.objects.create(
            payment=payment,
            key=wanted.key,
            kind=wanted.kind,
            amount_minor=money.minor,
            reason=wanted.reason.strip()[:LONGEST_REASON],
            requested_by=wanted.by[:254],
        )
        return stored, True
