"""The amount still due for a checkout or order, and keeping its open payments within it.

Saleor lets a storefront start as many payments as it likes: in a second tab, again after a decline, for part of the
total. Each open PaymentIntent can be paid for as long as it is open. So none may exceed the amount due: if the total
decreases or another payment covers a part, its amount is lowered, and if nothing is due, or less than Stripe's minimum,
it is canceled. Two partial payments are left as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import structlog
from django.db import connection

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import failures, payment_intents
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import ABANDONED, DUPLICATE, PAYABLE, PaymentIntent
from saleor_stripe_audience.money import (
    Money,
    check_chargeable,
    from_decimal,
    from_minor,
    known_currency,
    step_of,
)
from saleor_stripe_audience.payments import ownership, records
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.outcomes import exact_metadata
from saleor_stripe_audience.payments.payloads import Source
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.statements import columns_of, row_of, select_rows, stored

log = structlog.get_logger(__name__)

COVERED = "already_covered"
OVER = frozenset({"CANCELED", "EXPIRED"})  # statuses of orders that no one should pay any more


def order_over() -> Rejected:
    """Return why an order that was cancelled or has expired cannot be paid."""
    return Rejected("The order was canceled or expired.", code="order_over")


@dataclass(frozen=True)
class Due:
    """The amount due of `total`, in major units and as precise as in Saleor; negative if too much was paid.

    `is_over` if the order was cancelled or has expired: no one should pay it any more.
    """

    amount: Decimal
    currency: str
    total: Decimal
    is_over: bool = False

    @cached_property
    def minor(self) -> int:
        """The amount in the smallest unit, as Stripe takes it. What rounding added to a payment is no overpayment."""
        minor = from_decimal(abs(self.amount), self.currency).minor
        if self.amount >= 0:
            return minor
        is_rounded_up = from_minor(minor, self.currency).amount > -self.amount
        return step_of(self.currency) - minor if is_rounded_up else -minor

    def metadata(self) -> dict[str, str]:
        """Return what a PaymentIntent's metadata must say, so that its amount can follow."""
        return {names.TOTAL: format(self.total, "f"), names.REMAINING: format(self.amount, "f")}

    def why_not_payable(self) -> Rejected | None:
        """Return why there can be no payment of this amount; None if there can."""
        if self.is_over:
            return order_over()
        if self.minor <= 0:
            return Rejected("The checkout or order is covered: nothing is left to pay.", code=COVERED)
        try:
            check_chargeable(Money(self.minor, self.currency))
        except Rejected as error:
            return error
        return None


@dataclass(frozen=True)
class Coverage:
    """The price of a checkout or order, and how much each of its transactions covers, in whole units."""

    total: Decimal
    currency: str
    covered: dict[str, Decimal]
    is_over: bool = False

    def due(self, besides: str = "") -> Due:
        """Return what is due, not counting the transaction `besides`."""
        others = (amount for transaction, amount in self.covered.items() if transaction != besides)
        return Due(self.total - sum(others, Decimal(0)), self.currency, self.total, self.is_over)

    def release(self, transaction: str) -> None:
        """Stop counting the transaction."""
        self.covered.pop(transaction, None)


def payments_of(installation: Installation, source: Source) -> list[Payment]:
    """Return our rows of the checkout's or order's payments.

    They were started for it, or for the checkout from which the order was created.
    """
    condition, values = _pays(installation, source, [])
    return [records.with_account(each) for each in select_rows(Payment, condition, values)]


@dataclass(frozen=True)
class Known:
    """What the app has stored for a transaction that Saleor starts: the payments of its checkout or order, and its own
    payment.

    `is_attempted` if a request to Stripe for it was stored.
    """

    payments: list[Payment]
    is_attempted: bool

    def payment_of(self, transaction_id: str) -> Payment | None:
        """Return the transaction's own payment."""
        return next((each for each in self.payments if each.transaction_id == transaction_id), None)


def known_of(installation: Installation, source: Source, transaction_id: str) -> Known:
    """Read all of it with one statement: the shopper is waiting, and usually there is nothing yet."""
    condition, values = _pays(installation, source, [transaction_id])
    statement = (
        f"SELECT payments_attempt.id, {columns_of(Payment)} FROM (SELECT 1) AS one "  # noqa: S608 - no values
        "LEFT JOIN payments_attempt ON payments_attempt.installation_id = %s AND payments_attempt.transaction_id = %s "
        f"LEFT JOIN payments_payment ON {condition}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [stored(Payment, "installation", installation.pk), transaction_id, *values])
        rows = cursor.fetchall()
    payments = [row_of(Payment, found) for _, *found in rows if found[0] is not None]
    return Known([records.with_account(each) for each in payments], rows[0][0] is not None)


def _pays(installation: Installation, source: Source, transactions: list[str]) -> tuple[str, list[Any]]:
    """The condition of payments for the checkout or order, or of one of the transactions, with its values."""
    listed = [*(each.id for each in source.covering), *transactions]
    condition = "payments_payment.source_id = %s"
    if listed:
        places = ", ".join(["%s"] * len(listed))
        condition = f"({condition} OR payments_payment.transaction_id IN ({places}))"
    whose = stored(Payment, "installation", installation.pk)
    return f"payments_payment.installation_id = %s AND {condition}", [whose, source.id, *listed]


def coverage_of(source: Source, payments: Sequence[Payment]) -> Coverage | None:
    """Return the coverage; None if Saleor did not say what it costs.

    `payments` are our rows: money that Saleor does not know about yet counts as well.
    """
    total = source.total_gross
    if total is None:
        return None
    currency = known_currency(total.currency)
    covered = {each.id: max(each.covered, Decimal(0)) for each in source.covering}
    for row in payments:
        if row.currency == currency and row.status not in PAYABLE:
            known = from_minor(covered_minor(row), currency).amount
            covered[row.transaction_id] = max(covered.get(row.transaction_id, Decimal(0)), known)
    return Coverage(total.amount, currency, covered, source.status in OVER)


def remaining_due(source: Source, payments: Sequence[Payment], besides: str = "") -> Due | None:
    """Return what is still due, not counting the transaction `besides`; None if that is not known."""
    coverage = coverage_of(source, payments)
    return coverage.due(besides) if coverage is not None else None


def covered_minor(row: Payment) -> int:
    """Return what the payment covers by our own row, in the smallest unit of its currency."""
    if row.status in ("processing", "requires_capture"):
        return row.amount_minor
    return max(0, row.captured_minor - row.refunded_minor)


def adjust(
    installation: Installation,
    account: StripeAccount,
    intent: PaymentIntent,
    due: Due | None,
    *,
    is_requested: bool = False,
) -> tuple[PaymentIntent, Rejected | None]:
    """Limit the open intent to the amount due; return it with the reason if it was canceled.

    An intent for the whole amount due follows it up and down. An intent for a part rises with the total, and only falls
    if it exceeds the amount due. One that was paid in the meantime is not changed. While the shopper may be at their
    bank, which shows the amount, it only rises if `is_requested` by the storefront, which shows the new one.
    """
    if due is None or not intent.is_payable:
        return intent, None
    target = _target(intent, due)
    if reason := target.why_not_payable():
        return cancel(installation, account, intent, reason)
    is_at_bank = intent.status == "requires_action" and target.minor > intent.amount and not is_requested
    if target.minor == intent.amount or intent.is_delayed or is_at_bank:
        return intent, None  # a delayed one: the shopper already has a slip with the amount on it
    metadata = exact_metadata(target.amount, Money(target.minor, target.currency))
    if _covers_all(intent) or target.minor > intent.amount:
        metadata |= due.metadata()
    try:
        changed = payment_intents.update(account, intent.id, {"amount": target.minor, "metadata": metadata})
        return ownership.restore_metadata(account, changed), None
    except Rejected as error:
        if not failures.is_refusal(error):
            raise
        if error.code == "amount_too_small":
            # The currency that the account is paid out in has its own minimum.
            return cancel(installation, account, intent, error)
    # Paid in the meantime.
    log.warning("amount not changed", payment_intent=intent.id, wanted=target.minor)
    return _retrieve(account, intent), None


def cancel(
    installation: Installation, account: StripeAccount, intent: PaymentIntent, reason: Rejected
) -> tuple[PaymentIntent, Rejected | None]:
    """Cancel the intent and return it with the reason; if the shopper paid it in the meantime, return it without a
    reason.
    """
    why = DUPLICATE if reason.code == COVERED else ABANDONED
    key = ownership.stripe_key(installation, intent.id, why)
    try:
        canceled = payment_intents.cancel(account, intent.id, key, why)
        return ownership.restore_metadata(account, canceled), reason
    except Rejected as error:
        if not failures.is_refusal(error):
            raise
    now = _retrieve(account, intent)
    return now, reason if now.status == "canceled" else None


def _retrieve(account: StripeAccount, intent: PaymentIntent) -> PaymentIntent:
    return ownership.restore_metadata(account, payment_intents.retrieve(account, intent.id))


def adjust_all(installation: Installation, payments: Sequence[Payment], coverage: Coverage | None) -> None:
    """Limit each open payment to the amount due; raises a `Failure` of one after trying all of them."""

    def adjust_one(payment: Payment) -> None:
        if coverage is None:
            return
        due = coverage.due(payment.transaction_id)
        intent, reason = adjust(installation, payment.account, ownership.retrieve(payment), due)
        if reason is not None:
            coverage.release(payment.transaction_id)
        _save(payment, intent, reason)

    _try_each(payments, adjust_one)


def cancel_all(installation: Installation, payments: Sequence[Payment], reason: Rejected) -> None:
    """Cancel every payment that can still be paid; raises a `Failure` of one after trying all of them."""

    def cancel_one(payment: Payment) -> None:
        intent = ownership.retrieve(payment)
        why: Rejected | None = None
        if intent.is_payable:
            intent, why = cancel(installation, payment.account, intent, reason)
        _save(payment, intent, why)

    _try_each(payments, cancel_one)


def _try_each(payments: Sequence[Payment], act: Callable[[Payment], None]) -> None:
    failed: Failure | None = None
    for payment in payments:
        try:
            act(payment)
        except Failure as error:
            log.warning("payment not adjusted", payment_intent=payment.payment_intent_id, code=error.code)
            failed = error
    if failed is not None:
        raise failed


def _save(payment: Payment, intent: PaymentIntent, reason: Rejected | None) -> None:
    if reason is not None:
        log.info("open payment canceled", payment_intent=payment.payment_intent_id, reason=reason.code)
    records.save(payment.account, intent)


def open_payments_for(installation: Installation, *source_ids: str) -> list[Payment]:
    """Return the payments that were started under these ids and that a shopper can still pay, as far as we know."""
    rows = Payment.objects.select_related("account").filter(installation=installation)
    return list(rows.filter(status__in=PAYABLE, source_id__in=[each for each in source_ids if each]))


def noted_due(intent: PaymentIntent) -> Money | None:
    """Return what was due when the intent's amount was last set; None if its metadata does not say."""
    return _noted(intent, names.REMAINING) or _noted(intent, names.TOTAL)


def _noted(intent: PaymentIntent, name: str) -> Money | None:
    noted = intent.metadata.get(name)
    try:
        return from_decimal(noted, intent.currency) if noted else None
    except Rejected:
        log.warning("metadata edited at Stripe", payment_intent=intent.id)
        return None


def _target(intent: PaymentIntent, due: Due) -> Due:
    """Return the amount that the intent should have."""
    money = intent.money(intent.amount)
    money.in_currency(due.currency)
    total_before = _noted(intent, names.TOTAL)
    rise = max(Decimal(0), due.total - total_before.amount) if total_before is not None else Decimal(0)
    raised = money.amount + rise
    is_too_much = from_decimal(raised, money.currency).minor > due.minor
    return (
        due if _covers_all(intent) or is_too_much or due.is_over else Due(raised, money.currency, due.total)
    )


def _covers_all(intent: PaymentIntent) -> bool:
    due_before = noted_due(intent)
    return due_before is not None and intent.amount >= due_before.minor
