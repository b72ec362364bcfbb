"""The checklist for a new shop: its steps, and the actions of its buttons, all of which can be repeated without further
effect.
"""

from collections.abc import Callable
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience.people.audiences import (
    AudienceSettings,
    change_audience,
    default_audience,
    settings_of,
)
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.signup import metadata
from saleor_stripe_audience.audience.transfer import backfill
from saleor_stripe_audience.catalog import sync
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.sections import SETUP, Note, refuse, refuse_without, show
from saleor_stripe_audience.dashboard.setup import Step, steps
from saleor_stripe_audience.dashboard.terms_text import read_terms
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor.tokens import DashboardUser

AUDIENCE_FORM = "audience-form"
TERMS_FORM = "accept-terms"
SNIPPET = """\
# The box is ticked: write this on the checkout before checkoutComplete.
mutation {{
  updateMetadata(id: "CHECKOUT", input: [
    {{key: "{consent}", value: "true"}}
    {{key: "{at}", value: "{example}"}}
    {{key: "{text}", value: "THE WORDING BESIDE THE BOX"}}
  ]) {{ errors {{ message }} }}
}}

# The payment.
mutation {{
  transactionInitialize(id: "CHECKOUT", idempotencyKey: "KEY", paymentGateway: {{id: "{gateway}"}}) {{
    data transaction {{ id }} errors {{ message }}
  }}
}}"""


@require_safe
@for_staff(SETUP)
def setup(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user)


@require_safe
@for_staff(SETUP)
def setup_step(request: HttpRequest, user: DashboardUser, name: str) -> HttpResponse:
    """Show one step, which the page polls while its job is running."""
    step = next((each for each in steps(user.installation) if each.name == name), None)
    if step is None:
        return refuse(request, 404, _("This step was not found."), user)
    return show(request, user, SETUP, template="setup_step", step=step, may=_buttons_of(user, [step]))


@require_POST
@for_staff(SETUP)
def accept_terms(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Record that this staff member accepted the terms for the shop."""
    if request.POST.get("accepted") != "yes":
        note = Note("bad", _("Select the checkbox if you accept the terms for your shop."), TERMS_FORM)
        return _show(request, user, note, 422, opened="terms")
    terms.accept(user.installation, user.email)
    return _show(request, user, Note("good", _("Terms accepted. Live payments can start.")))


@require_POST
@for_staff(SETUP)
def choose_audience(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Name the audience of the shop's customers and say how they subscribe; its other options do not change."""
    if not user.may("MANAGE_USERS"):
        return refuse_without(request, "MANAGE_USERS", user)
    form = request.POST
    try:
        with transaction.atomic():
            audience = default_audience(user.installation)
            options = replace(
                settings_of(audience),
                name=form.get("name", ""),
                double_opt_in=form.get("opt_in") == "double",
                consent_text=form.get("consent_text", "").replace("\0", ""),
            )
            audience = change_audience(audience, options)
            metadata.clear_missing_wording(audience)
    except Rejected as error:
        note = Note("bad", str(error.translatable), AUDIENCE_FORM)
        return _show(request, user, note, 422, opened="choose-audience", typed=form.dict())
    return _show(request, user, Note("good", _("“%(name)s” is your audience.") % {"name": audience.name}))


@require_POST
@for_staff(SETUP)
def start_catalogue(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Send the products to every account that can receive them, or continue what failed."""

    def start() -> None:
        for account in sync.usable_accounts(user.installation):
            _start_or_resume(sync.start(account, user.email))

    return _start(request, user, "MANAGE_PRODUCTS", start, _("Your products are being sent."))


@require_POST
@for_staff(SETUP)
def start_history(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Import the customers and orders from Saleor, or continue what failed or was paused."""

    def start() -> None:
        _start_or_resume(backfill.get_or_create(user.installation, Job.Kind.SALEOR, user.email))

    return _start(request, user, "MANAGE_USERS", start, _("Your customers and orders are being imported."))


def _start(
    request: HttpRequest, user: DashboardUser, permission: str, start: Callable[[], None], said: str
) -> HttpResponse:
    if not user.may(permission):
        return refuse_without(request, permission, user)
    try:
        start()
    except Rejected as error:
        return _show(request, user, Note("bad", str(error.translatable)), 422)
    return _show(request, user, Note("good", said))


def _start_or_resume(job: Job) -> None:
    jobs.start(jobs.resume(job) if job.state == Job.State.PAUSED else job)


def _buttons_of(user: DashboardUser, found: list[Step]) -> set[str]:
    """The names of the steps whose button this staff member may use."""
    return {
        each.name
        for each in found
        if each.button is not None and (not each.button.permission or user.may(each.button.permission))
    }


def _audience_options(user: DashboardUser) -> tuple[AudienceSettings, bool]:
    """What the form shows: the default audience's options, and whether they were chosen before."""
    found = Audience.objects.filter(installation=user.installation, is_default=True).first()
    if found is None:
        name = user.installation.shop_name or user.installation.domain
        return AudienceSettings(name=name), False
    return settings_of(found), found.configured_at is not None


def _show(
    request: HttpRequest,
    user: DashboardUser,
    note: Note | None = None,
    status: int = 200,
    *,
    opened: str = "",
    typed: dict[str, str] | None = None,
) -> HttpResponse:
    """The checklist; `opened` is the dialog that stays open because its form was rejected, with what was `typed`."""
    found = steps(user.installation)
    options, is_chosen = _audience_options(user)
    return show(
        request,
        user,
        SETUP,
        note=note,
        status=status,
        steps=found,
        done=sum(each.is_done for each in found),
        may=_buttons_of(user, found),
        opened=opened,
        typed=typed or {},
        terms_accepted=terms.are_accepted(user.installation.pk),
        terms_version=terms.VERSION,
        terms=read_terms(),
        audience=options,
        is_chosen=is_chosen,
        mails=settings.EMAIL_CONFIGURED,
        app_id=settings.APP_ID,
        consent_keys=(
            metadata.CONSENT,
            metadata.AT,
            metadata.TEXT,
            metadata.SOURCE,
            *options.consent_keys,
        ),
        stock_key=metadata.STOCK_STOREFRONT,
        snippet=SNIPPET.format(
            consent=metadata.CONSENT,
            at=metadata.AT,
            text=metadata.TEXT,
            example="2026-11-26T12:00:00Z",
            gateway=settings.APP_ID,
        ),
    )
