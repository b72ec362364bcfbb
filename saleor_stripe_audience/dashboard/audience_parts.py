"""Actions on one audience besides its settings: adding a wording, moving a channel, previewing a page."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.people import audiences as engine
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.signup import previews
from saleor_stripe_audience.audience.signup.metadata import clear_missing_wording
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.audience import PREVIEWS, find_audience, not_found, show_audience
from saleor_stripe_audience.dashboard.audience_form import WORDING_FORM, Refused
from saleor_stripe_audience.dashboard.sections import AUDIENCES, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Channel

OWN, STOREFRONT = "own", "storefront"
CHANNELS_FORM, MOVE_FORM = "audience-channels", "move-channel"


@require_POST
@for_staff(AUDIENCES)
def add_wording(request: HttpRequest, user: DashboardUser, audience_id: UUID) -> HttpResponse:
    """Replace the audience's own text, or add one that a storefront shows. The previous texts are kept as proof."""
    found = find_audience(user, audience_id)
    if found is None:
        return not_found(request, user)
    typed = request.POST
    text = typed.get("text", "").replace("\0", "")
    if not text.strip():
        refused = Refused(WORDING_FORM, typed, "text", _("Write the text that people agree to."))
        return show_audience(request, user, found, refused=refused)
    try:
        if typed.get("use") == STOREFRONT:
            wordings.add(found, text)
        else:
            wordings.change_own_text(found, text, typed.get("wording_language", ""))
            clear_missing_wording(found)
    except Rejected as error:
        field = "wording_language" if error.code == "language" else "text"
        refused = Refused(WORDING_FORM, typed, field, error.translatable)
        return show_audience(request, user, found, refused=refused)
    found.refresh_from_db(fields=["consent_text"])
    note = Note("good", _("Added. Earlier texts are kept as proof."), WORDING_FORM)
    return show_audience(request, user, found, note)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(AUDIENCES)
def move_channel(request: HttpRequest, user: DashboardUser, audience_id: UUID, slug: str) -> HttpResponse:
    """Show the effect of making the channel feed this audience, then do it. Repeating it has no further effect."""
    found = find_audience(user, audience_id)
    if found is None:
        return not_found(request, user)
    try:
        move = engine.preview_move(user.installation, slug, found)
        if request.method != "POST":
            return _show_move(request, user, move)
        seen = _source(user, request.POST.get("source", ""))
        if seen is None:
            return not_found(request, user)
        engine.move_channel_from(user.installation, slug, seen, found)
    except Rejected as error:
        if error.code != "channel_moved":
            return refuse(request, 404, str(error.translatable), user)
        return _show_move(request, user, move, Note("bad", str(error.translatable), MOVE_FORM), 422)
    name = Channel.objects.get(installation=user.installation, slug=slug).name
    note = Note("good", _("%(channel)s feeds this audience from now on.") % {"channel": name}, CHANNELS_FORM)
    return show_audience(request, user, found, note)


def _show_move(
    request: HttpRequest, user: DashboardUser, move: engine.Move, note: Note | None = None, status: int = 200
) -> HttpResponse:
    channel = Channel.objects.get(installation=user.installation, slug=move.channel)
    return show(
        request,
        user,
        AUDIENCES,
        note=note,
        status=status,
        template="audience_move",
        move=move,
        channel=channel,
        form=MOVE_FORM,
    )


def _source(user: DashboardUser, text: str) -> Audience | None:
    try:
        return find_audience(user, UUID(text))
    except ValueError:
        return None


@require_POST
@for_staff(AUDIENCES)
def preview_audience(request: HttpRequest, user: DashboardUser, audience_id: UUID) -> HttpResponse:
    """Show an email or page as people get it, with a typed text or the audience's own. Nothing is stored or sent."""
    found = find_audience(user, audience_id)
    if found is None:
        return not_found(request, user)
    form = request.POST
    name = form.get("page", "") if form.get("page", "") in previews.NAMES else previews.MAIL
    language = form.get("preview_language", "") or form.get("wording_language", "") or found.language
    shown = previews.preview(found, name, language, form.get("text", "").replace("\0", ""))
    return show(request, user, AUDIENCES, template="audience_preview", preview=shown, title=PREVIEWS[name])
