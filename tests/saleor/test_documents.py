"""Every document that the app sends to Saleor is valid in every supported version."""

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    FragmentDefinitionNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    parse,
    validate,
    visit,
)

from saleor_stripe_audience.documents import document_names, read_document
from saleor_stripe_audience.saleor.documents import fields, operation, read_version
from saleor_stripe_audience.saleor.manifest import manifest, variants
from saleor_stripe_audience.saleor.webhooks import type_of
from tests.recordings import genuine_schema

VERSIONS = ["3.21", "3.22", "3.23", "3.24"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_query_of_every_manifest_is_valid(version: str) -> None:
    for variant in variants():
        for webhook in manifest(variant, read_version(version))["webhooks"]:
            assert validate(genuine_schema(version), parse(webhook["query"])) == [], (
                variant,
                webhook["identifier"],
            )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_operation_is_valid(version: str) -> None:
    names = document_names("graphql/operations", ".graphql")
    assert names
    for name in names:
        text = read_document(f"graphql/operations/{name}.graphql")
        if not text.startswith("# since") or version >= text[len("# since ") :][:4]:
            assert validate(genuine_schema(version), parse(operation(name, read_version(version)))) == [], (
                name
            )


def test_every_fragment_is_written_once_used_and_valid() -> None:
    names = document_names("graphql/fragments", ".graphql")
    texts = [
        read_document(f"graphql/{folder}/{name}.graphql")
        for folder in ("webhooks", "operations", "fragments")
        for name in document_names(f"graphql/{folder}", ".graphql")
    ]
    spread = {line.strip() for text in texts for line in text.splitlines()}
    for name in names:
        [fragment] = parse(read_document(f"graphql/fragments/{name}.graphql")).definitions
        assert isinstance(fragment, FragmentDefinitionNode)
        assert fragment.name.value == name
        assert f"...{name}" in spread, name
        kind = fragment.type_condition.name.value
        for version in VERSIONS:
            asked = f"fragment X on {kind} {fields(name, read_version(version))}"
            assert validate(genuine_schema(version), parse(asked), [FieldsOnCorrectTypeRule]) == [], name


def test_no_document_asks_a_field_twice() -> None:
    for version in VERSIONS:
        for webhook in manifest("app", read_version(version))["webhooks"]:
            assert _queried_twice(parse(webhook["query"])) == [], webhook["identifier"]
        for name in document_names("graphql/operations", ".graphql"):
            assert _queried_twice(parse(operation(name, read_version(version)))) == [], name


def _queried_twice(document: DocumentNode) -> list[str]:
    found: list[str] = []

    class Repeated(Visitor):
        def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
            fields = [each for each in node.selections if isinstance(each, FieldNode)]
            names = [(each.alias or each.name).value for each in fields]
            found.extend(name for name in set(names) if names.count(name) > 1)

    visit(document, Repeated())
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_ask_for_known_events_and_permissions(version: str) -> None:
    schema = genuine_schema(version)
    permissions = set(schema.type_map["PermissionEnum"].values)  # type: ignore[attr-defined]  # an enum, by its name
    synchronous = set(schema.type_map["WebhookEventTypeSyncEnum"].values)  # type: ignore[attr-defined]  # likewise
    asynchronous = set(schema.type_map["WebhookEventTypeAsyncEnum"].values)  # type: ignore[attr-defined]  # likewise
    for variant in variants():
        made = manifest(variant, read_version(version))
        assert set(made["permissions"]) <= permissions
        for webhook in made["webhooks"]:
            assert set(webhook.get("syncEvents", [])) <= synchronous
            assert set(webhook.get("asyncEvents", [])) <= asynchronous


@pytest.mark.parametrize("version", VERSIONS)
def test_every_subscription_requests_its_type_and_time(version: str) -> None:
    """With these, the app recognizes a captured body that is posted later, or to another endpoint."""
    for webhook in manifest("app", read_version(version))["webhooks"]:
        asked = _fields_of_event(webhook["query"])
        kind = webhook["targetUrl"].rpartition("/")[2].replace("-", "_")
        assert {"__typename", "issuedAt", f"... on {type_of(kind)}"} <= asked, kind
        assert type_of(kind) in genuine_schema(version).type_map


def _fields_of_event(query: str) -> set[str]:
    """Return the selected fields of the event itself, whether in its fragment or outside of it."""
    [subscription] = parse(query).definitions
    assert isinstance(subscription, OperationDefinitionNode)
    [event] = subscription.selection_set.selections
    assert isinstance(event, FieldNode)
    assert event.selection_set is not None
    asked: set[str] = set()
    for each in event.selection_set.selections:
        if isinstance(each, InlineFragmentNode) and each.type_condition:
            asked.add(f"... on {each.type_condition.name.value}")
            asked |= {one.name.value for one in each.selection_set.selections if isinstance(one, FieldNode)}
        elif isinstance(each, FieldNode):
            asked.add(each.name.value)
    return asked
