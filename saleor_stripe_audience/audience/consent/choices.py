"""Choices that people make themselves: on the page that an email links to, or with their unsubscribe button."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from saleor_stripe_audience.audience.consent import confirmation, ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import ConsentState, Deliverability, Status

SAME_CHOICE = timedelta(minutes=10)  # unsubscribing again within this time is one choice


def subscribe(contact: Contact, wording: str, *, ip: str = "") -> None:
    """Subscribe the holder of a link from an email, who agreed to the wording; this needs no confirmation."""
    with transaction.atomic():
        current = _lock_and_reload(contact)
        if current is not None and current.status != Status.SUBSCRIBED:
            event = ConsentEvent(
                Consent.Kind.GIVEN,
                timezone.now(),
                Consent.Source.MAIL,
                wording=wording,
                ip=ip,
                is_proven=True,
            )
            ledger.record(current, event)
            _reactivate(current)


def withdraw(
    contact: Contact,
    source: str = Consent.Source.MAIL,
    *,
    ip: str = "",
    detail: str = "",
    at: datetime | None = None,
) -> None:
    """Withdraw the person's consent in all audiences of the shop, as of `at` or now.

    Repeating it at once adds nothing. Later, it is another event, even if the person is not subscribed at the moment:
    a consent from before it may still arrive.
    """
    moment = at or timezone.now()
    with transaction.atomic():
        current = _lock_and_reload(contact)
        if current is None:
            return
        people = ledger.contacts_of_person(current)
        since = min(moment, timezone.now()) - SAME_CHOICE
        has_withdrawn = all(
            each.consent == ConsentState.WITHDRAWN and ledger.last_withdrawal(each) >= since
            for each in people
        )
        if not has_withdrawn:
            event = ConsentEvent(
                Consent.Kind.WITHDRAWN,
                moment,
                source,
                ip=ip,
                source_detail=detail,
                is_proven=source == Consent.Source.MAIL,
            )
            ledger.record(current, event)


def record(contact: Contact, event: ConsentEvent) -> None:
    """Record a choice that the contact expressed elsewhere: to staff, to another service, in an imported file."""
    with transaction.atomic():
        current = _lock_and_reload(contact)
        if current is not None:
            ledger.record(current, event)


def confirm(consent: Consent, *, ip: str = "") -> None:
    """Confirm a consent by email. `Rejected` if the person unsubscribed after the email was sent."""
    with transaction.atomic():
        lock_shop(consent.audience.installation)
        current = Consent.objects.filter(pk=consent.pk).select_related("contact", "wording").first()
        if current is not None:
            confirmation.confirm(current, ip=ip)
            _reactivate(current.contact)


def _reactivate(contact: Contact) -> None:
    """Reactivate the contact: a choice made through an email shows that emails arrive; it also ends a complaint and
    restores an archived contact.
    """
    lifecycle.set_deliverability(contact, Deliverability.OK, timezone.now())
    lifecycle.restore(contact)


def _lock_and_reload(contact: Contact) -> Contact | None:
    lock_shop(contact.audience.installation)
    return Contact.objects.filter(pk=contact.pk).select_related("audience").first()
