"""Actions that staff request after the purchase: charge what is held, refund, cancel. Exactly the requested amount is
moved.

The key of the `ActionRequest` is Stripe's idempotency key.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway import failures, payment_intents, refunds
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.money import Money, from_decimal
from saleor_stripe_audience.payments import grants, ownership, records
from saleor_stripe_audience.payments.action_requests import received_before
from saleor_stripe_audience.payments.ledger import capture_reference
from saleor_stripe_audience.payments.models import ActionRequest
from saleor_stripe_audience.payments.outcomes import Outcome, actions_of
from saleor_stripe_audience.payments.payloads import Requested
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

MORE_THAN_HELD = pgettext_lazy("staff", "Only {held} is authorized; {money} cannot be charged.")
ALREADY_CHARGED = pgettext_lazy(
    "staff", "This payment was charged, so it cannot be cancelled, only refunded."
)
ALREADY_CANCELED = pgettext_lazy(
    "staff", "This payment was cancelled before: nothing is authorized any more."
)
NOTHING_LEFT = pgettext_lazy(
    "staff",
    "The amount is zero. If you entered an amount, nothing is left of this payment to charge or refund.",
)

Json = dict[str, Any]

LONGEST_METADATA = 500  # characters, Stripe's limit


def charge(installation: Installation, requested: Requested, request: ActionRequest) -> Json:
    """Capture exactly the amount requested. If the card allows no second capture, the rest is released."""
    account, intent = _current_intent(installation, requested)
    money = _money(requested, default=intent.money(intent.amount_capturable))
    if intent.status == "succeeded" and intent.amount_received == money.minor:
        captured = intent.amount_received
    else:
        _check_capture(intent, money)
        before = received_before(request, intent.amount_received)
        with _released_meanwhile(account, intent):
            made = payment_intents.capture(
                account,
                intent,
                money.minor,
                request.key,
                keep_rest=intent.can_be_captured_again,
                received_before=before,
            )
        intent, captured = made.intent, made.received
    with _money_has_moved():
        intent = ownership.restore_metadata(account, intent)
    records.save(account, intent)
    charge_id = intent.charge.id if intent.charge is not None else intent.id
    reference = capture_reference(charge_id, captured - money.minor, captured)
    return _success("CHARGE_SUCCESS", reference, money, intent)


@contextmanager
def _released_meanwhile(account: StripeAccount, intent: PaymentIntent) -> Iterator[None]:
    """Turn Stripe's refusal of a hold that another request has just released into staff's own words."""
    try:
        yield
    except Rejected as error:
        if not failures.is_refusal(error):
            raise
        if payment_intents.retrieve(account, intent.id).status != "canceled":
            raise
        raise Rejected(ALREADY_CANCELED, code="not_held") from error


def _check_capture(intent: PaymentIntent, money: Money) -> None:
    """Check an untouched hold only: for any other, Stripe knows whether this is a repeat."""
    if intent.amount_received:
        return
    held = intent.money(intent.amount_capturable)
    if held.is_zero:
        raise Rejected(with_values(payment_intents.NOT_HELD, status=intent.status), code="not_held")
    if money.minor > held.minor:
        raise Rejected(with_values(MORE_THAN_HELD, held=held, money=money), code="amount_too_large")


def refund(installation: Installation, requested: Requested, request: ActionRequest) -> Json:
    """Refund exactly the amount requested. For some methods this takes days: then only the reference is returned."""
    account, intent = _current_intent(installation, requested)
    money = _money(requested, default=intent.money(intent.amount_received - intent.refunded_minor))
    metadata = {
        names.INSTALLATION: str(installation.pk),
        names.TRANSACTION: requested.transaction.id,
        **_reason(requested, request.key),
    }
    made = grants.find_paid_or_take(account, intent, money, requested, request)
    if made is None:
        # Stripe decides whether the money is there to be refunded: a repeated request must find its first response.
        made = refunds.create(account, intent.id, money.minor, metadata, request.key)
    if made.status in ("pending", "requires_action"):
        return {"pspReference": made.id}
    if made.status != "succeeded":
        raise Rejected(
            pgettext_lazy("staff", "Stripe could not refund this payment. Check the payment in Stripe."),
            code="refund_failed",
        )
    with _money_has_moved():
        intent = ownership.restore_metadata(account, payment_intents.retrieve(account, intent.id))
    records.save(account, intent)
    return _success("REFUND_SUCCESS", made.id, money, intent, exact=intent.exact_refund(money.minor))


@contextmanager
def _money_has_moved() -> Iterator[None]:
    """Turn a refusal into `Unavailable`: what Stripe has carried out has not failed, so a repeat has to return it."""
    try:
        yield
    except Rejected as error:
        raise Unavailable(error.translatable, code=error.code) from error


def _reason(requested: Requested, key: str) -> Json:
    """Return the reason for the refund in Stripe, from the granted refund or from the request itself."""
    granted = requested.grantedRefund
    own = requested.event_of(key) or next(iter(requested.waiting_events("REFUND")), None)
    reason = (granted.reason if granted is not None else "") or (own.message if own is not None else "")
    found = {
        names.GRANTED_REFUND: granted.id if granted is not None else "",
        names.REASON: reason or "",
    }
    return {name: text[:LONGEST_METADATA] for name, text in found.items() if text}


def cancel(installation: Installation, requested: Requested, request: ActionRequest) -> Json:
    """Release what is held, or the rest of it, or cancel a payment that was never made.

    What Saleor has booked as cancelled is not booked again: it discards a second success, and staff would see a request
    without a result.
    """
    account, intent = _current_intent(installation, requested)
    flow = intent.flow
    if intent.status != "canceled" and not intent.released_minor(flow):
        if intent.status == "succeeded":
            raise Rejected(ALREADY_CHARGED, code="not_held")
        end = payment_intents.release_rest if intent.amount_received else payment_intents.cancel
        intent = ownership.restore_metadata(account, end(account, intent.id, request.key))
    elif _is_booked(requested, "CANCEL_SUCCESS", intent.id):
        raise Rejected(ALREADY_CANCELED, code="not_held")
    records.save(account, intent)
    # A payment that was never held ends, but nothing is released: the amount is zero.
    released = intent.money(intent.released_minor(flow))
    return _success("CANCEL_SUCCESS", intent.id, released, intent)


def _is_booked(requested: Requested, result: str, reference: str) -> bool:
    events = requested.transaction.events
    return any((each.type, each.pspReference) == (result, reference) for each in events)


def _current_intent(installation: Installation, requested: Requested) -> tuple[StripeAccount, PaymentIntent]:
    transaction = requested.transaction
    reference = next(
        (each.pspReference for each in transaction.events if each.pspReference.startswith("pi_")), ""
    )
    return ownership.current_intent(installation, transaction.id, reference or transaction.pspReference)


def _money(requested: Requested, default: Money) -> Money:
    if requested.action.amount is None:
        return default
    money = from_decimal(requested.action.amount, requested.action.currency or default.currency)
    money.in_currency(default.currency)
    if money.minor <= 0:  # Saleor reduces what staff enter to what is left
        raise Rejected(NOTHING_LEFT, code="amount_too_small")
    return money


def _success(
    result: str, reference: str, money: Money, intent: PaymentIntent, *, exact: Decimal | None = None
) -> Json:
    exact = exact or intent.exact_amount(money.minor)
    outcome = Outcome(result, reference, money, actions_of(intent), "", intent.dashboard_url, exact=exact)
    return outcome.as_response()
