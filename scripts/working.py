"""Runs waiting tasks as the app's worker does, on this thread.

django_ox's `run_tasks` is for tests: it searches all objects in memory for open transactions, which takes longer than
an event.
"""

from saleor_stripe_audience.task_engine import TaskWorker


class OwnWorker:
    """A worker that runs on request."""

    def __init__(self) -> None:
        self._worker = TaskWorker()

    def work(self) -> None:
        """Run tasks until none is due, including those that they enqueue."""
        while (task := self._worker.claim_one()) is not None:
            self._worker.execute(task)
