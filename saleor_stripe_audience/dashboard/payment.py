"""One payment: its amounts, what the balance got, and what happened to it, as far as the app has stored it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from saleor_stripe_audience.audience.shopping.models import PaymentFact, Purchase
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.payments import customers_of, row_of
from saleor_stripe_audience.dashboard.sections import PAYMENTS, refuse, show
from saleor_stripe_audience.payments.declines import for_merchant
from saleor_stripe_audience.payments.models import ActionRequest, Notice, Payment
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Channel
from saleor_stripe_audience.wording import ENGLISH

MOST_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened to the payment; `colour` is a badge's."""

    at: datetime
    title: str
    text: str = ""
    colour: str = "plain"


@require_safe
@for_staff(PAYMENTS)
def payment(request: HttpRequest, user: DashboardUser, payment_id: UUID) -> HttpResponse:
    found = find(user, payment_id)
    return not_found(request, user) if found is None else show_payment(request, user, found)


def find(user: DashboardUser, payment_id: UUID) -> Payment | None:
    """Return the payment, if it is one of the user's shop."""
    own = Payment.objects.filter(installation=user.installation).select_related("account")
    return own.filter(pk=payment_id).first()


def not_found(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return refuse(request, 404, _("This payment was not found."), user)


def show_payment(request: HttpRequest, user: DashboardUser, found: Payment) -> HttpResponse:
    settled = found.settled_currency
    order = _order_of(found)
    return show(
        request,
        user,
        PAYMENTS,
        template="payment",
        row=row_of(found, customers_of(user, [found])),
        payment=found,
        captured=format_amount(found.captured_minor, found.currency),
        gross="" if found.gross_minor is None else format_amount(found.gross_minor, settled),
        fee="" if found.fee_minor is None else format_amount(found.fee_minor, settled),
        net="" if found.net_minor is None else format_amount(found.net_minor, settled),
        channel=Channel.objects.filter(installation=user.installation, slug=found.channel_slug).first(),
        order_id=order.saleor_order_id if order is not None else "",
        order_number=found.order_number or (order.number if order is not None else ""),
        entries=timeline(found),
    )


def timeline(found: Payment) -> list[Entry]:
    """What happened, newest first: the start, each declined attempt, what staff requested, what Stripe reported."""
    entries = [
        Entry(found.created_at, _("Payment started")),
        *_declines(found),
        *_actions(found),
        *_notices(found),
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _declines(found: Payment) -> list[Entry]:
    facts = PaymentFact.objects.filter(
        installation=found.installation_id, source_id=found.source_id, reference=found.payment_intent_id
    )
    language = get_language() or ENGLISH
    return [
        Entry(fact.at, _("Declined"), for_merchant(fact.code, language), "bad")
        for fact in facts.order_by("-at", "-pk")[:MOST_ENTRIES]
    ]


def _actions(found: Payment) -> list[Entry]:
    requests = ActionRequest.objects.filter(
        installation=found.installation_id, transaction_id=found.transaction_id
    )
    return [_action(each, found.currency) for each in requests.order_by("-created_at", "-pk")[:MOST_ENTRIES]]


def _action(request: ActionRequest, currency: str) -> Entry:
    title = {"REFUND": _("Refund"), "CHARGE": _("Capture"), "CANCEL": _("Release")}.get(
        request.kind, request.kind
    )
    answer = request.answer
    if answer is None:
        return Entry(request.created_at, title, _("Requested; the result is not known yet."), "todo")
    at = request.answered_at or request.created_at
    if str(answer.get("result", "")).endswith("_FAILURE"):
        return Entry(at, title, _("Refused: %(reason)s") % {"reason": answer.get("message", "")}, "bad")
    if "result" not in answer:
        return Entry(at, title, _("On its way: Stripe reports when it is done."), "todo")
    amount = answer.get("amount")
    return Entry(at, title, f"{amount} {currency}" if amount is not None else "", "good")


def _notices(found: Payment) -> list[Entry]:
    notices = Notice.objects.filter(
        installation=found.installation_id, payment_intent_id=found.payment_intent_id
    )
    return [
        Entry(each.created_at, _("Stripe reports"), each.message, "plain" if each.is_last else "todo")
        for each in notices.order_by("-created_at", "-pk")[:MOST_ENTRIES]
    ]


def _order_of(found: Payment) -> Purchase | None:
    own = Purchase.objects.filter(installation=found.installation_id)
    if not found.source_id:
        return None
    return (
        own.filter(saleor_order_id=found.source_id).first()
        or own.filter(saleor_checkout_id=found.source_id).first()
    )
