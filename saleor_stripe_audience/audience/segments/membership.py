"""Segment membership: single contacts are evaluated when they change, whole segments as time passes.

While a contact is evaluated, its audience's segments are locked against being evaluated as a whole, and the other way
round: so neither writes a result that the other has just found to be outdated.
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
from saleor_stripe_audience.audience.segments.queries import large_queries
from saleor_stripe_audience.isolation import apart

log = structlog.get_logger(__name__)

MIN_INTERVAL = timedelta(minutes=1)  # between two evaluations of a whole segment
INTERVAL_FACTOR = 20  # a segment that takes a second is evaluated at most every 20 s
MAX_TASK_DELAY = timedelta(seconds=30)  # a note older than this has lost its task
BATCH_SIZE = 1000


def refresh_contact(contact_id: UUID) -> None:
    """Evaluate the contact's segments, if it changed since the last evaluation.

    Holds the shop's lock, as every change of contacts does: a contact that is merged or erased meanwhile gets no
    membership.
    """
    found = Contact.objects.select_related("audience__installation").filter(pk=contact_id).first()
    if found is None:
        return
    with transaction.atomic():
        # Before the shop's lock: evaluating a whole segment may take seconds, and everyone waits for the shop's.
        segments = _lock_segments(found.audience_id)
        lock_shop(found.audience.installation)
        was_stale, _ = StaleContact.objects.filter(contact=contact_id).delete()
        contact = Contact.objects.filter(pk=contact_id).first() if was_stale else None
        if contact is not None:
            _evaluate(contact, segments)


def _evaluate(contact: Contact, segments: list[Segment]) -> None:
    now = timezone.now()
    compiler = Compiler(contact.audience, now, only=[contact.pk])
    matching = {each.pk for each in segments if compiler.contacts(rules.read(each.tree).root).exists()}
    present = set(contact.memberships.values_list("segment", flat=True))
    contact.memberships.exclude(segment__in=matching).delete()
    Membership.objects.bulk_create(
        [Membership(segment_id=pk, contact=contact, entered_at=now) for pk in sorted(matching - present)],
        ignore_conflicts=True,
    )
    _apply_tags(contact, segments, matching)


@task
def refresh_memberships(contact_id: str) -> None:
    """Evaluate the segments of a contact that changed."""
    refresh_contact(UUID(contact_id))


@on_change
def _schedule(contact_id: UUID) -> None:
    refresh_memberships.enqueue(str(contact_id))


def _apply_tags(contact: Contact, segments: list[Segment], matching: set[UUID]) -> None:
    """Add or remove the segments' tags; of several segments with one tag, one match is enough."""
    matches = {segment.tag: False for segment in segments if segment.tag is not None}
    for segment in segments:
        if segment.tag is not None and segment.pk in matching:
            matches[segment.tag] = True
    for tag, is_match in matches.items():
        is_tagged = tag.contact_tags.filter(contact=contact).exists()
        if is_match and not is_tagged:
            tags.add(tag, [contact], tags.Origin.RULE)
        elif is_tagged and not is_match:
            tags.remove_rule(tag, [contact])


def refresh_due() -> int:
    """Evaluate the segments that are due, one after the other, and contacts whose task was lost.

    Returns how many segments.
    """
    lost = StaleContact.objects.filter(marked_at__lt=timezone.now() - MAX_TASK_DELAY).order_by("marked_at")
    for contact_id in list(lost.values_list("contact", flat=True)[:BATCH_SIZE]):
        with apart("refreshing a contact", contact=str(contact_id)):
            refresh_contact(contact_id)
    done: set[UUID] = set()
    while (segment_id := _next_due(done)) is not None:
        done.add(segment_id)
        with apart("refreshing a segment", segment=str(segment_id)):
            refresh_segment(segment_id, only_if_due=True)
    return len(done)


def refresh_soon(segments: Collection[UUID]) -> None:
    """Schedule the evaluation of these segments.

    One task evaluates them one after the other: a large segment takes seconds, and payments use the same workers.
    """
    now = timezone.now()
    has_task = Segment.objects.filter(refresh_due_at__lte=now).exists()
    Segment.objects.filter(pk__in=segments).update(refresh_due_at=now)
    if not has_task:
        refresh_segments.enqueue()


@task
def refresh_segments() -> int:
    """Every minute, and when a segment is saved: evaluate what is due."""
    return refresh_due()


def _next_due(done: Collection[UUID]) -> UUID | None:
    due = Segment.objects.filter(refresh_due_at__lte=timezone.now()).exclude(pk__in=done)
    return due.order_by("refresh_due_at").values_list("pk", flat=True).first()


def refresh_segment(segment_id: UUID, *, only_if_due: bool = False) -> None:
    """Evaluate the whole segment: its members are exactly the contacts that match."""
    started, now = time.monotonic(), timezone.now()
    with large_queries():
        segment = Segment.objects.select_for_update(of=("self",)).filter(pk=segment_id).first()
        if segment is None:
            return  # deleted in the meantime
        is_due = segment.refresh_due_at is not None and segment.refresh_due_at <= now
        if only_if_due and not is_due:
            return  # another worker was faster
        matching = Compiler(segment.audience, now).contacts(rules.read(segment.tree).root)
        left, _ = segment.memberships.exclude(Exists(matching.filter(pk=OuterRef("contact")))).delete()
        entered = _add_members(segment, matching, now)
        duration = timedelta(seconds=time.monotonic() - started)
        interval = max(MIN_INTERVAL, INTERVAL_FACTOR * duration)
        segment.refreshed_at = now
        segment.refresh_due_at = now + interval if is_timed(segment) else None
        segment.save(update_fields=["refreshed_at", "refresh_due_at"])
    if segment.tag is not None:
        apply_tag(segment.tag)
    log.info("segment refreshed", segment=str(segment.pk), entered=entered, left=left)


def apply_tag(tag: Tag) -> None:
    """Tag exactly the members of the tag's segments; tags that staff or imports added stay."""
    members = Contact.objects.filter(memberships__segment__tag=tag).distinct()
    added, removed = tags.apply_rule(tag, members)
    if added or removed:
        mark_all_changed(tag.audience_id)


def members_of(segment: Segment) -> ContactQuerySet:
    """Return the segment's members as of its last evaluation."""
    return Contact.objects.filter(memberships__segment=segment)


def is_timed(segment: Segment) -> bool:
    """Whether its members can change with time alone, also through the segments that it refers to."""
    for _place, node in rules.walk(rules.read(segment.tree).root):
        if rules.is_timed(node):
            return True
        if isinstance(node, rules.InSegment) and is_timed(Segment.objects.get(pk=UUID(node.segment))):
            return True
    return False


def _add_members(segment: Segment, matching: QuerySet[Contact], now: datetime) -> int:
    """Insert the missing memberships in one statement, without fetching up to a million rows."""
    present = Membership.objects.filter(segment=segment, contact=OuterRef("pk"))
    missing = matching.exclude(Exists(present)).order_by().values(contact=F("pk"))
    sql, parameters = missing.query.sql_with_params()
    table = Membership._meta.db_table  # noqa: SLF001 - Django documents _meta
    values = [
        Segment._meta.pk.get_db_prep_value(segment.pk, connection),  # noqa: SLF001 - as above
        connection.ops.adapt_datetimefield_value(now),
    ]
    statement = (
        f"INSERT INTO {table} (segment_id, entered_at, contact_id) SELECT %s, %s, found.contact FROM ({sql}) found "  # noqa: S608 - of names and of Django's own
        "ON CONFLICT DO NOTHING"
    )
    if connection.vendor == "sqlite":  # it would read ON as a join's condition
        statement = statement.replace(") found ON CONFLICT", ") found WHERE true ON CONFLICT")
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, *parameters])
        return int(cursor.rowcount)


def _lock_segments(audience_id: UUID) -> list[Segment]:
    """Return the audience's segments, locked against being evaluated as a whole until this transaction ends.

    KEY SHARE lets whoever holds the shop's lock mark the segments as due: with SHARE each would wait for the other.
    """
    if connection.vendor == "postgresql":
        table = Segment._meta.db_table  # noqa: SLF001 - Django documents _meta
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM {table} WHERE audience_id = %s ORDER BY id FOR KEY SHARE",  # noqa: S608 - of names
                [audience_id],
            )
    return list(Segment.objects.filter(audience=audience_id).select_related("tag__audience"))
