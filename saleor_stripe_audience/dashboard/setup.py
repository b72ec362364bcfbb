"""The steps from installation to live payments, computed from stored data. Nothing here uses the network."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from django.conf import settings
from django.db.models import Exists
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.catalog.sync import usable_accounts
from saleor_stripe_audience.dashboard.amounts import format_count
from saleor_stripe_audience.dashboard.hosted import begin_url, can_continue, describe_requirements
from saleor_stripe_audience.dashboard.overview import describe_obstacle
from saleor_stripe_audience.dashboard.sections import ACCOUNTS, CHANNELS, Section
from saleor_stripe_audience.gateway import terms
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.payments import readiness
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.shops.channels import existing_channels, in_order
from saleor_stripe_audience.shops.models import Channel, Installation

GOOD, TO_DO, BAD, MOVING = "good", "todo", "bad", "moving"
TEST_CARDS = "https://docs.stripe.com/testing"
COMPLETED = (Job.State.DONE, Job.State.DIFFERS)


@dataclass(frozen=True, slots=True)
class Progress:
    """A job's progress; `total`, and `minutes`, the remaining time, are None while unknown."""

    done: int
    total: int | None
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Button:
    """What a step offers: a `section` to open, an `address` outside, a `dialog` of the page, or an `action` to post.

    `permission` is the one that the staff member needs besides the section's, empty if none.
    """

    label: str
    section: Section | None = None
    address: str = ""
    dialog: str = ""
    action: str = ""
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `state` is "good", "todo", "bad" or "moving". `details` are what Stripe has required since `since`."""

    name: str
    state: str
    title: str
    text: str
    button: Button | None = None
    details: tuple[str, ...] = ()
    since: datetime | None = None
    progress: Progress | None = None

    @property
    def is_done(self) -> bool:
        return self.state == GOOD


@dataclass(frozen=True, slots=True)
class Facts:
    """The stored data that shows a shop's progress; read once for all steps.

    `syncs` are the newest jobs of the accounts that can receive products; None for an account without one.
    """

    shop: Installation
    accounts: list[StripeAccount]
    disconnected: list[StripeAccount]
    channels: list[Channel]
    mapped: dict[str, StripeAccount]
    obstacles: list[readiness.Obstacle]
    audience: Audience | None
    syncs: list[Job | None]
    history: Job | None
    has_payment: bool
    has_paid: bool


def steps(shop: Installation) -> list[Step]:
    """Return every step, in the order in which a new shop takes them."""
    return steps_of(read_facts(shop))


def steps_of(facts: Facts) -> list[Step]:
    return [
        _stripe(facts),
        _channels(facts),
        _terms(facts),
        _audience(facts),
        _storefront(facts),
        _catalogue(facts),
        _history(facts),
        _purchase(facts),
        _live(facts),
    ]


def read_facts(
    shop: Installation, accounts: list[StripeAccount] | None = None, channels: list[Channel] | None = None
) -> Facts:
    """Read what is stored; `accounts` and `channels` of the shop, by name, may be known already."""
    connected = AccountChannel.objects.filter(account__state=StripeAccount.State.CONNECTED)
    mappings = connected.filter(installation=shop).select_related("account")
    own = Payment.objects.filter(installation=shop)
    accounts = accounts_of(shop.pk) if accounts is None else accounts
    if channels is None:
        channels = in_order(existing_channels(shop))
    selling = usable_accounts(shop)
    paid = own.filter(captured_minor__gt=0)
    seen = Installation.objects.filter(pk=shop.pk).values_list(Exists(own), Exists(paid)).get()
    return Facts(
        shop=shop,
        accounts=[each for each in accounts if each.state == StripeAccount.State.CONNECTED],
        disconnected=[each for each in accounts if each.state != StripeAccount.State.CONNECTED],
        channels=channels,
        mapped={each.channel_slug: each.account for each in mappings},
        obstacles=readiness.obstacles(shop),
        audience=Audience.objects.filter(installation=shop, is_default=True).first(),
        syncs=[_newest(shop, Job.Kind.CATALOGUE, str(each.pk)) for each in selling],
        history=_newest(shop, Job.Kind.SALEOR),
        has_payment=seen[0],
        has_paid=seen[1],
    )


def _stripe(facts: Facts) -> Step:
    name, title = "stripe", _("Connect Stripe")
    ready = [each for each in facts.accounts if each.takes_payments and each.charges_enabled]
    waiting = next((each for each in facts.accounts if each not in ready), None)
    if ready:
        names = ", ".join(each.name for each in ready)
        text = ngettext("%(names)s accepts payments.", "%(names)s accept payments.", len(ready))
        return Step(name, GOOD, title, text % {"names": names})
    if waiting is None:
        text = _("Connect with Stripe's own pages, or paste the keys of your account.")
        return Step(name, TO_DO, title, text, Button(_("Connect Stripe"), section=ACCOUNTS))
    state = BAD if waiting.connect_state == StripeAccount.ConnectState.REJECTED else TO_DO
    button = Button(_("Open Stripe settings"), section=ACCOUNTS)
    if can_continue(waiting):
        button = Button(_("Continue on Stripe"), address=begin_url(facts.shop, waiting))
    requirements = tuple(describe_requirements(waiting))
    if requirements:
        text = _("“%(name)s” cannot accept payments yet. Stripe needs:") % {"name": waiting.name}
    else:
        text = _("“%(name)s” cannot accept payments yet: Stripe is reviewing it.") % {"name": waiting.name}
    return Step(name, state, title, text, button, details=requirements, since=waiting.pending_since)


def _channels(facts: Facts) -> Step:
    name, title = "channels", _("Choose a Stripe account for each channel")
    free = [each.name for each in facts.channels if each.slug not in facts.mapped]
    if not facts.channels:
        text = _("Create a channel in Saleor, then refresh the channels here.")
        return Step(name, TO_DO, title, text, Button(_("Open channels"), section=CHANNELS))
    if free:
        text = _("Customers cannot pay yet in: %(channels)s") % {"channels": ", ".join(free)}
        return Step(name, TO_DO, title, text, Button(_("Choose accounts"), section=CHANNELS))
    count = len(facts.channels)
    text = ngettext("The channel has a Stripe account.", "All %(n)s channels have a Stripe account.", count)
    return Step(name, GOOD, title, text % {"n": format_count(count)})


def _terms(facts: Facts) -> Step:
    name, title = "terms", _("Accept the terms of use")
    if terms.are_accepted(facts.shop.pk):
        return Step(name, GOOD, title, _("Version %(version)s is accepted.") % {"version": terms.VERSION})
    text = _("Required for live payments, not for test payments.")
    return Step(name, TO_DO, title, text, Button(_("Read and accept"), dialog="terms"))


def _audience(facts: Facts) -> Step:
    name, title = "audience", _("Choose your audience")
    found = facts.audience
    button = Button(_("Choose audience"), dialog="choose-audience", permission="MANAGE_USERS")
    if found is None or found.configured_at is None:
        text = _("Name the list that your customers join, and say how they subscribe.")
        return Step(name, TO_DO, title, text, button)
    if found.double_opt_in:
        text = _("“%(name)s”: people subscribe by confirming an email (double opt-in).")
    else:
        text = _("“%(name)s”: people subscribe by ticking the box (single opt-in).")
    return Step(name, GOOD, title, text % {"name": found.name})


def _storefront(facts: Facts) -> Step:
    name, title = "storefront", _("Set up your storefront")
    button = Button(_("Show what to enter"), dialog="storefront")
    if facts.has_payment:
        return Step(name, GOOD, title, _("Your storefront has started a payment through this app."), button)
    text = _("Tell its developer the payment gateway and the keys for consent.")
    if settings.APP_ID != settings.STOCK_APP_ID:
        text = _(
            "Storefronts based on Saleor's storefront only support the app ID %(stock)s; this app's "
            "ID is %(own)s. If yours is one of them, ask the app's operator to set APP_ID, then "
            "install the app again."
        ) % {"stock": settings.STOCK_APP_ID, "own": settings.APP_ID}
    return Step(name, TO_DO, title, text, button)


def _catalogue(facts: Facts) -> Step:
    name, title = "catalogue", _("Send your products to Stripe")
    button = Button(_("Send products"), action="dashboard:setup_catalogue", permission="MANAGE_PRODUCTS")
    if not facts.syncs:
        return Step(name, TO_DO, title, _("This starts automatically once a channel has a Stripe account."))
    jobs = [each for each in facts.syncs if each is not None]
    if moving := next((each for each in jobs if each.state in Job.MOVING), None):
        return Step(name, MOVING, title, _("Products are being sent."), progress=_progress(moving))
    if any(each.state == Job.State.FAILED for each in jobs):
        text = _("Sending your products failed. Resolve the problem that is listed, then try again.")
        return Step(name, BAD, title, text, button)
    if len(jobs) < len(facts.syncs) or any(each.state not in COMPLETED for each in jobs):
        return Step(name, TO_DO, title, _("Your products are not in Stripe yet."), button)
    if failed := max(each.failed for each in jobs):  # each job goes through all products
        text = _("Your products were sent to Stripe, except %(n)s that failed.") % {"n": format_count(failed)}
        return Step(name, GOOD, title, text)
    return Step(name, GOOD, title, _("Your products are in Stripe."))


def _history(facts: Facts) -> Step:
    name, title = "history", _("Import your customers and orders")
    button = Button(_("Import"), action="dashboard:setup_history", permission="MANAGE_USERS")
    job = facts.history
    if job is None or job.state == Job.State.CANCELLED:
        text = _(
            "Customers and orders from before the installation become contacts. Only people who agreed "
            "to marketing at the checkout or in their account are subscribed; with double opt-in, they "
            "are asked to confirm."
        )
        return Step(name, TO_DO, title, text, button)
    if job.state in Job.MOVING:
        text = _("Customers and orders are being imported.")
        return Step(name, MOVING, title, text, progress=_progress(job))
    if job.state in COMPLETED:
        count = job.done
        text = ngettext("%(n)s entry was imported.", "%(n)s entries were imported.", count)
        return Step(name, GOOD, title, text % {"n": format_count(count)})
    if job.state == Job.State.PAUSED:
        return Step(name, TO_DO, title, _("Paused. Imported data is kept."), button)
    text = _("It failed. Try again: imported data is kept.")
    return Step(name, BAD, title, text, button)


def _purchase(facts: Facts) -> Step:
    name, title = "purchase", _("Make a test purchase")
    if facts.has_paid:
        return Step(name, GOOD, title, _("A payment has gone through: storefront, Stripe and Saleor agree."))
    if facts.has_payment:
        text = _("A payment was started and is not paid yet. Complete it with one of Stripe's test cards.")
    else:
        text = _(
            "Buy something in your storefront with one of Stripe's test cards, such as 4242 4242 4242 4242."
        )
    return Step(name, TO_DO, title, text, Button(_("Show test cards"), address=TEST_CARDS))


def _live(facts: Facts) -> Step:
    name, title = "live", _("Go live")
    is_live = bool(facts.channels) and all(
        each.slug in facts.mapped and facts.mapped[each.slug].livemode for each in facts.channels
    )
    if is_live and not facts.obstacles:
        return Step(name, GOOD, title, _("Customers can pay in every channel with real money."))
    if is_live:
        found = describe_obstacle(facts.channels, facts.obstacles[0])
        section = found.section or CHANNELS
        button = Button(_("Open %(name)s") % {"name": section.title}, section=section)
        if facts.obstacles[0].code == readiness.TERMS:
            button = Button(_("Read and accept"), dialog="terms")
        return Step(name, TO_DO, title, found.text, button)
    if any(each.livemode for each in facts.accounts):
        text = _("Choose your live account for every channel.")
        return Step(name, TO_DO, title, text, Button(_("Choose accounts"), section=CHANNELS))
    text = _(
        "Connect your live account, then choose it for your channels: test accounts do not accept real money."
    )
    return Step(name, TO_DO, title, text, Button(_("Connect live account"), section=ACCOUNTS))


def _newest(shop: Installation, kind: str, key: str = "") -> Job | None:
    found = Job.objects.filter(installation=shop, kind=kind, key=key)
    return found.defer("report", "cursor").order_by("-created_at").first()


def _progress(job: Job) -> Progress:
    left = job.eta
    minutes = None if left is None else max(1, ceil(left.total_seconds() / 60))
    return Progress(job.done + job.failed, job.total, minutes)
