"""Ids that callers send: only objects of the right type in their own shop are found."""

import re
from collections.abc import Iterable
from uuid import UUID

import strawberry
from strawberry import Info, relay

from saleor_stripe_audience.api.context import caller_of
from saleor_stripe_audience.api.errors import ErrorCode, InvalidInput
from saleor_stripe_audience.api.filters import MOST_VALUES
from saleor_stripe_audience.audience.staff_actions import Actor
from saleor_stripe_audience.shops.models import Installation

LONGEST_NUMBER = 18  # digits that every database counts to


def own_shop(info: Info) -> Installation:
    """Return the caller's shop."""
    return Installation.objects.get(pk=caller_of(info).installation_id)


def actor_of(info: Info) -> Actor:
    """Return who changes something, and in which shop."""
    return Actor(own_shop(info), caller_of(info).id)


def key_of(given: strawberry.ID, kind: str, field: str = "id") -> UUID:
    """Return the key in an id of that type; `InvalidInput` for any other text."""
    try:
        return UUID(_key_in(given, kind, field))
    except ValueError:
        raise not_found(kind, field) from None


def number_of(given: strawberry.ID, kind: str, field: str = "id") -> int:
    """Return the same for a type whose keys are numbers."""
    key = _key_in(given, kind, field)
    if not (key.isascii() and key.isdigit()) or len(key) > LONGEST_NUMBER:
        raise not_found(kind, field)
    return int(key)


def keys_of(given: Iterable[strawberry.ID], kind: str, field: str) -> set[UUID]:
    """Return the keys in several ids; `InvalidInput` for too many, or none."""
    keys = {key_of(each, kind, field) for each in given}
    if not 1 <= len(keys) <= MOST_VALUES:
        raise InvalidInput(f"Give 1 to {MOST_VALUES} ids.", ErrorCode.TOO_MANY_VALUES, field)
    return keys


def not_found(kind: str, field: str = "id") -> InvalidInput:
    """Return the same error for what never existed and for what belongs to another shop."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
    return InvalidInput(f"This shop has no such {words}.", ErrorCode.NOT_FOUND, field)


def _key_in(given: strawberry.ID, kind: str, field: str) -> str:
    try:
        found = relay.GlobalID.from_id(given)
    except relay.GlobalIDValueError:
        raise InvalidInput("This is not an id from this API.", ErrorCode.GRAPHQL_ERROR, field) from None
    if found.type_name != kind:
        raise not_found(kind, field)
    return found.node_id
