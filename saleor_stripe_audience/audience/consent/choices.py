"""What people choose themselves: on the page behind a mail's link, or by their mailbox's own button."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from saleor_stripe_audience.audience.consent import confirmation, ledger
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people import lifecycle
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import ConsentState, Deliverability, Status


def subscribe(contact: Contact, wording: str, *, ip: str = "") -> None:
    """Whoever holds a link from the contact's mailbox agrees to the wording; nothing is left to confirm."""
    with transaction.atomic():
        current = _locked(contact)
        if current is not None and current.status != Status.SUBSCRIBED:
            ledger.record(current, _word(Consent.Kind.GIVEN, Consent.Source.MAIL, wording, ip))
            _reached(current)


def withdraw(
    contact: Contact,
    source: str = Consent.Source.MAIL,
    *,
    ip: str = "",
    detail: str = "",
    at: datetime | None = None,
) -> None:
    """The contact wants no marketing any more, from none of the shop's audiences; said at `at`, or now.

    Saying it again adds nothing.
    """
    with transaction.atomic():
        current = _locked(contact)
        if current is None:
            return
        people = ledger.contacts_of_person(current)
        if any(each.consent != ConsentState.WITHDRAWN for each in people):
            word = _word(Consent.Kind.WITHDRAWN, source, "", ip, detail)
            ledger.record(current, replace(word, at=at) if at else word)


def note(contact: Contact, word: ConsentEvent) -> None:
    """Write down what the contact said to somebody else: to staff, to another service, in a file that is imported."""
    with transaction.atomic():
        current = _locked(contact)
        if current is not None:
            ledger.record(current, word)


def confirm(given: Consent, *, ip: str = "") -> None:
    """The owner of the mailbox meant it. `Rejected` when the person withdrew since."""
    with transaction.atomic():
        lock_shop(given.audience.installation)
        current = Consent.objects.filter(pk=given.pk).select_related("contact", "wording").first()
        if current is not None:
            confirmation.confirm(current, ip=ip)
            _reached(current.contact)


def _reached(contact: Contact) -> None:
    """Who acts from the mailbox is reached by mail again, takes a complaint back, and is no contact of the past."""
    lifecycle.note_delivery(contact, Deliverability.OK, timezone.now())
    lifecycle.restore(contact)


def _locked(contact: Contact) -> Contact | None:
    """The contact as it is now that nobody else writes."""
    lock_shop(contact.audience.installation)
    return Contact.objects.filter(pk=contact.pk).select_related("audience").first()


def _word(kind: str, source: str, wording: str, ip: str, detail: str = "") -> ConsentEvent:
    return ConsentEvent(
        kind,
        timezone.now(),
        source,
        wording=wording,
        ip=ip,
        source_detail=detail,
        is_proven=source == Consent.Source.MAIL,
    )
