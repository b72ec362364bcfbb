"""Each key gives access to its scopes and nothing else; staff have access by their permissions in Saleor."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.api_keys.keys import create_key, find_key, revoke
from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.api_keys.scopes import EVERYTHING, checked, of_permissions, opens
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor import signatures
from saleor_stripe_audience.saleor.trouble import APP_UNKNOWN
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.shops.problems import report
from tests.api.conftest import Ask, Shop, changed, codes_of, errors_of, one, post
from tests.dashboard.conftest import Groups, groups, make_shop
from tests.dashboard.conftest import Shop as StaffedShop
from tests.dashboard.rows import a_payment

__all__ = ["groups"]

FIELDS = {
    "payments:read": "{ payments(first: 1) { totalCount } }",
    "audience:read": "{ contacts(first: 1) { totalCount } }",
    "audience:write": 'mutation { contactReadmit(email: "nobody@shop.example") { wasErased } }',
    "catalogue:read": "{ products(first: 1) { totalCount } }",
    "settings:read": "{ apiKeys { name } stripeAccounts { name } problems { key } }",
    "settings:write": 'mutation { apiKeyCreate(input: {name: "new", scopes: ["settings:read"]}) { secret } }',
}
CREATE = """mutation ($input: ApiKeyInput!) { apiKeyCreate(input: $input) { errors { field message code }
  secret apiKey { id name prefix scopes expiresAt revokedAt } } }"""
REVOKE = """mutation ($id: ID!) { apiKeyRevoke(id: $id) { errors { field message code }
  apiKey { revokedAt } } }"""


def result_of(key: str, query: str, **variables: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(post(key, {"query": query, "variables": variables}).content)
    return answer


@pytest.mark.parametrize("wanted", sorted(FIELDS))
def test_a_field_needs_its_scope_and_no_other(mine: Shop, wanted: str) -> None:
    subject = wanted.partition(":")[0]
    others = {each for each in EVERYTHING if not each.startswith(f"{subject}:")}
    without = result_of(create_key(mine.installation, "without", scopes=others).secret, FIELDS[wanted])
    assert codes_of(without) == {"PERMISSION_DENIED"}
    assert wanted in str(without["errors"])
    assert {error["extensions"]["exception"]["code"] for error in without["errors"]} == {"PermissionDenied"}
    assert not codes_of(
        result_of(create_key(mine.installation, "with", scopes=[wanted]).secret, FIELDS[wanted])
    )


def test_a_secret_is_shown_although_a_later_mutation_fails(mine: Shop) -> None:
    key = create_key(mine.installation, "owner", scopes=["settings:write"]).secret
    readmit = FIELDS["audience:write"].removeprefix("mutation { ")
    answer = result_of(key, FIELDS["settings:write"].removesuffix("}") + readmit)
    assert codes_of(answer) == {"PERMISSION_DENIED"}
    assert find_key(answer["data"]["apiKeyCreate"]["secret"]) is not None
    assert answer["data"]["contactReadmit"] is None


def test_reading_is_not_writing_but_writing_is_reading(mine: Shop) -> None:
    reads = create_key(mine.installation, "reads", scopes=["settings:read"]).secret
    writes = create_key(mine.installation, "writes", scopes=["settings:write"]).secret
    assert codes_of(result_of(reads, FIELDS["settings:write"])) == {"PERMISSION_DENIED"}
    assert not codes_of(result_of(writes, FIELDS["settings:read"]))
    assert not ApiKey.objects.filter(name="new").exists()


def test_an_object_by_its_id_needs_the_scope_of_its_kind(mine: Shop) -> None:
    name = base64.b64encode(f"Payment:{mine.payment.pk}".encode()).decode()
    query = "query ($id: ID!) { node(id: $id) { id } }"
    assert codes_of(
        result_of(create_key(mine.installation, "a", scopes=["audience:read"]).secret, query, id=name)
    ) == {"PERMISSION_DENIED"}
    assert not codes_of(
        result_of(create_key(mine.installation, "p", scopes=["payments:read"]).secret, query, id=name)
    )


def test_a_key_is_created_used_and_revoked_over_the_api(mine: Shop) -> None:
    owner = create_key(mine.installation, "owner", scopes=EVERYTHING).secret
    wanted = {"name": " reports ", "scopes": ["payments:read"], "expiresInDays": 7}
    made = one(result_of(owner, CREATE, input=wanted))
    assert made["apiKey"]["name"] == "reports"
    assert made["secret"].startswith(made["apiKey"]["prefix"])
    assert made["apiKey"]["scopes"] == ["payments:read"]
    assert not codes_of(result_of(made["secret"], FIELDS["payments:read"]))
    first = changed(result_of(owner, REVOKE, id=made["apiKey"]["id"]))["revokedAt"]
    assert post(made["secret"], {"query": FIELDS["payments:read"]}).status_code == 401
    assert changed(result_of(owner, REVOKE, id=made["apiKey"]["id"]))["revokedAt"] == first


@pytest.mark.parametrize(
    ("unfit", "code"),
    [
        ({"scopes": ["payments:fly"]}, "OUT_OF_SCOPE_PERMISSION"),
        ({"scopes": ["payments:write"]}, "OUT_OF_SCOPE_PERMISSION"),
        ({"scopes": []}, "REQUIRED"),
        ({"name": " "}, "INVALID"),
        ({"name": "n" * 201}, "INVALID"),
        ({"expiresInDays": 0}, "INVALID"),
        ({"expiresInDays": 100_000}, "INVALID"),
    ],
)
def test_an_unfit_key_is_not_made(mine: Shop, unfit: dict[str, Any], code: str) -> None:
    owner = create_key(mine.installation, "owner", scopes=["settings:write", "payments:read"]).secret
    wanted = {"name": "n", "scopes": ["payments:read"], "expiresInDays": 1} | unfit
    assert errors_of(result_of(owner, CREATE, input=wanted)) == [(*unfit, code)]
    assert ApiKey.objects.count() == 1


def test_a_key_of_another_shop_cannot_be_ended(mine: Shop, theirs: Shop) -> None:
    foreign = find_key(create_key(theirs.installation, "theirs").secret)
    assert foreign is not None
    owner = create_key(mine.installation, "owner", scopes=["settings:write"]).secret
    for name in (f"ApiKey:{foreign.pk}", f"Payment:{foreign.pk}", "ApiKey:x", f"ApiKey:{'9' * 30}"):
        answer = result_of(owner, REVOKE, id=base64.b64encode(name.encode()).decode())
        assert errors_of(answer) == [("id", "NOT_FOUND")]
    foreign.refresh_from_db()
    assert foreign.revoked_at is None


def test_settings_are_one_shops_and_without_secrets(mine: Shop, theirs: Shop) -> None:
    report(mine.installation, "permissions", "Grant it.")
    report(theirs.installation, "permissions", "Theirs.")
    secret = create_key(mine.installation, "owner", scopes=["settings:read"]).secret
    create_key(theirs.installation, "theirs")
    data = result_of(
        secret,
        """{ apiKeys { name prefix scopes lastUsedAt } problems { key message since }
        stripeAccounts { name stripeId livemode state publishableKey channels { channel } } }""",
    )["data"]
    assert [each["name"] for each in data["apiKeys"]] == ["owner"]
    assert [each["message"] for each in data["problems"]] == ["Grant it."]
    assert [each["stripeId"] for each in data["stripeAccounts"]] == ["acct_mine.example"]
    assert secret not in str(data)
    assert "rk_test" not in str(data)


def test_a_revoked_key_opens_nothing_from_the_next_request_on(mine: Shop) -> None:
    """Nothing is cached between requests, so this is true in every process."""
    key = create_key(mine.installation, "a").secret
    assert find_key(key) is not None
    ApiKey.objects.update(revoked_at=timezone.now())  # as in another process
    assert find_key(key) is None


@pytest.mark.django_db(transaction=True)
class TestStaff:
    """Staff members, by the token that Saleor's Dashboard gives to pages of the app."""

    def ask(self, shop: StaffedShop, field: str, **claims: Any) -> Any:
        token = shop.token(**claims)
        return post(token, {"query": FIELDS[field]}, **{"Saleor-Api-Url": shop.installation.saleor_api_url})

    @pytest.mark.parametrize(
        ("field", "permission"),
        [
            ("payments:read", "HANDLE_PAYMENTS"),
            ("audience:read", "MANAGE_USERS"),
            ("audience:write", "MANAGE_USERS"),
            ("catalogue:read", "MANAGE_PRODUCTS"),
            ("settings:read", "MANAGE_APPS"),
            ("settings:write", "MANAGE_APPS"),
        ],
    )
    def test_they_may_do_what_they_may_in_saleor(self, field: str, permission: str) -> None:
        shop = make_shop()
        without = {"MANAGE_APPS", "MANAGE_USERS", "HANDLE_PAYMENTS", "MANAGE_PRODUCTS"} - {permission}
        assert not codes_of(json.loads(self.ask(shop, field, user_permissions=[permission]).content))
        refused = self.ask(shop, field, user_permissions=sorted(without))
        assert codes_of(json.loads(refused.content)) == {"PERMISSION_DENIED"}

    @pytest.mark.parametrize(
        "claims",
        [{"exp": 1}, {"type": "access"}, {"app": "QXBwOjI="}, {"iss": "https://evil.example.com/graphql/"}],
    )
    def test_a_token_for_something_else_is_refused(self, claims: dict[str, Any]) -> None:
        assert self.ask(make_shop(), "payments:read", **claims).status_code == 401

    def test_without_the_shops_url_it_is_not_a_key(self) -> None:
        assert post(make_shop().token(), {"query": FIELDS["payments:read"]}).status_code == 401

    def test_while_the_shops_keys_are_unavailable_callers_must_wait(self, settings: Any) -> None:
        shop = make_shop("http://127.0.0.1:9/graphql/")
        settings.ALLOWED_SALEOR_URLS = ("http://127.0.0.1:9/graphql/",)
        Installation.objects.update(jwks={"keys": []})
        signatures._fetched_at.clear()
        answer = self.ask(shop, "payments:read")
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")

    def test_they_see_the_payments_of_the_channels_to_which_saleor_restricts_them(
        self, groups: Groups
    ) -> None:
        shop = make_shop()
        own = a_payment(shop.installation, channel_slug="channel-pln")
        other = a_payment(shop.installation)
        query = """query ($id: ID!) { payments(first: 9) { totalCount edges { node { paymentIntentId } } }
          node(id: $id) { id } }"""

        def look(secret: str, payment: Payment) -> dict[str, Any]:
            name = base64.b64encode(f"Payment:{payment.pk}".encode()).decode()
            url = {"Saleor-Api-Url": shop.installation.saleor_api_url}
            answer = post(secret, {"query": query, "variables": {"id": name}}, **url)
            result: dict[str, Any] = json.loads(answer.content)["data"]
            return result

        def listed(found: dict[str, Any]) -> set[str]:
            assert found["payments"]["totalCount"] == len(found["payments"]["edges"])
            return {each["node"]["paymentIntentId"] for each in found["payments"]["edges"]}

        groups.restrict("channel-pln")
        token = shop.token()
        assert listed(look(token, own)) == {own.payment_intent_id}
        assert look(token, own)["node"] is not None
        assert look(token, other)["node"] is None
        key = create_key(shop.installation, "a program", scopes=["payments:read"]).secret
        assert listed(look(key, other)) == {own.payment_intent_id, other.payment_intent_id}
        assert look(key, other)["node"] is not None
        assert len(groups.asked) == 1

    def test_without_an_answer_from_saleor_they_see_no_payment(self, groups: Groups) -> None:
        shop = make_shop()
        a_payment(shop.installation)
        groups.failure = Unavailable("The shop did not respond.", code="saleor_unreachable")
        answer = json.loads(self.ask(shop, "payments:read").content)
        assert (answer["data"], codes_of(answer)) == (None, {"UNAVAILABLE"})
        groups.failure = Rejected("Saleor rejects the token.", code=APP_UNKNOWN)
        answer = json.loads(self.ask(shop, "payments:read").content)
        assert (answer["data"], codes_of(answer)) == (None, {"UNAUTHENTICATED"})
        groups.failure = None
        assert not codes_of(json.loads(self.ask(shop, "settings:read").content))

    def test_permissions_are_scopes(self) -> None:
        assert of_permissions(["HANDLE_PAYMENTS", "MANAGE_CHANNELS"]) == {"payments:read", "payments:write"}


def test_scopes_are_checked_by_name() -> None:
    assert opens(frozenset({"payments:write"}), "payments:read")
    assert not opens(frozenset({"payments:read"}), "payments:write")
    with pytest.raises(Rejected, match="There is no scope payments:fly"):
        checked(["payments:fly"])


def test_the_command_makes_lists_and_revokes(mine: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["api-key", "--saleor-api-url", mine.installation.saleor_api_url]
    assert main([*base, "--name", "r", "--scope", "payments:read", "--expires-in-days", "3"]) == 0
    secret = capsys.readouterr().out.strip()
    key = find_key(secret)
    assert key is not None
    assert key.scopes == ["payments:read"]
    assert key.expires_at is not None
    assert timedelta(days=2) < key.expires_at - timezone.now() <= timedelta(days=3)
    assert main([*base, "--list"]) == 0
    assert key.prefix in capsys.readouterr().out
    assert main([*base, "--revoke", key.prefix]) == 0
    assert find_key(secret) is None
    assert main([*base, "--revoke", "ssa_none"]) == 1
    assert main(base) == 1


def test_old_keys_read_everything(mine: Shop) -> None:
    key = ApiKey.objects.create(installation=mine.installation, name="old", hashed_key="h", prefix="ssa_1")
    revoke(key)
    assert set(key.scopes) == {"payments:read", "audience:read", "catalogue:read", "settings:read"}
    assert Installation.objects.filter(api_keys=key).exists()


def test_the_caller_is_asked_for_a_key(ask: Ask) -> None:
    assert "errors" not in ask("{ installation { domain } }")
