"""A platform in the Stripe stand-in, with its endpoint, and shops that connect through it."""

import json
import time
from typing import Any

from django.test import Client

from saleor_stripe_audience.gateway import connect
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.sandbox.stripe import StripeSandbox, signature
from saleor_stripe_audience.shops.models import Installation

SECRET, PUBLISHABLE, HOOK = "sk_test_platform", "pk_test_platform", "whsec_of_the_platform"
AGAIN, BACK = "https://app.example.com/again", "https://app.example.com/back"
Json = dict[str, Any]


def offer(settings: Any, sandbox: StripeSandbox, mode: str = "test") -> None:
    """Configure the platform's keys, as an operator does."""
    settings.STRIPE_PLATFORM_SECRET_KEY = SECRET.replace("test", mode)
    settings.STRIPE_PLATFORM_PUBLISHABLE_KEY = PUBLISHABLE.replace("test", mode)
    settings.STRIPE_PLATFORM_WEBHOOK_SECRET = HOOK
    sandbox.create_account(
        "Platform",
        settings.STRIPE_PLATFORM_PUBLISHABLE_KEY,
        settings.STRIPE_PLATFORM_SECRET_KEY,
        livemode=mode == "live",
        platform=True,
    )


def start_account(installation: Installation, *channels: str, **more: Any) -> StripeAccount:
    return connect.start(installation, channels, **more)


def active(sandbox: StripeSandbox, installation: Installation, *channels: str) -> StripeAccount:
    """Return an account that completed its onboarding."""
    account = start_account(installation, *channels, known=connect.hosted(installation.pk))
    sandbox.onboard(account.stripe_id, "complete")
    connect.refresh(account)
    return account


def post_event(event: Json, secret: str = HOOK, signed: str | None = None) -> Any:
    """POST an event to the platform's endpoint, as Stripe does."""
    body = json.dumps(event).encode()
    made = signature(secret, body, int(time.time())) if signed is None else signed
    return Client().post(
        "/api/webhooks/stripe/connect",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": made},
    )


def newest_event(sandbox: StripeSandbox, account: StripeAccount, kind: str) -> Json:
    """Return the newest event of that type, with the account, as the platform's endpoint gets it."""
    events = sandbox.accounts[account.stripe_id].table("event").values()
    newest = [each for each in events if each["type"] == kind][-1]
    return {**newest, "account": account.stripe_id}
