"""Payments that went wrong, as Stripe tells of them, on the contact who paid.

Which checkout or order is paid, our row of the PaymentIntent says, or its metadata. Whose that is, carts and orders
tell, before or later; until then a fact is nobody's, and holds nothing of a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from saleor_stripe_audience import money
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import Cart, PaymentFact, Purchase
from saleor_stripe_audience.gateway import sources
from saleor_stripe_audience.gateway.objects import Dispute, PaymentIntent
from saleor_stripe_audience.shops.models import Installation

PAYMENTS_ONLY = "payments-only"  # the manifest that asks for no orders and no people
OVER = frozenset({"won", "lost"})  # Stripe's statuses of a dispute that is decided


@dataclass(frozen=True, slots=True)
class Fact:
    """What Stripe told, before it is written down."""

    kind: str
    code: str
    amount: money.Money
    at: datetime
    reference: str
    key: str
    outcome: str = ""


def record(installation: Installation, source_id: str, fact: Fact, told_at: datetime) -> None:
    """Write the fact down, once however often it is told; a dispute's outcome is the one told last.

    A shop that uses the app for payments only has no audience, and keeps none.
    """
    if installation.variant == PAYMENTS_ONLY:
        return
    with transaction.atomic():
        lock_shop(installation)
        _record(installation, source_id, fact, told_at)


def _record(installation: Installation, source_id: str, fact: Fact, told_at: datetime) -> None:
    contact = _contact_of(installation, source_id)
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
            "outcome_at": told_at if fact.outcome else None,
        },
    )
    if not is_new and fact.outcome:
        # One statement decides and writes: events of one dispute are worked in parallel.
        earlier = Q(outcome_at=None) | Q(outcome_at__lt=told_at)
        PaymentFact.objects.filter(earlier, pk=row.pk).update(outcome=fact.outcome, outcome_at=told_at)
    if contact is not None:
        mark_changed(contact)


def attach(installation: Installation, source_ids: Sequence[str], contact: Contact | None) -> None:
    """Whose the checkout or order is, is known now, or changed: its facts are theirs."""
    named = [each for each in source_ids if each]
    PaymentFact.objects.filter(installation=installation, source_id__in=named).update(contact=contact)


def decline_of(intent: PaymentIntent, told_at: datetime, event_id: str) -> Fact:
    """The refusal that a `payment_intent.payment_failed` tells of: its last error."""
    error = intent.last_payment_error
    return Fact(
        kind=PaymentFact.Kind.DECLINED,
        code=intent.decline_code,
        amount=intent.money(intent.amount),
        at=told_at,
        reference=intent.id,
        key=f"declined:{(error.charge if error is not None else '') or event_id}",
    )


def dispute_of(dispute: Dispute) -> Fact:
    """The dispute as it stands; its code is the reason that the bank gave."""
    return Fact(
        kind=PaymentFact.Kind.DISPUTED,
        code=dispute.reason,
        amount=money.Money(dispute.amount, dispute.currency),
        at=datetime.fromtimestamp(dispute.created, UTC),
        reference=dispute.id,
        key=f"disputed:{dispute.id}",
        outcome=dispute.status if dispute.status in OVER else "",
    )


def source_of(intent: PaymentIntent, installation: Installation) -> str:
    """Saleor's id of the checkout or order that the intent pays; empty if it is not of this shop."""
    return sources.source_of(installation.pk, intent)


def _contact_of(installation: Installation, source_id: str) -> Contact | None:
    orders = Purchase.objects.filter(installation=installation)
    order = (
        orders.filter(saleor_order_id=source_id).first()
        or orders.filter(saleor_checkout_id=source_id).first()
    )
    if order is not None:
        return order.contact
    cart = Cart.objects.filter(installation=installation, saleor_checkout_id=source_id).first()
    return cart.contact if cart is not None else None
