"""A platform creates accounts, leads their owners through the hosted pages, and acts for them; nobody else can."""

from typing import Any

import pytest
import requests
import stripe

from saleor_stripe_audience.sandbox.stripe import SECRET_KEY, StripeSandbox
from tests.sandbox.stripe.conftest import Receiver, client_for
from tests.sandbox.stripe.test_stripe_shapes import problems

BACK = {"refresh_url": "http://127.0.0.1:1/again", "return_url": "http://127.0.0.1:1/back"}


@pytest.fixture
def platform(url: str, sandbox: StripeSandbox) -> stripe.StripeClient:
    sandbox.create_account("Platform", "pk_test_platform", "sk_test_platform", platform=True)
    return client_for(url, "sk_test_platform")


@pytest.fixture
def made(platform: stripe.StripeClient) -> str:
    return platform.v1.accounts.create({"type": "standard", "country": "FR"}).id


def link(platform: stripe.StripeClient, made: str, **changed: Any) -> stripe.AccountLink:
    params: Any = {"account": made, "type": "account_onboarding", **BACK, **changed}
    return platform.v1.account_links.create(params)


def leave(url: str, outcome: str) -> str:
    """Go through the hosted page; return the URL that it leads to."""
    shown = requests.get(url, allow_redirects=False, timeout=5)
    assert shown.status_code == 200
    return requests.post(url, {"outcome": outcome}, allow_redirects=False, timeout=5).headers["Location"]


def test_a_new_account_may_nothing_yet(platform: stripe.StripeClient, made: str) -> None:
    account = platform.v1.accounts.retrieve(made)
    assert (account.charges_enabled, account.details_submitted, account.country) == (False, False, "FR")
    assert account.requirements is not None
    assert account.requirements.currently_due
    with pytest.raises(stripe.InvalidRequestError, match="cannot currently make charges"):
        platform.v1.payment_intents.create({"amount": 500, "currency": "eur"}, {"stripe_account": made})


@pytest.mark.parametrize(
    ("outcome", "charges", "reason"),
    [
        ("complete", True, None),
        ("review", False, "requirements.pending_verification"),
        ("restrict", False, "requirements.past_due"),
        ("reject", False, "rejected.fraud"),
    ],
)
def test_the_outcome_of_the_hosted_pages(
    platform: stripe.StripeClient, made: str, outcome: str, charges: bool, reason: str | None
) -> None:
    assert leave(link(platform, made).url, outcome) == BACK["return_url"]
    account = platform.v1.accounts.retrieve(made)
    assert account.requirements is not None
    assert (account.charges_enabled, account.requirements.disabled_reason) == (charges, reason)
    assert account.details_submitted
    assert list(problems(account.to_dict())) == []


def test_leaving_before_the_end_changes_nothing(platform: stripe.StripeClient, made: str) -> None:
    assert leave(link(platform, made).url, "") == BACK["return_url"]
    assert not platform.v1.accounts.retrieve(made).details_submitted


def test_a_link_is_good_once_and_for_minutes(
    platform: stripe.StripeClient, made: str, sandbox: StripeSandbox
) -> None:
    used, late = link(platform, made).url, link(platform, made).url
    leave(used, "")
    assert requests.get(used, allow_redirects=False, timeout=5).headers["Location"] == BACK["refresh_url"]
    again = requests.post(used, {"outcome": "complete"}, allow_redirects=False, timeout=5)
    assert again.headers["Location"] == BACK["refresh_url"]
    sandbox.advance(301)
    assert requests.get(late, allow_redirects=False, timeout=5).headers["Location"] == BACK["refresh_url"]
    assert not platform.v1.accounts.retrieve(made).details_submitted


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"account": "acct_nobody"}, "account"),
        ({"type": "account_update"}, "type"),
        ({"return_url": "nowhere"}, "return_url"),
        ({"refresh_url": None}, "refresh_url"),
    ],
)
def test_a_wrong_link_is_refused(
    platform: stripe.StripeClient, made: str, changed: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        link(platform, made, **changed)
    assert refused.value.param == param


def test_what_is_done_for_an_account_is_in_its_own_tables(
    url: str, platform: stripe.StripeClient, made: str, sandbox: StripeSandbox
) -> None:
    sandbox.onboard(made, "complete")
    options: Any = {"stripe_account": made, "idempotency_key": "k"}
    theirs = platform.v1.payment_intents.create({"amount": 500, "currency": "eur"}, options)
    own = platform.v1.payment_intents.create({"amount": 500, "currency": "eur"}, {"idempotency_key": "k"})
    assert own.id != theirs.id, "a key belongs to one account"
    assert list(sandbox.accounts[made].table("payment_intent")) == [theirs.id]
    with pytest.raises(stripe.InvalidRequestError):
        platform.v1.payment_intents.retrieve(theirs.id)
    browser = client_for(url, "pk_test_platform")
    seen: Any = {"client_secret": theirs.client_secret}
    assert browser.v1.payment_intents.retrieve(theirs.id, seen, {"stripe_account": made}).id == theirs.id


def test_nobody_else_acts_for_the_account(
    url: str, platform: stripe.StripeClient, made: str, sandbox: StripeSandbox
) -> None:
    sandbox.onboard(made, "complete")
    sandbox.create_account("Other", "pk_test_o", "sk_test_o", platform=True)
    for stranger in (client_for(url, SECRET_KEY), client_for(url, "sk_test_o")):
        with pytest.raises(stripe.PermissionError, match="does not have access"):
            stranger.v1.payment_intents.list({}, {"stripe_account": made})
        with pytest.raises(stripe.PermissionError):
            stranger.v1.accounts.retrieve(made)
        with pytest.raises(stripe.InvalidRequestError):
            link(stranger, made)
    with pytest.raises(stripe.PermissionError):
        platform.v1.payment_intents.list({}, {"stripe_account": sandbox.account.id})


def test_only_a_platform_makes_accounts_and_only_standard_ones(
    client: stripe.StripeClient, platform: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="signed up for Connect"):
        client.v1.accounts.create({"type": "standard"})
    with pytest.raises(stripe.InvalidRequestError, match="standard"):
        platform.v1.accounts.create({"type": "express"})
    with pytest.raises(stripe.InvalidRequestError, match="signed up for Connect"):
        client.v1.webhook_endpoints.create(
            {"url": "http://127.0.0.1:1/", "enabled_events": ["*"], "connect": True}
        )


def test_the_platform_is_reported_which_account_an_event_is_of(
    platform: stripe.StripeClient, made: str, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    params: Any = {"url": receiver.url, "enabled_events": ["*"], "connect": True}
    platform.v1.webhook_endpoints.create(params)
    sandbox.onboard(made, "complete")
    platform.v1.products.create({"name": "Theirs"}, {"stripe_account": made})
    platform.v1.products.create({"name": "Our own, which is not for this endpoint"})
    sandbox.deauthorize(made)
    sandbox.deauthorize(made)
    assert sandbox.drain()
    sent = sorted((event["type"], event["account"]) for event in receiver.events())
    assert sent == [
        ("account.application.deauthorized", made),
        ("account.updated", made),
        ("product.created", made),
    ]
    (updated,) = [event for event in receiver.events() if event["type"] == "account.updated"]
    assert updated["data"]["previous_attributes"]["charges_enabled"] is False
    with pytest.raises(stripe.PermissionError):
        platform.v1.products.list({}, {"stripe_account": made})


def test_an_endpoint_without_connect_gets_none_of_it(
    platform: stripe.StripeClient, made: str, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    platform.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    sandbox.onboard(made, "complete")
    assert sandbox.drain()
    assert receiver.events() == []


def test_control_over_http(url: str, platform: stripe.StripeClient, made: str) -> None:
    address = f"{url}/sandbox/control/accounts/{made}"
    assert requests.post(address, json={"outcome": "complete"}, timeout=5).json()["charges_enabled"] is True
    assert requests.post(address, json={"outcome": "vanish"}, timeout=5).status_code == 400
    assert requests.post(f"{address}x", json={"outcome": "reject"}, timeout=5).status_code == 404
    assert requests.post(address, json={"outcome": "deauthorize"}, timeout=5).json() == {"ok": True}
    with pytest.raises(stripe.PermissionError):
        platform.v1.accounts.retrieve(made)
