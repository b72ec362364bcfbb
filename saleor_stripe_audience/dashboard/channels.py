"""Which Stripe account each sales channel uses."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.sections import CHANNELS, Note, show
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway.accounts import accounts_of, free_channel, pause, unpause
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.onboarding import map_channels
from saleor_stripe_audience.saleor.channels import sync_channels
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.channels import existing_channels, in_order
from saleor_stripe_audience.shops.models import Installation

READ_SECONDS = 15.0
SAVE_FORM = "save-channels"


@require_safe
@for_staff(CHANNELS)
def channels(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user)


@require_POST
@for_staff(CHANNELS)
def save_channels(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Save the account of each channel, or none. Channels that are not in the form do not change."""
    usable = {str(account.pk): account for account in _connected(user.installation)}
    wanted = {
        slug: request.POST[f"channel:{slug}"]
        for slug in user.installation.channels.values_list("slug", flat=True)
        if f"channel:{slug}" in request.POST
    }
    if any(account and account not in usable for account in wanted.values()):
        message = _("One of the accounts is no longer connected. Nothing was changed; choose again.")
        return _show(request, user, Note("bad", message, SAVE_FORM), 422)
    try:
        with transaction.atomic():
            for slug, account in wanted.items():
                _map(user.installation, slug, usable.get(account))
    except Rejected as error:
        return _show(request, user, Note("bad", str(error.translatable), SAVE_FORM), 422)
    note = Note("good", _("Saved. Applies to new payments immediately."), SAVE_FORM)
    return _show(request, user, note)


@require_POST
@for_staff(CHANNELS)
def pause_channel(request: HttpRequest, user: DashboardUser, slug: str) -> HttpResponse:
    """Pause or resume new payments of the channel; customers see the message while they are paused."""
    shop, form = user.installation, _pause_form(slug)
    try:
        if request.POST.get("paused") == "yes":
            pause(shop.pk, slug, request.POST.get("message", ""))
            note = Note("good", _("Paused. Payments that have started continue."), form)
        else:
            unpause(shop.pk, slug)
            note = Note("good", _("Payments are accepted again."), form)
    except Rejected as error:
        is_shown = AccountChannel.objects.filter(installation=shop, channel_slug=slug).exists()
        return _show(request, user, Note("bad", str(error.translatable), form if is_shown else ""), 422)
    return _show(request, user, note)


@require_POST
@for_staff(CHANNELS)
def read_channels(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Fetch the shop's channels from Saleor again."""
    shop = user.installation
    try:
        with deadline(READ_SECONDS):
            sync_channels(shop)
    except Failure as error:
        return _show(request, user, Note("bad", str(error.translatable)), 422)
    return _show(request, user, Note("good", _("The channels are up to date with Saleor.")))


def _pause_form(slug: str) -> str:
    return f"pause-{slug}"


def _map(shop: Installation, slug: str, account: StripeAccount | None) -> None:
    if account is None:
        free_channel(shop.pk, slug)
    else:
        map_channels(account, [slug])


def _connected(shop: Installation) -> list[StripeAccount]:
    return [each for each in accounts_of(shop.pk) if each.state == StripeAccount.State.CONNECTED]


def _show(
    request: HttpRequest, user: DashboardUser, note: Note | None = None, status: int = 200
) -> HttpResponse:
    shop = user.installation
    own = in_order(existing_channels(shop))
    mappings = AccountChannel.objects.filter(installation=shop, channel_slug__in=[each.slug for each in own])
    mapped = {each.channel_slug: each for each in mappings}
    rows = [(each, mapped[each.slug].account_id if each.slug in mapped else None) for each in own]
    names = {each.slug: each.name for each in own}
    places = {slug: place for place, slug in enumerate(names)}
    taken = [
        (mapped[slug], names.get(slug, slug), _pause_form(slug))
        for slug in sorted(mapped, key=lambda slug: (places.get(slug, len(places)), slug))
    ]
    return show(
        request, user, CHANNELS, note=note, status=status, rows=rows, accounts=_connected(shop), taken=taken
    )
