"""Tasks are stored, and on SQLite claimed, by the app's own statements: the rows must equal the task engine's."""

from datetime import timedelta
from typing import Any

import pytest
from django.tasks import TaskResult
from django.tasks.signals import task_enqueued
from django.utils import timezone
from django_ox.backend import OxBackend
from django_ox.models import OxTask
from django_ox.worker import Worker

from saleor_stripe_audience.inbox.engine import dispatch_event, prune_inbox, sweep_inbox
from saleor_stripe_audience.task_engine import Backend, TaskWorker

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = ("locked_at", "lease_expires_at", "started_at", "last_attempted_at")


def _columns(task: OxTask) -> dict[str, Any]:
    """Return all columns that are the same for two tasks claimed one after the other."""
    names = [field.attname for field in OxTask._meta.concrete_fields]
    return {name: getattr(task, name) for name in names if name not in (*TIMES, "id", "enqueued_at")}


def test_it_stores_a_task_as_the_task_engine_does() -> None:
    seen: list[TaskResult[Any, Any]] = []

    def see(task_result: "TaskResult[Any, Any]", **_: Any) -> None:
        seen.append(task_result)

    later = timezone.now() + timedelta(hours=1)
    task = dispatch_event.using(queue_name="q", priority=7, run_after=later)
    backend = task.get_backend()
    assert isinstance(backend, Backend)
    task_enqueued.connect(see)
    try:
        ours = task.enqueue(3)
        engines = OxBackend.enqueue(backend, task, [3], {})
    finally:
        task_enqueued.disconnect(see)
    assert [each.id for each in seen] == [ours.id, engines.id]
    assert [type(each) for each in (ours, engines)] == [type(engines)] * 2
    rows = [OxTask.objects.get(pk=each.id) for each in (ours, engines)]
    assert _columns(rows[0]) == _columns(rows[1])
    assert rows[0].args == [3]
    assert abs(rows[0].enqueued_at - rows[1].enqueued_at) < timedelta(seconds=10)
    assert (ours.status, ours.task.queue_name, ours.args, ours.enqueued_at) == (
        engines.status, "q", engines.args, rows[0].enqueued_at,
    )  # fmt: skip


def test_it_claims_as_the_task_engine_does() -> None:
    ours, engines = TaskWorker(), Worker()
    ours.worker_id = engines.worker_id = "w"
    for _ in range(2):
        sweep_inbox.enqueue()
    claimed, expected = ours.claim_one(), engines.claim_one()
    assert claimed is not None
    assert expected is not None
    assert _columns(claimed) == _columns(expected)
    stored = OxTask.objects.get(pk=claimed.pk)
    assert _columns(stored) == _columns(claimed)
    for name in TIMES:
        at, theirs = getattr(stored, name), getattr(expected, name)
        assert getattr(claimed, name) == at
        assert abs(at - theirs) < timedelta(seconds=10)


def test_a_task_that_is_claimed_again_counts_its_attempts() -> None:
    first, second = TaskWorker(), TaskWorker()
    first.worker_id, second.worker_id = "first", "second"
    sweep_inbox.enqueue()
    before = first.claim_one()
    assert before is not None
    assert second.claim_one() is None
    OxTask.objects.update(status=OxTask.Status.READY)
    again = second.claim_one()
    assert again is not None
    assert (again.attempts, again.lease_epoch) == (2, before.lease_epoch + 1)
    assert again.worker_ids == ["first", "second"]
    assert again.started_at == before.started_at


def test_only_due_tasks_and_the_most_urgent_first() -> None:
    worker = TaskWorker()
    later = timezone.now() + timedelta(hours=1)
    sweep_inbox.using(run_after=later).enqueue()
    sweep_inbox.enqueue()
    prune_inbox.using(priority=10).enqueue()
    claimed = [worker.claim_one() for _ in range(3)]
    assert [task.task_path.rpartition(".")[2] for task in claimed if task] == ["prune_inbox", "sweep_inbox"]
    OxTask.objects.filter(run_after=later).update(run_after=timezone.now() - timedelta(seconds=1))
    assert worker.claim_one() is not None


def test_a_claimed_task_is_run_once() -> None:
    worker = TaskWorker()
    sweep_inbox.enqueue()
    task = worker.claim_one()
    assert task is not None
    worker.execute(task)
    assert OxTask.objects.get().status == OxTask.Status.SUCCESSFUL
    assert worker.claim_one() is None


def test_workers_of_some_queues_claim_from_these() -> None:
    sweep_inbox.using(queue_name="one").enqueue()
    assert TaskWorker(queues=["other"]).claim_one() is None
    assert TaskWorker(queues=["one"]).claim_one() is not None
