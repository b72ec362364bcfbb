"""Importing contacts from a file: uploading it in parts, and the list of imports."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.transfer import uploads
from saleor_stripe_audience.audience.transfer.models import ImportFile
from saleor_stripe_audience.dashboard import import_columns
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.activity import JOB_BADGES
from saleor_stripe_audience.dashboard.contacts import audiences_of, requested_audience
from saleor_stripe_audience.dashboard.sections import CONTACTS, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import Wording

FORM = "upload"
MOST_FILES = 20


@dataclass(frozen=True, slots=True)
class FileRow:
    file: ImportFile
    color: str
    state: Wording


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(CONTACTS)
def import_contacts(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Choose a file, or accept the one that was uploaded. The same form sent twice creates one file."""
    sent = request.POST
    audience = requested_audience(audiences_of(user), sent or request.GET)
    if audience is None:
        return refuse(request, 404, _("This audience was not found."), user)
    if request.method != "POST":
        return _show(request, user, audience)
    try:
        file = uploads.finish(
            audience, uploaded_id(sent.get("upload", "")), sent.get("name", ""), number(sent.get("size", ""))
        )
        return import_columns.show_columns(request, user, file)
    except Rejected as error:
        return _show(request, user, audience, Note("bad", str(error.translatable), FORM), 422)


@require_POST
@for_staff(CONTACTS)
def store_import_part(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Store one part of a file, before its form. Errors are reported once the form is sent."""
    params = request.GET
    audience = requested_audience(audiences_of(user), params)
    if audience is None:
        return HttpResponse(status=404)
    try:
        uploads.store_part(
            audience,
            uploaded_id(params.get("upload", "")),
            number(params.get("part", "")),
            request.body,
            actor=user.id,
            actor_name=user.email,
        )
    except Rejected:
        return HttpResponse(status=422)
    return HttpResponse(status=204)


def uploaded_id(text: str) -> UUID:
    """Return the id of an upload. `Rejected` if the form was changed."""
    try:
        return UUID(text)
    except ValueError:
        raise Rejected(uploads.INCOMPLETE, code="import_upload") from None


def number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else -1  # noqa: PLR2004 - no file is as long


def _show(
    request: HttpRequest, user: DashboardUser, audience: Audience, note: Note | None = None, status: int = 200
) -> HttpResponse:
    files = ImportFile.objects.filter(installation=user.installation).exclude(form={})
    files = files.select_related("audience", "job").defer("report", "job__cursor")
    # Stored files come first: their number is limited, and this is where they are discarded.
    files = files.annotate(is_stored=uploads.IS_STORED).order_by("-is_stored", "-created_at", "-pk")
    return show(
        request,
        user,
        CONTACTS,
        note=note,
        status=status,
        template="contacts_import",
        audience=audience,
        audiences=audiences_of(user),
        upload=uuid4(),
        largest=uploads.LARGEST,
        part_bytes=uploads.PART_BYTES,
        megabytes=uploads.MOST_PARTS,
        files=[_row(each) for each in files[:MOST_FILES]],
        is_wrong=note is not None,
    )


def _row(file: ImportFile) -> FileRow:
    if file.job is None:
        return FileRow(file, "plain", _("Not imported"))
    color, state = JOB_BADGES[file.job.state]
    return FileRow(file, color, state)
