"""An import as a job: how far it is can be seen, it can be stopped, and the same file goes on where it stopped."""

import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field

from django.db import transaction

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.transfer import jobs
from saleor_stripe_audience.audience.transfer.importing import Report, Wishes
from saleor_stripe_audience.audience.transfer.models import Job
from saleor_stripe_audience.errors import Rejected

COUNTED = ("new", "changed", "unchanged", "erased_left_out", "consents")


@dataclass
class FileJob:
    """Writes down how far an import is, in the transaction of each batch: what is counted was written, and once."""

    job: Job
    total: int
    told: Counter[str] = field(default_factory=Counter)
    begun: float = field(default_factory=time.monotonic)
    errors: int = 0

    @property
    def after(self) -> int:
        """The line up to which an earlier run took the rows."""
        return int(self.job.cursor.get("line", 0))

    def through(self, report: Report, line: int, *, finished: bool = False) -> bool:
        """Everything up to the line is written; returns whether to go on. Runs inside the batch's transaction."""
        current = Job.objects.select_for_update().get(pk=self.job.pk)
        if current.step != self.job.step:
            raise Rejected("Another process is importing this file just now.", code="import_twice")
        stopped = current.state not in Job.MOVING
        now = time.monotonic()
        page = self._page(report, line)
        page.finished = finished and not stopped
        jobs.add(current, page, now - self.begun)
        self.job, self.begun = current, now
        return not stopped

    def end(self, report: Report) -> None:
        """The whole file is through."""
        with transaction.atomic():
            self.through(report, self.after, finished=True)

    def _page(self, report: Report, line: int) -> jobs.Page:
        present = Counter({name: getattr(report, name) for name in COUNTED})
        present |= Counter({"lines": report.lines, "refused": report.refused})
        new = present - self.told
        problems = [
            {"of": "line", "id": str(each.line), "code": each.field, "message": each.message}
            for each in report.errors[self.errors :]
        ]
        self.told, self.errors = present, len(report.errors)
        return jobs.Page(
            {"line": line},
            done=new["lines"] - new["refused"],
            failed=new["refused"],
            total=self.total,
            counts=Counter({name: new[name] for name in COUNTED if new[name]}),
            problems=problems,
        )


def job_of_file(audience: Audience, wishes: Wishes, digest: str, rows: int) -> FileJob:
    """The open job of the same file into the same audience in the same way, gone on with, or a new one."""
    way = [digest, str(audience.pk), *wishes.way()]
    key = hashlib.sha256(json.dumps(way).encode()).hexdigest()
    job = jobs.begin(audience.installation, Job.Kind.IMPORT, wishes.actor, key=key, audience=audience)
    if job.state == Job.State.PAUSED:
        job = jobs.resume(job)
    return FileJob(job, rows)
