"""Long work: begun, paused, gone on with, given up; each page counts once, whoever works it and however often."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.tasks import task
from django.utils import timezone

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.transfer.models import Job
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.engine import RetryTask
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

Json = dict[str, Any]

LISTED = 1000  # problems and differences that a report names; all are counted
LEFT_BEHIND = timedelta(minutes=10)  # longer than all attempts at one page take together
State = Job.State


@dataclass
class Page:
    """What came of one page. `counts` are added to the report's; `finished` where it was the last."""

    cursor: Json
    done: int = 0
    failed: int = 0
    total: int | None = None
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Json] = field(default_factory=list)
    differences: list[Json] = field(default_factory=list)
    finished: bool = False


Work = Callable[[Job], Page]
WORK: dict[str, Work] = {}  # what works one page of a job of that kind; filled by the modules that do


def begin(
    installation: Installation, kind: str, actor: str, *, key: str = "", audience: Audience | None = None
) -> Job:
    """The shop's open job of that kind and key, or a new one that nobody works yet."""
    found = Job.objects.filter(installation=installation, kind=kind, key=key, state__in=Job.OPEN)
    if (job := found.first()) is not None:
        return job
    try:
        with transaction.atomic():
            return Job.objects.create(
                installation=installation, kind=kind, key=key, audience=audience, actor=actor[:128]
            )
    except IntegrityError:  # somebody else began it in the meantime
        return found.get()


def start(job: Job) -> None:
    """Have a worker take it on; doing so again changes nothing, for each page counts once."""
    work_job.enqueue(str(job.pk), job.step)


def find(installation: Installation, job_id: str) -> Job:
    """The shop's job of that id; `Rejected` if it has none."""
    try:
        found = Job.objects.filter(installation=installation, pk=UUID(job_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise Rejected("The shop has no such job.", code="not_found")
    return found


def newest(installation: Installation, kind: str) -> Job:
    """The last job of the kind that was begun; `Rejected` if there never was one."""
    found = Job.objects.filter(installation=installation, kind=kind).order_by("-created_at").first()
    if found is None:
        raise Rejected("There was no such job yet.", code="not_found")
    return found


def pause(job: Job) -> Job:
    """Stop after the page that is being worked; nothing is lost. Pausing twice is pausing once."""
    return _switch(job, (*Job.MOVING, State.PAUSED), State.PAUSED)


def resume(job: Job) -> Job:
    """Go on where it stopped; also one that failed, once what was in the way is mended."""
    return _switch(job, (*Job.OPEN, State.FAILED), State.RUNNING)


def cancel(job: Job) -> Job:
    """Stop for good after the page that is being worked. What was brought in stays."""
    return _switch(job, (*Job.OPEN, State.CANCELLED), State.CANCELLED)


def _switch(job: Job, allowed: tuple[str, ...], state: str) -> Job:
    with transaction.atomic():
        current = Job.objects.select_for_update().get(pk=job.pk)
        if current.state not in allowed:
            raise Rejected(f"The job is {current.state}: it cannot be {state} any more.", code="job_state")
        current.state = state
        current.finished_at = timezone.now() if state == State.CANCELLED else None
        try:
            with transaction.atomic():
                current.save(update_fields=["state", "finished_at", "updated_at"])
        except IntegrityError:
            raise Rejected("Another job of this kind is open already.", code="job_state") from None
        return current


def told(job: Job) -> Json:
    """The job as JSON."""
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "state": job.state,
        "total": job.total,
        "done": job.done,
        "failed": job.failed,
        "eta_seconds": None if job.eta is None else int(job.eta.total_seconds()),
        "actor": job.actor,
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "report": job.report,
    }


def advance(job: Job, page: Page, seconds: float, *, enqueues: bool) -> bool:
    """Count the page, unless it was counted already; returns whether there is more to do now.

    With `enqueues` the next page gets its task in the same transaction.
    """
    with transaction.atomic():
        current = Job.objects.select_for_update().filter(pk=job.pk, step=job.step, state__in=Job.OPEN).first()
        if current is None:
            return False  # somebody else was quicker, or it was given up
        add(current, page, seconds)
        goes_on = current.state == State.RUNNING and not page.finished
        if goes_on and enqueues:
            start(current)
        return goes_on


def add(job: Job, page: Page, seconds: float) -> None:
    """Write down what came of a page; the caller holds the row."""
    job.step += 1
    job.cursor = page.cursor
    job.total = page.total if page.total is not None else job.total
    job.done += page.done
    job.failed += page.failed
    job.worked_seconds += seconds
    job.started_at = job.started_at or timezone.now()
    job.report = _with(job.report, page)
    if job.state == State.QUEUED:
        job.state = State.RUNNING
    if page.finished:
        job.state = State.DIFFERS if job.report.get("differences_count") else State.DONE
        job.finished_at = timezone.now()
        log.info("job finished", job=str(job.pk), kind=job.kind, state=job.state, done=job.done)
    job.save()


def fail(job: Job, refused: Rejected) -> None:
    """It cannot go on as it is; `resume` goes on once the reason is mended."""
    with transaction.atomic():
        current = Job.objects.select_for_update().filter(pk=job.pk, step=job.step, state__in=Job.OPEN).first()
        if current is not None:
            current.state = State.FAILED
            current.report = current.report | {"failure": {"code": refused.code, "message": refused.message}}
            current.save()
            log.warning("job failed", job=str(current.pk), kind=current.kind, code=refused.code)


def work_page(job_id: UUID, step: int, *, enqueues: bool = True) -> bool:
    """Work the page after `step` pages, unless that is done; returns whether there is more to do now.

    What cannot be mended by waiting fails the job; `Unavailable` is for whoever calls: the job goes on later.
    """
    job = (
        Job.objects.select_related("installation").filter(pk=job_id, step=step, state__in=Job.MOVING).first()
    )
    if job is None:
        return False
    begun = time.monotonic()
    try:
        page = WORK[job.kind](job)
    except Rejected as refused:
        fail(job, refused)
        return False
    return advance(job, page, time.monotonic() - begun, enqueues=enqueues)


@task
def work_job(job_id: str, step: int) -> None:
    """Work one page of the job, and have the next one worked; the engine repeats a page that failed, with pauses."""
    try:
        work_page(UUID(job_id), step)
    except Exception as error:  # noqa: BLE001 - the engine logs what it is given: that may hold personal data
        raise RetryTask(type(error).__name__) from None


def _with(report: Json, page: Page) -> Json:
    """The report with what the page adds to it."""
    told = {name: each for name, each in report.items() if name != "failure"}
    told["counts"] = dict(sorted((Counter(told.get("counts", {})) + page.counts).items()))
    for name, found in (("problems", page.problems), ("differences", page.differences)):
        told[name] = [*told.get(name, []), *found][:LISTED]
        told[f"{name}_count"] = told.get(f"{name}_count", 0) + len(found)
    return told


def sweep() -> int:
    """Give a new task to jobs whose worker was killed or gave up; returns how many.

    An import needs its file: whoever gives it again goes on with it.
    """
    before = timezone.now() - LEFT_BEHIND
    left = Job.objects.filter(state__in=Job.MOVING, updated_at__lt=before).exclude(kind=Job.Kind.IMPORT)
    for job in left:
        with apart("sweeping a job", job=str(job.pk)), transaction.atomic():
            # With no worker running, a job must not be given a task more at every sweep.
            Job.objects.filter(pk=job.pk, step=job.step).update(updated_at=timezone.now())
            start(job)
    return len(left)
