"""The events, who may receive them, and when their payload is built."""

from dataclasses import dataclass
from functools import cache

from .schema import schema_for

# The permission an app needs for an event, by the first words of the event's name; the longest match counts.
_PERMISSIONS = {
    "ACCOUNT_": "MANAGE_USERS",
    "ADDRESS_": "MANAGE_USERS",
    "APP_": "MANAGE_APPS",
    "CATEGORY_": "MANAGE_PRODUCTS",
    "CHANNEL_": "MANAGE_CHANNELS",
    "CHECKOUT_": "MANAGE_CHECKOUTS",
    "COLLECTION_": "MANAGE_PRODUCTS",
    "CUSTOMER_": "MANAGE_USERS",
    "FULFILLMENT_": "MANAGE_ORDERS",
    "LIST_STORED_PAYMENT_METHODS": "HANDLE_PAYMENTS",
    "ORDER_": "MANAGE_ORDERS",
    "PAYMENT_": "HANDLE_PAYMENTS",
    "PRODUCT_": "MANAGE_PRODUCTS",
    "STORED_PAYMENT_METHOD_": "HANDLE_PAYMENTS",
    "TRANSACTION_": "HANDLE_PAYMENTS",
}
# A worker builds these payloads when they are sent, so they may show a later state than the event's.
_LATE = ("ORDER_", "CHECKOUT_CREATED", "CHECKOUT_UPDATED")
_LATE_EXCEPT = frozenset({"ORDER_BULK_CREATED"})


@dataclass(frozen=True)
class EventKind:
    """An event by its name in upper case."""

    name: str

    @property
    def type_name(self) -> str:
        """The GraphQL type: ORDER_PAID is OrderPaid."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def permission(self) -> str | None:
        """The permission that the app needs to receive it."""
        matches = [start for start in _PERMISSIONS if self.name.startswith(start)]
        return _PERMISSIONS[max(matches, key=len)] if matches else None

    @property
    def is_late(self) -> bool:
        """Whether the payload is built only when it is sent."""
        return self.name.startswith(_LATE) and self.name not in _LATE_EXCEPT


@cache
def names_of(version: str, enum: str) -> frozenset[str]:
    """Return the event names of a Saleor version: `enum` is WebhookEventTypeAsyncEnum or WebhookEventTypeSyncEnum."""
    return frozenset(schema_for(version).type_map[enum].values)  # type: ignore[attr-defined]  # it is an enum
