"""The first section: can customers pay, what happened, what needs attention. Only "Check again" calls the network."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.charts import HEIGHT, WIDTH, path_of
from saleor_stripe_audience.dashboard.figures import Figure, Series, money_figures, people_figures
from saleor_stripe_audience.dashboard.overview import OBSTACLES, REASONS, Check, Known, checks, next_step
from saleor_stripe_audience.dashboard.problems import (
    OpenProblem,
    attention,
    events_of,
    given_up,
    last_event,
    open_problems,
)
from saleor_stripe_audience.dashboard.sections import (
    CONTACTS,
    OVERVIEW,
    PAYMENTS,
    PROBLEMS,
    SETUP,
    Note,
    Section,
    may_see,
    refuse_without,
    show,
)
from saleor_stripe_audience.dashboard.setup import Facts, read_facts, steps_of
from saleor_stripe_audience.dashboard.sites import Site, audiences_of, read_sites
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.upkeep import check_shop
from saleor_stripe_audience.saleor.staff_channels import ChannelsUnavailable, channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Channel

CHECK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Whether customers can pay in a channel now, and if not, why and where to act on it."""

    channel: Channel
    account: StripeAccount | None
    reason: str
    section: Section | None

    @property
    def is_open(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Messages:
    """When Saleor and Stripe last sent an event, how many events are waiting, and why the last one failed."""

    saleor: datetime | None
    stripe: datetime | None
    waiting: int
    failed: int
    error: str
    failed_at: datetime | None


@require_safe
@for_staff(OVERVIEW)
def home(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user)


@require_POST
@for_staff(OVERVIEW)
def check_again(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Check the shop's accounts with Stripe now; problems that were fixed disappear."""
    if not user.may(PROBLEMS.permission):
        return refuse_without(request, PROBLEMS.permission, user)
    try:
        with deadline(CHECK_SECONDS):
            check_shop(user.installation)
    except Failure as error:
        return _show(request, user, Note("bad", str(error.translatable)), 422)
    return _show(request, user, Note("good", _("Just checked.")))


def _show(
    request: HttpRequest, user: DashboardUser, note: Note | None = None, status: int = 200
) -> HttpResponse:
    shop, now = user.installation, timezone.now()
    every = read_sites(shop, request.GET)
    facts = read_facts(
        shop,
        [each.account for each in every.accounts if each.account is not None],
        [each.channel for each in every.channels if each.channel is not None and not each.channel.is_deleted],
    )
    slugs, unknown = _channels_of(user)
    sites = every.within(slugs)
    site = sites.chosen
    steps = steps_of(facts)
    manages = user.may(PROBLEMS.permission)
    messages = read_messages(facts) if manages else None
    problems = open_problems(shop) if manages else []
    found = _checks(facts, problems, messages) if messages is not None else []
    sees_money = may_see(user, PAYMENTS) and unknown is None
    money = money_figures(shop, _payments_of(facts, site, slugs), now) if sees_money else []
    audiences = audiences_of(shop, site).values_list("pk", flat=True)
    people = people_figures(audiences, now) if may_see(user, CONTACTS) else []
    figures = [*money, *people]
    return show(
        request,
        user,
        OVERVIEW,
        note=note or unknown,
        status=status,
        manages=manages,
        next=_permitted(user, next_step(found)),
        setup=SETUP,
        done=sum(each.is_done for each in steps),
        all_steps=len(steps),
        channels=[_with_permission(user, each) for each in channel_states(facts, site, slugs)],
        messages=messages,
        problems=[attention(user, each) for each in problems[1:]],  # the first is the next step
        sites=sites,
        failed=PROBLEMS,
        is_live=_has_live(facts),
        has_money=bool(money),
        figures=[(figure, [(series, path_of(series)) for series in figure.series]) for figure in figures],
        table=table_of(figures),
        width=WIDTH,
        height=HEIGHT,
    )


def _checks(facts: Facts, problems: list[OpenProblem], messages: Messages) -> list[Check]:
    known = Known(
        facts.accounts,
        facts.channels,
        facts.obstacles,
        problems,
        failed=messages.failed,
        waiting=messages.waiting,
        is_heard=messages.saleor is not None or messages.stripe is not None,
    )
    return checks(facts.shop, known)


def _channels_of(user: DashboardUser) -> tuple[frozenset[str] | None, Note | None]:
    """The channels that the user's payments are limited to, and why they cannot be shown now.

    The rest of the page has no payments, and is what staff need when Saleor does not respond.
    """
    if not may_see(user, PAYMENTS):
        return None, None
    try:
        return channels_of(user), None
    except ChannelsUnavailable as error:
        return None, Note("bad", str(error.translatable))


def channel_states(
    facts: Facts, site: Site | None = None, slugs: frozenset[str] | None = None
) -> list[ChannelState]:
    """Whether customers can pay, for each of these of the shop's channels that belong to the site; None for all."""
    blocked = {slug: each for each in reversed(facts.obstacles) for slug in each.channels}
    states = []
    for channel in facts.channels:
        if slugs is not None and channel.slug not in slugs:
            continue
        account = facts.mapped.get(channel.slug)
        if site is not None and site.channel != channel and (site.account is None or site.account != account):
            continue
        obstacle = blocked.get(channel.slug)
        if obstacle is None:
            states.append(ChannelState(channel, account, "", None))
        else:
            reason = str(REASONS[obstacle.code]) % {"account": obstacle.about}
            states.append(ChannelState(channel, account, reason, OBSTACLES[obstacle.code][2]))
    return states


def read_messages(facts: Facts) -> Messages:
    """What the shop and its accounts sent last; each is read from an index."""
    shop = facts.shop
    heard = [last_event("stripe", each.pk) for each in (*facts.accounts, *facts.disconnected)]
    failures = given_up(shop)
    newest = failures.first()
    return Messages(
        saleor=last_event("saleor", shop.pk),
        stripe=max(filter(None, heard), default=None),
        waiting=events_of(shop).filter(handled_at=None).count(),
        failed=failures.count() if newest is not None else 0,
        error=newest.reason if newest is not None else "",
        failed_at=newest.given_up_at if newest is not None else None,
    )


def table_of(figures: Iterable[Figure]) -> tuple[list[Series], list[tuple[date, SafeString]]]:
    """The same figures as rows, newest day first: the columns, and for each day their cells."""
    columns = [series for figure in figures for series in figure.series]
    if not columns:
        return [], []
    written = [each.written for each in columns]
    rows = [
        (day, format_html_join("", '<td class="number">{}</td>', ((values[number],) for values in written)))
        for number, day in enumerate(columns[0].days)
    ]
    return columns, rows[::-1]


def _has_live(facts: Facts) -> bool:
    return any(each.livemode for each in facts.mapped.values())


def _payments_of(facts: Facts, site: Site | None, slugs: frozenset[str] | None) -> QuerySet[Payment]:
    """Return live payments once the shop takes them anywhere, test payments before that; `slugs` are the channels."""
    modes = [each.pk for each in (*facts.accounts, *facts.disconnected) if each.livemode == _has_live(facts)]
    own = Payment.objects.filter(installation=facts.shop, account__in=modes)
    if slugs is not None:
        own = own.filter(channel_slug__in=sorted(slugs))
    return own if site is None else own.filter(site.payments())


def _permitted(user: DashboardUser, step: Check | None) -> Check | None:
    """Return it without its button if that would lead to a refusal: what is wrong is listed under Problems."""
    if step is None:
        return None
    if step.payment is not None and not may_see(user, PAYMENTS):
        step = replace(step, payment=None)
    if step.section is None or may_see(user, step.section):
        return step
    return replace(step, section=PROBLEMS)


def _with_permission(user: DashboardUser, state: ChannelState) -> ChannelState:
    """Return it without a button that would lead to a refusal."""
    if state.section is None or may_see(user, state.section):
        return state
    return ChannelState(state.channel, state.account, state.reason, None)
