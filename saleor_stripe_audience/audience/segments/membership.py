"""Segment membership: single contacts are evaluated when they change, whole segments as time passes.

While a contact is evaluated, its audience's segments are locked against being evaluated as a whole, and the other way
round: so neither writes a result that the other has just found to be outdated.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.tasks import task
from django.utils import timezone

from saleor_stripe_audience.audience.contacts import tags
from saleor_stripe_audience.audience.people.audiences import lock_shop
from saleor_stripe_audience.audience.people.changes import mark_all_changed, on_change
from saleor_stripe_audience.audience.people.models import (
    Audience,
    Contact,
    ContactQuerySet,
    StaleContact,
    Tag,
)
from saleor_stripe_audience.audience.segments import rules
from saleor_stripe_audience.audience.segments.compile import Compiler
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.audience.segments.queries import large_queries
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.task_engine import enqueue_once

log = structlog.get_logger(__name__)

MIN_INTERVAL = timedelta(minutes=1)  # between two evaluations of a whole segment
RETRY_INTERVAL = timedelta(minutes=5)  # until a segment that could not be evaluated is tried again
INTERVAL_FACTOR = 20  # a segment that takes a second is evaluated at most every 20 s
MAX_TASK_DELAY = timedelta(seconds=30)  # a note older than this has lost its task
BATCH_SIZE = 1000


def refresh_changed(audience_id: UUID) -> None:
    """Evaluate the segments of the audience's contacts that changed since the last evaluation, many at once.

    Holds the shop's lock, as every change of contacts does: a contact that is merged or erased in the meantime gets no
    membership.
    """
    while _refresh_some(audience_id):
        pass


def refresh_contact(contact_id: UUID) -> None:
    """Evaluate the contact's segments, if it changed since the last evaluation."""
    audience_ids = Contact.objects.filter(pk=contact_id).values_list("audience", flat=True)
    for audience_id in audience_ids:
        _refresh_some(audience_id, StaleContact.objects.filter(contact=contact_id))


def _refresh_some(audience_id: UUID, stale: QuerySet[StaleContact] | None = None) -> bool:
    """Evaluate up to BATCH_SIZE of the stale contacts, or of all those of the audience; False if there are none."""
    audience = Audience.objects.select_related("installation").filter(pk=audience_id).first()
    if audience is None:
        return False
    if stale is None:
        stale = StaleContact.objects.filter(contact__audience=audience_id).order_by("marked_at")
    with transaction.atomic():
        # Before the shop's lock: evaluating a whole segment may take seconds, and everyone waits for the shop's.
        segments = _lock_segments(audience_id)
        lock_shop(audience.installation)
        contact_ids = list(stale.values_list("contact", flat=True)[:BATCH_SIZE])
        StaleContact.objects.filter(contact__in=contact_ids).delete()
        if contact_ids:
            _evaluate(audience, contact_ids, segments)
    return bool(contact_ids)


def _evaluate(audience: Audience, contact_ids: Sequence[UUID], segments: list[Segment]) -> None:
    """Compare each segment with the contacts in one query, however many contacts there are.

    A segment that cannot be evaluated does not stop the others: its members stay until it is tried again.
    """
    now = timezone.now()
    compiler = Compiler(audience, now, only=contact_ids)
    present = set(Membership.objects.filter(contact__in=contact_ids).values_list("segment", "contact"))
    matching: set[tuple[UUID, UUID]] = set()
    failed: list[Segment] = []
    for segment in segments:
        with apart("evaluating a segment", segment=str(segment.pk)) as failures, transaction.atomic():
            found = compiler.contacts(rules.read(segment.tree).root).values_list("pk", flat=True)
            matching |= {(segment.pk, contact_id) for contact_id in found}
        if failures.any:
            failed.append(segment)
            matching |= {pair for pair in present if pair[0] == segment.pk}
    left = defaultdict[UUID, list[UUID]](list)
    for segment_id, contact_id in present - matching:
        left[segment_id].append(contact_id)
    for segment_id, some in left.items():
        Membership.objects.filter(segment=segment_id, contact__in=some).delete()
    Membership.objects.bulk_create(
        [
            Membership(segment_id=segment_id, contact_id=contact_id, entered_at=now)
            for segment_id, contact_id in sorted(matching - present)
        ],
        ignore_conflicts=True,
    )
    _apply_tags(contact_ids, segments, matching)
    # Those that failed before keep their time: otherwise each event would delay the next try.
    _note_failures([each.pk for each in failed if each.failed_at is None])


def _note_failures(segments: Collection[UUID]) -> None:
    """Show that these could not be evaluated, and let them be evaluated as a whole later."""
    now = timezone.now()
    Segment.objects.filter(pk__in=segments).update(failed_at=now, refresh_due_at=now + RETRY_INTERVAL)


@task
def refresh_memberships(audience_id: str) -> None:
    """Evaluate the segments of the audience's contacts that changed."""
    refresh_changed(UUID(audience_id))


@on_change
def _schedule(audience_id: UUID) -> None:
    """Enqueue the task, unless one is waiting: it needs the shop's lock, so it sees this transaction's changes."""
    enqueue_once(refresh_memberships, f"segments {audience_id}", str(audience_id))


def _apply_tags(
    contact_ids: Sequence[UUID], segments: list[Segment], matching: Collection[tuple[UUID, UUID]]
) -> None:
    """Add or remove the segments' tags; of several segments with one tag, one match is enough."""
    by_tag = defaultdict[Tag, list[Segment]](list)
    for segment in segments:
        if segment.tag is not None:
            by_tag[segment.tag].append(segment)
    for tag, owners in by_tag.items():
        wanted = {
            contact_id for contact_id in contact_ids for each in owners if (each.pk, contact_id) in matching
        }
        tagged = set(tag.contact_tags.filter(contact__in=contact_ids).values_list("contact", flat=True))
        if wanted - tagged:
            tags.add(tag, Contact.objects.filter(pk__in=wanted - tagged), tags.Origin.RULE)
        if tagged - wanted:
            tags.remove_rule(tag, Contact.objects.filter(pk__in=tagged - wanted))


def refresh_due() -> int:
    """Evaluate the segments that are due, one after the other, and contacts whose task was lost.

    Returns how many segments.
    """
    lost = StaleContact.objects.filter(marked_at__lt=timezone.now() - MAX_TASK_DELAY)
    for audience_id in list(lost.values_list("contact__audience", flat=True).distinct()):
        with apart("refreshing contacts", audience=str(audience_id)):
            refresh_changed(audience_id)
    done: set[UUID] = set()
    while (segment_id := _next_due(done)) is not None:
        done.add(segment_id)
        with apart("refreshing a segment", segment=str(segment_id)) as failures:
            refresh_segment(segment_id, only_if_due=True)
        if failures.any:
            _note_failures([segment_id])
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
        segment.failed_at = None
        segment.save(update_fields=["refreshed_at", "refresh_due_at", "failed_at"])
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
    try:
        sql, parameters = missing.query.sql_with_params()
    except EmptyResultSet:  # nobody can match, as with the opposite of what everybody meets
        return 0
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
