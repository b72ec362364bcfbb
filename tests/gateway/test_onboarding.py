"""Pasting keys: all errors are reported at once, repeating changes nothing, and the endpoint in Stripe works."""

import uuid

import pytest
import stripe

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import accounts, onboarding
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, RESTRICTED_KEY, SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Installation

CHANNELS = ["default-channel", "channel-pln"]
ENOUGH = [
    "payment_intent_write",
    "charge_write",
    "product_write",
    "plan_write",
    "webhook_write",
    "customer_write",
    "payment_method_write",
    "setup_intent_write",
    "balance_read",
    "dispute_read",
    "event_read",
]

pytestmark = pytest.mark.usefixtures("stripe_url")


def endpoints(sandbox: StripeSandbox) -> list[dict[str, object]]:
    return list(sandbox.account.table("webhook_endpoint").values())


@pytest.mark.parametrize("key", [SECRET_KEY, RESTRICTED_KEY])
def test_a_pair_of_keys_connects(installation: Installation, stripe_sandbox: StripeSandbox, key: str) -> None:
    account = onboarding.connect(installation, PUBLISHABLE_KEY, key, CHANNELS)
    [endpoint] = endpoints(stripe_sandbox)
    assert account.stripe_id == stripe_sandbox.account.id
    assert not account.livemode
    assert endpoint["url"] == f"http://127.0.0.1:8077/api/webhooks/stripe/{account.pk}"
    assert endpoint["api_version"] == stripe.api_version
    assert endpoint["enabled_events"] == onboarding.EVENTS
    assert account.webhook_secret.startswith("whsec_")
    assert {accounts.account_for(installation.pk, slug).pk for slug in CHANNELS} == {account.pk}
    assert all(
        each["status"] == "canceled" for each in stripe_sandbox.account.table("payment_intent").values()
    )


def test_a_repeat_changes_nothing(installation: Installation, stripe_sandbox: StripeSandbox) -> None:
    first = onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, CHANNELS)
    again = onboarding.connect(installation, f" {PUBLISHABLE_KEY}\n", f"{SECRET_KEY} ", CHANNELS)
    assert (again.pk, again.webhook_secret) == (first.pk, first.webhook_secret)
    assert (again.publishable_key, again.secret_key) == (PUBLISHABLE_KEY, SECRET_KEY)
    assert len(endpoints(stripe_sandbox)) == 1
    assert (StripeAccount.objects.count(), AccountChannel.objects.count()) == (1, 2)


def test_an_endpoint_that_stripe_lost_is_made_again(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    first = onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, CHANNELS)
    stripe_sandbox.account.table("webhook_endpoint").clear()
    again = onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, CHANNELS)
    assert again.webhook_endpoint_id != first.webhook_endpoint_id
    assert again.webhook_secret != first.webhook_secret
    assert len(endpoints(stripe_sandbox)) == 1


def test_the_secrets_are_not_in_the_database_as_they_are(installation: Installation) -> None:
    account = onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, CHANNELS)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret_key, webhook_secret FROM gateway_stripeaccount")
        row = cursor.fetchone()
    assert SECRET_KEY not in str(row)
    assert account.webhook_secret not in str(row)


@pytest.mark.parametrize(
    ("publishable", "secret", "words"),
    [
        (SECRET_KEY, SECRET_KEY, "begins with pk_"),
        (PUBLISHABLE_KEY, PUBLISHABLE_KEY, "begins with rk_"),
        ("", SECRET_KEY, "begins with pk_"),
        ("pk_live_1", SECRET_KEY, "same mode"),
        (PUBLISHABLE_KEY, "sk_live_1", "same mode"),
        (PUBLISHABLE_KEY, "sk_test_unknown", "does not accept this key"),
    ],
)
def test_keys_that_are_no_pair(installation: Installation, publishable: str, secret: str, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        onboarding.connect(installation, publishable, secret, CHANNELS)
    assert not StripeAccount.objects.exists()


def test_keys_of_two_accounts_are_no_pair(installation: Installation, stripe_sandbox: StripeSandbox) -> None:
    stripe_sandbox.create_account("Other", "pk_test_other", "sk_test_other")
    with pytest.raises(Rejected, match="do not belong to the same Stripe account"):
        onboarding.connect(installation, "pk_test_other", SECRET_KEY, CHANNELS)
    assert not StripeAccount.objects.exists()
    assert endpoints(stripe_sandbox) == []


def test_every_missing_permission_is_named_at_once(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_key(stripe_sandbox.account, "rk_test_narrow", ["payment_intent_write", "charge_read"])
    with pytest.raises(Rejected) as caught:
        onboarding.connect(installation, PUBLISHABLE_KEY, "rk_test_narrow", CHANNELS)
    for name in (
        "Charges and Refunds",
        "Products",
        "Prices",
        "Webhook Endpoints",
        "Customers",
        "PaymentMethods",
        "SetupIntents",
        "Balance: read",
    ):
        assert name in caught.value.message
    assert "PaymentIntents" not in caught.value.message
    assert endpoints(stripe_sandbox) == []


def test_a_key_with_the_permissions_that_were_asked_for_is_enough(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_key(stripe_sandbox.account, "rk_test_enough", ENOUGH)
    account = onboarding.connect(installation, PUBLISHABLE_KEY, "rk_test_enough", CHANNELS)
    assert account.webhook_secret
    again = onboarding.connect(installation, PUBLISHABLE_KEY, "rk_test_enough", CHANNELS)
    assert again.pk == account.pk


def test_a_shop_without_channels_is_reported(installation: Installation) -> None:
    with pytest.raises(Rejected, match="no sales channel"):
        onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, [])


def test_a_channel_moves_to_the_account_connected_last(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    first = onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, CHANNELS)
    stripe_sandbox.create_account("Poland", "pk_test_poland", "sk_test_poland")
    second = onboarding.connect(installation, "pk_test_poland", "sk_test_poland", ["channel-pln"])
    assert accounts.account_for(installation.pk, "default-channel").pk == first.pk
    assert accounts.account_for(installation.pk, "channel-pln").pk == second.pk
    assert {each.pk for each in accounts.accounts_of(installation.pk)} == {first.pk, second.pk}


def test_another_shops_account_is_not_used(installation: Installation) -> None:
    onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, CHANNELS)
    with pytest.raises(Rejected, match="Connect one"):
        accounts.account_for(uuid.uuid4(), "default-channel")


def test_a_stripe_that_is_down_leaves_nothing_half_done(
    installation: Installation, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_fault("POST /v1/webhook_endpoints", status=500, times=2)
    with pytest.raises(Failure):
        onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, CHANNELS)
    with pytest.raises(Rejected):
        accounts.account_for(installation.pk, "default-channel")
    stripe_sandbox.faults.clear()
    account = onboarding.connect(installation, PUBLISHABLE_KEY, SECRET_KEY, CHANNELS)
    assert accounts.account_for(installation.pk, "default-channel").pk == account.pk
    assert len(endpoints(stripe_sandbox)) == 1
