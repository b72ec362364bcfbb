"""A stopped import continues where it stopped; everything that is counted was written exactly once."""

import io
from typing import Any

import pytest

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.transfer import importing
from saleor_stripe_audience.audience.transfer.import_job import FileJob, job_of_file
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, Report, import_csv
from saleor_stripe_audience.audience.transfer.reading import Form
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job

TEXT = "email\n" + "".join(f"c{number}@shop.test\n" for number in range(5)) + "nobody\nC0@shop.test\n"


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_SIZE", 2)


def take(audience: Audience, text: str = TEXT, progress: Any = lambda _lines: None) -> tuple[Job, Report]:
    options = ImportOptions(actor="test")
    kept: list[FileJob] = []

    def keeper_of(form: Form, rows: int) -> FileJob:
        kept.append(job_of_file(audience, options, form.digest, rows))
        return kept[0]

    report = import_csv(audience, io.BytesIO(text.encode()), options, progress, keeper_of)
    return Job.objects.get(pk=kept[0].job.pk), report


def test_a_whole_file_is_a_job_that_is_done(audience: Audience) -> None:
    job, report = take(audience)
    assert (job.state, job.total, job.done, job.failed) == (Job.State.DONE, 7, 5, 2)
    assert job.report["counts"] == {"new": 5}
    assert [each["id"] for each in job.report["problems"]] == ["7", "8"]
    assert (report.new, report.refused) == (5, 2)


def stopped_after_two(audience: Audience, stop: Any) -> Job:
    def progress(lines: int) -> None:
        if lines == 2:
            stop(Job.objects.get())

    job, _report = take(audience, progress=progress)
    return job


def test_a_paused_import_stops_and_the_same_file_resumes_it(audience: Audience) -> None:
    job = stopped_after_two(audience, jobs.pause)
    assert (job.state, job.done, Contact.objects.count()) == (Job.State.PAUSED, 4, 4)
    again, report = take(audience)
    assert again.pk == job.pk
    assert (again.state, again.done, again.failed, report.new) == (Job.State.DONE, 5, 2, 1)
    assert [each["message"] for each in again.report["problems"]][1] == "The same address as in line 2."


def test_a_cancelled_import_stops_permanently(audience: Audience) -> None:
    job = stopped_after_two(audience, jobs.cancel)
    assert (job.state, Contact.objects.count()) == (Job.State.CANCELLED, 4)
    other, _report = take(audience)
    assert other.pk != job.pk
    assert (other.state, other.report["counts"]) == (Job.State.DONE, {"new": 1, "unchanged": 4})


def test_a_kill_between_two_batches_loses_and_repeats_nothing(audience: Audience) -> None:
    def killed(_lines: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(audience, progress=killed)
    job = Job.objects.get()
    assert (job.state, job.done, job.cursor) == (Job.State.RUNNING, 2, {"line": 3})
    assert jobs.sweep() == 0
    again, _report = take(audience)
    assert (again.pk, again.state, again.done, again.step) == (job.pk, Job.State.DONE, 5, 5)


def test_two_processes_do_not_count_one_file_twice(audience: Audience) -> None:
    def meanwhile(_lines: int) -> None:
        Job.objects.update(step=9)

    with pytest.raises(Rejected, match="Another process"):
        take(audience, progress=meanwhile)
    assert Contact.objects.count() == 2  # the second batch is rolled back with its count


def test_another_file_or_audience_is_another_job(audience: Audience) -> None:
    other = Audience.objects.create(installation=audience.installation, name="Club")
    found = {take(audience)[0].pk, take(other)[0].pk, take(audience, "email\nz@shop.test\n")[0].pk}
    assert len(found) == 3


def test_an_invalid_file_creates_no_job(audience: Audience) -> None:
    with pytest.raises(Rejected):
        take(audience, "name\nAda\n")
    assert not Job.objects.exists()
