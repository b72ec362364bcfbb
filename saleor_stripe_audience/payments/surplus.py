"""Money that has no order, or more of it than the order costs; and totals that change while a payment is open.

The host is asked for what is paid as it is now: its events come late and in any order, so they only say when to ask.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.db.models import F
from django.utils import timezone

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.money import Money, from_minor
from saleor_stripe_audience.payments import covering, numbering, staff_messages
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.outcomes import dashboard_url
from saleor_stripe_audience.payments.payloads import Source, read
from saleor_stripe_audience.payments.staff_messages import for_staff
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation, Problem

log = structlog.get_logger(__name__)

Json = dict[str, Any]

LATE = timedelta(
    hours=1
)  # a checkout that was paid this long ago and is no order yet was left by its shopper
LOOKED_FOR = timedelta(days=30)
LONGEST_KEY = 128  # characters of a problem's key, the host's limit
PAID = ("processing", "requires_capture", "succeeded")


def follow_totals(event: Event) -> None:
    """The open payments of a checkout or order follow what it costs, whether or not the storefront asks first."""
    installation = client.installation_of(event)
    ids = _ids_in(event.payload or {})
    payments = covering.open_payments_of(installation, *ids)
    if payments:
        follow(installation, payments[0].transaction_id)
    known = Problem.objects.filter(installation=installation, key__in=[_key(each) for each in ids])
    if known.exists():
        _look_again(installation, ids)


def follow_payment(event: Event) -> None:
    """Money came: the other open payments of the same checkout or order, and whether there is one at all."""
    payment = _payment_of(event, "id")
    if payment is not None:
        found = follow(payment.installation, payment.transaction_id)
        _judge(payment, found, is_late=False)


def follow_refund(event: Event) -> None:
    """Money went back: what was too much may be no more."""
    payment = _payment_of(event, "payment_intent") or _payment_of(event, "id")
    if payment is not None and Problem.objects.filter(key=_key(payment.source_id)).exists():
        look_at(payment)


def follow(installation: Installation, transaction_id: str) -> Source | None:
    """Ask the host what the transaction pays, and keep all open payments of that in line; what it pays.

    None where there is neither checkout nor order any more. Repeating it is harmless.
    """
    source = _source_of(installation, transaction_id)
    if source is None:
        gone = Rejected("The checkout is gone.", code="source_gone")
        own = Payment.objects.filter(installation=installation, transaction_id=transaction_id)
        source_ids = own.values_list("source_id", flat=True)
        covering.cancel_all(installation, covering.open_payments_of(installation, *source_ids), gone)
        return None
    payments = covering.open_payments(installation, source)
    if source.status in covering.OVER:
        covering.cancel_all(installation, payments, Rejected("The order is over.", code="order_over"))
    elif payments:
        covering.keep_in_line(installation, payments, covering.coverage_of(installation, source))
    return source


def look_at(payment: Payment, *, is_late: bool = False) -> None:
    """What is wrong with what the payment pays is told as a problem; what is in order is not, or no longer.

    `is_late`: the shopper had time enough to complete the checkout.
    """
    payment.refresh_from_db()
    if _taken(payment).is_zero:
        problems.clear(payment.installation, _key(payment.source_id))
        return
    _judge(payment, _source_of(payment.installation, payment.transaction_id), is_late=is_late)


def _judge(payment: Payment, source: Source | None, *, is_late: bool) -> None:
    payment.refresh_from_db()
    if source is not None and source.number and source.number != payment.order_number:
        numbering.name_by_order(payment, source.number)
    message = _message(payment, source, is_late=is_late)
    problems.report_or_clear(payment.installation, _key(payment.source_id), message)


def look_for_orders() -> int:
    """Every payment of the last 30 days of which no order is known; returns how many have none.

    One that cannot be looked at now does not keep the others from it: it is looked at again in an hour.
    """
    now = timezone.now()
    without = (
        Payment.objects.select_related("account", "installation")
        .filter(installation__is_active=True, order_number="", status__in=PAID)
        .filter(created_at__range=(now - LOOKED_FOR, now - LATE))
        .exclude(status="succeeded", captured_minor__lte=F("refunded_minor"))
    )
    for payment in without.iterator():
        try:
            look_at(payment, is_late=True)
        except Failure as error:
            log.warning("order not looked for", payment_intent=payment.payment_intent_id, code=error.code)
        except Exception:
            log.exception("order not looked for", payment_intent=payment.payment_intent_id)
    return without.count()


def _source_of(installation: Installation, transaction_id: str) -> Source | None:
    found = client.fetch_paid_source(installation, transaction_id)
    return read(Source, found) if found is not None else None


def _message(payment: Payment, source: Source | None, *, is_late: bool) -> str:
    taken = _taken(payment)
    if taken.is_zero:
        return ""
    url = dashboard_url({"id": payment.payment_intent_id, "livemode": payment.account.livemode})
    if source is None:
        return for_staff(staff_messages.GONE, amount=taken, url=url)
    lacks = covering.lacking(payment.installation, source)
    if lacks is not None and lacks.minor < 0:
        what = for_staff(
            staff_messages.ORDER if source.number else staff_messages.CHECKOUT, number=source.number
        )
        surplus = Money(-lacks.minor, lacks.currency)
        return for_staff(staff_messages.TOO_MUCH, what=what, surplus=surplus, url=url)
    if is_late and not source.number:
        return for_staff(staff_messages.UNFINISHED, amount=taken, url=url)
    return ""


def _look_again(installation: Installation, source_ids: list[str]) -> None:
    payments = Payment.objects.select_related("account", "installation").filter(
        source_id__in=source_ids, installation=installation, status__in=PAID
    )
    for payment in payments:
        look_at(payment)


def _ids_in(payload: Json) -> list[str]:
    """The checkout's id, or the order's and that of the checkout it was; none of a checkout that is gone by now."""
    order, checkout = payload.get("order"), payload.get("checkout")
    found = [part.get("id") for part in (order, checkout) if isinstance(part, dict)]
    if isinstance(order, dict):
        found.append(order.get("checkoutId"))
    return [each for each in found if isinstance(each, str) and each]


def _payment_of(event: Event, name: str) -> Payment | None:
    intent_id = (event.payload or {})["data"]["object"].get(name)
    if not isinstance(intent_id, str):
        return None
    known = Payment.objects.select_related("account", "installation")
    return known.filter(account=account_of(event), payment_intent_id=intent_id).first()


def _taken(payment: Payment) -> Money:
    """What Stripe took or holds of it, less what was given back."""
    return from_minor(covering.covered_minor(payment), payment.currency)


def _key(source_id: str) -> str:
    return f"paid-{source_id}"[:LONGEST_KEY]
