"""Notes that a contact changed, so that its segments are evaluated again soon.

The note is written in the transaction of the change, and the callbacks that schedule work for it run in that
transaction too. The worker that takes the note waits for transactions that renew it, so no change is missed; every
minute a task takes the notes whose own task was lost.
"""

from collections.abc import Callable
from uuid import UUID

from django.utils import timezone

from saleor_stripe_audience.audience.people.models import Audience, Contact, StaleContact

Schedule = Callable[[UUID], None]
_schedules: list[Schedule] = []


def on_change(schedule: Schedule) -> Schedule:
    """Call `schedule(contact_id)` at the first change since the contact's segments were evaluated."""
    _schedules.append(schedule)
    return schedule


def mark_changed(contact: Contact) -> None:
    """Note a change of anything that a condition can refer to; call this inside the transaction that makes it."""
    if not Audience(pk=contact.audience_id).segments.exists():
        return
    now = timezone.now()
    if StaleContact.objects.filter(contact=contact).update(marked_at=now):
        return  # its task is pending and waits for this transaction
    StaleContact.objects.bulk_create(
        [StaleContact(contact=contact, marked_at=now)],
        update_conflicts=True,
        unique_fields=["contact"],
        update_fields=["marked_at"],
    )
    for schedule in _schedules:
        schedule(contact.pk)


def mark_all_changed(audience_id: UUID) -> None:
    """Note a change of many contacts at once: all segments of the audience are evaluated as a whole, soon."""
    Audience(pk=audience_id).segments.update(refresh_due_at=timezone.now())
