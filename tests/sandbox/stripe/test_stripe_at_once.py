"""Many requests at once: money is charged and refunded once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import stripe

from saleor_stripe_audience.sandbox.stripe import StripeSandbox


def outcomes(action: Callable[[], Any], times: int = 12) -> list[bool]:
    """Run the action this many times at once; return for each call whether it was accepted."""

    def tried(_: int) -> bool:
        try:
            action()
        except stripe.StripeError:
            return False
        return True

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(tried, range(times)))


def test_one_capture_of_many_wins(client: stripe.StripeClient, hold: Callable[..., Any]) -> None:
    held = hold()
    assert sum(outcomes(lambda: client.v1.payment_intents.capture(held.id, {"amount_to_capture": 600}))) == 1
    assert client.v1.payment_intents.retrieve(held.id).amount_received == 600


def test_refunds_never_sum_to_more_than_was_paid(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any]
) -> None:
    paid = pay()
    assert sum(outcomes(lambda: client.v1.refunds.create({"payment_intent": paid.id, "amount": 300}))) == 3
    assert client.v1.charges.retrieve(paid.latest_charge).amount_refunded == 900
    assert len(sandbox.events("refund.created")) == 3


def test_a_payment_is_either_paid_or_cancelled(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})

    def confirm() -> None:
        client.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example/"}
        )

    with ThreadPoolExecutor(2) as pool:
        done = list(
            pool.map(
                lambda act: outcomes(act, 6), (confirm, lambda: client.v1.payment_intents.cancel(intent.id))
            )
        )
    assert sorted(map(sum, done)) == [0, 1]
    assert (
        len(sandbox.events("payment_intent.succeeded")) + len(sandbox.events("payment_intent.canceled")) == 1
    )
