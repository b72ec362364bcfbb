"""Bringing in and taking out over the API: long work and how far it is, and contacts of a CSV file."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api.audiences import own_audience
from saleor_stripe_audience.api.context import caller_of, needs, shop_id
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.audiences import audience_named
from saleor_stripe_audience.audience.transfer import backfill, importing, jobs, reading
from saleor_stripe_audience.audience.transfer.columns import KNOWN
from saleor_stripe_audience.audience.transfer.formats import TakenAs
from saleor_stripe_audience.audience.transfer.reading import as_file
from saleor_stripe_audience.saleor.models import Installation

READ, WRITE = [needs("audience:read")], [needs("audience:write")]
MOST_JOBS = 50

Kind, State = models.Job.Kind, models.Job.State

strawberry.enum(Kind, name="JobKind", description="What a job brings in.")
strawberry.enum(State, name="JobState", description="Where a job stands.")
strawberry.enum(TakenAs, name="ImportAs", description="What a whole file is a list of.")
_AS_WORDS = {
    TakenAs.SUBSCRIBED: "People who agreed to marketing.",
    TakenAs.NONSUBSCRIBED: "People of whom the file says nothing, whatever its columns hold.",
    TakenAs.UNSUBSCRIBED: "People who took consent back.",
    TakenAs.CLEANED: "Addresses that do not take mail.",
}
_WORDS = {
    Kind.SALEOR: "All customers and orders of Saleor.",
    Kind.STRIPE: "Customers of Stripe, and charges that paid no order.",
    Kind.IMPORT: "Contacts of a file.",
    State.QUEUED: "Waits for a worker.",
    State.RUNNING: "Being worked.",
    State.PAUSED: "Stopped for now; it goes on where it stopped.",
    State.CANCELLED: "Stopped for good; what was brought in stays.",
    State.DONE: "All is here, and both sides agree.",
    State.DIFFERS: "Finished, and both sides do not agree: see its differences.",
    State.FAILED: "It cannot go on as it is: see its failure. Resume it once that is mended.",
}
for _enum in (Kind, State):
    for _value in _enum.__strawberry_definition__.values:  # type: ignore[union-attr]  # put there by strawberry.enum
        _value.description = _WORDS[_enum(_value.value)]
for _value in TakenAs.__strawberry_definition__.values:  # type: ignore[attr-defined]  # as above
    _value.description = _AS_WORDS[TakenAs(_value.value)]


@strawberry.type(description="How many of something a job met with.")
class JobCount:
    name: str = strawberry.field(description='Of what, such as "orders kept".')
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="One object that a job could not take, or not whole.")
class JobProblem:
    of: str = strawberry.field(description="What it is: customers, orders or charges.")
    object_id: str = strawberry.field(description="Its id in Saleor or Stripe.")
    code: str = strawberry.field(description="What is wrong, in one word.")
    message: str = strawberry.field(description="What to do about it.")


@strawberry.type(description="What both sides do not agree on.")
class JobDifference:
    of: str = strawberry.field(description="What it is: customers, orders or charges.")
    object_id: str = strawberry.field(description="Its id; empty if it is of the counts.")
    what: str = strawberry.field(description="What differs.")
    why: str = strawberry.field(description="Why, as far as it is known; else empty.")


@strawberry.type(description="Why a job cannot go on.")
class JobFailure:
    code: str = strawberry.field(description="What is wrong, in one word.")
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
    told = report.get("failure")
    return JobFailure(code=told["code"], message=told["message"]) if told else None


def _eta(root: strawberry.Parent[models.Job]) -> int | None:
    return None if root.eta is None else int(root.eta.total_seconds())


@strawberry_django.type(models.Job, description="Long work on the shop's audiences.")
class Job(relay.Node):
    kind: models.Job.Kind = strawberry_django.field(description="What it brings in.")
    state: models.Job.State = strawberry_django.field(description="Where it stands.")
    total: int | None = strawberry_django.field(
        description="How many objects there are; none while, or where, nobody says. Stripe never does."
    )
    done: int = strawberry_django.field(description="How many are through.")
    failed: int = strawberry_django.field(description="How many could not be taken.")
    eta_seconds: int | None = strawberry_django.field(
        resolver=_eta,
        only=["total", "done", "failed", "state", "worked_seconds"],
        description="How long it still takes at the pace so far; none while that cannot be said.",
    )
    actor: str = strawberry_django.field(description="Who began it.")
    created_at: datetime = strawberry_django.field(description="When it was begun.")
    finished_at: datetime | None = strawberry_django.field(description="When it ended; none before.")
    counts: list[JobCount] = _of_report(_counts, "What it met with, counted.", list[JobCount])
    problems: list[JobProblem] = _of_report(
        _problems, "What it could not take, or not whole; the first 1,000.", list[JobProblem]
    )
    problems_count: int = _of_report(
        lambda report: report.get("problems_count", 0), "How many problems there are.", int
    )
    differences: list[JobDifference] = _of_report(
        _differences, "What both sides do not agree on; the first 1,000.", list[JobDifference]
    )
    differences_count: int = _of_report(
        lambda report: report.get("differences_count", 0), "How many differences there are.", int
    )
    failure: JobFailure | None = _of_report(
        _failure, "Why it cannot go on; none if it can.", JobFailure | None
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.type(description="What is wrong with one row of a file.")
class LineError:
    line: int = strawberry.field(description="Its line in the file; the header's is 1.")
    field_name: str = strawberry.field(description="Which of our fields.")
    message: str = strawberry.field(description="What is wrong.")


@strawberry.type(description="How many contacts have another status.")
class StatusChange:
    change: str = strawberry.field(description='From and to, such as "new → subscribed".')
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="Which columns of a file one of our fields was read from.")
class ColumnUse:
    ours: str = strawberry.field(description="Our field.")
    theirs: list[str] = strawberry.field(
        description="The columns by their names; of several the first that holds something counts."
    )


@strawberry.type(description="A field that rows without a value of their own took from the import's choices.")
class ColumnDefault:
    ours: str = strawberry.field(description="Our field.")
    value: str = strawberry.field(description="The value.")


@strawberry.type(description="How a file was understood.")
class FileUnderstood:
    format: str = strawberry.field(description="Whose export it is; empty if it is none that is known.")
    encoding: str = strawberry.field(description="Its characters' encoding.")
    separator: str = strawberry.field(description="What stands between its cells.")
    taken_as: str = strawberry.field(description="What the whole file was taken as; empty if its rows tell.")
    used: list[ColumnUse] = strawberry.field(description="The columns that were read.")
    ignored: list[str] = strawberry.field(description="The columns that were not.")
    defaulted: list[ColumnDefault] = strawberry.field(description="What came from the import's choices.")


@strawberry.type(description="What an import did, or would do.")
class ContactsImported:
    dry_run: bool = strawberry.field(description="Whether nothing was written.")
    lines: int = strawberry.field(description="Rows that were read.")
    new: int = strawberry.field(description="New contacts.")
    changed: int = strawberry.field(description="Known contacts that changed.")
    unchanged: int = strawberry.field(description="Known contacts that did not.")
    erased_left_out: int = strawberry.field(description="Rows of erased addresses, which were left out.")
    consents: int = strawberry.field(description="New words in the consent ledger.")
    status_changes: list[StatusChange] = strawberry.field(description="Whose status is another now.")
    refused: int = strawberry.field(description="Rows that could not be taken.")
    errors: list[LineError] = strawberry.field(description="Why; of the first 1,000.")
    left_out: int = strawberry.field(description="Cells that could not be used, of rows that were taken.")
    cells: list[LineError] = strawberry.field(description="Which, and why; the first 1,000.")
    file: FileUnderstood = strawberry.field(description="How the file was understood.")


@strawberry.input(description="Which column of the file is one of our fields.")
class ColumnChoice:
    ours: str = strawberry.field(description=f"Our field: {', '.join(KNOWN)}.")
    theirs: str = strawberry.field(description="The column's name in the file's header.")


_Id = strawberry.argument(description="The job's id.")
_Kind = strawberry.argument(description="SALEOR, or STRIPE once Saleor's was brought in.")
_Csv = strawberry.argument(
    description="The file: CSV with a header. A request may have 100,000 bytes; larger files go by command."
)
_Columns = strawberry.argument(description="Columns that are not called by their usual names.")
_Text = strawberry.argument(
    description="What was agreed to where the file does not say; else the audience's own."
)
_At = strawberry.argument(
    description="When it was agreed to where the file does not say, with time zone; else such consents are refused."
)
_TakenAs = strawberry.argument(
    description="What the whole file is a list of, unless a row says that its person left. Cleaned: addresses that "
    "do not take mail. Subscribed needs the time and the wording of the consents."
)
_Given = strawberry.argument(
    description="Values of the column of consent that mean yes, beside the usual ones."
)
_Withdrawn = strawberry.argument(
    description="Values of the column of consent that mean that consent is taken back."
)
_DryRun = strawberry.argument(description="Only say what would happen.")
_Audience = strawberry.argument(description="Id of the audience; the shop's own, if left out.")


def _jobs(info: Info) -> list[Job]:
    own = models.Job.objects.filter(installation_id=shop_id(info))
    return cast("list[Job]", list(own.order_by("-created_at")[:MOST_JOBS]))


def _shop(info: Info) -> Installation:
    return Installation.objects.get(pk=shop_id(info))


def _start(info: Info, kind: Annotated[models.Job.Kind, _Kind]) -> Job:
    job = backfill.begin(_shop(info), kind.value, caller_of(info).id)
    jobs.start(job)
    return cast("Job", job)


def _job(info: Info, given: relay.GlobalID) -> models.Job:
    return jobs.find(_shop(info), given.node_id if given.type_name == "Job" else "")


def _pause(info: Info, id: Annotated[relay.GlobalID, _Id]) -> Job:  # noqa: A002 - relay names the argument
    return cast("Job", jobs.pause(_job(info, id)))


def _resume(info: Info, id: Annotated[relay.GlobalID, _Id]) -> Job:  # noqa: A002 - as above
    job = jobs.resume(_job(info, id))
    jobs.start(job)
    return cast("Job", job)


def _cancel(info: Info, id: Annotated[relay.GlobalID, _Id]) -> Job:  # noqa: A002 - as above
    return cast("Job", jobs.cancel(_job(info, id)))


def _import(
    info: Info,
    csv: Annotated[str, _Csv],
    columns: Annotated[list[ColumnChoice] | None, _Columns] = None,
    consent_text: Annotated[str, _Text] = "",
    dry_run: Annotated[bool, _DryRun] = False,
    audience: Annotated[relay.GlobalID | None, _Audience] = None,
    consent_at: Annotated[datetime | None, _At] = None,
    taken_as: Annotated[TakenAs | None, _TakenAs] = None,
    given_values: Annotated[list[str] | None, _Given] = None,
    withdrawn_values: Annotated[list[str] | None, _Withdrawn] = None,
) -> ContactsImported:
    chosen = {each.ours: each.theirs for each in columns or []}
    wishes = importing.Wishes(
        chosen,
        consent_text,
        caller_of(info).id,
        dry_run,
        consent_at=consent_at,
        taken_as=taken_as.value if taken_as else "",
        given=given_values or (),
        withdrawn=withdrawn_values or (),
    )
    into = own_audience(info, audience) if audience else audience_named(_shop(info), "")
    report = importing.import_csv(into, as_file(csv), wishes)
    return ContactsImported(
        dry_run=dry_run,
        lines=report.lines,
        new=report.new,
        changed=report.changed,
        unchanged=report.unchanged,
        erased_left_out=report.erased_left_out,
        consents=report.consents,
        status_changes=[
            StatusChange(change=name, count=each) for name, each in sorted(report.statuses.items())
        ],
        refused=report.refused,
        errors=_told(report.errors),
        left_out=report.left_out,
        cells=_told(report.cells),
        file=_understood(report.file),
    )


def _told(errors: Iterable[reading.LineError]) -> list[LineError]:
    return [LineError(line=each.line, field_name=each.field, message=each.message) for each in errors]


def _understood(file: importing.FileReport) -> FileUnderstood:
    return FileUnderstood(
        format=file.format,
        encoding=file.encoding,
        separator=file.separator,
        taken_as=file.taken_as,
        used=[ColumnUse(ours=ours, theirs=theirs) for ours, theirs in file.used.items()],
        ignored=file.ignored,
        defaulted=[ColumnDefault(ours=ours, value=value) for ours, value in file.defaulted.items()],
    )


@strawberry.type(description="What can be asked about bringing in.")
class TransferQueries:
    jobs: list[Job] = strawberry_django.field(
        resolver=_jobs,
        permission_classes=READ,
        description="The shop's long work, newest first, at most 50. Needs the scope audience:read.",
    )


@strawberry.type(description="What can be brought in.")
class TransferMutations:
    backfill_start: Job = strawberry.field(
        resolver=_start,
        permission_classes=WRITE,
        description="Bring in what was there before the app; the open job if there is one. "
        "Needs the scope audience:write.",
    )
    job_pause: Job = strawberry.field(
        resolver=_pause,
        permission_classes=WRITE,
        description="Stop a job after its present page. Needs the scope audience:write.",
    )
    job_resume: Job = strawberry.field(
        resolver=_resume,
        permission_classes=WRITE,
        description="Go on with a job that was paused or failed. Needs the scope audience:write.",
    )
    job_cancel: Job = strawberry.field(
        resolver=_cancel,
        permission_classes=WRITE,
        description="Stop a job for good; what was brought in stays. Needs the scope audience:write.",
    )
    contacts_import: ContactsImported = strawberry.field(
        resolver=_import,
        permission_classes=WRITE,
        description="Take contacts of a CSV file into an audience; nobody is subscribed without a consent that has "
        "its time and its wording. Needs the scope audience:write.",
    )
