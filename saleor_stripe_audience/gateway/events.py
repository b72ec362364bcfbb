"""Stripe's Events: listed to find those that never arrived, and read when they did."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel

from saleor_stripe_audience.gateway.client import errors_of, stripe_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import parse
from saleor_stripe_audience.inbox.models import Event

MOST_TYPES = 20  # Stripe's limit per request
PRIVATE = frozenset({"client_secret", "billing_details", "shipping", "receipt_email", "evidence", "funded"})


def list_since(account: StripeAccount, created: int, types: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the account's events of these types since `created` (seconds since 1970); Stripe keeps them for 30 days.

    The newest of each twenty types come first. They are as `without_private` returns them.
    """
    for start in range(0, len(types), MOST_TYPES):
        some = list(types[start : start + MOST_TYPES])
        with errors_of(account):
            params: Any = {"created": {"gte": created}, "types": some, "limit": 100}
            for event in stripe_of(account).v1.events.list(params).auto_paging_iter():
                # For JSON, because the library reads some amounts as Decimal.
                found: dict[str, Any] = without_private(event.to_dict(for_json=True))
                yield found


def without_private(value: Any) -> Any:
    """Return the event without what no handler reads and nobody else should.

    With a client secret, anyone can confirm the payment that it belongs to. The rest are the shopper's name, address
    and phone number, and the account from which a bank transfer was sent, which would outlive their erasure.
    """
    if isinstance(value, dict):
        return {name: without_private(each) for name, each in value.items() if name not in PRIVATE}
    if isinstance(value, list):
        return [without_private(each) for each in value]
    return value


def object_of[Parsed: BaseModel](event: Event, model: type[Parsed]) -> Parsed:
    """Return the object that a Stripe event in the inbox is about, as it was then; `Rejected` if unreadable."""
    found = (event.payload or {}).get("data", {}).get("object")
    return event.read_once(model, partial(parse, model), found)
