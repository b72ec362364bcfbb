"""One payment in Saleor's ledger. It is read from Saleor after the payment is shown, and not stored."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.payment import find, not_found
from saleor_stripe_audience.dashboard.sections import PAYMENTS
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.money import from_decimal
from saleor_stripe_audience.payments import shopper_messages
from saleor_stripe_audience.payments import staff_messages as staff
from saleor_stripe_audience.payments.declines import DECLINES
from saleor_stripe_audience.payments.models import ActionRequest, Notice, Payment
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import LANGUAGES, in_language, with_values

SECONDS = 5.0
MOST_ENTRIES = 100

# Saleor's types of events: TransactionEventTypeEnum.
TITLES: dict[str, str | Promise] = {
    "AUTHORIZATION_SUCCESS": _("Authorized"),
    "AUTHORIZATION_FAILURE": _("Authorization failed"),
    "AUTHORIZATION_ADJUSTMENT": _("Authorization adjusted"),
    "AUTHORIZATION_REQUEST": _("Authorization requested"),
    "AUTHORIZATION_ACTION_REQUIRED": _("Waiting for the customer"),
    "CHARGE_SUCCESS": _("Captured"),
    "CHARGE_FAILURE": _("Capture failed"),
    "CHARGE_REQUEST": _("Capture requested"),
    "CHARGE_ACTION_REQUIRED": _("Waiting for the customer"),
    "CHARGE_BACK": _("Charged back"),
    "REFUND_SUCCESS": _("Refunded"),
    "REFUND_FAILURE": _("Refund failed"),
    "REFUND_REQUEST": _("Refund requested"),
    "REFUND_REVERSE": _("Refund reversed"),
    "CANCEL_SUCCESS": _("Released"),
    "CANCEL_FAILURE": _("Release failed"),
    "CANCEL_REQUEST": _("Release requested"),
    "INFO": _("Note"),
}

# What Saleor itself stores if it does not get a response.
SALEORS_OWN: dict[str, str | Promise] = {
    "Failed to delivery request.": _(
        "Saleor did not receive the app's response. If Stripe carried it out, the result appears here within minutes."
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    title: str | Promise
    amount: str
    message: str


@require_safe
@for_staff(PAYMENTS)
def history(request: HttpRequest, user: DashboardUser, payment_id: UUID) -> HttpResponse:
    """The events of the payment's transaction, newest first; if Saleor does not respond, the page says so instead of
    failing.
    """
    found = find(user, payment_id)
    if found is None:
        return not_found(request, user)
    return render(request, "dashboard/history.html", {"entries": _entries(found)})


def _entries(payment: Payment) -> list[Entry] | None:
    try:
        with deadline(SECONDS):
            events = client.fetch_history(payment.installation, payment.transaction_id)
    except Failure:
        return None
    # Saleor has them in the shopper's language, or the operator's, and not in the reader's.
    messages: dict[str, str | Promise] = {**SALEORS_OWN, **_known_messages(), **_messages_of(payment)}
    return [
        Entry(
            each.at,
            TITLES.get(each.type, each.type),
            _amount(each),
            _message(each, messages.get(each.message, each.message)),
        )
        for each in reversed(events[-MOST_ENTRIES:])
    ]


def _message(entry: client.HistoryEntry, message: str | Promise) -> str:
    """The detail of the entry; empty if it says no more than the title."""
    is_same = message is shopper_messages.WAITS_FOR_SHOPPER and entry.type.endswith("_ACTION_REQUIRED")
    return "" if is_same else str(message)


@cache
def _known_messages() -> dict[str, Promise]:
    of_refunds = [
        *(with_values(staff.REFUNDED_AT_STRIPE, reason=each) for each in staff.REFUND_REASONS.values()),
        *(with_values(staff.REFUND_FAILED, reason=each) for each in staff.REFUND_FAILURES.values()),
    ]
    of_disputes = [
        *(with_values(staff.DISPUTED, reason=each) for each in staff.DISPUTE_REASONS.values()),
        *(staff.DISPUTE_PARTLY_RETURNED, staff.DISPUTE_WON),
    ]
    of_declines = [each.shopper for each in DECLINES.values()]
    messages = [*shopper_messages.WITHOUT_VALUES, *of_declines, *of_refunds, *of_disputes]
    return {in_language(each, language): each for each in messages for language in LANGUAGES}


def _messages_of(payment: Payment) -> dict[str, str]:
    """What the app answered to Saleor's requests, and reported of Stripe's objects, by the message that Saleor has."""
    requests = ActionRequest.objects.filter(
        installation=payment.installation_id, transaction_id=payment.transaction_id
    )
    notices = Notice.objects.filter(
        installation=payment.installation_id, payment_intent_id=payment.payment_intent_id
    )
    return {
        **{str((each.answer or {}).get("message", "")): each.reason for each in requests},
        **{each.message: each.text for each in notices},
    }


def _amount(entry: client.HistoryEntry) -> str:
    """A note, and an event without money, has no amount."""
    money = from_decimal(entry.amount, entry.currency)
    return "" if money.is_zero or entry.type == "INFO" else format_amount(money.minor, money.currency)
