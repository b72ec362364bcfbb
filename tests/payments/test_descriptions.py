"""A PaymentIntent's description and details, none of which can stop a payment."""

from collections.abc import Callable
from typing import Any

import pytest

from saleor_stripe_audience.gateway.models import Customer, StripeAccount
from saleor_stripe_audience.payments import declines
from saleor_stripe_audience.payments.descriptions import (
    decorations,
    description_of,
    language_of,
    receipt_of,
    shipping_of,
)
from saleor_stripe_audience.payments.models import Attempt
from saleor_stripe_audience.payments.payloads import Address, Source
from saleor_stripe_audience.sandbox.stripe import StripeSandbox

from .conftest import DECLINED, Buy

Json = dict[str, Any]
Begin = Callable[..., Buy]

ADDRESS: Json = {
    "firstName": "Robin",
    "lastName": "Vale",
    "companyName": "",
    "streetAddress1": "1 Harbour Street",
    "streetAddress2": "",
    "city": "Oswego",
    "countryArea": "NY",
    "postalCode": "13126",
    "country": {"code": "US"},
    "phone": "+13155550123",
}
CHANNEL: Json = {"slug": "default-channel", "currencyCode": "USD"}
ROBIN: Json = {"id": "VXNlcjox", "email": "robin@example.com"}
CHECKOUT: Json = {
    "__typename": "Checkout",
    "id": "Q2hlY2tvdXQ6MTIzNA==",
    "channel": CHANNEL,
    "email": "robin@example.com",
    "languageCode": "FR_CA",
    "user": ROBIN,
    "shippingAddress": ADDRESS,
}
ORDER: Json = {
    "__typename": "Order",
    "id": "T3JkZXI6MQ==",
    "number": "1042",
    "userEmail": "guest@example.com",
    "languageCodeEnum": "EN",
    "channel": CHANNEL,
    "user": None,
    "shippingAddress": None,
}


def source(**changes: Any) -> Source:
    return Source.model_validate({**CHECKOUT, **changes})


def intent_of(sandbox: StripeSandbox) -> Json:
    [made] = sandbox.account.table("payment_intent").values()
    return made


def test_all_that_is_known_is_reported(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    StripeAccount.objects.update(sends_receipts=True, descriptor_suffix="TEES")
    buy().initialize(sourceObject=CHECKOUT)
    intent = intent_of(stripe_sandbox)
    assert intent["description"] == "Checkout 1234"
    assert intent["receipt_email"] == "robin@example.com"
    assert intent["statement_descriptor_suffix"] == "TEES"
    assert intent["shipping"] is None
    assert intent["customer"] == Customer.objects.get(shopper="VXNlcjox").customer_id
    assert intent["metadata"]["saleor_language"] == "fr-ca"
    assert "saleor_order_number" not in intent["metadata"]
    assert intent["setup_future_usage"] is None


def test_of_a_guests_order_there_is_less_to_tell(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    buy().initialize(sourceObject=ORDER)
    intent = intent_of(stripe_sandbox)
    assert intent["description"] == "Order 1042"
    assert intent["metadata"]["saleor_order_number"] == "1042"
    for name in ("receipt_email", "statement_descriptor_suffix", "shipping", "customer"):
        assert intent[name] is None, name
    assert not stripe_sandbox.account.table("customer")


def test_a_decline_is_reported_in_the_language_of_the_checkout(buy: Begin) -> None:
    one = buy()
    one.initialize(sourceObject=CHECKOUT)
    one.pay(DECLINED)
    answer = one.process()
    assert answer["message"] == declines.for_shopper("generic_decline", "fr")
    assert one.row().decline_message == answer["message"]


def test_a_repeat_with_other_words_finds_the_same_payment(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    one = buy()
    first = one.initialize(sourceObject=CHECKOUT)
    one.row().delete()
    moved = {**CHECKOUT, "shippingAddress": {**ADDRESS, "city": "Utica"}, "languageCode": "EN", "user": None}
    again = one.initialize(sourceObject=moved)
    assert again["pspReference"] == first["pspReference"]
    one.row().delete()
    Attempt.objects.all().delete()
    assert one.initialize(sourceObject=moved)["pspReference"] == first["pspReference"]
    assert intent_of(stripe_sandbox)["metadata"]["saleor_language"] == "fr-ca"


@pytest.mark.parametrize("change", [{"descriptor_suffix": "1*2"}, {"descriptor_suffix": "x" * 22}])
def test_words_that_stripe_refuses_do_not_stop_the_payment(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox, change: Json
) -> None:
    StripeAccount.objects.update(**change)
    stripe_sandbox.add_fault("POST /v1/payment_intents", status=400, body={"error": {"message": "No."}})
    one = buy()
    assert one.initialize(sourceObject=CHECKOUT)["result"] == "CHARGE_ACTION_REQUIRED"
    intent = intent_of(stripe_sandbox)
    assert (intent["description"], intent["statement_descriptor_suffix"]) == (None, None)
    assert intent["customer"] == Customer.objects.get().customer_id
    one.pay()
    assert one.process()["result"] == "CHARGE_SUCCESS"
    one.row().delete()
    assert one.initialize(sourceObject=CHECKOUT)["pspReference"] == one.psp
    intent_of(stripe_sandbox)


def test_an_amount_that_stripe_refuses_is_refused(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    refusal = {"error": {"message": "Too little.", "code": "amount_too_small"}}
    stripe_sandbox.add_fault("POST /v1/payment_intents", status=400, body=refusal, times=2)
    answer = buy().initialize(sourceObject={**CHECKOUT, "languageCode": "EN"})
    assert (answer["result"], "too small" in answer["message"]) == ("CHARGE_FAILURE", True)
    assert not stripe_sandbox.account.table("payment_intent")


def test_a_key_that_knows_no_customers_takes_payments_all_the_same(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    stripe_sandbox.add_key(stripe_sandbox.account, "rk_test_narrow", ["payment_intent_write"])
    account.secret_key = "rk_test_narrow"
    account.save()
    assert buy().initialize(sourceObject=CHECKOUT)["result"] == "CHARGE_ACTION_REQUIRED"
    assert intent_of(stripe_sandbox)["customer"] is None


def test_a_customer_deleted_at_stripe_does_not_stop_the_payment(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    buy().initialize(sourceObject=CHECKOUT)
    first = Customer.objects.get().customer_id
    stripe_sandbox.account.put({"id": first, "object": "customer", "deleted": True})
    answer = buy().initialize(sourceObject=CHECKOUT)
    assert answer["result"] == "CHARGE_ACTION_REQUIRED"
    intent = stripe_sandbox.account.table("payment_intent")[answer["pspReference"]]
    assert intent["customer"] == Customer.objects.get().customer_id != first
    assert intent["description"] == "Checkout 1234"


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({"number": "1042"}, "Order 1042"),
        ({"id": "Q2hlY2tvdXQ6MTIzNA=="}, "Checkout 1234"),
        ({"id": "not base64!"}, "Checkout not base64!"),
        ({"id": "/////w=="}, "Checkout /////w=="),
        ({"id": "Q2hlY2tvdXQ6"}, "Checkout Q2hlY2tvdXQ6"),
        ({"number": "9" * 900}, f"Order {'9' * 494}"),
    ],
)
def test_the_description(changes: Json, description: str) -> None:
    assert description_of(source(**changes)) == description


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("robin@example.com", "robin@example.com"),
        (None, ""),
        ("", ""),
        ("robin", ""),
        ("@example.com", ""),
        ("robin@example", ""),
        ("rob in@example.com", ""),
        ("rübe@example.com", ""),
        ("robin@example.com\n", ""),
        (f"{'x' * 600}@example.com", ""),
    ],
)
def test_the_address_for_the_receipt(email: str | None, expected: str) -> None:
    assert receipt_of(source(email=email)) == expected


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "Robin Vale"),
        ({"firstName": "", "lastName": ""}, None),
        ({"firstName": " ", "lastName": "", "companyName": "Vale Ltd"}, "Vale Ltd"),
        ({"streetAddress1": " "}, None),
        ({"firstName": "R" * 900}, "R" * 500),
    ],
)
def test_where_it_is_sent(changes: Json, name: str | None) -> None:
    assert shipping_of(Address.model_validate({**ADDRESS, **changes})).get("name") == name


def test_no_empty_text_is_sent() -> None:
    bare = Address(firstName="Robin", streetAddress1="1 Harbour Street", city=" ", phone=None)
    assert shipping_of(bare) == {"name": "Robin", "address": {"line1": "1 Harbour Street"}}
    assert shipping_of(None) == {}


@pytest.mark.parametrize(
    ("changes", "language"),
    [
        ({}, "fr-ca"),
        ({"languageCode": "", "languageCodeEnum": "PL"}, "pl"),
        ({"languageCode": ""}, ""),
        ({"languageCode": "x" * 90}, "x" * 35),
    ],
)
def test_the_language(changes: Json, language: str) -> None:
    assert language_of(source(**changes)) == language


def test_what_has_nothing_to_say_is_left_out() -> None:
    account = StripeAccount(name="Main")
    assert decorations(account, Source.model_validate(ORDER)) == {"description": "Order 1042"}
