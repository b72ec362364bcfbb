"""Problems that need the merchant's attention, and failed events: why they failed, and their replay."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.event_names import in_words
from saleor_stripe_audience.dashboard.sections import (
    ACCOUNTS,
    AUDIENCES,
    CHANNELS,
    PAYMENTS,
    PROBLEMS,
    SETUP,
    Note,
    Section,
    may_see,
    show,
)
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.engine import replay
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.payments import notices
from saleor_stripe_audience.payments.models import Notice, Payment
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.channels import names_of
from saleor_stripe_audience.shops.models import Channel, Installation, Problem

PAGE_SIZE = 50
# Where each problem is solved, by the prefix of its key; see payments.upkeep, saleor.trouble and audience.signup.
FIXES: dict[str, Section] = {
    "channels": CHANNELS,
    "test-only": CHANNELS,
    "paused": CHANNELS,
    "terms": SETUP,
    "key-": ACCOUNTS,
    "charges-": ACCOUNTS,
    "endpoint-": ACCOUNTS,
    "payment-": PAYMENTS,
    "paid-": PAYMENTS,
    "ended-": PAYMENTS,
    "expired-": PAYMENTS,
    "failed-": PAYMENTS,
    "foreign-": PAYMENTS,
    "cash-": PAYMENTS,
    "consent ": AUDIENCES,
}


# The problems of one account or channel; the same problem of several is shown once, with all their names.
OF_ACCOUNTS = ("key-", "charges-", "endpoint-")
OF_CHANNELS = ("methods-",)
STRIPE_PAGE = re.compile(r"(https://dashboard\.stripe\.com/[\w/]+)")
PAYMENT_PAGE = re.compile(r"https://dashboard\.stripe\.com/(?:test/)?payments/(\w+)")
QUOTES = ("“{}”", "«\N{NO-BREAK SPACE}{}\N{NO-BREAK SPACE}»")  # around a name, in each language


@dataclass(frozen=True, slots=True)
class OpenProblem:
    """A problem of the shop in the reader's language, or the same problem of several accounts or channels."""

    text: str
    since: datetime
    section: Section | None  # where it is solved; None if that is outside the app
    payment: UUID | None = None  # the payment that it is about
    resolved_as: int | None = None  # what to mark if staff decide when it is resolved


@dataclass(frozen=True, slots=True)
class Attention:
    """A problem of the shop, with what leads to its fix, if the staff member may see it."""

    text: SafeString
    since: datetime
    section: Section | None
    payment: UUID | None
    resolved_as: int | None


@require_safe
@for_staff(PROBLEMS)
def problems(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user)


@require_POST
@for_staff(PROBLEMS)
def replay_problem(request: HttpRequest, user: DashboardUser, handling_id: int) -> HttpResponse:
    """Replay a failed event. A second click finds nothing to replay, so it changes nothing."""
    problem = given_up(user.installation).filter(pk=handling_id).first()
    if problem is None:
        return _show(request, user, Note("good", _("This event no longer needs attention.")))
    try:
        replay(problem.event)
    except Rejected as error:
        return _show(request, user, Note("bad", str(error.translatable)), 422)
    return _show(
        request,
        user,
        Note("good", _("The event is being replayed. If it fails again, it will be listed here.")),
    )


@require_POST
@for_staff(PROBLEMS)
def resolve_problem(request: HttpRequest, user: DashboardUser, problem_id: int) -> HttpResponse:
    """Mark a problem as resolved that only staff know to be. A second click finds none, so it changes nothing."""
    problem = Problem.objects.filter(installation=user.installation, pk=problem_id).first()
    if problem is not None and not notices.mark_resolved(user.installation, problem.key):
        return _show(request, user, Note("bad", _("This disappears by itself once it is resolved.")), 422)
    return _show(request, user, Note("good", _("Marked as resolved.")))


def events_of(shop: Installation) -> QuerySet[Event]:
    """All events of the shop and its Stripe accounts."""
    accounts = StripeAccount.objects.filter(installation=shop).values("pk")
    return Event.objects.filter(Q(source="saleor", origin=shop.pk) | Q(source="stripe", origin__in=accounts))


def is_of(shop: Installation) -> Q:
    """Return the handlings of the shop's events with a join: the few that were given up are found first, then their
    events.
    """
    accounts = StripeAccount.objects.filter(installation=shop).values("pk")
    of_saleor = Q(event__source="saleor", event__origin=shop.pk)
    return of_saleor | Q(event__source="stripe", event__origin__in=accounts)


def has_events(shop: Installation) -> bool:
    """Return whether the shop or one of its Stripe accounts ever sent an event; queried one by one, each from an
    index.
    """
    if Event.objects.filter(source="saleor", origin=shop.pk).exists():
        return True
    accounts = StripeAccount.objects.filter(installation=shop).values_list("pk", flat=True)
    return any(Event.objects.filter(source="stripe", origin=each).exists() for each in accounts)


def last_event(source: str, origin: UUID) -> datetime | None:
    """Return when the shop or the account sent its latest event, from an index."""
    newest = Event.objects.filter(source=source, origin=origin).order_by("-received_at", "-pk")
    return newest.values_list("received_at", flat=True).first()


def given_up(shop: Installation) -> QuerySet[Handling]:
    """The shop's handlings that were given up, newest first."""
    return (
        Handling.objects.given_up()
        .filter(is_of(shop))
        .select_related("event")
        .order_by("-given_up_at", "-pk")
    )


def open_problems(shop: Installation) -> list[OpenProblem]:
    """The shop's problems, newest first; the same problem of several accounts or channels is one."""
    rows = list(Problem.objects.filter(installation=shop).order_by("-since", "-pk"))
    subjects = _subjects(shop) if len(rows) > 1 else {}
    payments = _payments_of(shop, rows)
    same: dict[str, list[tuple[Problem, str]]] = {}
    for row in rows:
        text, name = _without_name(row.text, subjects.get(row.key, ""))
        same.setdefault(text, []).append((row, name))
    return [
        OpenProblem(
            text=_of_all(text, list(dict.fromkeys(name for _, name in found))),
            since=min(row.since for row, _ in found),
            section=_section_of(found[0][0]),
            payment=payments.get(found[0][0].key),
            resolved_as=found[0][0].pk if notices.can_be_marked_resolved(found[0][0].key) else None,
        )
        for text, found in same.items()
    ]


def _of_all(text: str, names: list[str]) -> str:
    """Return the problem of the first, and say that it is also one of the others: the text is about a single one."""
    said = text.replace(_HERE, names[0])
    if len(names) == 1:
        return said
    return f"{said} {_('The same applies to %(names)s.') % {'names': ', '.join(names[1:])}}"


def _payments_of(shop: Installation, rows: list[Problem]) -> dict[str, UUID]:
    """Return the payments that problems are about, by the problems' keys."""
    intents = _intents_of(shop, rows)
    if not intents:
        return {}
    payments = Payment.objects.filter(installation=shop, payment_intent_id__in=intents.values())
    ids = dict(payments.values_list("payment_intent_id", "pk"))
    return {key: ids[intent] for key, intent in intents.items() if intent in ids}


def _intents_of(shop: Installation, rows: list[Problem]) -> dict[str, str]:
    """Return the PaymentIntents that problems are about: those of their notices, or else those that their texts name.

    Of an order with several payments, the text names the one to act on.
    """
    named = {each.key: found[1] for each in rows if (found := PAYMENT_PAGE.search(each.text))}
    references = {
        each.key.removeprefix(notices.PREFIX): each.key
        for each in rows
        if each.key.startswith(notices.PREFIX)
    }
    if not references:
        return named
    reported = Notice.objects.filter(installation=shop, reference__in=references)
    pairs = reported.values_list("reference", "payment_intent_id")
    return named | {references[reference]: intent for reference, intent in pairs}


_HERE = "\0"  # stands for the names in a text


def _subjects(shop: Installation) -> dict[str, str]:
    """Return the name of the account or channel that a problem is about, by the problem's key."""
    accounts = StripeAccount.objects.filter(installation=shop).values_list("pk", "name")
    channels = names_of(Channel.objects.filter(installation=shop)).items()
    return {
        **{f"{kind}{key}": name for key, name in accounts for kind in OF_ACCOUNTS},
        **{f"{kind}{slug}": name for slug, name in channels for kind in OF_CHANNELS},
    }


def _without_name(text: str, name: str) -> tuple[str, str]:
    """Return the text with a mark instead of the quoted name, and the quoted name."""
    quoted = next((each.format(name) for each in QUOTES if name and each.format(name) in text), "")
    return (text.replace(quoted, _HERE), quoted) if quoted else (text, "")


def _section_of(problem: Problem) -> Section | None:
    if notices.can_be_marked_resolved(problem.key):
        return PROBLEMS
    return next((each for begins, each in FIXES.items() if problem.key.startswith(begins)), None)


def attention(user: DashboardUser, problem: OpenProblem) -> Attention:
    section = problem.section
    shown = section if section is not None and may_see(user, section) else None
    payment = problem.payment if may_see(user, PAYMENTS) else None
    return Attention(with_links(problem.text), problem.since, shown, payment, problem.resolved_as)


def with_links(text: str) -> SafeString:
    """Return the text as HTML in which an address of Stripe's Dashboard is a link, named by what it opens: pi_…"""
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<a data-out href="{}">{}</a>', part, part.rpartition("/")[2]),)
            if STRIPE_PAGE.fullmatch(part)
            else (part,)
            for part in STRIPE_PAGE.split(text)
        ),
    )


def _show(
    request: HttpRequest, user: DashboardUser, note: Note | None = None, status: int = 200
) -> HttpResponse:
    found = list(given_up(user.installation)[: PAGE_SIZE + 1])
    rows = [(each, in_words(each.event.kind)) for each in found[:PAGE_SIZE]]
    return show(
        request,
        user,
        PROBLEMS,
        note=note,
        status=status,
        rows=rows,
        has_more=len(found) > PAGE_SIZE,
        open_problems=[attention(user, each) for each in open_problems(user.installation)],
    )
