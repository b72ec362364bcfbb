"""Every event from outside is stored once, then handled; each of its handlers takes effect exactly once.

`record` inserts the event and one task in one transaction. The task runs the event's handlers in the order of the
table, each in a transaction of its own that also writes its `Handling`: a task that runs twice changes nothing, and a
retry runs only the handlers that are not done.

A failure that passes is never given up. If the other side does not respond, the task is retried for some minutes; after
that `sweep` enqueues a new one, less and less often. If the Stripe account or the shop behind an event is blocked, its
handlers wait without retries until `resume` is called.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q
from django.tasks import TaskContext, task
from django.utils import timezone

from saleor_stripe_audience import metrics
from saleor_stripe_audience.errors import Blocked, Failure, Rejected, Unavailable
from saleor_stripe_audience.inbox.handlers import Handler, handlers_for
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.tracing import current_trace, new_trace, traced

log = structlog.get_logger(__name__)

TASK_LOST_AFTER = timedelta(minutes=15)  # an event this old that is not handled has lost its task
OLD_AFTER = timedelta(days=1)
OLD_EVENT_INTERVAL = timedelta(hours=1)  # how often an older event is retried
SWEEP_LIMIT = 1000
TRANSIENT = (Unavailable, OperationalError, InterfaceError)  # the other side or our database is unavailable
UNEXPECTED = "Something unexpected went wrong; the app's log has the details."


class RetryTask(Exception):  # noqa: N818 - it is not an error, it makes the task engine retry
    """The task has to run again; the message is the name of the exception that stopped it, nothing more."""


def record(
    source: str, origin: uuid.UUID, key: str, kind: str, payload: dict[str, Any], occurred_at: datetime
) -> bool:
    """Store the event and enqueue its one task; False if it was stored before."""
    try:
        with transaction.atomic():
            event = Event.objects.create(
                source=source,
                origin=origin,
                key=key,
                kind=kind,
                payload=payload,
                occurred_at=occurred_at,
                trace=current_trace(),
            )
            dispatch_event.enqueue(event.pk)
    except IntegrityError:
        if not Event.objects.filter(source=source, origin=origin, key=key).exists():
            raise
        return False
    return True


@task(takes_context=True)
def dispatch_event(context: "TaskContext[..., None]", event_id: int) -> None:
    """Handle one event; the task engine retries with growing pauses when this raises."""
    try:
        dispatch(event_id, last_attempt=context.attempt >= settings.TASK_MAX_ATTEMPTS)
    except Exception as error:  # noqa: BLE001 - the log and the Handling have the details
        # The task engine stores and logs what is raised; the message of an exception may hold personal data.
        raise RetryTask(type(error).__name__) from None


def dispatch(event_id: int, *, last_attempt: bool = False) -> None:
    """Run every handler of the event that is not done; raises the last failure that a retry may resolve."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None or event.handled_at is not None:
        return
    with traced(event.trace or new_trace()):
        known = {handling.handler: handling for handling in event.handlings.all()}
        to_retry: Exception | None = None
        for handler in handlers_for(event.source, event.kind):
            try:
                _run(event, handler, known.get(handler.name))
            except Blocked as error:
                _store_blocked(event, handler, error)
                metrics.handled.labels(event.source, "waiting").inc()
            except Exception as error:  # noqa: BLE001 - every failure is stored, and the other handlers run
                final = isinstance(error, Rejected) or (last_attempt and not isinstance(error, TRANSIENT))
                _store_failure(event, handler, error, final=final)
                metrics.handled.labels(event.source, "given up" if final else "to be repeated").inc()
                to_retry = to_retry if final else error
            else:
                metrics.handled.labels(event.source, "done").inc()
        if to_retry is not None:
            raise to_retry
        # A handler may have been resumed since it was looked at: its event stays open, and `sweep` finds it.
        open_events = Event.objects.filter(pk=event.pk, handled_at=None)
        done = open_events.exclude(_has_blocked_handling()).exclude(_has_open_handling())
        done.update(handled_at=timezone.now())


def _run(event: Event, handler: Handler, before: Handling | None) -> None:
    """Run one handler, unless it is done, given up or waiting for its account; `before` is what is known of it."""
    if before is None:
        write = handler.prepare(event)
        try:
            with transaction.atomic():
                # Written first: a second worker waits here for the first one's transaction, then finds its row.
                Handling.objects.create(event=event, handler=handler.name, attempts=1, done_at=timezone.now())
                if write is not None:
                    write()
        except IntegrityError:
            before = Handling.objects.filter(event=event, handler=handler.name).first()
            if before is None:
                raise
        else:
            return
    elif before.waits_for:
        before.refresh_from_db()  # it may have been resumed while the handlers before it ran
    if before.done_at or before.given_up_at or before.waits_for:
        return
    write = handler.prepare(event)
    with transaction.atomic():
        handling = Handling.objects.select_for_update().get(pk=before.pk)
        if handling.done_at is not None:
            return
        if write is not None:
            write()
        handling.attempts += 1
        handling.done_at, handling.given_up_at, handling.reason = timezone.now(), None, ""
        handling.waits_for = None
        handling.save(update_fields=["attempts", "done_at", "given_up_at", "reason", "waits_for"])


def _store_blocked(event: Event, handler: Handler, error: Blocked) -> None:
    """It counts as no attempt: nothing is wrong with the event itself."""
    log.info("handler waits", handler=handler.name, event_id=event.pk, kind=event.kind, code=error.code)
    with transaction.atomic():
        Handling.objects.get_or_create(event=event, handler=handler.name)
        Handling.objects.filter(event=event, handler=handler.name, done_at=None).update(
            waits_for=error.by or event.origin, reason=error.message
        )


def _store_failure(event: Event, handler: Handler, error: Exception, *, final: bool) -> None:
    if isinstance(error, Failure):
        log.warning(
            "handler failed", handler=handler.name, event_id=event.pk, kind=event.kind, code=error.code
        )
    else:
        log.error("handler crashed", handler=handler.name, event_id=event.pk, kind=event.kind, exc_info=error)
    with transaction.atomic():
        handling, _ = Handling.objects.get_or_create(event=event, handler=handler.name)
        if handling.done_at is not None:
            return
        handling.attempts += 1
        handling.reason = error.message if isinstance(error, Failure) else UNEXPECTED
        handling.given_up_at = timezone.now() if final else None
        handling.save(update_fields=["attempts", "reason", "given_up_at"])


def _has_blocked_handling() -> Exists:
    return Exists(Handling.objects.filter(event=OuterRef("pk"), waits_for__isnull=False))


def _has_open_handling() -> Exists:
    """Whether a handler of the event failed and is to be retried."""
    tried = Handling.objects.filter(event=OuterRef("pk"), done_at=None, given_up_at=None, waits_for=None)
    return Exists(tried)


def resume(origin: uuid.UUID) -> int:
    """Retry the events that waited for this Stripe account or shop; returns how many.

    Inside the caller's transaction, if there is one.
    """
    with transaction.atomic():
        waiting = Handling.objects.filter(waits_for=origin)
        events = sorted(set(waiting.values_list("event_id", flat=True)))
        Handling.objects.filter(waits_for=origin, event_id__in=events).update(waits_for=None)
        for event_id in events:
            dispatch_event.enqueue(event_id)
    return len(events)


def replay(event: Event) -> None:
    """Retry the handlers that were given up; those that are done stay done. `Rejected` if the payload was pruned."""
    if event.payload is None:
        raise Rejected("This event's content is no longer kept, so it cannot be replayed.", code="pruned")
    with transaction.atomic():
        Handling.objects.filter(event=event, done_at=None).update(given_up_at=None, waits_for=None)
        Event.objects.filter(pk=event.pk).update(handled_at=None)
        dispatch_event.enqueue(event.pk)


def sweep() -> int:
    """Enqueue a new task for each event whose task was lost; returns how many."""
    now = timezone.now()
    lost = Event.objects.filter(handled_at=None, received_at__lt=now - TASK_LOST_AFTER).order_by(
        "received_at"
    )
    # Without a running worker an event must not get one more task at every sweep.
    lost = lost.filter(Q(swept_at=None) | Q(swept_at__lt=now - TASK_LOST_AFTER))
    lost = lost.filter(
        Q(received_at__gte=now - OLD_AFTER) | Q(swept_at=None) | Q(swept_at__lt=now - OLD_EVENT_INTERVAL)
    )
    lost = lost.exclude(_has_blocked_handling() & ~_has_open_handling())
    event_ids = list(lost.values_list("pk", flat=True)[:SWEEP_LIMIT])
    with transaction.atomic():
        Event.objects.filter(pk__in=event_ids).update(swept_at=now)
        for event_id in event_ids:
            dispatch_event.enqueue(event_id)
    return len(event_ids)


@task
def sweep_inbox() -> int:
    """Every minute: enqueue a new task for each event whose task was lost."""
    return sweep()


def prune(days: int | None = None) -> int:
    """Delete the payloads of events handled more than `days` ago; the rows stay, so duplicates are still recognized."""
    kept = settings.EVENT_RETENTION_DAYS if days is None else days
    before = timezone.now() - timedelta(days=kept)
    old = Event.objects.filter(handled_at__lt=before, payload__isnull=False)
    return old.exclude(pk__in=Handling.objects.given_up().values("event_id")).update(payload=None)


@task
def prune_inbox() -> int:
    """Every night: delete payloads that are no longer needed."""
    return prune()
