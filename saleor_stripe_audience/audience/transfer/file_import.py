"""Checks files that staff uploaded, and imports them as jobs: both in a worker, because both may take minutes."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import batched, count
from typing import IO, Any
from uuid import UUID

from django.db import transaction
from django.tasks import task
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.transfer import uploads
from saleor_stripe_audience.audience.transfer.import_job import FileJob, key_of
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, Report, import_csv
from saleor_stripe_audience.audience.transfer.models import ImportFile, ImportPart
from saleor_stripe_audience.audience.transfer.reading import Form, LineError, Record
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.engine import RetryTask
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.wording import in_languages

Json = dict[str, Any]
BATCH_SIZE = 500  # a shop's events wait for a batch at most
MOST_KEPT = 100_000  # refused rows that can be downloaded: each takes more room than in the file
MOST_LISTED = 100  # refused rows and invalid cells in the report; the list of refused rows has all
COUNTS = ("lines", "new", "changed", "unchanged", "erased_left_out", "consents", "refused", "left_out")
UNCHECKED = pgettext_lazy("staff", "Check the file first: only what you have seen in the check is imported.")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is refused: its line, the field, the row as it is in the file, and the reason in each language."""

    line: int
    field: str
    cells: list[str]
    messages: dict[str, str]


def start_check(file: ImportFile, choices: Json, *, again: bool = False) -> None:
    """Check in a worker what importing the file with these choices would do. Repeating the same choices does not start
    another check.
    """
    with transaction.atomic():
        current = ImportFile.objects.select_for_update().get(pk=file.pk)
        if current.job_id is not None:
            raise Rejected(uploads.STARTED, code="import_started")
        if not uploads.has_content(current):
            raise Rejected(uploads.GONE, code="import_gone")
        is_checked = current.check_state in (ImportFile.Check.RUNNING, ImportFile.Check.DONE)
        if is_checked and current.choices == choices and not again:
            return
        current.choices = choices
        current.revision += 1
        current.check_state = ImportFile.Check.RUNNING
        current.checked, current.total, current.report = 0, None, {}
        current.save()
        current.parts.filter(is_refused=True).delete()
        check_file.enqueue(str(current.pk), current.revision)


@task
def check_file(file_id: str, revision: int) -> None:
    """Check the file, unless other choices were made in the meantime; the worker retries a failed check."""
    try:
        check(UUID(file_id), revision)
    except Exception as error:  # noqa: BLE001 - the worker logs the exception, which may contain personal data
        raise RetryTask(type(error).__name__) from None


def check(file_id: UUID, revision: int) -> None:
    """Store what importing the file would do. Nothing else is written."""
    running = ImportFile.objects.filter(pk=file_id, revision=revision, check_state=ImportFile.Check.RUNNING)
    file = running.select_related("audience__installation").first()
    if file is None:
        return
    keeper = _Checked(file)
    with tempfile.TemporaryFile() as refused:
        kept = count(1)

        def keep(record: Record, error: LineError) -> None:
            if next(kept) <= MOST_KEPT:
                message = in_languages(error.message)
                _list(refused, RefusedRow(error.line, error.field, record.cells, message))

        try:
            _list(refused, RefusedRow(1, "", list(uploads.read_start(file).header), {}))
            with uploads.open_file(file) as content:
                report = import_csv(
                    file.audience,
                    content,
                    options_of(file, dry_run=True),
                    keeper.show_progress,
                    keeper.begin,
                    keep,
                    BATCH_SIZE,
                )
        except Rejected as error:
            failure = in_languages(error.translatable)
            running.update(check_state=ImportFile.Check.FAILED, report={"failure": failure})
            return
        if keeper.is_finished:
            refused.seek(0)
            _store(file, report, refused)


class _Checked:
    """Shows how far a check is, and stops it when other choices are made."""

    after = 0

    def __init__(self, file: ImportFile) -> None:
        self._checked = file
        self._file = ImportFile.objects.filter(
            pk=file.pk, revision=file.revision, check_state=ImportFile.Check.RUNNING
        )
        self.is_finished = False

    def begin(self, form: Form, rows: int) -> "_Checked":
        if self._file.exists():
            uploads.note_form(self._checked, form)
        self._file.update(total=rows, updated_at=timezone.now())
        return self

    def show_progress(self, lines: int) -> None:
        self._file.update(checked=lines, updated_at=timezone.now())

    def save_progress(self, _report: Report, _line: int) -> bool:
        return self._file.exists()

    def finish(self, _report: Report) -> None:
        self.is_finished = True


def _list(refused: IO[bytes], row: RefusedRow) -> None:
    refused.write(json.dumps(asdict(row)).encode() + b"\n")


def _store(file: ImportFile, report: Report, refused: IO[bytes]) -> None:
    with transaction.atomic():
        current = ImportFile.objects.select_for_update().get(pk=file.pk)
        if current.revision != file.revision:
            return
        parts = iter(lambda: refused.read(uploads.PART_BYTES), b"")
        current.parts.filter(is_refused=True).delete()
        for position, content in enumerate(parts):
            ImportPart.objects.create(file=current, is_refused=True, position=position, content=content)
        current.check_state = ImportFile.Check.DONE
        current.checked = current.total = report.lines
        current.report = {
            "counts": {name: getattr(report, name) for name in COUNTS},
            "statuses": dict(sorted(report.statuses.items())),
            "errors": _as_json(report.errors),
            "cells": _as_json(report.cells),
        }
        current.save()


def _as_json(errors: Iterable[LineError]) -> list[Json]:
    [listed, *_] = [*batched(errors, MOST_LISTED), ()]
    return [
        {"line": each.line, "field": each.field, "messages": in_languages(each.message)} for each in listed
    ]


def read_refused(file: ImportFile) -> Iterator[RefusedRow]:
    """Yield the file's header, then the rows that are refused; nothing if they are no longer stored."""
    rest = b""
    for content in uploads.parts_of(file, is_refused=True):
        *lines, rest = (rest + content).split(b"\n")
        for line in lines:
            yield RefusedRow(**json.loads(line))


def start_import(file: ImportFile) -> Job:
    """Import the file as a job. Repeating it returns the same job. `Rejected` for a file that was not checked."""
    with transaction.atomic():
        current = ImportFile.objects.select_for_update().get(pk=file.pk)
        if current.job is not None:
            return current.job
        if current.check_state != ImportFile.Check.DONE:
            raise Rejected(UNCHECKED, code="import_unchecked")
        if not uploads.has_content(current):
            raise Rejected(uploads.GONE, code="import_gone")
        key = key_of(current.audience, options_of(current), uploads.form_of(current).digest)
        job = jobs.get_or_create(current.installation, Job.Kind.IMPORT, current.actor_name, key=key)
        Job.objects.filter(pk=job.pk, total=None).update(total=current.total)
        current.job = job
        current.save(update_fields=["job", "updated_at"])
        jobs.start(job)
        return job


def process(job: Job) -> None:
    """Import the job's file, from where it stopped, until it ends, or is paused or cancelled.

    A job of the command has no file here: it continues when the same file is imported again.
    """
    files = ImportFile.objects.filter(job=job)
    file = files.select_related("audience__installation").order_by("created_at").first()
    if file is None:
        return
    with uploads.open_file(file) as content:
        import_csv(
            file.audience,
            content,
            options_of(file),
            keeper_of=lambda _form, rows: FileJob(job, rows),
            batch_size=BATCH_SIZE,
        )
    if not Job.objects.filter(pk=job.pk, state__in=Job.OPEN).exists():
        uploads.drop_content(files)


jobs.PROCESSORS[Job.Kind.IMPORT.value] = process


def cancel(job: Job) -> None:
    """Stop the import after the current batch; imported contacts are kept."""
    jobs.cancel(job)
    uploads.drop_content(ImportFile.objects.filter(job=job))


def options_of(file: ImportFile, *, dry_run: bool = False) -> ImportOptions:
    """Return how the file is imported, as staff chose."""
    chosen = file.choices
    at = chosen.get("consent_at", "")
    return ImportOptions(
        consent_text=chosen.get("consent_text", ""),
        actor=file.actor,
        dry_run=dry_run,
        consent_at=datetime.fromisoformat(at) if at else None,
        taken_as=chosen.get("taken_as", ""),
        encoding=chosen.get("encoding", ""),
        separator=chosen.get("separator", ""),
        file_name=file.name,
        consent_source=chosen.get("consent_source", ""),
        tags=chosen.get("tags", []),
        exactly=chosen.get("exactly"),
        dates=chosen.get("dates", ""),
    )
