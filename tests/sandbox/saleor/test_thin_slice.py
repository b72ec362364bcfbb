"""Install, buy, refund, report: once through the whole shop, over real HTTP."""

from typing import Any

from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.state import App, User

from .conftest import Shopper, request_action, staff, succeed
from .recorder import Recorder

ORDER = (
    "query($i:ID!){order(id:$i){isPaid chargeStatus paymentStatus totalCharged{amount} totalRefunded{amount}"
    " transactions{chargedAmount{amount} refundedAmount{amount} events{type pspReference idempotencyKey"
    " amount{amount}}}}}"
)


def test_installing_fetches_twice_and_registers(recorder: Recorder, app: App, shop: SaleorSandbox) -> None:
    assert [each["saleor-schema-version"] for each in recorder.manifest_requests] == ["3.23", "3.23"]
    [(headers, body)] = recorder.registers
    assert headers["saleor-api-url"] == shop.api_url
    assert headers["saleor-domain"] == shop.host.domain
    assert headers["host"] == "127.0.0.1"  # never with its port
    assert len(body["auth_token"]) == 30
    assert shop.gql("{app{id identifier}}", token=body["auth_token"])["app"] == {
        "id": app.id,
        "identifier": "test.recorder",
    }


def test_a_charge_becomes_a_paid_order_with_its_events(
    shop: SaleorSandbox, recorder: Recorder, shopper: Shopper
) -> None:
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS", actions=["REFUND"])
    order, transaction = shopper.buy()
    shop.drain(10)
    assert order["isPaid"]
    assert order["chargeStatus"] == "FULL"
    assert transaction["pspReference"] == "pi_1"
    assert transaction["actions"] == ["REFUND"]
    placed = [name for name in recorder.names() if name.startswith("ORDER_")]
    assert sorted(placed) == [
        "ORDER_CONFIRMED",
        "ORDER_CREATED",
        "ORDER_FULLY_PAID",
        "ORDER_PAID",
        "ORDER_UPDATED",
    ]
    [session] = recorder.of("TRANSACTION_INITIALIZE_SESSION")
    assert session.body["action"] == {"amount": 36.0, "currency": "USD", "actionType": "CHARGE"}
    assert session.body["merchantReference"] == transaction["id"]
    assert session.body["data"] is None
    assert session.body["transaction"]["pspReference"] == ""
    assert session.body["sourceObject"]["email"] == "ada@example.com"


def test_a_guests_order_belongs_to_the_account_with_its_address_which_did_not_place_it(
    shop: SaleorSandbox, recorder: Recorder, shopper: Shopper
) -> None:
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
    shop.host.store.users.append(User("ada@example.com"))
    placed, _ = shopper.buy()
    order = staff(shop, "query($i:ID!){order(id:$i){user{email} events{type user{email}}}}", i=placed["id"])[
        "order"
    ]
    assert order["user"] == {"email": "ada@example.com"}
    assert order["events"][0] == {"type": "PLACED", "user": None}


def test_a_partial_refund_lowers_what_is_charged(
    shop: SaleorSandbox, recorder: Recorder, shopper: Shopper
) -> None:
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = succeed("REFUND_SUCCESS", psp="re_1")
    order, transaction = shopper.buy()
    shop.drain(10)
    recorder.forget()
    assert request_action(shop, transaction, "REFUND", 10)["errors"] == []
    found = staff(shop, ORDER, i=order["id"])["order"]
    assert found["totalCharged"]["amount"] == 26.0
    assert found["totalRefunded"]["amount"] == 10.0
    assert not found["isPaid"]
    assert found["chargeStatus"] == "PARTIAL"
    [asked] = recorder.of("TRANSACTION_REFUND_REQUESTED")
    newest = asked.body["transaction"]["events"][0]
    assert newest["type"] == "REFUND_REQUEST"
    assert newest["pspReference"] == ""
    assert newest["idempotencyKey"]
    assert sorted(set(recorder.names()) - {"TRANSACTION_REFUND_REQUESTED"}) == [
        "ORDER_REFUNDED",
        "ORDER_UPDATED",
    ]


def report(shop: SaleorSandbox, recorder: Recorder, transaction: Any, **given: Any) -> Any:
    query = (
        "mutation($id:ID,$t:TransactionEventTypeEnum!,$p:String!,$a:PositiveDecimal){transactionEventReport("
        "id:$id,type:$t,pspReference:$p,amount:$a){alreadyProcessed transaction{chargedAmount{amount}}"
        " errors{field code}}}"
    )
    values = {"id": transaction["id"], "t": given["type"], "p": given["psp"], "a": given["amount"]}
    return shop.gql(query, values, recorder.token)["transactionEventReport"]


def test_reported_events_are_booked_once(shop: SaleorSandbox, recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_REQUEST")
    _, transaction = shopper.buy()
    first = report(shop, recorder, transaction, type="CHARGE_SUCCESS", psp="pi_1", amount=36)
    assert first == {
        "alreadyProcessed": False,
        "transaction": {"chargedAmount": {"amount": 36.0}},
        "errors": [],
    }
    again = report(shop, recorder, transaction, type="CHARGE_SUCCESS", psp="pi_1", amount=36)
    assert again["alreadyProcessed"] is True
    other = report(shop, recorder, transaction, type="CHARGE_SUCCESS", psp="pi_1", amount=35)
    assert other["errors"] == [{"field": "pspReference", "code": "INCORRECT_DETAILS"}]


def test_a_product_change_is_reported(shop: SaleorSandbox, recorder: Recorder, app: App) -> None:
    products = staff(shop, "{products(first:1){edges{node{id}}}}")["products"]["edges"]
    changed = staff(
        shop,
        'mutation($i:ID){productUpdate(id:$i,input:{name:"Żółty kubek"}){product{name} errors{code}}}',
        i=products[0]["node"]["id"],
    )
    assert changed["productUpdate"]["errors"] == []
    shop.drain(10)
    [request] = recorder.received
    assert request.event == "PRODUCT_UPDATED"
    assert request.raw.isascii()
    assert request.body["product"]["name"] == "Żółty kubek"
    listings = request.body["product"]["variants"][0]["channelListings"]
    assert {each["price"]["currency"] for each in listings} == {"USD", "PLN"}
