"""One audience: its settings, channels, wordings and storefront keys, with previews of its email and pages."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.consent.mail import supported_language
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people import audiences as engine
from saleor_stripe_audience.audience.people.models import Audience, ContactAttribute
from saleor_stripe_audience.audience.signup import previews
from saleor_stripe_audience.audience.signup.models import StorefrontKey
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.audience_form import (
    FORM,
    WORDING_FORM,
    Refused,
    field_of,
    read_settings,
    typed_fields,
)
from saleor_stripe_audience.dashboard.contact_rows import CONTACT_BADGES
from saleor_stripe_audience.dashboard.sections import AUDIENCES, KEYS, Note, may_see, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.channels import in_order
from saleor_stripe_audience.shops.models import Channel

MOST_KEYS = 5
SNIPPET = """\
# {address}
# Authorization: Bearer {key}
query {{ audienceForm(channel: "{channel}") {{ name consentText doubleOptIn language }} }}

mutation {{
  audienceSubscribe(input: {{
    channel: "{channel}", email: "ada@example.com",
    consentText: "THE WORDING BESIDE THE BOX", language: "{language}", source: "footer"
  }}) {{ accepted errors {{ field code message }} }}
}}"""
PREVIEWS: dict[str, str | Promise] = {
    previews.MAIL: gettext_lazy("Confirmation email"),
    previews.CONFIRM: gettext_lazy("Confirmation page"),
    previews.OFFER: gettext_lazy("Preference page, not subscribed"),
    previews.SUBSCRIBED: gettext_lazy("Preference page, subscribed"),
    previews.UNSUBSCRIBED: gettext_lazy("Unsubscribe page"),
}


@dataclass(frozen=True, slots=True)
class Feeding:
    """A channel of the shop, and the audience that it feeds."""

    channel: Channel
    audience: Audience
    is_own: bool


@require_safe
@for_staff(AUDIENCES)
def audience(request: HttpRequest, user: DashboardUser, audience_id: UUID) -> HttpResponse:
    found = find_audience(user, audience_id)
    return not_found(request, user) if found is None else show_audience(request, user, found)


@require_POST
@for_staff(AUDIENCES)
def save_audience(request: HttpRequest, user: DashboardUser, audience_id: UUID) -> HttpResponse:
    """Change the settings. Values of metadata keys that are removed are deleted, so that is confirmed first."""
    found = find_audience(user, audience_id)
    if found is None:
        return not_found(request, user)
    typed = request.POST
    wanted = read_settings(engine.settings_of(found), typed)
    lost = _lost_keys(found, wanted)
    if lost and typed.get("delete_values") != "yes":
        text = _("Contacts have values of %(keys)s. Tick the box below to delete them.")
        refused = Refused(FORM, typed, "attribute_keys", text % {"keys": ", ".join(lost)}, lost)
        return show_audience(request, user, found, refused=refused)
    try:
        changed = engine.change_audience(found, wanted)
    except Rejected as error:
        refused = Refused(FORM, typed, field_of(error), error.translatable, lost)
        return show_audience(request, user, found, refused=refused)
    changed.installation = user.installation
    note = Note("good", _("Saved. Existing consents do not change."), FORM)
    return show_audience(request, user, changed, note)


def _lost_keys(found: Audience, wanted: engine.AudienceSettings) -> tuple[str, ...]:
    """Return the metadata keys that the audience would lose together with contacts' values."""
    values = ContactAttribute.objects.filter(contact__audience=found)
    left_out = [key for key in found.attribute_keys if key not in wanted.attribute_keys]
    return tuple(key for key in left_out if values.filter(key=key).exists())


def find_audience(user: DashboardUser, audience_id: UUID) -> Audience | None:
    """Return the audience, if it is one of the user's shop."""
    found = Audience.objects.filter(installation=user.installation, pk=audience_id).first()
    if found is not None:
        found.installation = user.installation
    return found


def not_found(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return refuse(request, 404, _("This audience was not found."), user)


def show_audience(
    request: HttpRequest,
    user: DashboardUser,
    found: Audience,
    note: Note | None = None,
    status: int = 200,
    *,
    refused: Refused | None = None,
    address: str = "",
) -> HttpResponse:
    """Show the whole audience; a `refused` form is shown as it was typed. Something that was created has an
    `address`.
    """
    versions = wordings.versions_of(found)
    feeding = _feeding(found)
    count_of = engine.counts_by_audience(found.installation_id)[found.pk]
    typed = refused.typed if refused is not None and refused.form == FORM else None
    return show(
        request,
        user,
        AUDIENCES,
        note=note,
        status=status if refused is None else 422,
        template="audience",
        audience=found,
        address=address,
        form=FORM,
        wording_form=WORDING_FORM,
        typed=typed_fields(engine.settings_of(found), typed),
        typed_wording=refused.typed if refused is not None and refused.form == WORDING_FORM else {},
        refused=refused,
        mails=settings.EMAIL_CONFIGURED,
        from_name=sender_name(found),
        from_address=settings.DEFAULT_FROM_EMAIL if settings.EMAIL_CONFIGURED else "",
        counts=[(status, words, count_of[status]) for status, (_color, words) in CONTACT_BADGES.items()],
        current=[each for each in versions if each.is_current],
        former=[each for each in versions if not each.is_current],
        feeding=feeding,
        previews=PREVIEWS.items(),
        languages=previews.LANGUAGES,
        language=supported_language(found.language),
        **_storefront(user, found, feeding),
    )


def _feeding(found: Audience) -> list[Feeding]:
    """Return the shop's channels, those that feed this audience first."""
    fed = engine.channels_by_audience(found.installation_id)
    audiences = {each.pk: each for each in Audience.objects.filter(installation=found.installation_id)}
    owners = {slug: audiences[pk] for pk, slugs in fed.items() for slug in slugs}
    channels = in_order(Channel.objects.filter(installation=found.installation_id))
    rows = [Feeding(each, owners.get(each.slug, found), owners.get(each.slug) == found) for each in channels]
    return sorted(rows, key=lambda row: not row.is_own)


def _storefront(user: DashboardUser, found: Audience, feeding: list[Feeding]) -> dict[str, Any]:
    """Return what the shop's developer needs; with keys only for staff who may see them under Keys."""
    may_see_keys = may_see(user, KEYS)
    keys = StorefrontKey.objects.filter(installation=user.installation, revoked_at=None)
    shown = list(keys.order_by("-created_at", "-pk")[:MOST_KEYS]) if may_see_keys else []
    channel = next((each.channel.slug for each in feeding if each.is_own), "CHANNEL")
    snippet = SNIPPET.format(
        address=f"{settings.PUBLIC_URL}/storefront/graphql/",
        key=shown[0].key if shown else "ssp_…",
        channel=channel,
        language=found.language or "en",
    )
    return {
        "may_see_keys": may_see_keys,
        "keys": KEYS,
        "storefront_keys": shown,
        "snippet": snippet,
    }
