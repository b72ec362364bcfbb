"""Mail webhooks and storefront keys over the API: create, list and revoke them, by scope, in the caller's shop."""

import json
from typing import Any

import pytest
from django.test import Client
from graphql import GraphQLInputObjectType, build_schema

from saleor_stripe_audience.api.enums import MailService
from saleor_stripe_audience.api.export import schema_text
from saleor_stripe_audience.api_keys.keys import create_key
from saleor_stripe_audience.audience.consent.deliveries import webhooks
from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES
from saleor_stripe_audience.audience.models import MailWebhook
from saleor_stripe_audience.audience.signup import storefront
from tests.api.conftest import Ask, Shop, changed, codes_of, errors_of, id_of, one, post

ERRORS = "errors { field message code }"
WEBHOOKS = "{ mailWebhooks { id service isSigned createdAt lastReportAt revokedAt } }"
WEBHOOK_CREATE = f"""mutation ($input: MailWebhookInput!) {{ mailWebhookCreate(input: $input) {{ {ERRORS}
  url mailWebhook {{ id service isSigned lastReportAt }} }} }}"""
WEBHOOK_UPDATE = f"""mutation ($id: ID!, $key: String!) {{ mailWebhookUpdate(id: $id, signingKey: $key) {{ {ERRORS}
  mailWebhook {{ isSigned }} }} }}"""
WEBHOOK_REVOKE = f"""mutation ($id: ID!) {{ mailWebhookRevoke(id: $id) {{ {ERRORS}
  mailWebhook {{ revokedAt }} }} }}"""
KEYS = "{ storefrontKeys { id key name origins revokedAt } }"
KEY_CREATE = f"""mutation ($input: StorefrontKeyInput!) {{ storefrontKeyCreate(input: $input) {{ {ERRORS}
  storefrontKey {{ id key name origins revokedAt }} }} }}"""
KEY_REVOKE = f"""mutation ($id: ID!) {{ storefrontKeyRevoke(id: $id) {{ {ERRORS}
  storefrontKey {{ revokedAt }} }} }}"""


def asking(shop: Shop, *scopes: str) -> Ask:
    key = create_key(shop.installation, "k", scopes=scopes).secret

    def ask(query: str, **variables: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(post(key, {"query": query, "variables": variables}).content)
        return answer

    return ask


@pytest.fixture
def owner(mine: Shop) -> Ask:
    return asking(mine, "settings:write", "audience:write")


def test_every_mail_service_has_a_name() -> None:
    assert {each.value for each in MailService} == set(SERVICES)


def test_a_mail_webhook_is_created_used_listed_and_revoked(owner: Ask) -> None:
    made = one(owner(WEBHOOK_CREATE, input={"service": "POSTMARK"}))
    assert made["mailWebhook"] | {"id": ""} == {
        "id": "", "service": "POSTMARK", "isSigned": False, "lastReportAt": None,
    }  # fmt: skip
    path = made["url"].partition("/api/")[2]
    report = {"RecordType": "Bounce", "Type": "HardBounce", "Email": "nobody@shop.example", "ID": 1}
    assert Client().post(f"/api/{path}", report, content_type="application/json").status_code == 200
    listed = owner(WEBHOOKS)
    [webhook] = one(listed)
    assert webhook["lastReportAt"] is not None
    assert path.rpartition("/")[2] not in str(listed)
    first = changed(owner(WEBHOOK_REVOKE, id=webhook["id"]))["revokedAt"]
    assert first is not None
    assert changed(owner(WEBHOOK_REVOKE, id=webhook["id"]))["revokedAt"] == first
    assert one(owner(WEBHOOKS)) == []
    assert Client().post(f"/api/{path}", report, content_type="application/json").status_code == 404


def test_the_signing_key_is_kept_and_never_shown(owner: Ask) -> None:
    asked = {"service": "MAILGUN", "signingKey": "key-1234567890"}
    answer = owner(WEBHOOK_CREATE, input=asked)
    assert one(answer)["mailWebhook"]["isSigned"]
    assert MailWebhook.objects.get().signing_key == "key-1234567890"
    assert "key-1234567890" not in str((answer, owner(WEBHOOKS)))


def test_a_key_that_the_service_makes_later_is_set(owner: Ask) -> None:
    made = one(owner(WEBHOOK_CREATE, input={"service": "MANDRILL"}))["mailWebhook"]
    assert not made["isSigned"]
    assert errors_of(owner(WEBHOOK_UPDATE, id=made["id"], key="")) == [("signingKey", "INVALID")]
    assert changed(owner(WEBHOOK_UPDATE, id=made["id"], key="key-1234567890"))["isSigned"]
    assert MailWebhook.objects.get().signing_key == "key-1234567890"


@pytest.mark.parametrize(
    "unfit",
    [
        {"service": "MAILGUN"},
        {"service": "POSTMARK", "signingKey": "k"},
        {"service": "MAILGUN", "signingKey": "é"},
    ],
)
def test_a_key_that_does_not_fit_the_service_is_refused(owner: Ask, unfit: dict[str, str]) -> None:
    assert errors_of(owner(WEBHOOK_CREATE, input=unfit)) == [("signingKey", "INVALID")]
    assert not MailWebhook.objects.exists()


def test_a_storefront_key_is_made_listed_and_revoked(owner: Ask) -> None:
    asked = {"origins": ["https://shop.example.com"], "name": "shop"}
    made = changed(owner(KEY_CREATE, input=asked))
    assert made | {"id": "", "key": ""} == asked | {"id": "", "key": "", "revokedAt": None}
    assert storefront.find_key(made["key"]) is not None
    first = changed(owner(KEY_REVOKE, id=made["id"]))["revokedAt"]
    assert changed(owner(KEY_REVOKE, id=made["id"]))["revokedAt"] == first
    assert storefront.find_key(made["key"]) is None
    assert one(owner(KEYS)) == [made | {"revokedAt": first}]


@pytest.mark.parametrize(
    "origins",
    [
        [],
        ["shop.example.com"],
        ["https://shop.example.com/page"],
        ["http://[bad"],
        ["https://shop.example.com:99999"],
        [f"https://{number}.example.com" for number in range(storefront.MAX_ORIGINS + 1)],
    ],
)
def test_what_is_not_an_origin_is_refused(owner: Ask, origins: list[str]) -> None:
    assert errors_of(owner(KEY_CREATE, input={"origins": origins})) == [("origins", "INVALID")]


def test_the_schema_says_how_many_origins_a_key_takes() -> None:
    described = build_schema(schema_text()).type_map["StorefrontKeyInput"]
    assert isinstance(described, GraphQLInputObjectType)
    assert f"at most {storefront.MAX_ORIGINS}." in str(described.fields["origins"].description)


def test_another_shops_are_neither_seen_nor_revoked(owner: Ask, theirs: Shop) -> None:
    webhook = webhooks.create(theirs.installation, "postmark").webhook
    key = storefront.create_key(theirs.installation, ["https://theirs.example"])
    assert one(owner(WEBHOOKS)) == one(owner(KEYS)) == []
    assert errors_of(owner(WEBHOOK_REVOKE, id=id_of(webhook))) == [("id", "NOT_FOUND")]
    assert errors_of(owner(WEBHOOK_UPDATE, id=id_of(webhook), key="k")) == [("id", "NOT_FOUND")]
    assert errors_of(owner(KEY_REVOKE, id=id_of(key))) == [("id", "NOT_FOUND")]
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert one(owner(node, id=id_of(webhook))) is one(owner(node, id=id_of(key))) is None
    webhook.refresh_from_db()
    key.refresh_from_db()
    assert (webhook.revoked_at, key.revoked_at) == (None, None)


def test_each_needs_its_scope(mine: Shop) -> None:
    webhook = webhooks.create(mine.installation, "postmark").webhook
    key = storefront.create_key(mine.installation, ["https://mine.example"])
    everything_else = asking(mine, "audience:write", "payments:write", "catalogue:write")
    reader = asking(mine, "settings:read")
    node = "query ($id: ID!) { node(id: $id) { id } }"
    for ask in (everything_else, reader):
        assert codes_of(ask(WEBHOOK_CREATE, input={"service": "POSTMARK"})) == {"PERMISSION_DENIED"}
        assert codes_of(ask(WEBHOOK_REVOKE, id=id_of(webhook))) == {"PERMISSION_DENIED"}
        assert codes_of(ask(WEBHOOK_UPDATE, id=id_of(webhook), key="k")) == {"PERMISSION_DENIED"}
        assert codes_of(ask(KEY_CREATE, input={"origins": ["https://mine.example"]})) == {"PERMISSION_DENIED"}
        assert codes_of(ask(KEY_REVOKE, id=id_of(key))) == {"PERMISSION_DENIED"}
    for query, given in (
        (WEBHOOKS, {}),
        (KEYS, {}),
        (node, {"id": id_of(webhook)}),
        (node, {"id": id_of(key)}),
    ):
        assert codes_of(everything_else(query, **given)) == {"PERMISSION_DENIED"}
        assert not codes_of(reader(query, **given))


def test_where_mail_is_reported_is_for_who_may_change_contacts(mine: Shop) -> None:
    """Whoever sends reports can unsubscribe people, and can find out from the response who is a contact."""
    answer = asking(mine, "settings:write", "audience:read")(WEBHOOK_CREATE, input={"service": "POSTMARK"})
    assert codes_of(answer) == {"PERMISSION_DENIED"}
    assert "audience:write" in answer["errors"][0]["message"]
    assert not MailWebhook.objects.exists()
