"""Storing a card during a payment, and paying with a stored one: only for its owner, and once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from saleor_stripe_audience.gateway import client, customers, payment_intents
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import declines, shopper_messages
from saleor_stripe_audience.payments.stored_methods import NOT_YOURS
from saleor_stripe_audience.sandbox.demo.shopper import ADDRESS, CHECKOUT, DELIVERY, INITIALIZE
from saleor_stripe_audience.sandbox.demo.stage import APP_ID
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.wording import in_language

from .conftest import Buy
from .test_stored_methods import Register, Shopper, shop, shopper

__all__ = ["shop", "shopper"]

Json = dict[str, Any]
Begin = Callable[..., Buy]
OWNER: Json = {"id": "VXNlcjox", "email": "robin@example.com"}
SIGNED_IN: Json = {"__typename": "User", "id": OWNER["id"]}
APP: Json = {"__typename": "App", "id": "QXBwOjI="}
SOURCE: Json = {
    "__typename": "Checkout",
    "id": "Q2hlY2tvdXQ6MQ==",
    "channel": {"slug": "default-channel", "currencyCode": "USD"},
    "user": OWNER,
}


def session_arguments(caller: Json | None = SIGNED_IN, owner: Json | None = OWNER, **options: Any) -> Json:
    """Return the arguments for TRANSACTION_INITIALIZE_SESSION."""
    return {
        "issuingPrincipal": caller,
        "sourceObject": {**SOURCE, "user": owner},
        "data": {"paymentIntent": {"paymentMethod": "card", **options}},
    }


def keep(account: StripeAccount, method: str = "pm_card_visa", shopper_id: str = "VXNlcjox") -> str:
    """Store a card for the shopper."""
    customer = customers.ensure_customer(account, shopper_id)
    kept = client.stripe_of(account).v1.payment_methods.attach(method, {"customer": customer})
    return kept.id


def charges(sandbox: StripeSandbox) -> list[Json]:
    return [each for each in sandbox.account.table("charge").values() if each["paid"]]


def kept_by(account: StripeAccount) -> int:
    customer = customers.customer_of(account, OWNER["id"])
    return len(client.stripe_of(account).v1.customers.payment_methods.list(customer).data)


@pytest.mark.parametrize("usage", ["on_session", "off_session"])
def test_a_card_is_kept_while_paying(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox, usage: str
) -> None:
    one = buy()
    one.initialize(**session_arguments(setupFutureUsage=usage))
    assert stripe_sandbox.account.table("payment_intent")[one.psp]["setup_future_usage"] == usage
    one.pay()
    assert one.process()["result"] == "CHARGE_SUCCESS"
    assert kept_by(account) == 1


def test_a_card_is_not_kept_unless_asked(buy: Begin, account: StripeAccount) -> None:
    one = buy()
    one.initialize(**session_arguments())
    one.pay()
    assert kept_by(account) == 0


def test_a_stored_card_waits_for_the_shopper_to_confirm(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    card = keep(account)
    answer = buy().initialize(**session_arguments(storedPaymentMethodId=card))
    assert answer["result"] == "CHARGE_ACTION_REQUIRED"
    intent = stripe_sandbox.account.table("payment_intent")[answer["pspReference"]]
    assert (intent["status"], intent["payment_method"]) == ("requires_confirmation", card)
    assert charges(stripe_sandbox) == []


@pytest.mark.parametrize("caller", [SIGNED_IN, APP])
@pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
def test_a_stored_card_is_charged_while_the_shopper_is_away(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox, flow: str, caller: Json
) -> None:
    card = keep(account)
    one = buy(flow=flow)
    options = session_arguments(caller, storedPaymentMethodId=f"app:{APP_ID}:{card}", offSession=True)
    answer = one.initialize(**options)
    assert answer["result"] == f"{flow}_SUCCESS"
    assert one.row().status == ("succeeded" if flow == "CHARGE" else "requires_capture")
    assert one.initialize(**options)["pspReference"] == answer["pspReference"]
    assert [each["amount"] for each in charges(stripe_sandbox)] == [1230]


def test_asked_many_times_at_once_it_is_charged_once(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    options = session_arguments(storedPaymentMethodId=keep(account), offSession=True)
    one = buy()
    begin = threading.Barrier(6)

    def initialize(_: int) -> Json:
        begin.wait(10)
        try:
            return one.session("transaction_initialize_session", **options)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as many:
        answers = list(many.map(initialize, range(6)))
    assert "CHARGE_SUCCESS" in {each["result"] for each in answers}
    assert len(charges(stripe_sandbox)) == 1
    assert one.initialize(**options)["result"] == "CHARGE_SUCCESS"


@pytest.mark.parametrize("after", [False, True])
def test_an_answer_that_was_lost_is_no_second_charge(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox, after: bool
) -> None:
    options = session_arguments(storedPaymentMethodId=keep(account), offSession=True)
    stripe_sandbox.add_fault(
        "POST /v1/payment_intents/*/confirm", drop_connection=True, after_effect=after, times=2
    )
    one = buy()
    assert one.initialize(**options)["result"] == "CHARGE_ACTION_REQUIRED"  # it may have been charged
    assert one.initialize(**options)["result"] == "CHARGE_SUCCESS"
    assert len(charges(stripe_sandbox)) == 1


def test_a_card_that_wants_3d_secure_waits_for_the_shopper(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
) -> None:
    card = keep(account, "pm_card_threeDSecure2Required")
    one = buy()
    options = session_arguments(APP, storedPaymentMethodId=card, offSession=True)
    for _ in range(2):
        answer = one.initialize(**options)
        assert answer["result"] == "CHARGE_ACTION_REQUIRED"
        assert answer["message"] == declines.for_shopper("authentication_required")
        assert answer["data"]["paymentIntent"]["stripeClientSecret"]
    assert one.row().decline_code == "authentication_required"
    attempts = [each for each in stripe_sandbox.account.table("charge").values() if not each["paid"]]
    assert len(attempts) == 1
    one.pay()
    assert one.process()["result"] == "CHARGE_SUCCESS"


def test_a_stored_card_without_money_is_a_decline(buy: Begin, account: StripeAccount) -> None:
    card = keep(account, "pm_card_chargeCustomerFail")
    one = buy()
    answer = one.initialize(**session_arguments(APP, storedPaymentMethodId=card, offSession=True))
    assert answer["result"] == "CHARGE_ACTION_REQUIRED"
    assert answer["data"]["paymentIntent"]["errors"][0]["code"] == "StripeCardError"
    assert one.row().decline_code == "generic_decline"


@pytest.mark.parametrize(
    ("caller", "owner"),
    [
        (None, OWNER),
        (None, None),
        (SIGNED_IN, None),
        (APP, None),
        ({"__typename": "User", "id": "VXNlcjoy"}, OWNER),
        ({"__typename": "Else", "id": OWNER["id"]}, OWNER),
    ],
)
@pytest.mark.parametrize("value", [{"setupFutureUsage": "off_session"}, {"storedPaymentMethodId": "its own"}])
def test_only_the_owner_keeps_and_uses(
    buy: Begin,
    account: StripeAccount,
    stripe_sandbox: StripeSandbox,
    caller: Json | None,
    owner: Json | None,
    value: Json,
) -> None:
    card = keep(account)
    options = {name: card if value == "its own" else value for name, value in value.items()}
    answer = buy().initialize(**session_arguments(caller, owner, **options))
    assert answer["result"] == "CHARGE_FAILURE"
    assert answer["message"] == in_language(shopper_messages.BY_CODE["not_owner"], "en")
    assert not stripe_sandbox.account.table("payment_intent")


@pytest.mark.parametrize("off_session", [False, True])
def test_anothers_card_is_not_to_be_had(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox, off_session: bool
) -> None:
    keep(account)
    theirs = keep(account, shopper_id="VXNlcjoy")
    loose = client.stripe_of(account).v1.payment_methods.create(
        {"type": "card", "card": {"token": "tok_visa"}}
    )
    for card in (theirs, loose.id, "pm_nobody", "pm_card_visa", "../x"):
        answer = buy().initialize(**session_arguments(storedPaymentMethodId=card, offSession=off_session))
        assert (answer["result"], answer["message"]) == ("CHARGE_FAILURE", NOT_YOURS)
    assert charges(stripe_sandbox) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("card", "paymentIntent does not"),
        ([], "paymentIntent does not"),
        ({"paymentIntent": "card"}, "paymentIntent does not"),
        ({"paymentIntent": {"paymentMethod": 7}}, "paymentIntent.paymentMethod"),
        ({"paymentIntent": {"storedPaymentMethodId": None}}, "paymentIntent.storedPaymentMethodId"),
        ({"paymentIntent": {"setupFutureUsage": "always"}}, "paymentIntent.setupFutureUsage"),
        ({"paymentIntent": {"offSession": "yes"}}, "paymentIntent.offSession"),
        ({"paymentIntent": {"offSession": True}}, "requires a storedPaymentMethodId"),
        (
            {
                "paymentIntent": {
                    "offSession": True,
                    "storedPaymentMethodId": "pm_1",
                    "setupFutureUsage": "on_session",
                }
            },
            "not both",
        ),
    ],
)
def test_options_that_cannot_be_read(
    buy: Begin, stripe_sandbox: StripeSandbox, data: Any, words: str
) -> None:
    answer = buy().initialize(**{**session_arguments(), "data": data})
    assert words in answer["data"]["paymentIntent"]["errors"][0]["message"]
    assert words not in answer["message"]
    assert answer["result"] == "CHARGE_FAILURE"
    assert answer["data"]["paymentIntent"]["errors"][0]["code"] == "ParseError"
    assert not stripe_sandbox.account.table("payment_intent")


@pytest.mark.parametrize(
    "data", [None, {}, {"other": 1}, {"paymentIntent": None}, {"paymentIntent": {"new": 1}}]
)
def test_no_option_is_needed(buy: Begin, data: Any) -> None:
    assert buy().initialize(**{**session_arguments(), "data": data})["result"] == "CHARGE_ACTION_REQUIRED"


def checkout_of(robin: Shopper) -> str:
    """Return a checkout of the signed-in shopper."""
    products = '{ products(first: 1, channel: "default-channel") { edges { node { variants { id } } } } }'
    variant = robin.ask(products)["edges"][0]["node"]["variants"][0]["id"]
    wanted = {
        "channel": "default-channel",
        "email": robin.email,
        "lines": [{"variantId": variant, "quantity": 1}],
        "shippingAddress": ADDRESS,
        "billingAddress": ADDRESS,
    }
    made = robin.ask(CHECKOUT, input=wanted)["checkout"]
    method = next(each["id"] for each in made["shippingMethods"] if each["active"])
    robin.ask(DELIVERY, id=made["id"], method=method)
    identifier: str = made["id"]
    return identifier


def test_through_the_shop_a_stored_card_pays_for_its_owner_only(
    shop: SaleorSandbox, shopper: Register, stripe_sandbox: StripeSandbox
) -> None:
    robin, eve = shopper("robin"), shopper("eve")
    card = robin.store()["id"]
    checkout = checkout_of(robin)
    data = {"paymentIntent": {"storedPaymentMethodId": card, "offSession": True}}
    gateway = {"id": APP_ID, "data": data}
    for stranger in (eve.ask, lambda query, **named: shop.gql(query, named)["transactionInitialize"]):
        refused = stranger(INITIALIZE, id=checkout, gateway=gateway, key=None)
        assert refused["transactionEvent"]["type"] == "CHARGE_FAILURE"
    assert charges(stripe_sandbox) == []
    paid = robin.ask(INITIALIZE, id=checkout, gateway=gateway, key="k-of-robin")
    assert paid["transactionEvent"]["type"] == "CHARGE_SUCCESS"
    [charge] = charges(stripe_sandbox)
    assert charge["shipping"]["name"] == "Robin Vale"
    assert charge["description"].startswith("Checkout ")
    assert (
        charge["customer"]
        == stripe_sandbox.account.table("payment_intent")[charge["payment_intent"]]["customer"]
    )


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_failure_that_stripe_keeps_does_not_stop_an_off_session_charge(
    buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox, *, after_effect: bool
) -> None:
    """Whether or not the first request charged the card, it is charged exactly once."""
    method = keep(account)
    stripe_sandbox.add_fault(
        "POST /v1/payment_intents/*/confirm", status=500, kept=True, after_effect=after_effect
    )
    one = buy()
    options: Json = {"storedPaymentMethodId": method, "offSession": True}
    assert one.initialize(**session_arguments(APP, **options))["result"] == "CHARGE_ACTION_REQUIRED", (
        "nobody knows yet"
    )
    assert one.initialize(**session_arguments(APP, **options))["result"] == "CHARGE_SUCCESS"
    assert [each["amount"] for each in charges(stripe_sandbox)] == [1230]


class TestTheShopperChangesTheirMind:
    """The storefront requests the payment again, with other options."""

    def test_a_card_is_not_kept_any_more(self, buy: Begin, account: StripeAccount) -> None:
        one = buy()
        one.initialize(**session_arguments(setupFutureUsage="off_session"))
        one.initialize(**session_arguments())
        one.pay()
        assert one.process()["result"] == "CHARGE_SUCCESS"
        assert kept_by(account) == 0

    @pytest.mark.parametrize("before", [{}, {"setupFutureUsage": "on_session"}])
    def test_a_card_is_kept_after_all(self, buy: Begin, account: StripeAccount, before: Json) -> None:
        one = buy()
        one.initialize(**session_arguments(**before))
        one.initialize(**session_arguments(setupFutureUsage="off_session"))
        one.pay()
        assert one.process()["result"] == "CHARGE_SUCCESS"
        assert kept_by(account) == 1

    def test_a_guest_who_signs_in_can_keep_a_card(self, buy: Begin, account: StripeAccount) -> None:
        one = buy()
        one.initialize(**session_arguments(None, None))
        one.initialize(**session_arguments(setupFutureUsage="off_session"))
        one.pay()
        assert one.process()["result"] == "CHARGE_SUCCESS"
        assert kept_by(account) == 1

    def test_another_stored_card_is_charged(
        self, buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
    ) -> None:
        visa, mastercard = keep(account), keep(account, "pm_card_mastercard")
        one = buy()
        for card in (visa, mastercard, mastercard):
            one.initialize(**session_arguments(storedPaymentMethodId=card))
            assert stripe_sandbox.account.table("payment_intent")[one.psp]["payment_method"] == card
        assert len(stripe_sandbox.log.entries("POST", f"/v1/payment_intents/{one.psp}")) == 1, "twice is once"

    def test_no_stored_card_is_charged_without_being_requested(
        self, buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
    ) -> None:
        one = buy()
        one.initialize(**session_arguments(storedPaymentMethodId=keep(account)))
        one.initialize(**session_arguments())
        intent = stripe_sandbox.account.table("payment_intent")[one.psp]
        assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)

    @pytest.mark.parametrize("before", ["no card", "the card"])
    def test_a_stored_card_is_charged_while_the_shopper_is_away(
        self, buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox, before: str
    ) -> None:
        card = keep(account)
        one = buy()
        first: Json = {} if before == "no card" else {"storedPaymentMethodId": card}
        one.initialize(**session_arguments(**first))
        options = session_arguments(storedPaymentMethodId=card, offSession=True)
        assert [one.initialize(**options)["result"] for _ in range(2)] == ["CHARGE_SUCCESS"] * 2
        assert len(charges(stripe_sandbox)) == 1

    def test_a_second_card_is_charged_after_the_decline_of_the_first(
        self, buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
    ) -> None:
        empty, full = keep(account, "pm_card_chargeCustomerFail"), keep(account)
        one = buy()
        for card, result in ((empty, "CHARGE_ACTION_REQUIRED"), (full, "CHARGE_SUCCESS")):
            for _ in range(2):
                options = session_arguments(APP, storedPaymentMethodId=card, offSession=True)
                assert one.initialize(**options)["result"] == result
        assert len(stripe_sandbox.account.table("charge")) == 2

    def test_anothers_card_changes_nothing(
        self, buy: Begin, account: StripeAccount, stripe_sandbox: StripeSandbox
    ) -> None:
        keep(account)
        theirs = keep(account, shopper_id="VXNlcjoy")
        one = buy()
        psp = one.initialize(**session_arguments())["pspReference"]
        answer = one.initialize(**session_arguments(storedPaymentMethodId=theirs, offSession=True))
        assert answer["message"] == NOT_YOURS
        assert stripe_sandbox.account.table("payment_intent")[psp]["payment_method"] is None
        assert charges(stripe_sandbox) == []

    def test_paid_while_an_option_is_being_changed(self, buy: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
        one, update = buy(), payment_intents.update
        one.initialize(**session_arguments(setupFutureUsage="off_session"))

        def pay_first(*arguments: Any) -> Any:
            one.pay()
            return update(*arguments)

        monkeypatch.setattr(payment_intents, "update", pay_first)
        answer = one.session("transaction_initialize_session", **session_arguments())
        assert (answer["result"], answer["pspReference"]) == ("CHARGE_SUCCESS", one.psp)
