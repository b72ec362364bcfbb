"""What the merchant must mend, and messages of Saleor and Stripe that were given up: why, and another try."""

import re

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.sections import PROBLEMS, Note, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.engine import replay
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Installation, Problem

SHOWN = 50


@require_safe
@for_staff(PROBLEMS)
def problems(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _shown(request, user)


@require_POST
@for_staff(PROBLEMS)
def replay_problem(request: HttpRequest, user: DashboardUser, handling_id: int) -> HttpResponse:
    """Try a given-up message again. A second click finds nothing to replay, so it does nothing twice."""
    problem = given_up(user.installation).filter(pk=handling_id).first()
    if problem is None:
        return _shown(request, user, Note("good", _("This one is no longer a problem.")))
    try:
        replay(problem.event)
    except Rejected as error:
        return _shown(request, user, Note("bad", error.message), 422)
    return _shown(
        request, user, Note("good", _("It is tried again now. If it fails once more, it comes back here."))
    )


def events_of(shop: Installation) -> QuerySet[Event]:
    """Everything that the shop or one of its Stripe accounts told us."""
    accounts = StripeAccount.objects.filter(installation=shop).values("pk")
    return Event.objects.filter(Q(source="saleor", origin=shop.pk) | Q(source="stripe", origin__in=accounts))


def given_up(shop: Installation) -> QuerySet[Handling]:
    """What was given up and not mended since, newest first."""
    return (
        Handling.objects.given_up()
        .filter(event__in=events_of(shop))
        .select_related("event")
        .order_by("-given_up_at", "-pk")
    )


def to_mend(shop: Installation) -> list[Problem]:
    """What the merchant must mend, the newest first."""
    return list(Problem.objects.filter(installation=shop).order_by("-since", "-pk"))


def _shown(
    request: HttpRequest, user: DashboardUser, note: Note | None = None, status: int = 200
) -> HttpResponse:
    found = list(given_up(user.installation)[: SHOWN + 1])
    rows = [(each, re.sub(r"[_.]", " ", each.event.kind)) for each in found[:SHOWN]]
    facts = {"rows": rows, "more": len(found) > SHOWN, "to_mend": to_mend(user.installation)}
    return show(request, user, PROBLEMS, note=note, status=status, **facts)
