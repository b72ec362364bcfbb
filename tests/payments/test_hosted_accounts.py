"""A purchase in a shop whose account was connected through the platform."""

from typing import Any

import pytest
import requests

from saleor_stripe_audience.gateway import connect
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import shopper_messages
from saleor_stripe_audience.payments.reconcile import reconcile
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import in_language
from tests.gateway.platform import PUBLISHABLE, newest_event, offer, post_event, start_account
from tests.payments.conftest import Buy, install

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _platform(settings: Any, stripe_sandbox: StripeSandbox, stripe_url: str) -> None:
    offer(settings, stripe_sandbox)


def gateway(buy: Buy) -> dict[str, Any]:
    source = {"__typename": "Checkout", "id": "Q2hlY2tvdXQ6MQ==", "channel": {"slug": buy.channel}}
    whole: Any = {"sourceObject": source | {"channel": {"slug": buy.channel, "currencyCode": "USD"}}}
    data: dict[str, Any] = buy.send("payment_gateway_initialize_session", **whole)["data"]
    return data


def test_a_purchase_in_the_accounts_own_tables(
    installation: Installation, stripe_sandbox: StripeSandbox, stripe_url: str
) -> None:
    account = start_account(installation, "default-channel")
    stripe_sandbox.onboard(account.stripe_id, "complete")
    connect.refresh(account)
    buy = Buy(installation, stripe_url)
    assert gateway(buy) == {"stripePublishableKey": PUBLISHABLE, "stripeAccount": account.stripe_id}
    assert buy.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
    confirm = f"{stripe_url}/v1/payment_intents/{buy.psp}/confirm"
    card = {
        "client_secret": buy.secret,
        "payment_method": "pm_card_visa",
        "return_url": "https://x.example.com",
    }
    refused = requests.post(confirm, card, headers={"Authorization": f"Bearer {PUBLISHABLE}"}, timeout=5)
    assert refused.status_code == 404, "without stripeAccount the storefront does not find the payment"
    card["_stripe_account"] = account.stripe_id
    assert requests.post(confirm, card, headers={"Authorization": f"Bearer {PUBLISHABLE}"}, timeout=5).ok
    assert buy.process()["result"] == "CHARGE_SUCCESS"
    assert buy.request("REFUND", "2.30")["result"] in ("REFUND_SUCCESS", "REFUND_REQUEST")
    assert list(stripe_sandbox.accounts[account.stripe_id].table("payment_intent")) == [buy.psp]
    assert post_event(newest_event(stripe_sandbox, account, "payment_intent.succeeded")).json()["new"] is True
    assert Event.objects.get(kind="payment_intent.succeeded").origin == account.pk


@pytest.mark.parametrize("outcome", ["", "review", "restrict", "reject"])
def test_an_account_that_is_not_active_is_paid_nothing(
    installation: Installation, stripe_sandbox: StripeSandbox, stripe_url: str, outcome: str
) -> None:
    account = start_account(installation, "default-channel")
    if outcome:
        stripe_sandbox.onboard(account.stripe_id, outcome)
        connect.refresh(account)
    buy = Buy(installation, stripe_url)
    assert "errors" in gateway(buy)
    answer = buy.initialize()
    assert answer["result"] == "CHARGE_FAILURE"
    assert answer["message"] == in_language(shopper_messages.UNAVAILABLE, "en")
    assert stripe_sandbox.log.entries("POST", "/v1/payment_intents") == []


def test_a_payment_continues_when_the_account_is_restricted_meanwhile(
    installation: Installation, stripe_sandbox: StripeSandbox, stripe_url: str
) -> None:
    account = start_account(installation, "default-channel")
    stripe_sandbox.onboard(account.stripe_id, "complete")
    connect.refresh(account)
    buy = Buy(installation, stripe_url)
    buy.initialize()
    stripe_sandbox.onboard(account.stripe_id, "restrict")
    connect.refresh(account)
    assert buy.process()["result"] == "CHARGE_ACTION_REQUIRED"
    assert buy.request("CANCEL", "12.30")["result"] == "CANCEL_SUCCESS"


def test_another_shop_does_not_reach_the_payment(
    installation: Installation, stripe_sandbox: StripeSandbox, stripe_url: str
) -> None:
    other = install("other")
    for shop in (installation, other):
        account = start_account(shop, "default-channel")
        stripe_sandbox.onboard(account.stripe_id, "complete")
        connect.refresh(account)
    mine = Buy(installation, stripe_url)
    mine.initialize()
    theirs = Buy(other, stripe_url, id=mine.id, psp=mine.psp)
    assert theirs.process()["result"] == "CHARGE_FAILURE"
    assert theirs.request("CANCEL", "12.30")["result"] == "CANCEL_FAILURE"


def test_reconcile_leaves_out_who_has_left(
    installation: Installation, stripe_sandbox: StripeSandbox, run_due_tasks: Any
) -> None:
    account = start_account(installation, "default-channel")
    assert f"Stripe events of {account.name}" in reconcile(installation).recorded
    stripe_sandbox.deauthorize(account.stripe_id)
    post_event(newest_event(stripe_sandbox, account, "account.application.deauthorized"))
    run_due_tasks()
    done = reconcile(installation)
    assert not [each for each in done.differences if each.where == account.name]
