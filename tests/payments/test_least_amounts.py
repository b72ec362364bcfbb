"""Stripe's minimum charge depends on the account's payout currency, which only Stripe knows."""

from collections.abc import Callable

import pytest

from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from tests.payments.conftest import Buy

pytestmark = pytest.mark.django_db(transaction=True)

Begin = Callable[..., Buy]


def source(total: str, currency: str) -> dict[str, object]:
    channel = {"slug": "default-channel", "currencyCode": currency}
    price = {"gross": {"amount": float(total), "currency": currency}}
    return {"__typename": "Checkout", "id": "Q2hlY2tvdXQ6MQ==", "channel": channel, "totalPrice": price}


@pytest.mark.parametrize(("amount", "currency"), [("18.00", "INR"), ("55", "JPY"), ("0.55", "SAR")])
def test_an_amount_that_is_worth_too_little_is_refused_in_words(
    buy: Begin, stripe_sandbox: StripeSandbox, amount: str, currency: str
) -> None:
    refused = buy(amount=amount, currency=currency).session("transaction_initialize_session")
    assert (refused["result"], "too small" in refused["message"]) == ("CHARGE_FAILURE", True)
    assert not stripe_sandbox.account.table("payment_intent")


def test_a_total_that_falls_below_it_cancels_the_payment(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    one = buy(amount="900.00", currency="INR")
    one.initialize(sourceObject=source("900.00", "INR"))
    answer = one.process(sourceObject=source("18.00", "INR"))
    row = stripe_sandbox.account.table("payment_intent")[one.psp]
    assert (row["status"], row["amount_received"]) == ("canceled", 0)
    assert "too small" in answer["message"]
