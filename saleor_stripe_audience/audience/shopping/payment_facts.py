"""Failed and disputed payments, as reported by Stripe, assigned to the contact who paid.

Our record of the PaymentIntent, or its metadata, says which checkout or order it pays. Carts and orders, which may
arrive earlier or later, say whose that is; until then a fact has no contact and contains no personal data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from saleor_stripe_audience import money
from saleor_stripe_audience.audience.people.audiences import Key, LockedShop, lock_shop, note_stored
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import Cart, PaymentFact, Purchase
from saleor_stripe_audience.gateway import sources
from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent
from saleor_stripe_audience.shops.models import Installation

PAYMENTS_ONLY = "payments-only"  # the manifest that requests neither orders nor customers
DECIDED = frozenset({"won", "lost"})  # Stripe's final statuses of a dispute


@dataclass(frozen=True, slots=True)
class Fact:
    """What Stripe reported, before it is stored."""

    kind: str
    code: str
    amount: money.Money
    at: datetime
    reference: str
    key: str
    outcome: str = ""


def record(installation: Installation, source_id: str, fact: Fact, reported_at: datetime) -> None:
    """Store the fact once, however often it is reported; a dispute's outcome is the one reported last.

    A shop that uses the app for payments only has no audience, so nothing is stored for it.
    """
    if installation.variant == PAYMENTS_ONLY:
        return
    with transaction.atomic():
        lock_shop(installation)
        contact = _find_contact(installation, source_id)
        row, is_new = PaymentFact.objects.get_or_create(
            installation=installation,
            key=fact.key,
            defaults={
                "contact": contact,
                "kind": fact.kind,
                "code": fact.code[:64],
                "currency": fact.amount.currency,
                "amount_minor": fact.amount.minor,
                "at": fact.at,
                "source_id": source_id[:128],
                "reference": fact.reference[:255],
                "outcome": fact.outcome,
                "outcome_at": reported_at if fact.outcome else None,
            },
        )
        note_stored(installation.pk, Key.PAYMENT_FACT, row.source_id)
        if not is_new and fact.outcome:
            # Compare and update in one statement, because events about one dispute are handled in parallel.
            older = Q(outcome_at=None) | Q(outcome_at__lt=reported_at)
            PaymentFact.objects.filter(older, pk=row.pk).update(outcome=fact.outcome, outcome_at=reported_at)
        if contact is not None:
            mark_changed(contact)


def attach(shop: LockedShop, source_ids: Sequence[str], contact: Contact | None) -> None:
    """Assign the facts of a checkout or order to its contact."""
    ids = [each for each in source_ids if each and (Key.PAYMENT_FACT, each) not in shop.absent]
    if not ids:
        return
    PaymentFact.objects.filter(installation=shop.installation, source_id__in=ids).update(contact=contact)


def decline_of(intent: PaymentIntent, reported_at: datetime, event_id: str) -> Fact:
    """Return the decline in a `payment_intent.payment_failed` event: the intent's last error."""
    error = intent.last_payment_error
    return Fact(
        kind=PaymentFact.Kind.DECLINED,
        code=intent.decline_code,
        amount=intent.money(intent.amount),
        at=reported_at,
        reference=intent.id,
        key=f"declined:{(error.charge if error is not None else '') or event_id}",
    )


def dispute_of(dispute: Dispute) -> Fact:
    """Return the dispute in its current state; its code is the bank's reason."""
    return Fact(
        kind=PaymentFact.Kind.DISPUTED,
        code=dispute.reason,
        amount=money.Money(dispute.amount, dispute.currency),
        at=datetime.fromtimestamp(dispute.created, UTC),
        reference=dispute.id,
        key=f"disputed:{dispute.id}",
        outcome=dispute.status if dispute.status in DECIDED else "",
    )


def source_of(intent: PaymentIntent, installation: Installation) -> str:
    """Return Saleor's id of the checkout or order that the intent pays; empty if it belongs to another shop."""
    return sources.source_of(installation.pk, intent)


def _find_contact(installation: Installation, source_id: str) -> Contact | None:
    orders = Purchase.objects.filter(installation=installation)
    order = (
        orders.filter(saleor_order_id=source_id).first()
        or orders.filter(saleor_checkout_id=source_id).first()
    )
    if order is not None:
        return order.contact
    cart = Cart.objects.filter(installation=installation, saleor_checkout_id=source_id).first()
    return cart.contact if cart is not None else None
