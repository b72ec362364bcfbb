"""Notes that a contact changed, so that its segments are worked out again soon after.

The note is written in the transaction of the change, with one task for it. Whoever works the note waits for
transactions that renew it, so no change is missed; a task that is lost is made up for every minute.
"""

from uuid import UUID

from django.utils import timezone

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.segments.models import Segment, StaleContact


def mark_changed(contact: Contact) -> None:
    """Call this inside the transaction that changed anything a segment may ask of the contact."""
    if Segment.objects.filter(audience=contact.audience_id).exists():
        _mark(contact.pk)


def mark_all_changed(audience_id: UUID) -> None:
    """The same after a change of many contacts: the audience's segments are worked out whole, as soon as may be."""
    Segment.objects.filter(audience=audience_id).update(refresh_due_at=timezone.now())


def _mark(contact_id: UUID) -> None:
    from saleor_stripe_audience.audience.tasks import refresh_memberships  # noqa: PLC0415 - tasks call what calls this

    now = timezone.now()
    if StaleContact.objects.filter(contact=contact_id).update(marked_at=now):
        return  # its task is still to come, and waits for this transaction
    StaleContact.objects.bulk_create(
        [StaleContact(contact_id=contact_id, marked_at=now)],
        update_conflicts=True,
        unique_fields=["contact"],
        update_fields=["marked_at"],
    )
    refresh_memberships.enqueue(str(contact_id))
