"""What becomes of a contact besides consent: it is filed away or taken back, its mail bounces or is complained of."""

from datetime import UTC, datetime

from django.db import transaction

from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import Deliverability, Lifecycle

_DELIVERABILITY = "deliverability"


def archive(contact: Contact) -> None:
    """The shop files the contact away: no marketing, no ads. Consent stays what it was."""
    _set_lifecycle(contact, Lifecycle.ARCHIVED)


def restore(contact: Contact) -> None:
    """The contact is worked with again, with the status that its consent gives it."""
    _set_lifecycle(contact, Lifecycle.ACTIVE)


def note_delivery(contact: Contact, state: str, at: datetime) -> None:
    """What a mail service told of the address at `at`: ok, bounced or complained.

    What is older than what is known changes nothing; of two things told of one moment the worse one counts.
    """
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    with transaction.atomic():
        current = _locked(contact)
        known = (current.known_at.get(_DELIVERABILITY, ""), _badness(current.deliverability))
        if (moment, _badness(state)) > known:
            current.deliverability = Deliverability(state)
            current.known_at[_DELIVERABILITY] = moment
            current.save(update_fields=["deliverability", "known_at", "updated_at"])
            mark_changed(current)


def _badness(state: str) -> int:
    return Deliverability.values.index(state)


def _set_lifecycle(contact: Contact, lifecycle: Lifecycle) -> None:
    with transaction.atomic():
        current = _locked(contact)
        current.lifecycle = lifecycle
        current.save(update_fields=["lifecycle", "updated_at"])
        mark_changed(current)


def _locked(contact: Contact) -> Contact:
    """The contact as it is now that nobody else writes."""
    lock_shop(contact.audience.installation)
    return Contact.objects.get(pk=contact.pk)
