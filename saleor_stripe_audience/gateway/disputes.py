"""Stripe's Disputes: payments that the customer's bank reverses or inquires about."""

from collections.abc import Iterator
from typing import Any

from saleor_stripe_audience.gateway.client import errors_of, stripe_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import Dispute, parse, parse_readable


def list_for(account: StripeAccount, intent_id: str) -> list[Dispute]:
    """Return every dispute of the payment, as it is now."""
    with errors_of(account):
        pages = stripe_of(account).v1.disputes.list({"payment_intent": intent_id, "limit": 100})
        return [parse(Dispute, each.to_dict()) for each in pages.auto_paging_iter()]


def disputed_since(account: StripeAccount, created: int) -> Iterator[str]:
    """Yield the ids of the PaymentIntents disputed since (seconds since 1970), however old they are."""
    with errors_of(account):
        params: Any = {"created": {"gte": created}, "limit": 100}
        pages = stripe_of(account).v1.disputes.list(params)
        for each in parse_readable(Dispute, (found.to_dict() for found in pages.auto_paging_iter())):
            if each.payment_intent:
                yield each.payment_intent
