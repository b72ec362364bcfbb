"""Every payment method that the merchant enabled: held if possible, otherwise charged at once with a note."""

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe.params

from saleor_stripe_audience.payments import methods, shopper_messages
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import in_language

from .conftest import GOOD, Buy
from .intents import intent_with

Begin = Callable[..., Buy]
Json = dict[str, Any]


def confirm(one: Buy, method: str) -> None:
    answer = requests.post(
        f"{one.stripe_url}/v1/payment_intents/{one.psp}/confirm",
        data={"payment_method": method, "return_url": "https://shop.example.com/"},
        headers={"Authorization": f"Bearer {SECRET_KEY}"},
        timeout=10,
    )
    assert answer.ok, answer.text


def choose(one: Buy, kind: str) -> None:
    """Confirm the payment as Stripe's form does, with the method that the shopper chose."""
    data = {
        "client_secret": one.secret,
        "payment_method_data[type]": kind,
        "return_url": "https://shop.example.com/",
    }
    answer = requests.post(
        f"{one.stripe_url}/v1/payment_intents/{one.psp}/confirm",
        data=data,
        headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
        timeout=10,
    )
    assert answer.ok, answer.text


def finish(sandbox: StripeSandbox, one: Buy) -> None:
    """Return from the method's redirect, if there was one."""
    action = intent_of(sandbox, one)["next_action"] or {}
    if "redirect_to_url" in action:
        sandbox.authenticate(one.psp)
    elif action:
        sandbox.pay_voucher(one.psp)


def intent_of(sandbox: StripeSandbox, one: Buy) -> Json:
    return sandbox.account.table("payment_intent")[one.psp]


class TestHolds:
    def test_what_cannot_be_held_is_charged_with_a_note(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        one = buy(flow="AUTHORIZATION")
        one.initialize()
        confirm(one, "pm_usBankAccount_success")
        pending = one.process()
        assert (pending["result"], pending["message"]) == (
            "CHARGE_REQUEST",
            in_language(shopper_messages.CHARGED_INSTEAD, "en"),
        )
        stripe_sandbox.end_processing(one.psp, ok=True)
        charged = one.process()
        assert (charged["result"], charged["amount"]) == ("CHARGE_SUCCESS", "12.30")
        assert (charged["pspReference"], charged["message"]) == (
            one.psp,
            in_language(shopper_messages.CHARGED_INSTEAD, "en"),
        )
        assert one.request("REFUND", "2.30")["pspReference"].startswith(("re_", "pyr_"))

    def test_cards_are_held(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy(flow="AUTHORIZATION").paid()
        assert intent_of(stripe_sandbox, one)["status"] == "requires_capture"
        assert one.process()["message"] == ""

    @pytest.mark.parametrize("wished", ["", "card", "klarna", "us_bank_account"])
    def test_every_method_that_can_be_held_is_held_whatever_the_storefront_names(
        self, buy: Begin, stripe_sandbox: StripeSandbox, wished: str
    ) -> None:
        one = buy(flow="AUTHORIZATION")
        one.initialize(data={"paymentIntent": {"paymentMethod": wished}} if wished else None)
        asked = intent_of(stripe_sandbox, one)["payment_method_options"]
        held = {kind for kind, options in asked.items() if options.get("capture_method") == "manual"}
        assert held == methods.HOLDABLE

    @pytest.mark.parametrize(
        "kind", ["link", "klarna", "affirm", "paypal", "afterpay_clearpay", "amazon_pay", "cashapp"]
    )
    def test_what_the_shopper_chose_is_held(
        self, buy: Begin, stripe_sandbox: StripeSandbox, kind: str
    ) -> None:
        one = buy(flow="AUTHORIZATION")
        one.initialize(data={"paymentIntent": {"paymentMethod": "card"}})
        choose(one, kind)
        finish(stripe_sandbox, one)
        held = one.process()
        assert (held["result"], held["message"], held["actions"]) == (
            "AUTHORIZATION_SUCCESS",
            "",
            ["CHARGE", "CANCEL"],
        )
        assert one.request("CHARGE", "12.30")["result"] == "CHARGE_SUCCESS"

    @pytest.mark.parametrize("kind", ["ideal", "bancontact", "eps", "p24"])
    def test_a_bank_redirect_is_charged_with_a_note(
        self, buy: Begin, stripe_sandbox: StripeSandbox, kind: str
    ) -> None:
        one = buy(flow="AUTHORIZATION", currency="EUR")
        one.initialize()
        choose(one, kind)
        finish(stripe_sandbox, one)
        charged = one.process()
        assert (charged["result"], charged["message"]) == (
            "CHARGE_SUCCESS",
            in_language(shopper_messages.CHARGED_INSTEAD, "en"),
        )

    def test_an_account_without_a_method_holds_cards(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        refusal = {
            "error": {
                "type": "invalid_request_error",
                "param": "payment_method_options[kr_card]",
                "message": "This account cannot take Korean cards.",
            }
        }
        stripe_sandbox.add_fault("POST /v1/payment_intents", status=400, body=refusal, times=1)
        one = buy(flow="AUTHORIZATION")
        one.initialize(data={"paymentIntent": {"paymentMethod": "klarna"}})
        asked = intent_of(stripe_sandbox, one)["payment_method_options"]
        assert set(asked) == {"card", "klarna"}
        one.pay()
        assert one.process()["result"] == "AUTHORIZATION_SUCCESS"

    def test_a_charge_that_becomes_a_hold_is_held(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy()
        one.initialize()
        one.flow = "AUTHORIZATION"
        one.initialize()
        choose(one, "klarna")
        finish(stripe_sandbox, one)
        assert one.process()["result"] == "AUTHORIZATION_SUCCESS"

    def test_a_hold_that_becomes_a_charge_is_charged(self, buy: Begin) -> None:
        one = buy(flow="AUTHORIZATION")
        one.initialize()
        one.flow = "CHARGE"
        one.initialize()
        one.pay(GOOD)
        assert one.process()["result"] == "CHARGE_SUCCESS"

    def test_the_list_is_stripes_own(self) -> None:
        source = inspect.getsource(inspect.getmodule(stripe.params.PaymentIntentCreateParams))  # type: ignore[arg-type]  # it has one
        prefix = "PaymentIntentCreateParamsPaymentMethodOptions"
        found = set()
        for part in source.split("\nclass ")[1:]:
            name = re.match(rf"{prefix}([A-Z]\w*)\(", part)
            if name and "\n    capture_method:" in part:
                found.add(re.sub(r"(?<!^)(?=[A-Z])", "_", name[1]).lower())
        assert found - {"card_present"} == methods.HOLDABLE


class TestDetails:
    def test_saleor_gets_the_card(self, buy: Begin) -> None:
        Installation.objects.update(schema_version="3.22")
        details = buy().paid().process()["paymentMethodDetails"]
        assert details == {
            "type": "CARD",
            "name": "Visa",
            "brand": "Visa",
            "lastDigits": "4242",
            "expMonth": 12,
            "expYear": 2034,
        }

    def test_an_older_saleor_does_not_get_it(self, buy: Begin) -> None:
        Installation.objects.update(schema_version="3.21")
        assert "paymentMethodDetails" not in buy().paid().process()

    @pytest.mark.parametrize(
        ("used", "expected"),
        [
            (None, None),
            ({}, None),
            ({"type": "sepa_debit"}, {"type": "OTHER", "name": "SEPA Direct Debit"}),
            ({"type": "customer_balance"}, {"type": "OTHER", "name": "Bank transfer"}),
            ({"type": "new_way"}, {"type": "OTHER", "name": "New Way"}),
            ({"type": "card"}, {"type": "OTHER", "name": "Card"}),
            (
                {"type": "card", "card": {"brand": "visa", "wallet": {"type": "apple_pay"}, "last4": "42"}},
                {"type": "CARD", "name": "Visa (Apple Pay)", "brand": "Visa"},
            ),
            (
                {
                    "type": "card",
                    "card": {"brand": "b" * 60, "last4": "4242", "exp_month": 1, "exp_year": 2030},
                },
                {
                    "type": "CARD",
                    "name": "B" + "b" * 59,
                    "brand": "B" + "b" * 39,
                    "lastDigits": "4242",
                    "expMonth": 1,
                    "expYear": 2030,
                },
            ),
        ],
    )
    def test_only_what_saleor_accepts(self, used: Any, expected: Any) -> None:
        charge = {"id": "ch_1", "payment_method_details": used} if used is not None else None
        assert methods.details_of(intent_with(charge)) == expected


class TestTheTotal:
    def source(self, total: float) -> Json:
        return {
            "__typename": "Checkout",
            "id": "Q2hlY2tvdXQ6MQ==",
            "channel": {"slug": "default-channel", "currencyCode": "USD"},
            "totalPrice": {"gross": {"amount": total, "currency": "USD"}},
        }

    @pytest.mark.parametrize(("now", "amount"), [(20.0, "20.00"), (5.5, "5.50"), (12.3, "12.30")])
    def test_the_payment_follows_it_until_it_is_paid(self, buy: Begin, now: float, amount: str) -> None:
        one = buy()
        one.initialize(sourceObject=self.source(12.3))
        answer = one.process(sourceObject=self.source(now))
        assert (answer["result"], answer["amount"]) == ("CHARGE_ACTION_REQUIRED", amount)
        assert one.process(sourceObject=self.source(now))["amount"] == amount
        one.pay()
        assert one.process(sourceObject=self.source(now))["amount"] == amount
        assert one.row().amount_minor == round(now * 100)

    def test_a_part_of_the_total_changes_by_as_much(self, buy: Begin) -> None:
        one = buy(amount="10.00")
        one.initialize(sourceObject=self.source(30))
        assert one.process(sourceObject=self.source(32.5))["amount"] == "12.50"

    def test_a_part_stays_when_the_total_falls(self, buy: Begin) -> None:
        one = buy(amount="10.00")
        one.initialize(sourceObject=self.source(30))
        assert one.process(sourceObject=self.source(25))["amount"] == "10.00"
        assert one.process(sourceObject=self.source(30))["amount"] == "10.00"
        assert one.process(sourceObject=self.source(8))["amount"] == "8.00"

    def test_after_it_was_paid_it_is_said(self, buy: Begin) -> None:
        one = buy()
        one.initialize(sourceObject=self.source(12.3))
        one.pay()
        answer = one.process(sourceObject=self.source(20))
        assert (answer["result"], answer["amount"]) == ("CHARGE_SUCCESS", "12.30")
        assert "12.30 USD was paid, but 20.00 USD is now due" in answer["message"]

    def test_a_total_too_small_is_said(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy()
        one.initialize(sourceObject=self.source(12.3))
        answer = one.process(sourceObject=self.source(0.1))
        assert answer["result"] == "CHARGE_FAILURE"
        assert "minimum amount for this payment method is 0.50 USD" in answer["message"]
        assert intent_of(stripe_sandbox, one)["status"] == "canceled"


class TestReasons:
    def metadata(self, sandbox: StripeSandbox) -> Json:
        [refund] = sandbox.account.table("refund").values()
        found: Json = refund["metadata"]
        return found

    def test_the_reason_of_a_granted_refund_stands_beside_it(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        one = buy().paid()
        one.events.append(one._request_event("REFUND", "5.00"))
        action = {"actionType": "REFUND", "amount": 5.0, "currency": "USD"}
        transaction = {"id": one.id, "pspReference": one.psp, "events": one.events}
        granted = {"id": "T3JkZXJHcmFudGVkUmVmdW5kOjE=", "reason": "Broken"}
        for _ in range(2):
            answer = one.send(
                "transaction_refund_requested", action=action, transaction=transaction, grantedRefund=granted
            )
            assert answer["result"] == "REFUND_SUCCESS"
        metadata = self.metadata(stripe_sandbox)
        assert (metadata["saleor_reason"], metadata["saleor_granted_refund"]) == ("Broken", granted["id"])

    def test_a_plain_refund_was_granted_by_nothing(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        """Saleor then sends a granted refund whose id has no number."""
        one = buy().paid()
        one.events.append({**one._request_event("REFUND", "5.00"), "message": "Too small"})
        answer = one.send(
            "transaction_refund_requested",
            action={"actionType": "REFUND", "amount": 5.0, "currency": "USD"},
            transaction={"id": one.id, "pspReference": one.psp, "events": one.events},
            grantedRefund={"id": "T3JkZXJHcmFudGVkUmVmdW5kOk5vbmU=", "reason": None},
        )
        assert answer["result"] == "REFUND_SUCCESS"
        metadata = self.metadata(stripe_sandbox)
        assert metadata["saleor_reason"] == "Too small"
        assert "saleor_granted_refund" not in metadata

    @pytest.mark.parametrize("reason", ["Too small", "r" * 900, ""])
    def test_the_reason_of_the_request_stands_beside_it(
        self, buy: Begin, stripe_sandbox: StripeSandbox, reason: str
    ) -> None:
        one = buy().paid()
        one.events.append({**one._request_event("REFUND", "5.00"), "message": reason})
        assert one.request("REFUND", "5.00", again=True)["result"] == "REFUND_SUCCESS"
        assert self.metadata(stripe_sandbox).get("saleor_reason", "") == reason[:500]

    def test_a_refund_to_a_closed_card_is_money_that_stayed(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        """What Stripe reports days later is tested in test_reporting.py; here the request itself is refused."""
        one = buy().paid()
        stripe_sandbox.add_fault(
            "POST /v1/refunds",
            status=400,
            body={
                "error": {
                    "type": "invalid_request_error",
                    "code": "expired_or_canceled_card",
                    "message": "The card has been closed.",
                }
            },
        )
        answer = one.request("REFUND", "5.00")
        assert answer["result"] == "REFUND_FAILURE"
        assert "The card has been closed" in json.dumps(answer)


def test_a_channel_in_which_nobody_can_pay_is_a_problem_until_somebody_can(
    buy: Begin, stripe_sandbox: StripeSandbox
) -> None:
    refusal = {
        "error": {
            "type": "invalid_request_error",
            "code": "payment_intent_invalid_parameter",
            "message": "No valid payment method types for this PaymentIntent.",
        }
    }
    stripe_sandbox.add_fault("POST /v1/payment_intents", status=400, body=refusal, times=9)
    assert buy().initialize()["result"] == "CHARGE_FAILURE"
    assert "enable a payment method" in Problem.objects.get().message
    stripe_sandbox.faults.clear()
    assert buy().initialize()["result"] == "CHARGE_ACTION_REQUIRED"
    assert not Problem.objects.exists()
