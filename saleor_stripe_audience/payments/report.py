"""Report to Saleor what is missing from its ledger of a payment now, whatever the event from Stripe said.

Except for a refund that Saleor requested and whose response is still on its way: Saleor connects a refund with its
request, and with the granted refund, only if it learns of it by the response first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils import timezone
from django.utils.functional import Promise

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import balance_transactions, payment_intents
from saleor_stripe_audience.gateway import disputes as stripe_disputes
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway import refunds as stripe_refunds
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import Charge, Dispute, PaymentIntent, Refund
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import (
    declines,
    disputes,
    fees,
    methods,
    notices,
    ownership,
    records,
    repeats,
    staff_messages,
)
from saleor_stripe_audience.payments.ledger import (
    ReportedEvent,
    StripeState,
    declined,
    has_failed,
    is_known,
    missing_events,
)
from saleor_stripe_audience.payments.outcomes import Outcome
from saleor_stripe_audience.saleor.client import (
    TransactionEvent,
    TransactionReport,
    fetch_transaction_events,
    report_transaction_event,
)
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

HAS_MONEY = frozenset({"processing", "requires_capture", "succeeded"})


@dataclass(frozen=True)
class Reported:
    """What was reported; `is_all` is False if a refund was left to the response to its request."""

    outcomes: list[Outcome]
    is_all: bool


def report_payment(
    account: StripeAccount,
    intent_id: str,
    report_later: Callable[[StripeAccount, str], None],
    *,
    is_disputed: bool = False,
) -> Write | None:
    """Report what is missing for the payment; returns a function that stores it, or None if the payment is not the
    shop's.

    That function calls `report_later` if something was left out for now. `is_disputed` if an event said so: an inquiry
    does not show on the charge.
    """
    fetched_at = timezone.now()
    intent = payment_intents.retrieve(account, intent_id)
    try:
        recognized = ownership.recognize(account, intent)
        reported = report_missing(account, intent, is_disputed=is_disputed)
    except Rejected as error:
        if error.code not in ownership.NOT_OURS:
            raise
        if error.code == ownership.FOREIGN:
            report_foreign(account, intent)
        return None

    def write() -> None:
        records.save(account, recognized, fetched_at)
        if not reported.is_all:
            report_later(account, intent_id)

    return write


def report_missing(
    account: StripeAccount,
    intent: PaymentIntent,
    *,
    decline: Promise | None = None,
    is_disputed: bool = False,
) -> Reported:
    """Report what is missing from Saleor's ledger of the intent; returns what was reported.

    Repeating it reports nothing more. `Unavailable` when one side does not respond; `Rejected` with a code of
    `ownership.NOT_OURS` unless the intent is the very one of its transaction: nothing is reported then. `decline` is
    the message of one that has to be reported too, unless the history has it.
    """
    installation = Installation.objects.get(pk=account.installation_id)
    intent = ownership.recognize(account, intent)
    events = fetch_transaction_events(installation, intent.transaction_id)
    state = _state_of(account, intent, is_disputed=is_disputed)
    missing = missing_events(
        state, [ReportedEvent(each.type, each.psp_reference, each.amount, each.message) for each in events]
    )
    outcomes = _without_answered(installation, state, missing, events)
    is_all = len(outcomes) == len(missing)
    if decline is not None and not _is_in_history(decline, intent, events, outcomes):
        outcomes.append(declined(state, decline))
    for outcome in outcomes:
        report_transaction_event(installation, _report_of(outcome, intent))
    notices.notify(
        installation,
        intent,
        [
            *notices.of_transfer(installation, intent),
            *notices.of_disputes(state.disputes),
            *notices.of_waiting_refunds(installation, state.refunds),
            *notices.of_failed_refunds(installation, state.refunds, intent),
        ],
    )
    return Reported(outcomes, is_all)


def _is_in_history(
    decline: Promise, intent: PaymentIntent, events: list[TransactionEvent], outcomes: list[Outcome]
) -> bool:
    """Whether staff can read of the decline: Saleor would store a repeated one again. A failure says it in staff's
    words.
    """
    history = {(each.type, each.psp_reference) for each in events}
    history |= {(each.result, each.psp_reference) for each in outcomes}
    messages = {each.message for each in events} | {each.message for each in outcomes}
    return is_known(decline, messages) or (intent.is_payable and has_failed(intent, history))


def _without_answered(
    installation: Installation, state: StripeState, missing: list[Outcome], events: list[TransactionEvent]
) -> list[Outcome]:
    """Leave out the refunds that Saleor is about to learn of by the response to its request."""
    known = {each.psp_reference for each in events if each.type.startswith("REFUND_")}
    requested = {each.id for each in state.refunds if names.REQUEST in each.metadata} - known
    transaction_id = state.intent.transaction_id
    if not any(each.psp_reference in requested for each in missing):
        return missing
    if not repeats.is_refund_being_answered(installation, transaction_id):
        return missing
    return [each for each in missing if each.psp_reference not in requested]


def _state_of(account: StripeAccount, intent: PaymentIntent, *, is_disputed: bool) -> StripeState:
    """The intent with its refunds and disputes; those are fetched only where there can be any."""
    charge = intent.charge
    refunds, disputed = [], []
    if charge is not None and charge.captured:
        listed = stripe_refunds.list_for(account, intent.id)
        refunds = [each for each in listed if not _is_release(each, charge)]
    if is_disputed or (charge is not None and charge.disputed):
        disputed = stripe_disputes.list_for(account, intent.id)
    settled = _settled(account, intent, disputed)
    return StripeState(intent, intent.flow, refunds, disputed, settled)


def _is_release(refund: Refund, charge: Charge) -> bool:
    """Whether it is the rest of a hold, released at its capture: Stripe also lists this as a refund, but no money
    moved.
    """
    rest = charge.amount - charge.amount_captured
    nothing_moved = refund.status == "succeeded" and not refund.balance_transaction
    return rest > 0 and refund.amount == rest and nothing_moved


def _settled(account: StripeAccount, intent: PaymentIntent, found: list[Dispute]) -> Money | None:
    """Return the payment's settled amount, which is only fetched if a dispute is not in the payment's currency."""
    if intent.charge is None or not any(disputes.is_in_other_currency(each, intent) for each in found):
        return None
    settled = fees.settled_by(balance_transactions.list_for(account, intent.charge.id))
    return settled.gross if settled is not None else None


def _report_of(outcome: Outcome, intent: PaymentIntent) -> TransactionReport:
    return TransactionReport(
        transaction_id=intent.transaction_id,
        type=outcome.result,
        psp_reference=outcome.psp_reference,
        amount=outcome.amount,
        message=outcome.message,
        external_url=outcome.external_url,
        available_actions=outcome.actions,
        payment_method=methods.reported_details(intent),
    )


def report_decline(account: StripeAccount, intent_id: str, charge_id: str, code: str) -> None:
    """Report the decline of that charge, unless the shopper has tried again since or Saleor knows of it.

    The intent may be canceled by now, because the shopper paid with another one. `code` is Stripe's from the event:
    Stripe removes the error from an intent that changes.
    """
    intent = payment_intents.retrieve(account, intent_id)
    is_unpaid = intent.is_payable or intent.status == "canceled"
    if is_unpaid and intent.latest_charge_id == charge_id:
        report_missing(account, intent, decline=declines.message_of(intent.decline_code or code))


def report_foreign(account: StripeAccount, intent: PaymentIntent) -> None:
    """Report a payment that names a transaction of the shop but is not that transaction's, as a problem of the shop.

    Anyone with access to the Stripe account can write our metadata on a payment of their own. Such a payment is never
    booked. The problem is over once it is canceled or refunded. Repeating it changes nothing.
    """
    left = intent.amount_received - intent.refunded_minor if intent.status == "succeeded" else intent.amount
    has_money = intent.status in HAS_MONEY and left > 0
    message = with_values(staff_messages.FOREIGN, payment=intent.id, account=account.name)
    problems.report_or_clear(account.installation, f"foreign-{intent.id}", message if has_money else None)
