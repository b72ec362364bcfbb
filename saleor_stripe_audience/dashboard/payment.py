"""One payment: its amounts, what reached the balance, and its history, as far as the app has stored it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience.shopping.models import PaymentFact, Purchase
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import as_typed, format_amount, with_point
from saleor_stripe_audience.dashboard.payments import (
    customers_of,
    disputes_among,
    net_after_refunds,
    row_of,
    visible_payments,
    visible_sites,
)
from saleor_stripe_audience.dashboard.sections import PAYMENTS, Note, refuse, show
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway.platform import OWNER_LEFT
from saleor_stripe_audience.money import Money, from_decimal
from saleor_stripe_audience.payments import staff_requests
from saleor_stripe_audience.payments.declines import for_merchant
from saleor_stripe_audience.payments.models import ActionRequest, Notice, Payment, StaffRequest
from saleor_stripe_audience.saleor.client import REFUND_REASONS_SINCE
from saleor_stripe_audience.saleor.documents import read_version
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Channel
from saleor_stripe_audience.wording import ENGLISH, with_values

MOST_ENTRIES = 100
REQUEST_SECONDS = 20.0
FORMS = {staff_requests.REFUND: "refund", staff_requests.CHARGE: "capture"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened to the payment; `color` is a badge's."""

    at: datetime
    title: str
    text: str = ""
    color: str = "plain"


@require_safe
@for_staff(PAYMENTS)
def payment(request: HttpRequest, user: DashboardUser, payment_id: UUID) -> HttpResponse:
    found = find(user, payment_id)
    return not_found(request, user) if found is None else show_payment(request, user, found)


@require_POST
@for_staff(PAYMENTS)
def request_action(request: HttpRequest, user: DashboardUser, payment_id: UUID) -> HttpResponse:
    """Request the refund or capture through Saleor. The same form sent twice makes one request.

    Saleor is asked now whether the user has access to the payment's channel: the app itself has access to all.
    """
    found = find(user, payment_id, is_current=True)
    if found is None:
        return not_found(request, user)
    wanted = _wanted(request, user)
    if wanted is None:
        note = Note("bad", _("This form is incomplete. Open the payment again."))
        return show_payment(request, user, found, note, 422)
    form = FORMS[wanted.kind]
    try:
        with deadline(REQUEST_SECONDS):
            money = staff_requests.request(found, wanted)
    except Failure as error:
        note = Note("bad", str(error.translatable), form)
        return show_payment(request, user, found, note, 422, typed=request.POST)
    amount = format_amount(money.minor, money.currency)
    text = _("Requested: %(amount)s. The result appears in the timeline.") % {"amount": amount}
    return show_payment(request, user, found, Note("good", text, form))


@require_safe
@for_staff(PAYMENTS)
def watch_request(request: HttpRequest, user: DashboardUser, payment_id: UUID, form: str) -> HttpResponse:
    """Show the payment with the result of what that form requested; until there is one, leave the page as it is."""
    found = find(user, payment_id)
    kind = next((kind for kind, name in FORMS.items() if name == form), None)
    if found is None or kind is None:
        return not_found(request, user)
    if staff_requests.find_open(found, kind) is not None:
        return HttpResponse(status=204)
    return show_payment(request, user, found, _result_of(found, kind))


def _result_of(found: Payment, kind: str) -> Note | None:
    """Return what became of the last request that staff made here; None if it was never carried out."""
    wanted = found.staff_requests.filter(kind=kind).order_by("-created_at", "-pk").first()
    if wanted is None:
        return None
    carried_out = ActionRequest.objects.filter(
        installation=found.installation_id,
        transaction_id=found.transaction_id,
        kind=kind,
        created_at__gte=wanted.created_at,
    ).first()
    if carried_out is None:
        return None
    entry = _action(carried_out, found.currency)
    done = {
        staff_requests.REFUND: _("Refunded: %(amount)s"),
        staff_requests.CHARGE: _("Captured: %(amount)s"),
    }
    text = done[kind] % {"amount": entry.text} if entry.color == "good" else entry.text
    is_bad = carried_out.answer is None or entry.color == "bad"
    return Note("bad" if is_bad else "good", text, FORMS[kind])


def _wanted(request: HttpRequest, user: DashboardUser) -> staff_requests.Wanted | None:
    sent = request.POST
    try:
        key = UUID(sent.get("key", ""))
    except ValueError:
        return None
    if sent.get("kind") not in FORMS or not sent.get("seen"):
        return None
    reason = sent.get("reason", "").replace("\0", "")
    amount = with_point(sent.get("amount", ""))
    return staff_requests.Wanted(key, sent["kind"], amount, user.email, sent["seen"], reason)


@dataclass(frozen=True, slots=True)
class RequestForm:
    """What staff can request now, up to `most`; `waiting` says what is already in progress."""

    kind: str
    form: str
    key: UUID
    most: str
    takes_reason: bool
    waiting: str
    seen: str


def _forms(found: Payment) -> list[RequestForm]:
    if found.account.has_left:
        return []
    can_be_captured = found.status == "requires_capture"
    left = {
        staff_requests.CHARGE: found.amount_minor - found.captured_minor if can_be_captured else 0,
        staff_requests.REFUND: found.captured_minor - found.refunded_minor,
    }
    has_reasons = read_version(found.installation.schema_version) >= REFUND_REASONS_SINCE
    return [
        RequestForm(
            kind,
            FORMS[kind],
            uuid4(),
            as_typed(Money(minor, found.currency).amount, found.currency),
            takes_reason=kind == staff_requests.REFUND and has_reasons,
            waiting=_waiting(found, kind),
            seen=staff_requests.seen_now(found, kind),
        )
        for kind, minor in left.items()
        if minor > 0
    ]


def _waiting(found: Payment, kind: str) -> str:
    waiting = staff_requests.find_open(found, kind)
    return "" if waiting is None else format_amount(waiting.amount_minor, found.currency)


def find(user: DashboardUser, payment_id: UUID, *, is_current: bool = False) -> Payment | None:
    """Return the payment, if it is one of the user's shop, in a channel to which the user has access."""
    own = visible_payments(user, is_current=is_current).select_related("account", "installation")
    return own.filter(pk=payment_id).first()


def not_found(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return refuse(request, 404, _("This payment was not found."), user)


def show_payment(
    request: HttpRequest,
    user: DashboardUser,
    found: Payment,
    note: Note | None = None,
    status: int = 200,
    typed: QueryDict | None = None,
) -> HttpResponse:
    """Show the payment; what was `typed` stays in its form, so that another amount is never sent by mistake."""
    settled = found.settled_currency
    order = _order_of(found)
    forms = _forms(found)
    if note is not None and note.form not in [each.form for each in forms]:
        note = replace(note, form="")  # at the top: nothing is left that could be requested
    return show(
        request,
        user,
        PAYMENTS,
        template="payment",
        note=note,
        status=status,
        forms=forms,
        obstacle=with_values(OWNER_LEFT, account=found.account.name) if found.account.has_left else "",
        typed=typed or {},
        sites=visible_sites(user, request.GET),
        row=row_of(found, customers_of(user, [found]), disputes=disputes_among(user.installation, [found])),
        payment=found,
        captured=format_amount(found.captured_minor, found.currency),
        gross="" if found.gross_minor is None else format_amount(found.gross_minor, settled),
        fee="" if found.fee_minor is None else format_amount(found.fee_minor, settled),
        net="" if found.net_minor is None else format_amount(found.net_minor, settled),
        net_after_refunds=net_after_refunds(found),
        channel=Channel.objects.filter(installation=user.installation, slug=found.channel_slug).first(),
        order_id=order.saleor_order_id if order is not None else "",
        order_number=found.order_number or (order.number if order is not None else ""),
        entries=timeline(found),
    )


def timeline(found: Payment) -> list[Entry]:
    """What happened, newest first: the start, each declined attempt, what staff requested, what Stripe reported."""
    entries = [*_declines(found), *_requests(found), *_actions(found), *_notices(found)]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    # The start is the first, although Stripe's times are whole seconds and may seem earlier.
    return [*entries, Entry(found.created_at, _("Payment started"))]


def _declines(found: Payment) -> list[Entry]:
    facts = PaymentFact.objects.filter(
        installation=found.installation_id, source_id=found.source_id, reference=found.payment_intent_id
    )
    language = get_language() or ENGLISH
    return [
        Entry(fact.at, _("Declined"), for_merchant(fact.code, language), "bad")
        for fact in facts.order_by("-at", "-pk")[:MOST_ENTRIES]
    ]


def _requests(found: Payment) -> list[Entry]:
    titles = {staff_requests.REFUND: _("Refund requested"), staff_requests.CHARGE: _("Capture requested")}
    return [
        Entry(each.created_at, titles[each.kind], " · ".join(filter(None, _requested(each, found))))
        for each in found.staff_requests.order_by("-created_at", "-pk")[:MOST_ENTRIES]
    ]


def _requested(request: StaffRequest, found: Payment) -> tuple[str, ...]:
    unclear = "" if request.sent_at else _("Unknown whether Saleor accepted it")
    return format_amount(request.amount_minor, found.currency), request.requested_by, request.reason, unclear


def _actions(found: Payment) -> list[Entry]:
    requests = ActionRequest.objects.filter(
        installation=found.installation_id, transaction_id=found.transaction_id, repeats=None
    )
    return [_action(each, found.currency) for each in requests.order_by("-created_at", "-pk")[:MOST_ENTRIES]]


def _action(request: ActionRequest, currency: str) -> Entry:
    titles = {"REFUND": _("Refund"), "CHARGE": _("Capture"), "CANCEL": _("Release")}
    title = titles.get(request.kind, request.kind)
    answer = request.answer
    if answer is None:
        return Entry(request.created_at, title, _("Requested; the result is not yet known."), "todo")
    at = request.answered_at or request.created_at
    if str(answer.get("result", "")).endswith("_FAILURE"):
        failed = {
            "REFUND": _("Refund failed"),
            "CHARGE": _("Capture failed"),
            "CANCEL": _("Release failed"),
        }
        return Entry(at, failed.get(request.kind, title), request.reason, "bad")
    if "result" not in answer:
        return Entry(at, title, _("In progress: Stripe will report when it is done."), "todo")
    amount = answer.get("amount")
    return Entry(at, title, from_decimal(amount, currency).localized() if amount is not None else "", "good")


def _notices(found: Payment) -> list[Entry]:
    return [_notice(each) for each in _reported(found)]


def current_notices(found: Payment) -> list[Entry]:
    """Return the latest state of each object that is not over yet, newest first; if all are over, the last one."""
    notices = _reported(found)
    ended = {each.reference for each in notices if each.is_last}
    latest = {each.reference: each for each in reversed(notices)}
    still_open = [each for each in notices if each.reference not in ended and each is latest[each.reference]]
    return [_notice(each) for each in still_open or notices[:1]]


def _reported(found: Payment) -> list[Notice]:
    notices = Notice.objects.filter(
        installation=found.installation_id, payment_intent_id=found.payment_intent_id
    )
    return list(notices.order_by("-created_at", "-pk")[:MOST_ENTRIES])


def _notice(notice: Notice) -> Entry:
    title = _("Marked as resolved") if notice.is_by_staff else _("Stripe reports")
    return Entry(notice.created_at, title, notice.text, "plain" if notice.is_last else "todo")


def _order_of(found: Payment) -> Purchase | None:
    own = Purchase.objects.filter(installation=found.installation_id)
    if not found.source_id:
        return None
    return (
        own.filter(saleor_order_id=found.source_id).first()
        or own.filter(saleor_checkout_id=found.source_id).first()
    )
