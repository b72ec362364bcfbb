"""A problem is cleared by whatever solves it, on the page or on the command line, and not an hour later."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.utils import timezone

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import accounts, connect, onboarding, terms
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments import staff_messages, upkeep
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Channel, Installation, Problem

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_url")]

EURO, ZLOTY = "default-channel", "channel-pln"
RENEWED = "sk_test_renewed"


@pytest.fixture
def shop(installation: Installation) -> Installation:
    for slug, name in ((EURO, "Europe"), (ZLOTY, "Poland")):
        Channel.objects.update_or_create(
            installation=installation, slug=slug, defaults={"name": name, "currency": "EUR"}
        )
    return installation


@pytest.fixture
def account(shop: Installation) -> StripeAccount:
    return onboarding.connect(shop, PUBLISHABLE_KEY, SECRET_KEY, [EURO])


def keys() -> set[str]:
    """Return the problems, without the key of the account in them."""
    return {each.partition("-")[0] for each in Problem.objects.values_list("key", flat=True)}


def trouble(account: StripeAccount) -> set[str]:
    """Report everything that can be wrong with an account."""
    StripeAccount.objects.filter(pk=account.pk).update(charges_enabled=False)
    account.refresh_from_db()
    upkeep.report_readiness(account)
    refusal = Rejected("Stripe refuses it.", code="url_invalid")
    message = staff_messages.endpoint_problem(refusal, account.name)
    problems.report(account.installation, f"endpoint-{account.pk}", message)
    key_message = staff_messages.key_problem(refusal, account.name, is_hosted=False)
    problems.report(account.installation, f"key-{account.pk}", key_message)
    return keys()


def test_a_channel_that_gets_an_account(account: StripeAccount) -> None:
    """In every way in which it can get one, or lose it."""
    shop = account.installation
    assert keys() == {"channels"}
    assert "Poland. Choose one under Channels" in Problem.objects.get().message
    onboarding.map_channels(account, [ZLOTY])
    assert keys() == set()
    for _ in range(2):
        accounts.free_channel(shop.pk, ZLOTY)
        assert keys() == {"channels"}
    onboarding.connect(shop, PUBLISHABLE_KEY, SECRET_KEY, [ZLOTY])
    assert keys() == set()


def test_a_paused_channel(account: StripeAccount) -> None:
    onboarding.map_channels(account, [ZLOTY])
    accounts.pause(account.installation_id, EURO)
    assert keys() == {"paused"}
    accounts.unpause(account.installation_id, EURO)
    assert keys() == set()


def test_accepted_terms(account: StripeAccount) -> None:
    onboarding.map_channels(account, [ZLOTY])
    StripeAccount.objects.update(livemode=True)
    upkeep.report_obstacles(account.installation)
    assert keys() == {"terms"}
    for _ in range(2):
        terms.accept(account.installation, "Pat Owner")
        assert keys() == set()


def test_a_disconnected_account_has_no_problems_of_its_own(account: StripeAccount) -> None:
    assert trouble(account) == {"channels", "charges", "endpoint", "key"}
    disconnect(account)
    assert keys() == set(), "the setup says that no account is connected"


def test_pasted_keys_solve_all_of_it(account: StripeAccount, stripe_sandbox: StripeSandbox) -> None:
    onboarding.map_channels(account, [ZLOTY])
    StripeAccount.objects.filter(pk=account.pk).update(stripe_id=stripe_sandbox.account.id)
    assert trouble(account) == {"charges", "endpoint", "key"}
    onboarding.connect(account.installation, PUBLISHABLE_KEY, SECRET_KEY, [])
    assert keys() == set()


def test_replaced_keys_and_a_renewed_endpoint(account: StripeAccount, stripe_sandbox: StripeSandbox) -> None:
    onboarding.map_channels(account, [ZLOTY])
    stripe_sandbox.revoke_key(SECRET_KEY)
    upkeep.check_shop(account.installation)
    assert keys() == {"key"}
    stripe_sandbox.add_key(stripe_sandbox.account, RENEWED)
    account.refresh_from_db()
    onboarding.replace_keys(account, PUBLISHABLE_KEY, RENEWED)
    assert keys() == set()
    problems.report(account.installation, f"endpoint-{account.pk}", "Stripe refuses the endpoint.")
    onboarding.renew_endpoint(account)
    assert keys() == set()


def test_a_hosted_account_that_stripe_opens(account: StripeAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner returns from Stripe's pages, and the app asks Stripe."""
    onboarding.map_channels(account, [ZLOTY])
    StripeAccount.objects.update(
        kind=StripeAccount.Kind.CONNECT, connect_state="pending", charges_enabled=False, fetched_at=None
    )
    account.refresh_from_db()
    upkeep.report_readiness(account)
    assert keys() == {"charges"}
    opened = {"charges_enabled": True, "details_submitted": True}
    monkeypatch.setattr(connect, "ask", lambda _account: (opened, timezone.now()))
    connect.refresh(account)
    assert keys() == set()


class TestCommands:
    @pytest.fixture
    def api_url(self, settings: Any) -> Iterator[str]:
        with SaleorSandbox() as sandbox, Served(get_wsgi_application()) as app:
            settings.PUBLIC_URL = app.url
            settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
            sandbox.install(f"{app.url}/api/manifest")
            yield sandbox.api_url

    def test_connect_stripe_and_stripe_account(self, api_url: str) -> None:
        pair = ["--publishable-key", PUBLISHABLE_KEY, "--secret-key", SECRET_KEY]
        connect_stripe = ["connect-stripe", "--saleor-api-url", api_url, *pair]
        assert main([*connect_stripe, "--channel", EURO]) == 0
        assert keys() == {"channels"}
        assert main([*connect_stripe, "--channel", ZLOTY]) == 0
        assert keys() == set()
        stripe_account = ["stripe-account", "--saleor-api-url", api_url]
        assert main([*stripe_account, "--pause", EURO]) == 0
        assert keys() == {"paused"}
        assert main([*stripe_account, "--resume", EURO]) == 0
        assert keys() == set()
        StripeAccount.objects.update(livemode=True)
        upkeep.check_accounts()
        assert "terms" in keys()
        StripeAccount.objects.update(livemode=False)
        assert main([*connect_stripe, "--channel", EURO, "--accept-terms", "Pat Owner"]) == 0
        assert keys() == set()
        assert AccountChannel.objects.count() == 2
