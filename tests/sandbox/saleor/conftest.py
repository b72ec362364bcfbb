"""A shop, an app installed in it, and a shopper."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.state import App

from .recorder import Received, Recorder, as_json

ADDRESS = {
    "firstName": "Ada",
    "lastName": "Buyer",
    "streetAddress1": "1 Quay Road",
    "city": "Port",
    "postalCode": "10001",
    "country": "US",
    "countryArea": "NY",
}
TRANSACTION = (
    "transaction { id token pspReference actions chargedAmount { amount } chargePendingAmount { amount }"
    " authorizedAmount { amount } } transactionEvent { id type pspReference message amount { amount } }"
    " data errors { field code message }"
)


@pytest.fixture
def shop() -> Iterator[SaleorSandbox]:
    with SaleorSandbox(retry_scale=0.0005, timeout_scale=0.1) as running:
        yield running


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    app = Recorder()
    with app.served:
        yield app


@pytest.fixture
def app(shop: SaleorSandbox, recorder: Recorder) -> App:
    return shop.install(recorder.manifest_url)


@dataclass
class Shopper:
    """The storefront's calls."""

    shop: SaleorSandbox
    token: str | None = None
    channel: str = "default-channel"

    def variant(self) -> str:
        found = self.shop.gql(
            "query($c:String){products(first:1,channel:$c){edges{node{variants{id}}}}}", {"c": self.channel}
        )
        return str(found["products"]["edges"][0]["node"]["variants"][0]["id"])

    def mutate(self, name: str, given: dict[str, str], values: dict[str, Any], selection: str) -> Any:
        """Run one mutation; `given` maps argument names to their types."""
        declared = ", ".join(f"${each}: {kind}" for each, kind in given.items())
        passed = ", ".join(f"{each}: ${each}" for each in given)
        query = f"mutation({declared}) {{ {name}({passed}) {{ {selection} }} }}"
        return self.shop.gql(query, values, self.token)[name]

    def checkout(self, quantity: int = 2, **more: Any) -> Any:
        """Create a checkout with address, email and free shipping: everything but the payment."""
        lines = [{"variantId": self.variant(), "quantity": quantity}]
        given = {"channel": self.channel, "lines": lines, "email": "Ada@Example.com", **more}
        addresses = {"shippingAddress": ADDRESS, "billingAddress": ADDRESS}
        made = self.mutate(
            "checkoutCreate",
            {"input": "CheckoutCreateInput!"},
            {"input": {**given, **addresses}},
            "checkout { id shippingMethods { id name } } errors { field code message }",
        )
        assert made["errors"] == []
        found = made["checkout"]
        method = next(each for each in found["shippingMethods"] if each["name"] == "Slow boat")
        chosen = self.mutate(
            "checkoutDeliveryMethodUpdate",
            {"id": "ID", "deliveryMethodId": "ID"},
            {"id": found["id"], "deliveryMethodId": method["id"]},
            "checkout { id email totalPrice { gross { amount } } } errors { code }",
        )
        assert chosen["errors"] == []
        return chosen["checkout"]

    def initialize(self, checkout: Any, key: str | None = None, amount: Any = None, data: Any = None) -> Any:
        gateway = {"id": "test.recorder", "data": data}
        return self.mutate(
            "transactionInitialize",
            {
                "id": "ID!",
                "paymentGateway": "PaymentGatewayToInitialize!",
                "idempotencyKey": "String",
                "amount": "PositiveDecimal",
            },
            {"id": checkout["id"], "paymentGateway": gateway, "idempotencyKey": key, "amount": amount},
            TRANSACTION,
        )

    def process(self, transaction: Any, data: Any = None) -> Any:
        return self.mutate(
            "transactionProcess",
            {"id": "ID", "data": "JSON"},
            {"id": transaction["id"], "data": data},
            TRANSACTION,
        )

    def complete(self, checkout: Any) -> Any:
        return self.mutate(
            "checkoutComplete",
            {"id": "ID"},
            {"id": checkout["id"]},
            "order { id number isPaid chargeStatus authorizeStatus metadata { key value } }"
            " errors { field code message }",
        )

    def buy(self) -> tuple[Any, Any]:
        """Make a complete purchase; return order and transaction."""
        checkout = self.checkout()
        paid = self.initialize(checkout)
        assert paid["errors"] == []
        done = self.complete(checkout)
        assert done["errors"] == []
        return done["order"], paid["transaction"]


@pytest.fixture
def shopper(shop: SaleorSandbox, app: App) -> Shopper:
    return Shopper(shop)


def succeed(result: str, psp: str = "pi_1", **more: Any) -> Callable[[Received], Any]:
    """Return a response with this result and the other given values."""
    return lambda _received: as_json({"pspReference": psp, "result": result, **more})


def staff(shop: SaleorSandbox, query: str, **variables: Any) -> Any:
    """Call the API as staff."""
    return shop.gql(query, variables, shop.staff_token())


def request_action(shop: SaleorSandbox, transaction: Any, kind: str, amount: float | None = None) -> Any:
    """Request a charge, refund or cancellation, and wait until it and its events are done."""
    answer = staff(
        shop,
        "mutation($t:ID,$k:TransactionActionEnum!,$a:PositiveDecimal){transactionRequestAction(id:$t,"
        "actionType:$k,amount:$a){transaction{id} errors{field code message}}}",
        t=transaction["id"],
        k=kind,
        a=amount,
    )["transactionRequestAction"]
    shop.drain(10)
    return answer
