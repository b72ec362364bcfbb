"""The tasks of the inbox. Only the plain django.tasks interface is used: the engine can be replaced."""

from django.conf import settings
from django.tasks import TaskContext, task

from saleor_stripe_audience.inbox import handlers


@task(takes_context=True)
def work_event(context: "TaskContext[..., None]", event_id: int) -> None:
    """Handle one event; the engine repeats it with growing pauses when it raises."""
    handlers.work(event_id, last_attempt=context.attempt >= settings.TASK_MAX_ATTEMPTS)


@task
def sweep_inbox() -> int:
    """Every minute: events whose task was lost get a new one."""
    return handlers.sweep()


@task
def prune_inbox() -> int:
    """Every night: payloads that are no longer needed are dropped."""
    return handlers.prune()
