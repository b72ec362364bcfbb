"""Find and repair differences between Stripe and Saleor: after any outage, both sides agree again without manual work.

Events of Stripe and of Saleor (saleor.missed_events) that are missing from the inbox are recorded there, and every
payment that changed at Stripe is compared with Saleor's ledger.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db.models import F

from saleor_stripe_audience.errors import Blocked, Failure, Unavailable
from saleor_stripe_audience.gateway import catalogue, disputes, events, payment_intents, refunds
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PAYABLE, PaymentIntent
from saleor_stripe_audience.gateway.onboarding import EVENTS
from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.payments import amounts_due, order_matching, ownership, records
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.report import report_foreign, report_missing
from saleor_stripe_audience.saleor.missed_events import record_missed_events
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Json = dict[str, Any]

STRIPE_STORES = timedelta(days=29)  # its events
FIRST_LOOK = timedelta(days=1)
OPEN = (*PAYABLE, "processing", "requires_capture")
OPEN_FOR = timedelta(days=30)
OLD_AT_ONCE = 500  # of payments that have been open for longer, those that were last compared longest ago
REFUND_LASTS = timedelta(days=60)  # a refund made before the last run may have failed since
DISPUTE_LASTS = timedelta(days=180)  # and a dispute been decided


@dataclass(frozen=True)
class Difference:
    """Something that the two sides did not agree on: `fixed` says whether they do now, `why` why they do not."""

    what: str
    where: str
    fixed: bool
    why: str = ""


@dataclass(frozen=True)
class Reconciled:
    """One shop's outcome; `recorded` counts what the inbox missed, by kind."""

    shop: str
    recorded: dict[str, int]
    compared: int
    differences: list[Difference]

    def as_json(self) -> Json:
        return asdict(self)


def reconcile_all(since: datetime | None = None) -> list[Reconciled]:
    """Reconcile every shop in turn."""
    results = []
    for shop in Installation.objects.filter(is_active=True).order_by("registered_at"):
        with apart("reconciling", installation=str(shop.pk)) as failures:
            results.append(reconcile(shop, since))
        if failures.any:
            why = " ".join(failures.messages)
            lost = Difference("The shop could not be compared", shop.saleor_api_url, fixed=False, why=why)
            results.append(Reconciled(shop.saleor_api_url, {}, 0, [lost]))
    return results


def reconcile(installation: Installation, since: datetime | None = None) -> Reconciled:
    """Check everything since the last run, or since `since`. Repeating it finds nothing more.

    A failure with one account or payment is reported, and does not stop the others.
    """
    recorded: dict[str, int] = {}
    differences: list[Difference] = []
    with apart("catching up", installation=str(installation.pk)) as failures:
        recorded |= record_missed_events(installation, since)
    differences += [
        Difference("Saleor could not be queried", installation.saleor_api_url, fixed=False, why=why)
        for why in failures.messages
    ]
    compared = 0
    for account in accounts_of(installation.pk):
        if account.has_left:
            continue  # its owner revoked our access: Stripe no longer responds to requests about it
        compared += _reconcile_account(installation, account, since, recorded, differences)
    result = Reconciled(installation.saleor_api_url, recorded, compared, differences)
    log.info(
        "reconciled",
        installation=str(installation.pk),
        recorded=sum(recorded.values()),
        compared=compared,
        differences=len(differences),
        open=sum(not each.fixed for each in differences),
    )
    return result


def _reconcile_account(
    installation: Installation,
    account: StripeAccount,
    since: datetime | None,
    recorded: dict[str, int],
    differences: list[Difference],
) -> int:
    """Add to `recorded` and `differences`; returns how many payments were compared."""
    looked = datetime.now(UTC)
    with apart("fetching events", account=str(account.pk)) as of_events:
        recorded[f"Stripe events of {account.name}"] = _record_missed_events(account, since)
    found: list[str] = []
    with apart("listing payments", account=str(account.pk)) as of_payments:
        found = list(_payments_to_compare(account, since, looked))
    differences += [
        Difference("Stripe could not be queried", account.name, fixed=False, why=why)
        for why in dict.fromkeys([*of_events.messages, *of_payments.messages])
    ]
    all_seen = not of_payments.any
    for intent_id in found:
        with apart("comparing a payment", payment_intent=intent_id) as failures:
            outcome = _compare(installation, account, intent_id)
            differences += outcome.differences
            all_seen = all_seen and not outcome.is_temporary
        differences += [_not_compared(intent_id, why) for why in failures.messages]
    if all_seen:
        cursors.advance(account.pk, "payments", looked)
    return len(found)


def _record_missed_events(account: StripeAccount, since: datetime | None) -> int:
    """Record what Stripe sent, or tried to send; returns how many were new. Oldest first, as they would have
    arrived.
    """
    looked = datetime.now(UTC)
    begin = max(since or cursors.begin(account.pk, "events", looked - FIRST_LOOK), looked - STRIPE_STORES)
    kinds = [kind for kind in EVENTS if is_handled("stripe", kind)]
    listed = events.list_since(account, int(begin.timestamp()), kinds)
    new = 0
    for each in sorted(listed, key=lambda event: event["created"]):
        if each["livemode"] != account.livemode or catalogue.is_own(each):
            continue
        with apart("recording an event", account=str(account.pk), event_id=str(each["id"])):
            occurred_at = datetime.fromtimestamp(each["created"], UTC)
            new += inbox.record("stripe", account.pk, each["id"], each["type"], each, occurred_at)
    cursors.advance(account.pk, "events", looked)
    return new


def _payments_to_compare(account: StripeAccount, since: datetime | None, looked: datetime) -> Iterator[str]:
    """The ids of payments created since, those still open, and those that changed since.

    Stripe's events show changes for 30 days. If the last look is longer ago, its refunds and disputes do, for payments
    of any age.
    """
    first = min(account.created_at, looked - FIRST_LOOK)
    begin = since or cursors.begin(account.pk, "payments", first)
    known = Payment.objects.filter(account=account)
    chosen: dict[str, None] = {}
    for intent in payment_intents.list_since(account, int(begin.timestamp())):
        names_ours = bool(intent.transaction_id) and intent.belongs_to(account.installation_id)
        if names_ours or known.filter(payment_intent_id=intent.id).exists():
            chosen[intent.id] = None
    still_open = known.filter(status__in=OPEN)
    recent = known.filter(updated_at__gte=begin) | still_open.filter(created_at__gte=begin - OPEN_FOR)
    old = still_open.filter(created_at__lt=begin - OPEN_FOR).order_by(F("fetched_at").asc(nulls_first=True))
    chosen |= dict.fromkeys(recent.values_list("payment_intent_id", flat=True))
    chosen |= dict.fromkeys(old.values_list("payment_intent_id", flat=True)[:OLD_AT_ONCE])
    if begin < looked - STRIPE_STORES:
        moved = [
            *refunds.refunded_since(account, int((begin - REFUND_LASTS).timestamp())),
            *disputes.disputed_since(account, int((begin - DISPUTE_LASTS).timestamp())),
        ]
        ours = set(known.filter(payment_intent_id__in=moved).values_list("payment_intent_id", flat=True))
        chosen |= dict.fromkeys(each for each in moved if each in ours)
    yield from chosen


def compare(installation: Installation, account: StripeAccount, intent_id: str) -> list[Difference]:
    """Compare one payment with Saleor's ledger now; what is missing is reported."""
    return _compare(installation, account, intent_id).differences


@dataclass(frozen=True)
class _Compared:
    """`is_temporary`: it could not be compared, for a reason that passes, so it must be compared again."""

    differences: list[Difference]
    is_temporary: bool = False


def _compare(installation: Installation, account: StripeAccount, intent_id: str) -> _Compared:
    """Compare and repair one payment. A failure is reported, and the others are still compared."""
    where = f"payment {intent_id}"
    differences: list[Difference] = []
    fetched_at = datetime.now(UTC)
    try:
        intent = payment_intents.retrieve(account, intent_id)
        intent = ownership.recognize(account, intent)
        if not Payment.objects.filter(account=account, payment_intent_id=intent_id).exists():
            differences.append(Difference("the payment was not known here", where, fixed=True))
        reported = report_missing(account, intent)
        records.save_compared(account, intent, fetched_at)
        if reported.outcomes or _leaves_others_open(installation, account, intent):
            # The event that would have ended the checkout's other open payments was lost.
            order_matching.follow(installation, intent.transaction_id)
    except Failure as error:
        if error.code == ownership.FOREIGN:
            report_foreign(account, intent)
        differences.append(_not_compared(intent_id, error.message))
        return _Compared(differences, isinstance(error, Unavailable | Blocked))
    for outcome in reported.outcomes:
        what = f"{outcome.result} {outcome.money} was missing in Saleor"
        differences.append(Difference(what, where, fixed=True))
    return _Compared(differences, is_temporary=not reported.is_all)


def _leaves_others_open(installation: Installation, account: StripeAccount, intent: PaymentIntent) -> bool:
    """Whether the payment is over, and another one of its checkout or order can still be paid."""
    payment = Payment.objects.filter(account=account, payment_intent_id=intent.id).first()
    if payment is None or intent.is_payable:
        return False
    return bool(amounts_due.open_payments_for(installation, payment.source_id))


def _not_compared(intent_id: str, why: str) -> Difference:
    return Difference("the payment could not be compared", f"payment {intent_id}", fixed=False, why=why)
