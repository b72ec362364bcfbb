"""Stripe's PaymentIntents: one function for each call, each effect under an idempotency key."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import stripe
import structlog
from django.conf import settings
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.client import errors_of, stripe_of, under_new_keys
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent, parse, parse_readable
from saleor_stripe_audience.wording import with_values

NOT_HELD = pgettext_lazy(
    "staff", "There is no authorized amount left for this payment (its status in Stripe is {status})."
)

log = structlog.get_logger(__name__)

_INTENTS = "payment_intents"
_EXPAND = {"expand": ["latest_charge"]}


@dataclass(frozen=True)
class Capture:
    """The intent as it is now, and the total captured right after this capture (smallest unit)."""

    intent: PaymentIntent
    received: int


def create(account: StripeAccount, params: dict[str, Any], idempotency_key: str) -> PaymentIntent:
    """Create an intent, or return the one that this key created before, as it is now."""
    with errors_of(account):
        made = client.post(account, _INTENTS, params={**params, **_EXPAND}, key=idempotency_key)
        intent = parse(PaymentIntent, made.fields)
    return retrieve(account, intent.id) if made.is_replayed else intent


def retrieve(account: StripeAccount, intent_id: str) -> PaymentIntent:
    """Return the intent with its latest charge, as it is now."""
    with errors_of(account):
        return parse(PaymentIntent, client.get(account, _INTENTS, intent_id, params=_EXPAND).fields)


def list_since(account: StripeAccount, created: int) -> Iterator[PaymentIntent]:
    """Yield the account's intents created since (seconds since 1970), newest first, page after page."""
    with errors_of(account):
        pages = stripe_of(account).v1.payment_intents.list({"created": {"gte": created}, "limit": 100})
        yield from parse_readable(PaymentIntent, (each.to_dict() for each in pages.auto_paging_iter()))


def newest_of_customer(account: StripeAccount, customer_id: str) -> list[str]:
    """Return the ids of the Customer's intents, newest first; at most a hundred."""
    with errors_of(account):
        page = stripe_of(account).v1.payment_intents.list({"customer": customer_id, "limit": 100})
        return [each.id for each in page.data]


def update(account: StripeAccount, intent_id: str, params: dict[str, Any]) -> PaymentIntent:
    """Change an unpaid intent. Without an idempotency key, because repeating it has no further effect."""
    with errors_of(account):
        changed = client.post(account, _INTENTS, intent_id, params={**params, **_EXPAND})
        return parse(PaymentIntent, changed.fields)


def capture(
    account: StripeAccount,
    intent: PaymentIntent,
    amount: int,
    idempotency_key: str,
    *,
    keep_rest: bool,
    received_before: int,
) -> Capture:
    """Capture `amount` (smallest unit) of the hold; the rest stays held if `keep_rest`, otherwise it is released.

    If Stripe stored one of its own errors under the key, what the intent has received since `received_before` shows
    whether the money was captured anyway; only if it was not, it is requested again under another key. `Rejected` with
    the code `not_held` if the rest was released, with `unclear` if another capture came in between.
    """
    params: dict[str, Any] = {"amount_to_capture": amount, **_EXPAND}
    if keep_rest:
        params["final_capture"] = False

    def ask(key: str) -> Capture:
        if key != idempotency_key:
            now = retrieve(account, intent.id)
            if now.amount_received == received_before + amount:
                return Capture(now, now.amount_received)
            if now.amount_received != received_before:
                raise Rejected(
                    pgettext_lazy(
                        "staff",
                        "It is not known whether this amount was captured. Check the payment in Stripe.",
                    ),
                    code="unclear",
                )
            if now.status != "requires_capture":
                raise Rejected(with_values(NOT_HELD, status=now.status), code="not_held")
        with errors_of(account):
            made = client.post(account, _INTENTS, intent.id, "capture", params=params, key=key)
            captured = parse(PaymentIntent, made.fields)
        now = retrieve(account, intent.id) if made.is_replayed else captured
        return Capture(now, captured.amount_received)

    return under_new_keys(idempotency_key, ask)


def release_rest(account: StripeAccount, intent_id: str, idempotency_key: str) -> PaymentIntent:
    """End a hold that was captured in parts: the rest is released. Repeating it has no further effect."""
    params = {"amount_to_capture": 0, "final_capture": True, **_EXPAND}

    def ask(key: str) -> PaymentIntent:
        with errors_of(account):
            made = client.post(account, _INTENTS, intent_id, "capture", params=params, key=key)
            return parse(PaymentIntent, made.fields)

    return under_new_keys(idempotency_key, ask)


def cancel(account: StripeAccount, intent_id: str, idempotency_key: str, reason: str = "") -> PaymentIntent:
    """Cancel the intent and release what is held. Repeating it has no further effect. `reason` is one of Stripe's, or
    empty.
    """
    params = {**_EXPAND, **({"cancellation_reason": reason} if reason else {})}

    def ask(key: str) -> PaymentIntent:
        if key != idempotency_key:
            now = retrieve(account, intent_id)
            if now.status == "canceled":
                return now
        with errors_of(account):
            made = client.post(account, _INTENTS, intent_id, "cancel", params=params, key=key)
            return parse(PaymentIntent, made.fields)

    return under_new_keys(idempotency_key, ask)


def confirm_off_session(account: StripeAccount, intent: PaymentIntent, idempotency_key: str) -> PaymentIntent:
    """Charge the intent's own method while the shopper is away. A decline raises nothing: the intent shows it.

    Nobody is redirected, but an intent that offers such methods needs an address to return to.

    The same key never charges twice. Neither does another key, which is used after Stripe stored one of its own errors
    under the first, and only if the intent shows that no charge was attempted.
    """
    params: dict[str, Any] = {"off_session": True}
    if intent.may_redirect:
        params["return_url"] = settings.PUBLIC_URL

    def ask(key: str) -> PaymentIntent:
        if key != idempotency_key:
            now = retrieve(account, intent.id)
            if now.status != "requires_confirmation":
                return now
        with errors_of(account):
            try:
                client.post(account, _INTENTS, intent.id, "confirm", params=params, key=key)
            except stripe.CardError as error:
                log.info("off-session payment declined", payment_intent=intent.id, code=error.code)
        return retrieve(account, intent.id)

    return under_new_keys(idempotency_key, ask)
