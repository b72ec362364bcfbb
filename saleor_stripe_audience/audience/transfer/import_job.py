"""An import as a job: it shows its progress, can be stopped, and continues where it stopped with the same file."""

import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, Report
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.wording import ENGLISH, in_language, in_languages

COUNTED = ("new", "changed", "unchanged", "erased_left_out", "consents")


@dataclass
class FileJob:
    """Stores the import's progress in the transaction of each batch, so that counted rows are written exactly once."""

    job: Job
    total: int
    counted: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)
    errors: int = 0

    @property
    def after(self) -> int:
        """The last line that an earlier run imported."""
        return int(self.job.cursor.get("line", 0))

    def save_progress(self, report: Report, line: int, *, finished: bool = False) -> bool:
        """Store that all rows up to the line are written, in the batch's transaction; returns whether to continue."""
        current = Job.objects.select_for_update().get(pk=self.job.pk)
        if current.step != self.job.step:
            raise Rejected(
                pgettext_lazy("staff", "Another process is importing this file."),
                code="import_twice",
            )
        is_stopped = current.state not in Job.MOVING
        now = time.monotonic()
        page = self._page(report, line)
        page.finished = finished and not is_stopped
        jobs.add(current, page, now - self.started)
        self.job, self.started = current, now
        return not is_stopped

    def finish(self, report: Report) -> None:
        """Mark the job as finished."""
        with transaction.atomic():
            self.save_progress(report, self.after, finished=True)

    def _page(self, report: Report, line: int) -> jobs.Page:
        totals = Counter({name: getattr(report, name) for name in COUNTED})
        totals |= Counter({"lines": report.lines, "refused": report.refused})
        new = totals - self.counted
        problems = [
            {
                "of": "line",
                "id": str(each.line),
                "code": each.field,
                "message": in_language(each.message, ENGLISH),
                "messages": in_languages(each.message),
            }
            for each in report.errors[self.errors :]
        ]
        self.counted, self.errors = totals, len(report.errors)
        return jobs.Page(
            {"line": line},
            done=new["lines"] - new["refused"],
            failed=new["refused"],
            total=self.total,
            counts=Counter({name: new[name] for name in COUNTED if new[name]}),
            problems=problems,
        )


def key_of(audience: Audience, options: ImportOptions, digest: str) -> str:
    """Return what jobs of the same file, audience and options have in common."""
    identity = [digest, str(audience.pk), *options.identity()]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def job_of_file(audience: Audience, options: ImportOptions, digest: str, rows: int) -> FileJob:
    """Continue the open job of the same file, audience and options, or create a new one."""
    key = key_of(audience, options, digest)
    job = jobs.get_or_create(audience.installation, Job.Kind.IMPORT, options.actor, key=key)
    if job.state == Job.State.PAUSED:
        job = jobs.resume(job)
    return FileJob(job, rows)
