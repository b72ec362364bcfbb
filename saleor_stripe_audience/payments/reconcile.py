"""What Stripe and the host disagree on, found and healed: after any outage both sides agree with no one's help.

Three looks: Stripe's events that the inbox lacks are recorded there; what the host told in vain, or never told, is
recorded likewise (saleor.missed_events); and every payment that changed at Stripe is held against the host's ledger.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db.models import F

from saleor_stripe_audience.errors import Blocked, Failure, Unavailable
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.onboarding import EVENTS
from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.payments import foreign, ownership, surplus
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.reporting import settle
from saleor_stripe_audience.saleor.missed_events import record_missed_events
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Json = dict[str, Any]

STRIPE_KEEPS = timedelta(days=29)
FIRST_LOOK = timedelta(days=1)
OPEN = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
)
OPEN_FOR = timedelta(days=30)
OLD_AT_ONCE = 500  # of the payments that are open for longer, those not looked at for longest
REFUND_LASTS = timedelta(days=60)  # a refund made before the last look may have failed since
DISPUTE_LASTS = timedelta(days=180)  # and a dispute been decided


@dataclass(frozen=True)
class Difference:
    """Something the two sides did not agree on: `healed` says whether they do now, `why` why not."""

    what: str
    where: str
    healed: bool
    why: str = ""


@dataclass(frozen=True)
class Reconciled:
    """One shop's outcome; `recorded` counts what the inbox lacked, by kind."""

    shop: str
    recorded: dict[str, int]
    compared: int
    differences: list[Difference]

    def as_json(self) -> Json:
        return asdict(self)


def reconcile(installation: Installation, since: datetime | None = None) -> Reconciled:
    """Look at everything since the last look, or since then. Repeating it finds nothing more.

    Whatever fails with one account or payment is told, and keeps no other from its turn.
    """
    recorded: dict[str, int] = {}
    differences: list[Difference] = []
    with apart("catching up", installation=str(installation.pk)) as failures:
        recorded |= record_missed_events(installation, since)
    differences += [
        Difference("Saleor could not be asked", installation.saleor_api_url, healed=False, why=why)
        for why in failures.messages
    ]
    compared = 0
    for account in accounts_of(installation.pk):
        if account.has_left:
            continue  # its owner took away our access: Stripe answers nothing about it any more
        compared += _reconcile_account(installation, account, since, recorded, differences)
    told = Reconciled(installation.saleor_api_url, recorded, compared, differences)
    log.info(
        "reconciled",
        installation=str(installation.pk),
        recorded=sum(recorded.values()),
        compared=compared,
        differences=len(differences),
        open=sum(not each.healed for each in differences),
    )
    return told


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
        recorded[f"Stripe events of {account.name}"] = _lost_events(account, since)
    found: list[str] = []
    with apart("listing payments", account=str(account.pk)) as of_payments:
        found = list(_payments(account, since, looked))
    differences += [
        Difference("Stripe could not be asked", account.name, healed=False, why=why)
        for why in dict.fromkeys([*of_events.messages, *of_payments.messages])
    ]
    all_seen = not of_payments.any
    for intent_id in found:
        with apart("comparing a payment", payment_intent=intent_id) as failures:
            outcome = _compared(installation, account, intent_id)
            differences += outcome.differences
            all_seen = all_seen and not outcome.is_passing
        differences += [_not_compared(intent_id, why) for why in failures.messages]
    if all_seen:
        cursors.advance(account.pk, "payments", looked)
    return len(found)


def reconcile_all(since: datetime | None = None) -> list[Reconciled]:
    """Every shop in turn."""
    told = []
    for shop in Installation.objects.filter(is_active=True).order_by("registered_at"):
        with apart("reconciling", installation=str(shop.pk)) as failures:
            told.append(reconcile(shop, since))
        if failures.any:
            why = " ".join(failures.messages)
            lost = Difference("The shop could not be compared", shop.saleor_api_url, healed=False, why=why)
            told.append(Reconciled(shop.saleor_api_url, {}, 0, [lost]))
    return told


def compare(installation: Installation, account: StripeAccount, intent_id: str) -> list[Difference]:
    """Hold one payment against the host's ledger now; what was lacking is told."""
    return _compared(installation, account, intent_id).differences


def _lost_events(account: StripeAccount, since: datetime | None) -> int:
    """Record what Stripe told, or tried to tell; how many were new. The oldest first, as they would have come."""
    looked = datetime.now(UTC)
    begin = max(since or cursors.begin(account.pk, "events", looked - FIRST_LOOK), looked - STRIPE_KEEPS)
    kinds = [kind for kind in EVENTS if is_handled("stripe", kind)]
    events = sorted(
        client.events_since(account, int(begin.timestamp()), kinds), key=lambda each: each["created"]
    )
    new = 0
    for each in events:
        if each["livemode"] != account.livemode:
            continue
        with apart("recording an event", account=str(account.pk), event_id=str(each["id"])):
            occurred_at = datetime.fromtimestamp(each["created"], UTC)
            new += inbox.record("stripe", account.pk, each["id"], each["type"], each, occurred_at)
    cursors.advance(account.pk, "events", looked)
    return new


def _payments(account: StripeAccount, since: datetime | None, looked: datetime) -> Iterator[str]:
    """The account's payments to be compared: those begun since, those still open, and those that changed since.

    Stripe's events tell of changes for 30 days. If the last look is longer ago, its refunds and disputes do, for
    payments of any age.
    """
    first = min(account.created_at, looked - FIRST_LOOK)
    begin = since or cursors.begin(account.pk, "payments", first)
    known = Payment.objects.filter(account=account)
    chosen: dict[str, None] = {}
    for intent in client.payment_intents_since(account, int(begin.timestamp())):
        if _names_ours(account, intent.to_dict()) or known.filter(payment_intent_id=intent.id).exists():
            chosen[intent.id] = None
    still_open = known.filter(status__in=OPEN)
    recent = known.filter(updated_at__gte=begin) | still_open.filter(created_at__gte=begin - OPEN_FOR)
    old = still_open.filter(created_at__lt=begin - OPEN_FOR).order_by(F("asked_at").asc(nulls_first=True))
    chosen |= dict.fromkeys(recent.values_list("payment_intent_id", flat=True))
    chosen |= dict.fromkeys(old.values_list("payment_intent_id", flat=True)[:OLD_AT_ONCE])
    if begin < looked - STRIPE_KEEPS:
        moved = [
            *client.refunded_since(account, int((begin - REFUND_LASTS).timestamp())),
            *client.disputed_since(account, int((begin - DISPUTE_LASTS).timestamp())),
        ]
        ours = set(known.filter(payment_intent_id__in=moved).values_list("payment_intent_id", flat=True))
        chosen |= dict.fromkeys(each for each in moved if each in ours)
    yield from chosen


def _names_ours(account: StripeAccount, intent: Json) -> bool:
    """Whether its metadata names a transaction of the shop."""
    has_transaction = bool((intent.get("metadata") or {}).get(ownership.TRANSACTION))
    return has_transaction and ownership.is_ours(intent, account.installation_id)


@dataclass(frozen=True)
class _Compared:
    """`is_passing`: it could not be compared, for a reason that passes, so it must be looked at again."""

    differences: list[Difference]
    is_passing: bool = False


def _compared(installation: Installation, account: StripeAccount, intent_id: str) -> _Compared:
    """Heal one payment. What is refused is told, and the others are looked at all the same."""
    where = f"payment {intent_id}"
    differences: list[Difference] = []
    asked_at = datetime.now(UTC)
    try:
        intent = client.retrieve_payment_intent(account, intent_id).to_dict()
        intent = ownership.recognize(account, intent)
        if not Payment.objects.filter(account=account, payment_intent_id=intent_id).exists():
            differences.append(Difference("the payment was not known here", where, healed=True))
        outcomes = settle(account, intent)
        ownership.remember(installation, account, intent, "", asked_at)
        if outcomes:  # the event that would have ended the checkout's other open payments was lost
            surplus.follow(installation, intent["metadata"][ownership.TRANSACTION])
    except Failure as error:
        if error.code == ownership.FOREIGN:
            foreign.tell(account, intent)
        differences.append(_not_compared(intent_id, error.message))
        return _Compared(differences, isinstance(error, Unavailable | Blocked))
    for outcome in outcomes:
        what = f"Saleor had not been told of {outcome.result} {outcome.money}"
        differences.append(Difference(what, where, healed=True))
    return _Compared(differences)


def _not_compared(intent_id: str, why: str) -> Difference:
    return Difference("the payment could not be compared", f"payment {intent_id}", healed=False, why=why)
