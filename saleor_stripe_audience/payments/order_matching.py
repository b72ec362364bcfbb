"""Payments without an order, or for more than the order costs; and totals that change while a payment is open.

The current state is always fetched from Saleor: its events arrive late and in any order, so they only trigger the
check.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from django.db.models import F, Q, QuerySet
from django.tasks import task
from django.utils import timezone
from django.utils.functional import Promise

from saleor_stripe_audience.composed import composed_once
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway.metadata import AUTHORIZATION, CHARGE
from saleor_stripe_audience.gateway.objects import PAYABLE, dashboard_url
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.money import Money, from_minor
from saleor_stripe_audience.payments import amounts_due, order_details, staff_messages
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.payloads import Source, read
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import with_values

log = structlog.get_logger(__name__)

# A checkout that was paid this long ago without becoming an order was abandoned by its shopper.
ABANDONED_AFTER = timedelta(hours=1)
LOOKED_FOR = timedelta(days=30)
OTHERS_SECONDS = 4.0  # the longest that a response to Saleor waits for the other payments of its checkout
LONGEST_KEY = 128  # characters of a problem's key, Saleor's limit
PENDING, HELD, SUCCEEDED = "processing", "requires_capture", "succeeded"
PAID = (PENDING, HELD, SUCCEEDED)
CANCELED = "order_cancelled"  # Saleor's event
REVIVED = frozenset({"UNFULFILLED", "UNCONFIRMED"})
# Problems of a checkout or order, as their keys begin: too much money or no order; money for an order that has ended;
# an order that is unpaid because its authorization has expired, or because its payment has failed.
KINDS = SURPLUS, ENDED, EXPIRED, FAILED = "paid", "ended", "expired", "failed"
# What is charged, held, and neither: a bank debit on its way, or some of each.
_GONE = (staff_messages.GONE, staff_messages.GONE_HELD, staff_messages.GONE_UNDECIDED)
_UNFINISHED = (
    staff_messages.UNFINISHED,
    staff_messages.UNFINISHED_HELD,
    staff_messages.UNFINISHED_UNDECIDED,
)


def follow(installation: Installation, transaction_id: str) -> Source | None:
    """Fetch the checkout or order of the transaction from Saleor, and adjust all of its open payments; returns it.

    None if there is neither checkout nor order any more. Repeating it is harmless.
    """
    source = fetch_source(installation, transaction_id)
    if source is None:
        own = Payment.objects.filter(installation=installation, transaction_id=transaction_id)
        payments = amounts_due.open_payments_for(installation, *own.values_list("source_id", flat=True))
        amounts_due.cancel_all(
            installation, payments, Rejected("The checkout no longer exists.", code="source_gone")
        )
        return None
    payments = amounts_due.payments_of(installation, source)
    payable = [each for each in payments if each.status in PAYABLE]
    if source.status in amounts_due.OVER:
        amounts_due.cancel_all(installation, payable, amounts_due.order_over())
    else:
        amounts_due.adjust_all(installation, payable, amounts_due.coverage_of(source, payments))
    return source


def adjust_others(
    installation: Installation, source: Source, besides: str, seen: Sequence[Payment] | None = None
) -> None:
    """Adjust the other open payments of the checkout or order, now that the transaction `besides` covers some of it.

    `seen` are its payments a moment ago: usually there is no other one, and nothing has to be read again.

    Whatever takes more than a few seconds is done in the background, because the shopper is waiting for the response.
    Failures do not change the response: Stripe's event about the payment has the same effect.
    """
    with apart("adjusting other payments", transaction=besides):
        if seen is not None and not _others(seen, besides):
            return
        payments = amounts_due.payments_of(installation, source)
        others = _others(payments, besides)
        if not others:
            return
        try:
            with deadline(OTHERS_SECONDS):
                amounts_due.adjust_all(installation, others, amounts_due.coverage_of(source, payments))
        except Failure as error:
            log.warning("other payments not adjusted yet", source=source.id, code=error.code)
            follow_source.enqueue(str(installation.pk), besides)


def _others(payments: Sequence[Payment], besides: str) -> list[Payment]:
    return [each for each in payments if each.status in PAYABLE and each.transaction_id != besides]


@task
def follow_source(installation_id: str, transaction_id: str) -> None:
    """Follow a checkout or order at once, when a response to Saleor could not wait for it."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id)).first()
    if installation is not None:
        follow(installation, transaction_id)


def follow_sources(event: Event, source_ids: list[str]) -> None:
    """Follow the checkout or order of a shop's event by its ids; check it again if it has a problem.

    An order that was canceled or has expired is checked, too: its holds have to be released by staff, and bank debits
    that are on their way cannot be stopped.
    """
    installation = client.installation_of(event)
    payments = amounts_due.open_payments_for(installation, *source_ids)
    if payments:
        follow(installation, payments[0].transaction_id)
    own = Payment.objects.select_related("account", "installation").filter(
        source_id__in=source_ids, installation=installation
    )
    reported = _kinds_of_problems(installation, source_ids)
    if reported & {EXPIRED, FAILED} and (payment := own.first()) is not None:
        _follow_unpaid(installation, fetch_source(installation, payment.transaction_id), source_ids)
    if reported & {SURPLUS, ENDED}:
        paid = own.filter(status__in=PAID)
    elif _is_over(event):
        paid = own.filter(status__in=(HELD, PENDING))
    else:
        return
    for payment in paid:
        check(payment)


def _is_over(event: Event) -> bool:
    order = (event.payload or {}).get("order")
    return event.kind == CANCELED or (isinstance(order, dict) and order.get("status") in amounts_due.OVER)


def with_payments(installation_id: uuid.UUID, ids: Mapping[int, Sequence[str]]) -> set[int]:
    """Return the keys of those checkouts and orders, by their Saleor ids, that have payments or a problem."""
    sources = sorted({each for some in ids.values() for each in some})
    names = {each: {(each,), *((_key(kind, each),) for kind in KINDS)} for each in sources}
    keys = [_key(kind, each) for each in sources for kind in KINDS]
    known = set(_known_sources(installation_id, sources, keys))
    return {key for key, some in ids.items() for each in some if names[each] & known}


@composed_once
def _known_sources(
    installation_id: uuid.UUID, source_ids: Sequence[str], problem_keys: Sequence[str]
) -> QuerySet[Payment, tuple[str]]:
    payments = Payment.objects.filter(installation=installation_id, source_id__in=source_ids)
    problems = Problem.objects.filter(installation=installation_id, key__in=problem_keys)
    return payments.values_list("source_id").union(problems.values_list("key"))


def follow_money(payment: Payment) -> None:
    """Adjust the other open payments of the checkout or order after a payment, and check that there is one at all."""
    source = follow(payment.installation, payment.transaction_id)
    _report(payment, source, is_late=False)
    if source is not None:
        paying = amounts_due.payments_of(payment.installation, source)
        _follow_unpaid(payment.installation, source, sorted({each.source_id for each in paying}))


def follow_refund(payment: Payment) -> None:
    """Check after a refund whether an overpayment is resolved."""
    if _kinds_of_problems(payment.installation, [payment.source_id]) & {SURPLUS, ENDED}:
        check(payment)


def check(payment: Payment, *, is_late: bool = False) -> None:
    """Report what is wrong with what the payment pays as a problem, or clear the problem.

    `is_late`: the shopper has had enough time to complete the checkout.
    """
    payment.refresh_from_db()
    if not _paid_beside(payment):
        for kind in (SURPLUS, ENDED):
            problems.clear(payment.installation, _key(kind, payment.source_id))
        return
    source = fetch_source(payment.installation, payment.transaction_id)
    _report(payment, source, is_late=is_late)


def report_expired(payment: Payment) -> None:
    """Report an order that an expired authorization no longer covers, until it is paid otherwise or over.

    Saleor only shows that it is not charged, as before. A checkout's shopper would have to pay again anyway.
    """
    source = fetch_source(payment.installation, payment.transaction_id)
    if source is not None and source.number and not _is_covered(payment.installation, source):
        message = staff_messages.PARTLY_COVERED if payment.captured_minor else staff_messages.UNCOVERED
        _report_unpaid(payment, EXPIRED, message, number=source.number)


def report_failed(payment: Payment, reason: Promise) -> None:
    """Report an order that is unpaid because its payment, which was on its way, has failed; until it is paid otherwise
    or over.

    A decline is not reported: the shopper can try again until Saleor's history says that the payment has failed.
    """
    events = client.fetch_transaction_events(payment.installation, payment.transaction_id)
    results = {each.type for each in events if each.psp_reference == payment.payment_intent_id}
    if results.isdisjoint({f"{CHARGE}_FAILURE", f"{AUTHORIZATION}_FAILURE"}):
        return
    source = fetch_source(payment.installation, payment.transaction_id)
    if source is not None and source.number and not _is_covered(payment.installation, source):
        _report_unpaid(payment, FAILED, staff_messages.UNPAID, number=source.number, reason=reason)


def _report_unpaid(payment: Payment, kind: str, message: Promise, **values: str | Promise) -> None:
    amount = from_minor(_held_minor(payment), payment.currency)
    url = dashboard_url(payment.payment_intent_id, livemode=payment.account.livemode)
    text = with_values(message, amount=amount, url=url, **values)
    problems.report(payment.installation, _key(kind, payment.source_id), text)


def _follow_unpaid(installation: Installation, source: Source | None, source_ids: list[str]) -> None:
    """Clear the problems of an unpaid order, known by these ids, once it was paid otherwise or is over."""
    if _kinds_of_problems(installation, source_ids).isdisjoint({EXPIRED, FAILED}):
        return
    if source is None or _is_covered(installation, source):
        for kind in (EXPIRED, FAILED):
            for each in source_ids:
                problems.clear(installation, _key(kind, each))


def _is_covered(installation: Installation, source: Source) -> bool:
    """Whether nothing is due for the order: it is paid, or over. False if Saleor does not say what it costs."""
    due = amounts_due.remaining_due(source, amounts_due.payments_of(installation, source))
    return source.status in amounts_due.OVER or (due is not None and due.minor <= 0)


def check_unordered() -> int:
    """Check every payment of the last 30 days without a known order; returns how many have none.

    One that cannot be checked now does not stop the others: it is checked again in an hour.
    """
    now = timezone.now()
    unordered = (
        Payment.objects.select_related("account", "installation")
        .filter(installation__is_active=True, order_number="", status__in=PAID)
        .filter(created_at__range=(now - LOOKED_FOR, now - ABANDONED_AFTER))
        .exclude(status=SUCCEEDED, captured_minor__lte=F("refunded_minor"))
    )
    for payment in unordered.iterator():
        try:
            check(payment, is_late=True)
        except Failure as error:
            log.warning("order not looked up", payment_intent=payment.payment_intent_id, code=error.code)
        except Exception:
            log.exception("order not looked up", payment_intent=payment.payment_intent_id)
    return unordered.count()


def fetch_source(installation: Installation, transaction_id: str) -> Source | None:
    """Return the checkout or order of the transaction, as Saleor has it now; None if neither exists any more."""
    found = client.fetch_paid_source(installation, transaction_id)
    return read(Source, found) if found is not None else None


def _report(payment: Payment, source: Source | None, *, is_late: bool) -> None:
    payment.refresh_from_db()
    if source is not None and source.number and source.number != payment.order_number:
        order_details.set_order(payment, source.id, source.number)
    paid = _paid_beside(payment)
    surplus = _message(paid, source, is_late=is_late)
    problems.report_or_clear(payment.installation, _key(SURPLUS, payment.source_id), surplus)
    was_ended = ENDED in _kinds_of_problems(payment.installation, [payment.source_id])
    ended = _of_ended(paid, source, was_ended=was_ended) if source is not None else None
    problems.report_or_clear(payment.installation, _key(ENDED, payment.source_id), ended)


def _paid_beside(payment: Payment) -> list[Payment]:
    """Return the payments of the same checkout or order with money, oldest first: the problem is about all of them.

    Whichever of them is checked, the message is the same, and cancelling one of them does not clear it.
    """
    same = Q(source_id=payment.source_id) if payment.source_id else Q(pk=payment.pk)
    rows = Payment.objects.filter(
        same, installation=payment.installation_id, currency=payment.currency, status__in=PAID
    )
    found = rows.select_related("account", "installation").order_by("created_at", "pk")
    return [each for each in found if amounts_due.covered_minor(each)]


def _message(paid: list[Payment], source: Source | None, *, is_late: bool) -> Promise | None:
    if not paid:
        return None
    payment = paid[-1]
    # What Stripe captured or holds, minus what was refunded.
    taken = from_minor(sum(map(amounts_due.covered_minor, paid)), paid[0].currency)
    url = dashboard_url(payment.payment_intent_id, livemode=payment.account.livemode)
    if source is None:
        return with_values(_by_status(paid, _GONE), amount=taken, url=url)
    due = amounts_due.remaining_due(source, amounts_due.payments_of(payment.installation, source))
    if due is not None and due.minor < 0:
        kind = staff_messages.ORDER if source.number else staff_messages.CHECKOUT
        what, surplus = with_values(kind, number=source.number), Money(-due.minor, due.currency)
        return with_values(staff_messages.TOO_MUCH, what=what, surplus=surplus, url=url)
    if is_late and not source.number:
        return with_values(_by_status(paid, _UNFINISHED), amount=taken, url=url)
    return None


def _of_ended(paid: list[Payment], source: Source, *, was_ended: bool) -> Promise | None:
    """Return what is wrong with the payments of an order that was canceled or has expired.

    What was charged before is no problem: Saleor shows it to who cancels the order. `was_ended`: it is known that a
    payment was held or on its way then. When it is charged in full, Saleor shows the order as unfulfilled again.
    """
    is_over = source.status in amounts_due.OVER
    if not is_over and not (was_ended and source.status in REVIVED):
        return None
    messages = {HELD: staff_messages.HELD_FOR_NOTHING, PENDING: staff_messages.PENDING_FOR_NOTHING}
    if was_ended:
        messages[SUCCEEDED] = staff_messages.CHARGED_FOR_NOTHING if is_over else staff_messages.REVIVED
    for status, message in messages.items():
        # A hold that staff captured for an order that is over is their decision.
        found = [
            each for each in paid if each.status == status and (status != SUCCEEDED or each.flow == CHARGE)
        ]
        if found:
            minor = sum(map(_held_minor if status == HELD else amounts_due.covered_minor, found))
            amount = from_minor(minor, found[0].currency)
            url = dashboard_url(found[-1].payment_intent_id, livemode=found[-1].account.livemode)
            return with_values(message, number=source.number, amount=amount, url=url)
    return None


def _held_minor(payment: Payment) -> int:
    """Return what is still held, or was when the authorization expired: a part of it may have been captured."""
    return payment.amount_minor - payment.captured_minor


def _by_status(paid: list[Payment], messages: tuple[Promise, Promise, Promise]) -> Promise:
    """Return the first message if everything was charged, the second if everything is held, otherwise the third."""
    charged, held, undecided = messages
    statuses = {each.status for each in paid}
    if statuses == {SUCCEEDED}:
        return charged
    is_held = statuses == {HELD} and not any(each.captured_minor for each in paid)
    return held if is_held else undecided


def _kinds_of_problems(installation: Installation, source_ids: list[str]) -> set[str]:
    keys = [_key(kind, each) for kind in KINDS for each in source_ids]
    found = Problem.objects.filter(installation=installation, key__in=keys).values_list("key", flat=True)
    return {key.partition("-")[0] for key in found}


def _key(kind: str, source_id: str) -> str:
    return f"{kind}-{source_id}"[:LONGEST_KEY]
