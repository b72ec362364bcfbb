"""Installing: what a manifest can contain, how the app can respond, and how an app is removed."""

import time
from datetime import timedelta
from typing import Any

import pytest
import requests
from werkzeug.wrappers import Response

from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.install import InstallFailed, satisfies
from saleor_stripe_audience.sandbox.saleor.sandbox import GraphQLFailed
from saleor_stripe_audience.sandbox.saleor.state import App

from .conftest import staff
from .recorder import Recorder, as_json, subscription

EXTENSION = {"label": "Pay", "url": "/pay", "mount": "NAVIGATION_ORDERS", "target": "APP_PAGE"}


def hook(query: str, **more: Any) -> dict[str, Any]:
    return {"name": "hook", "targetUrl": "http://127.0.0.1:1/", "query": query, **more}


FINE = subscription("ORDER_PAID", "order { id }")
BAD: dict[str, dict[str, Any]] = {
    "no name": {"name": ""},
    "long name": {"name": "n" * 61},
    "no version": {"version": None},
    "blank author": {"author": " "},
    "unknown permission": {"permissions": ["MANAGE_EVERYTHING"]},
    "logo is no address": {"brand": {"logo": {"default": "logo.png"}}},
    "app page elsewhere": {"extensions": [{**EXTENSION, "url": "https://example.com/pay"}]},
    "extension without label": {"extensions": [{**EXTENSION, "label": ""}]},
    "extension beyond the app": {"extensions": [{**EXTENSION, "permissions": ["MANAGE_PLUGINS"]}]},
    "unknown field": {"webhooks": [hook(FINE.replace("id }", "id secret }"))]},
    "not a subscription": {"webhooks": [hook("query { shop { name } }")]},
    "does not parse": {"webhooks": [hook("subscription {")]},
    "unknown event": {"webhooks": [hook(FINE, asyncEvents=["ORDER_EATEN"])]},
    "sync event among async": {"webhooks": [hook(FINE, asyncEvents=["TRANSACTION_CHARGE_REQUESTED"])]},
    "another version": {"requiredSaleorVersion": ">=3.24"},
    "no range": {"requiredSaleorVersion": "new"},
}


@pytest.mark.parametrize("changed", BAD.values(), ids=BAD.keys())
def test_bad_manifests_are_refused(shop: SaleorSandbox, recorder: Recorder, changed: dict[str, Any]) -> None:
    recorder.changed = changed
    with pytest.raises(InstallFailed):
        shop.install(recorder.manifest_url)
    assert shop.app("test.recorder") is None
    assert recorder.registers == []


def test_conflicting_fields_of_two_types_are_refused(shop: SaleorSandbox, recorder: Recorder) -> None:
    """`lines.variant` cannot be null on a checkout but can on an order, so one must be aliased."""
    both = "... on Checkout { lines { variant { id } } } ... on Order { lines { variant { id } } }"
    query = subscription("TRANSACTION_INITIALIZE_SESSION", f"sourceObject {{ {both} }}")
    recorder.changed = {"webhooks": [hook(query)]}
    with pytest.raises(InstallFailed, match="conflict"):
        shop.install(recorder.manifest_url)
    aliased = query.replace("on Order { lines { variant {", "on Order { lines { sold: variant {")
    recorder.changed = {"webhooks": [hook(aliased)]}
    app = shop.install(recorder.manifest_url)
    assert app.webhooks[0].events == ["TRANSACTION_INITIALIZE_SESSION"]


@pytest.mark.parametrize("version", ["3.21", "3.22", "3.23", "3.24"])
def test_the_manifest_is_checked_against_the_version_that_asks(recorder: Recorder, version: str) -> None:
    query = subscription("CUSTOMER_DELETED", "user { id }")
    recorder.changed = {"webhooks": [hook(query, asyncEvents=["CUSTOMER_DELETED"])]}
    with SaleorSandbox(version=version) as shop:
        if version in ("3.21", "3.22"):
            with pytest.raises(InstallFailed, match="CustomerDeleted"):
                shop.install(recorder.manifest_url)
        else:
            shop.install(recorder.manifest_url)
        assert recorder.manifest_requests[0]["saleor-schema-version"] == version


def test_a_refused_register_removes_the_app_and_keeps_its_words(
    shop: SaleorSandbox, recorder: Recorder
) -> None:
    recorder.register_answer = lambda: as_json(
        {"error": {"code": "NOT_ALLOWED", "message": "Not this shop."}}, 403
    )
    with pytest.raises(InstallFailed, match=r"Not this shop\."):
        shop.install(recorder.manifest_url)
    assert shop.app("test.recorder") is None
    with pytest.raises(GraphQLFailed):
        shop.gql("{app{id}}", token=recorder.token)


def test_a_redirect_counts_as_registered_and_is_not_followed(shop: SaleorSandbox, recorder: Recorder) -> None:
    recorder.register_answer = lambda: Response("", 302, {"Location": "http://127.0.0.1:1/"})
    assert shop.install(recorder.manifest_url).is_active


def test_the_token_works_while_register_is_being_answered(shop: SaleorSandbox, recorder: Recorder) -> None:
    seen: list[Any] = []

    def look_back() -> Response:
        seen.append(shop.gql("{app{identifier}}", token=recorder.token)["app"])
        return as_json({})

    recorder.register_answer = look_back
    shop.install(recorder.manifest_url)
    assert seen == [{"identifier": "test.recorder"}]


def test_the_same_id_cannot_be_installed_twice_and_a_reinstall_has_another_id(
    shop: SaleorSandbox, recorder: Recorder, app: App
) -> None:
    with pytest.raises(InstallFailed, match="already installed"):
        shop.install(recorder.manifest_url)
    shop.delete_app(app)
    assert shop.install(recorder.manifest_url).id != app.id


def installation(shop: SaleorSandbox, recorder: Recorder) -> Any:
    given = {
        "appName": "Recorder",
        "manifestUrl": recorder.manifest_url,
        "permissions": ["MANAGE_PRODUCTS"],
    }
    query = "mutation($i:AppInstallInput!){appInstall(input:$i){appInstallation{id status} errors{code}}}"
    return staff(shop, query, i=given)["appInstall"]["appInstallation"]


def test_staff_install_and_see_why_it_failed(shop: SaleorSandbox, recorder: Recorder) -> None:
    recorder.register_answer = lambda: as_json({"error": {"message": "Closed today."}}, 400)
    started = installation(shop, recorder)
    shop.drain(10)
    [failed] = staff(shop, "{appsInstallations{id status message}}")["appsInstallations"]
    assert failed == {"id": started["id"], "status": "FAILED", "message": "Closed today."}
    delete = "mutation($i:ID!){appDeleteFailedInstallation(id:$i){errors{code}}}"
    assert staff(shop, delete, i=started["id"])["appDeleteFailedInstallation"]["errors"] == []
    recorder.register_answer = lambda: as_json({})
    installation(shop, recorder)
    shop.drain(10)
    assert staff(shop, "{appsInstallations{id}}")["appsInstallations"] == []
    [app] = staff(shop, "{apps(first:5){edges{node{identifier permissions{code}}}}}")["apps"]["edges"]
    assert app["node"] == {"identifier": "test.recorder", "permissions": [{"code": "MANAGE_PRODUCTS"}]}


@pytest.mark.parametrize(("version", "heard"), [("3.22", 0), ("3.23", 1)])
def test_a_removed_app_gets_an_event_from_3_23_on_and_its_token_is_invalid(
    recorder: Recorder, version: str, heard: int
) -> None:
    recorder.without = frozenset({"CUSTOMER_DELETED"})
    with SaleorSandbox(version=version) as shop:
        app = shop.install(recorder.manifest_url)
        query = "mutation($i:ID!){appDelete(id:$i){errors{code}}}"
        assert staff(shop, query, i=app.id)["appDelete"]["errors"] == []
        shop.drain(10)
        assert len(recorder.of("APP_DELETED")) == heard
        with pytest.raises(GraphQLFailed):
            shop.gql("{app{id}}", token=recorder.token)


def test_a_switched_off_app_is_sent_nothing_and_its_token_is_refused(
    shop: SaleorSandbox, recorder: Recorder, app: App
) -> None:
    shop.set_active(app, active=False)
    shop.event("PRODUCT_UPDATED", product=shop.host.store.products[0])
    shop.drain(10)
    assert recorder.names() == ["APP_STATUS_CHANGED"]
    with pytest.raises(GraphQLFailed):
        shop.gql("{app{id}}", token=recorder.token)


def test_an_app_mends_its_own_webhooks(shop: SaleorSandbox, recorder: Recorder, app: App) -> None:
    create = "mutation($i:WebhookCreateInput!){webhookCreate(input:$i){webhook{id asyncEvents{eventType}} errors{field code}}}"  # noqa: E501
    given = {"name": "new", "targetUrl": f"{recorder.served.url}/new", "asyncEvents": ["ORDER_EXPIRED"]}
    query = subscription("ORDER_EXPIRED", "order { id }")

    def made(**more: Any) -> Any:
        return shop.gql(create, {"i": {**given, **more}}, recorder.token)["webhookCreate"]

    assert made(query=query.replace("order { id }", "order { no }"))["errors"] == [
        {"field": "query", "code": "SYNTAX"}
    ]
    webhook = made(query=query)["webhook"]
    assert webhook["asyncEvents"] == [{"eventType": "ORDER_EXPIRED"}]
    update = (
        "mutation($i:ID!,$n:WebhookUpdateInput!){webhookUpdate(id:$i,input:$n)"
        "{webhook{isActive} errors{code}}}"
    )
    changed = {"i": webhook["id"], "n": {"isActive": False}}
    assert shop.gql(update, changed, recorder.token)["webhookUpdate"]["webhook"] == {"isActive": False}
    delete = "mutation($i:ID!){webhookDelete(id:$i){errors{code}}}"
    before = len(app.webhooks)
    assert shop.gql(delete, {"i": webhook["id"]}, recorder.token)["webhookDelete"]["errors"] == []
    assert len(app.webhooks) == before - 1


def test_problems_are_counted_and_dismissed(shop: SaleorSandbox, recorder: Recorder, app: App) -> None:
    create = (
        "mutation($i:AppProblemCreateInput!){appProblemCreate(input:$i)"
        "{appProblem{id count} errors{field code}}}"
    )
    given = {"key": "stripe-keys", "message": "The Stripe keys were revoked."}
    answers = [shop.gql(create, {"i": given}, recorder.token)["appProblemCreate"] for _ in range(2)]
    assert [each["appProblem"]["count"] for each in answers] == [1, 2]
    app.problems[0].updated_at -= timedelta(minutes=61)
    later = shop.gql(create, {"i": given}, recorder.token)["appProblemCreate"]
    assert later["appProblem"]["count"] == 1, "they are only counted together within an hour"
    always = shop.gql(create, {"i": {**given, "aggregationPeriod": 0}}, recorder.token)["appProblemCreate"]
    assert always["appProblem"]["count"] == 1
    short = shop.gql(create, {"i": {**given, "key": "x"}}, recorder.token)["appProblemCreate"]
    assert short["errors"] == [{"field": "key", "code": "INVALID"}]
    dismiss = "mutation($i:AppProblemDismissInput!){appProblemDismiss(input:$i){errors{code}}}"
    shop.gql(dismiss, {"i": {"byApp": {"keys": ["stripe-keys"]}}}, recorder.token)
    found = shop.gql("{app{problems{key dismissed{by}}}}", token=recorder.token)["app"]["problems"]
    assert found == [{"key": "stripe-keys", "dismissed": {"by": "APP"}}] * 3


@pytest.mark.parametrize(
    ("wanted", "inside"),
    [
        (">=3.21", True),
        (">=3.21 <4", True),
        ("^3.20.0", True),
        ("~3.22", False),
        ("3.23.x", True),
        ("<3.23", False),
        ("^2 || ^3.23", True),
        ("=3.23.28", True),
        (">3.23.28", False),
    ],
)
def test_version_ranges(wanted: str, inside: bool) -> None:
    assert satisfies("3.23.28", wanted) is inside


def test_private_storefront_cannot_install(shop: SaleorSandbox) -> None:
    with pytest.raises(GraphQLFailed, match="MANAGE_APPS"):
        shop.gql('mutation{appFetchManifest(manifestUrl:"http://127.0.0.1:1/"){errors{code}}}')


def test_an_unreachable_manifest_is_said_to_be(shop: SaleorSandbox) -> None:
    query = 'mutation{appFetchManifest(manifestUrl:"http://127.0.0.1:1/"){manifest{name} errors{field code}}}'
    refused = staff(shop, query)["appFetchManifest"]
    assert refused["errors"] == [{"field": "manifestUrl", "code": "MANIFEST_URL_CANT_CONNECT"}]


# --- tokens, permissions, control ------------------------------------------------------------------------


def claims_of(shop: SaleorSandbox, token: str) -> dict[str, Any]:
    found = shop.host.key.claims_of(token)
    assert found is not None
    return found


def test_a_dashboard_token_carries_what_both_may(shop: SaleorSandbox, app: App) -> None:
    token = shop.dashboard_token(app, frozenset({"MANAGE_APPS", "MANAGE_USERS"}))
    claims = claims_of(shop, token)
    assert (claims["type"], claims["iss"], claims["app"]) == ("thirdparty", shop.api_url, app.id)
    assert claims["permissions"] == ["MANAGE_USERS"]
    assert claims["user_permissions"] == ["MANAGE_APPS", "MANAGE_USERS"]
    assert 0 < claims["exp"] - time.time() <= 300
    assert claims_of(shop, shop.dashboard_token(app, exp=1))["exp"] == 1
    assert claims_of(shop, shop.staff_token())["type"] == "access"


def test_expired_and_foreign_tokens_are_refused(shop: SaleorSandbox) -> None:
    claims = claims_of(shop, shop.staff_token())
    with pytest.raises(GraphQLFailed, match="expired"):
        shop.gql("{shop{version}}", token=shop.host.key.token({**claims, "exp": 1}))
    with SaleorSandbox() as other, pytest.raises(GraphQLFailed):
        shop.gql("{shop{version}}", token=other.staff_token())


@pytest.mark.parametrize(
    "query",
    [
        "{customers(first:1){totalCount}}",
        "{orders(first:1){totalCount}}",
        "{transactions(first:1){totalCount}}",
        "{channels{id}}",
        "{shop{version}}",
        "{apps(first:1){totalCount}}",
        '{products(first:1,channel:"default-channel"){edges{node{channelListings{id}}}}}',
        '{products(first:1,channel:"default-channel"){edges{node{privateMetadata{key}}}}}',
    ],
)
def test_the_storefront_sees_only_the_storefront(shop: SaleorSandbox, query: str) -> None:
    with pytest.raises(GraphQLFailed) as refused:
        shop.gql(query)
    assert refused.value.errors[0]["extensions"]["exception"]["code"] == "PermissionDenied"


def send_control(shop: SaleorSandbox, **command: Any) -> requests.Response:
    return requests.post(f"{shop.url}/sandbox/control", json=command, timeout=5)


def test_control_makes_the_api_fail_once(shop: SaleorSandbox) -> None:
    assert send_control(shop, action="faults", statuses=[500], refusals=["No more."]).json() == {"ok": True}
    body = {"query": "{shop{name}}"}
    first = requests.post(shop.api_url, json=body, timeout=5)
    assert first.status_code == 500
    with pytest.raises(GraphQLFailed, match=r"No more\."):
        shop.gql("{shop{name}}")
    assert shop.gql("{shop{name}}") == {"shop": {"name": "Saleor sandbox"}}


def test_control_lists_and_redelivers(shop: SaleorSandbox, recorder: Recorder, app: App) -> None:
    shop.event("PRODUCT_UPDATED", product=shop.host.store.products[0])
    shop.drain(10)
    [delivery] = requests.get(f"{shop.url}/sandbox/control", timeout=5).json()
    assert (delivery["event"], delivery["status"]) == ("PRODUCT_UPDATED", "SUCCESS")
    assert send_control(shop, action="redeliver", delivery=delivery["id"]).status_code == 200
    shop.drain(10)
    first, second = recorder.received
    assert first.raw == second.raw
    assert first.headers["saleor-signature"] == second.headers["saleor-signature"]
    assert send_control(shop, action="redeliver", delivery="none").status_code == 404
    assert send_control(shop, action="dance").status_code == 400


def test_control_deactivates_deletes_and_rotates(shop: SaleorSandbox, recorder: Recorder, app: App) -> None:
    kid = shop.host.key.kid
    assert send_control(shop, action="rotate_keys").json()["kid"] != kid
    assert send_control(shop, action="deactivate_app", app="test.recorder").json() == {
        "ok": True,
        "app": app.id,
    }
    assert not app.is_active
    send_control(shop, action="activate_app", app="test.recorder")
    send_control(shop, action="delete_app", app="test.recorder")
    shop.drain(10)
    assert shop.app("test.recorder") is None
    assert recorder.names()[-1] == "APP_DELETED"
    assert send_control(shop, action="delete_app", app="test.recorder").status_code == 404


def test_pictures_are_served(shop: SaleorSandbox) -> None:
    query = '{products(first:1,channel:"default-channel"){edges{node{media{url}}}}}'
    url = shop.gql(query)["products"]["edges"][0]["node"]["media"][0]["url"]
    picture = requests.get(url, timeout=5)
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_pages_follow_one_another(shop: SaleorSandbox) -> None:
    query = 'query($a:String){products(first:4,after:$a,channel:"channel-pln"){totalCount pageInfo{hasNextPage endCursor} edges{node{name}}}}'  # noqa: E501
    first = shop.gql(query)["products"]
    second = shop.gql(query, {"a": first["pageInfo"]["endCursor"]})["products"]
    names = [each["node"]["name"] for each in [*first["edges"], *second["edges"]]]
    assert first["totalCount"] == 6
    assert len(set(names)) == 6
    assert not second["pageInfo"]["hasNextPage"]
    with pytest.raises(GraphQLFailed, match="`first` or `last`"):
        shop.gql('{products(channel:"channel-pln"){totalCount}}')
    with pytest.raises(GraphQLFailed, match="limit of 100"):
        shop.gql('{products(first:101,channel:"channel-pln"){totalCount}}')
