"""Wallets appear on registered domains only."""

import json

import pytest

from saleor_stripe_audience.commands import stripe_account
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import domains
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.sandbox.stripe import SECRET_KEY, StripeSandbox

pytestmark = pytest.mark.usefixtures("stripe_url")

ALL = ("Apple Pay", "Google Pay", "Link", "Amazon Pay", "Klarna", "PayPal")


def test_a_domain_is_registered_once(account: StripeAccount, stripe_sandbox: StripeSandbox) -> None:
    assert domains.domains_of(account) == []
    for name in ("shop.example.com", " SHOP.example.com. "):
        made = domains.register_domain(account, name)
        assert made == domains.Domain("shop.example.com", is_enabled=True, active=ALL, inactive={})
    assert len(stripe_sandbox.account.table("payment_method_domain")) == 1
    domains.register_domain(account, "a.example.com")
    assert [each.name for each in domains.domains_of(account)] == ["a.example.com", "shop.example.com"]


def test_what_apple_could_not_verify_is_said_until_it_can(
    account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.account.unverified_domains.add("shop.example.com")
    made = domains.register_domain(account, "shop.example.com")
    assert "verification file" in made.inactive["Apple Pay"]
    assert "Apple Pay" not in made.active
    stripe_sandbox.account.unverified_domains.clear()
    assert domains.register_domain(account, "shop.example.com").inactive == {}


def test_one_that_was_switched_off_is_switched_on(
    account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    domains.register_domain(account, "shop.example.com")
    [row] = stripe_sandbox.account.table("payment_method_domain").values()
    row["enabled"] = False
    assert domains.register_domain(account, "shop.example.com").is_enabled


NO_DOMAINS = [
    "",
    "shop",
    "https://shop.example.com",
    "shop.example.com/cart",
    "shop.example.com:443",
    "a b.example.com",
    "-a.example.com",
    "a-.example.com",
    "192.0.2.1",
    "shop..example.com",
    f"{'a' * 64}.example.com",
    f"{'a.' * 130}example.com",
    "*.example.com",
    "shöp.example.com",
]


@pytest.mark.parametrize("name", NO_DOMAINS)
def test_what_is_not_a_domain(account: StripeAccount, stripe_sandbox: StripeSandbox, name: str) -> None:
    with pytest.raises(Rejected, match="without https"):
        domains.register_domain(account, name)
    assert stripe_sandbox.log.entries() == []


def test_a_key_that_may_not(account: StripeAccount, stripe_sandbox: StripeSandbox) -> None:
    stripe_sandbox.add_key(stripe_sandbox.account, SECRET_KEY, ["payment_intent_write"])
    with pytest.raises(Failure, match="is missing a permission"):
        domains.register_domain(account, "shop.example.com")


def test_by_command(account: StripeAccount, capsys: pytest.CaptureFixture[str]) -> None:
    shop = ["--saleor-api-url", account.installation.saleor_api_url]
    register = [*shop, "--register-domain", str(account.pk)]
    for _ in range(2):
        assert stripe_account.run([*register, "--domain", "shop.example.com"]) == 0
        [made] = json.loads(capsys.readouterr().out)
        assert (made["name"], made["active"]) == ("shop.example.com", list(ALL))
    assert stripe_account.run([*shop, "--domains", str(account.pk)]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["shop.example.com"]
    with pytest.raises(Rejected, match="--domain"):
        stripe_account.run(register)
    with pytest.raises(Rejected, match="no Stripe account"):
        stripe_account.run([*shop, "--domains", "nobody"])
