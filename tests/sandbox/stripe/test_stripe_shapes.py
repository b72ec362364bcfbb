"""Every object matches the library's own classes: no extra field, none missing, no unknown value."""

from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
import stripe

from saleor_stripe_audience.sandbox.stripe import StripeSandbox
from saleor_stripe_audience.sandbox.stripe.routes import ROUTES

CLASSES: dict[str, type[Any]] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "cash_balance": stripe.CashBalance,
    "charge": stripe.Charge,
    "customer": stripe.Customer,
    "customer_cash_balance_transaction": stripe.CustomerCashBalanceTransaction,
    "customer_session": stripe.CustomerSession,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "payment_method_domain": stripe.PaymentMethodDomain,
    "price": stripe.Price,
    "product": stripe.Product,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
    "refund": stripe.Refund,
    "setup_intent": stripe.SetupIntent,
    "webhook_endpoint": stripe.WebhookEndpoint,
}


@pytest.fixture
def busy(
    client: stripe.StripeClient, sandbox: StripeSandbox, pay: Callable[..., Any], hold: Any
) -> StripeSandbox:
    """A sandbox in which nearly everything has happened."""
    customer = client.v1.customers.create({"email": "buyer@example.com"})
    client.v1.payment_method_domains.create({"domain_name": "shop.example.com"})
    product = client.v1.products.create({"name": "Shirt"})
    client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 5, "lookup_key": "k"})
    client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:1/", "enabled_events": ["account.updated"]})
    client.v1.setup_intents.create(
        {"customer": customer.id, "confirm": True, "payment_method": "pm_card_visa", "use_stripe_sdk": True}
    )
    for method in ("pm_card_createDispute", "pm_card_createIssuerFraudRecord", "pm_usBankAccount_success"):
        pay(method)
    with pytest.raises(stripe.CardError):
        pay("pm_card_chargeDeclined")
    pay("pm_card_threeDSecure2Required", use_stripe_sdk=True)
    client.v1.refunds.create({"payment_intent": pay("pm_card_refundFail").id})
    client.v1.payment_intents.capture(hold().id, {"amount_to_capture": 300})
    client.v1.payment_intents.cancel(hold().id)
    sandbox.transfer(customer.id, "eur", 500)
    sandbox.send_back(customer.id, "eur", 100)
    sandbox.sweep(customer.id, "eur")
    assert sandbox.drain()
    return sandbox


def test_objects_have_the_fields_stripe_says(busy: StripeSandbox, client: stripe.StripeClient) -> None:
    items = [item for table in busy.account.tables.values() for item in table.values()]
    items.append(client.v1.accounts.retrieve_current().to_dict())
    [customer] = busy.account.table("customer")
    items.append(client.v1.customers.cash_balance.retrieve(customer).to_dict())
    assert {item["object"] for item in items} >= set(CLASSES) - {"customer_session"}
    assert [problem for item in items for problem in problems(item)] == []


def test_events_hold_the_objects_as_they_were(busy: StripeSandbox) -> None:
    events = busy.events()
    assert len(events) > 20
    assert [problem for event in events for problem in problems(event["data"]["object"])] == []


def test_the_check_finds_what_is_wrong(busy: StripeSandbox) -> None:
    refund = next(iter(busy.account.table("refund").values()))
    assert list(problems({**refund, "color": "red"})) == ["refund.color is unknown"]
    assert list(problems({name: value for name, value in refund.items() if name != "amount"})) == [
        "refund.amount is missing"
    ]
    assert list(problems({**refund, "reason": "bored"})) == ["refund.reason is 'bored'"]


def test_every_list_is_a_list_and_every_params_class_exists() -> None:
    for route in ROUTES:
        assert hasattr(stripe.params, route.params), route
        assert route.is_list == (
            route.method == "GET" and route.params.endswith(("ListParams", "SearchParams"))
        )


def problems(item: dict[str, Any]) -> Iterator[str]:
    """Yield the differences from the object's class."""
    kind = item["object"]
    hints = dict(CLASSES[kind].__annotations__)
    hints.pop("OBJECT_NAME", None)
    for name in item.keys() - hints.keys():
        yield f"{kind}.{name} is unknown"
    for name, hint in hints.items():
        if name not in item and not _may_be_none(hint):
            yield f"{kind}.{name} is missing"
        if name in item and not _fits(item[name], hint):
            yield f"{kind}.{name} is {item[name]!r}"


def _may_be_none(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)


def _fits(value: Any, hint: Any) -> bool:
    if value is None:
        return _may_be_none(hint)
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    named = [text for member in members if get_origin(member) is Literal for text in get_args(member)]
    if named:
        return value in named
    simple = [member for member in members if member in (int, str, bool)]
    if simple and len(simple) == len([member for member in members if member is not type(None)]):
        return type(value) in simple
    return True
