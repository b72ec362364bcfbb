"""A payment starts and continues: Saleor's signed requests, responses that match its schema, money in Stripe."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError

from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments import records, shopper_messages
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import in_language

from .conftest import DECLINED, SECURE, STOLEN, Buy, as_amount, connect, install, post_signed

Begin = Callable[..., Buy]


def intents(sandbox: StripeSandbox) -> list[dict[str, Any]]:
    return list(sandbox.account.table("payment_intent").values())


def errors_of(answer: dict[str, Any]) -> list[dict[str, str]]:
    errors: list[dict[str, str]] = answer["data"]["paymentIntent"]["errors"]
    return errors


def test_the_storefront_is_given_the_publishable_key(buy: Begin) -> None:
    source = {"__typename": "Checkout", "id": "Q2hlY2tvdXQ6MQ==", "channel": {"slug": "default-channel"}}
    answer = buy().send("payment_gateway_initialize_session", data=None, amount=12.3, sourceObject=source)
    assert answer == {"data": {"stripePublishableKey": PUBLISHABLE_KEY}}


def test_a_channel_without_an_account_is_reported_in_the_shoppers_words(buy: Begin) -> None:
    source = {"__typename": "Checkout", "id": "Q2hlY2tvdXQ6MQ==", "channel": {"slug": "elsewhere"}}
    answer = buy().send("payment_gateway_initialize_session", data=None, amount=12.3, sourceObject=source)
    assert answer["data"]["errors"] == [{"message": in_language(shopper_messages.UNAVAILABLE, "en")}]


@pytest.mark.parametrize(("flow", "method"), [("CHARGE", None), ("AUTHORIZATION", "manual")])
def test_a_payment_begins(buy: Begin, stripe_sandbox: StripeSandbox, flow: str, method: str | None) -> None:
    one = buy(flow=flow)
    answer = one.initialize(data={"paymentIntent": {"paymentMethod": "card"}})
    [intent] = intents(stripe_sandbox)
    assert answer["result"] == f"{flow}_ACTION_REQUIRED"
    assert answer["pspReference"] == intent["id"]
    assert answer["data"] == {"paymentIntent": {"stripeClientSecret": intent["client_secret"]}}
    assert (intent["amount"], intent["currency"]) == (1230, "usd")
    card = intent["payment_method_options"].get("card") or {}
    assert card.get("capture_method") == method
    assert intent["metadata"]["saleor_transaction"] == one.id
    assert intent["metadata"]["saleor_installation"] == str(one.installation.pk)
    assert (one.row().payment_intent_id, one.row().flow, one.row().currency) == (intent["id"], flow, "USD")


@pytest.mark.parametrize(
    ("flow", "result"), [("CHARGE", "CHARGE_SUCCESS"), ("AUTHORIZATION", "AUTHORIZATION_SUCCESS")]
)
def test_a_payment_is_paid(buy: Begin, flow: str, result: str) -> None:
    one = buy(flow=flow)
    one.initialize()
    one.pay()
    answer = one.process()
    assert (answer["result"], as_amount(answer)) == (result, as_amount({"amount": "12.30"}))
    assert answer["actions"] == (["REFUND"] if flow == "CHARGE" else ["CHARGE", "CANCEL"])
    assert one.row().captured_minor == (1230 if flow == "CHARGE" else 0)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("1230", "JPY", 1230), ("1230", "ISK", 123000), ("5000", "UGX", 500000), ("12.34", "KWD", 12340)],
)
def test_the_amount_is_stripes_by_its_own_table(
    buy: Begin, stripe_sandbox: StripeSandbox, amount: str, currency: str, minor: int
) -> None:
    one = buy(amount=amount, currency=currency).paid()
    assert [each["amount_received"] for each in intents(stripe_sandbox)] == [minor]
    assert as_amount(one.process()) == as_amount({"amount": amount})


def test_a_decline_can_be_retried_with_another_card(buy: Begin) -> None:
    one = buy()
    one.initialize()
    one.pay(DECLINED)
    declined = one.process()
    assert declined["result"] == "CHARGE_ACTION_REQUIRED"
    assert "declined" in declined["message"]
    assert errors_of(declined) == [{"code": "StripeCardError", "message": declined["message"]}]
    assert declined["data"]["paymentIntent"]["stripeClientSecret"] == one.secret
    assert one.row().decline_code == "generic_decline"
    one.pay()
    assert one.process()["result"] == "CHARGE_SUCCESS"
    assert (one.row().decline_code, one.row().decline_message) == ("", "")


def test_a_stolen_card_is_reported_to_the_merchant_only(buy: Begin) -> None:
    one = buy().paid(STOLEN)
    answer = one.process()
    assert answer["result"] == "CHARGE_ACTION_REQUIRED"
    assert "stolen" not in str(answer).lower()
    assert one.row().decline_code == "stolen_card"


def test_three_d_secure_waits_for_the_shopper(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    one = buy().paid(SECURE)
    assert one.process()["result"] == "CHARGE_ACTION_REQUIRED"
    stripe_sandbox.authenticate(one.psp)
    assert one.process()["result"] == "CHARGE_SUCCESS"


def test_the_same_request_twice_is_one_payment(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    one = buy()
    first, second = one.initialize(), one.initialize()
    assert first["pspReference"] == second["pspReference"]
    Payment.objects.all().delete()  # as after a crash between Stripe and the app's database
    one.pay()
    third = one.initialize()
    assert (third["pspReference"], third["result"]) == (first["pspReference"], "CHARGE_SUCCESS")
    assert len(intents(stripe_sandbox)) == 1


@pytest.mark.parametrize("key", ["k" * 512, "Schlüssel-ключ", "two\nlines"])
def test_any_key_of_a_storefront_makes_one_payment(
    buy: Begin, stripe_sandbox: StripeSandbox, key: str
) -> None:
    one = buy(key=key)
    first = one.initialize()
    Payment.objects.all().delete()
    assert one.initialize()["pspReference"] == first["pspReference"]
    assert len(intents(stripe_sandbox)) == 1


def test_a_payment_that_could_not_be_stored_continues(
    buy: Begin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise DatabaseError("disk full")

    one = buy()
    with monkeypatch.context() as patched:
        patched.setattr(records, "insert_once", full)
        assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
        one.pay()
        assert one.process()["result"] == "CHARGE_SUCCESS"
    assert not Payment.objects.exists()
    assert one.process()["result"] == "CHARGE_SUCCESS"
    assert one.row().captured_minor == 1230


def test_a_payment_of_another_transaction_or_shop_is_not_found(buy: Begin, stripe_url: str) -> None:
    theirs = buy().paid()
    Payment.objects.all().delete()
    other = buy(psp=theirs.psp).process()
    assert other["result"] == "CHARGE_FAILURE"
    shop = install("other")
    connect(shop, "default-channel")
    stranger = Buy(shop, stripe_url, id=theirs.id, psp=theirs.psp).process()
    assert stranger["result"] == "CHARGE_FAILURE"
    assert "not known" in stranger["message"]
    assert not Payment.objects.exists()


def test_an_old_payment_stays_with_its_account(
    buy: Begin, stripe_sandbox: StripeSandbox, installation: Installation
) -> None:
    one = buy().paid()
    stripe_sandbox.create_account("New", "pk_test_new", "sk_test_new")
    new = connect(installation, secret_key="sk_test_new")
    AccountChannel.objects.update(account=new)
    assert one.process()["result"] == "CHARGE_SUCCESS"
    Payment.objects.all().delete()
    assert one.process()["result"] == "CHARGE_SUCCESS"
    assert one.row().account_id != new.pk


@pytest.mark.parametrize(
    "data",
    [
        "card",
        7,
        [],
        {"paymentIntent": "card"},
        {"paymentIntent": {"paymentMethod": 4}},
        {"paymentIntent": []},
    ],
)
@pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
def test_data_of_another_shape_is_a_parse_error(buy: Begin, data: Any, flow: str) -> None:
    answer = buy(flow=flow).initialize(data=data)
    assert answer["result"] == f"{flow}_FAILURE"
    assert errors_of(answer)[0]["code"] == "ParseError"


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("0.01", "USD", "minimum amount for this payment method is 0.50 USD"),
        ("0", "USD", "nothing to pay"),
        ("-5", "USD", "negative"),
        ("12.305", "USD", "more decimals"),
        ("12.5", "ISK", "no cents"),
        ("1000000", "USD", "maximum amount"),
        ("12", "", "currency"),
    ],
)
def test_what_stripe_cannot_charge_is_said_before_asking(
    buy: Begin, stripe_sandbox: StripeSandbox, amount: str, currency: str, words: str
) -> None:
    answer = buy(amount=amount, currency=currency).initialize()
    assert answer["result"] == "CHARGE_FAILURE"
    assert answer["message"]
    assert words in errors_of(answer)[0]["message"]
    assert intents(stripe_sandbox) == []


def test_a_missing_part_is_a_parse_error(buy: Begin) -> None:
    answer = buy().session("transaction_initialize_session", sourceObject=None)
    assert answer["result"] == "CHARGE_FAILURE"
    assert errors_of(answer)[0]["code"] == "ParseError"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
@pytest.mark.parametrize(
    ("event", "result"),
    [
        ("transaction_initialize_session", "CHARGE_ACTION_REQUIRED"),
        ("transaction_process_session", "CHARGE_ACTION_REQUIRED"),
        ("transaction_charge_requested", "CHARGE_FAILURE"),
        ("transaction_refund_requested", "REFUND_FAILURE"),
        ("transaction_cancelation_requested", "CANCEL_FAILURE"),
    ],
)
def test_empty_and_broken_bodies_are_survived(
    installation: Installation, body: bytes, event: str, result: str
) -> None:
    response = post_signed(installation, event, body)
    assert (response.status_code, response.json()["result"]) == (200, result)
    assert response.json()["message"]


def test_an_answer_that_was_lost_is_one_payment_all_the_same(
    buy: Begin, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_fault("POST /v1/payment_intents", drop_connection=True, after_effect=True)
    one = buy()
    assert one.initialize()["result"] == "CHARGE_ACTION_REQUIRED"
    assert len(intents(stripe_sandbox)) == 1


@pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
def test_a_paid_payment_that_cannot_be_looked_up_is_not_called_failed(
    buy: Begin, stripe_sandbox: StripeSandbox, flow: str
) -> None:
    one = buy(flow=flow)
    one.initialize()
    one.pay()
    stripe_sandbox.add_fault("GET /v1/payment_intents/*", status=500, times=2)
    answer = one.process()
    assert answer["result"] == f"{flow}_ACTION_REQUIRED"
    assert errors_of(answer)[0]["code"] == "StripeApiError"
    assert one.process()["result"] == f"{flow}_SUCCESS"


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_dead_key_leaves_the_payment_open_until_it_is_fixed(buy: Begin, forgotten: bool) -> None:
    one = buy()
    one.initialize()
    one.pay()
    if forgotten:
        Payment.objects.all().delete()
    key = StripeAccount.objects.get().secret_key
    StripeAccount.objects.update(secret_key="sk_test_unknown")
    assert one.process()["result"] == "CHARGE_ACTION_REQUIRED"
    StripeAccount.objects.update(secret_key=key)
    assert one.process()["result"] == "CHARGE_SUCCESS"
