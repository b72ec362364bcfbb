"""Stripe tells, the host is told: whatever the event says, what is reported is what the host's ledger lacks now."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import balance, client
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import delayed, disputes, foreign, methods, notices, ownership
from saleor_stripe_audience.payments.fees import settled_by
from saleor_stripe_audience.payments.ledger import Held, Told, lacking
from saleor_stripe_audience.payments.outcomes import WAITING, Outcome, latest_charge, outcome_of
from saleor_stripe_audience.saleor.client import (
    TransactionEvent,
    TransactionReport,
    fetch_transaction_events,
    report_transaction_event,
)
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

DECLINE_IS_TOLD_AFTER = timedelta(minutes=2)  # by then the shopper's browser has asked, or will not


def report_payment_intent(event: Event) -> Write | None:
    return _report(event, _object(event).get("id"))


def report_voucher(event: Event) -> Write | None:
    """A voucher was handed out. 3-D Secure and the like need no report: the shopper is at it."""
    return _report(event, _object(event).get("id")) if delayed.is_handed_out(_object(event)) else None


def report_decline(event: Event) -> Write | None:
    """As any other, and later the decline itself, unless the storefront asked meanwhile: staff see it once.

    Stripe tells of a decline before the shopper's browser is back, and whatever `transactionProcess` is answered
    becomes an entry of the transaction's history too.
    """
    from saleor_stripe_audience.payments.tasks import tell_decline  # noqa: PLC0415 - tasks call back into this module

    remember = _report(event, _object(event).get("id"))
    if remember is None:
        return None
    charge_id = str(_object(event).get("latest_charge") or "")

    def write() -> None:
        remember()
        later = tell_decline.using(run_after=timezone.now() + DECLINE_IS_TOLD_AFTER)
        later.enqueue(str(event.origin), str(_object(event)["id"]), charge_id)

    return write


def tell_decline(account: StripeAccount, intent_id: str, charge_id: str) -> None:
    """The decline of that charge, if the shopper has not tried again since and the host does not know of it yet."""
    intent = client.retrieve_payment_intent(account, intent_id).to_dict()
    charge = latest_charge(intent)
    if intent["status"] in WAITING and (charge or {}).get("id", "") == charge_id:
        settle(account, intent, declined=True)


def report_what_moved(event: Event) -> Write | None:
    """Refunds and disputes, also those made or lost at Stripe: they name their intent."""
    is_disputed = event.kind.startswith("charge.dispute.")
    return _report(event, _object(event).get("payment_intent"), is_disputed=is_disputed)


def settle(
    account: StripeAccount, intent: Json, *, declined: bool = False, disputed: bool = False
) -> list[Outcome]:
    """Bring the host's ledger to what Stripe holds of the intent; returns what was reported.

    Repeating it reports nothing more. `Unavailable` when one side cannot be asked now; `Rejected` with a code of
    `ownership.NOT_OURS` unless the intent is the very one of its transaction: nothing is reported then. `disputed` if
    an event said so: an inquiry does not show on the charge.
    """
    installation = Installation.objects.get(pk=account.installation_id)
    intent = ownership.recognize(account, intent)
    transaction_id = intent["metadata"][ownership.TRANSACTION]
    events = fetch_transaction_events(installation, transaction_id)
    held = _held(account, intent, disputed=disputed)
    outcomes = lacking(held, [_told(each) for each in events])
    if declined and not outcomes and intent["status"] in WAITING:
        decline = outcome_of(intent, held.flow)
        outcomes = [] if _knows(events, decline) else [decline]
    for outcome in outcomes:
        report_transaction_event(installation, _as_report(transaction_id, outcome, intent))
    notices.tell(
        installation, intent, [*notices.of_disputes(held.disputes), *notices.of_refunds(held.refunds)]
    )
    return outcomes


def _knows(events: list[TransactionEvent], decline: Outcome) -> bool:
    """Whether the history has it: the host takes the same decline as often as it is told."""
    return any((each.type, each.message) == (decline.result, decline.message) for each in events)


def _report(event: Event, intent_id: Any, *, is_disputed: bool = False) -> Write | None:
    account = account_of(event)
    if not isinstance(intent_id, str):
        return None
    installation = Installation.objects.get(pk=account.installation_id)
    asked_at = timezone.now()
    intent = client.retrieve_payment_intent(account, intent_id).to_dict()
    try:
        recognized = ownership.recognize(account, intent)
        settle(account, intent, disputed=is_disputed)
    except Rejected as error:
        if error.code not in ownership.NOT_OURS:
            raise
        if error.code == ownership.FOREIGN:
            foreign.tell(account, intent)
        return None
    return lambda: ownership.remember(installation, account, recognized, "", asked_at)


def _held(account: StripeAccount, intent: Json, *, disputed: bool = False) -> Held:
    """The intent with its refunds and disputes; those are asked for only where there can be any."""
    charge = latest_charge(intent) or {}
    refunds = client.refunds_of(account, intent["id"]) if charge.get("captured") else []
    has_disputes = disputed or bool(charge.get("disputed"))
    found = [each.to_dict() for each in client.disputes_of(account, intent["id"])] if has_disputes else []
    return Held(
        intent,
        ownership.flow_of(intent),
        [each.to_dict() for each in refunds if not _is_release(each.to_dict(), charge)],
        found,
        _settled(account, intent, charge, found),
    )


def _settled(account: StripeAccount, intent: Json, charge: Json, found: list[Json]) -> Money | None:
    """What the balance got for the payment: asked only where a dispute cannot be told in the payment's currency."""
    if not any(disputes.is_of_other_currency(each, intent) for each in found):
        return None
    settled = settled_by(balance.entries_of(account, charge["id"]))
    return settled.gross if settled is not None else None


def _is_release(refund: Json, charge: Json) -> bool:
    """Stripe lists the rest of a hold, given up at its capture, as a refund too; but no money moved for it."""
    rest = int(charge["amount"]) - int(charge["amount_captured"])
    nothing_moved = refund["status"] == "succeeded" and not refund.get("balance_transaction")
    return rest > 0 and refund["amount"] == rest and nothing_moved


def _told(event: TransactionEvent) -> Told:
    return Told(event.type, event.psp_reference, event.amount)


def _as_report(transaction_id: str, outcome: Outcome, intent: Json) -> TransactionReport:
    """Told as of now: the host orders a ledger by time, and a refund that failed must come after its success."""
    return TransactionReport(
        transaction_id=transaction_id,
        type=outcome.result,
        psp_reference=outcome.psp_reference,
        amount=outcome.amount,
        time=timezone.now(),
        message=outcome.message,
        external_url=outcome.external_url,
        available_actions=outcome.actions,
        payment_method=methods.reported_details(intent),
    )


def _object(event: Event) -> Json:
    told: Json = (event.payload or {})["data"]["object"]
    return told
