"""Who is in which segment, kept up to date: contact by contact as they change, whole segments as time passes.

A contact is worked out with its audience's segments locked against being looked through whole, and the other way
round: neither writes what the other has just found to be past.
"""

import time
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.tasks import task
from django.utils import timezone

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_all_changed, on_change
from saleor_stripe_audience.audience.people.models import Contact, ContactQuerySet, StaleContact, Tag
from saleor_stripe_audience.audience.segments import rules
from saleor_stripe_audience.audience.segments.compile import Compiler
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.audience.segments.questions import large_questions
from saleor_stripe_audience.isolation import apart

log = structlog.get_logger(__name__)

SOONEST = timedelta(minutes=1)  # between two looks through a whole segment
SHARE_OF_TIME = 20  # a segment that takes a second is looked through every 20 s at most
LEFT_BEHIND = timedelta(seconds=30)  # a note this old has lost its task
AT_ONCE = 1000


def refresh_contact(contact_id: UUID) -> None:
    """Work out the contact's segments, if it changed since that was done last.

    Under the shop's lock, as every change of contacts: one that is merged or erased meanwhile gets no membership.
    """
    found = Contact.objects.select_related("audience__installation").filter(pk=contact_id).first()
    if found is None:
        return
    with transaction.atomic():
        lock_shop(found.audience.installation)
        was_stale, _ = StaleContact.objects.filter(contact=contact_id).delete()
        contact = Contact.objects.filter(pk=contact_id).first() if was_stale else None
        if contact is not None:
            _refresh_contact(contact)


def _refresh_contact(contact: Contact) -> None:
    now = timezone.now()
    segments = _shared(contact.audience_id)
    compiler = Compiler(contact.audience, now, only=[contact.pk])
    fitting = {each.pk for each in segments if compiler.contacts(rules.read(each.tree).root).exists()}
    present = set(contact.memberships.values_list("segment", flat=True))
    contact.memberships.exclude(segment__in=fitting).delete()
    Membership.objects.bulk_create(
        [Membership(segment_id=pk, contact=contact, entered_at=now) for pk in sorted(fitting - present)],
        ignore_conflicts=True,
    )
    _tag(contact, segments, fitting)


@task
def refresh_memberships(contact_id: str) -> None:
    """Evaluate the segments of a contact that changed."""
    refresh_contact(UUID(contact_id))


@on_change
def _schedule(contact_id: UUID) -> None:
    refresh_memberships.enqueue(str(contact_id))


def _tag(contact: Contact, segments: list[Segment], fitting: set[UUID]) -> None:
    """A tag that several segments give is on whoever fits one of them."""
    given = {segment.tag: False for segment in segments if segment.tag is not None}
    for segment in segments:
        if segment.tag is not None and segment.pk in fitting:
            given[segment.tag] = True
    for tag, fits in given.items():
        has = tag.contact_tags.filter(contact=contact).exists()
        if fits and not has:
            tags.add(tag, [contact], tags.Origin.RULE)
        elif has and not fits:
            tags.remove_rule(tag, [contact])


def refresh_due() -> int:
    """Look through the segments whose time has come, one after the other; returns how many.

    Contacts whose task was lost are made up for.
    """
    lost = StaleContact.objects.filter(marked_at__lt=timezone.now() - LEFT_BEHIND).order_by("marked_at")
    for contact_id in list(lost.values_list("contact", flat=True)[:AT_ONCE]):
        with apart("refreshing a contact", contact=str(contact_id)):
            refresh_contact(contact_id)
    done: set[UUID] = set()
    while (identifier := _next_due(done)) is not None:
        done.add(identifier)
        with apart("refreshing a segment", segment=str(identifier)):
            refresh_segment(identifier, only_if_due=True)
    return len(done)


def soon(segments: Collection[UUID]) -> None:
    """Let these be looked through soon. One task does one after the other: a large segment takes seconds, and payments
    wait for the same workers.
    """
    now = timezone.now()
    is_under_way = Segment.objects.filter(refresh_due_at__lte=now).exists()
    Segment.objects.filter(pk__in=segments).update(refresh_due_at=now)
    if not is_under_way:
        refresh_segments.enqueue()


@task
def refresh_segments() -> int:
    """Every minute, and when one is saved: segments that are due, and contacts whose task was lost."""
    return refresh_due()


def _next_due(done: Collection[UUID]) -> UUID | None:
    due = Segment.objects.filter(refresh_due_at__lte=timezone.now()).exclude(pk__in=done)
    return due.order_by("refresh_due_at").values_list("pk", flat=True).first()


def refresh_segment(segment_id: UUID, *, only_if_due: bool = False) -> None:
    """Look through the whole segment: whoever fits is in it, nobody else."""
    begun, now = time.monotonic(), timezone.now()
    with large_questions():
        segment = Segment.objects.select_for_update(of=("self",)).filter(pk=segment_id).first()
        if segment is None or (only_if_due and not _is_due(segment, now)):
            return  # deleted since, or another worker was first
        fitting = Compiler(segment.audience, now).contacts(rules.read(segment.tree).root)
        left, _ = segment.memberships.exclude(Exists(fitting.filter(pk=OuterRef("contact")))).delete()
        entered = _add(segment, fitting, now)
        took = timedelta(seconds=time.monotonic() - begun)
        segment.refreshed_at = now
        segment.refresh_due_at = now + max(SOONEST, SHARE_OF_TIME * took) if is_timed(segment) else None
        segment.save(update_fields=["refreshed_at", "refresh_due_at"])
    if segment.tag is not None:
        apply_tag(segment.tag)
    log.info("segment refreshed", segment=str(segment.pk), entered=entered, left=left)


def apply_tag(tag: Tag) -> None:
    """The tag is on the members of the segments that give it, and on nobody else by rule."""
    members = Contact.objects.filter(memberships__segment__tag=tag).distinct()
    put_on, taken_off = tags.apply_rule(tag, members)
    if put_on or taken_off:
        mark_all_changed(tag.audience_id)


def _is_due(segment: Segment, now: datetime) -> bool:
    return segment.refresh_due_at is not None and segment.refresh_due_at <= now


def members_of(segment: Segment) -> ContactQuerySet:
    """The contacts that were found to fit."""
    return Contact.objects.filter(memberships__segment=segment)


def is_timed(segment: Segment) -> bool:
    """Whether time alone changes it, also through the segments that it names."""
    for _place, node in rules.walk(rules.read(segment.tree).root):
        if rules.is_timed(node):
            return True
        if isinstance(node, rules.InSegment) and is_timed(Segment.objects.get(pk=UUID(node.segment))):
            return True
    return False


def _add(segment: Segment, fitting: QuerySet[Contact], now: datetime) -> int:
    """In one statement: a million rows do not travel here and back."""
    known = Membership.objects.filter(segment=segment, contact=OuterRef("pk"))
    sql, parameters = (
        fitting.exclude(Exists(known)).order_by().values(contact=F("pk")).query.sql_with_params()
    )
    table = Membership._meta.db_table  # noqa: SLF001 - Django documents _meta
    given = [
        Segment._meta.pk.get_db_prep_value(segment.pk, connection),  # noqa: SLF001 - as above
        connection.ops.adapt_datetimefield_value(now),
    ]
    statement = (
        f"INSERT INTO {table} (segment_id, entered_at, contact_id) SELECT %s, %s, found.contact FROM ({sql}) found "  # noqa: S608 - of names and of Django's own
        "ON CONFLICT DO NOTHING"
    )
    if connection.vendor == "sqlite":  # which otherwise takes ON for the beginning of a join's condition
        statement = statement.replace(") found ON CONFLICT", ") found WHERE true ON CONFLICT")
    with connection.cursor() as cursor:
        cursor.execute(statement, [*given, *parameters])
        return int(cursor.rowcount)


def _shared(audience_id: UUID) -> list[Segment]:
    """The audience's segments; none of them is looked through whole until this transaction ends."""
    if connection.vendor == "postgresql":
        table = Segment._meta.db_table  # noqa: SLF001 - Django documents _meta
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM {table} WHERE audience_id = %s ORDER BY id FOR SHARE",  # noqa: S608 - of names
                [audience_id],
            )
    return list(Segment.objects.filter(audience=audience_id).select_related("tag__audience"))
