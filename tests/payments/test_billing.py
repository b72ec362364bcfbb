"""The billing name and address reach Stripe before the payment, the shipping address without blocking it."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from saleor_stripe_audience.gateway.models import Customer, StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import handlers
from saleor_stripe_audience.payments.descriptions import person_of
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.payloads import Address
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, StripeSandbox

from .conftest import GOOD, Buy
from .test_descriptions import ADDRESS, CHECKOUT, ORDER
from .test_reporting import Town, town

__all__ = ["town"]

Begin = Callable[..., Buy]
Json = dict[str, Any]

BILLING = {**ADDRESS, "firstName": "Kim", "streetAddress1": "9 Bridge Street", "phone": ""}
ACCOUNT = {**CHECKOUT, "billingAddress": BILLING}
GUEST = {**ACCOUNT, "user": None}
FROM_BROWSER = {
    "shipping[name]": "K. Vale",
    "shipping[address][line1]": "9 Bridge St",
    "shipping[address][country]": "US",
}


def confirm(one: Buy, **more: str) -> requests.Response:
    card = {"number": GOOD, "exp_month": "12", "exp_year": "2034", "cvc": "123"}
    return requests.post(
        f"{one.stripe_url}/v1/payment_intents/{one.psp}/confirm",
        data={
            "client_secret": one.secret,
            "payment_method_data[type]": "card",
            **{f"payment_method_data[card][{name}]": value for name, value in card.items()},
            "return_url": "https://shop.example.com/",
            **more,
        },
        headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
        timeout=10,
    )


def intent_of(sandbox: StripeSandbox, one: Buy) -> Json:
    return sandbox.account.table("payment_intent")[one.psp]


def customer_of(sandbox: StripeSandbox, one: Buy) -> Json:
    return sandbox.account.table("customer")[intent_of(sandbox, one)["customer"]]


def refuse(sandbox: StripeSandbox, call: str, parameter: str) -> None:
    """Let Stripe refuse the parameter in one call."""
    error = {"type": "invalid_request_error", "message": f"Invalid {parameter}.", "param": parameter}
    sandbox.add_fault(call, status=400, body={"error": error}, times=1)


class TestBilling:
    def test_a_shoppers_customer_has_it(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy()
        one.initialize(sourceObject=ACCOUNT)
        customer = customer_of(stripe_sandbox, one)
        assert (customer["name"], customer["email"]) == ("Kim Vale", "robin@example.com")
        assert customer["address"]["line1"] == "9 Bridge Street"

    def test_a_new_address_follows_and_the_same_one_costs_no_call(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        buy().initialize(sourceObject=ACCOUNT)
        stripe_sandbox.log.clear()
        buy().initialize(sourceObject=ACCOUNT)
        assert "customers" not in str(stripe_sandbox.log.entries("POST"))
        one = buy()
        one.initialize(sourceObject={**ACCOUNT, "billingAddress": {**BILLING, "city": "Utica"}})
        assert customer_of(stripe_sandbox, one)["address"]["city"] == "Utica"
        assert Customer.objects.count() == 1

    @pytest.mark.parametrize(
        ("caller", "is_own"),
        [
            (None, False),
            ({"__typename": "User", "id": "VXNlcjo5"}, False),
            ({"__typename": "User", "id": ACCOUNT["user"]["id"]}, True),
            ({"__typename": "App", "id": "QXBwOjE="}, True),
        ],
    )
    def test_an_order_belongs_to_its_account_at_stripe_only_if_that_account_pays(
        self, buy: Begin, stripe_sandbox: StripeSandbox, caller: dict[str, str] | None, *, is_own: bool
    ) -> None:
        """Saleor assigns a guest's order to the account that has its address."""
        one = buy()
        one.initialize(sourceObject={**ACCOUNT, "__typename": "Order"}, issuingPrincipal=caller)
        assert customer_of(stripe_sandbox, one)["address"]["city"] == "Oswego"
        assert Customer.objects.filter(shopper=ACCOUNT["user"]["id"]).exists() == is_own

    def test_a_guest_gets_a_customer_of_this_payment(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy()
        for _ in range(2):
            one.initialize(sourceObject=GUEST)
            one.row().delete()
        customer = customer_of(stripe_sandbox, one)
        assert (customer["name"], customer["address"]["city"]) == ("Kim Vale", "Oswego")
        assert customer["email"] == "robin@example.com"
        assert len(stripe_sandbox.account.table("customer")) == 1
        assert not Customer.objects.exists()

    def test_a_guest_who_is_not_known_gets_none(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        for billing in (
            None,
            {},
            {**BILLING, "streetAddress1": ""},
            {**BILLING, "firstName": "", "lastName": ""},
        ):
            one = buy()
            one.initialize(sourceObject={**ORDER, "billingAddress": billing})
            assert intent_of(stripe_sandbox, one)["customer"] is None

    @pytest.mark.parametrize("source", [GUEST, ACCOUNT])
    def test_only_what_stripe_refuses_is_left_out(
        self, buy: Begin, stripe_sandbox: StripeSandbox, source: Json
    ) -> None:
        email = "robin@example..com"
        user = {**ACCOUNT["user"], "email": email} if source["user"] else None
        billing = {**BILLING, "country": {"code": "XK"}, "phone": "+38349123456"}
        refuse(stripe_sandbox, "POST /v1/customers" if source is GUEST else "POST /v1/customers/*", "phone")
        one = buy()
        for _ in range(2):
            one.initialize(sourceObject={**source, "email": email, "user": user, "billingAddress": billing})
            one.row().delete()
        customer = customer_of(stripe_sandbox, one)
        assert (customer["name"], customer["email"], customer["phone"]) == ("Kim Vale", None, None)
        assert (customer["address"]["line1"], customer["address"]["city"]) == ("9 Bridge Street", "Oswego")
        assert not customer["address"].get("country")
        assert len(stripe_sandbox.account.table("customer")) == 1

    def test_what_was_left_out_is_not_sent_again(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        source = {**ACCOUNT, "billingAddress": {**BILLING, "country": {"code": "XK"}}}
        buy().initialize(sourceObject=source)
        stripe_sandbox.log.clear()
        buy().initialize(sourceObject=source)
        assert "customers" not in str(stripe_sandbox.log.entries("POST"))

    def test_a_guest_without_an_accepted_detail_gets_no_customer(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        for name in ("name", "email", "address"):
            refuse(stripe_sandbox, "POST /v1/customers", name)
        one = buy()
        assert one.initialize(sourceObject=GUEST)["result"] == "CHARGE_ACTION_REQUIRED"
        assert intent_of(stripe_sandbox, one)["customer"] is None

    @pytest.mark.parametrize("email", ["robin@ex\u00e4mple.com", "robin.@example.com"])
    def test_an_account_whose_email_stripe_refuses_can_buy_from_india(
        self, buy: Begin, stripe_sandbox: StripeSandbox, email: str
    ) -> None:
        stripe_sandbox.account.country = "IN"
        one = buy()
        user = {**ACCOUNT["user"], "email": email}
        one.initialize(sourceObject={**ACCOUNT, "email": email, "user": user, "shippingAddress": None})
        assert confirm(one).status_code == 200

    @pytest.mark.parametrize("source", [GUEST, ACCOUNT])
    @pytest.mark.parametrize("status", [400, 403, 500])
    def test_what_stripe_refuses_does_not_stop_the_payment(
        self, buy: Begin, stripe_sandbox: StripeSandbox, source: Json, status: int
    ) -> None:
        stripe_sandbox.add_fault("POST /v1/customers*", status=status, times=9)
        one = buy()
        assert one.initialize(sourceObject=source)["result"] == "CHARGE_ACTION_REQUIRED"
        one.pay()
        assert one.process()["result"] == "CHARGE_SUCCESS"

    @pytest.mark.parametrize("source", [GUEST, ACCOUNT])
    def test_digital_goods_can_be_sold_from_india(
        self, buy: Begin, stripe_sandbox: StripeSandbox, source: Json
    ) -> None:
        stripe_sandbox.account.country = "IN"
        one = buy()
        one.initialize(sourceObject={**source, "shippingAddress": None})
        assert confirm(one).status_code == 200
        nameless = buy()
        nameless.initialize(
            sourceObject={**source, "shippingAddress": None, "billingAddress": None, "user": None}
        )
        assert "Indian regulations" in confirm(nameless).json()["error"]["message"]

    def test_long_names_are_cut_where_stripe_cuts_them(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        long = {**BILLING, "firstName": "K" * 400, "phone": "+1 315 555 0123 extension 4567"}
        one = buy()
        one.initialize(sourceObject={**GUEST, "billingAddress": long})
        customer = customer_of(stripe_sandbox, one)
        assert (len(customer["name"]), len(customer["phone"])) == (256, 20)

    def test_a_person_without_a_name_is_nobody(self) -> None:
        assert person_of(Address(streetAddress1="9 Bridge Street")) == {}
        assert person_of(None) == {}


class TestShipping:
    def test_express_checkout_may_send_it(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy()
        one.initialize(sourceObject=ACCOUNT)
        assert confirm(one, **FROM_BROWSER).status_code == 200
        assert intent_of(stripe_sandbox, one)["shipping"]["name"] == "K. Vale"

    def test_a_storefront_may_leave_it_to_the_app(self, buy: Begin, stripe_sandbox: StripeSandbox) -> None:
        one = buy()
        one.initialize(sourceObject=ACCOUNT, data={"paymentIntent": {"shippingFromSaleor": True}})
        shown = intent_of(stripe_sandbox, one)["shipping"]
        assert (shown["name"], shown["phone"]) == ("Robin Vale", "+13155550123")
        assert (shown["address"]["line1"], shown["address"]["state"]) == ("1 Harbour Street", "NY")
        refused = confirm(one, **FROM_BROWSER)
        assert (refused.status_code, "last set with a secret key" in refused.text) == (400, True)
        assert confirm(one).status_code == 200

    @pytest.mark.parametrize(
        ("parameter", "names"),
        [
            ("shipping[address][country]", {"line1", "city", "state", "postal_code"}),
            ("shipping[address][postal_code]", {"line1", "city", "state", "country"}),
            ("shipping", set()),
            ("shipping[carrier]", set()),
        ],
    )
    def test_only_the_refused_part_of_it_is_left_out(
        self, buy: Begin, stripe_sandbox: StripeSandbox, parameter: str, names: set[str]
    ) -> None:
        refuse(stripe_sandbox, "POST /v1/payment_intents", parameter)
        one = buy()
        one.initialize(sourceObject=ACCOUNT, data={"paymentIntent": {"shippingFromSaleor": True}})
        intent = intent_of(stripe_sandbox, one)
        assert set((intent["shipping"] or {}).get("address", {})) == names
        assert intent["description"] == "Checkout 1234"

    def test_the_order_brings_it_without_what_stripe_refuses(self, town: Town) -> None:
        town.begin()
        town.pay()
        payment = Payment.objects.get()
        payload = order(payment.source_id)
        payload["order"]["shippingAddress"] = {**ADDRESS, "country": {"code": "XK"}}
        handlers.add_shipping(Event(origin=payment.installation_id, payload=payload))
        [charge] = town.stripe.account.table("charge").values()
        assert charge["shipping"]["address"]["city"] == "Oswego"
        assert "country" not in charge["shipping"]["address"]

    def test_the_order_brings_it(self, town: Town) -> None:
        town.begin()
        town.pay()
        payment = Payment.objects.get()
        event = Event(origin=payment.installation_id, payload=order(payment.source_id))
        for _ in range(2):
            handlers.add_shipping(event)
        [charge] = town.stripe.account.table("charge").values()
        assert (charge["shipping"]["name"], charge["shipping"]["address"]["city"]) == ("Robin Vale", "Oswego")
        assert len(town.stripe.log.entries("POST", f"/v1/charges/{charge['id']}")) == 1

    def test_a_collected_order_is_not_shipped(self, town: Town) -> None:
        """Saleor has the address of the warehouse as the order's shipping address."""
        town.begin()
        town.pay()
        payment = Payment.objects.get()
        payload = order(payment.source_id)
        payload["order"]["collectionPointName"] = "Shop in Oswego"
        handlers.add_shipping(Event(origin=payment.installation_id, payload=payload))
        [charge] = town.stripe.account.table("charge").values()
        assert charge["shipping"] is None

    def test_a_collected_order_is_not_shipped_before_the_payment(
        self, buy: Begin, stripe_sandbox: StripeSandbox
    ) -> None:
        one = buy()
        collected = {**ACCOUNT, "collectionPointName": "Shop in Oswego"}
        one.initialize(sourceObject=collected, data={"paymentIntent": {"shippingFromSaleor": True}})
        assert intent_of(stripe_sandbox, one)["shipping"] is None

    def test_what_the_shopper_gave_stays(self, town: Town) -> None:
        town.begin()
        town.pay()
        [charge] = town.stripe.account.table("charge").values()
        charge["shipping"] = {"name": "K. Vale"}
        payment = Payment.objects.get()
        handlers.add_shipping(Event(origin=payment.installation_id, payload=order(payment.source_id)))
        assert charge["shipping"] == {"name": "K. Vale"}

    def test_what_stripe_refuses_is_left(self, town: Town) -> None:
        town.begin()
        town.pay()
        town.stripe.add_fault("POST /v1/charges/*", status=400, times=1)
        payment = Payment.objects.get()
        handlers.add_shipping(Event(origin=payment.installation_id, payload=order(payment.source_id)))
        [charge] = town.stripe.account.table("charge").values()
        assert charge["shipping"] is None

    @pytest.mark.usefixtures("stripe_url")
    @pytest.mark.parametrize(
        "payload",
        [
            None,
            {},
            {"order": None},
            {"order": []},
            {"order": {"checkoutId": None}},
            {"order": {"checkoutId": "Q2hlY2tvdXQ6MQ==", "shippingAddress": None}},
            {"order": {"checkoutId": "Q2hlY2tvdXQ6MQ==", "shippingAddress": {"country": 7}}},
            {"order": {"checkoutId": "Q2hlY2tvdXQ6MQ==", "shippingAddress": ADDRESS}},
        ],
    )
    def test_an_order_that_says_nothing_is_left_alone(
        self, account: StripeAccount, stripe_sandbox: StripeSandbox, payload: Json | None
    ) -> None:
        handlers.add_shipping(Event(origin=account.installation_id, payload=payload))
        assert stripe_sandbox.log.entries() == []


def order(checkout: str) -> Json:
    return {"order": {"id": "T3JkZXI6MQ==", "checkoutId": checkout, "shippingAddress": ADDRESS}}
