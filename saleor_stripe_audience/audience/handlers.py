"""What the audience does with Saleor's events; each runs in one transaction with its record of having run.

`occurred_at` is Saleor's `issuedAt`, to the microsecond: it orders the events of one object.
"""

from typing import Any

from saleor_stripe_audience.audience import contacts, erasure, metadata, purchases
from saleor_stripe_audience.audience.models import Erasure
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.handlers import handles
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor.client import installation_of

_ORDERS = (
    "order_created",
    "order_paid",
    "order_fully_paid",
    "order_refunded",
    "order_cancelled",
    "order_updated",
)
_ACCOUNTS = ("customer_created", "customer_updated", "account_confirmed", "account_email_changed")
_DELETIONS = {
    "customer_deleted": Erasure.Reason.CUSTOMER_DELETED,
    "account_deleted": Erasure.Reason.ACCOUNT_DELETED,
}


@handles("saleor", *_ORDERS)
def record_order(event: Event) -> None:
    purchases.record_order(installation_of(event), _part(event, "order"), event.occurred_at)


# Apart from the order itself: a consent that proves nothing is refused with its reason, the purchase is kept.
@handles("saleor", *_ORDERS)
def record_order_consent(event: Event) -> None:
    metadata.record_order_words(installation_of(event), _part(event, "order"), event.occurred_at)


@handles("saleor", *_ACCOUNTS)
def record_customer(event: Event) -> None:
    contacts.record_customer(installation_of(event), _part(event, "user"), event.occurred_at)


@handles("saleor", *_ACCOUNTS)
def record_customer_consent(event: Event) -> None:
    metadata.record_account_words(installation_of(event), _part(event, "user"), event.occurred_at)


@handles("saleor", *_DELETIONS)
def erase_customer(event: Event) -> None:
    """Saleor sends `account_deleted` alone when customers delete their own account."""
    erasure.follow_deletion(installation_of(event), _part(event, "user"), _DELETIONS[event.kind], event)


def _part(event: Event, name: str) -> dict[str, Any]:
    part = (event.payload or {}).get(name)
    if not isinstance(part, dict):
        raise Rejected(
            f"Saleor's {event.kind} came without its {name}. The app may lack a permission: look at its "
            "permissions in Saleor's Dashboard, then replay the event.",
            code="payload",
        )
    return part
