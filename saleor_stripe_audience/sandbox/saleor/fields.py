"""The resolvers of the schema's fields, and how all other fields are read from the records."""

import builtins
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from graphql import GraphQLError

from .access import Info, Resolver

RESOLVERS: dict[tuple[str, str], Resolver] = {}
# Fields that are constant here, because the stand-in does not support them (vouchers, taxes, gift cards …).
CONSTANTS: dict[tuple[str, str], Any] = {}


def resolves(type_name: str, *names: str) -> Callable[[Resolver], Resolver]:
    """Register a resolver for fields of a type."""

    def register(resolver: Resolver) -> Resolver:
        for name in names:
            RESOLVERS[type_name, name] = resolver
        return resolver

    return register


def constant(type_name: str, **values: Any) -> None:
    """Give these fields of a type constant values."""
    CONSTANTS.update({(type_name, name): value for name, value in values.items()})


@dataclass
class Refused(Exception):  # noqa: N818 - named for what happened
    """A mutation refuses; shown under `errors` of its payload."""

    field: str | None
    code: str
    message: str
    more: dict[str, Any] | None = None

    def as_error(self) -> dict[str, Any]:
        """The entry of the payload's `errors`."""
        return {"field": self.field, "code": self.code, "message": self.message, **(self.more or {})}


class ManyRefused(Exception):  # noqa: N818 - named for what happened
    """Several refusals at once."""

    def __init__(self, refusals: list[Refused]) -> None:
        super().__init__(f"{len(refusals)} refusals")
        self.refusals = refusals


class Silenced(GraphQLError):  # noqa: N818 - named for what happened
    """Makes a field null without an entry under `errors`, which Saleor does in one place."""


def mutation(name: str) -> Callable[[Resolver], Resolver]:
    """Register a mutation; what it raises as `Refused` becomes the payload's `errors`."""

    def register(resolver: Resolver) -> Resolver:
        @wraps(resolver)
        def answered(root: Any, info: Info, **arguments: Any) -> dict[str, Any]:
            try:
                return {"errors": [], **resolver(root, info, **arguments)}
            except Refused as refusal:
                return {"errors": [refusal.as_error()]}
            except ManyRefused as many:
                return {"errors": [each.as_error() for each in many.refusals]}

        RESOLVERS["Mutation", name] = answered
        return answered

    return register


def snake(name: str) -> str:
    """Return the name of a field in our records: `street_address_1` for `streetAddress1`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name).lower()


def argument_of(name: str) -> str:
    """Return the name of an argument in our resolvers: `sort_by`, and `id_`, because `id` is Python's."""
    plain = snake(name)
    return f"{plain}_" if hasattr(builtins, plain) else plain


def read(source: Any, info: Info, **_: Any) -> Any:
    """The default resolver: a key of a mapping, a constant of the type, or an attribute of a record."""
    if isinstance(source, dict):
        return source.get(info.field_name)
    known = (info.parent_type.name, info.field_name)
    if known in CONSTANTS:
        return CONSTANTS[known]
    return getattr(source, snake(info.field_name))
