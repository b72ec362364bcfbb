"""What a report changes: a bounce stops all email, a complaint or unsubscribe counts as a withdrawal."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from saleor_stripe_audience.audience.consent import choices
from saleor_stripe_audience.audience.consent.deliveries.event_types import Kind
from saleor_stripe_audience.audience.consent.models import Consent, SoftBounce
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import Deliverability
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

SOFT_BOUNCE_DAYS = 5  # soft bounces on this many days within the span count as a hard bounce
SOFT_BOUNCE_SPAN = timedelta(days=30)


def is_relevant(installation: Installation, kind: Kind, recipient: str) -> bool:
    """Whether the report would change anything. Reports about unknown addresses and about ordinary deliveries are
    dropped.
    """
    try:
        address = normalize_email(recipient)
    except Rejected:
        return False
    contacts = _contacts(installation, kind, address)
    if kind == Kind.DELIVERED:
        contacts = contacts.filter(Q(deliverability=Deliverability.BOUNCED) | ~Q(soft_bounces=None))
    return contacts.exists()


def record(installation: Installation, kind: Kind, recipient: str, at: datetime, service: str) -> None:
    """Apply one report about the shop's emails. A repeated report, or one older than the last, changes nothing."""
    address = normalize_email(recipient)
    with transaction.atomic():
        lock_shop(installation)
        for contact in _contacts(installation, kind, address).select_related("audience"):
            match kind:
                case Kind.COMPLAINT:
                    lifecycle.set_deliverability(contact, Deliverability.COMPLAINED, at)
                    _withdraw(contact, kind, at, service)
                case Kind.UNSUBSCRIBE:
                    _withdraw(contact, kind, at, service)
                case Kind.HARD_BOUNCE:
                    lifecycle.set_deliverability(contact, Deliverability.BOUNCED, at)
                case Kind.SOFT_BOUNCE:
                    _count_soft_bounce(contact, at)
                case Kind.DELIVERED:
                    _clear_bounces(contact, at)


def _contacts(installation: Installation, kind: Kind, address: str) -> QuerySet[Contact]:
    """A bounce concerns the address; a complaint or unsubscribe the person, who may have a new address by now.

    If an account has the address now, whoever had it before is another person.
    """
    of_shop = Contact.objects.filter(audience__installation=installation)
    holders = of_shop.filter(email=address)
    if kind not in (Kind.COMPLAINT, Kind.UNSUBSCRIBE) or holders.exclude(saleor_user_id=None).exists():
        return holders
    return of_shop.filter(Q(email=address) | Q(former_addresses__email=address)).distinct()


def _withdraw(contact: Contact, kind: Kind, at: datetime, service: str) -> None:
    choices.withdraw(contact, Consent.Source.MAIL, detail=f"{kind} reported by {service}", at=at)


def _count_soft_bounce(contact: Contact, at: datetime) -> None:
    """Count at most one per day, however often the service retries: a mailbox that stays full for weeks is
    abandoned.
    """
    SoftBounce.objects.get_or_create(contact=contact, day=at.date())
    recent = contact.soft_bounces.filter(day__lte=at.date(), day__gt=(at - SOFT_BOUNCE_SPAN).date())
    if recent.count() >= SOFT_BOUNCE_DAYS:
        lifecycle.set_deliverability(contact, Deliverability.BOUNCED, at)


def _clear_bounces(contact: Contact, at: datetime) -> None:
    """A delivered email ends a bounce but not a complaint: only the person does that, by subscribing again."""
    contact.soft_bounces.filter(day__lte=at.date()).delete()
    if contact.deliverability == Deliverability.BOUNCED:
        lifecycle.set_deliverability(contact, Deliverability.OK, at)
