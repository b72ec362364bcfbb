"""Whatever arrives from outside is written down once, then handled, each handler exactly once in effect.

`record` inserts the event and one task in one transaction. The task runs the event's handlers one after the
other, each in a transaction of its own that also writes its `Handling`: a task run twice does nothing twice, and
a retry runs only what is not done. A handler that calls the outside does so before its transaction, under a key
that makes a repeat harmless, and returns what is then to be written.

What fails for a reason that passes is never given up. If the other side does not answer, the engine repeats the task
for some minutes, and then `sweep` gives it a new one, ever less often. If the account behind it is in trouble, the
handling waits at no cost until somebody calls `resume`.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from saleor_stripe_audience import metrics
from saleor_stripe_audience.errors import Blocked, Failure, Rejected, Unavailable
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.tracing import current_trace, new_trace, traced

log = structlog.get_logger(__name__)

Write = Callable[[], None]
Inside = Callable[[Event], None]
Outside = Callable[[Event], Write | None]

LEFT_BEHIND = timedelta(minutes=15)  # an event this old and not handled has lost its task
RARELY = timedelta(days=1)  # an event this old is tried once an hour
PASSES = (
    Unavailable,
    OperationalError,
    InterfaceError,
)  # the other side, or our database, does not answer now
UNEXPECTED = "Something unexpected went wrong; the app's log has the details."


@dataclass(frozen=True)
class _Handler:
    name: str
    prepare: Outside


_handlers: dict[tuple[str, str], list[_Handler]] = defaultdict(list)


def handles(source: str, *kinds: str) -> Callable[[Inside], Inside]:
    """Run the function inside the transaction that marks it as done. It must not call the network."""

    def register(function: Inside) -> Inside:
        _register(source, kinds, function, lambda event: lambda: function(event))
        return function

    return register


def handles_outside(source: str, *kinds: str) -> Callable[[Outside], Outside]:
    """Run the function with no transaction open; what it returns is run in the one that marks it as done."""

    def register(function: Outside) -> Outside:
        _register(source, kinds, function, function)
        return function

    return register


def _register(source: str, kinds: tuple[str, ...], function: Callable[..., Any], prepare: Outside) -> None:
    module = function.__module__.removeprefix("saleor_stripe_audience.")
    for kind in kinds:
        _handlers[source, kind].append(_Handler(f"{module}.{function.__name__}", prepare))


def is_handled(source: str, kind: str) -> bool:
    """Whether anything is done with events of that kind."""
    return (source, kind) in _handlers  # asked with whatever a caller sends, so nothing is remembered


def record(
    source: str, origin: uuid.UUID, key: str, kind: str, payload: dict[str, Any], occurred_at: datetime
) -> bool:
    """Write the event down and enqueue its one task; False if it was already here."""
    from saleor_stripe_audience.inbox.tasks import work_event  # noqa: PLC0415 - tasks call back into this module

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
            work_event.enqueue(event.pk)
    except IntegrityError:
        if not Event.objects.filter(source=source, origin=origin, key=key).exists():
            raise
        return False
    return True


def work(event_id: int, *, last_attempt: bool = False) -> None:
    """Run every handler of the event that is not through; raises the last failure that a retry may mend."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None or event.handled_at is not None:
        return
    with traced(event.trace or new_trace()):
        _work(event, last_attempt=last_attempt)


def _work(event: Event, *, last_attempt: bool) -> None:
    to_retry: Exception | None = None
    for handler in _handlers[event.source, event.kind]:
        try:
            _run(event, handler)
        except Blocked as error:
            _note_waiting(event, handler, error)
            metrics.handled.labels(event.source, "waiting").inc()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is kept on the row and the others run
            final = isinstance(error, Rejected) or (last_attempt and not isinstance(error, PASSES))
            _note_failure(event, handler, error, final=final)
            metrics.handled.labels(event.source, "given up" if final else "to be repeated").inc()
            to_retry = to_retry if final else error
        else:
            metrics.handled.labels(event.source, "done").inc()
    if to_retry is not None:
        raise to_retry
    open_events = Event.objects.filter(pk=event.pk, handled_at=None)
    open_events.exclude(_has_waiting()).update(handled_at=timezone.now())


def _has_waiting() -> Exists:
    """Whether some handling of the event waits."""
    return Exists(Handling.objects.filter(event=OuterRef("pk"), waits_for__isnull=False))


def _has_open() -> Exists:
    """Whether some handling of the event was tried and is to be tried again."""
    tried = Handling.objects.filter(event=OuterRef("pk"), done_at=None, given_up_at=None, waits_for=None)
    return Exists(tried)


def _run(event: Event, handler: _Handler) -> None:
    if _is_through(event, handler):
        return
    write = handler.prepare(event)
    with transaction.atomic():
        Handling.objects.get_or_create(event=event, handler=handler.name)
        handling = Handling.objects.select_for_update().get(event=event, handler=handler.name)
        if handling.done_at is not None:
            return
        if write is not None:
            write()
        handling.attempts += 1
        handling.done_at, handling.given_up_at, handling.reason = timezone.now(), None, ""
        handling.waits_for = None
        handling.save(update_fields=["attempts", "done_at", "given_up_at", "reason", "waits_for"])


def _is_through(event: Event, handler: _Handler) -> bool:
    """Whether nothing is to be done now: it is done, given up or waiting."""
    handling = Handling.objects.filter(event=event, handler=handler.name).first()
    if handling is None:
        return False
    return any(each is not None for each in (handling.done_at, handling.given_up_at, handling.waits_for))


def _note_waiting(event: Event, handler: _Handler, error: Blocked) -> None:
    """It costs no attempt: nothing was wrong with it."""
    log.info("handler waits", handler=handler.name, event_id=event.pk, kind=event.kind, code=error.code)
    with transaction.atomic():
        Handling.objects.get_or_create(event=event, handler=handler.name)
        Handling.objects.filter(event=event, handler=handler.name, done_at=None).update(
            waits_for=error.by or event.origin, reason=error.message
        )


def resume(whose: uuid.UUID) -> int:
    """The trouble of the account (or shop) is over: what waited for it is tried again. Returns how many events.

    Inside the caller's transaction, if there is one.
    """
    from saleor_stripe_audience.inbox.tasks import work_event  # noqa: PLC0415 - tasks call back into this module

    with transaction.atomic():
        waiting = Handling.objects.filter(waits_for=whose)
        events = sorted(set(waiting.values_list("event_id", flat=True)))
        Handling.objects.filter(waits_for=whose, event_id__in=events).update(waits_for=None)
        for event_id in events:
            work_event.enqueue(event_id)
    return len(events)


def _note_failure(event: Event, handler: _Handler, error: Exception, *, final: bool) -> None:
    if isinstance(error, Failure):
        log.warning(
            "handler failed", handler=handler.name, event_id=event.pk, kind=event.kind, code=error.code
        )
    else:
        log.error("handler crashed", handler=handler.name, event_id=event.pk, kind=event.kind, exc_info=error)
    reason = error.message if isinstance(error, Failure) else UNEXPECTED
    with transaction.atomic():
        handling, _ = Handling.objects.get_or_create(event=event, handler=handler.name)
        if handling.done_at is not None:
            return
        handling.attempts += 1
        handling.reason = reason
        handling.given_up_at = timezone.now() if final else None
        handling.save(update_fields=["attempts", "reason", "given_up_at"])


def replay(event: Event) -> None:
    """Try again what was given up; what is done stays done. `Rejected` if the payload is no longer kept."""
    from saleor_stripe_audience.inbox.tasks import work_event  # noqa: PLC0415 - tasks call back into this module

    if event.payload is None:
        raise Rejected("This event's content is no longer kept, so it cannot be replayed.", code="pruned")
    with transaction.atomic():
        Handling.objects.filter(event=event, done_at=None).update(given_up_at=None, waits_for=None)
        Event.objects.filter(pk=event.pk).update(handled_at=None)
        work_event.enqueue(event.pk)


def sweep() -> int:
    """Give a new task to events whose task was lost; returns how many."""
    from saleor_stripe_audience.inbox.tasks import work_event  # noqa: PLC0415 - tasks call back into this module

    now = timezone.now()
    left = Event.objects.filter(handled_at=None, received_at__lt=now - LEFT_BEHIND).order_by("received_at")
    # With no worker running, an event must not be given a task more at every sweep.
    left = left.filter(Q(swept_at=None) | Q(swept_at__lt=now - LEFT_BEHIND))
    left = left.filter(
        Q(received_at__gte=now - RARELY) | Q(swept_at=None) | Q(swept_at__lt=now - timedelta(hours=1))
    )
    left = left.exclude(_has_waiting() & ~_has_open())
    identifiers = list(left.values_list("pk", flat=True)[:1000])
    with transaction.atomic():
        Event.objects.filter(pk__in=identifiers).update(swept_at=now)
        for identifier in identifiers:
            work_event.enqueue(identifier)
    return len(identifiers)


def prune(days: int | None = None) -> int:
    """Drop the payloads of events handled more than `days` ago; the rows stay, so doubles are still known."""
    kept = settings.EVENT_RETENTION_DAYS if days is None else days
    before = timezone.now() - timedelta(days=kept)
    old = Event.objects.filter(handled_at__lt=before, payload__isnull=False)
    open_failures = Handling.objects.filter(given_up_at__isnull=False, done_at=None).values("event_id")
    return old.exclude(pk__in=open_failures).update(payload=None)
