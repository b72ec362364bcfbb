"""Every event from outside is stored once, then handled; each of its handlers takes effect exactly once.

`record` inserts the event and one task in one transaction. The task runs the event's handlers in the order of the
table, in a transaction that also writes their `Handling`: a task that runs twice changes nothing, and a retry runs
only the handlers that are not done.

Handlers that only write share one transaction, with those of other waiting events of the same sender: see
`_work_together`. Most events cost a few statements each that way. If one of them fails, everything is rolled back; then
each handler of the event runs in its own transaction, and the other events are left to their own tasks. So whatever
happens to such a transaction, even if the process dies, nothing is lost and nothing is done twice.

A temporary failure is never given up. If the other side does not respond, the task is retried for a few minutes; after
that, `sweep` enqueues new tasks, less and less often. If the Stripe account or the shop behind an event is blocked, its
handlers wait without retries until `resume` is called.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import structlog
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.tasks import Task, TaskContext, task
from django.utils import timezone
from django.utils.translation import pgettext_lazy
from django_ox.models import OxTask

from saleor_stripe_audience import metrics
from saleor_stripe_audience.composed import composed_once
from saleor_stripe_audience.errors import Blocked, Failure, Rejected, Unavailable
from saleor_stripe_audience.inbox.handlers import Concerns, Handler, Within, handlers_for
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.statements import insert_once, insert_rows, turn_to_write, update_row
from saleor_stripe_audience.tracing import current_trace, new_trace, traced
from saleor_stripe_audience.wording import in_languages

log = structlog.get_logger(__name__)

TASK_LOST_AFTER = timedelta(minutes=15)  # an event this old that is not handled has lost its task
OLD_AFTER = timedelta(days=1)
OLD_EVENT_INTERVAL = timedelta(hours=1)  # how often an older event is retried
SWEEP_LIMIT = 1000
# Events in one transaction, besides the first. It holds their shop's lock for a tenth of a second; in SQLite everyone
# else who writes waits for it, shoppers included.
BATCH_SIZE = {"postgresql": 20, "sqlite": 5}
TRANSIENT = (Unavailable, OperationalError, InterfaceError)  # the other side or our database is unavailable
UNEXPECTED = pgettext_lazy("staff", "Something unexpected went wrong; the app's log has the details.")


class RetryTask(Exception):  # noqa: N818 - it is not an error, it makes the task engine retry
    """The task has to run again; the message is only the name of the exception that stopped it."""


class _HandlerFailed(Exception):  # noqa: N818 - it carries an error, and is never shown
    """A handler of the event itself failed in a transaction with others, which has been rolled back."""

    def __init__(self, handler: Handler, error: Exception) -> None:
        super().__init__(handler.name)
        self.handler, self.error = handler, error


def record(
    source: str, origin: uuid.UUID, key: str, kind: str, payload: dict[str, Any], occurred_at: datetime
) -> bool:
    """Store the event and enqueue its one task; False if it was stored before."""
    handling = _task_for(source, origin)
    event = Event(
        source=source,
        origin=origin,
        key=key,
        kind=kind,
        payload=payload,
        occurred_at=occurred_at,
        trace=current_trace(),
    )
    with turn_to_write(), transaction.atomic():
        is_new = insert_once(event)
        if is_new:
            handling.enqueue(event.pk)
    return is_new


def _task_for(source: str, origin: uuid.UUID) -> "Task[..., None]":
    """The task that handles an event of this sender, in its queue."""
    return dispatch_event.using(queue_name=_queue(source, origin))


@task(takes_context=True)
def dispatch_event(context: "TaskContext[..., None]", event_id: int) -> None:
    """Handle one event; if this raises, the task engine retries with increasing pauses."""
    try:
        queue = context.task_result.task.queue_name
        dispatch(event_id, last_attempt=context.attempt >= settings.TASK_MAX_ATTEMPTS, queue=queue)
    except Exception as error:  # noqa: BLE001 - the log and the Handling have the details
        # The task engine stores and logs what is raised; the message of an exception may hold personal data.
        raise RetryTask(type(error).__name__) from None


def dispatch(event_id: int, *, last_attempt: bool = False, queue: str = "") -> None:
    """Run every handler of the event that is not done yet; raises the last failure that a retry may resolve.

    `queue`: also handle other waiting events in this queue, if they do not need the network.
    """
    found = next(iter(_event_with_company(event_id, queue)), None)
    if found is None or found.handled_at is not None:
        return
    event: Event = found
    with traced(event.trace or new_trace()):
        handlers = handlers_for(event.source, event.kind)
        if found.is_tried:
            known = {handling.handler: handling for handling in event.handlings.all()}
            to_retry = _run_each(event, handlers, known, last_attempt=last_attempt)
        else:
            calling = _calling({event: handlers})[event]
            writing = [handler for handler in handlers if handler not in calling]
            to_retry = _run_each(event, calling, {}, last_attempt=last_attempt)
            try:
                if writing or not calling:
                    _work_together(event, writing, is_last=not calling, with_others=found.has_company)
            except Exception as error:  # noqa: BLE001 - what failed is stored, or fails again by itself
                failed = error if isinstance(error, _HandlerFailed) else None
                log.info("events rolled back", event_id=event.pk, kind=event.kind, error=type(error).__name__)
                to_retry = _run_each(event, writing, {}, last_attempt=last_attempt, failed=failed) or to_retry
            else:
                if not calling:
                    return
        _finish(event, to_retry)


@composed_once
def _event_with_company(event_id: int, queue: str) -> QuerySet[Any]:
    """Return the event, with `is_tried` if it was tried before and `has_company` if others wait in this queue."""
    tried = Handling.objects.filter(event=OuterRef("pk"))
    waiting = OxTask.objects.filter(queue_name=queue, status=OxTask.Status.READY)
    return Event.objects.annotate(is_tried=Exists(tried), has_company=Exists(waiting)).filter(pk=event_id)


def _run_each(
    event: Event,
    handlers: Iterable[Handler],
    known: Mapping[str, Handling],
    *,
    last_attempt: bool,
    failed: _HandlerFailed | None = None,
) -> Exception | None:
    """Run the handlers independently of each other; returns the last failure that a retry may resolve.

    `failed` has just run, and is not run again.
    """
    to_retry: Exception | None = None
    for handler in handlers:
        if failed is not None and handler is failed.handler:
            error: Exception | None = failed.error
        else:
            error = _try(event, handler, known.get(handler.name))
        if error is None:
            result = "done"
        elif isinstance(error, Blocked):
            _store_blocked(event, handler, error)
            result = "waiting"
        else:
            final = isinstance(error, Rejected) or (last_attempt and not isinstance(error, TRANSIENT))
            _store_failure(event, handler, error, final=final)
            result = "given up" if final else "to be repeated"
            to_retry = to_retry if final else error
        metrics.handled.labels(event.source, result).inc()
    return to_retry


def _try(event: Event, handler: Handler, before: Handling | None) -> Exception | None:
    """Run one handler; returns its failure."""
    try:
        _run(event, handler, before)
    except Exception as error:  # noqa: BLE001 - every failure is stored, and the other handlers run
        return error
    return None


def _finish(event: Event, to_retry: Exception | None) -> None:
    """Mark the event as handled, unless a handler has to be retried or waits."""
    if to_retry is not None:
        raise to_retry
    # A handler may have been resumed since it was read: its event stays open, and `sweep` finds it.
    open_events = Event.objects.filter(pk=event.pk, handled_at=None)
    done = open_events.exclude(_has_blocked_handling()).exclude(_has_open_handling())
    done.update(handled_at=timezone.now())


def _calling(handlers: Mapping[Event, Sequence[Handler]]) -> dict[Event, list[Handler]]:
    """Return those of the handlers that may call the network, for each of these events of one sender."""
    concerned: dict[Concerns, Collection[int]] = {}
    calling: dict[Event, list[Handler]] = {event: [] for event in handlers}
    for event, its_handlers in handlers.items():
        for handler in its_handlers:
            if handler.is_transactional:
                continue
            if handler.concerns is not None and handler.concerns not in concerned:
                concerned[handler.concerns] = handler.concerns(list(handlers))
            if handler.concerns is None or event.pk in concerned[handler.concerns]:
                calling[event].append(handler)
    return calling


def _work_together(event: Event, handlers: Sequence[Handler], *, is_last: bool, with_others: bool) -> None:
    """Run the event's handlers in one transaction, with those of other waiting events of its sender.

    `is_last`: the event has no other handlers, so it is handled then.
    """
    contexts = dict.fromkeys(handler.within for handler in handlers if handler.within is not None)
    is_solitary = any(handler.is_solitary for handler in handlers)
    with ExitStack() as stack:
        for within in contexts:
            stack.enter_context(within(event))
        stack.enter_context(transaction.atomic(savepoint=False))
        takes_others = with_others and bool(contexts) and not is_solitary
        others, tasks = _take_waiting(event, contexts) if takes_others else ({}, [])
        work = {event: handlers, **others}
        # Written first: a second worker waits here for this transaction, then fails on these rows.
        insert_rows(
            [
                Handling(event=each, handler=handler.name, attempts=1, done_at=timezone.now())
                for each, its_handlers in sorted(work.items(), key=lambda item: item[0].pk)
                for handler in its_handlers
            ]
        )
        every_handler = [handler for its_handlers in work.values() for handler in its_handlers]
        for look_ahead in dict.fromkeys(each.ahead for each in every_handler if each.ahead is not None):
            look_ahead(list(work))
        for each in sorted(work, key=lambda one: (one.occurred_at, one.pk)):
            _write(each, work[each], is_own=each == event)
        handled = [each for each in work if each != event or is_last]
        for each in handled:
            each.handled_at = timezone.now()
        if len(handled) == 1:
            update_row(handled[0], ["handled_at"])
        else:
            Event.objects.filter(pk__in=[each.pk for each in handled]).update(handled_at=timezone.now())
        if tasks:
            OxTask.objects.filter(pk__in=tasks).update(
                status=OxTask.Status.SUCCESSFUL, attempts=1, finished_at=timezone.now()
            )
    metrics.handled.labels(event.source, "done").inc(len(every_handler))


def _write(event: Event, handlers: Iterable[Handler], *, is_own: bool) -> None:
    """Run those of the event's handlers that write; the others have nothing to do for it."""
    with traced(event.trace or new_trace()):
        for handler in handlers:
            try:
                if handler.is_transactional and (write := handler.prepare(event)) is not None:
                    write()
            except Exception as error:
                if is_own:
                    raise _HandlerFailed(handler, error) from error
                raise


def _take_waiting(
    event: Event, contexts: Collection[Within]
) -> tuple[dict[Event, Sequence[Handler]], list[uuid.UUID]]:
    """Return other new events of the sender that need no network, with their handlers, and the events' tasks, locked
    against other workers.
    """
    waiting = _lock_waiting(_queue(event.source, event.origin), timezone.now())
    tasks = {arguments[0]: pk for pk, arguments in waiting}
    if not tasks:
        return {}, []
    events = _untried_events(list(tasks), event.pk)
    handlers: dict[Event, Sequence[Handler]] = {each: handlers_for(each.source, each.kind) for each in events}
    calling = _calling(handlers)
    taken = {
        each: its_handlers
        for each, its_handlers in handlers.items()
        if not calling[each]
        and all(
            not handler.is_solitary and (handler.within in contexts or not handler.is_transactional)
            for handler in its_handlers
        )
    }
    return taken, [tasks[each.pk] for each in taken]


@composed_once
def _lock_waiting(queue: str, now: datetime) -> QuerySet[OxTask, tuple[uuid.UUID, list[int]]]:
    waiting = OxTask.objects.filter(queue_name=queue, status=OxTask.Status.READY, attempts=0)
    due = waiting.filter(Q(run_after=None) | Q(run_after__lte=now)).order_by("-priority", "enqueued_at")
    locked = due.select_for_update(skip_locked=True).values_list("pk", "args")
    return locked[: BATCH_SIZE[connection.vendor]]


@composed_once
def _untried_events(event_ids: Sequence[int], but: int) -> QuerySet[Event]:
    waiting = Event.objects.filter(pk__in=event_ids, handled_at=None).exclude(pk=but)
    return waiting.exclude(Exists(Handling.objects.filter(event=OuterRef("pk"))))


def _queue(source: str, origin: uuid.UUID) -> str:
    """The name of the queue with the tasks of one sender's events."""
    return f"{source} {origin}"


def _run(event: Event, handler: Handler, before: Handling | None) -> None:
    """Run one handler, unless it is done, given up or waiting for its account; `before` is its known state."""
    if before is None:
        write = handler.prepare(event)
        try:
            with _transaction_of(event, handler):
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
    with _transaction_of(event, handler):
        handling = Handling.objects.select_for_update().get(pk=before.pk)
        if handling.done_at is not None:
            return
        if write is not None:
            write()
        handling.attempts += 1
        handling.done_at, handling.given_up_at, handling.reasons = timezone.now(), None, {}
        handling.waits_for = None
        handling.save(update_fields=["attempts", "done_at", "given_up_at", "reasons", "waits_for"])


@contextmanager
def _transaction_of(event: Event, handler: Handler) -> Iterator[None]:
    """Open a transaction within what the handler needs: locks are taken in one order, alone or together."""
    with (
        handler.within(event) if handler.within is not None else nullcontext(),
        transaction.atomic(savepoint=False),
    ):
        yield


def _store_blocked(event: Event, handler: Handler, error: Blocked) -> None:
    """Store that the handler is blocked. This is not counted as an attempt, because nothing is wrong with the event
    itself.
    """
    log.info("handler blocked", handler=handler.name, event_id=event.pk, kind=event.kind, code=error.code)
    with transaction.atomic():
        Handling.objects.get_or_create(event=event, handler=handler.name)
        Handling.objects.filter(event=event, handler=handler.name, done_at=None).update(
            waits_for=error.by or event.origin, reasons=in_languages(error.translatable)
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
        handling.reasons = in_languages(error.translatable if isinstance(error, Failure) else UNEXPECTED)
        handling.given_up_at = timezone.now() if final else None
        handling.save(update_fields=["attempts", "reasons", "given_up_at"])


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
        events = Event.objects.filter(pk__in=waiting.values("event_id")).order_by("pk").defer("payload")
        resumed = list(events)
        Handling.objects.filter(waits_for=origin, event__in=resumed).update(waits_for=None)
        for event in resumed:
            _task_for(event.source, event.origin).enqueue(event.pk)
    return len(resumed)


def replay(event: Event) -> None:
    """Retry the handlers that were given up; those that are done stay done. `Rejected` if the payload was pruned."""
    if event.payload is None:
        raise Rejected(
            pgettext_lazy("staff", "This event's content is no longer stored, so it cannot be replayed."),
            code="pruned",
        )
    with transaction.atomic():
        Handling.objects.filter(event=event, done_at=None).update(given_up_at=None, waits_for=None)
        Event.objects.filter(pk=event.pk).update(handled_at=None)
        _task_for(event.source, event.origin).enqueue(event.pk)


def sweep() -> int:
    """Enqueue a new task for each event whose task was lost; returns how many."""
    now = timezone.now()
    lost = Event.objects.filter(handled_at=None, received_at__lt=now - TASK_LOST_AFTER).order_by(
        "received_at"
    )
    # Without a running worker, an event must not get another task at every sweep.
    lost = lost.filter(Q(swept_at=None) | Q(swept_at__lt=now - TASK_LOST_AFTER))
    lost = lost.filter(
        Q(received_at__gte=now - OLD_AFTER) | Q(swept_at=None) | Q(swept_at__lt=now - OLD_EVENT_INTERVAL)
    )
    lost = lost.exclude(_has_blocked_handling() & ~_has_open_handling())
    found = list(lost.defer("payload")[:SWEEP_LIMIT])
    with transaction.atomic():
        Event.objects.filter(pk__in=[event.pk for event in found]).update(swept_at=now)
        for event in found:
            _task_for(event.source, event.origin).enqueue(event.pk)
    return len(found)


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


@task
def prune_tasks() -> None:
    """Every night: delete tasks that ended a week ago, and failed ones after a month; without it, millions a year."""
    counts = StringIO()
    call_command("ox_prune", older_than="7d", stdout=counts)
    call_command("ox_prune", older_than="30d", include_failed=True, stdout=counts)
