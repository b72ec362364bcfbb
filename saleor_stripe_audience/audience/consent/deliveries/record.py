"""What a report makes of a contact: who bounces gets no mail, who complains or unsubscribes has refused."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from saleor_stripe_audience.audience.consent import choices
from saleor_stripe_audience.audience.consent.deliveries.services import Kind
from saleor_stripe_audience.audience.consent.models import Consent, SoftBounce
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.addresses import normalised
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import Deliverability
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

SOFT_BOUNCE_DAYS = 5  # on so many days within the span: the mailbox is taken for dead
SOFT_BOUNCE_SPAN = timedelta(days=30)


def concerns_somebody(installation: Installation, kind: Kind, recipient: str) -> bool:
    """Whether the report would change anything: of strangers nothing is kept, and most mail simply arrives."""
    try:
        address = normalised(recipient)
    except Rejected:
        return False
    contacts = _contacts(installation, address, with_former=kind in (Kind.COMPLAINT, Kind.UNSUBSCRIBE))
    if kind == Kind.DELIVERED:
        contacts = contacts.filter(Q(deliverability=Deliverability.BOUNCED) | ~Q(soft_bounces=None))
    return contacts.exists()


def record(installation: Installation, kind: Kind, recipient: str, at: datetime, service: str) -> None:
    """Follow one report of the shop's mails. Told again, or after a newer one, it changes nothing.

    A bounce is the address's, a complaint the person's.
    """
    address = normalised(recipient)
    with transaction.atomic():
        lock_shop(installation)
        is_persons = kind in (Kind.COMPLAINT, Kind.UNSUBSCRIBE)
        for contact in _contacts(installation, address, with_former=is_persons).select_related("audience"):
            if is_persons:
                _refuse(contact, kind, at, service)
            elif kind == Kind.HARD_BOUNCE:
                lifecycle.note_delivery(contact, Deliverability.BOUNCED, at)
            elif kind == Kind.SOFT_BOUNCE:
                _count_soft_bounce(contact, at)
            else:
                _arrived(contact, at)


def _contacts(installation: Installation, address: str, *, with_former: bool) -> QuerySet[Contact]:
    has_it = Q(email=address)
    if with_former:
        has_it |= Q(former_addresses__email=address)
    return Contact.objects.filter(has_it, audience__installation=installation).distinct()


def _refuse(contact: Contact, kind: Kind, at: datetime, service: str) -> None:
    if kind == Kind.COMPLAINT:
        lifecycle.note_delivery(contact, Deliverability.COMPLAINED, at)
    choices.withdraw(contact, Consent.Source.MAIL, detail=f"{kind} told by {service}", at=at)


def _count_soft_bounce(contact: Contact, at: datetime) -> None:
    """One a day, however often the service tries: a full mailbox is not dead, one that is full for weeks is."""
    SoftBounce.objects.get_or_create(contact=contact, day=at.date())
    recent = contact.soft_bounces.filter(day__lte=at.date(), day__gt=(at - SOFT_BOUNCE_SPAN).date())
    if recent.count() >= SOFT_BOUNCE_DAYS:
        lifecycle.note_delivery(contact, Deliverability.BOUNCED, at)


def _arrived(contact: Contact, at: datetime) -> None:
    """Mail arrives again. It takes no complaint back: the person does, by subscribing."""
    contact.soft_bounces.filter(day__lte=at.date()).delete()
    if contact.deliverability == Deliverability.BOUNCED:
        lifecycle.note_delivery(contact, Deliverability.OK, at)
