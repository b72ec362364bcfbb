"""Cards on Saleor's own pages: an order's payments, and what is known about a customer (see `saleor.extensions`)."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.segments.ready_made import title_of
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.shopping.visible import figures_of
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.contact import reason_of
from saleor_stripe_audience.dashboard.contact_rows import ContactRow, spent_by
from saleor_stripe_audience.dashboard.contact_rows import row_of as contact_row_of
from saleor_stripe_audience.dashboard.payment import Entry, current_notices, find
from saleor_stripe_audience.dashboard.payments import (
    Dispute,
    PaymentRow,
    disputes_among,
    net_after_refunds,
    row_of,
    visible_payments,
)
from saleor_stripe_audience.dashboard.sections import CONTACTS, PAYMENTS, may_see
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Blocked, Rejected, Unavailable
from saleor_stripe_audience.gateway import payment_intents
from saleor_stripe_audience.payments import methods
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor.staff_channels import channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser

MOST_PAYMENTS = 10  # of one order
MOST_CONTACTS = 5  # one in each audience
LONGEST_ID = 200  # characters of a Saleor id
METHOD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PaymentCard:
    row: PaymentRow
    captured: str
    fee: str
    net: str
    net_after_refunds: str
    notices: list[Entry]


@dataclass(frozen=True, slots=True)
class ContactCard:
    row: ContactRow
    reason: str | Promise
    spent: tuple[str, ...]
    segments: tuple[str, ...]


@require_safe
@for_staff(PAYMENTS)
def order_widget(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """The payments of the order in `orderId`, newest first, and its buyer for staff who may see contacts."""
    order_id = _id(request, "orderId")
    payments = _payments_of(user, order_id)
    disputes = disputes_among(user.installation, payments)
    cards = [_card_of(each, disputes) for each in payments]
    context = {"cards": cards, "contact": _buyer_of(user, order_id)}
    return render(request, "dashboard/widget_order.html", context)


@require_safe
@for_staff(CONTACTS)
def customer_widget(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Return what each audience knows about the customer in `customerId`."""
    customer_id = _id(request, "customerId")
    contacts = Contact.objects.filter(audience__installation=user.installation, saleor_user_id=customer_id)
    found = contacts.select_related("audience").order_by("-audience__is_default", "audience__name", "pk")
    shown = list(found[:MOST_CONTACTS]) if customer_id else []
    slugs = channels_of(user)
    cards = [
        ContactCard(
            contact_row_of(each), reason_of(each), spent_by(figures_of(each, slugs)), _segments_of(each)
        )
        for each in shown
    ]
    return render(request, "dashboard/widget_customer.html", {"cards": cards})


@require_safe
@for_staff(PAYMENTS)
def payment_method(_request: HttpRequest, user: DashboardUser, payment_id: UUID) -> HttpResponse:
    """Return the payment method used, such as "Visa •••• 4242, 12/2030". It is read from Stripe and not stored."""
    found = find(user, payment_id)
    text = "–" if found is None else _method_of(found)
    return HttpResponse(text, content_type="text/plain; charset=utf-8", status=404 if found is None else 200)


def _id(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "")[:LONGEST_ID]


def _payments_of(user: DashboardUser, order_id: str) -> list[Payment]:
    if not order_id:
        return []
    checkouts = Purchase.objects.filter(installation=user.installation, saleor_order_id=order_id)
    ids = {order_id, *checkouts.exclude(saleor_checkout_id="").values_list("saleor_checkout_id", flat=True)}
    own = visible_payments(user).select_related("account")
    found = own.filter(Q(order_id=order_id) | Q(source_id__in=sorted(ids)))
    return list(found.order_by("-created_at", "-pk")[:MOST_PAYMENTS])


def _card_of(payment: Payment, disputes: dict[str, Dispute]) -> PaymentCard:
    settled = payment.settled_currency
    return PaymentCard(
        row_of(payment, {}, disputes=disputes),
        captured=format_amount(payment.captured_minor, payment.currency),
        fee="" if payment.fee_minor is None else format_amount(payment.fee_minor, settled),
        net="" if payment.net_minor is None else format_amount(payment.net_minor, settled),
        net_after_refunds=net_after_refunds(payment),
        notices=current_notices(payment),
    )


def _buyer_of(user: DashboardUser, order_id: str) -> ContactRow | None:
    if not order_id or not may_see(user, CONTACTS):
        return None
    orders = Purchase.objects.filter(installation=user.installation, saleor_order_id=order_id)
    if (slugs := channels_of(user)) is not None:
        orders = orders.filter(channel__in=sorted(slugs))
    contact = Contact.objects.filter(pk__in=orders.values("contact_id")).select_related("audience").first()
    return contact_row_of(contact) if contact is not None else None


def _segments_of(contact: Contact) -> tuple[str, ...]:
    memberships = contact.memberships.select_related("segment")
    return tuple(sorted(title_of(each.segment) for each in memberships))


def _method_of(payment: Payment) -> str:
    try:
        with deadline(METHOD_SECONDS):
            details = methods.details_of(payment_intents.retrieve(payment.account, payment.payment_intent_id))
    except Blocked as error:
        return str(error.translatable)
    except Rejected:
        return _("Not known: Stripe refused the request.")
    except Unavailable:
        return _("Not known: Stripe did not respond.")
    if details is None:
        return "–"
    parts = [details["name"]]
    if digits := details.get("lastDigits"):
        parts.append(f"•••• {digits}")
    if year := details.get("expYear"):
        parts.append(f"{details['expMonth']:02}/{year}")
    return " ".join(parts)
