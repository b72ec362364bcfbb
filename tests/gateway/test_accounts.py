"""A merchant's accounts over time: new keys, a new endpoint, paused channels, accepted terms, disconnecting."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.db import connection
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience import recent
from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import accounts, onboarding, terms
from saleor_stripe_audience.gateway.disconnect import disconnect
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount, TermsAcceptance
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import (
    PUBLISHABLE_KEY,
    RESTRICTED_KEY,
    SECRET_KEY,
    StripeSandbox,
    signature,
)
from saleor_stripe_audience.shops.channels import rename
from saleor_stripe_audience.shops.models import Channel, Installation
from tests.payments.conftest import connect as paste_keys
from tests.payments.conftest import install

pytestmark = pytest.mark.django_db(transaction=True)

EVENT = {"id": "evt_1", "object": "event", "type": "balance.available", "livemode": False, "created": 1}


@pytest.fixture
def sandbox(settings: Any) -> Iterator[StripeSandbox]:
    with StripeSandbox() as made, Served(made.wsgi) as served:
        settings.STRIPE_API_BASE = served.url
        yield made


@pytest.fixture
def shop() -> Installation:
    return install()


@pytest.fixture
def account(shop: Installation, sandbox: StripeSandbox) -> StripeAccount:
    return onboarding.connect(shop, PUBLISHABLE_KEY, SECRET_KEY, ["eu"])


def deliver(account: StripeAccount, secret: str) -> int:
    body = json.dumps(EVENT).encode()
    signed = signature(secret, body, int(time.time()))
    return (
        Client()
        .post(
            f"/api/webhooks/stripe/{account.pk}",
            body,
            content_type="application/json",
            headers={"Stripe-Signature": signed},
        )
        .status_code
    )


class TestKeys:
    def test_are_replaced_while_payments_continue(self, account: StripeAccount) -> None:
        onboarding.replace_keys(account, PUBLISHABLE_KEY, RESTRICTED_KEY)
        account.refresh_from_db()
        assert account.secret_key == RESTRICTED_KEY
        assert account.channels.get().channel_slug == "eu"
        assert accounts.account_for(account.installation_id, "eu") == account

    def test_connecting_a_known_account_again_keeps_its_channels(self, account: StripeAccount) -> None:
        again = onboarding.connect(account.installation, PUBLISHABLE_KEY, RESTRICTED_KEY, [])
        assert again.pk == account.pk
        assert again.channels.get().channel_slug == "eu"

    def test_of_another_account_are_refused(self, account: StripeAccount, sandbox: StripeSandbox) -> None:
        sandbox.create_account("Other", publishable_key="pk_test_other", secret_key="sk_test_other")
        with pytest.raises(Rejected, match="do not belong to"):
            onboarding.replace_keys(account, "pk_test_other", "sk_test_other")
        account.refresh_from_db()
        assert account.secret_key == SECRET_KEY

    def test_of_the_other_mode_are_refused(self, account: StripeAccount) -> None:
        with pytest.raises(Rejected, match="kept separate"):
            onboarding.replace_keys(account, "pk_live_1", "rk_live_1")


class TestEndpoint:
    def test_is_renewed_and_the_old_secret_is_accepted_for_a_day(
        self, account: StripeAccount, sandbox: StripeSandbox
    ) -> None:
        old_id, old_secret = account.webhook_endpoint_id, account.webhook_secret
        onboarding.renew_endpoint(account)
        account.refresh_from_db()
        assert account.webhook_secret != old_secret
        assert account.endpoint_version == stripe.api_version
        assert list(sandbox.account.table("webhook_endpoint")) == [account.webhook_endpoint_id]
        assert account.webhook_endpoint_id != old_id
        assert (deliver(account, account.webhook_secret), deliver(account, old_secret)) == (200, 200)
        StripeAccount.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
        assert (deliver(account, account.webhook_secret), deliver(account, old_secret)) == (200, 400)

    def test_a_forged_event_is_refused_meanwhile(self, account: StripeAccount) -> None:
        onboarding.renew_endpoint(account)
        assert deliver(account, "whsec_forged") == 400

    def test_an_endpoint_that_was_deleted_at_stripe_is_no_obstacle(
        self, account: StripeAccount, sandbox: StripeSandbox
    ) -> None:
        sandbox.account.table("webhook_endpoint").clear()
        onboarding.renew_endpoint(account)
        assert len(sandbox.account.table("webhook_endpoint")) == 1


class TestModes:
    def live(self, shop: Installation, channel: str) -> StripeAccount:
        made = paste_keys(shop, channel)
        StripeAccount.objects.filter(pk=made.pk).update(livemode=True)
        made.refresh_from_db()
        return made

    @pytest.mark.usefixtures("sandbox")
    def test_a_live_channel_is_not_used_for_tests(self, shop: Installation) -> None:
        live = self.live(shop, "eu")
        with pytest.raises(Rejected, match="Live payments are accepted in eu"):
            onboarding.connect(shop, PUBLISHABLE_KEY, SECRET_KEY, ["eu", "us"])
        assert not StripeAccount.objects.exclude(pk=live.pk).exists()
        test = onboarding.connect(shop, PUBLISHABLE_KEY, SECRET_KEY, ["us"])
        with pytest.raises(Rejected, match="Live payments are accepted in eu"):
            onboarding.map_channels(test, ["eu"])

    def test_live_payments_wait_for_the_terms(self, shop: Installation) -> None:
        live = self.live(shop, "eu")
        with pytest.raises(Rejected) as refused:
            accounts.account_for(shop.pk, "eu")
        assert refused.value.code == "terms"
        first = terms.accept(shop, " Pat Owner ")
        assert terms.accept(shop, "Somebody else") == first
        assert (first.accepted_by, first.version) == ("Pat Owner", terms.VERSION)
        assert accounts.account_for(shop.pk, "eu") == live

    def test_terms_of_an_older_version_are_accepted_again(
        self, shop: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terms.accept(shop, "Pat Owner")
        monkeypatch.setattr(terms, "VERSION", "2099-01")
        assert not terms.are_accepted(shop.pk)
        terms.accept(shop, "Pat Owner")
        assert TermsAcceptance.objects.count() == 2

    @pytest.mark.parametrize("language", ["en", "fr", "fr-CA", "de"])
    def test_the_text_names_its_version_in_each_language(self, language: str) -> None:
        text = terms.text(language)
        assert f"Version {terms.VERSION}." in text
        assert text.startswith("# Conditions" if language.startswith("fr") else "# Terms")
        assert text.count("\n5. ") == 1

    def test_an_empty_name_cannot_accept(self, shop: Installation) -> None:
        with pytest.raises(Rejected):
            terms.accept(shop, "  ")

    def test_another_shops_acceptance_does_not_count(self, shop: Installation) -> None:
        terms.accept(install("other"), "Pat Owner")
        assert not terms.are_accepted(shop.pk)


class TestPause:
    @pytest.mark.parametrize("message", ["", "Back at noon."])
    def test_new_payments_wait_and_the_shopper_reads_why(self, account: StripeAccount, message: str) -> None:
        accounts.pause(account.installation_id, "eu", message)
        with pytest.raises(Rejected) as refused:
            accounts.account_for(account.installation_id, "eu")
        assert (refused.value.code, refused.value.message) == ("paused", message or accounts.PAUSED)
        accounts.unpause(account.installation_id, "eu")
        assert accounts.account_for(account.installation_id, "eu") == account

    def test_bad_input(self, account: StripeAccount) -> None:
        with pytest.raises(Rejected, match="at most"):
            accounts.pause(account.installation_id, "eu", "m" * 201)
        with pytest.raises(Rejected, match="No Stripe account"):
            accounts.pause(account.installation_id, "nowhere")
        with pytest.raises(Rejected, match="No Stripe account"):
            accounts.pause(install("other").pk, "eu")


class TestDisconnect:
    def test_takes_the_endpoint_down_and_frees_the_channels_once(
        self, account: StripeAccount, sandbox: StripeSandbox
    ) -> None:
        for _ in range(2):
            disconnect(account)
        account.refresh_from_db()
        assert account.state == StripeAccount.State.DISCONNECTED
        assert not sandbox.account.table("webhook_endpoint")
        assert not AccountChannel.objects.exists()
        with pytest.raises(Rejected, match="Connect one"):
            accounts.account_for(account.installation_id, "eu")

    def test_with_a_revoked_key_it_is_done_here_all_the_same(self, account: StripeAccount) -> None:
        account.secret_key = "sk_test_revoked"
        account.save()
        disconnect(account)
        assert StripeAccount.objects.get().state == StripeAccount.State.DISCONNECTED

    def test_connecting_it_again_continues(self, account: StripeAccount, sandbox: StripeSandbox) -> None:
        disconnect(account)
        again = onboarding.connect(account.installation, PUBLISHABLE_KEY, SECRET_KEY, ["eu"])
        assert (again.pk, again.state) == (account.pk, StripeAccount.State.CONNECTED)
        assert len(sandbox.account.table("webhook_endpoint")) == 1


def test_the_command_does_it_all(account: StripeAccount, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["stripe-account", "--saleor-api-url", account.installation.saleor_api_url]

    def run_and_read(*options: str) -> Any:
        capsys.readouterr()
        assert main([*base, *options]) == 0
        [found] = json.loads(capsys.readouterr().out)
        return found

    assert run_and_read()["channels"] == {"eu": "open"}
    changed = run_and_read("--settings", str(account.pk), "--receipts", "on", "--descriptor-suffix", "TEA")
    assert (changed["receipts"], changed["descriptor_suffix"]) == (True, "TEA")
    assert run_and_read("--pause", "eu", "--message", "Back at noon.")["channels"] == {"eu": "paused"}
    assert run_and_read("--resume", "eu")["channels"] == {"eu": "open"}
    assert run_and_read("--renew-endpoint", str(account.pk))["endpoint_version"] == stripe.api_version
    keys = ("--publishable-key", PUBLISHABLE_KEY, "--secret-key", RESTRICTED_KEY)
    run_and_read("--replace-keys", str(account.pk), *keys)
    assert StripeAccount.objects.get().secret_key == RESTRICTED_KEY
    assert run_and_read("--disconnect", str(account.pk))["state"] == "disconnected"
    assert main([*base, "--disconnect", "nothing"]) == 1
    assert main([*base, "--replace-keys", str(account.pk)]) == 1


class TestRenamedChannels:
    """Saleor names a channel by its id and its slug; what is stored for it has the slug that it had before."""

    @pytest.fixture
    def both(self, account: StripeAccount, sandbox: StripeSandbox) -> dict[str, StripeAccount]:
        """Two channels, each with its own account."""
        sandbox.create_account("Other", publishable_key="pk_test_other", secret_key="sk_test_other")
        other = onboarding.connect(account.installation, "pk_test_other", "sk_test_other", ["us"])
        for slug, identifier in (("eu", "1"), ("us", "2")):
            Channel.objects.create(
                installation=account.installation, slug=slug, saleor_id=identifier, name=slug, currency="EUR"
            )
        return {"eu": account, "us": other}

    @pytest.mark.parametrize(
        ("slug", "identifier", "found"),
        [
            ("eu", "1", "eu"),
            ("eu", "", "eu"),  # a request of a webhook that does not ask for the id yet
            ("europe", "1", "eu"),
            ("us", "1", "eu"),  # the two exchanged their slugs
            ("eu", "2", "us"),
            ("eu", "3", None),  # a new channel under the slug of a renamed one
            ("new", "3", None),
            ("new", "", None),
        ],
    )
    def test_are_charged_through_their_own_account(
        self, both: dict[str, StripeAccount], slug: str, identifier: str, found: str | None
    ) -> None:
        shop = both["eu"].installation_id
        for find in (accounts.mapping_for, accounts.mapping_to_show):
            if found is None:
                with pytest.raises(Rejected) as refused:
                    find(shop, slug, identifier)
                assert refused.value.code == accounts.NO_ACCOUNT
            else:
                mapping = find(shop, slug, identifier)
                assert (mapping.account, mapping.channel_slug) == (both[found], found)

    def test_without_an_account_are_not_charged_through_that_of_the_slugs_former_channel(
        self, both: dict[str, StripeAccount]
    ) -> None:
        account = both["us"]
        AccountChannel.objects.filter(account=account).delete()
        with pytest.raises(Rejected) as refused:
            accounts.account_for(account.installation_id, "eu", "2")
        assert refused.value.code == accounts.NO_ACCOUNT

    def test_that_were_stored_without_an_id_are_found_by_their_slug(self, account: StripeAccount) -> None:
        assert accounts.account_for(account.installation_id, "eu", "1") == account
        Channel.objects.create(installation=account.installation, slug="eu", name="Europe", currency="EUR")
        assert accounts.account_for(account.installation_id, "eu", "1") == account
        other = install("other.example")
        Channel.objects.create(installation=other, slug="eu", saleor_id="2", name="Europe", currency="EUR")
        Channel.objects.create(installation=other, slug="us", saleor_id="1", name="US", currency="USD")
        recent.forget_all()
        assert accounts.account_for(account.installation_id, "eu", "1") == account

    def test_are_not_cached_while_their_slugs_differ(self, both: dict[str, StripeAccount]) -> None:
        """Another process stores the new slug, and a payment must not be stored under the old one after that."""
        shop = both["eu"].installation_id
        assert accounts.mapping_for(shop, "europe", "1").channel_slug == "eu"
        with connection.cursor() as cursor:  # behind the models
            for table, column in (("gateway_accountchannel", "channel_slug"), ("shops_channel", "slug")):
                cursor.execute(f"UPDATE {table} SET {column} = 'europe' WHERE {column} = 'eu'")
        assert accounts.mapping_for(shop, "europe", "1").channel_slug == "europe"

    def test_count_as_renamed_at_once(self, both: dict[str, StripeAccount]) -> None:
        shop = both["eu"].installation
        assert accounts.mapping_for(shop.pk, "europe", "1").channel_slug == "eu"
        rename(shop, {"eu": "europe"})
        assert accounts.mapping_for(shop.pk, "europe", "1").channel_slug == "europe"
        assert accounts.account_for(shop.pk, "eu", "1") == both["eu"], "a request from before"
