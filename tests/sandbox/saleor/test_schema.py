"""The stand-in's part of the schema agrees with the real one, and everything in it is resolved."""

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
)

from saleor_stripe_audience.sandbox.saleor import state
from saleor_stripe_audience.sandbox.saleor.fields import CONSTANTS, RESOLVERS, snake
from saleor_stripe_audience.sandbox.saleor.resolvers import executable_schema
from saleor_stripe_audience.sandbox.saleor.schema import VERSIONS, schema_for
from tests.recordings import genuine_schema

# These became stricter or laxer between versions; the stand-in has one form. Types change, never names.
CHANGED_TYPES = {
    ("Attribute", "name"),
    ("Attribute", "slug"),
    ("CheckoutCreateInput", "lines"),
    ("AppInstallInput", "appName"),
    ("AppInstallInput", "manifestUrl"),
    ("webhookDelete", "id"),
    ("webhookUpdate", "id"),
}


def own_types(schema: GraphQLSchema) -> dict[str, GraphQLNamedType]:
    return {name: each for name, each in schema.type_map.items() if not name.startswith("__")}


def field_faults(ours: GraphQLNamedType, theirs: GraphQLNamedType) -> list[str]:
    kinds = (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)
    if not isinstance(ours, kinds) or not isinstance(theirs, kinds):
        return []
    found = []
    for name, declared in ours.fields.items():
        genuine = theirs.fields.get(name)
        if genuine is None:
            found.append(f"{ours.name}.{name} does not exist")
            continue
        if str(declared.type) != str(genuine.type) and (ours.name, name) not in CHANGED_TYPES:
            found.append(f"{ours.name}.{name} is {genuine.type}, not {declared.type}")
        for argument, given in getattr(declared, "args", {}).items():
            known = getattr(genuine, "args", {}).get(argument)
            if (name, argument) in CHANGED_TYPES:
                continue
            if known is None or str(known.type) != str(given.type):
                found.append(f"{ours.name}.{name}({argument}:) is {known and known.type}, not {given.type}")
        missing = [
            argument
            for argument, known in getattr(genuine, "args", {}).items()
            if str(known.type).endswith("!") and argument not in getattr(declared, "args", {})
        ]
        found.extend(f"{ours.name}.{name} is missing the required {argument}" for argument in missing)
    return found


def faults(ours: GraphQLNamedType, theirs: GraphQLNamedType | None) -> list[str]:
    if theirs is None:
        return [f"{ours.name} does not exist"]
    if type(ours) is not type(theirs):
        return [f"{ours.name} is another kind of type"]
    found = field_faults(ours, theirs)
    if isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
        found += [f"{ours.name}.{value}" for value in ours.values if value not in theirs.values]
    if isinstance(ours, GraphQLUnionType) and isinstance(theirs, GraphQLUnionType):
        members = {each.name for each in theirs.types}
        found += [f"{ours.name} | {each.name}" for each in ours.types if each.name not in members]
    if isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
        required = [name for name, each in theirs.fields.items() if str(each.type).endswith("!")]
        found += [
            f"{ours.name} is missing the required {name}" for name in required if name not in ours.fields
        ]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_names_and_types_are_the_real_ones(version: str) -> None:
    genuine = genuine_schema(version)
    found = [
        fault
        for name, ours in own_types(schema_for(version)).items()
        for fault in faults(ours, genuine.type_map.get(name))
    ]
    assert found == []


def test_versions_differ_where_the_real_ones_do() -> None:
    assert "transactions" not in schema_for("3.21").type_map["Query"].fields  # type: ignore[attr-defined]  # an object
    assert "CustomerDeleted" not in schema_for("3.22").type_map
    assert "CustomerDeleted" in schema_for("3.23").type_map


RECORDS = {
    "App": state.App,
    "AppInstallation": state.Installation,
    "AppProblem": state.Problem,
    "Address": state.Address,
    "Category": state.Category,
    "Channel": state.Channel,
    "Checkout": state.Checkout,
    "Collection": state.Collection,
    "Money": state.Money,
    "Order": state.Order,
    "OrderEvent": state.OrderEvent,
    "OrderLine": state.OrderLine,
    "Product": state.Product,
    "ProductChannelListing": state.ProductListing,
    "ProductMedia": state.ProductMedia,
    "ProductType": state.ProductType,
    "ProductVariant": state.Variant,
    "ProductVariantChannelListing": state.VariantListing,
    "TransactionItem": state.Transaction,
    "User": state.User,
    "Webhook": state.Webhook,
}


@pytest.mark.parametrize("type_name", RECORDS)
def test_every_field_of_every_record_is_answered(type_name: str) -> None:
    record = RECORDS[type_name]
    held = {*getattr(record, "__dataclass_fields__", {}), *vars(state.Record), *dir(record)}
    declared = executable_schema("3.23").type_map[type_name].fields  # type: ignore[attr-defined]  # an object type
    unanswered = [
        name
        for name in declared
        if not {(type_name, name), ("*", name)} & RESOLVERS.keys()
        and (type_name, name) not in CONSTANTS
        and snake(name) not in held
    ]
    assert unanswered == []


@pytest.mark.parametrize("root", ["Query", "Mutation"])
def test_every_query_and_mutation_is_answered(root: str) -> None:
    declared = executable_schema("3.24").type_map[root].fields  # type: ignore[attr-defined]  # an object type
    assert [name for name in declared if (root, name) not in RESOLVERS] == []


def test_every_resolver_has_a_field() -> None:
    schemas = [executable_schema(version) for version in VERSIONS]
    lost = [
        (type_name, name)
        for type_name, name in [*RESOLVERS, *CONSTANTS]
        if type_name != "*"
        and not any(name in getattr(each.type_map.get(type_name), "fields", {}) for each in schemas)
    ]
    assert lost == []
