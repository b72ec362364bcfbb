"""What Stripe and the host disagree on, found and healed: after any outage both sides agree with no one's help.

Three looks: Stripe's events that the inbox lacks are recorded there; what the host told in vain, or never told, is
recorded likewise (saleor.catch_up); and every payment that changed at Stripe is held against the host's ledger.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db.models import Q

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.onboarding import EVENTS
from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox import handlers as inbox
from saleor_stripe_audience.payments import foreign, ownership
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.reporting import settle
from saleor_stripe_audience.saleor.catch_up import catch_up
from saleor_stripe_audience.saleor.models import Installation

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
    """Look at everything since the last look, or since then. Repeating it finds nothing more."""
    recorded: dict[str, int] = {}
    differences: list[Difference] = []
    try:
        recorded |= catch_up(installation, since)
    except Failure as error:
        differences.append(
            Difference(
                "Saleor could not be asked", installation.saleor_api_url, healed=False, why=error.message
            )
        )
    compared = 0
    for account in accounts_of(installation.pk):
        if account.has_left:
            continue  # its owner took away our access: Stripe answers nothing about it any more
        try:
            recorded[f"Stripe events of {account.name}"] = _lost_events(account, since)
            found = list(_payments(account, since))
        except Failure as error:
            differences.append(
                Difference("Stripe could not be asked", account.name, healed=False, why=error.message)
            )
            continue
        compared += len(found)
        for intent_id in found:
            differences += _compared(installation, account, intent_id)
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


def reconcile_all(since: datetime | None = None) -> list[Reconciled]:
    """Every shop in turn."""
    return [
        reconcile(each, since)
        for each in Installation.objects.filter(is_active=True).order_by("registered_at")
    ]


def _lost_events(account: StripeAccount, since: datetime | None) -> int:
    """Record what Stripe told, or tried to tell; how many were new. The oldest first, as they would have come."""
    looked = datetime.now(UTC)
    begin = max(since or cursors.begin(account.pk, "events", looked - FIRST_LOOK), looked - STRIPE_KEEPS)
    kinds = [kind for kind in EVENTS if inbox.is_handled("stripe", kind)]
    events = sorted(
        client.events_since(account, int(begin.timestamp()), kinds), key=lambda each: each["created"]
    )
    new = sum(
        inbox.record(
            "stripe", account.pk, each["id"], each["type"], each, datetime.fromtimestamp(each["created"], UTC)
        )
        for each in events
        if each["livemode"] == account.livemode
    )
    cursors.advance(account.pk, "events", looked)
    return new


def _payments(account: StripeAccount, since: datetime | None) -> Iterator[str]:
    """The account's payments to be compared: those begun since, ours by their metadata, and those still open."""
    looked = datetime.now(UTC)
    begin = since or cursors.begin(account.pk, "payments", looked - FIRST_LOOK)
    seen = set()
    for intent in client.payment_intents_since(account, int(begin.timestamp())):
        if ownership.is_ours(intent.to_dict(), account.installation_id):
            seen.add(intent.id)
            yield intent.id
    remembered = Payment.objects.filter(account=account).filter(
        Q(updated_at__gte=begin) | Q(status__in=OPEN, created_at__gte=looked - OPEN_FOR)
    )
    for intent_id in remembered.values_list("payment_intent_id", flat=True):
        if intent_id not in seen:
            yield intent_id
    cursors.advance(account.pk, "payments", looked)


def _compared(installation: Installation, account: StripeAccount, intent_id: str) -> Iterator[Difference]:
    """Heal one payment. What is refused is told, and the others are looked at all the same."""
    where = f"payment {intent_id}"
    asked_at = datetime.now(UTC)
    try:
        intent = client.retrieve_payment_intent(account, intent_id).to_dict()
        intent = ownership.recognize(account, intent)
        if not Payment.objects.filter(account=account, payment_intent_id=intent_id).exists():
            yield Difference("the payment was not known here", where, healed=True)
        outcomes = settle(account, intent)
        ownership.remember(installation, account, intent, "", asked_at)
    except Failure as error:
        if error.code == ownership.FOREIGN:
            foreign.tell(account, intent, error)
        yield Difference("the payment could not be compared", where, healed=False, why=error.message)
        return
    for outcome in outcomes:
        yield Difference(f"Saleor had not been told of {outcome.result} {outcome.money}", where, healed=True)
