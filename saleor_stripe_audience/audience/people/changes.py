"""Notes that a contact changed, so that its segments are evaluated again soon.

The note is written in the transaction of the change, and the callbacks that schedule work for it run in that
transaction too. The worker that takes the note waits for transactions that renew it, so no change is missed; every
minute a task takes the notes whose own task was lost.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from saleor_stripe_audience.audience.people.models import Audience, Contact, StaleContact

Schedule = Callable[[UUID], None]
_schedules: list[Schedule] = []
_gathered: ContextVar["_Gathered | None"] = ContextVar("gathered", default=None)


def on_change(schedule: Schedule) -> Schedule:
    """Call `schedule(audience_id)` when contacts of the audience changed; it may be called again before it is done."""
    _schedules.append(schedule)
    return schedule


def mark_changed(contact: Contact) -> None:
    """Note a change of anything that a condition can refer to; call this inside the transaction that makes it."""
    gathered = _gathered.get()
    if gathered is None:
        _note({contact.pk})
    elif gathered.segmented is None or contact.audience_id in gathered.segmented:
        gathered.contact_ids.add(contact.pk)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """Changed contacts; with `segmented`, only those of these audiences."""

    segmented: Collection[UUID] | None
    contact_ids: set[UUID] = field(default_factory=set)


@contextmanager
def gather_changes(segmented: Collection[UUID] | None = None) -> Iterator[None]:
    """Note all changes that are marked inside at once, at the end; the transaction must still be open then.

    `segmented`: the audiences that have segments, if the caller knows them under the shop's lock.
    """
    if _gathered.get() is not None:
        yield  # the outer block notes them
        return
    gathered = _Gathered(segmented)
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    if gathered.contact_ids:
        _note(gathered.contact_ids)


def mark_all_changed(audience_id: UUID) -> None:
    """Note a change of many contacts at once: all segments of the audience are evaluated as a whole, soon."""
    Audience(pk=audience_id).segments.update(refresh_due_at=timezone.now())


def _note(changed: Collection[UUID]) -> None:
    segmented = Exists(Audience.objects.filter(pk=OuterRef("audience"), segments__isnull=False))
    contacts = Contact.objects.filter(segmented, pk__in=changed).order_by("pk")
    by_audience = defaultdict[UUID, list[UUID]](list)
    for contact_id, audience_id in contacts.values_list("pk", "audience_id"):
        by_audience[audience_id].append(contact_id)
    now = timezone.now()
    for audience_id, contact_ids in by_audience.items():
        StaleContact.objects.bulk_create(
            [StaleContact(contact_id=each, marked_at=now) for each in contact_ids],
            update_conflicts=True,
            unique_fields=["contact"],
            update_fields=["marked_at"],
        )
        for schedule in _schedules:
            schedule(audience_id)
