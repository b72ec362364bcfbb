"""The settings that a merchant can change, and what Stripe would refuse."""

import pytest

from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import account_settings
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.sandbox.stripe import StripeSandbox

pytestmark = pytest.mark.usefixtures("stripe_url")


def kept(account: StripeAccount) -> str:
    return StripeAccount.objects.get(pk=account.pk).descriptor_suffix


def test_receipts_are_off_until_they_are_wanted(account: StripeAccount) -> None:
    assert not account.sends_receipts
    account_settings.set_receipts(account, sends=True)
    assert StripeAccount.objects.get().sends_receipts
    account_settings.set_receipts(account, sends=False)
    assert not StripeAccount.objects.get().sends_receipts


def test_a_suffix_is_kept_and_taken_away(account: StripeAccount, stripe_sandbox: StripeSandbox) -> None:
    account_settings.set_descriptor_suffix(account, " TEES 24 ")
    assert kept(account) == "TEES 24"
    account_settings.set_descriptor_suffix(account, "  ")
    assert kept(account) == ""
    [probe] = stripe_sandbox.account.table("payment_intent").values()
    assert (probe["status"], probe["statement_descriptor_suffix"]) == ("canceled", "TEES 24")


@pytest.mark.parametrize(
    ("suffix", "words"),
    [
        ("x" * 23, "room for"),
        ("Tees & Mugs", "room for 10 after “SANDBOX SH”"),
        ("1234", "at least one letter"),
        ("Tees<3", "must not contain <"),
        ("a*b'c\"", "must not contain \" ' *"),
        ("a\\b", "must not contain"),
        ("Thé", "Latin letters"),
        ("Чай", "Latin letters"),
        ("a\nb", "Latin letters"),
    ],
)
def test_a_suffix_that_breaks_a_rule(
    account: StripeAccount, stripe_sandbox: StripeSandbox, suffix: str, words: str
) -> None:
    with pytest.raises(Rejected) as caught:
        account_settings.set_descriptor_suffix(account, suffix)
    assert words in caught.value.message
    assert kept(account) == ""
    assert not stripe_sandbox.account.table("payment_intent")


def test_a_key_that_may_not_see_the_account_is_no_obstacle(
    account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_key(stripe_sandbox.account, "rk_test_narrow", ["payment_intent_write"])
    account.secret_key = "rk_test_narrow"
    account_settings.set_descriptor_suffix(account, "TEES AND MUGS")
    assert kept(account) == "TEES AND MUGS"


@pytest.mark.parametrize("status", [400, 500])
def test_what_stripe_does_not_take_is_not_kept(
    account: StripeAccount, stripe_sandbox: StripeSandbox, status: int
) -> None:
    stripe_sandbox.add_fault("POST /v1/payment_intents", status=status, times=2)
    with pytest.raises(Failure):
        account_settings.set_descriptor_suffix(account, "TEES")
    assert kept(account) == ""
