"""Delayed payments, partial disputes, overcaptures: as Stripe documents them, not as the app would like them."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, StripeSandbox

from .conftest import client_for

Json = dict[str, Any]


def begin(client: stripe.StripeClient, kind: str, currency: str, **more: Any) -> stripe.PaymentIntent:
    params: Any = {
        "amount": 120_000,
        "currency": currency,
        "confirm": True,
        "return_url": "https://shop.example.com",
        "payment_method_data": {"type": kind},
        **more,
    }
    return client.v1.payment_intents.create(params)


@pytest.mark.parametrize(
    ("kind", "currency", "action"),
    [
        ("boleto", "brl", "boleto_display_details"),
        ("oxxo", "mxn", "oxxo_display_details"),
        ("konbini", "jpy", "konbini_display_details"),
        ("multibanco", "eur", "multibanco_display_details"),
        ("pix", "brl", "pix_display_qr_code"),
        ("promptpay", "thb", "promptpay_display_qr_code"),
        ("wechat_pay", "cny", "wechat_pay_display_qr_code"),
    ],
)
def test_it_is_handed_out_then_paid_or_expired(
    client: stripe.StripeClient, sandbox: StripeSandbox, kind: str, currency: str, action: str
) -> None:
    paid, expired = begin(client, kind, currency), begin(client, kind, currency)
    for each in (paid, expired):
        assert (each.status, each.next_action and each.next_action.type) == ("requires_action", action)
        assert each.latest_charge is None
    assert sandbox.pay_voucher(paid.id)["status"] == "succeeded"
    ended = sandbox.expire_voucher(expired.id)
    assert ended["last_payment_error"]["code"] == "payment_intent_payment_attempt_expired"
    assert ended["last_payment_error"]["payment_method"]["type"] == kind
    kinds = [each["type"] for each in sandbox.events() if each["data"]["object"]["id"] == expired.id]
    assert kinds == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.payment_failed",
    ]


def test_time_ends_it(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    slip, code = begin(client, "oxxo", "mxn"), begin(client, "pix", "brl")
    sandbox.advance(5 * 3600)
    assert client.v1.payment_intents.retrieve(code.id).status == "requires_payment_method"
    assert client.v1.payment_intents.retrieve(slip.id).status == "requires_action"
    sandbox.advance(3 * 24 * 3600)
    assert client.v1.payment_intents.retrieve(slip.id).status == "requires_payment_method"


def test_a_transfer_needs_a_customer_and_may_come_in_parts(
    client: stripe.StripeClient, sandbox: StripeSandbox
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        begin(client, "customer_balance", "eur")
    customer = client.v1.customers.create({"name": "Robin Vale"}).id
    waiting = begin(client, "customer_balance", "eur", customer=customer)
    partly = sandbox.pay_voucher(waiting.id, 20_000)
    assert partly["next_action"]["display_bank_transfer_instructions"]["amount_remaining"] == 100_000
    assert [each["data"]["object"]["id"] for each in sandbox.events("payment_intent.partially_funded")] == [
        waiting.id
    ]
    assert sandbox.pay_voucher(waiting.id, 100_000)["status"] == "succeeded"


def test_a_voucher_cannot_be_held(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        begin(client, "boleto", "brl", payment_method_options={"boleto": {"capture_method": "manual"}})


def test_a_browser_does_not_change_the_address_of_a_secret_key(client: stripe.StripeClient, url: str) -> None:
    address: Any = {"name": "Robin", "address": {"line1": "1 Harbour Street"}}
    browser = client_for(url, PUBLISHABLE_KEY).v1.payment_intents
    free = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    fixed = client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "shipping": address})
    for intent in (free, fixed):
        params: Any = {
            "client_secret": intent.client_secret,
            "payment_method": "pm_card_threeDSecure2Required",
            "return_url": "https://x.example",
            "shipping": address,
        }
        if intent is free:
            for _ in range(2):
                assert browser.confirm(intent.id, params).status == "requires_action"
            continue
        with pytest.raises(stripe.InvalidRequestError, match="last set with a secret key"):
            browser.confirm(intent.id, params)


def test_more_is_captured_than_was_held(
    client: stripe.StripeClient, sandbox: StripeSandbox, hold: Callable[..., Any]
) -> None:
    held = hold()
    with pytest.raises(Exception, match="more than was held"):
        sandbox.overcapture(held.id, held.amount)
    taken = sandbox.overcapture(held.id, held.amount + 200)
    charge = client.v1.charges.retrieve(taken["latest_charge"])
    assert (charge.amount_captured, charge.amount_refunded) == (held.amount + 200, 0)
    assert client.v1.refunds.create({"payment_intent": held.id}).amount == held.amount + 200
    assert client.v1.charges.retrieve(charge.id).refunded


def test_a_dispute_in_another_currency_and_in_parts(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    paid = pay()
    opened = sandbox.open_dispute(paid.id, currency="eur")
    assert (opened["currency"], opened["balance_transactions"][0]["currency"]) == ("eur", "usd")
    sandbox.reinstate_dispute(opened["id"], 300)
    with pytest.raises(Exception, match="was withdrawn"):
        sandbox.reinstate_dispute(opened["id"], 10**6)
    sandbox.end_dispute(opened["id"], "won")
    dispute = client.v1.disputes.retrieve(opened["id"])
    assert sum(each.amount for each in dispute.balance_transactions) == 0
    assert len(dispute.balance_transactions) == 3


@pytest.mark.parametrize(
    ("kind", "currency"), [("p24", "usd"), ("wechat_pay", "pln"), ("blik", "eur"), ("zip", "usd")]
)
def test_a_method_needs_one_of_its_currencies_and_an_account_that_enabled_it(
    client: stripe.StripeClient, kind: str, currency: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        begin(client, kind, currency)
