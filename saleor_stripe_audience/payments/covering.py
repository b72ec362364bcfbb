"""One checkout or order, one payment of it: what it still lacks, and its open payments kept to that.

The host lets a storefront begin a payment as often as it likes: in a second tab, again after a decline, for part of
the total. Each open PaymentIntent can be paid for as long as it is open. So none may ask for more than is lacking:
where the total fell or another payment covers a part its amount is lowered, and where nothing is left, or less than
Stripe charges, it is cancelled. Two payments of a part each stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog
from django.db.models import Q, QuerySet

from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.money import Money, check_chargeable, from_decimal, from_minor, known_currency
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.outcomes import LEFT, PAID_OTHERWISE, WAITING, exact_metadata
from saleor_stripe_audience.payments.payloads import Source
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Json = dict[str, Any]

COVERED = "already_covered"
OVER = frozenset({"CANCELED", "EXPIRED"})  # orders of which nobody should pay anything any more
OTHERS_SECONDS = 4.0  # the longest that an answer to the host waits for the other payments of its checkout


@dataclass(frozen=True)
class Lack:
    """What is lacking of `total`, in whole units and as exactly as the host counts.

    Less than zero where there is too much.
    """

    amount: Decimal
    currency: str
    total: Decimal

    @property
    def minor(self) -> int:
        """The same in the smallest unit, as Stripe takes it."""
        minor = from_decimal(abs(self.amount), self.currency).minor
        return minor if self.amount >= 0 else -minor

    def metadata(self) -> dict[str, str]:
        """What a PaymentIntent's metadata must say, so that its amount can follow."""
        return {ownership.TOTAL: format(self.total, "f"), ownership.LACKING: format(self.amount, "f")}

    def check_currency(self, currency: str) -> None:
        """`Rejected` unless it is of that currency."""
        Money(0, self.currency).in_currency(currency)


@dataclass(frozen=True)
class Coverage:
    """What a checkout or order costs, and how much each of its transactions covers, in whole units."""

    total: Decimal
    currency: str
    covered: dict[str, Decimal]

    def lacks(self, besides: str = "") -> Lack:
        """What is lacking without the transaction `besides`."""
        others = (amount for transaction, amount in self.covered.items() if transaction != besides)
        return Lack(self.total - sum(others, Decimal(0)), self.currency, self.total)

    def release(self, transaction: str) -> None:
        """The transaction covers nothing any more."""
        self.covered.pop(transaction, None)


def coverage_of(installation: Installation, source: Source) -> Coverage | None:
    """None where the host did not say what it costs.

    Money that the host does not yet know of counts as well, as far as we know of it.
    """
    total = source.total_gross
    if total is None:
        return None
    currency = known_currency(total.currency)
    covered = {each.id: max(each.covered, Decimal(0)) for each in source.covering}
    rows = Payment.objects.filter(_of(source), installation=installation, currency=currency)
    for row in rows.exclude(status__in=WAITING):
        known = from_minor(covered_minor(row), currency).amount
        covered[row.transaction_id] = max(covered.get(row.transaction_id, Decimal(0)), known)
    return Coverage(total.amount, currency, covered)


def lacking(installation: Installation, source: Source, besides: str = "") -> Lack | None:
    """What the checkout or order still lacks without the transaction `besides`; None where that is not known."""
    coverage = coverage_of(installation, source)
    return coverage.lacks(besides) if coverage is not None else None


def too_little(lacks: Lack) -> Rejected | None:
    """Why a payment of this amount cannot be; None where it can."""
    if lacks.minor <= 0:
        return Rejected("The checkout or order is covered: nothing is left to pay.", code=COVERED)
    try:
        check_chargeable(Money(lacks.minor, lacks.currency))
    except Rejected as error:
        return error
    return None


def bring_in_line(
    installation: Installation, account: StripeAccount, intent: Json, lacks: Lack | None
) -> tuple[Json, Rejected | None]:
    """The open intent asks for no more than is lacking; why it was cancelled, if it was.

    One that asked for all that was lacking follows it up and down. One of a part rises with the total, and falls only
    where it asks for too much. One that was paid meanwhile stays as it is.
    """
    if lacks is None or intent["status"] not in WAITING:
        return intent, None
    wanted = _wanted(intent, lacks)
    if reason := too_little(wanted):
        return cancelled(installation, account, intent, reason)
    if wanted.minor == int(intent["amount"]):
        return intent, None
    metadata = exact_metadata(wanted.amount, Money(wanted.minor, wanted.currency))
    if _covers_all(intent) or wanted.minor > int(intent["amount"]):
        metadata |= lacks.metadata()
    params: Json = {"amount": wanted.minor, "metadata": metadata, "expand": ["latest_charge"]}
    try:
        changed = client.update_payment_intent(account, intent["id"], params).to_dict()
        return ownership.restore_metadata(account, changed), None
    except Rejected as error:
        if not client.is_refusal(error):
            raise
    # Paid meanwhile, or a slip with the amount on it is already in the shopper's hands.
    log.warning("amount not changed", payment_intent=intent["id"], wanted=wanted.minor)
    return _as_it_is(account, intent), None


def cancelled(
    installation: Installation, account: StripeAccount, intent: Json, reason: Rejected
) -> tuple[Json, Rejected | None]:
    """The intent cancelled, with the reason; as it is and without one where the shopper paid it meanwhile."""
    why = PAID_OTHERWISE if reason.code == COVERED else LEFT
    key = ownership.stripe_key(installation, intent["id"], why)
    try:
        ended = client.cancel_payment_intent(account, intent["id"], key, why).to_dict()
        return ownership.restore_metadata(account, ended), reason
    except Rejected as error:
        if not client.is_refusal(error):
            raise
    now = _as_it_is(account, intent)
    return now, reason if now["status"] == "canceled" else None


def _as_it_is(account: StripeAccount, intent: Json) -> Json:
    now = client.retrieve_payment_intent(account, intent["id"]).to_dict()
    return ownership.restore_metadata(account, now)


def keep_others_in_line(installation: Installation, source: Source, besides: str) -> None:
    """The other open payments of the checkout or order, now that the transaction `besides` covers some of it.

    What cannot be done within a few seconds is done in the background: the shopper waits for the answer.
    """
    from saleor_stripe_audience.payments.tasks import follow_source  # noqa: PLC0415 - tasks call back into payments

    others = open_payments(installation, source, besides)
    if not others:
        return
    try:
        with deadline(OTHERS_SECONDS):
            keep_in_line(installation, others, coverage_of(installation, source))
    except Failure as error:
        log.warning("other payments not looked at yet", source=source.id, code=error.code)
        follow_source.enqueue(str(installation.pk), besides)


def keep_in_line(installation: Installation, payments: Sequence[Payment], coverage: Coverage | None) -> None:
    """Each of the open payments asks for no more than is lacking. `Failure` of one comes after all were tried."""
    failed: Failure | None = None
    if coverage is None:
        return
    for payment in payments:
        try:
            _keep_in_line(installation, payment, coverage)
        except Failure as error:
            log.warning(
                "payment not brought in line", payment_intent=payment.payment_intent_id, code=error.code
            )
            failed = error
    if failed is not None:
        raise failed


def _keep_in_line(installation: Installation, payment: Payment, coverage: Coverage) -> None:
    intent = ownership.retrieve(payment)
    lacks = coverage.lacks(payment.transaction_id)
    intent, reason = bring_in_line(installation, payment.account, intent, lacks)
    if reason is not None:
        coverage.release(payment.transaction_id)
    _remember(installation, payment, intent, reason)


def cancel_all(installation: Installation, payments: Sequence[Payment], reason: Rejected) -> None:
    """Nobody should pay any of these any more. `Failure` of one comes after all were tried."""
    failed: Failure | None = None
    for payment in payments:
        try:
            _cancel(installation, payment, reason)
        except Failure as error:
            log.warning("payment not cancelled", payment_intent=payment.payment_intent_id, code=error.code)
            failed = error
    if failed is not None:
        raise failed


def _cancel(installation: Installation, payment: Payment, reason: Rejected) -> None:
    intent = ownership.retrieve(payment)
    why: Rejected | None = None
    if intent["status"] in WAITING:
        intent, why = cancelled(installation, payment.account, intent, reason)
    _remember(installation, payment, intent, why)


def open_payments(installation: Installation, source: Source, besides: str = "") -> list[Payment]:
    """The payments of the checkout or order that a shopper can still pay, as far as we know."""
    found = Payment.objects.select_related("account").filter(_of(source), installation=installation)
    return list(_open(found).exclude(transaction_id=besides))


def open_payments_of(installation: Installation, *source_ids: str) -> list[Payment]:
    """The same by the ids under which the payments were begun."""
    found = Payment.objects.select_related("account").filter(installation=installation)
    return list(_open(found).filter(source_id__in=[each for each in source_ids if each]))


def covered_minor(row: Payment) -> int:
    """What the payment covers by our own row, in the smallest unit of its currency."""
    if row.status in ("processing", "requires_capture"):
        return row.amount_minor
    return max(0, row.captured_minor - row.refunded_minor)


def lacked_at_first(intent: Json) -> Money | None:
    """What was lacking when the intent's amount was set last; None where its metadata does not say."""
    return _noted(intent, ownership.LACKING) or _noted(intent, ownership.TOTAL)


def _noted(intent: Json, name: str) -> Money | None:
    told, currency = str((intent.get("metadata") or {}).get(name) or ""), intent["currency"].upper()
    try:
        return from_decimal(told, currency) if told else None
    except Rejected:
        log.warning("metadata edited at Stripe", payment_intent=intent["id"])
        return None


def _wanted(intent: Json, lacks: Lack) -> Lack:
    asked = from_minor(int(intent["amount"]), intent["currency"])
    lacks.check_currency(asked.currency)
    grown = asked.amount + _rise(intent, lacks)
    is_too_much = from_decimal(grown, asked.currency).minor > lacks.minor
    return lacks if _covers_all(intent) or is_too_much else Lack(grown, asked.currency, lacks.total)


def _rise(intent: Json, lacks: Lack) -> Decimal:
    """By how much the total rose since the intent's amount was set."""
    before = _noted(intent, ownership.TOTAL)
    return max(Decimal(0), lacks.total - before.amount) if before is not None else Decimal(0)


def _covers_all(intent: Json) -> bool:
    lacked = lacked_at_first(intent)
    return lacked is not None and int(intent["amount"]) >= lacked.minor


def _remember(installation: Installation, payment: Payment, intent: Json, reason: Rejected | None) -> None:
    if reason is not None:
        log.info("open payment cancelled", payment_intent=payment.payment_intent_id, reason=reason.code)
    ownership.remember(installation, payment.account, intent, "")


def _of(source: Source) -> Q:
    """Payments of the checkout or order: begun for it, or taken over from the checkout that it was."""
    return Q(source_id=source.id) | Q(transaction_id__in=[each.id for each in source.covering])


def _open(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    return payments.filter(status__in=WAITING)
