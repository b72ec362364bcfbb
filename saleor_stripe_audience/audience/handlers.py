"""The audience's event handlers; each runs in one transaction with the record that it ran.

`occurred_at` is Saleor's `issuedAt`, to the microsecond: it orders the events about one object.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent.deliveries import record
from saleor_stripe_audience.audience.consent.deliveries.event_types import Kind
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.people import audiences
from saleor_stripe_audience.audience.people.audiences import LockedShop
from saleor_stripe_audience.audience.people.payloads import Account, read_account
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.audience.shopping import ahead, carts, payment_facts, purchases
from saleor_stripe_audience.audience.shopping.payloads import Order, Purchasing, read_checkout, read_order
from saleor_stripe_audience.audience.signup import metadata
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import payment_intents
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.events import object_of
from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor import channels, client
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

WITHOUT_OBJECT = pgettext_lazy("staff", "Saleor's {event} came without its {name}.")

log = structlog.get_logger(__name__)

_DELETIONS = {
    "customer_deleted": Erasure.Reason.CUSTOMER_DELETED,
    "account_deleted": Erasure.Reason.ACCOUNT_DELETED,
}


@contextmanager
def hold_shop(event: Event) -> Iterator[None]:
    """Hold the lock of the shop that sent the event: everything below waits for it anyway.

    If an event is in an unknown channel, the shop's channels are fetched soon. The task is enqueued after the
    transaction, which is rolled back if the event has to wait for the channels.
    """
    shop = None
    try:
        with audiences.hold_shop_of(event.origin) as shop:
            if shop is None:
                client.installation_of(event)  # reports that the shop no longer exists
            yield
    finally:
        if shop is not None and shop.needs_channels:
            channels.fetch_soon(event.origin)


def look_ahead(events: Sequence[Event]) -> None:
    """Look up what the handlers of these events of one shop will look up, while its lock is held."""
    payloads = [event.payload or {} for event in events]
    orders = [order for each in payloads if isinstance(order := each.get("order"), dict)]
    checkouts = [checkout for each in payloads if isinstance(checkout := each.get("checkout"), dict)]
    ahead.look_ahead(audiences.locked_shop(events[0].origin), orders, checkouts)


def record_order(event: Event) -> None:
    if (order := _order(event)) is not None:
        purchases.record_order(_shop_of(event, order), order, event.occurred_at)


# A separate handler: consent that proves nothing is reported as a problem, but the purchase is stored.
def record_order_consent(event: Event) -> None:
    if (order := _order(event)) is None:
        return
    shop = _shop_of(event, order)
    try:
        metadata.record_order_consent(shop, order, event.occurred_at)
    except Rejected as error:
        _report_consent_problem(shop.installation, Consent.Source.CHECKOUT, error)


def record_checkout(event: Event) -> None:
    if (payload := _object(event, "checkout")) is not None:
        checkout = read_checkout(payload)
        carts.record_checkout(_shop_of(event, checkout), checkout, event.occurred_at)


def record_customer(event: Event) -> None:
    if (account := _account(event)) is not None:
        identity.record_customer(audiences.locked_shop(event.origin), account, event.occurred_at)


def record_customer_consent(event: Event) -> None:
    if (account := _account(event)) is None:
        return
    shop = audiences.locked_shop(event.origin)
    try:
        metadata.record_account_consent(shop, account, event.occurred_at)
    except Rejected as error:
        _report_consent_problem(shop.installation, Consent.Source.ACCOUNT, error)


def erase_customer(event: Event) -> None:
    """Erase a deleted customer. When customers delete their own account, Saleor sends only `account_deleted`."""
    if (user := _object(event, "user")) is not None:
        shop = audiences.locked_shop(event.origin)
        erasure.erase_deleted_account(shop.installation, user, _DELETIONS[event.kind], event)


def record_decline(event: Event) -> None:
    """Record a declined payment on the contact; the shopper has already seen the message."""
    intent = object_of(event, PaymentIntent)
    installation = Installation.objects.get(pk=account_of(event).installation_id)
    if source := payment_facts.source_of(intent, installation):
        fact = payment_facts.decline_of(intent, event.occurred_at, event.key)
        payment_facts.record(installation, source, fact, event.occurred_at)


def record_dispute(event: Event) -> Write | None:
    """Record a dispute. It has only the PaymentIntent's id, so the checkout or order is fetched from Stripe."""
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
    """Apply an email service's report about an email."""
    payload = event.payload or {}
    kind, recipient = Kind(event.kind), str(payload.get("recipient", ""))
    service = str(payload.get("service", ""))
    shop = audiences.locked_shop(event.origin)
    record.record(shop.installation, kind, recipient, event.occurred_at, service)


def _shop_of(event: Event, bought: Purchasing) -> LockedShop:
    """Return the locked shop of an order or checkout; `Unavailable` while it is not known which channel it is in."""
    shop = audiences.locked_shop(event.origin)
    if channels.are_outdated(event, shop.channels, bought.channel):
        shop.needs_channels = True
        channels.check_known(event, shop.channels, bought.channel)
    return shop


def _report_consent_problem(installation: Installation, source: str, error: Rejected) -> None:
    """Report invalid consent as a problem of the shop; other errors fail the event."""
    if not error.code.startswith("consent_"):
        raise error
    metadata.report_problem(installation, source, error)


def _order(event: Event) -> Order | None:
    payload = _object(event, "order")
    return event.read_once(Order, read_order, payload) if payload is not None else None


def _account(event: Event) -> Account | None:
    payload = _object(event, "user")
    return event.read_once(Account, read_account, payload) if payload is not None else None


def _object(event: Event, name: str) -> dict[str, Any] | None:
    """Return the object that the event is about; None if it was deleted or the app has no permission to see it.

    Both are normal: Saleor creates payloads late, and a missing permission is reported as a problem of the shop.
    """
    payload = event.payload or {}
    if name in payload and payload[name] is None:
        log.info("event without its object", event_id=event.pk, kind=event.kind)
        return None
    if not isinstance(payload.get(name), dict):
        raise Rejected(with_values(WITHOUT_OBJECT, event=event.kind, name=name), code="payload")
    value: dict[str, Any] = payload[name]
    return value
