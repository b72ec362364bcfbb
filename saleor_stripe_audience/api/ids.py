"""Ids that callers send: only what is of the right kind and of their own shop is found."""

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
    """The shop of the caller."""
    return Installation.objects.get(pk=caller_of(info).installation_id)


def actor_of(info: Info) -> Actor:
    """Who changes something, and in which shop."""
    return Actor(own_shop(info), caller_of(info).id)


def key_of(given: strawberry.ID, kind: str, field: str = "id") -> UUID:
    """The key in an id of that kind; `InvalidInput` for any other text."""
    try:
        return UUID(_key_in(given, kind, field))
    except ValueError:
        raise not_found(kind, field) from None


def number_of(given: strawberry.ID, kind: str, field: str = "id") -> int:
    """The same of a kind whose keys are numbers."""
    key = _key_in(given, kind, field)
    if not (key.isascii() and key.isdigit()) or len(key) > LONGEST_NUMBER:
        raise not_found(kind, field)
    return int(key)


def keys_of(given: Iterable[strawberry.ID], kind: str, field: str) -> set[UUID]:
    """The keys in several ids; `InvalidInput` for too many, or none."""
    keys = {key_of(each, kind, field) for each in given}
    if not 1 <= len(keys) <= MOST_VALUES:
        raise InvalidInput(f"Give 1 to {MOST_VALUES} ids.", ErrorCode.TOO_MANY_VALUES, field)
    return keys


def not_found(kind: str, field: str = "id") -> InvalidInput:
    """The same for what never was and for what another shop has."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
    return InvalidInput(f"This shop has no such {words}.", ErrorCode.NOT_FOUND, field)


def _key_in(given: strawberry.ID, kind: str, field: str) -> str:
    try:
        found = relay.GlobalID.from_id(given)
    except relay.GlobalIDValueError:
        raise InvalidInput("This is no id of ours.", ErrorCode.GRAPHQL_ERROR, field) from None
    if found.type_name != kind:
        raise not_found(kind, field)
    return found.node_id
