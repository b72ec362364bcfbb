"""The latest payments and contacts."""

from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.sections import CONTACTS, NEWEST, PAYMENTS, show
from saleor_stripe_audience.money import decimals_of, from_minor
from saleor_stripe_audience.payments.declines import for_merchant
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import ENGLISH

Badge = tuple[str, str | Promise]  # its colour and its text

# Stripe's states of a PaymentIntent: https://docs.stripe.com/payments/paymentintents/lifecycle
PAYMENT_BADGES: dict[str, Badge] = {
    "succeeded": ("good", _("Paid")),
    "requires_capture": ("todo", _("Authorized")),
    "processing": ("todo", _("Processing")),
    "requires_action": ("plain", _("Action required")),
    "requires_confirmation": ("plain", _("Started")),
    "requires_payment_method": ("plain", _("Started")),
    "canceled": ("plain", _("Cancelled")),
}
CONTACT_BADGES: dict[str, Badge] = {
    Contact.Status.NONSUBSCRIBED: ("plain", _("Not subscribed")),
    Contact.Status.PENDING: ("todo", _("Pending confirmation")),
    Contact.Status.SUBSCRIBED: ("good", _("Subscribed")),
    Contact.Status.UNSUBSCRIBED: ("plain", _("Unsubscribed")),
    Contact.Status.CLEANED: ("bad", _("Undeliverable")),
    Contact.Status.ARCHIVED: ("plain", _("Archived")),
}


@dataclass(frozen=True, slots=True)
class PaymentRow:
    payment: Payment
    colour: str
    status: str | Promise
    amount: str
    refunded: str
    decline: str
    link: str


@dataclass(frozen=True, slots=True)
class ContactRow:
    contact: Contact
    colour: str
    status: str | Promise
    spent: tuple[str, ...]


@require_safe
@for_staff(PAYMENTS)
def payments(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    found = Payment.objects.filter(installation=user.installation).select_related("account")
    rows = [_payment_row(payment) for payment in found.order_by("-created_at", "-pk")[:NEWEST]]
    return show(request, user, PAYMENTS, rows=rows)


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


def format_amount(minor: int, currency: str) -> str:
    """An amount in the currency's smallest unit, formatted in the page's language: 1,234.50 USD."""
    money = from_minor(minor, currency)
    return f"{number_format(money.amount, decimals_of(money.currency), force_grouping=True)} {money.currency}"


def _payment_row(payment: Payment) -> PaymentRow:
    colour, status = PAYMENT_BADGES.get(payment.status, ("plain", payment.status))
    decline = ""
    if payment.refunded_minor:
        is_complete = payment.refunded_minor >= payment.captured_minor
        colour, status = "plain", _("Refunded") if is_complete else _("Partially refunded")
    elif payment.decline_code and colour == "plain":
        colour, status = "bad", _("Declined")
        decline = for_merchant(payment.decline_code, get_language() or ENGLISH)
    return PaymentRow(
        payment=payment,
        colour=colour,
        status=status,
        amount=format_amount(payment.amount_minor, payment.currency),
        refunded=format_amount(payment.refunded_minor, payment.currency) if payment.refunded_minor else "",
        decline=decline,
        link=_stripe_url(payment),
    )


def _stripe_url(payment: Payment) -> str:
    mode = "" if payment.account.livemode else "test/"
    return f"https://dashboard.stripe.com/{mode}payments/{payment.payment_intent_id}"


def _contact_row(contact: Contact) -> ContactRow:
    colour, status = CONTACT_BADGES.get(contact.status, ("plain", contact.status))
    spent = sorted(contact.spent.all(), key=lambda each: each.currency)
    return ContactRow(
        contact, colour, status, tuple(format_amount(each.spent_minor, each.currency) for each in spent)
    )
