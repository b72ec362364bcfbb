"""Keys, scopes, endpoints and headers."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from saleor_stripe_audience.sandbox.stripe import RESTRICTED_KEY, SECRET_KEY, StripeSandbox


def test_the_account_is_shown(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    account = client.v1.accounts.retrieve_current()
    assert (account.id, account.charges_enabled) == (sandbox.account.id, True)
    assert client.v1.accounts.retrieve(account.id).id == account.id
    with pytest.raises(stripe.PermissionError):
        client.v1.accounts.retrieve("acct_other")


def test_unknown_and_revoked_keys_are_401(
    url: str, client: stripe.StripeClient, sandbox: StripeSandbox
) -> None:
    stranger = stripe.StripeClient("sk_test_unknown_key", base_addresses={"api": url})
    with pytest.raises(stripe.AuthenticationError) as refused:
        stranger.v1.accounts.retrieve_current()
    assert "unknown_key" not in str(refused.value)
    sandbox.revoke_key(SECRET_KEY)
    with pytest.raises(stripe.AuthenticationError) as refused:
        client.v1.accounts.retrieve_current()
    assert refused.value.error is not None
    assert refused.value.error.code == "api_key_expired"
    assert requests.get(f"{url}/v1/account", timeout=5).status_code == 401


def test_a_missing_scope_is_named(restricted: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    sandbox.add_key(sandbox.account, RESTRICTED_KEY, ["rak_payment_intent_write", "event_read"])
    assert restricted.v1.payment_intents.create({"amount": 1000, "currency": "usd"}).id
    assert restricted.v1.payment_intents.list().data
    assert restricted.v1.events.list().data
    with pytest.raises(stripe.PermissionError) as refused:
        restricted.v1.prices.create({"currency": "usd", "unit_amount": 5, "product": "prod_x"})
    assert refused.value.http_status == 403
    assert "('plan_write')" in str(refused.value)
    sandbox.add_key(sandbox.account, RESTRICTED_KEY, ["plan_read"])
    assert restricted.v1.prices.list().data == []
    with pytest.raises(stripe.PermissionError, match="'charge_write'"):
        restricted.v1.refunds.create({"charge": "ch_x"})


def test_accounts_do_not_see_one_another(
    url: str, client: stripe.StripeClient, sandbox: StripeSandbox
) -> None:
    sandbox.create_account("Other", "pk_test_other", "sk_test_other")
    other = stripe.StripeClient("sk_test_other", base_addresses={"api": url})
    mine = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.InvalidRequestError):
        other.v1.payment_intents.retrieve(mine.id)
    theirs = other.v1.payment_intents.create({"amount": 1000, "currency": "usd"}, {"idempotency_key": "k"})
    assert theirs.id != mine.id


def test_another_accounts_header_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.PermissionError):
        client.v1.accounts.retrieve_current(None, {"stripe_account": "acct_other"})


def test_every_answer_has_a_request_id(url: str) -> None:
    answer = requests.get(f"{url}/v1/nothing", auth=(SECRET_KEY, ""), timeout=5)
    assert answer.status_code == 404
    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_bodies_must_be_forms(url: str) -> None:
    answer = requests.post(f"{url}/v1/payment_intents", json={"amount": 1}, auth=(SECRET_KEY, ""), timeout=5)
    assert answer.status_code == 400
    assert "content type" in answer.json()["error"]["message"]


def test_another_api_version_is_refused(url: str) -> None:
    old = stripe.StripeClient(SECRET_KEY, base_addresses={"api": url}, stripe_version="2020-08-27")
    with pytest.raises(stripe.InvalidRequestError, match="version"):
        old.v1.accounts.retrieve_current()


def test_requests_can_be_counted(url: str, client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    pay()
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"}, {"idempotency_key": "mine"})
    log = requests.get(f"{url}/sandbox/requests", params={"method": "POST"}, timeout=5).json()["requests"]
    assert [entry["path"] for entry in log] == ["/v1/payment_intents", "/v1/payment_intents"]
    assert log[1]["idempotency_key"] == "mine"
    assert log[1]["params"] == {"amount": "1000", "currency": "usd"}
    requests.delete(f"{url}/sandbox/requests", timeout=5)
    assert requests.get(f"{url}/sandbox/requests", timeout=5).json() == {"requests": []}


def test_control_over_http(url: str, client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    fault = {"faults": [{"match": "GET /v1/account", "status": 500}]}
    assert requests.post(f"{url}/sandbox/control", json=fault, timeout=5).json() == {"ok": True}
    with pytest.raises(stripe.APIError):
        client.v1.accounts.retrieve_current()
    wrong = requests.post(f"{url}/sandbox/control", json={"faults": [{"mach": "x"}]}, timeout=5)
    assert wrong.status_code == 400
    limit = {"key": RESTRICTED_KEY, "action": "limit", "scopes": ["event_read"]}
    assert requests.post(f"{url}/sandbox/control/keys", json=limit, timeout=5).json() == {"ok": True}
    assert sandbox.account.keys[RESTRICTED_KEY].scopes == frozenset({"event_read"})
    before = sandbox.now()
    requests.post(f"{url}/sandbox/control/clock", json={"advance_seconds": 60}, timeout=5)
    assert sandbox.now() >= before + 60
    assert requests.post(f"{url}/sandbox/control/drain", json={}, timeout=15).json() == {"drained": True}
