"""The schema with all resolvers."""

from functools import cache

from graphql import GraphQLObjectType, GraphQLSchema

from . import (  # noqa: F401 - importing a module of resolvers registers them
    resolvers_account,
    resolvers_app,
    resolvers_catalogue,
    resolvers_checkout,
    resolvers_metadata,
    resolvers_order,
    resolvers_payment,
    resolvers_query,
    resolvers_stored_methods,
)
from .fields import RESOLVERS, argument_of, read
from .schema import schema_for


@cache
def executable_schema(version: str) -> GraphQLSchema:
    """Return the executable schema of one Saleor version."""
    schema = schema_for(version)
    for named in schema.type_map.values():
        if isinstance(named, GraphQLObjectType) and not named.name.startswith("__"):
            _wire(named)
    return schema


def _wire(named: GraphQLObjectType) -> None:
    for name, declared in named.fields.items():
        declared.resolve = RESOLVERS.get((named.name, name)) or RESOLVERS.get(("*", name)) or read
        for argument_name, argument in declared.args.items():
            argument.out_name = argument_of(argument_name)
