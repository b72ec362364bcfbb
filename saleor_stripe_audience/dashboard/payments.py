"""The shop's payments: searched, filtered, page by page, and as a file."""

import csv
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase
from saleor_stripe_audience.audience.transfer.cells import escape
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import format_amount, read_amounts
from saleor_stripe_audience.dashboard.pages import read_all, read_page
from saleor_stripe_audience.dashboard.sections import CONTACTS, PAYMENTS, may_see, show
from saleor_stripe_audience.dashboard.sites import Sites, accounts_to_choose, read_sites
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.money import Money, decimals_of
from saleor_stripe_audience.payments.declines import for_merchant
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.notices import Disputed, disputes_of
from saleor_stripe_audience.saleor.staff_channels import channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.wording import ENGLISH

LONGEST_SEARCH = 200
MOST_SOURCES = 500  # checkouts and orders of one customer
LARGEST_MINOR = 2**63 - 1  # of a column

_TAKEN = ("succeeded", "requires_capture", "processing")  # money was captured, is held or on its way
_NOT_REFUNDED = Q(refunded_minor=0)
# Part of an authorized amount can be captured: the rest is released.
_WHOLLY_CAPTURED = Q(captured_minor=0) | Q(captured_minor__gte=F("amount_minor"))
DECLINED = _NOT_REFUNDED & ~Q(decline_code="") & ~Q(status__in=_TAKEN)


def _is(*statuses: str) -> Q:
    found = _NOT_REFUNDED & Q(status__in=statuses)
    return found if set(statuses) <= set(_TAKEN) else found & Q(decline_code="")


@dataclass(frozen=True, slots=True)
class State:
    """A payment's state in merchants' terms; `rows` are the payments in this state."""

    name: str
    title: str | Promise
    color: str
    rows: Q


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute in merchants' terms."""

    title: str | Promise
    color: str


# Stripe's states of a PaymentIntent: https://docs.stripe.com/payments/paymentintents/lifecycle
STATES = (
    State("paid", _("Paid"), "good", _is("succeeded") & _WHOLLY_CAPTURED),
    State("partly-captured", _("Partially captured"), "good", _is("succeeded") & ~_WHOLLY_CAPTURED),
    State("authorized", _("Authorized"), "todo", _is("requires_capture")),
    State("processing", _("Processing"), "todo", _is("processing")),
    State("declined", _("Declined"), "bad", DECLINED),
    State("action", _("Action required"), "plain", _is("requires_action")),
    State("started", _("Started"), "plain", _is("requires_confirmation", "requires_payment_method")),
    State("cancelled", _("Cancelled"), "plain", _is("canceled")),
    State(
        "partly-refunded",
        _("Partially refunded"),
        "plain",
        Q(refunded_minor__gt=0) & Q(captured_minor__gt=F("refunded_minor")),
    ),
    State(
        "refunded",
        _("Refunded"),
        "plain",
        Q(refunded_minor__gt=0) & Q(captured_minor__lte=F("refunded_minor")),
    ),
)
# A payment has one of these besides its state: the bank has taken the money, or may take it.
DISPUTES = {
    Disputed.OPEN: Dispute(_("Disputed"), "bad"),
    Disputed.INQUIRY: Dispute(_("Inquiry"), "todo"),
    Disputed.LOST: Dispute(_("Dispute lost"), "plain"),
}
_BY_NAME = {each.name: each for each in STATES}
_BY_STATUS = {
    "succeeded": "paid",
    "requires_capture": "authorized",
    "processing": "processing",
    "requires_action": "action",
    "requires_confirmation": "started",
    "requires_payment_method": "started",
    "canceled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class PaymentRow:
    payment: Payment
    state: State
    amount: str
    refunded: str
    captured: str  # if that is only a part
    decline: str
    link: str
    customer: str = ""
    channel: str = ""
    dispute: Dispute | None = None


@require_safe
@for_staff(PAYMENTS)
def payments(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    params = request.GET
    page = read_page(chosen(user, params).select_related("account"), params, "created_at")
    customers, disputes = customers_of(user, page.rows), disputes_among(user.installation, page.rows)
    sites = visible_sites(user, params)
    channels = [each.channel for each in sites.channels if each.channel is not None]
    names = {each.slug: each.name for each in channels}
    return show(
        request,
        user,
        PAYMENTS,
        rows=[row_of(each, customers, names, disputes) for each in page.rows],
        page=page,
        params=params,
        is_narrowed=any(params.get(name) for name in ("q", "status", "channel", "account")),
        query=params.urlencode(),
        states=[
            *((each.name, each.title) for each in STATES),
            *((kind, each.title) for kind, each in DISPUTES.items()),
        ],
        channels=channels,
        accounts=accounts_to_choose(user.installation),
        sites=sites,
    )


@require_safe
@for_staff(PAYMENTS)
def export(request: HttpRequest, user: DashboardUser) -> HttpResponseBase:
    """The payments that were searched for, as CSV."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    file.write(BOM_UTF8)  # Excel would read another encoding
    for line in _lines(user, chosen(user, request.GET).select_related("account")):
        file.write(line.encode())
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="payments.csv", content_type="text/csv")


def chosen(user: DashboardUser, params: QueryDict) -> QuerySet[Payment]:
    """Return the payments that the user may see and that match the query; none if it names what does not exist."""
    found = visible_payments(user)
    if (site := visible_sites(user, params).chosen) is not None:
        found = found.filter(site.payments())
    if text := params.get("q", "").strip()[:LONGEST_SEARCH].replace("\0", ""):
        found = found.filter(_search(user, text))
    if status := params.get("status", ""):
        found = found.filter(_in_state(user.installation, status))
    if channel := params.get("channel", ""):
        found = found.filter(channel_slug=channel.replace("\0", ""))
    if account := params.get("account", ""):
        found = found.filter(
            account__in=[each for each in accounts_of(user.installation.pk) if str(each.pk) == account]
        )
    return found


def _in_state(shop: Installation, name: str) -> Q:
    """Return the payments in this state, or with such a dispute; none if there is no such state."""
    if name in DISPUTES:
        disputed = [intent_id for intent_id, kind in disputes_of(shop).items() if kind == name]
        return Q(payment_intent_id__in=disputed)
    return _BY_NAME[name].rows if name in _BY_NAME else Q(pk__in=[])


def visible_payments(user: DashboardUser, *, is_current: bool = False) -> QuerySet[Payment]:
    """Return the shop's payments, for restricted staff those of their channels; `is_current` as in `channels_of`."""
    own = Payment.objects.filter(installation=user.installation)
    slugs = channels_of(user, is_current=is_current)
    return own if slugs is None else own.filter(channel_slug__in=sorted(slugs))


def visible_sites(user: DashboardUser, params: QueryDict) -> Sites:
    """Return the sites that the user's payments can be limited to."""
    return read_sites(user.installation, params).within(channels_of(user))


def _search(user: DashboardUser, text: str) -> Q:
    """Find an order number, a customer's address, an amount or Stripe's id, recognized by their form."""
    shop = user.installation
    if text.startswith("pi_"):
        accounts = [each.pk for each in accounts_of(shop.pk)]
        return Q(account__in=accounts, payment_intent_id=text)
    if "@" in text:
        return Q(source_id__in=_sources_of(shop, text) if may_see(user, CONTACTS) else [])
    if text.startswith("#"):
        return Q(order_number=text[1:])
    return Q(order_number=text) | _of_amount(shop, text)


def _of_amount(shop: Installation, text: str) -> Q:
    amounts, currency = read_amounts(text)
    currencies = (
        {currency} if currency else {each.currency for each in Channel.objects.filter(installation=shop)}
    )
    found = Q(pk__in=[])
    for code in sorted(currencies):
        minor = [amount.scaleb(decimals_of(code)) for amount in amounts]
        exact = [int(each) for each in minor if each == each.to_integral_value() and each <= LARGEST_MINOR]
        if exact:
            found |= Q(amount_minor__in=exact, currency=code)
    return found


def _sources_of(shop: Installation, address: str) -> list[str]:
    """Return Saleor's ids of the checkouts and orders of the customer with this address."""
    by_address = Q(email=address.lower()) | Q(former_addresses__email=address.lower())
    contacts = list(
        Contact.objects.filter(by_address, audience__installation=shop).values_list("pk", flat=True)
    )
    orders = Purchase.objects.filter(contact__in=contacts).order_by("-placed_at")
    carts = Cart.objects.filter(contact__in=contacts).order_by("-last_active_at")
    pairs = list(orders.values_list("saleor_order_id", "saleor_checkout_id")[:MOST_SOURCES])
    ids = {each for pair in pairs for each in pair if each}
    return sorted(ids | set(carts.values_list("saleor_checkout_id", flat=True)[:MOST_SOURCES]))


def disputes_among(shop: Installation, payments: Iterable[Payment]) -> dict[str, Dispute]:
    """Return the disputes of these payments of the shop, by PaymentIntent."""
    found = disputes_of(shop, [each.payment_intent_id for each in payments])
    return {intent_id: DISPUTES[kind] for intent_id, kind in found.items()}


def row_of(
    payment: Payment,
    customers: dict[str, str],
    channels: dict[str, str] | None = None,
    disputes: dict[str, Dispute] | None = None,
) -> PaymentRow:
    """Return what staff see of a payment; `customers` are addresses by checkout or order, `channels` names by slug,
    `disputes` those of PaymentIntents.
    """
    state = state_of(payment)
    decline = (
        for_merchant(payment.decline_code, get_language() or ENGLISH) if state.name == "declined" else ""
    )
    return PaymentRow(
        payment=payment,
        state=state,
        amount=format_amount(payment.amount_minor, payment.currency),
        refunded=format_amount(payment.refunded_minor, payment.currency) if payment.refunded_minor else "",
        captured=format_amount(payment.captured_minor, payment.currency)
        if state.name == "partly-captured"
        else "",
        decline=decline,
        link=stripe_url(payment),
        customer=customers.get(payment.source_id, ""),
        channel=(channels or {}).get(payment.channel_slug, payment.channel_slug),
        dispute=(disputes or {}).get(payment.payment_intent_id),
    )


def state_of(payment: Payment) -> State:
    """Return the payment's state; an unknown Stripe state is shown by its own name."""
    if payment.refunded_minor:
        is_whole = payment.refunded_minor >= payment.captured_minor
        return _BY_NAME["refunded" if is_whole else "partly-refunded"]
    if payment.decline_code and payment.status not in _TAKEN:
        return _BY_NAME["declined"]
    if payment.status == "succeeded" and 0 < payment.captured_minor < payment.amount_minor:
        return _BY_NAME["partly-captured"]
    name = _BY_STATUS.get(payment.status)
    return _BY_NAME[name] if name else State("", payment.status, "plain", Q(status=payment.status))


def stripe_url(payment: Payment) -> str:
    """Return the payment's URL in Stripe's Dashboard."""
    mode = "" if payment.account.livemode else "test/"
    return f"https://dashboard.stripe.com/{mode}payments/{payment.payment_intent_id}"


def net_after_refunds(payment: Payment) -> str:
    """Return the net amount minus what was refunded; Stripe keeps its fee.

    Empty if nothing was refunded, or if the balance has another currency: Stripe then chooses the refund's rate.
    """
    is_same = payment.settled_currency == payment.currency
    if payment.net_minor is None or not is_same or not payment.refunded_minor:
        return ""
    return format_amount(payment.net_minor - payment.refunded_minor, payment.currency)


def customers_of(user: DashboardUser, payments: Iterable[Payment]) -> dict[str, str]:
    """Return the customers' addresses by checkout or order; none for staff who may not see contacts."""
    if not may_see(user, CONTACTS):
        return {}
    ids = [each.source_id for each in payments]
    shops_own = Purchase.objects.filter(installation=user.installation, contact__isnull=False)
    orders = shops_own.filter(saleor_order_id__in=ids) | shops_own.filter(
        ~Q(saleor_checkout_id=""), saleor_checkout_id__in=ids
    )
    found: dict[str, str] = {}
    for order, checkout, address in orders.values_list(
        "saleor_order_id", "saleor_checkout_id", "contact__email"
    ):
        found |= {order: address, checkout: address}
    return found


HEADER = (
    *("date", "order", "status", "amount", "captured", "refunded", "currency", "gross", "fee", "net"),
    *("settled_currency", "channel", "account", "customer", "decline_code", "decline", "payment_intent"),
    "dispute",
)


class _Line:
    """A file for the csv module that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def _lines(user: DashboardUser, found: QuerySet[Payment]) -> Iterator[str]:
    writer = csv.writer(_Line(), lineterminator="\n")
    yield writer.writerow(HEADER)
    for some in read_all(found, "created_at"):
        customers, disputes = customers_of(user, some), disputes_among(user.installation, some)
        for payment in some:
            yield writer.writerow(_cells(row_of(payment, customers, disputes=disputes)))


def _cells(row: PaymentRow) -> list[Any]:
    """A row of the file; text that a spreadsheet could execute is escaped, as in the export of contacts."""
    payment = row.payment
    amounts = (payment.amount_minor, payment.captured_minor, payment.refunded_minor)
    settled = (payment.gross_minor, payment.fee_minor, payment.net_minor)
    texts = (payment.channel_slug, payment.account.name, row.customer, payment.decline_code, row.decline)
    return [
        payment.created_at.isoformat(timespec="seconds"),
        escape(payment.order_number),
        escape(str(row.state.title)),
        *(Money(each, payment.currency).amount for each in amounts),
        payment.currency,
        *("" if each is None else Money(each, payment.settled_currency).amount for each in settled),
        payment.settled_currency,
        *map(escape, texts),
        payment.payment_intent_id,
        "" if row.dispute is None else str(row.dispute.title),
    ]
