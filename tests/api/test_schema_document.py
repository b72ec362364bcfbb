from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, build_schema

from saleor_stripe_audience.api.export import PATH, schema_text
from saleor_stripe_audience.documents import read_document


def test_the_exported_schema_is_fresh() -> None:
    """Stale? `DJANGO_SETTINGS_MODULE=tests.settings .venv/bin/python -m saleor_stripe_audience.api.export`."""
    assert read_document(PATH) == schema_text()


def test_every_type_and_field_is_described() -> None:
    types = build_schema(schema_text()).type_map
    own = {
        name: kind
        for name, kind in types.items()
        if not name.startswith("__") and isinstance(kind, GraphQLObjectType)
    }
    bare = [name for name, kind in own.items() if not kind.description]
    bare += [
        f"{name}.{field}"
        for name, kind in own.items()
        for field, of in kind.fields.items()
        if not of.description
    ]
    assert len(own) > 10
    assert bare == []


def test_every_input_argument_and_value_is_described() -> None:
    types = build_schema(schema_text()).type_map
    bare = []
    for name, kind in types.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLInputObjectType | GraphQLEnumType) and not kind.description:
            bare.append(name)
        if isinstance(kind, GraphQLInputObjectType):
            bare += [f"{name}.{field}" for field, of in kind.fields.items() if not of.description]
        if isinstance(kind, GraphQLEnumType):
            bare += [f"{name}.{value}" for value, of in kind.values.items() if not of.description]
        if isinstance(kind, GraphQLObjectType):
            bare += [
                f"{name}.{field}({argument})"
                for field, of in kind.fields.items()
                for argument, given in of.args.items()
                if not given.description
            ]
    assert bare == []
