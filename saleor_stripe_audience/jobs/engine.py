"""Long-running jobs: started, paused, resumed, cancelled; each page counts once, however often it is processed."""

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
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.engine import RetryTask
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import in_languages

STATE_CHANGED = pgettext_lazy(
    "staff", "The job's state has changed in the meantime, so this is no longer possible. Check it again."
)

log = structlog.get_logger(__name__)

Json = dict[str, Any]

MAX_LISTED = 1000  # problems and differences that a report lists; it counts all of them
STALLED_AFTER = timedelta(minutes=10)  # longer than all attempts at one page take together
PAUSE = 0.5  # seconds until a job that cannot continue is looked at again
State = Job.State


@dataclass
class Page:
    """The result of one page. `counts` are added to the report's; the last page is `finished`."""

    cursor: Json
    done: int = 0
    failed: int = 0
    total: int | None = None
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Json] = field(default_factory=list)
    differences: list[Json] = field(default_factory=list)
    finished: bool = False


ProcessPage = Callable[[Job], Page | None]  # None if it has counted its pages itself, with what they wrote
PROCESSORS: dict[str, ProcessPage] = {}  # processes the next page of a job, by kind; the domains fill it


def get_or_create(installation: Installation, kind: str, actor: str, *, key: str = "") -> Job:
    """Return the shop's open job of that kind and key, or a new one, which no worker processes yet."""
    open_jobs = Job.objects.filter(installation=installation, kind=kind, key=key, state__in=Job.OPEN)
    if (job := open_jobs.first()) is not None:
        return job
    try:
        with transaction.atomic():
            return Job.objects.create(installation=installation, kind=kind, key=key, actor=actor[:128])
    except IntegrityError:  # created by another process in the meantime
        return open_jobs.get()


def start(job: Job) -> None:
    """Enqueue the job's next page; repeating this is harmless, because each page counts once."""
    work_job.enqueue(str(job.pk), job.step)


def find(installation: Installation, job_id: str) -> Job:
    """Return the shop's job with that id. `Rejected` if there is none."""
    try:
        found = Job.objects.filter(installation=installation, pk=UUID(job_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise Rejected(pgettext_lazy("staff", "The shop has no such job."), code="not_found")
    return found


def newest(installation: Installation, kind: str, *, key: str | None = None) -> Job:
    """Return the latest job of the kind, and of the key if one is given. `Rejected` if there was none yet."""
    found = Job.objects.filter(installation=installation, kind=kind)
    job = (found if key is None else found.filter(key=key)).order_by("-created_at").first()
    if job is None:
        raise Rejected(pgettext_lazy("staff", "There has been no such job yet."), code="not_found")
    return job


def pause(job: Job) -> Job:
    """Pause after the current page; nothing is lost. Repeating it changes nothing."""
    return _set_state(job, (*Job.MOVING, State.PAUSED), State.PAUSED)


def resume(job: Job) -> Job:
    """Continue a paused job, or a failed one after its cause was fixed."""
    return _set_state(job, (*Job.OPEN, State.FAILED), State.RUNNING)


def cancel(job: Job) -> Job:
    """Stop permanently after the current page. Imported data stays."""
    return _set_state(job, (*Job.OPEN, State.CANCELLED), State.CANCELLED)


def _set_state(job: Job, allowed: tuple[str, ...], state: str) -> Job:
    with transaction.atomic():
        current = Job.objects.select_for_update().get(pk=job.pk)
        if current.state not in allowed:
            raise Rejected(STATE_CHANGED, code="job_state")
        current.state = state
        current.finished_at = timezone.now() if state == State.CANCELLED else None
        try:
            with transaction.atomic():
                current.save(update_fields=["state", "finished_at", "updated_at"])
        except IntegrityError:
            raise Rejected(
                pgettext_lazy("staff", "Another job of this kind is already open."), code="job_state"
            ) from None
        return current


def as_json(job: Job) -> Json:
    """Return the job as JSON."""
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

    With `enqueues`, the task for the next page is created in the same transaction.
    """
    with transaction.atomic():
        current = Job.objects.select_for_update().filter(pk=job.pk, step=job.step, state__in=Job.OPEN).first()
        if current is None:
            return False  # another worker was faster, or the job was cancelled
        add(current, page, seconds)
        has_more = current.state == State.RUNNING and not page.finished
        if has_more and enqueues:
            start(current)
        return has_more


def add(job: Job, page: Page, seconds: float) -> None:
    """Add the result of a page to the job; the caller has locked the row."""
    job.step += 1
    job.cursor = page.cursor
    job.total = page.total if page.total is not None else job.total
    job.done += page.done
    job.failed += page.failed
    job.worked_seconds += seconds
    job.started_at = job.started_at or timezone.now()
    job.report = _merge_report(job.report, page)
    if job.state == State.QUEUED:
        job.state = State.RUNNING
    if page.finished:
        job.state = State.DIFFERS if job.report.get("differences_count") else State.DONE
        job.finished_at = timezone.now()
        log.info("job finished", job=str(job.pk), kind=job.kind, state=job.state, done=job.done)
    job.save()


def fail(job: Job, error: Rejected) -> None:
    """Mark the job as failed; `resume` continues it after the cause was fixed."""
    with transaction.atomic():
        current = Job.objects.select_for_update().filter(pk=job.pk, step=job.step, state__in=Job.OPEN).first()
        if current is not None:
            current.state = State.FAILED
            current.report = current.report | {
                "failure": {
                    "code": error.code,
                    "message": error.message,
                    "messages": in_languages(error.translatable),
                }
            }
            current.save()
            log.warning("job failed", job=str(current.pk), kind=current.kind, code=error.code)


def work_page(job_id: UUID, step: int, *, enqueues: bool = True) -> bool:
    """Process the page after `step` pages, unless it is done; returns whether there is more to do now.

    A `Rejected` fails the job. `Unavailable` is raised to the caller, who continues the job later.
    """
    job = (
        Job.objects.select_related("installation").filter(pk=job_id, step=step, state__in=Job.MOVING).first()
    )
    if job is None:
        return False
    started = time.monotonic()
    try:
        page = PROCESSORS[job.kind](job)
    except Rejected as error:
        fail(job, error)
        return False
    if page is None:
        return False
    return advance(job, page, time.monotonic() - started, enqueues=enqueues)


def work_here(job: Job, show: Callable[[Job, bool], None]) -> None:
    """Work the job to its end in this process, page by page; `show` is given it after each, and whether it continues.

    A worker may take pages in the meantime, and continues the job if this process ends.
    """
    while job.state in Job.MOVING:
        step = job.step
        work_page(job.pk, step, enqueues=False)
        job.refresh_from_db()
        show(job, job.state in Job.MOVING)
        if job.step == step and job.state in Job.MOVING:
            time.sleep(PAUSE)  # the job itself is not ready to continue


@task
def work_job(job_id: str, step: int) -> None:
    """Process one page of the job and enqueue the next; the worker retries a failed page with increasing pauses."""
    try:
        work_page(UUID(job_id), step)
    except Exception as error:  # noqa: BLE001 - the worker logs the exception, which may contain personal data
        raise RetryTask(type(error).__name__) from None


def _merge_report(report: Json, page: Page) -> Json:
    merged = {name: value for name, value in report.items() if name != "failure"}
    merged["counts"] = dict(sorted((Counter(merged.get("counts", {})) + page.counts).items()))
    for name, new in (("problems", page.problems), ("differences", page.differences)):
        merged[name] = [*merged.get(name, []), *new][:MAX_LISTED]
        merged[f"{name}_count"] = merged.get(f"{name}_count", 0) + len(new)
    return merged


@task
def sweep_jobs() -> int:
    """Every minute: continue jobs whose worker was killed."""
    return sweep()


def sweep() -> int:
    """Restart jobs whose worker was killed or gave up; returns how many."""
    before = timezone.now() - STALLED_AFTER
    stalled = Job.objects.filter(state__in=Job.MOVING, updated_at__lt=before)
    for job in stalled:
        with apart("sweeping a job", job=str(job.pk)), transaction.atomic():
            # Without a running worker, every sweep would otherwise add another task.
            Job.objects.filter(pk=job.pk, step=job.step).update(updated_at=timezone.now())
            start(job)
    return len(stalled)
