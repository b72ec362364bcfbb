"""Stripe's Refunds."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import stripe

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.client import errors_of, stripe_of, under_new_keys, was_replayed
from saleor_stripe_audience.gateway.failures import KEY_REUSED
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import Refund, parse, parse_readable


def create(
    account: StripeAccount, intent_id: str, amount: int, metadata: dict[str, str], idempotency_key: str
) -> Refund:
    """Refund `amount` (smallest unit), or return the refund that this key created before, as it is now.

    The key is also in the refund's metadata: if Stripe stored one of its own errors under the key, this shows whether
    the money was refunded anyway; only if it was not, it is requested again under another key. The reason may have been
    edited since; `Rejected` with the code `KEY_REUSED` if the key was used for another granted refund.
    """
    request = _request_of(idempotency_key)
    params: Any = {
        "payment_intent": intent_id,
        "amount": amount,
        "metadata": {**metadata, names.REQUEST: request},
    }

    def ask(key: str) -> Refund:
        if key != idempotency_key:
            for each in list_for(account, intent_id):
                if each.metadata.get(names.REQUEST) == request:
                    return each
        try:
            with errors_of(account):
                refunds = stripe_of(account).v1.refunds
                made = refunds.create(params, {"idempotency_key": key})
                return _parsed(refunds.retrieve(made.id) if was_replayed(made) else made)
        except Rejected as error:
            if error.code != KEY_REUSED:
                raise
            for each in list_for(account, intent_id):
                if each.metadata.get(names.REQUEST) == request and _grant(each.metadata) == _grant(metadata):
                    return each
            raise

    return under_new_keys(idempotency_key, ask)


def _request_of(idempotency_key: str) -> str:
    return hashlib.sha256(idempotency_key.encode()).hexdigest()


def find_granted(account: StripeAccount, intent_id: str, grant: str, but_for_key: str) -> Refund | None:
    """Return the refund of the payment that carried out this granted refund, without having failed, if any.

    Not the one that was created under the idempotency key `but_for_key`.
    """
    own = _request_of(but_for_key)
    for each in list_for(account, intent_id):
        if _grant(each.metadata) == grant and not each.has_failed and each.metadata.get(names.REQUEST) != own:
            return each
    return None


def _grant(metadata: Mapping[str, str]) -> str:
    return metadata.get(names.GRANTED_REFUND, "")


def list_for(account: StripeAccount, intent_id: str) -> list[Refund]:
    """Return every refund of the payment, as it is now."""
    with errors_of(account):
        pages = stripe_of(account).v1.refunds.list({"payment_intent": intent_id, "limit": 100})
        return [_parsed(each) for each in pages.auto_paging_iter()]


def refunded_since(account: StripeAccount, created: int) -> Iterator[str]:
    """Yield the ids of the PaymentIntents with a refund made since (seconds since 1970), however old they are."""
    with errors_of(account):
        params: Any = {"created": {"gte": created}, "limit": 100}
        pages = stripe_of(account).v1.refunds.list(params)
        for each in parse_readable(Refund, (found.to_dict() for found in pages.auto_paging_iter())):
            if each.payment_intent:
                yield each.payment_intent


def _parsed(found: stripe.Refund) -> Refund:
    return parse(Refund, found.to_dict())
