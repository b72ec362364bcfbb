"""Stripe accepts two of three decimals. Saleor requested all three, and gets its own amount reported."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from saleor_stripe_audience.gateway.metadata import AMOUNT
from saleor_stripe_audience.gateway.objects import PaymentIntent, Refund, parse
from saleor_stripe_audience.payments.amounts_due import Due
from saleor_stripe_audience.payments.ledger import ReportedEvent, StripeState, missing_events
from saleor_stripe_audience.sandbox.stripe import StripeSandbox

from .conftest import Buy
from .test_covering import catch_up, complete, problems, process
from .test_reporting import Town, town

__all__ = ["town"]

Begin = Callable[..., Buy]
Json = dict[str, Any]


def intent_of(sandbox: StripeSandbox, one: Buy) -> Json:
    return sandbox.account.table("payment_intent")[one.psp]


def kuwait(total: str) -> Json:
    return {
        "__typename": "Checkout",
        "id": "Q2hlY2tvdXQ6MQ==",
        "channel": {"slug": "default-channel", "currencyCode": "KWD"},
        "totalPrice": {"gross": {"amount": float(total), "currency": "KWD"}},
    }


@pytest.mark.parametrize(("asked", "minor"), [("5.124", 5120), ("5.125", 5130), ("5.12", 5120)])
def test_a_checkout_of_three_decimals_is_paid_whole(
    buy: Begin, stripe_sandbox: StripeSandbox, asked: str, minor: int
) -> None:
    one = buy(amount=asked, currency="KWD").paid()
    assert intent_of(stripe_sandbox, one)["amount"] == minor
    paid = one.process()
    assert (paid["result"], Decimal(paid["amount"])) == ("CHARGE_SUCCESS", Decimal(asked))
    refunded = one.request("REFUND", asked)
    assert (refunded["result"], Decimal(refunded["amount"])) == ("REFUND_SUCCESS", Decimal(asked))
    assert intent_of(stripe_sandbox, one)["amount_received"] == minor


def test_a_hold_of_three_decimals_is_captured_whole(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    one = buy(amount="5.124", currency="KWD", flow="AUTHORIZATION").paid()
    assert Decimal(one.process()["amount"]) == Decimal("5.124")
    assert Decimal(one.request("CHARGE", "5.124")["amount"]) == Decimal("5.124")
    assert intent_of(stripe_sandbox, one)["amount_received"] == 5120


def test_a_part_is_reported_as_it_was_moved(buy: Begin) -> None:
    one = buy(amount="5.124", currency="KWD").paid()
    first, again = one.request("REFUND", "1.126"), one.request("REFUND", "1.126", again=True)
    assert Decimal(first["amount"]) == Decimal("1.13")
    assert again["pspReference"] == first["pspReference"]


@pytest.mark.parametrize(
    ("total", "parts"), [("6.625", ["1.234", "5.395"]), ("5.124", ["1.71", "1.71", "1.70"])]
)
def test_refunds_in_parts_are_together_what_was_paid(buy: Begin, total: str, parts: list[str]) -> None:
    """Saleor would count the rest as charged, or as refunded too much."""
    one = buy(amount=total, currency="KWD").paid()
    for again in (False, True):
        answers = [one.request("REFUND", part, again=again) for part in parts]
        assert {each["result"] for each in answers} == {"REFUND_SUCCESS"}
        assert sum(Decimal(each["amount"]) for each in answers) == Decimal(total)


@pytest.mark.parametrize("known", [0, 1])
def test_the_ledger_reports_refunds_that_are_together_what_was_paid(known: int) -> None:
    charge = {"id": "ch_1", "status": "succeeded", "amount": 6630, "amount_captured": 6630, "captured": True}
    intent = parse(
        PaymentIntent,
        {
            "id": "pi_1",
            "livemode": False,
            "status": "succeeded",
            "amount": 6630,
            "amount_received": 6630,
            "currency": "kwd",
            "metadata": {AMOUNT: "6.625"},
            "latest_charge": {**charge, "amount_refunded": 6630},
        },
    )
    refunds = [
        parse(Refund, {"id": name, "amount": amount, "currency": "kwd", "status": status, "created": created})
        for name, amount, status, created in (
            ("re_2", 5400, "succeeded", 2),
            ("re_3", 5400, "failed", 3),
            ("re_1", 1230, "succeeded", 1),
        )
    ]
    reported = [ReportedEvent("CHARGE_SUCCESS", "pi_1", Decimal("6.625"))]
    reported += [ReportedEvent("REFUND_SUCCESS", "re_1", Decimal("1.23"))] * known
    missing = missing_events(StripeState(intent, "CHARGE", refunds), reported)
    amounts = {each.psp_reference: each.amount for each in missing if each.result == "REFUND_SUCCESS"}
    assert amounts["re_2"] == Decimal("5.395")
    assert amounts.get("re_1", Decimal("1.23")) == Decimal("1.23")


def test_the_exact_amount_follows_the_total(buy: Begin, stripe_sandbox: StripeSandbox) -> None:
    one = buy(amount="5.124", currency="KWD")
    one.initialize(sourceObject=kuwait("5.124"))
    changed = one.process(sourceObject=kuwait("6.126"))
    assert Decimal(changed["amount"]) == Decimal("6.126")
    assert intent_of(stripe_sandbox, one)["amount"] == 6130
    even = one.process(sourceObject=kuwait("6.5"))
    assert Decimal(even["amount"]) == Decimal("6.5")
    assert AMOUNT not in intent_of(stripe_sandbox, one)["metadata"]


def test_the_ledger_knows_that_saleor_has_more_decimals() -> None:
    found = {
        "id": "pi_1",
        "livemode": False,
        "status": "succeeded",
        "amount": 5120,
        "amount_received": 5120,
        "currency": "kwd",
        "metadata": {AMOUNT: "5.124"},
        "latest_charge": {"id": "ch_1", "status": "succeeded", "amount": 5120, "amount_captured": 5120}
        | {"captured": True, "amount_refunded": 0},
    }
    reported = [
        ReportedEvent("AUTHORIZATION_SUCCESS", "pi_1", Decimal("5.124")),
        ReportedEvent("CHARGE_SUCCESS", "ch_1", Decimal("5.124")),
    ]
    held = StripeState(parse(PaymentIntent, found), "AUTHORIZATION")
    assert [each.amount for each in missing_events(held, [])] == [Decimal("5.124"), Decimal("5.124")]
    assert missing_events(held, reported) == []


@pytest.mark.parametrize("edited", ["", "lots", "-1", "7.5", "5.1234"])
def test_edited_metadata_is_left_aside(edited: str) -> None:
    found = {"id": "pi_1", "status": "succeeded", "amount": 5120, "currency": "kwd", "livemode": False}
    intent = parse(PaymentIntent, {**found, "metadata": {AMOUNT: edited}})
    assert intent.exact_amount(5120) is None


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("0.004", 0),
        ("0.005", 10),
        ("-0.004", 0),
        ("-0.005", 0),
        ("-0.01", -10),
        ("-0.016", -10),
        ("-1.00", -1000),
    ],
)
def test_what_rounding_added_is_no_overpayment(amount: str, minor: int) -> None:
    """6.625 KWD is charged as 6.63: nobody has to refund 0.005 or 0.01 of it."""
    assert Due(Decimal(amount), "KWD", Decimal("6.625")).minor == minor


def test_an_overpayment_is_exact_where_nothing_is_rounded() -> None:
    assert Due(Decimal("-0.01"), "USD", Decimal("6.62")).minor == -1
    assert Due(Decimal(-3), "JPY", Decimal(600)).minor == -3


@pytest.mark.parametrize(("price", "minor"), [("1.625", 6630), ("1.624", 6620)])
def test_a_rounded_payment_is_no_problem(town: Town, price: str, minor: int) -> None:
    store = town.shop.host.store
    for channel in store.channels:
        channel.currency_code = "KWD"
    for method in store.shipping_methods:
        method.prices["KWD"] = Decimal(5)
    for product in store.products:
        for variant in product.variants:
            for listing in variant.channel_listings:
                listing.price = Decimal(price)
    town.begin()
    assert town.stripe.account.table("payment_intent")[town.intent]["amount"] == minor
    town.pay()
    town.deliver_all(town.events())
    process(town, town.transaction)
    complete(town)
    town.deliver_all(town.events() * 2)
    catch_up(town)
    assert problems() == []
