"""The product's own enumerations as the API shows them: named and described once, before any type uses them."""

import strawberry

from saleor_stripe_audience.audience.status import Status

__all__ = ["Status"]

strawberry.enum(
    Status,
    name="ContactStatus",
    description="What a person agreed to. A purchase never changes it: buyers begin as NONSUBSCRIBED.",
)
_STATUSES = {
    Status.NONSUBSCRIBED: "Never asked, or never answered: gets what an order needs, no marketing.",
    Status.PENDING: "Asked, and has not confirmed by mail yet.",
    Status.SUBSCRIBED: "Agreed to marketing.",
    Status.UNSUBSCRIBED: "Took it back, or complained: no marketing.",
    Status.CLEANED: "The address does not take mail.",
    Status.ARCHIVED: "Put aside by the shop.",
}
for _value in Status.__strawberry_definition__.values:  # type: ignore[attr-defined]  # put there by strawberry.enum
    _value.description = _STATUSES[Status(_value.value)]
