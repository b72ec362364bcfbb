"""Bank transfers that are too small, too large or too late: where Stripe keeps their money."""

from typing import Any

import pytest
import requests
import stripe

from saleor_stripe_audience.sandbox.stripe import StripeSandbox

from .test_stripe_later import begin

Json = dict[str, Any]


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    return client.v1.customers.create({"name": "Robin Vale"}).id


def wait_for_transfer(client: stripe.StripeClient, customer: str, amount: int = 5000) -> str:
    return begin(client, "customer_balance", "eur", customer=customer, amount=amount).id


def balance(client: stripe.StripeClient, customer: str) -> int:
    available: Any = client.v1.customers.cash_balance.retrieve(customer).available
    return int(available["eur"]) if available else 0


def moves(client: stripe.StripeClient, customer: str) -> list[tuple[str, int, int]]:
    """Return the type, amount and ending balance of each of the Customer's transactions, oldest first."""
    listed = client.v1.customers.cash_balance_transactions.list(customer, {"limit": 100}).data
    return [(each.type, each.net_amount, each.ending_balance) for each in listed[::-1]]


def remaining(client: stripe.StripeClient, intent: str) -> int:
    action: Any = client.v1.payment_intents.retrieve(intent).next_action
    return int(action.display_bank_transfer_instructions.amount_remaining)


def test_a_part_goes_back_when_the_payment_is_canceled(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    intent = wait_for_transfer(client, customer)
    assert client.v1.customers.cash_balance.retrieve(customer).available is None
    sandbox.pay_voucher(intent, 100)
    assert balance(client, customer) == 0
    client.v1.payment_intents.cancel(intent)
    assert balance(client, customer) == 100
    assert moves(client, customer) == [
        ("funded", 100, 100),
        ("applied_to_payment", -100, 0),
        ("unapplied_from_payment", 100, 100),
    ]
    [last] = sandbox.events("customer_cash_balance_transaction.created")[-1:]
    assert last["data"]["object"]["unapplied_from_payment"] == {"payment_intent": intent}


def test_a_canceled_payment_without_money_moves_nothing(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    client.v1.payment_intents.cancel(wait_for_transfer(client, customer))
    assert moves(client, customer) == []


def test_what_is_too_much_stays_until_it_is_sent_back(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    paid = sandbox.pay_voucher(wait_for_transfer(client, customer), 6000)
    assert (paid["status"], paid["amount_received"], balance(client, customer)) == ("succeeded", 5000, 1000)
    sandbox.send_back(customer, "eur", 400)
    assert sandbox.send_back(customer, "eur")["ending_balance"] == 0
    assert balance(client, customer) == 0
    with pytest.raises(Exception, match="has 0 eur"):
        sandbox.send_back(customer, "eur")


def test_what_cannot_be_sent_back_goes_to_the_account(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    sandbox.transfer(customer, "eur", 700)
    swept = sandbox.sweep(customer, "eur")
    assert (swept["type"], swept["net_amount"], balance(client, customer)) == (
        "transferred_to_balance",
        -700,
        0,
    )
    booked = client.v1.balance_transactions.retrieve(swept["transferred_to_balance"]["balance_transaction"])
    assert (booked.type, booked.fee) == ("payment_unreconciled", 0)


def test_the_control_address_does_the_same(client: stripe.StripeClient, url: str, customer: str) -> None:
    address = f"{url}/sandbox/control/customers/{customer}"
    for action, amount, left in (("transfer", 700, 700), ("send_back", 200, 500), ("sweep", None, 0)):
        body = {"action": action, "currency": "eur", "amount": amount}
        assert requests.post(address, json=body, timeout=10).ok
        assert balance(client, customer) == left


def test_what_is_left_pays_the_next_payment(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    sandbox.pay_voucher(wait_for_transfer(client, customer), 6000)
    partly = wait_for_transfer(client, customer)
    assert (remaining(client, partly), balance(client, customer)) == (4000, 0)
    kinds = [each["type"] for each in sandbox.events() if each["data"]["object"].get("id") == partly]
    assert kinds[-2:] == ["payment_intent.requires_action", "payment_intent.partially_funded"]
    sandbox.transfer(customer, "eur", 9500)
    assert client.v1.payment_intents.retrieve(partly).status == "succeeded"
    at_once = wait_for_transfer(client, customer, 5500)
    assert client.v1.payment_intents.retrieve(at_once).status == "succeeded"
    assert balance(client, customer) == 0


def test_what_a_canceled_payment_had_goes_to_another_open_one(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    first, second = wait_for_transfer(client, customer), wait_for_transfer(client, customer)
    sandbox.pay_voucher(first, 100)
    client.v1.payment_intents.cancel(first)
    assert (remaining(client, second), balance(client, customer)) == (4900, 0)


def test_a_transfer_goes_to_the_payment_that_waits_for_exactly_as_much_or_to_the_oldest(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    first, second = wait_for_transfer(client, customer), wait_for_transfer(client, customer, 700)
    sandbox.transfer(customer, "eur", 700)
    assert client.v1.payment_intents.retrieve(second).status == "succeeded"
    sandbox.transfer(customer, "eur", 300)
    assert remaining(client, first) == 4700


def test_a_payment_by_another_method_gives_its_part_back(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    intent = wait_for_transfer(client, customer)
    sandbox.pay_voucher(intent, 100)
    confirm: Any = {"payment_method": "pm_card_visa", "return_url": "https://shop.example.com"}
    assert client.v1.payment_intents.confirm(intent, confirm).status == "succeeded"
    assert balance(client, customer) == 100


def test_a_customer_with_a_cash_balance_cannot_be_deleted(
    client: stripe.StripeClient, sandbox: StripeSandbox, customer: str
) -> None:
    sandbox.transfer(customer, "eur", 700)
    with pytest.raises(stripe.InvalidRequestError, match="cash balance"):
        client.v1.customers.delete(customer)
