"""Which checkout or order of Saleor a PaymentIntent pays."""

import uuid
from collections.abc import Callable

from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.objects import PaymentIntent

Lookup = Callable[[uuid.UUID, PaymentIntent], str | None]
_lookups: list[Lookup] = []


def looks_up_sources(function: Lookup) -> Lookup:
    """Register a function that returns what an intent of a shop pays; None for one that it does not know."""
    _lookups.append(function)
    return function


def source_of(installation_id: uuid.UUID, intent: PaymentIntent) -> str:
    """Return Saleor's id of the checkout or order that the intent pays; empty if it is not of that shop.

    Anyone with access to the Stripe account can edit metadata: it counts only for an intent that is not known here.
    """
    for look_up in _lookups:
        if (known := look_up(installation_id, intent)) is not None:
            return known
    return intent.metadata.get(names.SOURCE, "") if intent.belongs_to(installation_id) else ""
