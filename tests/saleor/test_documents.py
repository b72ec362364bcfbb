"""Every document we send to the host is valid at every version we install on."""

from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from saleor_stripe_audience.documents import document_names, read_document
from saleor_stripe_audience.saleor.manifest import manifest, read_version, since, variants

SCHEMAS = Path(__file__).parents[3] / "shared" / "saleor" / "schema"
VERSIONS = ["3.21", "3.22", "3.23", "3.24"]

pytestmark = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the host's schemas are not beside the checkout")


@cache
def host(version: str) -> GraphQLSchema:
    return build_schema((SCHEMAS / f"{version}.graphql").read_text(), assume_valid=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_query_of_every_manifest_is_valid(version: str) -> None:
    for variant in variants():
        for webhook in manifest(variant, read_version(version))["webhooks"]:
            assert validate(host(version), parse(webhook["query"])) == [], (variant, webhook["identifier"])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_operation_is_valid(version: str) -> None:
    names = document_names("graphql/operations", ".graphql")
    assert names
    for name in names:
        text = read_document(f"graphql/operations/{name}.graphql")
        if since(text.partition("\n")[0]) <= read_version(version):
            assert validate(host(version), parse(text)) == [], name


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_ask_for_known_events_and_permissions(version: str) -> None:
    schema = host(version)
    permissions = set(schema.type_map["PermissionEnum"].values)  # type: ignore[attr-defined]  # an enum, by its name
    synchronous = set(schema.type_map["WebhookEventTypeSyncEnum"].values)  # type: ignore[attr-defined]  # likewise
    asynchronous = set(schema.type_map["WebhookEventTypeAsyncEnum"].values)  # type: ignore[attr-defined]  # likewise
    for variant in variants():
        made = manifest(variant, read_version(version))
        assert set(made["permissions"]) <= permissions
        for webhook in made["webhooks"]:
            assert set(webhook.get("syncEvents", [])) <= synchronous
            assert set(webhook.get("asyncEvents", [])) <= asynchronous
