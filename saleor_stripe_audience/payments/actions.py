"""What staff ask for after the purchase: charge what is held, refund, cancel. The amount asked is the amount moved."""

from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.money import Money, from_decimal, from_minor
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.ledger import REASON, capture_reference
from saleor_stripe_audience.payments.outcomes import (
    Outcome,
    actions_of,
    dashboard_url,
    exact_amount,
    latest_charge,
    may_capture_again,
    refunded_minor,
    released_minor,
)
from saleor_stripe_audience.payments.payloads import Event, Requested
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

LONGEST_METADATA = 500  # characters, Stripe's limit


def charge(installation: Installation, requested: Requested, key: str = "") -> Json:
    """Capture exactly the amount asked. Where the card allows no second capture the rest is released."""
    account, intent = _current(installation, requested)
    held = from_minor(intent["amount_capturable"], intent["currency"])
    money = _money(requested, default=held)
    key = key or request_key(installation, requested, "CHARGE_REQUEST")
    if not _was_captured(intent, money):
        _check_capture(intent, money)
        intent, captured = _captured(account, intent, money, key)
    else:
        captured = int(intent["amount_received"])
    intent = ownership.restore_metadata(account, intent)
    ownership.remember(installation, account, intent, "")
    charge_id = str((latest_charge(intent) or intent)["id"])
    reference = capture_reference(charge_id, captured - money.minor, captured)
    return _success("CHARGE_SUCCESS", reference, money, intent)


def _captured(account: StripeAccount, intent: Json, money: Money, key: str) -> tuple[Json, int]:
    """The intent as it is now, and how much had been taken in all after this capture."""
    made = client.capture_payment_intent(
        account,
        intent["id"],
        money.minor,
        key,
        keep_rest=may_capture_again(intent),
        received=int(intent["amount_received"]),
    )
    captured = int(made.amount_received)
    if client.was_replayed(made):
        made = client.retrieve_payment_intent(account, intent["id"])
    return made.to_dict(), captured


def refund(installation: Installation, requested: Requested, key: str = "") -> Json:
    """Give exactly the amount asked back. Stripe may take days for some methods: then only the reference is told."""
    account, intent = _current(installation, requested)
    refundable = from_minor(int(intent["amount_received"]) - refunded_minor(intent), intent["currency"])
    money = _money(requested, default=refundable)
    key = key or request_key(installation, requested, "REFUND_REQUEST")
    metadata = {
        ownership.INSTALLATION: str(installation.pk),
        ownership.TRANSACTION: requested.transaction.id,
        **_why(requested, key),
    }
    # Whether the money is there to be refunded is Stripe's to say: a repeated request must find its first answer.
    made = client.create_refund(account, intent["id"], money.minor, metadata, key)
    if made.status in ("pending", "requires_action"):
        return {"pspReference": made.id}
    if made.status != "succeeded":
        raise Rejected(
            "Stripe could not refund this payment. Look at the payment in Stripe.", code="refund_failed"
        )
    after = client.retrieve_payment_intent(account, intent["id"]).to_dict()
    after = ownership.restore_metadata(account, after)
    ownership.remember(installation, account, after, "")
    return _success("REFUND_SUCCESS", made.id, money, after)


def _why(requested: Requested, key: str) -> Json:
    """The reason that staff gave, beside the refund in Stripe: of the granted refund, or of the request itself."""
    granted = requested.grantedRefund
    waiting = waiting_requests(requested, "REFUND_REQUEST")
    own = [each for each in waiting if each.idempotencyKey and key.endswith(each.idempotencyKey)] or waiting
    reason = (granted.reason if granted is not None else "") or (own[0].message if own else "")
    told = {"saleor_granted_refund": granted.id if granted is not None else "", REASON: reason or ""}
    return {name: text[:LONGEST_METADATA] for name, text in told.items() if text}


def cancel(installation: Installation, requested: Requested, key: str = "") -> Json:
    """Release what is held, or what is left of it, or end a payment that never came."""
    account, intent = _current(installation, requested)
    flow = ownership.flow_of(intent)
    if intent["status"] != "canceled" and not released_minor(intent, flow):
        key = key or request_key(installation, requested, "CANCEL_REQUEST")
        stop = client.release_rest if int(intent["amount_received"]) else client.cancel_payment_intent
        intent = ownership.restore_metadata(account, stop(account, intent["id"], key).to_dict())
    ownership.remember(installation, account, intent, "")
    # What was never held is ended, but nothing is released: the amount is none.
    released = from_minor(released_minor(intent, flow), intent["currency"])
    return _success("CANCEL_SUCCESS", intent["id"], released, intent)


def request_key(
    installation: Installation, requested: Requested, kind: str, event: Event | None = None
) -> str:
    """Stripe's idempotency key for a request: the host's own of `event`, by default the newest that has no answer.

    Without one the count of such requests tells them apart.
    """
    event = event or next(iter(waiting_requests(requested, kind)), None)
    of_kind = [each for each in requested.transaction.events if each.type == kind]
    counted = f"{len(of_kind)}:{requested.action.amount}"
    own = event.idempotencyKey if event is not None and event.idempotencyKey else counted
    return ownership.stripe_key(installation, requested.transaction.id, kind, own)


def waiting_requests(requested: Requested, kind: str) -> list[Event]:
    """The host's own events that this request may be: of its kind and amount, without an answer; the newest first.

    `kind` is the type of the events, such as REFUND_REQUEST. A cancelation has no amount of its own.
    """
    asked = requested.action.amount if kind != "CANCEL_REQUEST" else None
    waiting = [
        event
        for event in requested.transaction.events
        if event.type == kind and not event.pspReference and asked in (None, event.amount.amount)
    ]
    return sorted(waiting, key=lambda event: event.createdAt, reverse=True)


def _current(installation: Installation, requested: Requested) -> tuple[StripeAccount, Json]:
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
    """Only of a hold that was never touched: of one that was, Stripe knows whether this is a repeat."""
    if int(intent["amount_received"]):
        return
    held = from_minor(int(intent["amount_capturable"]), intent["currency"])
    if held.is_zero:
        raise Rejected(
            f"Nothing is held for this payment any more (Stripe says {intent['status']}).", code="not_held"
        )
    if money.minor > held.minor:
        raise Rejected(f"Only {held} is held; {money} cannot be charged.", code="amount_too_large")


def _success(result: str, reference: str, money: Money, intent: Json) -> Json:
    exact = exact_amount(intent, money.minor)
    return Outcome(
        result, reference, money, actions_of(intent), "", dashboard_url(intent), exact=exact
    ).answer()
