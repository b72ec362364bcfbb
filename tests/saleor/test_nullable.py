"""Everything that is nullable in Saleor's schema may be null: nothing is given up because of it, and nothing crashes.

For every subscription, a complete payload is built from the schema; then each nullable field in turn is null.
"""

import copy
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_list_type,
    parse,
)

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.handlers import handlers_for
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor import listing, webhooks
from saleor_stripe_audience.saleor.documents import read_version
from saleor_stripe_audience.saleor.manifest import manifest
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import APP, account, installation, stripe_sandbox, stripe_url  # noqa: F401 - fixtures
from tests.recordings import genuine_schema

VERSIONS = ["3.21", "3.24"]
NOW = datetime.now(UTC)

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
Place = tuple[str | int, ...]

TEXTS = {
    "email": "robin@example.com",
    "userEmail": "robin@example.com",
    "slug": "default-channel",
    "currency": "USD",
    "currencyCode": "USD",
    "languageCode": "EN",
    "languageCodeEnum": "EN",
    "code": "US",
    "version": "3.23.28",
    "url": "https://shop.example.com/picture.png",
    "pspReference": "",
}
ENUMS = {"actionType": "CHARGE", "languageCode": "EN", "languageCodeEnum": "EN"}


QUERIES = {
    (version, each["identifier"]): each["query"]
    for version in VERSIONS
    for each in manifest("app", read_version(version))["webhooks"]
}


def payloads_of(kind: str) -> list[tuple[Json, list[Place]]]:
    """Return the different complete payloads of the event, each with the places of its fields that may be null.

    They differ where the versions ask for something else, and where the event can be about a checkout or an order.
    """
    found: list[tuple[Json, list[Place]]] = []
    for version in VERSIONS:
        if (version, kind) in QUERIES:
            found += [each for each in payloads_of_version(version, kind) if each not in found]
    return found


def payloads_of_version(version: str, kind: str) -> list[tuple[Json, list[Place]]]:
    [operation] = parse(QUERIES[version, kind]).definitions
    assert isinstance(operation, OperationDefinitionNode)
    [event] = operation.selection_set.selections
    assert isinstance(event, FieldNode)
    assert event.selection_set is not None
    found = genuine_schema(version).type_map[webhooks.type_of(kind)]
    assert isinstance(found, GraphQLObjectType)
    made: list[tuple[Json, list[Place]]] = []
    for chosen in ("Checkout", "Order"):
        nullable: list[Place] = []
        payload = _object(genuine_schema(version), found, event.selection_set, (), nullable, chosen)
        if (payload, nullable) not in made:
            made.append((payload, nullable))
    return made


def _object(
    schema: GraphQLSchema,
    of: GraphQLObjectType,
    selected: SelectionSetNode,
    place: Place,
    nullable: list[Place],
    chosen: str,
) -> Json:
    made: Json = {}
    for each in selected.selections:
        if isinstance(each, InlineFragmentNode):
            assert each.type_condition is not None
            if each.type_condition.name.value == of.name:
                made |= _object(schema, of, each.selection_set, place, nullable, chosen)
        elif isinstance(each, FieldNode):
            name, shown = each.name.value, (each.alias or each.name).value
            made[shown] = (
                of.name
                if name == "__typename"
                else _value(schema, of.fields[name].type, each, (*place, shown), nullable, chosen)
            )
    return made


def _value(
    schema: GraphQLSchema, kind: Any, field: FieldNode, place: Place, nullable: list[Place], chosen: str
) -> Any:
    if not isinstance(kind, GraphQLNonNull):
        nullable.append(place)
    else:
        kind = kind.of_type
    if is_list_type(kind):
        return [_value(schema, kind.of_type, field, (*place, 0), nullable, chosen)]
    named = get_named_type(kind)
    if field.selection_set is None:
        return _scalar(named, field.name.value, place)
    if is_abstract_type(named):
        possible = {each.name: each for each in schema.get_possible_types(named)}
        named = possible.get(chosen) or possible["User"]
    return _object(schema, named, field.selection_set, place, nullable, chosen)


def _scalar(kind: Any, name: str, place: Place) -> Any:
    """Return a value for the field: the same one at the same place, so that equal payloads are found."""
    if isinstance(kind, GraphQLEnumType):
        return ENUMS.get(name, next(iter(kind.values)))
    by_type: Json = {
        "DateTime": NOW.isoformat(),
        "Boolean": True,
        "Int": 1,
        "Float": 1.0,
        "Decimal": 12.5,
        "PositiveDecimal": 12.5,
        "JSON": None,
        "JSONString": '{"blocks": []}',
        "Metadata": {"key": "value"},
        "ID": f"VHlwZTo=={uuid.uuid5(uuid.NAMESPACE_OID, str(place)).hex}",
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, str(place))),
    }
    return by_type[kind.name] if kind.name in by_type else TEXTS.get(name, "text")


def without(payload: Json, place: Place) -> Json:
    changed = copy.deepcopy(payload)
    inside: Any = changed
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = None
    return changed


def work(installation: Installation, kind: str, payload: Json) -> None:  # noqa: F811 - a fixture
    """Do what the view and the worker do; exceptions are raised."""
    if (sync_webhook := webhooks.sync_webhooks().get(kind)) is not None:
        try:
            assert isinstance(sync_webhook.respond(installation, payload), dict)
        except Failure as failure:
            assert failure.message  # noqa: PT017 - a refusal with a message is a valid result
        return
    event = Event.objects.create(
        source="saleor",
        origin=installation.pk,
        key=uuid.uuid4().hex,
        kind=kind,
        payload=payload,
        occurred_at=datetime.now(UTC),
    )
    for handler in handlers_for("saleor", kind):
        with handler.within(event) if handler.within is not None else nullcontext():
            write = handler.prepare(event)
            if write is not None:
                write()


def fresh(payload: Json) -> Json:
    """Return the same payload with another transaction, order, checkout, customer and product."""
    changed = copy.deepcopy(payload) | {"recipient": {"id": APP}}
    for name in ("transaction", "order", "checkout", "user", "product", "productVariant"):
        if isinstance(changed.get(name), dict) and "id" in changed[name]:
            changed[name]["id"] = f"VHlwZTo=={uuid.uuid4().hex}"
    return changed


@pytest.mark.parametrize("kind", dict.fromkeys(kind for _, kind in QUERIES))
def test_what_may_be_null_is_ordinary(
    installation: Installation,  # noqa: F811 - a fixture
    account: StripeAccount,  # noqa: F811 - a fixture
    stripe_url: str,  # noqa: F811 - a fixture
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setattr(listing, "fetch_products", lambda *_: iter(()))  # there is no shop to list them
    failed: dict[str, str] = {}
    for payload, nullable in payloads_of(kind):
        work(installation, kind, fresh(payload))
        for place in nullable:
            if place[0] == "recipient":
                continue
            try:
                work(installation, kind, without(fresh(payload), place))
            except Exception as error:  # noqa: BLE001 - all of them are reported together
                failed[".".join(map(str, place))] = f"{type(error).__name__}: {error}"
    assert failed == {}
