"""What happens to a contact apart from consent: archiving, restoring, bounces and spam reports."""

from datetime import UTC, datetime

from django.db import transaction

from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import Deliverability, Lifecycle

_DELIVERABILITY = "deliverability"


def archive(contact: Contact) -> None:
    """Archive the contact: no marketing, no ads. Its consent does not change."""
    _set_lifecycle(contact, Lifecycle.ARCHIVED)


def restore(contact: Contact) -> None:
    """Restore an archived contact; its consent decides its status again."""
    _set_lifecycle(contact, Lifecycle.ACTIVE)


def set_deliverability(contact: Contact, state: str, at: datetime) -> None:
    """Store what an email service reported about the address at `at`: ok, bounced or complained.

    Reports older than the stored one change nothing; of two reports at the same time the worse one counts.
    """
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    severity = Deliverability.values.index
    with transaction.atomic():
        current = _lock_and_reload(contact)
        known = (current.known_at.get(_DELIVERABILITY, ""), severity(current.deliverability))
        if (moment, severity(state)) > known:
            current.deliverability = Deliverability(state)
            current.known_at[_DELIVERABILITY] = moment
            current.save(update_fields=["deliverability", "known_at", "updated_at"])
            mark_changed(current)


def _set_lifecycle(contact: Contact, lifecycle: Lifecycle) -> None:
    with transaction.atomic():
        current = _lock_and_reload(contact)
        current.lifecycle = lifecycle
        current.save(update_fields=["lifecycle", "updated_at"])
        mark_changed(current)


def _lock_and_reload(contact: Contact) -> Contact:
    lock_shop(contact.audience.installation)
    return Contact.objects.get(pk=contact.pk)
