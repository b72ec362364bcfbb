"""No response is a 500: invalid input is a 4xx with a code, a database outage a 503 as JSON, everywhere."""

import json
import time
from typing import Any

import pytest
import stripe
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, connections
from django.db.backends.utils import CursorWrapper
from django.test import Client

from saleor_stripe_audience import database
from saleor_stripe_audience.api_keys.keys import create_key, find_key
from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.api_keys.scopes import EVERYTHING
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation
from tests.dashboard.conftest import API_URL, Shop, make_shop
from tests.payments.conftest import APP, installation, post_signed  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def caller() -> Client:
    """A client that returns the response of a failed request instead of raising the exception."""
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    "error",
    [DataError("x"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "x"), OverflowError(), RecursionError()],
)
def test_what_a_column_cannot_hold_is_the_callers(error: Exception) -> None:
    failure = database.failure_of(error)
    assert isinstance(failure, Rejected)
    assert failure.code == "unusable_value"


@pytest.mark.parametrize("error", [OperationalError("x"), InterfaceError("x"), IntegrityError("x")])
def test_what_the_database_cannot_do_now_may_be_tried_again(error: Exception) -> None:
    assert isinstance(database.failure_of(error), Unavailable)


def test_a_mistake_of_ours_stays_one() -> None:
    assert database.failure_of(KeyError("x")) is None


@pytest.fixture
def keys() -> dict[str, str]:
    shop = make_shop()
    return {
        "api": create_key(shop.installation, "all").secret,
        "storefront": storefront.create_key(shop.installation, ["https://shop.example.com"]).key,
        "staff": shop.token(),
    }


@pytest.fixture
def outage(keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The database was reachable, but no longer is."""

    def fail(*_: Any, **__: Any) -> Any:
        raise OperationalError("connection to server failed: marker")

    monkeypatch.setattr(CursorWrapper, "execute", fail)


ENDPOINTS: dict[str, tuple[str, str, str, Any]] = {
    "graphql": ("POST", "/graphql/", "api", {"query": "{ installation { saleorApiUrl } }"}),
    "export": ("GET", "/api/audience/export.csv", "api", None),
    "storefront": (
        "POST",
        "/storefront/graphql/",
        "storefront",
        {"query": '{ audienceForm(channel: "c") { name } }'},
    ),
    "page": ("GET", "/dashboard/overview", "staff", None),
    "register": ("POST", "/api/register", "", {"auth_token": "token"}),
    "asynchronous webhook": ("POST", "/api/webhooks/saleor/order-created", "", {}),
    "stripe": ("POST", "/api/webhooks/stripe/6a0e4f4e-9f5f-4a52-8d8f-0d2f2f1b7a11", "", {}),
    "preferences": ("GET", "/audience/preferences/token", "", None),
    "readiness": ("GET", "/readyz", "", None),
}


def ask(caller: Client, keys: dict[str, str], name: str) -> Any:
    method, path, key, body = ENDPOINTS[name]
    headers = {"Saleor-Api-Url": API_URL, "Authorization": f"Bearer {keys.get(key, '')}"}
    return caller.generic(
        method, path, json.dumps(body) if body is not None else "", "application/json", headers=headers
    )


@pytest.mark.parametrize("name", sorted(set(ENDPOINTS) - {"preferences"}))
def test_an_outage_is_503_as_json_with_retry_after(
    caller: Client, keys: dict[str, str], outage: None, settings: Any, name: str
) -> None:
    settings.ALLOWED_SALEOR_URLS = (
        API_URL.replace("https://shop.example.com", "http://127.0.0.1:9"),
        API_URL,
    )
    answer = ask(caller, keys, name)
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert "marker" not in answer.content.decode()
    assert answer.json()


def test_an_outage_in_the_middle_of_a_query_is_no_half_an_answer(
    caller: Client, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone: marker")

    monkeypatch.setattr("saleor_stripe_audience.api.installation.shop_id", fail)
    answer = ask(caller, keys, "graphql")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "DATABASE"


TWO_KEYS = """mutation {
  first: apiKeyCreate(input: {name: "first", scopes: ["payments:read"]}) { secret apiKey { name scopes lastUsedAt } }
  second: apiKeyCreate(input: {name: "second", scopes: ["payments:read"]}) { secret }
}"""


def test_an_outage_after_a_key_was_made_does_not_hide_the_key(
    caller: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create_key(make_shop().installation, "owner", scopes=EVERYTHING).secret
    store = ApiKey.objects.create

    def store_last(**fields: Any) -> ApiKey:
        stored = store(**fields)

        def fail(*_: Any, **__: Any) -> Any:
            raise OperationalError("gone: marker")

        monkeypatch.setattr(CursorWrapper, "execute", fail)
        return stored

    with monkeypatch.context() as patched:
        patched.setattr(ApiKey.objects, "create", store_last)
        headers = {"Authorization": f"Bearer {key}"}
        answer = caller.post("/graphql/", {"query": TWO_KEYS}, "application/json", headers=headers)
    monkeypatch.undo()
    assert answer.status_code == 200
    found = answer.json()
    assert found["data"]["first"]["apiKey"] == {
        "name": "first",
        "scopes": ["payments:read"],
        "lastUsedAt": None,
    }
    assert find_key(found["data"]["first"]["secret"]) is not None
    assert found["data"]["second"] is None
    assert [each["extensions"]["code"] for each in found["errors"]] == ["UNAVAILABLE"]


BODIES = [b"1", b'"x"', b"null", b"\xff", b"[]", b"[" * 330 + b"]" * 330, b'{"query": 7}',
          b'{"query": "{ __typename }", "variables": []}', b'{"query": "{ __typename }", "operationName": 7}',
          b'{"query": "\\u0000"}', b'{"query": "\\ud800"}',
          b'{"query":' + b'{"a":' * 330 + b"1" + b"}" * 331]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:30].decode("latin-1"))
@pytest.mark.parametrize(("path", "key"), [("/graphql/", "api"), ("/storefront/graphql/", "storefront")])
def test_bodies_that_are_no_graphql_are_refused_in_words(
    caller: Client, keys: dict[str, str], path: str, key: str, body: bytes
) -> None:
    answer = caller.post(path, body, "application/json", headers={"Authorization": f"Bearer {keys[key]}"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(("path", "key"), [("/graphql/", "api"), ("/storefront/graphql/", "storefront")])
def test_a_fragment_that_is_not_there_is_refused(
    caller: Client, keys: dict[str, str], path: str, key: str
) -> None:
    asked = {"query": "query A { ...b } fragment c on Query { __typename ...d }"}
    answer = caller.post(path, asked, "application/json", headers={"Authorization": f"Bearer {keys[key]}"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] in ("GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST")


EARLIEST = "cGxhY2U6WyJDb250YWN0IC1ieV9jcmVhdGVkX2F0IiwgIjAwMDEtMDEtMDFUMDA6MDA6MDArMTQ6MDAiLCAiMSJd"


@pytest.mark.parametrize(
    "query",
    [
        'payments(first: 1, after: "YXJyYXljb25uZWN0aW9uOjk5OTk5OTk5OTk5OTk5OTk5OTk5")',
        'payments(first: 1, filter: {createdAt: {gte: "0001-01-01T00:00:00+14:00"}})',
        'payments(first: 1, filter: {createdAt: {lte: "9999-12-31T23:59:59-14:00"}})',
        'contacts(first: 1, where: {createdAt: {gte: "0001-01-01T00:00:00+14:00"}})',
        f'contacts(first: 1, after: "{EARLIEST}")',
    ],
)
def test_extreme_cursors_and_dates_are_refused(caller: Client, keys: dict[str, str], query: str) -> None:
    asked = json.dumps({"query": f"{{ {query} {{ edges {{ node {{ id }} }} }} }}"})
    headers = {"Authorization": f"Bearer {keys['api']}"}
    answer = caller.post("/graphql/", asked, "application/json", headers=headers)
    assert answer.status_code == 200
    codes = {each["extensions"]["code"] for each in answer.json().get("errors", [])}
    assert "INTERNAL" not in codes


@pytest.mark.parametrize("name", ["audience", "segment", "status", "ads"])
@pytest.mark.parametrize("value", ["%00", "%ED%A0%80", "x" * 5000, "9" * 50])
def test_odd_words_for_a_download_are_refused(
    caller: Client, keys: dict[str, str], name: str, value: str
) -> None:
    headers = {"Authorization": f"Bearer {keys['api']}"}
    answer = caller.get(f"/api/audience/export.csv?{name}={value}", headers=headers)
    assert answer.status_code == 400


CONNECT = "/dashboard/accounts/connect"
PAUSE = "/dashboard/channels/default-channel/pause"


def keys_form(public: str, secret: str, channel: str = "default-channel") -> dict[str, str]:
    return {"publishable_key": public, "secret_key": secret, "channel": channel}


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (CONNECT, keys_form("☃", "☃")),
        (CONNECT, keys_form("pk_test_1", "rk_test_☃")),
        (CONNECT, keys_form("pk_test_1\0", "rk_test_1\0", "default-channel\0")),
        (PAUSE, {"paused": "yes", "message": "a\0b"}),
        (PAUSE, {"paused": "yes", "message": "x" * 100_000}),
        (f"/dashboard/problems/{'9' * 40}/replay", {}),
    ],
)
def test_odd_fields_of_the_pages_forms_are_refused(
    caller: Client, keys: dict[str, str], path: str, form: dict[str, str]
) -> None:
    headers = {"Authorization": f"Bearer {keys['staff']}", "Saleor-Api-Url": API_URL}
    answer = caller.post(path, form, headers=headers)
    assert answer.status_code < 500


@pytest.mark.parametrize(
    "payload",
    [
        {"version": "\ud800"},
        {"version": "3\0"},
        {"issuedAt": "0001-01-01T00:00:00+14:00"},
        {"issuedAt": "9999-12-31T23:59:59-14:00"},
        {"order": {"id": "x" * 100_000}},
        {"order": {"id": 10**30}},
    ],
    ids=lambda payload: json.dumps(payload)[:40],
)
def test_odd_values_in_signed_events_do_not_fail(
    installation: Installation,  # noqa: F811 - a fixture
    payload: dict[str, Any],
) -> None:
    body = json.dumps({"recipient": {"id": APP}} | payload).encode()
    assert post_signed(installation, "order_created", body).status_code in (200, 400)


class TestStripe:
    @pytest.fixture
    def account(self, shop: Shop) -> StripeAccount:
        return StripeAccount.objects.create(
            installation=shop.installation,
            name="Shop",
            publishable_key="pk_test_1",
            secret_key="rk_test_1",
            stripe_id="acct_1",
            livemode=False,
            webhook_secret="whsec_1",
        )

    @pytest.fixture
    def shop(self) -> Shop:
        return make_shop()

    def post(self, account: StripeAccount, body: str, ahead: int = 0) -> Any:
        timestamp = int(time.time()) + ahead
        signature = stripe.WebhookSignature._compute_signature(f"{timestamp}.{body}", account.webhook_secret)
        return Client(raise_request_exception=False).post(
            f"/api/webhooks/stripe/{account.pk}",
            body,
            "application/json",
            headers={"Stripe-Signature": f"t={timestamp},v1={signature}"},
        )

    def event(self, **changed: Any) -> dict[str, Any]:
        whole = {
            "id": "evt_1",
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": 1_790_000_000,
            "livemode": False,
            "data": {
                "object": {"id": "pi_1", "object": "payment_intent", "client_secret": "pi_1_secret_marker"}
            },
        }
        return {name: value for name, value in (whole | changed).items() if value is not ...}

    @pytest.mark.parametrize(
        "changed",
        [
            {"created": ...}, {"created": None}, {"created": "now"}, {"created": -1}, {"created": 10**12},
            {"created": True}, {"created": 1.5}, {"data": None}, {"data": []}, {"data": {"object": None}},
            {"data": ...}, {"id": "x" * 256}, {"id": ""}, {"id": 7},
        ],
        ids=str,
    )  # fmt: skip
    def test_an_event_without_the_form_of_one_is_refused(
        self, account: StripeAccount, changed: dict[str, Any]
    ) -> None:
        answer = self.post(account, json.dumps(self.event(**changed)))
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "unreadable"
        assert not Event.objects.exists()

    @pytest.mark.parametrize(
        "body", ["1", "null", "[" * 5000 + "]" * 5000, '{"id": NaN}', '{"id": "\\u0000"}']
    )
    def test_what_is_not_an_event_is_refused(self, account: StripeAccount, body: str) -> None:
        assert self.post(account, body).status_code == 400

    def test_a_timestamp_ahead_of_time_is_refused(self, account: StripeAccount) -> None:
        answer = self.post(account, json.dumps(self.event()), ahead=3600)
        assert answer.json()["error"]["code"] == "invalid_signature"
        assert self.post(account, json.dumps(self.event()), ahead=30).json() == {"ok": True, "new": True}

    def test_client_secrets_and_personal_data_are_not_kept(self, account: StripeAccount) -> None:
        nested = {
            "object": {
                "id": "si_1",
                "client_secret": "marker",
                "list": [{"client_secret": "marker", "a": 1}],
                "billing_details": {"name": "marker"},
                "shipping": {"phone": "marker"},
                "receipt_email": "marker",
                "evidence": {"customer_name": "marker"},
            }
        }
        self.post(account, json.dumps(self.event(data=nested)))
        payload = Event.objects.get().payload
        assert payload is not None
        assert payload["data"] == {"object": {"id": "si_1", "list": [{"a": 1}]}}
        assert self.post(account, json.dumps(self.event(data=nested))).json() == {"ok": True, "new": False}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has pooled connections")
def test_after_an_outage_broken_connections_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    drained: list[str] = []

    class Pool:
        closed = False

        def drain(self) -> None:
            drained.append("drained")

    monkeypatch.setattr(type(connections["default"]), "pool", Pool())
    database.failure_of(OperationalError("the connection is closed"))
    assert drained == ["drained"]
