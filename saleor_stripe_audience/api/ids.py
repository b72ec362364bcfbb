"""Ids that callers send: only what is of the right kind and of their own shop is found."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from strawberry import Info, relay

from saleor_stripe_audience.api.context import caller_of
from saleor_stripe_audience.api.filters import MOST_VALUES
from saleor_stripe_audience.audience.by_hand import Doer, not_found
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor import models as saleor


def key_of(given: relay.GlobalID, kind: str) -> UUID:
    """The key in an id of that kind; `Rejected` as not found for any other id."""
    try:
        key = UUID(given.node_id)
    except ValueError:
        raise not_found(kind.lower()) from None
    if given.type_name != kind:
        raise not_found(kind.lower())
    return key


def keys_of(given: Iterable[relay.GlobalID], kind: str) -> set[UUID]:
    """The same of several; `Rejected` for too many, or none."""
    keys = {key_of(each, kind) for each in given}
    if not 1 <= len(keys) <= MOST_VALUES:
        raise Rejected(f"Give 1 to {MOST_VALUES} ids.", code="too_many_values")
    return keys


def doer(info: Info) -> Doer:
    """Who changes something, and in which shop."""
    caller = caller_of(info)
    return Doer(saleor.Installation.objects.get(pk=caller.installation_id), caller.id)


def given(value: Any, otherwise: Any) -> Any:
    """What was sent; what is there already, where nothing was."""
    return otherwise if value is None else value
