"""The events received from Saleor and Stripe with their results, and the long-running jobs."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience.transfer import backfill, file_import, uploads
from saleor_stripe_audience.audience.transfer.models import ImportFile
from saleor_stripe_audience.catalog.sync import ITSELF
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.event_names import in_words
from saleor_stripe_audience.dashboard.pages import read_page_of
from saleor_stripe_audience.dashboard.problems import events_of
from saleor_stripe_audience.dashboard.sections import ACTIVITY, Note, refuse, refuse_without, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.event_handlers import EVENT_HANDLERS
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.engine import replay
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor.tokens import DashboardUser

LONGEST_SEARCH = 255
MOST_JOBS = 20
EVENTS_FORM = "events"

JOB_TITLES: dict[str, str | Promise] = {
    Job.Kind.SALEOR: gettext_lazy("Customers and orders from Saleor"),
    Job.Kind.STRIPE: gettext_lazy("Customers and payments from Stripe"),
    Job.Kind.IMPORT: gettext_lazy("Import of contacts"),
    Job.Kind.CATALOGUE: gettext_lazy("Products to Stripe"),
    Job.Kind.REFRESH: gettext_lazy("Changes made in Stripe"),
}
JOB_PERMISSIONS = {  # the others are about contacts
    Job.Kind.CATALOGUE: "MANAGE_PRODUCTS",
    Job.Kind.REFRESH: "MANAGE_PRODUCTS",
}
JOB_ACTORS: dict[str, str | Promise] = {
    ITSELF: gettext_lazy("the app"),
    "command line": gettext_lazy("command line"),
}
JOB_BADGES: dict[str, tuple[str, str | Promise]] = {
    Job.State.QUEUED: ("todo", gettext_lazy("Waiting")),
    Job.State.RUNNING: ("todo", gettext_lazy("Running")),
    Job.State.PAUSED: ("todo", gettext_lazy("Paused")),
    Job.State.CANCELLED: ("plain", gettext_lazy("Cancelled")),
    Job.State.DONE: ("good", gettext_lazy("Done")),
    Job.State.DIFFERS: ("todo", gettext_lazy("Done, with differences")),
    Job.State.FAILED: ("bad", gettext_lazy("Failed")),
}
STATES: dict[str, str | Promise] = {
    "failed": gettext_lazy("Failed"),
    "waiting": gettext_lazy("Waiting"),
    "done": gettext_lazy("Processed"),
}
CHANGES: dict[str, Callable[[Job], Job]] = {
    "pause": jobs.pause,
    "resume": jobs.resume,
    "cancel": jobs.cancel,
}


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event: what happened in words, its result, and why it failed, if it did."""

    event: Event
    kind: str
    color: str
    state: str | Promise
    reason: str
    can_replay: bool


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job with its available actions; `file` is the file that it imports, if it was uploaded on the page."""

    job: Job
    title: str | Promise
    actor: str | Promise
    color: str
    state: str | Promise
    failure: str
    changes: tuple[str, ...]
    file: ImportFile | None = None
    has_refused: bool = False


@require_safe
@for_staff(ACTIVITY)
def activity(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user)


@require_POST
@for_staff(ACTIVITY)
def replay_event(request: HttpRequest, user: DashboardUser, event_id: int) -> HttpResponse:
    """Replay the event's failed handlers. A second click finds nothing to replay, so it changes nothing."""
    event = events_of(user.installation).filter(pk=event_id).first()
    if event is None:
        return refuse(request, 404, _("This event was not found."), user)
    if not event.handlings.given_up().exists():
        return _show(request, user, Note("good", _("This event no longer needs attention."), EVENTS_FORM))
    try:
        replay(event)
    except Rejected as error:
        return _show(request, user, Note("bad", str(error.translatable), EVENTS_FORM), 422)
    note = Note(
        "good", _("The event is being replayed. If it fails again, it will be listed here."), EVENTS_FORM
    )
    return _show(request, user, note)


@require_POST
@for_staff(ACTIVITY)
def change_job(request: HttpRequest, user: DashboardUser, job_id: UUID, change: str) -> HttpResponse:
    """Pause, resume or cancel a job. Repeating it changes nothing."""
    job = Job.objects.filter(installation=user.installation, pk=job_id).first()
    if job is None or change not in CHANGES:
        return refuse(request, 404, _("This job was not found."), user)
    permission = JOB_PERMISSIONS.get(Job.Kind(job.kind), "MANAGE_USERS")
    if not user.may(permission):
        return refuse_without(request, permission, user)
    try:
        changed = _change(job, change)
    except Rejected as error:
        return _show(request, user, Note("bad", str(error.translatable), "jobs"), 422)
    if change == "resume":
        jobs.start(changed)
    said = {
        "pause": _("The job will pause after its current step. Nothing is lost."),
        "resume": _("The job continues."),
        "cancel": _("The job is cancelled. Its results are kept."),
    }
    return _show(request, user, Note("good", said[change], "jobs"))


def _change(job: Job, change: str) -> Job:
    if job.kind != Job.Kind.IMPORT:
        return CHANGES[change](job)
    file = _files_of([job]).get(job.pk)
    if change not in _changes(job, file):
        raise Rejected(jobs.STATE_CHANGED, code="job_state")
    if change == "cancel":
        file_import.cancel(job)  # deletes the file, too
        return job
    return CHANGES[change](job)


@require_POST
@for_staff(ACTIVITY)
def start_stripe(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Import data from Stripe that Saleor does not have. If such a job is open, it is used."""
    if not user.may("MANAGE_USERS"):
        return refuse_without(request, "MANAGE_USERS", user)
    try:
        job = backfill.get_or_create(user.installation, Job.Kind.STRIPE, user.email)
    except Rejected as error:
        return _show(request, user, Note("bad", str(error.translatable), "jobs"), 422)
    jobs.start(job)
    return _show(request, user, Note("good", _("Customers and payments are being imported."), "jobs"))


def _events(user: DashboardUser, params: QueryDict) -> list[QuerySet[Event]]:
    """Return the requested events: one part for the shop and one for each account, each in the order of an index."""
    shop = user.installation
    accounts = StripeAccount.objects.filter(installation=shop).values_list("pk", flat=True)
    origins = [("saleor", shop.pk), *(("stripe", each) for each in accounts)]
    if (source := params.get("source", "")) in ("saleor", "stripe"):
        origins = [each for each in origins if each[0] == source]
    parts = [Event.objects.filter(source=source, origin=origin) for source, origin in origins]
    return [_narrow(each, params) for each in parts] or [Event.objects.none()]


def _narrow(events: QuerySet[Event], params: QueryDict) -> QuerySet[Event]:
    if text := params.get("q", "").strip()[:LONGEST_SEARCH].replace("\0", ""):
        events = events.filter(key=text)
    if kind := params.get("kind", "")[:LONGEST_SEARCH].replace("\0", ""):
        events = events.filter(kind=kind)
    given_up = Handling.objects.given_up()
    match params.get("state", ""):
        case "failed":
            events = events.filter(pk__in=given_up.values("event"))
        case "waiting":
            events = events.filter(handled_at=None)
        case "done":
            events = events.exclude(handled_at=None).exclude(Exists(given_up.filter(event=OuterRef("pk"))))
    return events


def _row(event: Event) -> EventRow:
    failed = [each for each in event.handlings.all() if each.given_up_at and not each.done_at]
    waiting = any(each.waits_for for each in event.handlings.all())
    if failed:
        color, state = "bad", STATES["failed"]
    elif event.handled_at is not None:
        color, state = "good", STATES["done"]
    else:
        color, state = "todo", _("Waiting for the account") if waiting else STATES["waiting"]
    reason = next((each.reason for each in failed if each.reason), "")
    return EventRow(event, in_words(event.kind), color, state, reason, bool(failed))


def _job_row(job: Job, file: ImportFile | None) -> JobRow:
    color, state = JOB_BADGES[job.state]
    actor = JOB_ACTORS.get(job.actor, job.actor)
    return JobRow(
        job,
        JOB_TITLES[job.kind],
        actor,
        color,
        state,
        job.failure,
        _changes(job, file),
        file,
        has_refused=file is not None and bool(job.failed) and getattr(file, "is_refused_stored", False),
    )


def _changes(job: Job, file: ImportFile | None) -> tuple[str, ...]:
    """Return the actions that are available for the job. An import continues where its file is: here, or on the command
    line.
    """
    may_cancel = job.state in Job.OPEN
    if job.kind == Job.Kind.IMPORT and not getattr(file, "is_stored", False):
        return ("cancel",) if may_cancel else ()
    if job.state in Job.MOVING:
        return ("pause", "cancel")
    if job.state in (Job.State.PAUSED, Job.State.FAILED):
        return ("resume", "cancel") if may_cancel else ("resume",)
    return ()


def _files_of(found: Collection[Job]) -> dict[UUID, ImportFile]:
    """Return the uploaded files that the jobs import, by job, and whether they and their refused rows are stored."""
    imports = [each.pk for each in found if each.kind == Job.Kind.IMPORT]
    if not imports:
        return {}
    files = ImportFile.objects.filter(job__in=imports).defer("report", "choices").order_by("-created_at")
    files = files.annotate(is_stored=uploads.IS_STORED, is_refused_stored=uploads.IS_REFUSED_STORED)
    return {
        each.job_id: each for each in files if each.job_id is not None
    }  # the first one of a job is imported


def _show(
    request: HttpRequest, user: DashboardUser, note: Note | None = None, status: int = 200
) -> HttpResponse:
    params = request.GET
    parts = [each.defer("payload").prefetch_related("handlings") for each in _events(user, params)]
    page = read_page_of(parts, params, "received_at")
    own = Job.objects.filter(installation=user.installation).order_by("-created_at", "-pk")
    kinds = {kind for kind in Job.Kind if user.may(JOB_PERMISSIONS.get(kind, "MANAGE_USERS"))}
    shown = list(own.filter(kind__in=kinds).defer("cursor")[:MOST_JOBS])
    files = _files_of(shown)
    return show(
        request,
        user,
        ACTIVITY,
        note=note,
        status=status,
        rows=[_row(each) for each in page.rows],
        page=page,
        params=params,
        is_narrowed=any(params.get(name) for name in ("q", "kind", "state", "source")),
        states=STATES.items(),
        kinds={
            title: [(kind, in_words(kind)) for kind in EVENT_HANDLERS[source]]
            for source, title in (("saleor", "Saleor"), ("stripe", "Stripe"))
        },
        jobs=[_job_row(each, files.get(each.pk)) for each in shown],
        may_bring_in=Job.Kind.STRIPE in kinds,
    )
