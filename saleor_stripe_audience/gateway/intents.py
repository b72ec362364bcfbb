"""The names under which a PaymentIntent's metadata says whose it is and what it pays, and what is believed of that."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

Json = Mapping[str, Any]
Memory = Callable[[uuid.UUID, Json], str | None]

INSTALLATION, TRANSACTION, FLOW, SOURCE, CHANNEL = (
    "saleor_installation",
    "saleor_transaction",
    "saleor_flow",
    "saleor_source",
    "saleor_channel",
)

_memories: list[Memory] = []


def remembers_sources(function: Memory) -> Memory:
    """Have the function asked what an intent of a shop pays. It says None of one that it does not know."""
    _memories.append(function)
    return function


def source_of(installation_id: uuid.UUID, intent: Json) -> str:
    """Saleor's id of the checkout or order that the intent pays; empty if it is not of that shop.

    Metadata can be edited at Stripe by anybody with access to the account: it is believed of an intent that nobody here
    remembers.
    """
    for remembered in _memories:
        if (known := remembered(installation_id, intent)) is not None:
            return known
    metadata = intent.get("metadata") or {}
    is_ours = metadata.get(INSTALLATION) == str(installation_id)
    return str(metadata.get(SOURCE) or "") if is_ours else ""
