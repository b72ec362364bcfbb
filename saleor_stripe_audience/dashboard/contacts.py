"""The contacts of an audience: searched, filtered, page by page."""

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience.people import audiences as engine
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactQuerySet
from saleor_stripe_audience.audience.people.search import former_holders, search
from saleor_stripe_audience.audience.segments.ready_made import title_of
from saleor_stripe_audience.audience.shopping.visible import figures_of, with_figures
from saleor_stripe_audience.audience.staff_actions import Actor
from saleor_stripe_audience.dashboard import sites
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.contact_columns import (
    Column,
    columns_of,
    forget_chosen,
    keep_chosen,
    read_chosen,
    with_columns,
)
from saleor_stripe_audience.dashboard.contact_rows import CONTACT_BADGES
from saleor_stripe_audience.dashboard.pages import read_page
from saleor_stripe_audience.dashboard.sections import CONTACTS, show
from saleor_stripe_audience.saleor.staff_channels import channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser

LONGEST_SEARCH = 320
FILTERS = ("q", "status", "tag", "segment", "country")


@require_safe
@for_staff(CONTACTS)
def contacts(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user)


@require_POST
@for_staff(CONTACTS)
def choose_columns(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Store the ticked columns, and return only the list; or the page with the default columns again."""
    audience = requested_audience(audiences_of(user), request.GET)
    if audience is None or request.POST.get("reset"):
        forget_chosen(user)
        return _show(request, user, focus="choose-columns")
    shown = keep_chosen(user, columns_of(audience), request.POST.getlist("column"))
    context = {"section": CONTACTS, **_list(user, request.GET, audience, shown)}
    return render(request, "dashboard/contacts_list.html", context)


def _show(request: HttpRequest, user: DashboardUser, focus: str = "") -> HttpResponse:
    params = request.GET
    audiences = audiences_of(user)
    audience = requested_audience(audiences, params)
    if audience is None:
        return show(request, user, CONTACTS, params=params, audiences=audiences)
    offered = columns_of(audience)
    shown = read_chosen(user, offered)
    return show(
        request,
        user,
        CONTACTS,
        **_list(user, params, audience, shown),
        offered=[(each, each in shown) for each in offered],
        focus=focus,
        params=params,
        query=params.urlencode(),
        audience=audience,
        audiences=audiences,
        statuses=CONTACT_BADGES.items(),
        tags=audience.tags.order_by("name"),
        segments=[(str(each.pk), title_of(each)) for each in audience.segments.order_by("name")],
    )


def _list(
    user: DashboardUser, params: QueryDict, audience: Audience, columns: list[Column]
) -> dict[str, Any]:
    """Return the requested page of the list, with these columns."""
    slugs = channels_of(user)
    found = with_figures(with_columns(chosen(audience, params), columns), slugs)
    page = read_page(found, params, "created_at")
    orders = {each.pk: figures_of(each, slugs) for each in page.rows}
    return {
        "rows": [
            (each, [(column, column.cell(each, orders[each.pk])) for column in columns]) for each in page.rows
        ],
        "is_restricted": slugs is not None,
        "columns": columns,
        "page": page,
        "is_narrowed": any(params.get(name) for name in FILTERS),
    }


def audiences_of(user: DashboardUser) -> list[Audience]:
    """Return the shop's audiences, the default one first, which always exists."""
    return list(engine.audiences_of(user.installation))


def requested_audience(audiences: list[Audience], params: QueryDict) -> Audience | None:
    """Return the audience that the query names, by default that of the chosen channel, or else the first.

    None if the shop has no such audience.
    """
    if name := params.get("audience", ""):
        return next((each for each in audiences if str(each.pk) == name), None)
    first = next(iter(audiences), None)
    if first is None or not params.get("site", ""):
        return first
    shop = first.installation
    fed = set(sites.audiences_of(shop, sites.read_sites(shop, params).chosen).values_list("pk", flat=True))
    return next((each for each in audiences if each.pk in fed), first)


def find_contact(audience: Audience, text: str) -> Contact | None:
    """Return the audience's contact with this id, or this address, now or formerly."""
    own = Contact.objects.filter(audience=audience).prefetch_related("spent")
    if "@" in text:
        address = text[:LONGEST_SEARCH].replace("\0", "").lower()
        former = former_holders(audience.pk, address)
        return own.filter(Q(email=address) | Q(pk__in=former)).order_by("-created_at", "-pk").first()
    return own.filter(pk=_uuid(text)).first()


def actor_of(user: DashboardUser) -> Actor:
    return Actor(user.installation, user.id)


def chosen(audience: Audience, params: QueryDict) -> ContactQuerySet:
    """Return the audience's contacts that match the query. Anything in it that does not exist matches none."""
    found = Contact.objects.filter(audience=audience)
    if text := params.get("q", "").strip()[:LONGEST_SEARCH].replace("\0", ""):
        found = search(found, audience.pk, text)
    if status := params.get("status", ""):
        found = found.filter(status=status) if status in CONTACT_BADGES else found.none()
    if tag := params.get("tag", ""):
        found = found.filter(contact_tags__tag=_uuid(tag))
    if segment := params.get("segment", ""):
        found = found.filter(memberships__segment=_uuid(segment))
    if country := params.get("country", "").strip():
        found = found.filter(country=country[:8].upper().replace("\0", ""))
    return found


def _uuid(text: str) -> UUID:
    """Return the id; if the text is not an id, one that no row has."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
