"""The segments of an audience: their number of members, adding the ready-made ones, and deleting one."""

import re
from dataclasses import dataclass
from uuid import UUID

from django.db.models import IntegerField, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.segments import ready_made, store
from saleor_stripe_audience.audience.segments.models import Membership, Segment
from saleor_stripe_audience.audience.segments.ready_made import title_of
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import with_point
from saleor_stripe_audience.dashboard.contacts import audiences_of, requested_audience
from saleor_stripe_audience.dashboard.sections import SEGMENTS, Note, refuse, show
from saleor_stripe_audience.dashboard.segment import find, not_found
from saleor_stripe_audience.dashboard.segment_names import currencies_of
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.staff_channels import NEEDS_ALL_CHANNELS, channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser

READY_FORM = "ready-made"
SIZE = 20
MOST_COUNTED = (
    10_000  # members of a segment that the list counts: a million would take longer than the whole page
)


@require_safe
@for_staff(SEGMENTS)
def segments(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user, requested_audience(audiences_of(user), request.GET))


@require_POST
@for_staff(SEGMENTS)
def add_ready_made(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Add the segments that come with the app, except those that the audience has or whose name is taken."""
    audience = requested_audience(audiences_of(user), request.POST)
    if audience is None:
        return refuse(request, 404, _("This audience was not found."), user)
    if channels_of(user) is not None:
        return _show(request, user, audience, Note("bad", str(NEEDS_ALL_CHANNELS), READY_FORM), 422)
    try:
        made = store.install_ready_made(
            audience, request.POST.get("currency", ""), with_point(request.POST.get("big", ""))
        )
    except Rejected as error:
        return _show(request, user, audience, Note("bad", str(error.translatable), READY_FORM), 422)
    skipped = store.missing_ready_made(audience)
    added = _("Added. Their members appear within a minute.")
    if not skipped:
        return _show(request, user, audience, Note("good", added, READY_FORM))
    text = ngettext(
        "Not added, because another segment has this name: %(names)s.",
        "Not added, because other segments have these names: %(names)s.",
        len(skipped),
    ) % {"names": ", ".join(str(name) for name in skipped.values())}
    if not made:
        return _show(request, user, audience, Note("bad", text, READY_FORM), 422)
    return _show(request, user, audience, Note("good", f"{added} {text}", READY_FORM))


@require_POST
@for_staff(SEGMENTS)
def delete_segment(request: HttpRequest, user: DashboardUser, segment_id: UUID) -> HttpResponse:
    """Delete the segment; its members stay contacts. `Rejected` while another segment refers to it."""
    found = find(user, segment_id)
    if found is None:
        return not_found(request, user)
    audience = found.audience
    try:
        store.delete(found)
    except Rejected as error:
        return _show(request, user, audience, Note("bad", str(error.translatable)), 422)
    note = Note(
        "good", _("“%(name)s” was deleted. Its members are still contacts.") % {"name": title_of(found)}
    )
    return _show(request, user, audience, note)


def _show(
    request: HttpRequest,
    user: DashboardUser,
    audience: Audience | None,
    note: Note | None = None,
    status: int = 200,
) -> HttpResponse:
    own = Segment.objects.filter(audience=audience) if audience is not None else Segment.objects.none()
    every = sorted(own.select_related("tag"), key=lambda each: title_of(each).casefold())  # at most 200
    typed = request.GET.get("start", "") if request.method == "GET" else ""
    start = int(typed) if re.fullmatch(r"[0-9]{1,3}", typed) else 0
    has = {each.ready_made for each in every}
    return show(
        request,
        user,
        SEGMENTS,
        note=note,
        status=status,
        rows=_rows(every[start : start + SIZE]),
        page=_page(audience, start, len(every)),
        audience=audience,
        audiences=audiences_of(user),
        missing=[name for key, name in ready_made.NAMES.items() if key not in has],
        currencies=currencies_of(audience) if audience is not None else [],
        big=request.POST.get("big", ""),
        currency=request.POST.get("currency", ""),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A segment, its name in the reader's language, and its members, counted up to a limit."""

    segment: Segment
    title: str
    members: int
    has_more: bool


class _CountUpTo(Subquery):
    """Counts the rows of a limited subquery."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def _rows(segments: list[Segment]) -> list[Row]:
    members = Membership.objects.filter(segment=OuterRef("pk")).order_by().values("pk")[: MOST_COUNTED + 1]
    shown = Segment.objects.filter(pk__in=[each.pk for each in segments])
    counted = dict(shown.annotate(counted=_CountUpTo(members)).values_list("pk", "counted"))
    counts = [counted.get(each.pk, 0) for each in segments]
    return [
        Row(each, title_of(each), min(count, MOST_COUNTED), count > MOST_COUNTED)
        for each, count in zip(segments, counts, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Page:
    """The queries of the adjacent pages; empty if there is none."""

    previous: str
    next: str


def _page(audience: Audience | None, start: int, count: int) -> Page:
    if audience is None:
        return Page("", "")
    query = f"audience={audience.pk}&start="
    return Page(
        f"{query}{max(0, start - SIZE)}" if start else "",
        f"{query}{start + SIZE}" if start + SIZE < count else "",
    )
