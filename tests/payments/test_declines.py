"""Every decline in both languages: gentle for the shopper, honest for the merchant."""

import re

import pytest

from saleor_stripe_audience.payments import declines
from saleor_stripe_audience.payments.declines import DECLINES, Decline
from saleor_stripe_audience.sandbox.stripe import cards
from saleor_stripe_audience.wording import in_language, language_of

# https://docs.stripe.com/declines/codes, read November 2026
DOCUMENTED = re.findall(
    r"\w+",
    """
approve_with_id authentication_required call_issuer card_not_supported card_velocity_exceeded currency_not_supported
do_not_honor do_not_try_again duplicate_transaction expired_card fraudulent generic_decline incorrect_address
incorrect_cvc incorrect_number incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount
invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card
merchant_blacklist mobile_device_authentication_required new_account_information_available no_action_taken
not_permitted offline_pin_required online_or_offline_pin_required pickup_card pin_try_exceeded processing_error
reenter_transaction restricted_card revocation_of_all_authorizations revocation_of_authorization security_violation
service_not_allowed stolen_card stop_payment_order testmode_decline transaction_not_allowed try_again_later
withdrawal_count_limit_exceeded
""",
)
UNSAID = re.compile(
    r"fraud|lost|stolen|suspe|black|block|perdu|vol[ée]|soup[çc]on|list|restrict", re.IGNORECASE
)
LANGUAGES = ["en", "fr"]


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_is_explained(code: str) -> None:
    assert code in DECLINES


def test_every_test_card_is_explained() -> None:
    declines = {each.decline for each in cards.CARDS.values() if each.decline} | {cards.FAILED_AUTHENTICATION}
    assert {each.decline_code or each.code for each in declines} <= set(DECLINES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("code", "decline"), DECLINES.items())
def test_each_sentence_is_one(code: str, decline: Decline, language: str) -> None:
    for sentence in (in_language(decline.shopper, language), in_language(decline.merchant, language)):
        assert sentence.endswith(".")
        assert sentence == sentence.strip()
        assert 10 < len(sentence) <= 200
        assert code not in sentence
    for message in (decline.shopper, decline.merchant):
        assert in_language(message, "en") != in_language(message, "fr")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [*DECLINES, "unheard_of", ""])
def test_the_shopper_reads_a_gentle_message(code: str, language: str) -> None:
    assert not UNSAID.search(declines.for_shopper(code, language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "code", ["fraudulent", "lost_card", "stolen_card", "pickup_card", "merchant_blacklist"]
)
def test_the_merchant_reads_the_reason(code: str, language: str) -> None:
    assert UNSAID.search(declines.for_merchant(code, language))
    assert declines.for_shopper(code, language) == declines.for_shopper("generic_decline", language)


def test_a_code_that_is_not_in_the_table() -> None:
    assert "“unheard_of”" in declines.for_merchant("unheard_of")
    assert "«\N{NO-BREAK SPACE}unheard_of\N{NO-BREAK SPACE}»" in declines.for_merchant("unheard_of", "fr")
    assert declines.for_shopper("unheard_of", "fr") == declines.for_shopper("generic_decline", "fr")
    assert "{0}" in declines.for_merchant("{0}")


def test_nothing_is_said_where_nothing_was_declined() -> None:
    assert declines.for_merchant("") == ""


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("fr", "fr"),
        ("fr-CA", "fr"),
        ("FR_CA", "fr"),
        ("FR", "fr"),
        ("en-US", "en"),
        ("fro", "en"),
        ("", "en"),
        ("de", "en"),
    ],
)
def test_the_language_of_a_tag(tag: str, language: str) -> None:
    assert language_of(tag) == language
    message = in_language(declines.DECLINES["expired_card"].merchant, tag)
    assert message == {"en": "The card has expired.", "fr": "La carte a expiré."}[language]


def test_the_message_of_an_expired_voucher_does_not_mention_cards() -> None:
    """It expires days after the order, whose history must not say to try another card in a moment."""
    for language, said in (("en", "The payment timed out."), ("fr", "Le délai de paiement est écoulé.")):
        message = declines.for_shopper("payment_intent_payment_attempt_expired", language)
        assert message.startswith(said)
        assert "card" not in message
        assert "carte" not in message
