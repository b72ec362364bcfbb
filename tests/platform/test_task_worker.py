"""On SQLite the worker claims tasks with its own statements: the rows must be those of the task engine's."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_ox.models import OxTask
from django_ox.worker import Worker

from saleor_stripe_audience.inbox.engine import prune_inbox, sweep_inbox
from saleor_stripe_audience.task_engine import TaskWorker

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = ("locked_at", "lease_expires_at", "started_at", "last_attempted_at")


def _columns(task: OxTask) -> dict[str, Any]:
    """All columns that do not differ between two tasks claimed one after the other."""
    names = [field.attname for field in OxTask._meta.concrete_fields]
    return {name: getattr(task, name) for name in names if name not in (*TIMES, "id", "enqueued_at")}


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
