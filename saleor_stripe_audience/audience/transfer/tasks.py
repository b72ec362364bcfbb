"""The tasks of long work. The engine repeats a page that did not come through, with growing pauses."""

from uuid import UUID

from django.tasks import task

from saleor_stripe_audience.audience.transfer import backfill, jobs
from saleor_stripe_audience.inbox.tasks import ToBeRepeated


@task
def work_job(job_id: str, step: int) -> None:
    """Work one page of the job, and have the next one worked."""
    try:
        backfill.work_page(UUID(job_id), step)
    except Exception as error:  # noqa: BLE001 - the engine logs what it is given: that may hold personal data
        raise ToBeRepeated(type(error).__name__) from None


@task
def sweep_jobs() -> int:
    """Every minute: jobs left behind by a worker that was killed go on."""
    return jobs.sweep()
