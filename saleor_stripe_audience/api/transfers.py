"""Imports over the API: jobs and their progress, and contacts of a CSV file. The rules are in `audience.transfer`."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.audiences import READ, own_audience
from saleor_stripe_audience.api.context import caller_of, shop_id
from saleor_stripe_audience.api.enums import ImportAs, JobKind, Status
from saleor_stripe_audience.api.errors import Payload, mutation
from saleor_stripe_audience.audience.people.audiences import audience_named
from saleor_stripe_audience.audience.transfer import backfill, importing, reading
from saleor_stripe_audience.audience.transfer.columns import KNOWN
from saleor_stripe_audience.audience.transfer.reading import as_file
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs import models

MOST_JOBS = 50


@strawberry.type(description="A count of something that a job found.")
class JobCount:
    name: str = strawberry.field(description='What was counted, such as "orders kept".')
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="An object that a job could not import, or only in part.")
class JobProblem:
    of: str = strawberry.field(description="The kind of object: customers, orders, charges or products.")
    object_id: str = strawberry.field(description="Its id in Saleor or Stripe.")
    code: str = strawberry.field(description="The error code.")
    message: str = strawberry.field(description="What to do about it.")


@strawberry.type(description="A difference between the two sides.")
class JobDifference:
    of: str = strawberry.field(description="The kind of object: customers, orders, charges or products.")
    object_id: str = strawberry.field(description="The object's id; empty if the counts differ.")
    what: str = strawberry.field(description="What differs.")
    why: str = strawberry.field(description="Why, if known; otherwise empty.")


@strawberry.type(description="Why a job cannot continue.")
class JobFailure:
    code: str = strawberry.field(description="The error code.")
    message: str = strawberry.field(description="What to do about it.")


def _of_report[Read](read: Callable[[dict[str, Any]], Read], description: str, kind: Any) -> Any:
    def resolve(root: strawberry.Parent[models.Job]) -> Any:
        return read(root.report)

    resolve.__annotations__["return"] = kind
    return strawberry_django.field(resolver=resolve, only=["report"], description=description)


def _counts(report: dict[str, Any]) -> list[JobCount]:
    return [JobCount(name=name, count=count) for name, count in report.get("counts", {}).items()]


def _problems(report: dict[str, Any]) -> list[JobProblem]:
    return [
        JobProblem(of=each["of"], object_id=each["id"], code=each["code"], message=each["message"])
        for each in report.get("problems", [])
    ]


def _differences(report: dict[str, Any]) -> list[JobDifference]:
    return [
        JobDifference(of=each["of"], object_id=each["id"], what=each["what"], why=each["why"])
        for each in report.get("differences", [])
    ]


def _failure(report: dict[str, Any]) -> JobFailure | None:
    failure = report.get("failure")
    return JobFailure(code=failure["code"], message=failure["message"]) if failure else None


def _eta(root: strawberry.Parent[models.Job]) -> int | None:
    return None if root.eta is None else int(root.eta.total_seconds())


@strawberry_django.type(models.Job, description="A long-running job on the shop's audiences or catalogue.")
class Job(relay.Node):
    kind: models.Job.Kind = strawberry_django.field(description="What it imports.")
    state: models.Job.State = strawberry_django.field(description="Its state.")
    total: int | None = strawberry_django.field(
        description="Total number of objects; null if unknown, as it always is for Stripe."
    )
    done: int = strawberry_django.field(description="Number of objects that are done.")
    failed: int = strawberry_django.field(description="Number of objects that could not be imported.")
    eta_seconds: int | None = strawberry_django.field(
        resolver=_eta,
        only=["total", "done", "failed", "state", "worked_seconds"],
        description="Estimated remaining time; null while it is unknown.",
    )
    actor: str = strawberry_django.field(description="Who started it.")
    created_at: datetime = strawberry_django.field(description="When it was started.")
    finished_at: datetime | None = strawberry_django.field(description="When it ended; null until then.")
    counts: list[JobCount] = _of_report(_counts, "Counts of what it found.", list[JobCount])
    problems: list[JobProblem] = _of_report(
        _problems, "The objects that it could not import, or only in part; the first 1,000.", list[JobProblem]
    )
    problems_count: int = _of_report(
        lambda report: report.get("problems_count", 0), "Number of problems.", int
    )
    differences: list[JobDifference] = _of_report(
        _differences, "The differences between the two sides; the first 1,000.", list[JobDifference]
    )
    differences_count: int = _of_report(
        lambda report: report.get("differences_count", 0), "Number of differences.", int
    )
    failure: JobFailure | None = _of_report(
        _failure, "Why it cannot continue; null if it can.", JobFailure | None
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.type(description="What is wrong with one row of a file.")
class LineError:
    line: int = strawberry.field(description="The row's line in the file; the header is line 1.")
    field: str = strawberry.field(description="The contact field.")
    message: str = strawberry.field(description="What is wrong.")


@strawberry.type(description="How many contacts changed from one status to another.")
class StatusChange:
    before: Status | None = strawberry.field(description="The status before; null for new contacts.")
    after: Status = strawberry.field(description="The status now.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="The columns of a file that a contact field was read from.")
class ColumnUse:
    ours: str = strawberry.field(description="The contact field.")
    theirs: list[str] = strawberry.field(
        description="The columns' names. If there are several, the first one with a value counts."
    )


@strawberry.type(description="A contact field that the import's options filled in for rows without a value.")
class ColumnDefault:
    ours: str = strawberry.field(description="The contact field.")
    value: str = strawberry.field(description="The value.")


@strawberry.type(description="How a file was interpreted.")
class FileReading:
    format: str = strawberry.field(description="The program that exported it; empty if unknown.")
    encoding: str = strawberry.field(description="Its character encoding.")
    separator: str = strawberry.field(description="Its column separator.")
    import_as: ImportAs | None = strawberry.field(
        description="What the whole file was imported as; null if each row decides."
    )
    used: list[ColumnUse] = strawberry.field(description="The columns that were read.")
    ignored: list[str] = strawberry.field(description="The columns that were ignored.")
    defaulted: list[ColumnDefault] = strawberry.field(
        description="The values that came from the import's options."
    )


@strawberry.type(description="What an import did, or would do.")
class ImportReport:
    dry_run: bool = strawberry.field(description="Whether it was a dry run, which writes nothing.")
    lines: int = strawberry.field(description="Rows that were read.")
    new: int = strawberry.field(description="New contacts.")
    changed: int = strawberry.field(description="Existing contacts that changed.")
    unchanged: int = strawberry.field(description="Existing contacts that did not change.")
    erased_left_out: int = strawberry.field(description="Rows of erased addresses, which were skipped.")
    consents: int = strawberry.field(description="New events in the consent ledger.")
    status_changes: list[StatusChange] = strawberry.field(
        description="How many contacts changed their status."
    )
    refused: int = strawberry.field(description="Rows that could not be imported.")
    line_errors: list[LineError] = strawberry.field(
        description="Why they could not be imported; the first 1,000."
    )
    left_out: int = strawberry.field(description="Unusable cells of rows that were imported.")
    cells: list[LineError] = strawberry.field(description="Which cells, and why; the first 1,000.")
    file: FileReading = strawberry.field(description="How the file was interpreted.")


@strawberry.input(description="Maps a column of the file to a contact field.")
class ColumnInput:
    ours: str = strawberry.field(description=f"The contact field: {', '.join(KNOWN)}.")
    theirs: str = strawberry.field(description="The column's name in the file's header.")


@strawberry.input(description="A file of contacts and how to read it.")
class ContactsImportInput:
    csv: str = strawberry.field(
        description="The file: CSV with a header row. A request is limited to 100,000 bytes; import larger "
        "files with the command."
    )
    columns: list[ColumnInput] = strawberry.field(
        default_factory=list, description="The columns that do not have their usual names."
    )
    import_as: ImportAs | None = strawberry.field(
        default=None,
        description="What kind of contacts the file lists, unless a row says that its person left the list. "
        "CLEANED means undeliverable addresses. SUBSCRIBED requires the time and the wording of "
        "each consent.",
    )
    consent_text: str = strawberry.field(
        default="", description="The wording for rows that have none; the audience's own text if omitted."
    )
    consent_at: datetime | None = strawberry.field(
        default=None,
        description="The time of consent, with time zone, for rows that have none; if omitted, such consents "
        "are refused.",
    )
    consent_source: str = strawberry.field(
        default="", description="How and where consent was given, for rows that do not say."
    )
    tags: list[str] = strawberry.field(
        default_factory=list, description="Tags for every contact in the file."
    )
    given_values: list[str] = strawberry.field(
        default_factory=list,
        description="Values of the consent column that mean yes, in addition to the usual ones.",
    )
    withdrawn_values: list[str] = strawberry.field(
        default_factory=list, description="Values of the consent column that mean that consent was withdrawn."
    )


@strawberry.type(description="The backfill that was started.")
class BackfillStart(Payload):
    job: Job | None = strawberry.field(
        default=None, description="The new job, or the unfinished one if there is one."
    )


@strawberry.type(description="The job that was paused.")
class JobPause(Payload):
    job: Job | None = strawberry.field(default=None, description="The job.")


@strawberry.type(description="The job that was resumed.")
class JobResume(Payload):
    job: Job | None = strawberry.field(default=None, description="The job.")


@strawberry.type(description="The job that was cancelled.")
class JobCancel(Payload):
    job: Job | None = strawberry.field(default=None, description="The job.")


@strawberry.type(description="The contacts that were imported.")
class ContactsImport(Payload):
    report: ImportReport | None = strawberry.field(default=None, description="What was done, or would be.")


_Id = Annotated[strawberry.ID, strawberry.argument(description="The job's id.")]


def _jobs(info: Info) -> list[Job]:
    own = models.Job.objects.filter(installation_id=shop_id(info)).exclude(kind=JobKind.CATALOGUE)
    return cast("list[Job]", list(own.order_by("-created_at")[:MOST_JOBS]))


def _start(
    info: Info,
    kind: Annotated[
        JobKind, strawberry.argument(description="SALEOR, or STRIPE once Saleor's data has been imported.")
    ],
) -> BackfillStart:
    job = backfill.get_or_create(ids.own_shop(info), kind.value, caller_of(info).id)
    jobs.start(job)
    return BackfillStart(job=cast("Job", job))


def _own_job(info: Info, given: strawberry.ID) -> models.Job:
    own = models.Job.objects.filter(installation_id=shop_id(info)).exclude(kind=JobKind.CATALOGUE)
    found = own.filter(pk=ids.key_of(given, "Job")).first()
    if found is None:
        raise ids.not_found("Job")
    return found


def _pause(info: Info, id: _Id) -> JobPause:  # noqa: A002 - as in Saleor
    return JobPause(job=cast("Job", jobs.pause(_own_job(info, id))))


def _resume(info: Info, id: _Id) -> JobResume:  # noqa: A002 - as in Saleor
    job = jobs.resume(_own_job(info, id))
    jobs.start(job)
    return JobResume(job=cast("Job", job))


def _cancel(info: Info, id: _Id) -> JobCancel:  # noqa: A002 - as in Saleor
    return JobCancel(job=cast("Job", jobs.cancel(_own_job(info, id))))


def _import(
    info: Info,
    input: Annotated[ContactsImportInput, strawberry.argument(description="The file and how to read it.")],  # noqa: A002 - as in Saleor
    audience: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="Id of the audience; the shop's default one if omitted."),
    ] = None,
    dry_run: Annotated[
        bool, strawberry.argument(description="Whether to only report what would be done.")
    ] = False,
) -> ContactsImport:
    into = own_audience(info, audience, "audience") if audience else audience_named(ids.own_shop(info), "")
    choices = importing.ImportOptions(
        {each.ours: each.theirs for each in input.columns},
        input.consent_text,
        caller_of(info).id,
        dry_run,
        consent_at=input.consent_at,
        taken_as=input.import_as.value if input.import_as else "",
        given=input.given_values,
        withdrawn=input.withdrawn_values,
        consent_source=input.consent_source,
        tags=input.tags,
    )
    report = importing.import_csv(into, as_file(input.csv), choices)
    return ContactsImport(report=_report(report, dry_run=dry_run))


def _report(report: importing.Report, *, dry_run: bool) -> ImportReport:
    changes = [_status_change(name, count) for name, count in sorted(report.statuses.items())]
    return ImportReport(
        dry_run=dry_run,
        lines=report.lines,
        new=report.new,
        changed=report.changed,
        unchanged=report.unchanged,
        erased_left_out=report.erased_left_out,
        consents=report.consents,
        status_changes=changes,
        refused=report.refused,
        line_errors=_line_errors(report.errors),
        left_out=report.left_out,
        cells=_line_errors(report.cells),
        file=_file_reading(report.file),
    )


def _status_change(name: str, count: int) -> StatusChange:
    before, _, after = name.partition(" → ")
    return StatusChange(before=None if before == "new" else Status(before), after=Status(after), count=count)


def _line_errors(errors: Iterable[reading.LineError]) -> list[LineError]:
    return [LineError(**each.as_json()) for each in errors]


def _file_reading(file: importing.FileReport) -> FileReading:
    return FileReading(
        format=file.format,
        encoding=file.encoding,
        separator=file.separator,
        import_as=ImportAs(file.taken_as) if file.taken_as else None,
        used=[ColumnUse(ours=ours, theirs=theirs) for ours, theirs in file.used.items()],
        ignored=file.ignored,
        defaulted=[ColumnDefault(ours=ours, value=value) for ours, value in file.defaulted.items()],
    )


@strawberry.type
class TransferQueries:
    jobs: list[Job] = strawberry_django.field(
        resolver=_jobs,
        permission_classes=READ,
        description="The shop's long-running jobs, newest first, at most 50. Needs the scope audience:read.",
    )


@strawberry.type
class TransferMutations:
    backfill_start: BackfillStart = mutation(
        _start,
        "audience:write",
        "Import data from before the app was installed; returns the unfinished job if there is one.",
    )
    job_pause: JobPause = mutation(_pause, "audience:write", "Pause a job after its current page.")
    job_resume: JobResume = mutation(_resume, "audience:write", "Resume a job that was paused or failed.")
    job_cancel: JobCancel = mutation(_cancel, "audience:write", "Cancel a job; what was imported is kept.")
    contacts_import: ContactsImport = mutation(
        _import,
        "audience:write",
        "Import contacts from a CSV file. Nobody is subscribed without the time and wording of a consent.",
    )
