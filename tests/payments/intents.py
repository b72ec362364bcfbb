"""PaymentIntents as the gateway parses them, with the fields that Stripe always sends."""

from typing import Any

from saleor_stripe_audience.gateway.objects import PaymentIntent, parse


def intent_with(charge: dict[str, Any] | None) -> PaymentIntent:
    found: dict[str, Any] = {
        "id": "pi_1",
        "status": "succeeded",
        "amount": 1000,
        "currency": "usd",
        "livemode": False,
    }
    return parse(PaymentIntent, found | {"latest_charge": {"amount": 1000, **charge} if charge else None})
