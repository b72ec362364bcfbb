"""Shoppers get messages for shoppers, in their language; only merchants get instructions for merchants."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.gateway import accounts
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments import shopper_messages
from saleor_stripe_audience.payments.shopper_messages import for_shopper
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, StripeSandbox
from saleor_stripe_audience.wording import in_language

from .conftest import Buy

Begin = Callable[..., Buy]
Json = dict[str, Any]


def source(language: str = "EN_US", **more: Any) -> Json:
    channel = {"slug": "default-channel", "currencyCode": "USD"}
    return {
        "__typename": "Checkout", "id": "Q2hlY2tvdXQ6MQ==", "channel": channel, "languageCode": language, **more
    }  # fmt: skip


def live_without_terms(account: StripeAccount) -> None:
    StripeAccount.objects.update(livemode=True)


def unmapped(account: StripeAccount) -> None:
    AccountChannel.objects.all().delete()


def dead_key(account: StripeAccount) -> None:
    StripeAccount.objects.update(secret_key="sk_test_unknown")


@pytest.mark.parametrize("language", ["EN_US", "FR_CA"])
@pytest.mark.parametrize("trouble", [live_without_terms, unmapped, dead_key])
def test_the_merchants_words_do_not_reach_the_storefront(
    buy: Begin, account: StripeAccount, trouble: Callable[[StripeAccount], None], language: str
) -> None:
    one = buy()
    trouble(account)
    with capture_logs() as logs:
        answer = one.initialize(sourceObject=source(language))
    expected = (shopper_messages.UNAVAILABLE, shopper_messages.UNCLEAR)
    assert answer["message"] in [in_language(each, language) for each in expected]
    for word in ("Dashboard", "key", "app", "Sandbox Shop", "terms", "clé"):
        assert word not in str(answer), word
    [noted] = [each for each in logs if each["event"] == "session failed"]
    assert any(word in noted["reason"] for word in ("Dashboard", "restricted key"))


@pytest.mark.parametrize("message", ["", "Back at noon."])
def test_a_paused_channel_says_so_where_the_storefront_shows_it(
    buy: Begin, account: StripeAccount, message: str
) -> None:
    accounts.pause(account.installation_id, "default-channel", message)
    one = buy()
    gateway = one.send("payment_gateway_initialize_session", data=None, amount=12.3, sourceObject=source())
    assert gateway == {"data": {"stripePublishableKey": PUBLISHABLE_KEY}}
    assert one.initialize(sourceObject=source())["message"] == (message or accounts.PAUSED)
    french = buy().initialize(sourceObject=source("FR"))["message"]
    assert french == message or "suspendus" in french


def test_a_gateway_shows_its_key_before_the_terms_are_accepted(buy: Begin, account: StripeAccount) -> None:
    live_without_terms(account)
    answer = buy().send("payment_gateway_initialize_session", data=None, amount=12.3, sourceObject=source())
    assert answer == {"data": {"stripePublishableKey": PUBLISHABLE_KEY}}


@pytest.mark.parametrize(
    ("language", "words"),
    [("EN", "for this payment method is 0.50 USD; this is 0.30 USD"), ("FR", "0,50 USD")],
)
def test_amounts_are_named(buy: Begin, language: str, words: str) -> None:
    answer = buy(amount="0.30").initialize(sourceObject=source(language))
    assert answer["result"] == "CHARGE_FAILURE"
    assert words in answer["message"]


def test_a_request_that_is_not_readable_is_still_answered_in_the_shoppers_language(buy: Begin) -> None:
    answer = buy().session("transaction_process_session", sourceObject=source("FR", channel=None))
    assert answer["message"] == in_language(shopper_messages.UNCLEAR, "fr")
    assert "has no readable" in answer["data"]["paymentIntent"]["errors"][0]["message"]


@pytest.mark.parametrize("kind", [Rejected, Unavailable])
@pytest.mark.parametrize("language", ["en", "fr", "de", ""])
def test_every_code_has_a_sentence(kind: type[Failure], language: str) -> None:
    for code in [*shopper_messages.BY_CODE, "key_refused", "account_invalid", ""]:
        sentence = for_shopper(kind("Paste a new key.", code=code), language)
        assert sentence
        assert "Paste" not in sentence or code == shopper_messages.PAUSED_CODE


@pytest.mark.parametrize(
    ("status", "english", "french"),
    [
        (
            "requires_payment_method",
            "Waiting for payment.",
            "En attente du paiement.",
        ),
        ("processing", "The bank is processing the payment.", "La banque traite le paiement."),
    ],
)
def test_what_is_under_way_is_said_in_the_shoppers_language(
    buy: Begin, stripe_sandbox: StripeSandbox, status: str, english: str, french: str
) -> None:
    for language, words in (("EN", english), ("FR", french)):
        one = buy()
        one.initialize(sourceObject=source(language))
        stripe_sandbox.account.table("payment_intent")[one.psp]["status"] = status
        assert one.process(sourceObject=source(language))["message"] == words
