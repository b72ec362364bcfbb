"""What staff ask for after the purchase: charge what is held, refund, cancel. The amount asked is the amount moved."""

from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.money import Money, from_decimal, from_minor
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.outcomes import (
    Outcome,
    actions_of,
    charge_reference,
    dashboard_url,
    latest_charge,
    refunded_minor,
)
from saleor_stripe_audience.payments.payloads import Requested
from saleor_stripe_audience.saleor.models import Installation

Json = dict[str, Any]


def charge(installation: Installation, requested: Requested) -> Json:
    """Capture exactly the amount asked; the rest of the hold is released and reported when Stripe tells of it."""
    account, intent = _current(installation, requested)
    held = from_minor(intent["amount_capturable"], intent["currency"])
    money = _money(requested, default=held)
    key = request_key(installation, requested, "CHARGE_REQUEST", money)
    if not _was_captured(intent, money):
        _check_capture(intent, money)
        intent = client.capture_payment_intent(account, intent["id"], money.minor, key).to_dict()
    ownership.remember(installation, account, intent, "")
    received = from_minor(intent["amount_received"], intent["currency"])
    return _success("CHARGE_SUCCESS", charge_reference(intent, ownership.flow_of(intent)), received, intent)


def refund(installation: Installation, requested: Requested) -> Json:
    """Give exactly the amount asked back. Stripe may take days for some methods: then only the reference is told."""
    account, intent = _current(installation, requested)
    refundable = from_minor(int(intent["amount_received"]) - refunded_minor(intent), intent["currency"])
    money = _money(requested, default=refundable)
    key = request_key(installation, requested, "REFUND_REQUEST", money)
    metadata = {ownership.INSTALLATION: str(installation.pk), ownership.TRANSACTION: requested.transaction.id}
    # Whether the money is there to be refunded is Stripe's to say: a repeated request must find its first answer.
    made = client.create_refund(account, intent["id"], money.minor, metadata, key)
    if made.status in ("pending", "requires_action"):
        return {"pspReference": made.id}
    if made.status != "succeeded":
        raise Rejected(
            "Stripe could not refund this payment. Look at the payment in Stripe.", code="refund_failed"
        )
    after = client.retrieve_payment_intent(account, intent["id"]).to_dict()
    ownership.remember(installation, account, after, "")
    return _success("REFUND_SUCCESS", made.id, money, after)


def cancel(installation: Installation, requested: Requested) -> Json:
    """Release what is held, or end a payment that never came."""
    account, intent = _current(installation, requested)
    charged = latest_charge(intent)
    money = from_minor(int(charged["amount"]) if charged else int(intent["amount"]), intent["currency"])
    if intent["status"] != "canceled":
        key = request_key(installation, requested, "CANCEL_REQUEST", None)
        intent = client.cancel_payment_intent(account, intent["id"], key).to_dict()
    ownership.remember(installation, account, intent, "")
    return _success("CANCEL_SUCCESS", intent["id"], money, intent)


def request_key(installation: Installation, requested: Requested, kind: str, money: Money | None) -> str:
    """Stripe's idempotency key for this very request: the host's own of the newest unanswered request event.

    Without one (an older host) the count of such requests tells them apart.
    """
    wanted = [event for event in requested.transaction.events if event.type == kind]
    waiting = [
        event for event in wanted if not event.pspReference and _same_amount(event.amount.amount, money)
    ]
    newest = max(waiting, key=lambda event: event.createdAt, default=None)
    own = newest.idempotencyKey if newest is not None and newest.idempotencyKey else f"{len(wanted)}:{money}"
    return ownership.stripe_key(installation, requested.transaction.id, kind, own)


def _same_amount(amount: Any, money: Money | None) -> bool:
    return money is None or amount == money.amount


def _current(installation: Installation, requested: Requested) -> tuple[Any, Json]:
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
    if money.minor <= 0:
        raise Rejected("The amount must be more than zero.", code="amount_too_small")
    return money


def _was_captured(intent: Json, money: Money) -> bool:
    return intent["status"] == "succeeded" and int(intent["amount_received"]) == money.minor


def _check_capture(intent: Json, money: Money) -> None:
    held = from_minor(int(intent["amount_capturable"]), intent["currency"])
    if held.is_zero:
        raise Rejected(
            f"Nothing is held for this payment any more (Stripe says {intent['status']}).", code="not_held"
        )
    if money.minor > held.minor:
        raise Rejected(f"Only {held} is held; {money} cannot be charged.", code="amount_too_large")


def _success(result: str, reference: str, money: Money, intent: Json) -> Json:
    return Outcome(result, reference, money, actions_of(intent), "", dashboard_url(intent)).answer()
