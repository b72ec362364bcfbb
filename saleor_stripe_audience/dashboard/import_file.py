"""One file of contacts and its stages: checked, imported, done; and the rejected rows as a file."""

import csv
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from typing import IO, Any
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from saleor_stripe_audience.audience.transfer import file_import, uploads
from saleor_stripe_audience.audience.transfer.cells import escape
from saleor_stripe_audience.audience.transfer.models import ImportFile
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.activity import JOB_BADGES
from saleor_stripe_audience.dashboard.amounts import format_count
from saleor_stripe_audience.dashboard.contact_rows import CONTACT_BADGES
from saleor_stripe_audience.dashboard.import_columns import (
    FIELDS,
    FORM,
    WRONG,
    read_choices,
    read_form,
    show_columns,
)
from saleor_stripe_audience.dashboard.sections import CONTACTS, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import Wording, text_in

STAGE_FORM = "stage"
WRITTEN_FORM = "written"
STALLED_SECONDS = 120  # without progress: the worker may have been killed
COUNTS: dict[str, Wording] = {
    "new": gettext_lazy("New contacts"),
    "changed": gettext_lazy("Updated"),
    "unchanged": gettext_lazy("Unchanged"),
    "refused": gettext_lazy("Rejected rows"),
    "consents": gettext_lazy("Consents and withdrawals"),
    "erased_left_out": gettext_lazy("Erased people, skipped"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong in one line of the file."""

    line: int | str
    field: Wording
    why: str


@dataclass(frozen=True, slots=True)
class StatusChange:
    """How many contacts change their status; new ones had none before."""

    before: Wording
    after: Wording
    count: int


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(CONTACTS)
def import_file(request: HttpRequest, user: DashboardUser, file_id: UUID) -> HttpResponse:
    """Show the file in its current stage, and handle staff's actions. Repeating one has no further effect."""
    file = _find(user, file_id)
    if file is None:
        return _not_found(request, user)
    if request.method == "POST":
        return _do(request, user, file)
    is_open = file.job is None and file.check_state in (ImportFile.Check.NONE, ImportFile.Check.FAILED)
    if is_open or (file.job is None and request.GET.get("step") == "columns"):
        try:
            return show_columns(request, user, file)
        except Rejected as error:
            return refuse(request, 404, str(error.translatable), user)
    return _show_stage(request, user, file)


@require_safe
@for_staff(CONTACTS)
def import_progress(request: HttpRequest, user: DashboardUser, file_id: UUID) -> HttpResponse:
    """Return only the file's stage: requested repeatedly while something is in progress."""
    file = _find(user, file_id)
    if file is None:
        return _not_found(request, user)
    return render(request, "dashboard/import_stage.html", _stage(file))


@require_safe
@for_staff(CONTACTS)
def refused_rows(request: HttpRequest, user: DashboardUser, file_id: UUID) -> HttpResponseBase:
    """Return the rejected rows as they are in the file, each with its line and the reason, to correct and import
    them.
    """
    file = _find(user, file_id)
    if file is None or not uploads.has_refused(file):
        return _not_found(request, user)
    return FileResponse(
        _written(file), as_attachment=True, filename="refused.csv", content_type="text/csv; charset=utf-8"
    )


def _written(file: ImportFile) -> IO[bytes]:
    """Write to disk before the first byte is sent: a slow client must not keep the database busy."""
    written = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    text = TextIOWrapper(written, "utf-8-sig", "replace", newline="")  # Excel needs the byte order mark
    rows = csv.writer(text)
    listed = file_import.read_refused(file)
    rows.writerow([_("Line"), _("Reason"), *map(escape, next(listed).cells)])
    for row in listed:
        rows.writerow([row.line, text_in(row.messages), *map(escape, row.cells)])
    text.detach()
    written.seek(0)
    return written


def _do(request: HttpRequest, user: DashboardUser, file: ImportFile) -> HttpResponse:
    sent = request.POST
    try:
        match sent.get("do", ""):
            case "read":
                return _read_again(request, user, file)
            case "check":
                return _check(request, user, file)
            case "again":
                file_import.start_check(file, file.choices, again=True)
            case "start":
                file_import.start_import(file)
            case "resume" if file.job is not None:
                jobs.start(jobs.resume(file.job))
            case "cancel" if file.job is not None:
                file_import.cancel(file.job)
            case "discard":
                uploads.discard(file)
                note = Note("good", _("The file was deleted. Nothing was imported."))
                return show(request, user, CONTACTS, note=note, template="import_discarded")
    except Rejected as error:
        note = Note("bad", str(error.translatable), STAGE_FORM)
        return _show_stage(request, user, _again(file), note, 422)
    return _show_stage(request, user, _again(file))


def _read_again(request: HttpRequest, user: DashboardUser, file: ImportFile) -> HttpResponse:
    """Read the file in the encoding and with the separator that staff chose, and recognize its columns again."""
    former = file.choices
    file.choices, file.check_state = read_form(request.POST), ImportFile.Check.NONE
    note = Note("good", _("The file was read again."), WRITTEN_FORM)
    try:
        shown = show_columns(request, user, file, note, typed=request.POST, keeps_columns=False)
    except Rejected as error:
        file.choices = former
        note = Note("bad", str(error.translatable), WRITTEN_FORM)
        return show_columns(request, user, file, note, 422, typed=request.POST, wrong="encoding")
    uploads.choose_form(file)
    return shown


def _check(request: HttpRequest, user: DashboardUser, file: ImportFile) -> HttpResponse:
    former = {name: file.choices.get(name, "") for name in ("encoding", "separator")}
    if read_form(request.POST) != former:  # the columns may have changed
        return _read_again(request, user, file)
    try:
        choices = read_choices(file, request.POST)
    except Rejected as error:
        note, wrong = Note("bad", str(error.translatable), FORM), WRONG.get(error.code, "")
        return show_columns(request, user, file, note, 422, typed=request.POST, wrong=wrong)
    file_import.start_check(file, choices)
    return _show_stage(request, user, _again(file))


def _again(file: ImportFile) -> ImportFile:
    return ImportFile.objects.select_related("audience", "job").get(pk=file.pk)


def _find(user: DashboardUser, file_id: UUID) -> ImportFile | None:
    own = ImportFile.objects.filter(installation=user.installation).exclude(form={})
    return own.select_related("audience__installation", "job").filter(pk=file_id).first()


def _not_found(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return refuse(
        request, 404, _("This file was not found. Files are deleted a week after their upload."), user
    )


def _show_stage(
    request: HttpRequest,
    user: DashboardUser,
    file: ImportFile,
    note: Note | None = None,
    status: int = 200,
) -> HttpResponse:
    return show(request, user, CONTACTS, note=note, status=status, template="import_file", **_stage(file))


def _stage(file: ImportFile) -> dict[str, Any]:
    """Return everything that is shown about the file's stage."""
    job = file.job
    if job is None:
        return _checking(file) if file.check_state == ImportFile.Check.RUNNING else _checked(file)
    color, state = JOB_BADGES[job.state]
    report = job.report
    counts = report.get("counts", {}) | {"refused": job.failed}
    problems = report.get("problems", [])[: file_import.MOST_LISTED]
    return {
        "file": file,
        "stage": "importing" if job.state in Job.OPEN or job.state == Job.State.FAILED else "imported",
        "is_moving": job.state in Job.MOVING,
        "may_resume": job.state in (Job.State.PAUSED, Job.State.FAILED),
        "job": job,
        "color": color,
        "state": state,
        "processed": job.done + job.failed,
        "total": job.total,
        "minutes": None if job.eta is None else max(1, round(job.eta.total_seconds() / 60)),
        "counts": _counts(counts),
        "refused": job.failed,
        "may_download": job.failed > 0 and uploads.has_refused(file),
        "most_kept": file_import.MOST_KEPT,
        "errors": [
            Trouble(each["id"], FIELDS.get(each["code"], _("Whole row")), _why(each)) for each in problems
        ],
        "said": _said(job, counts),
    }


def _checking(file: ImportFile) -> dict[str, Any]:
    quiet = (timezone.now() - file.updated_at).total_seconds()
    return {
        "file": file,
        "stage": "checking",
        "is_moving": True,
        "is_stalled": quiet > STALLED_SECONDS,
        "processed": file.checked,
        "total": file.total,
    }


def _checked(file: ImportFile) -> dict[str, Any]:
    report = file.report
    counts = report.get("counts", {})
    importable = counts.get("lines", 0) - counts.get("refused", 0)
    said = ngettext(
        "Checked: %(n)s row can be imported.", "Checked: %(n)s rows can be imported.", importable
    ) % {"n": format_count(importable)}
    return {
        "file": file,
        "stage": "checked" if file.check_state == ImportFile.Check.DONE else "failed",
        "is_moving": False,
        "failure": text_in(report.get("failure", {})),
        "importable": importable,
        "counts": _counts(counts),
        "refused": counts.get("refused", 0),
        "may_download": counts.get("refused", 0) > 0 and uploads.has_refused(file),
        "most_kept": file_import.MOST_KEPT,
        "left_out": counts.get("left_out", 0),
        "statuses": [_status_change(name, count) for name, count in report.get("statuses", {}).items()],
        "errors": _troubles(report.get("errors", [])),
        "cells": _troubles(report.get("cells", [])),
        "said": said,
    }


def _counts(counts: Mapping[str, int]) -> list[tuple[Wording, int]]:
    """Return the counts with their titles; erased people only if there are any."""
    return [
        (title, counts.get(name, 0))
        for name, title in COUNTS.items()
        if name != "erased_left_out" or counts.get(name)
    ]


def _said(job: Job, counts: Mapping[str, int]) -> str:
    """Return what screen readers announce when the import has ended."""
    if job.state in Job.MOVING:
        return ""
    _color, state = JOB_BADGES[job.state]
    figures = ", ".join(f"{title}: {count}" for title, count in _counts(counts))
    return f"{state}. {figures}"


def _status_change(name: str, count: int) -> StatusChange:
    before, _arrow, after = name.partition(" → ")
    former = _("New") if before == "new" else CONTACT_BADGES[before][1]
    return StatusChange(former, CONTACT_BADGES[after][1], count)


def _troubles(listed: Iterable[dict[str, Any]]) -> list[Trouble]:
    return [Trouble(each["line"], FIELDS.get(each["field"], _("Whole row")), _why(each)) for each in listed]


def _why(each: dict[str, Any]) -> str:
    return text_in(each.get("messages", {})) or str(each.get("message", ""))
