"""Long-running jobs, such as imports and the first sync of a catalogue."""

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q

from saleor_stripe_audience.wording import text_in


class Job(models.Model):
    """Work that outlives a process: its progress, its report and its state.

    `cursor` is where the next page starts, and `step` counts the finished pages, so that a page processed twice counts
    once. `worked_seconds` excludes pauses. `key` distinguishes jobs that may run in parallel: a shop has at most one
    open job of one kind and key.
    """

    class Kind(models.TextChoices):
        SALEOR = "saleor"
        STRIPE = "stripe"
        IMPORT = "import"
        CATALOGUE = "catalogue"
        REFRESH = "refresh"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        CANCELLED = "cancelled"
        DONE = "done"
        DIFFERS = "differs"
        FAILED = "failed"

    OPEN = (State.QUEUED, State.RUNNING, State.PAUSED)
    MOVING = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="jobs", db_index=False
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    key = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    step = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    worked_seconds = models.FloatField(default=0)
    cursor = models.JSONField(default=dict)
    report = models.JSONField(default=dict)
    actor = models.CharField(max_length=128, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["installation", "kind", "key"],
                condition=Q(state__in=["queued", "running", "paused"]),
                name="job_one_open",
            )
        ]
        indexes = [
            models.Index(fields=["installation", "-created_at"], name="job_newest"),
            models.Index(fields=["kind", "key"], name="job_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def failure(self) -> str:
        """Why it failed, in the current language; empty if it did not."""
        failure = self.report.get("failure", {})
        return text_in(failure.get("messages", {})) or str(failure.get("message", ""))

    @property
    def eta(self) -> timedelta | None:
        """The remaining time at the pace so far; None if it is unknown."""
        processed = self.done + self.failed
        if self.total is None or not processed or self.state not in self.MOVING:
            return None
        return timedelta(seconds=round(max(0, self.total - processed) * self.worked_seconds / processed))
