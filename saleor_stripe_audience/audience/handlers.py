"""What the audience does with Saleor's events; each runs in one transaction with its record of having run.

`occurred_at` is Saleor's `issuedAt`, to the microsecond: it orders the events of one object.
"""

from functools import partial
from typing import Any

import structlog

from saleor_stripe_audience.audience.consent.deliveries import record
from saleor_stripe_audience.audience.consent.deliveries import services as deliveries
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.audience.shopping import carts, payment_facts, purchases
from saleor_stripe_audience.audience.signup import metadata
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import payment_intents
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.events import object_of
from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor.client import installation_of
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

_DELETIONS = {
    "customer_deleted": Erasure.Reason.CUSTOMER_DELETED,
    "account_deleted": Erasure.Reason.ACCOUNT_DELETED,
}


def record_order(event: Event) -> None:
    if (order := _part(event, "order")) is not None:
        purchases.record_order(installation_of(event), order, event.occurred_at)


# Apart from the order itself: a consent that proves nothing is told as one problem, the purchase is kept.
def record_order_consent(event: Event) -> None:
    installation, order = installation_of(event), _part(event, "order")
    if order is None:
        return
    try:
        metadata.record_order_consent(installation, order, event.occurred_at)
    except Rejected as refused:
        _tell_of_consent(installation, Consent.Source.CHECKOUT, refused)


def record_checkout(event: Event) -> None:
    if (checkout := _part(event, "checkout")) is not None:
        carts.record_checkout(installation_of(event), checkout, event.occurred_at)


def record_customer(event: Event) -> None:
    if (user := _part(event, "user")) is not None:
        identity.record_customer(installation_of(event), user, event.occurred_at)


def record_customer_consent(event: Event) -> None:
    installation, user = installation_of(event), _part(event, "user")
    if user is None:
        return
    try:
        metadata.record_account_consent(installation, user, event.occurred_at)
    except Rejected as refused:
        _tell_of_consent(installation, Consent.Source.ACCOUNT, refused)


def erase_customer(event: Event) -> None:
    """Saleor sends `account_deleted` alone when customers delete their own account."""
    if (user := _part(event, "user")) is not None:
        erasure.follow_deletion(installation_of(event), user, _DELETIONS[event.kind], event)


def record_decline(event: Event) -> None:
    """The shopper sees it at once; the shop's own list of those who could not pay is made here."""
    intent = object_of(event, PaymentIntent)
    installation = Installation.objects.get(pk=account_of(event).installation_id)
    if source := payment_facts.source_of(intent, installation):
        fact = payment_facts.decline_of(intent, event.occurred_at, event.key)
        payment_facts.record(installation, source, fact, event.occurred_at)


def record_dispute(event: Event) -> Write | None:
    """A dispute names its PaymentIntent; Stripe is asked which checkout or order that one pays."""
    dispute, account = object_of(event, Dispute), account_of(event)
    if not dispute.payment_intent:
        return None
    intent = payment_intents.retrieve(account, dispute.payment_intent)
    installation = Installation.objects.get(pk=account.installation_id)
    source = payment_facts.source_of(intent, installation)
    fact = payment_facts.dispute_of(dispute)
    if not source:
        return None
    return partial(payment_facts.record, installation, source, fact, event.occurred_at)


def record_delivery(event: Event) -> None:
    """A mail service told what became of a mail."""
    told = event.payload or {}
    kind, recipient = deliveries.Kind(event.kind), str(told.get("recipient", ""))
    record.record(installation_of(event), kind, recipient, event.occurred_at, str(told.get("service", "")))


def _tell_of_consent(installation: Installation, source: str, refused: Rejected) -> None:
    """A consent that proves nothing is one problem of the shop; anything else that is wrong is the event's own."""
    if not refused.code.startswith("consent_"):
        raise refused
    metadata.report_problem(installation, source, refused)


def _part(event: Event, name: str) -> dict[str, Any] | None:
    """What the event is about; None where it was gone before Saleor wrote the payload, or was not shown to the app.

    Both are ordinary: payloads are written late, and a permission that the app lacks is told as a problem of the shop.
    """
    payload = event.payload or {}
    if name in payload and payload[name] is None:
        log.info("event without its object", event_id=event.pk, kind=event.kind)
        return None
    if not isinstance(payload.get(name), dict):
        raise Rejected(f"Saleor's {event.kind} came without its {name}.", code="payload")
    found: dict[str, Any] = payload[name]
    return found
