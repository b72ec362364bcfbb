"""The order shows the card, whether Stripe's webhook or the storefront reports the payment first."""

from collections.abc import Callable
from typing import Any

import pytest

from saleor_stripe_audience.payments import methods
from saleor_stripe_audience.payments.reconcile import reconcile
from saleor_stripe_audience.shops.models import Installation

from .intents import intent_with
from .test_reporting import Town, town

__all__ = ["town"]

Json = dict[str, Any]

METHOD = """query($id: ID!) { transaction(id: $id) { paymentMethodDetails { __typename name
  ... on CardPaymentMethodDetails { brand lastDigits expMonth expYear } } } }"""
PROCESS = "mutation($id: ID!) { transactionProcess(id: $id) { transactionEvent { type } } }"
VISA = {
    "__typename": "CardPaymentMethodDetails",
    "name": "Visa",
    "brand": "Visa",
    "lastDigits": "4242",
    "expMonth": 12,
    "expYear": 2034,
}


def method_of(town: Town) -> Json | None:
    found: Json = town.shop.gql(METHOD, {"id": town.transaction}, town.shop.staff_token())["transaction"]
    details: Json | None = found["paymentMethodDetails"]
    return details


def by_webhook(town: Town) -> None:
    town.deliver_all(town.events() * 2)


def by_storefront(town: Town) -> None:
    town.shop.gql(PROCESS, {"id": town.transaction})


def by_reconciling(town: Town) -> None:
    town.stripe.drain()
    reconcile(Installation.objects.get())


@pytest.mark.parametrize("flow", ["CHARGE", "AUTHORIZATION"])
@pytest.mark.parametrize("report_by", [by_webhook, by_storefront, by_reconciling])
def test_whoever_reports_first(town: Town, report_by: Callable[[Town], None], flow: str) -> None:
    town.begin(flow)
    assert method_of(town) is None
    town.pay()
    report_by(town)
    assert method_of(town) == VISA


def test_the_storefront_comes_second(town: Town) -> None:
    town.begin()
    town.pay()
    by_webhook(town)
    by_storefront(town)
    assert method_of(town) == VISA


def test_a_debit_is_named(town: Town) -> None:
    town.begin()
    town.pay("pm_usBankAccount_success")
    town.stripe.end_processing(town.intent, ok=True)
    by_webhook(town)
    assert method_of(town) == {"__typename": "OtherPaymentMethodDetails", "name": "ACH Direct Debit"}


def test_an_older_saleor_gets_queries_in_its_own_schema(town: Town) -> None:
    town.shop.host.version = "3.21"
    Installation.objects.update(schema_version="3.21")
    town.begin()
    town.pay()
    by_webhook(town)
    assert town.amounts()[0] == town.total()


def test_an_older_saleor_has_no_such_field(town: Town) -> None:
    """The stand-in of 3.21 treats the newer field as Saleor 3.21 does."""
    town.begin()
    town.pay()
    town.shop.host.version = "3.21"
    by_webhook(town)
    assert town.reported("CHARGE_SUCCESS") == []


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (None, None),
        ({"type": "boleto"}, {"other": {"name": "Boleto"}}),
        (
            {"type": "card", "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}},
            {
                "card": {
                    "name": "Visa",
                    "brand": "Visa",
                    "lastDigits": "4242",
                    "expMonth": 12,
                    "expYear": 2034,
                }
            },
        ),
        (
            {"type": "card", "card": {"brand": "visa", "exp_month": 13, "exp_year": 2034}},
            {"card": {"name": "Visa", "brand": "Visa"}},
        ),
        (
            {"type": "card", "card": {"brand": "visa", "exp_month": 1, "exp_year": 34}},
            {"card": {"name": "Visa", "brand": "Visa"}},
        ),
        ({"type": "x" * 300}, {"other": {"name": "X" + "x" * 255}}),
    ],
)
def test_only_what_a_report_takes(card: Json | None, expected: Json | None) -> None:
    charge = {"id": "ch_1", "payment_method_details": card} if card else None
    assert methods.reported_details(intent_with(charge)) == expected
