"""Connecting Stripe accounts and their settings; a key is never shown again."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.hosted import (
    begin_url,
    can_continue,
    can_reconnect,
    describe_requirements,
    free_channels,
)
from saleor_stripe_audience.dashboard.sections import ACCOUNTS, Note, show
from saleor_stripe_audience.dashboard.terms_text import read_terms
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import account_settings, domains, onboarding, platform, terms
from saleor_stripe_audience.gateway import connect as connect_hosted
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.channels import existing_channels, in_order, names_in_order, names_of

CONNECT_SECONDS = 45.0  # about ten calls to Stripe; the page itself waits for 60


@require_safe
@for_staff(ACCOUNTS)
def accounts(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user, chosen=free_channels(user.installation))


@sensitive_post_parameters("secret_key")
@require_POST
@for_staff(ACCOUNTS)
def connect(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Check the pasted keys with Stripe and store them, or show everything that is wrong. Repeating it has no further
    effect.
    """
    public = request.POST.get("publishable_key", "").strip()
    chosen = existing_channels(user.installation).filter(slug__in=request.POST.getlist("channel"))
    slugs = list(chosen.values_list("slug", flat=True))
    if not slugs:
        note = Note("bad", _("Choose at least one channel for this account."), "connect")
        return _show(request, user, note=note, status=422, publishable_key=public)
    try:
        with deadline(CONNECT_SECONDS):
            account = onboarding.connect(
                user.installation, public, request.POST.get("secret_key", "").strip(), slugs
            )
    except Failure as error:
        note = Note("bad", str(error.translatable), "connect")
        return _show(request, user, note=note, status=422, publishable_key=public, chosen=slugs)
    if account.charges_enabled:
        note = Note("good", _("“%(name)s” is connected and accepts payments.") % {"name": account.name})
    else:
        message = _(
            "“%(name)s” is connected, but Stripe does not currently allow it to accept payments. Open "
            "Stripe for the reason."
        )
        note = Note("bad", message % {"name": account.name})
    return _show(request, user, note=note, chosen=free_channels(user.installation))


@require_POST
@for_staff(ACCOUNTS)
def disconnect_account(request: HttpRequest, user: DashboardUser, account_id: uuid.UUID) -> HttpResponse:
    """Disconnect one of the shop's accounts; payments that have started there continue. Repeating it has no further
    effect.
    """
    account = StripeAccount.objects.filter(installation=user.installation, pk=account_id).first()
    if account is None:
        return _show(request, user, note=Note("bad", _("This account was not found.")), status=404)
    try:
        with deadline(CONNECT_SECONDS):
            disconnect(account)
    except Failure as error:
        return _show(request, user, note=Note("bad", str(error.translatable)), status=422)
    message = _("“%(name)s” is disconnected. Payments that have started there will be completed.")
    note = Note("good", message % {"name": account.name})
    return _show(request, user, note=note, chosen=free_channels(user.installation))


@require_POST
@for_staff(ACCOUNTS)
def reconnect_account(request: HttpRequest, user: DashboardUser, account_id: uuid.UUID) -> HttpResponse:
    """Reconnect an account that was connected through Stripe's pages, with the channels that have no account.
    Repeating it has no further effect.
    """
    shop = user.installation
    account = StripeAccount.objects.filter(installation=shop, pk=account_id).first()
    if account is None:
        return _show(request, user, note=Note("bad", _("This account was not found.")), status=404)
    try:
        with deadline(CONNECT_SECONDS):
            if can_reconnect(account):
                connect_hosted.refresh(account)
            if can_reconnect(account):
                connect_hosted.reconnect(account, free_channels(shop))
    except Failure as error:
        return _show(request, user, note=Note("bad", str(error.translatable)), status=422)
    if account.state != StripeAccount.State.CONNECTED:
        text = _("“%(name)s” cannot be reconnected. Connect another account.") % {"name": account.name}
        return _show(request, user, note=Note("bad", text), status=422)
    if account.takes_payments:
        message = _("“%(name)s” is connected and accepts payments.")
    else:
        message = _("“%(name)s” is connected again. Continue on Stripe before it can accept payments.")
    return _show(request, user, note=Note("good", message % {"name": account.name}))


@require_POST
@for_staff(ACCOUNTS)
def save_settings(request: HttpRequest, user: DashboardUser, account_id: uuid.UUID) -> HttpResponse:
    """Save the settings for all payments of the account: receipts and the statement descriptor suffix. Repeating it has
    no further effect.
    """
    account = StripeAccount.objects.filter(installation=user.installation, pk=account_id).first()
    if account is None:
        return _show(request, user, note=Note("bad", _("This account was not found.")), status=404)
    try:
        with deadline(CONNECT_SECONDS):
            account_settings.set_descriptor_suffix(account, request.POST.get("descriptor_suffix", ""))
            account_settings.set_receipts(account, sends=request.POST.get("sends_receipts") == "yes")
    except Failure as error:
        return _show(
            request,
            user,
            note=Note("bad", str(error.translatable), _settings_form(account)),
            status=422,
            typed=request.POST,
        )
    note = Note("good", _("Saved. Applies to new payments immediately."), _settings_form(account))
    return _show(request, user, note=note)


@require_POST
@for_staff(ACCOUNTS)
def register_domain(request: HttpRequest, user: DashboardUser, account_id: uuid.UUID) -> HttpResponse:
    """Register the storefront's domain with Stripe, so that wallets are shown there. Repeating it has no further
    effect.
    """
    account = StripeAccount.objects.filter(installation=user.installation, pk=account_id).first()
    if account is None:
        return _show(request, user, note=Note("bad", _("This account was not found.")), status=404)
    try:
        with deadline(CONNECT_SECONDS):
            domain = domains.register_domain(account, request.POST.get("domain", ""))
    except Failure as error:
        return _show(
            request,
            user,
            note=Note("bad", str(error.translatable), _domain_form(account)),
            status=422,
            typed=request.POST,
        )
    return _show(request, user, note=_domain_note(domain, _domain_form(account)))


def _domain_note(domain: domains.Domain, form: str) -> Note:
    if not domain.inactive:
        text = _("“%(domain)s” is registered. Shown there: %(active)s.")
        return Note("good", text % {"domain": domain.name, "active": ", ".join(domain.active)}, form)
    reasons = "; ".join(f"{method} ({why})" if why else method for method, why in domain.inactive.items())
    text = _("“%(domain)s” is registered. Not shown there yet: %(reasons)s")
    return Note("bad", text % {"domain": domain.name, "reasons": reasons}, form)


def _settings_form(account: StripeAccount) -> str:
    return f"settings-{account.pk}"


def _domain_form(account: StripeAccount) -> str:
    return f"domain-of-{account.pk}"


@require_POST
@for_staff(ACCOUNTS)
def renew_endpoint(request: HttpRequest, user: DashboardUser, account_id: uuid.UUID) -> HttpResponse:
    """Create a new endpoint at Stripe with a new secret; events signed with the old one are accepted for a day."""
    account = StripeAccount.objects.filter(installation=user.installation, pk=account_id).first()
    if account is None:
        return _show(request, user, note=Note("bad", _("This account was not found.")), status=404)
    try:
        with deadline(CONNECT_SECONDS):
            onboarding.renew_endpoint(account)
    except Failure as error:
        note = Note("bad", str(error.translatable), _endpoint_form(account))
        return _show(request, user, note=note, status=422)
    note = Note("good", _("Renewed: Stripe signs its events with a new secret."), _endpoint_form(account))
    return _show(request, user, note=note)


def _endpoint_form(account: StripeAccount) -> str:
    return f"endpoint-{account.pk}"


@require_POST
@for_staff(ACCOUNTS)
def accept_terms(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Record that this staff member accepted the terms for the shop."""
    if request.POST.get("accepted") != "yes":
        note = Note("bad", _("Select the checkbox if you accept the terms for your shop."), "accept-terms")
        return _show(request, user, note=note, status=422)
    terms.accept(user.installation, user.email)
    return _show(request, user, note=Note("good", _("Terms accepted. Live payments can start.")))


@dataclass(frozen=True, slots=True)
class Row:
    """An account, what Stripe still requires for it, and where to provide that. The forms are named so that notes can
    be assigned to them.
    """

    account: StripeAccount
    channels: list[str]
    requirements: list[str]
    continue_url: str
    can_reconnect: bool
    settings_form: str
    domain_form: str
    endpoint_form: str


def _row(account: StripeAccount, names: Mapping[str, str]) -> Row:
    """Return the account; `names` are those of the shop's channels, by slug."""
    channels = names_in_order(
        names.get(each.channel_slug, each.channel_slug) for each in account.channels.all()
    )
    continue_url = begin_url(account.installation, account) if can_continue(account) else ""
    forms = _settings_form(account), _domain_form(account), _endpoint_form(account)
    return Row(
        account, channels, describe_requirements(account), continue_url, can_reconnect(account), *forms
    )


def _show(
    request: HttpRequest,
    user: DashboardUser,
    *,
    note: Note | None = None,
    status: int = 200,
    publishable_key: str = "",
    chosen: list[str] | None = None,
    typed: QueryDict | None = None,
) -> HttpResponse:
    channels = in_order(existing_channels(user.installation))
    accounts = accounts_of(user.installation.pk)
    prefetch_related_objects(accounts, "channels")
    names = names_of(channels)
    return show(
        request,
        user,
        ACCOUNTS,
        note=note,
        status=status,
        accounts=[_row(each, names) for each in accounts],
        typed=typed,
        connect_url=begin_url(user.installation) if platform.is_offered() else "",
        channels=channels,
        publishable_key=publishable_key if publishable_key.startswith("pk_") else "",
        chosen=chosen or [],
        free=names_in_order(names[each] for each in free_channels(user.installation)),
        key_permissions=onboarding.key_permissions(),
        create_key_url=onboarding.create_key_url(settings.APP_NAME),
        terms_accepted=terms.are_accepted(user.installation.pk),
        terms_version=terms.VERSION,
        terms=read_terms(),
    )
