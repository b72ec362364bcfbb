"""The tasks of the inbox. Only the plain django.tasks interface is used: the engine can be replaced."""

from django.conf import settings
from django.tasks import TaskContext, task

from saleor_stripe_audience.inbox import handlers


class ToBeRepeated(Exception):  # noqa: N818 - it says what is to be done
    """An event is not through; the message is the name of the exception that stopped it, nothing more."""


@task(takes_context=True)
def work_event(context: "TaskContext[..., None]", event_id: int) -> None:
    """Handle one event; the engine repeats it with growing pauses when it raises."""
    try:
        handlers.work(event_id, last_attempt=context.attempt >= settings.TASK_MAX_ATTEMPTS)
    except Exception as error:  # noqa: BLE001 - what it was is in the log and on the handling
        # The engine stores and logs what it is given; the words of an unexpected exception may hold personal data.
        raise ToBeRepeated(type(error).__name__) from None


@task
def sweep_inbox() -> int:
    """Every minute: events whose task was lost get a new one."""
    return handlers.sweep()


@task
def prune_inbox() -> int:
    """Every night: payloads that are no longer needed are dropped."""
    return handlers.prune()
