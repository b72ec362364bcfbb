"""How every task is claimed and run.

The task engine stores and logs exceptions, whose messages may contain personal data; and it composes a query to store
a task, and on SQLite three to claim one, which is one statement here.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from django.db import connection
from django.tasks import Task, TaskResult
from django.tasks.signals import task_enqueued
from django.utils import timezone
from django_ox.backend import OxBackend
from django_ox.models import OxTask
from django_ox.results import task_result_from_db
from django_ox.tasks import PolicyTask
from django_ox.worker import Worker

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.statements import columns_of, insert_rows, row_of, stored

log = structlog.get_logger(__name__)


AFTER_EVENTS = -1  # a task's priority; that of an event is 0


def enqueue_once(task: "Task[..., Any]", queue: str, *arguments: str, priority: int = 0) -> None:
    """Enqueue the task in a queue of its own, unless one is waiting there: that one is late enough."""
    if not OxTask.objects.filter(queue_name=queue, status=OxTask.Status.READY).exists():
        task.using(queue_name=queue, priority=priority).enqueue(*arguments)


class TaskFailed(Exception):  # noqa: N818 - it says what happened
    """A task failed; the message is the exception's code, or its name if it has none, and nothing more."""


class PrivateTask(PolicyTask[Any, Any]):
    """A task whose failure is stored without the exception's message, which may contain personal data."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task's function; an exception is logged with its places and raised again as `TaskFailed`."""
        try:
            return super().call(*args, **kwargs)
        except Exception as error:
            log.warning("task failed", task=self.module_path, exc_info=error)
            code = error.code if isinstance(error, Failure) else ""
            raise TaskFailed(code or type(error).__name__) from None


class Backend(OxBackend):
    """The task engine, without personal data in its table."""

    task_class = PrivateTask

    def enqueue[**P, R](
        self, task: "Task[P, R]", args: list[Any], kwargs: dict[str, Any]
    ) -> "TaskResult[P, R]":
        """Store the task, in a statement that is composed once: the engine composes it each time."""
        self.validate_task(task)
        row = self._row(task, args, kwargs, timezone.now())
        insert_rows([row])
        result = cast("TaskResult[P, R]", task_result_from_db(row, task=task))
        task_enqueued.send_robust(type(self), task_result=result)
        return result


CLAIM = """
    UPDATE django_ox_oxtask SET
        status = %s, locked_by = %s, locked_at = %s, lease_expires_at = %s, lease_epoch = lease_epoch + 1,
        attempts = attempts + 1, started_at = COALESCE(started_at, %s), last_attempted_at = %s,
        worker_ids = JSON_INSERT(worker_ids, '$[#]', %s)
    WHERE id = (
        SELECT id FROM django_ox_oxtask
        WHERE status = %s AND (run_after IS NULL OR run_after <= %s)
        ORDER BY priority DESC, enqueued_at LIMIT 1
    )
"""


class TaskWorker(Worker):
    """The task engine's worker. On SQLite it claims a task with one statement, written out above."""

    def _claim_one(self) -> OxTask | None:
        if connection.vendor != "sqlite" or self.queues or self.claim_filter_q() is not None:
            return super()._claim_one()
        return self._claim_on_sqlite(timezone.now())

    def _claim_on_sqlite(self, now: datetime) -> OxTask | None:
        """Claim the task that is due first, as the task engine does on PostgreSQL; None if none is due.

        SQLite lets one connection write at a time, so two workers never claim the same one.
        """
        expires = now + timedelta(seconds=self.lock_timeout)
        at, until = (stored(OxTask, "locked_at", each) for each in (now, expires))
        ready, running = OxTask.Status.READY.value, OxTask.Status.RUNNING.value
        values = [running, self.worker_id, at, until, at, at, self.worker_id, ready, at]
        with connection.cursor() as cursor:
            cursor.execute(f"{CLAIM} RETURNING {columns_of(OxTask)}", values)
            found: Sequence[Any] | None = cursor.fetchone()
        return row_of(OxTask, found) if found is not None else None
