"""GraphQL operations of the app's own schemas: any field, any arguments, unusual values for some of them."""

import json
import random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from . import odd

DEEPEST = 3
ODDITY = 0.3


class Queries:
    """Creates operations of a schema; `given` are real values, such as ids, by the name of their argument."""

    def __init__(self, schema: GraphQLSchema, given: dict[str, list[Any]]) -> None:
        self._roots = [each for each in (schema.query_type, schema.mutation_type) if each is not None]
        self._given = given

    def operation(self, chance: random.Random) -> dict[str, Any]:
        """Return a request with one field of the query or mutation type; its arguments are variables or literals."""
        root = chance.choice(self._roots)
        name = chance.choice(sorted(root.fields))
        field, variables = root.fields[name], {}
        written, declared = [], []
        for argument, kind in sorted(field.args.items()):
            if not isinstance(kind.type, GraphQLNonNull) and chance.random() < 0.4:
                continue
            variables[argument] = self._value(argument, kind.type, chance, 0)
            declared.append(f"${argument}: {kind.type}")
            written.append(f"{argument}: ${argument}")
        arguments = f"({', '.join(written)})" if written else ""
        heading = f"({', '.join(declared)})" if declared else ""
        verb = "mutation" if root.name == "Mutation" else "query"
        query = f"{verb} Any{heading} {{ {name}{arguments}{self._selection(field, chance, 0)} }}"
        operation = {"query": query, "variables": variables, "operationName": "Any"}
        if chance.random() < 0.05:
            operation["query"] = query.replace("{", chance.choice(("{ {", "", "{ ...a ", "{ x: ")), 1)
        return operation

    def _selection(self, field: GraphQLField, chance: random.Random, depth: int) -> str:
        kind = get_named_type(field.type)
        if isinstance(kind, GraphQLUnionType):
            return " { __typename }"
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return ""
        names = [name for name in kind.fields if depth < DEEPEST or not _has_fields(kind.fields[name])]
        chosen = chance.sample(names, min(len(names), chance.choice((1, 3, 6))))
        needs_no_value = [name for name in chosen if not _must_be_given(kind.fields[name])]
        inside = " ".join(
            f"{name}{self._selection(kind.fields[name], chance, depth + 1)}" for name in needs_no_value
        )
        return f" {{ __typename {inside} }}"

    def _value(self, name: str, kind: GraphQLInputType, chance: random.Random, depth: int) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(name, kind.of_type, chance, depth)
        if chance.random() < ODDITY:
            return odd.value(chance)
        if isinstance(kind, GraphQLList):
            return [self._value(name, kind.of_type, chance, depth) for _ in range(chance.choice((0, 1, 2)))]
        if isinstance(kind, GraphQLEnumType):
            return chance.choice(sorted(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            fields = kind.fields if depth < DEEPEST else {}
            return {
                each: self._value(each, field.type, chance, depth + 1)
                for each, field in fields.items()
                if isinstance(field.type, GraphQLNonNull) or chance.random() < 0.5
            }
        return self._scalar(name, str(kind), chance)

    def _scalar(self, name: str, kind: str, chance: random.Random) -> Any:
        if name in self._given:
            return chance.choice(self._given[name])
        if kind in ("Int", "Float"):
            return chance.choice((0, 1, 2, 50, 100, -1, 2**31 - 1))
        if kind == "Boolean":
            return chance.random() < 0.5
        if kind == "DateTime":
            return chance.choice(("2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"))
        if kind == "JSON":
            return json.loads(json.dumps(odd.value(chance)))
        return odd.text(chance)


def _has_fields(field: GraphQLField) -> bool:
    return isinstance(get_named_type(field.type), GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)


def _must_be_given(field: GraphQLField) -> bool:
    return any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())
