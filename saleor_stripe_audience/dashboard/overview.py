"""What is connected and healthy, and the next step, in one sentence each. Nothing here uses the network."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.dashboard.amounts import format_count
from saleor_stripe_audience.dashboard.problems import (
    OpenProblem,
    events_of,
    given_up,
    has_events,
    open_problems,
    with_links,
)
from saleor_stripe_audience.dashboard.sections import ACCOUNTS, CHANNELS, PROBLEMS, PRODUCTS, Section
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import readiness
from saleor_stripe_audience.shops.channels import existing_channels, in_order
from saleor_stripe_audience.shops.models import Channel, Installation

# A worker starts a task within seconds; retried events have a Handling.
WAITING_TOO_LONG = timedelta(minutes=5)
MOST_NAMES = 3

# What each obstacle is in words, its state, and where to act on it.
OBSTACLES: dict[str, tuple[Promise, str, Section]] = {
    readiness.NO_ACCOUNT: (
        gettext_lazy("Choose a Stripe account for %(channels)s: customers cannot pay there yet."),
        "todo",
        CHANNELS,
    ),
    readiness.PAUSED: (
        gettext_lazy("Payments are paused in %(channels)s: customers cannot pay there."),
        "todo",
        CHANNELS,
    ),
    readiness.TERMS: (
        gettext_lazy("Accept the terms: until then, customers cannot pay in %(channels)s."),
        "bad",
        ACCOUNTS,
    ),
    readiness.TEST_ONLY: (
        gettext_lazy(
            "Only test payments are accepted in %(channels)s, although the shop is open. Choose a live account."
        ),
        "bad",
        CHANNELS,
    ),
    readiness.CHARGES: (
        gettext_lazy(
            "Stripe does not currently allow “%(account)s” to accept payments: customers cannot pay "
            "in %(channels)s. Open Stripe."
        ),
        "bad",
        ACCOUNTS,
    ),
    readiness.KEY: (
        gettext_lazy(
            "Stripe rejects the app's key for “%(account)s”: payments in %(channels)s fail. Paste new keys."
        ),
        "bad",
        ACCOUNTS,
    ),
    readiness.NOT_READY: (
        gettext_lazy("“%(account)s” does not accept payments yet: customers cannot pay in %(channels)s."),
        "todo",
        ACCOUNTS,
    ),
}


# The same on the line of a channel, which has its name.
REASONS: dict[str, Promise] = {
    readiness.NO_ACCOUNT: gettext_lazy("No: no Stripe account is chosen."),
    readiness.PAUSED: gettext_lazy("No: payments are paused."),
    readiness.TERMS: gettext_lazy("No: the terms of use are not accepted yet."),
    readiness.TEST_ONLY: gettext_lazy("Only with test cards, although the shop is open."),
    readiness.CHARGES: gettext_lazy("No: Stripe does not currently allow “%(account)s” to accept payments."),
    readiness.KEY: gettext_lazy("No: Stripe rejects the app's key for “%(account)s”."),
    readiness.NOT_READY: gettext_lazy("No: “%(account)s” does not accept payments yet."),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `state` is "good", "info", "todo" or "bad", `section` is where to act on it, or on which `payment`."""

    state: str
    title: str
    text: str
    section: Section | None = None
    since: datetime | None = None
    payment: UUID | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The shop's stored data that the checks need.

    `failed` counts the events that were given up, `waiting` those that are not handled; `is_heard` if there were any.
    """

    accounts: list[StripeAccount]
    channels: list[Channel]
    obstacles: list[readiness.Obstacle]
    problems: list[OpenProblem]
    failed: int
    waiting: int
    is_heard: bool


def read_known(shop: Installation) -> Known:
    accounts = [each for each in accounts_of(shop.pk) if each.state == StripeAccount.State.CONNECTED]
    channels = in_order(existing_channels(shop))
    return Known(
        accounts,
        channels,
        readiness.obstacles(shop),
        open_problems(shop),
        failed=given_up(shop).count(),
        waiting=events_of(shop).filter(handled_at=None).count(),
        is_heard=has_events(shop),
    )


def checks(shop: Installation, known: Known | None = None) -> list[Check]:
    """Return every check, in the order in which a new shop is set up."""
    known = known or read_known(shop)
    return [
        _saleor(shop, known),
        _stripe(known.accounts),
        _channels(known),
        _events(shop, known),
        _catalogue(shop, known.accounts),
        _storefront(),
    ]


def next_step(found: list[Check]) -> Check | None:
    """Return the next thing to do: what is broken comes before what has not been done yet."""
    failing = [check for check in found if check.state in ("todo", "bad")]
    return min(failing, key=lambda check: check.state != "bad", default=None)


def _saleor(shop: Installation, known: Known) -> Check:
    if known.problems:
        problem = known.problems[0]
        section = problem.section or PROBLEMS
        payment = problem.payment if problem.resolved_as is None else None
        return Check("bad", _("Saleor"), with_links(problem.text), section, problem.since, payment)
    text = _("Connected to %(shop)s.") % {"shop": shop.domain or shop.saleor_api_url}
    return Check("good", _("Saleor"), text)


def _stripe(accounts: list[StripeAccount]) -> Check:
    title = _("Stripe")
    if not accounts:
        return Check("todo", title, _("Connect your Stripe account so that customers can pay."), ACCOUNTS)
    if waiting := next((each for each in accounts if not each.takes_payments), None):
        return _not_ready(waiting)
    if broken := next((each for each in accounts if not each.is_hosted and not each.webhook_secret), None):
        text = _("Paste the keys of “%(name)s” again: Stripe does not send its events to this app yet.")
        return Check("bad", title, text % {"name": broken.name}, ACCOUNTS)
    names = ", ".join(each.name for each in accounts)
    if not any(each.livemode for each in accounts):
        text = ngettext(
            "%(names)s accepts test payments only. Connect your live keys before you open the shop.",
            "%(names)s accept test payments only. Connect your live keys before you open the shop.",
            len(accounts),
        )
        return Check("todo", title, text % {"names": names}, ACCOUNTS)
    text = ngettext("%(names)s accepts payments.", "%(names)s accept payments.", len(accounts))
    return Check("good", title, text % {"names": names})


def _not_ready(account: StripeAccount) -> Check:
    """An account that Stripe does not allow to accept payments."""
    if account.connect_state == StripeAccount.ConnectState.PENDING:
        text = _("“%(name)s” cannot accept payments yet: Stripe needs more information, or is reviewing it.")
        return Check("todo", _("Stripe"), text % {"name": account.name}, ACCOUNTS)
    if account.connect_state == StripeAccount.ConnectState.RESTRICTED:
        text = _("Stripe has stopped payments to “%(name)s” until you provide the information that it needs.")
        return Check("bad", _("Stripe"), text % {"name": account.name}, ACCOUNTS)
    text = _("Stripe rejected the account “%(name)s”. Disconnect it and connect another.")
    return Check("bad", _("Stripe"), text % {"name": account.name}, ACCOUNTS)


def _channels(known: Known) -> Check:
    """Return good only if customers can currently pay in every channel, with live payments if the shop is live."""
    title = _("Channels")
    channels = known.channels
    if not channels:
        return Check(
            "todo", title, _("Create a channel in Saleor, then refresh the channels here."), CHANNELS
        )
    if known.obstacles:
        return describe_obstacle(channels, known.obstacles[0])
    return Check(
        "good",
        title,
        ngettext(
            "The channel has a Stripe account.", "All %(n)s channels have a Stripe account.", len(channels)
        )
        % {"n": len(channels)},
    )


def describe_obstacle(channels: list[Channel], obstacle: readiness.Obstacle) -> Check:
    """Say what keeps customers from paying in those of the channels, and where to act on it."""
    names = [each.name for each in channels if each.slug in obstacle.channels]
    listed = ", ".join(names[:MOST_NAMES]) + (" …" if len(names) > MOST_NAMES else "")
    text, state, section = OBSTACLES[obstacle.code]
    return Check(state, _("Channels"), str(text) % {"channels": listed, "account": obstacle.about}, section)


def _events(shop: Installation, known: Known) -> Check:
    title = _("Events")
    if count := known.failed:
        text = ngettext(
            "%(n)s event failed. Resolve the cause, then replay it.",
            "%(n)s events failed. Resolve the causes, then replay them.",
            count,
        )
        return Check("bad", title, text % {"n": format_count(count)}, PROBLEMS)
    before = timezone.now() - WAITING_TOO_LONG
    late = events_of(shop).filter(handled_at=None, received_at__lt=before, handlings=None)
    if known.waiting and (waiting := late.count()):
        text = ngettext(
            "%(n)s event has been waiting for too long. Ask the app's operator whether its worker is running.",
            "%(n)s events have been waiting for too long. Ask the app's operator whether its worker is running.",
            waiting,
        )
        return Check("bad", title, text % {"n": format_count(waiting)})
    if not known.is_heard:
        return Check("good", title, _("No events yet. The first arrives with the next order."))
    return Check("good", title, _("All events were processed."))


def _catalogue(shop: Installation, accounts: list[StripeAccount]) -> Check:
    """Return good only if something is in Stripe and nothing failed."""
    title = _("Catalogue")
    rows = CatalogProduct.objects.filter(installation=shop, account__state=StripeAccount.State.CONNECTED)
    if failed := _count_variants(rows.filter(state=CatalogProduct.State.FAILED), accounts):
        text = ngettext(
            "%(n)s variant could not be sent to Stripe.",
            "%(n)s variants could not be sent to Stripe.",
            failed,
        )
        return Check("bad", title, text % {"n": format_count(failed)}, PRODUCTS)
    count = _count_variants(rows.filter(is_active=True, state=CatalogProduct.State.SYNCED), accounts)
    if not count:
        text = _(
            "No product is in Stripe yet. Products follow once an account is connected and has channels."
        )
        return Check("info", title, text)
    text = ngettext("%(n)s variant is in Stripe.", "%(n)s variants are in Stripe.", count)
    return Check("good", title, text % {"n": format_count(count)})


def _count_variants(rows: QuerySet[CatalogProduct], accounts: list[StripeAccount]) -> int:
    """Count each variant once, although each account that sells it has its own row."""
    if len(accounts) <= 1:
        return rows.count()
    return rows.values("saleor_variant_id").distinct().count()


def _storefront() -> Check:
    """Saleor's storefront has its gateways in its code; the shop's own storefront may use any."""
    title = _("Storefront")
    if settings.APP_ID == settings.STOCK_APP_ID:
        return Check("good", title, _("Storefronts based on Saleor's storefront support this app."))
    text = _(
        "Storefronts based on Saleor's storefront only support the app ID %(stock)s; this app's "
        "ID is %(own)s. If yours is one of them, ask the app's operator to set APP_ID, then "
        "install the app again."
    )
    return Check("info", title, text % {"stock": settings.STOCK_APP_ID, "own": settings.APP_ID})
