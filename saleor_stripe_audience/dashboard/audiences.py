"""The shop's audiences: who is in each, which channels feed it, and adding one."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people import audiences as engine
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.dashboard import sites
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.audience import find_audience, not_found, show_audience
from saleor_stripe_audience.dashboard.audience_form import Refused, field_of, read_settings, typed_fields
from saleor_stripe_audience.dashboard.sections import AUDIENCES, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.channels import names_in_order

ADD_FORM, DELETE_FORM = "add-audience", "delete-audience"


@dataclass(frozen=True, slots=True)
class Row:
    """An audience in the list; `channels` are the names of those that feed it."""

    audience: Audience
    channels: str
    contacts: int
    subscribed: int
    sender: str


@require_safe
@for_staff(AUDIENCES)
def audiences(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return show_audiences(request, user)


def show_audiences(
    request: HttpRequest, user: DashboardUser, note: Note | None = None, address: str = ""
) -> HttpResponse:
    """Show all audiences, or the one that the chosen channel feeds; at `address` if it has changed."""
    shop = user.installation
    every = list(engine.audiences_of(shop))
    found = sites.read_sites(shop, request.GET)
    channels, counts = engine.channels_by_audience(shop.pk), engine.counts_by_audience(shop.pk)
    names = {each.channel.slug: each.name for each in found.channels if each.channel is not None}
    chosen = found.chosen.channel if found.chosen is not None else None
    rows = []
    for each in every:
        each.installation = shop
        slugs, count = channels.get(each.pk, []), counts[each.pk]
        if chosen is None or chosen.slug in slugs:
            fed_by = ", ".join(names_in_order(names.get(slug, slug) for slug in slugs))
            subscribed = count[Contact.Status.SUBSCRIBED]
            rows.append(Row(each, fed_by, sum(count.values()), subscribed, sender_name(each)))
    return show(request, user, AUDIENCES, note=note, rows=rows, address=address)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(AUDIENCES)
def new_audience(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Show and handle the form for another audience. The same form sent twice creates one audience."""
    if request.method != "POST":
        return _show_form(request, user, uuid4())
    key = _key(request.POST.get("key", ""))
    if key is None or Audience.objects.filter(pk=key).exclude(installation=user.installation).exists():
        return refuse(request, 404, _("This audience was not found."), user)
    try:
        made = engine.create_audience(
            user.installation, read_settings(engine.AudienceSettings(name=""), request.POST), key
        )
    except Rejected as error:
        refused = Refused(ADD_FORM, request.POST, field_of(error), error.translatable)
        return _show_form(request, user, key, refused)
    note = Note("good", _("“%(name)s” was added. No channel feeds it yet.") % {"name": made.name})
    return show_audience(request, user, made, note, address=reverse("dashboard:audience", args=[made.pk]))


@require_POST
@for_staff(AUDIENCES)
def delete_audience(request: HttpRequest, user: DashboardUser, audience_id: UUID) -> HttpResponse:
    """Delete an empty audience."""
    found = find_audience(user, audience_id)
    if found is None:
        return not_found(request, user)
    try:
        engine.delete_audience(found)
    except Rejected as error:
        note = Note("bad", str(error.translatable), "" if found.is_default else DELETE_FORM)
        return show_audience(request, user, found, note, 422)
    note = Note("good", _("“%(name)s” was deleted.") % {"name": found.name})
    return show_audiences(request, user, note, AUDIENCES.url)


def _show_form(
    request: HttpRequest, user: DashboardUser, key: UUID, refused: Refused | None = None
) -> HttpResponse:
    return show(
        request,
        user,
        AUDIENCES,
        status=200 if refused is None else 422,
        template="audience_add",
        key=key,
        form=ADD_FORM,
        typed=typed_fields(engine.AudienceSettings(name=""), refused.typed if refused is not None else None),
        refused=refused,
        mails=settings.EMAIL_CONFIGURED,
    )


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
