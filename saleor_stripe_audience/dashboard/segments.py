"""The segments of an audience: how many are in each, the ready-made ones to add, and deleting one."""

from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.segments import ready_made, store
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.contacts import audience_asked_for, audiences_of
from saleor_stripe_audience.dashboard.sections import SEGMENTS, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Channel

READY_FORM = "ready-made"


@require_safe
@for_staff(SEGMENTS)
def segments(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user, audience_asked_for(audiences_of(user), request.GET))


@require_POST
@for_staff(SEGMENTS)
def add_ready_made(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Add the segments that come with the app; those that the audience has already stay as they are."""
    audience = audience_asked_for(audiences_of(user), request.POST)
    if audience is None:
        return refuse(request, 404, _("This audience was not found."), user)
    try:
        with transaction.atomic():  # all of them, or none
            store.install_ready_made(
                audience, request.POST.get("currency", ""), request.POST.get("big", "").strip()
            )
    except Rejected as error:
        return _show(request, user, audience, Note("bad", str(error.translatable), READY_FORM), 422)
    note = Note("good", _("Added. Their members appear within a minute."), READY_FORM)
    return _show(request, user, audience, note)


@require_POST
@for_staff(SEGMENTS)
def delete_segment(request: HttpRequest, user: DashboardUser, segment_id: UUID) -> HttpResponse:
    """Delete the segment; its members stay contacts. `Rejected` while another segment refers to it."""
    own = Segment.objects.filter(audience__installation=user.installation).select_related("audience", "tag")
    found = own.filter(pk=segment_id).first()
    if found is None:
        return refuse(request, 404, _("This segment was not found."), user)
    audience = found.audience
    try:
        store.delete(found)
    except Rejected as error:
        return _show(request, user, audience, Note("bad", str(error.translatable)), 422)
    note = Note("good", _("“%(name)s” was deleted. Its members stay contacts.") % {"name": found.name})
    return _show(request, user, audience, note)


def _show(
    request: HttpRequest,
    user: DashboardUser,
    audience: Audience | None,
    note: Note | None = None,
    status: int = 200,
) -> HttpResponse:
    own = Segment.objects.filter(audience=audience) if audience is not None else Segment.objects.none()
    rows = list(own.select_related("tag").annotate(members=Count("memberships")).order_by("name", "pk"))
    has = {each.ready_made for each in rows}
    currencies = Channel.objects.filter(installation=user.installation).values_list("currency", flat=True)
    return show(
        request,
        user,
        SEGMENTS,
        note=note,
        status=status,
        rows=rows,
        audience=audience,
        audiences=audiences_of(user),
        missing=[name for key, name in ready_made.NAMES.items() if key not in has],
        currencies=sorted(set(currencies)),
    )
