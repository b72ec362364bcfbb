"""The stand-in's GraphQL schema: the supported part of one version of Saleor's."""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import Any
from uuid import UUID

from graphql import (
    REMOVE,
    SKIP,
    DocumentNode,
    GraphQLAbstractType,
    GraphQLInterfaceType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    Node,
    Visitor,
    build_ast_schema,
    parse,
    value_from_ast_untyped,
    visit,
)

VERSIONS = ("3.21", "3.22", "3.23", "3.24")


def text() -> str:
    """Return the schema of all versions, with `@since` and `@until`."""
    return resources.files(__package__).joinpath("schema.graphql").read_text(encoding="utf-8")


class _ForVersion(Visitor):
    """Removes what a version does not have, and the directives for it."""

    def __init__(self, version: str) -> None:
        super().__init__()
        self._version = _ordered(version)

    def enter(self, node: Node, *_: Any) -> Any:
        if node.kind == "directive_definition":
            return REMOVE
        marks = getattr(node, "directives", None) or ()
        return REMOVE if any(not self._holds(mark) for mark in marks) else None

    def enter_directive(self, node: Any, *_: Any) -> Any:
        return REMOVE if node.name.value in {"since", "until"} else SKIP

    def _holds(self, mark: Any) -> bool:
        if mark.name.value not in {"since", "until"}:
            return True
        bound = _ordered(mark.arguments[0].value.value)
        return self._version >= bound if mark.name.value == "since" else self._version <= bound


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


@cache
def document_for(version: str) -> DocumentNode:
    """Return the schema definition of one version."""
    without: DocumentNode = visit(parse(text(), no_location=True), _ForVersion(version))
    return without


@cache
def schema_for(version: str) -> GraphQLSchema:
    """Return the schema of one Saleor version, such as "3.23", against which documents are validated."""
    schema = build_ast_schema(document_for(version))
    for named in schema.type_map.values():
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            named.resolve_type = _type_of
        elif isinstance(named, GraphQLScalarType) and named.name in _SCALARS:
            _convert(named)
    return schema


def _type_of(value: Any, _info: Any, _abstract: GraphQLAbstractType) -> str:
    return str(value["__typename"] if isinstance(value, dict) else value.type_name)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("A time needs its zone.")
    return moment


def _decimal(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not a decimal.") from error
    if isinstance(value, bool) or not amount.is_finite():
        raise ValueError(f"{value!r} is not a decimal.")
    return amount


def _positive(value: Any) -> Decimal:
    amount = _decimal(value)
    if amount < 0:
        raise ValueError("Value cannot be lower than 0.")
    return amount


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("A whole number above zero is expected.")
    return value


def _json_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("JSONString takes a string that holds JSON.")
    json.loads(value)
    return value


def _same(value: Any) -> Any:
    return value


def _iso(value: date) -> str:
    return value.isoformat()


type _Convert = Callable[[Any], Any]
# Serializers of output, parsers of input.
_SCALARS: dict[str, tuple[_Convert, _Convert]] = {
    "DateTime": (_iso, _moment),
    "Date": (_iso, date.fromisoformat),
    "Decimal": (float, _decimal),
    "PositiveDecimal": (float, _positive),
    "PositiveInt": (int, _whole),
    "JSON": (_same, _same),
    "JSONString": (_same, _json_text),
    "Metadata": (_same, _same),
    "Upload": (_same, _same),
    "UUID": (str, lambda value: str(UUID(value))),
    "Minute": (int, int),
    "Hour": (int, int),
    "Day": (int, int),
}


def _convert(scalar: GraphQLScalarType) -> None:
    outwards, inwards = _SCALARS[scalar.name]
    scalar.coerce_output_value = outwards
    scalar.coerce_input_value = inwards
    scalar.coerce_input_literal = lambda node: inwards(value_from_ast_untyped(node))
