"""Payment events: Saleor's synchronous webhooks, then the events of Saleor and of Stripe.

Which of the latter run for which event, and in which order, is in `event_handlers`.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import accounts, customers, platform
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.events import object_of
from saleor_stripe_audience.gateway.handlers import follow_onboarding
from saleor_stripe_audience.gateway.metadata import AUTHORIZATION
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.objects import (
    PAYABLE,
    CashMove,
    Charge,
    DeletedCustomer,
    Dispute,
    FraudWarning,
    PaymentIntent,
    Refund,
    Review,
)
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import (
    action_requests,
    actions,
    amounts_due,
    cash_balances,
    create,
    declines,
    fees,
    notices,
    order_details,
    order_matching,
    process,
    report,
    responses,
    stored_methods,
    tasks,
    upkeep,
)
from saleor_stripe_audience.payments.channels import find_mapping
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.payloads import (
    GatewayInitialize,
    MethodDeletion,
    MethodProcess,
    Requested,
    ShopperRequest,
    read,
)
from saleor_stripe_audience.saleor.channels import notice_unknown
from saleor_stripe_audience.saleor.webhooks import sync_webhook
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import ENGLISH, in_language

Json = dict[str, Any]

DECLINE_REPORT_DELAY = timedelta(minutes=2)  # by then, the browser has requested the result or never will


def _error(result: str) -> Callable[[Promise | str], Json]:
    return lambda message: {"result": result, "error": in_language(message, ENGLISH)}


# Saleor asks, and waits for the response.


@sync_webhook(failure=lambda message: {"data": {"errors": [{"message": in_language(message, ENGLISH)}]}})
def payment_gateway_initialize_session(installation: Installation, payload: Json) -> Json:
    """What the storefront needs to show the payment form."""
    try:
        channel = read(GatewayInitialize, payload).sourceObject.channel
        mapping = find_mapping(installation, channel.named, accounts.mapping_to_show)
        if mapping.channel_slug != channel.slug:
            notice_unknown(installation.pk, channel.named)
        return {"data": platform.browser_config(mapping.account)}
    except Failure as error:
        return responses.for_no_form(error, payload)


@sync_webhook(failure=responses.for_unreadable)
def transaction_initialize_session(installation: Installation, payload: Json) -> Json:
    return responses.respond(installation, payload, create.initialize, responses.initialize_failed)


@sync_webhook(failure=responses.for_unreadable)
def transaction_process_session(installation: Installation, payload: Json) -> Json:
    return responses.respond(installation, payload, process.process, responses.process_failed)


@sync_webhook(failure=partial(action_requests.for_failure, "CHARGE"), bounded=False)
def transaction_charge_requested(installation: Installation, payload: Json) -> Json:
    request = read(Requested, payload)
    return action_requests.carry_out_once(installation, request, "CHARGE", actions.charge)


@sync_webhook(failure=partial(action_requests.for_failure, "REFUND"), bounded=False)
def transaction_refund_requested(installation: Installation, payload: Json) -> Json:
    request = read(Requested, payload)
    return action_requests.carry_out_once(installation, request, "REFUND", actions.refund)


@sync_webhook(failure=partial(action_requests.for_failure, "CANCEL"), bounded=False)
def transaction_cancelation_requested(installation: Installation, payload: Json) -> Json:
    request = read(Requested, payload)
    return action_requests.carry_out_once(installation, request, "CANCEL", actions.cancel)


@sync_webhook(failure=lambda _: {"paymentMethods": []})
def list_stored_payment_methods(installation: Installation, payload: Json) -> Json:
    return stored_methods.list_methods(installation, read(ShopperRequest, payload))


@sync_webhook(failure=_error("FAILED_TO_DELETE"))
def stored_payment_method_delete_requested(installation: Installation, payload: Json) -> Json:
    with responses.failures_for_shopper(payload):
        return stored_methods.delete_method(installation, read(MethodDeletion, payload))


@sync_webhook(failure=_error("FAILED_TO_INITIALIZE"))
def payment_gateway_initialize_tokenization_session(installation: Installation, payload: Json) -> Json:
    with responses.failures_for_shopper(payload):
        return stored_methods.initialize_form(installation, read(ShopperRequest, payload))


@sync_webhook(failure=_error("FAILED_TO_TOKENIZE"))
def payment_method_initialize_tokenization_session(installation: Installation, payload: Json) -> Json:
    with responses.failures_for_shopper(payload):
        return stored_methods.create_setup(installation, read(ShopperRequest, payload))


@sync_webhook(failure=_error("FAILED_TO_TOKENIZE"))
def payment_method_process_tokenization_session(installation: Installation, payload: Json) -> Json:
    with responses.failures_for_shopper(payload):
        return stored_methods.process_setup(installation, read(MethodProcess, payload))


# Saleor's checkouts and orders changed.


def with_payments(events: Sequence[Event]) -> set[int]:
    """Return the ids of a shop's events about checkouts and orders that have payments, or a problem with one."""
    ids = {event.pk: _source_ids(event) for event in events}
    return order_matching.with_payments(events[0].origin, ids)


def set_order_number(event: Event) -> None:
    """Name the payments of the checkout after the order that it became."""
    order = _order_from_checkout(event)
    if number := order.get("number"):
        for payment in _payments_for(event, order):
            order_details.set_order(payment, str(order.get("id") or ""), str(number))


def add_shipping(event: Event) -> None:
    """Add the order's shipping address to the payments of the checkout from which it was created.

    If the buyer collects the order, Saleor has the address of the warehouse there.
    """
    order = _order_from_checkout(event)
    if order.get("collectionPointName"):
        return
    for payment in _payments_for(event, order):
        order_details.add_shipping(payment, order.get("shippingAddress"))


def follow_totals(event: Event) -> None:
    """Let the open payments of a checkout or order follow its total, even if the storefront does not ask."""
    order_matching.follow_sources(event, _source_ids(event))


def _source_ids(event: Event) -> list[str]:
    """Return Saleor's ids of the checkout and the order that the event is about."""
    payload = event.payload or {}
    parts = [part for part in (payload.get("order"), payload.get("checkout")) if isinstance(part, dict)]
    found = [each for part in parts for each in (part.get("id"), part.get("checkoutId"))]
    return [each for each in found if isinstance(each, str) and each]


def _order_from_checkout(event: Event) -> Json:
    """Return the event's order; empty if it was not created from a checkout."""
    order = (event.payload or {}).get("order")
    return order if isinstance(order, dict) and order.get("checkoutId") else {}


def _payments_for(event: Event, order: Json) -> list[Payment]:
    if not order:
        return []
    payments = Payment.objects.filter(installation_id=event.origin, source_id=order["checkoutId"])
    return list(payments.select_related("account"))


# Stripe's payments changed.


def report_payment(event: Event) -> Write | None:
    return report.report_payment(account_of(event), object_of(event, PaymentIntent).id, tasks.report_later)


def report_voucher(event: Event) -> Write | None:
    """Report a voucher or transfer. 3-D Secure and the like need no report: the shopper is still in the browser."""
    intent = object_of(event, PaymentIntent)
    if not intent.is_delayed:
        return None
    return report.report_payment(account_of(event), intent.id, tasks.report_later)


def report_decline(event: Event) -> Write | None:
    """Report the payment, and later the decline itself, unless the storefront has requested it in the
    meantime: staff see it once.

    Stripe sends a decline before the shopper's browser is back, and the response to `transactionProcess` also becomes
    an entry in the transaction's history.
    """
    intent = object_of(event, PaymentIntent)
    save = report.report_payment(account_of(event), intent.id, tasks.report_later)
    if save is None:
        return None

    def write() -> None:
        save()
        later = tasks.report_decline.using(run_after=timezone.now() + DECLINE_REPORT_DELAY)
        later.enqueue(str(event.origin), intent.id, intent.latest_charge_id, intent.decline_code)

    return write


def report_refund(event: Event) -> Write | None:
    """Report a refund, also one that was made or has failed at Stripe."""
    intent_id = object_of(event, Refund).payment_intent
    if intent_id is None:
        return None
    return report.report_payment(account_of(event), intent_id, tasks.report_later)


def report_dispute(event: Event) -> Write | None:
    intent_id = object_of(event, Dispute).payment_intent
    if intent_id is None:
        return None
    return report.report_payment(account_of(event), intent_id, tasks.report_later, is_disputed=True)


def record_fees(event: Event) -> Write | None:
    intent = object_of(event, PaymentIntent)
    if not intent.latest_charge_id:
        return None
    return fees.fetch_fees(account_of(event), intent.id, intent.latest_charge_id, intent)


def record_late_fees(event: Event) -> Write | None:
    """Record fees of a charge that is captured asynchronously, and so booked later."""
    charge = object_of(event, Charge)
    if not charge.payment_intent:
        return None
    return fees.fetch_fees(account_of(event), charge.payment_intent, charge.id, charge)


def follow_payment(event: Event) -> None:
    """Check the order after a payment, and adjust its other open payments."""
    if payment := _known_payment(event, object_of(event, PaymentIntent).id):
        order_matching.follow_money(payment)


def follow_cancelation(event: Event) -> None:
    """Check after a cancelation whether an overpayment is resolved, or an order is no longer covered."""
    intent = object_of(event, PaymentIntent)
    if payment := _known_payment(event, intent.id):
        order_matching.follow_refund(payment)
        if intent.has_expired and payment.flow == AUTHORIZATION:
            order_matching.report_expired(payment)


def follow_failure(event: Event) -> None:
    """Check whether an order is unpaid because a payment that was on its way has failed, such as a bank debit."""
    intent = object_of(event, PaymentIntent)
    payment = _known_payment(event, intent.id)
    if payment is not None and payment.order_number:
        order_matching.report_failed(payment, declines.reason_of(intent.decline_code))


def follow_refund(event: Event) -> None:
    """Check after a refund whether an overpayment is resolved."""
    if payment := _known_payment(event, object_of(event, Refund).payment_intent):
        order_matching.follow_refund(payment)


def _known_payment(event: Event, intent_id: str | None) -> Payment | None:
    if not intent_id:
        return None
    payments = Payment.objects.select_related("account", "installation")
    return payments.filter(account=account_of(event), payment_intent_id=intent_id).first()


def notify_of_review(event: Event) -> None:
    notices.notify_of_warning(account_of(event), object_of(event, Review))


def notify_of_fraud_warning(event: Event) -> None:
    notices.notify_of_warning(account_of(event), object_of(event, FraudWarning))


def end_test_payments(event: Event) -> None:
    """Cancel the open test payments of channels that take live payments from now on.

    Their checkouts may still be open: a test card would pay a real order.
    """
    live = account_of(event)
    if not live.livemode:
        return
    installation = live.installation
    channels = AccountChannel.objects.filter(account=live).values("channel_slug")
    payments = Payment.objects.filter(
        installation=installation, account__livemode=False, status__in=PAYABLE, channel_slug__in=channels
    )
    reason = Rejected("The shop takes live payments now.", code="live_now")
    amounts_due.cancel_all(installation, list(payments.select_related("account")), reason)


def follow_cash_balance(event: Event) -> None:
    """Check what is left of a shopper's bank transfers. Stripe's Accounts can have a balance, too: not the app's."""
    move = object_of(event, CashMove)
    if move.customer is None:
        return
    cash_balances.check(account_of(event), move.customer)
    if move.is_swept:
        cash_balances.report_swept(account_of(event), move.customer, move)


def forget_customer(event: Event) -> None:
    """Forget a Customer that the merchant deleted at Stripe: the shopper's next payment creates a new one."""
    customers.forget_customer(account_of(event), object_of(event, DeletedCustomer).id)


def report_departure(event: Event) -> None:
    """Report the channels in which nobody can pay any more, because the account's owner ended the connection."""
    tasks.report_obstacles.enqueue(str(account_of(event).installation_id))


def follow_account(event: Event) -> Write | None:
    """Save what the account may do now, and report at once if it cannot charge any more."""
    save = follow_onboarding(event)
    if save is None:
        return None
    account = account_of(event)

    def write() -> None:
        save()
        account.refresh_from_db()
        if account.state == StripeAccount.State.CONNECTED:
            upkeep.report_readiness(account)

    return write
