"""The latest contacts."""

from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.sections import CONTACTS, NEWEST, show
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Installation

Badge = tuple[str, str | Promise]  # its colour and its text

CONTACT_BADGES: dict[str, Badge] = {
    Contact.Status.NONSUBSCRIBED: ("plain", _("Not subscribed")),
    Contact.Status.PENDING: ("todo", _("Pending confirmation")),
    Contact.Status.SUBSCRIBED: ("good", _("Subscribed")),
    Contact.Status.UNSUBSCRIBED: ("plain", _("Unsubscribed")),
    Contact.Status.CLEANED: ("bad", _("Undeliverable")),
    Contact.Status.ARCHIVED: ("plain", _("Archived")),
}


@dataclass(frozen=True, slots=True)
class ContactRow:
    contact: Contact
    colour: str
    status: str | Promise
    spent: tuple[str, ...]


@require_safe
@for_staff(CONTACTS)
def contacts(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    rows = [_contact_row(contact) for contact in newest_contacts(user.installation)]
    return show(request, user, CONTACTS, rows=rows)


def newest_contacts(shop: Installation) -> list[Contact]:
    """Return the latest contacts of each audience, then of all: an index has those of one audience in order."""
    newest = [
        contact
        for audience_id in Audience.objects.filter(installation=shop).values_list("pk", flat=True)
        for contact in Contact.objects.filter(audience=audience_id).order_by("-created_at", "-pk")[:NEWEST]
    ]
    newest.sort(key=lambda contact: (contact.created_at, contact.pk), reverse=True)
    prefetch_related_objects(newest[:NEWEST], "spent")
    return newest[:NEWEST]


def _contact_row(contact: Contact) -> ContactRow:
    colour, status = CONTACT_BADGES.get(contact.status, ("plain", contact.status))
    spent = sorted(contact.spent.all(), key=lambda each: each.currency)
    return ContactRow(
        contact, colour, status, tuple(format_amount(each.spent_minor, each.currency) for each in spent)
    )
