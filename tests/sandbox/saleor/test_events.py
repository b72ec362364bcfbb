"""The events that an action emits, and their payloads: the observed table, line by line."""

from collections.abc import Callable
from typing import Any

import pytest

from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.state import App

from .conftest import ADDRESS, Shopper, request_action, staff, succeed
from .recorder import USER, Recorder, as_json, subscription

METADATA = [{"key": "newsletter", "value": "yes"}]


class EmittedEvents:
    """Runs an action and returns the events that it emitted, sorted: the order of arrival is not guaranteed."""

    def __init__(self, shop: SaleorSandbox, recorder: Recorder) -> None:
        self.shop = shop
        self.recorder = recorder

    def by(self, act: Callable[[], Any]) -> list[str]:
        self.shop.drain(10)
        self.recorder.forget()
        act()
        self.shop.drain(10)
        return sorted(self.recorder.names())

    def by_staff(self, query: str, **variables: Any) -> list[str]:
        def act() -> None:
            [payload] = staff(self.shop, query, **variables).values()
            assert payload["errors"] == []

        return self.by(act)


@pytest.fixture
def emitted_events(shop: SaleorSandbox, recorder: Recorder, app: App) -> EmittedEvents:
    return EmittedEvents(shop, recorder)


def first_product(shop: SaleorSandbox) -> Any:
    query = (
        "{products(first:1){edges{node{id updatedAt productType{id} category{id} variants{id updatedAt}}}}}"
    )
    return staff(shop, query)["products"]["edges"][0]["node"]


UPDATE_METADATA = "mutation($i:ID!,$m:[MetadataInput!]!){updateMetadata(id:$i,input:$m){errors{code}}}"


def test_a_customer_from_cradle_to_grave(
    shop: SaleorSandbox, recorder: Recorder, emitted_events: EmittedEvents
) -> None:
    create = "mutation($i:UserCreateInput!){customerCreate(input:$i){errors{code}}}"
    given = {
        "email": "New@Example.com",
        "firstName": "New",
        "metadata": METADATA,
        "defaultBillingAddress": ADDRESS,
    }
    assert emitted_events.by_staff(create, i=given) == ["CUSTOMER_CREATED", "CUSTOMER_METADATA_UPDATED"]
    user = recorder.of("CUSTOMER_CREATED")[0].body["user"]
    assert (user["email"], user["isConfirmed"], user["metadata"]) == ("new@example.com", False, METADATA)
    update = "mutation($i:ID!,$n:String){customerUpdate(id:$i,input:{lastName:$n}){errors{code}}}"
    assert emitted_events.by_staff(update, i=user["id"], n="Name") == ["CUSTOMER_UPDATED"]
    changed = [{"key": "newsletter", "value": "no"}]
    both = ["CUSTOMER_METADATA_UPDATED", "CUSTOMER_UPDATED"]
    assert emitted_events.by_staff(UPDATE_METADATA, i=user["id"], m=changed) == both
    assert emitted_events.by_staff(UPDATE_METADATA, i=user["id"], m=changed) == []
    private = UPDATE_METADATA.replace("updateMetadata", "updatePrivateMetadata")
    assert emitted_events.by_staff(private, i=user["id"], m=changed) == both
    assert emitted_events.by_staff("mutation($i:ID){customerDelete(id:$i){errors{code}}}", i=user["id"]) == [
        "CUSTOMER_DELETED"
    ]
    gone = recorder.of("CUSTOMER_DELETED")[0].body["user"]
    assert (gone["id"], gone["email"], gone["metadata"]) == (user["id"], "new@example.com", changed)
    assert gone["addresses"] == []


@pytest.mark.usefixtures("app")
def test_a_deleted_account_leaves_its_orders_and_their_histories(
    shop: SaleorSandbox, recorder: Recorder
) -> None:
    create = "mutation($i:UserCreateInput!){customerCreate(input:$i){user{id} errors{code}}}"
    made = staff(shop, create, i={"email": "ada@example.com", "isConfirmed": True})["customerCreate"]["user"]
    user = next(each for each in shop.host.store.users if each.id == made["id"])
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
    order, _ = Shopper(shop, shop.user_token(user)).buy()
    read = "query($i:ID!){order(id:$i){userEmail user{id} events{type user{id}}}}"
    assert staff(shop, read, i=order["id"])["order"]["user"] == {"id": user.id}
    staff(shop, "mutation($i:ID){customerDelete(id:$i){errors{code}}}", i=user.id)
    found = staff(shop, read, i=order["id"])["order"]
    assert (found["userEmail"], found["user"]) == ("ada@example.com", None)
    assert {"type": "PLACED", "user": None} in found["events"]


def test_registering_with_metadata(
    shop: SaleorSandbox, recorder: Recorder, emitted_events: EmittedEvents
) -> None:
    given = {
        "email": "reg@example.com",
        "password": "password",
        "metadata": METADATA,
        "channel": "default-channel",
        "redirectUrl": "http://127.0.0.1/confirm",
        "languageCode": "PL",
    }
    register = "mutation($i:AccountRegisterInput!){accountRegister(input:$i){user{id} errors{code}}}"
    emitted = emitted_events.by(lambda: shop.gql(register, {"i": given}))
    assert emitted == ["ACCOUNT_CONFIRMATION_REQUESTED", "CUSTOMER_CREATED"]
    body = recorder.of("CUSTOMER_CREATED")[0].body
    assert body["issuingPrincipal"] is None
    assert (body["user"]["languageCode"], body["user"]["isConfirmed"]) == ("PL", False)
    assert emitted_events.by(lambda: shop.gql(register, {"i": given})) == []


def test_what_a_customer_does_about_the_own_account(
    shop: SaleorSandbox, recorder: Recorder, emitted_events: EmittedEvents
) -> None:
    shared = {"channel": "default-channel", "redirectUrl": "http://127.0.0.1/c"}
    given = {"email": "reg@example.com", "password": "password", **shared}
    shop.gql("mutation($i:AccountRegisterInput!){accountRegister(input:$i){errors{code}}}", {"i": given})
    shop.drain(10)
    token = recorder.of("ACCOUNT_CONFIRMATION_REQUESTED")[0].body["token"]
    confirm = "mutation($e:String!,$t:String!){confirmAccount(email:$e,token:$t){errors{code}}}"
    emitted = emitted_events.by(lambda: shop.gql(confirm, {"e": "reg@example.com", "t": token}))
    assert emitted == ["ACCOUNT_CONFIRMED"]
    [confirmed] = recorder.received
    assert confirmed.body["token"] is None
    assert confirmed.body["errors"][0]["message"] == "'token'"
    user = next(each for each in shop.host.store.users if each.email == "reg@example.com")
    customer = shop.user_token(user)
    ask = (
        'mutation{requestEmailChange(newEmail:"reg2@example.com",password:"password",'
        'redirectUrl:"http://127.0.0.1/c"){errors{code}}}'
    )
    assert emitted_events.by(lambda: shop.gql(ask, token=customer)) == ["ACCOUNT_CHANGE_EMAIL_REQUESTED"]
    token = recorder.received[0].body["token"]
    change = "mutation($t:String!){confirmEmailChange(token:$t){errors{code}}}"
    emitted = emitted_events.by(lambda: shop.gql(change, {"t": token}, customer))
    assert emitted == ["ACCOUNT_EMAIL_CHANGED", "CUSTOMER_UPDATED"]
    assert {each.body["user"]["email"] for each in recorder.received} == {"reg2@example.com"}
    leave = 'mutation{accountRequestDeletion(redirectUrl:"http://127.0.0.1/c"){errors{code}}}'
    assert emitted_events.by(lambda: shop.gql(leave, token=customer)) == ["ACCOUNT_DELETE_REQUESTED"]
    token = recorder.received[0].body["token"]
    gone = "mutation($t:String!){accountDelete(token:$t){errors{code}}}"
    assert emitted_events.by(lambda: shop.gql(gone, {"t": token}, customer)) == ["ACCOUNT_DELETED"]


def test_stock_to_nothing(shop: SaleorSandbox, recorder: Recorder, emitted_events: EmittedEvents) -> None:
    variant = first_product(shop)["variants"][0]
    warehouse = staff(shop, "query($i:ID){productVariant(id:$i){stocks{warehouse{id}}}}", i=variant["id"])
    main = warehouse["productVariant"]["stocks"][0]["warehouse"]["id"]
    update = (
        "mutation($i:ID,$w:ID!,$q:Int!){productVariantStocksUpdate(variantId:$i,stocks:[{warehouse:$w,quantity:$q}])"
        "{errors{code}}}"
    )
    assert emitted_events.by_staff(update, i=variant["id"], w=main, q=7) == ["PRODUCT_VARIANT_STOCK_UPDATED"]
    emptied = ["PRODUCT_VARIANT_OUT_OF_STOCK", "PRODUCT_VARIANT_STOCK_UPDATED"]
    assert emitted_events.by_staff(update, i=variant["id"], w=main, q=0) == emptied


def test_a_checkout_on_its_way(
    shop: SaleorSandbox, recorder: Recorder, emitted_events: EmittedEvents
) -> None:
    shopper = Shopper(shop)
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
    checkouts: list[Any] = []
    emitted = emitted_events.by(lambda: checkouts.append(shopper.checkout(metadata=METADATA)))
    assert emitted == ["CHECKOUT_CREATED", "CHECKOUT_UPDATED"]
    [checkout] = checkouts
    write = [{"key": "utm_source", "value": "x"}]
    emitted = emitted_events.by(lambda: shop.gql(UPDATE_METADATA, {"i": checkout["id"], "m": write}))
    assert emitted == ["CHECKOUT_METADATA_UPDATED", "CHECKOUT_UPDATED"]
    assert emitted_events.by(lambda: shopper.initialize(checkout)) == [
        "CHECKOUT_FULLY_AUTHORIZED",
        "CHECKOUT_FULLY_PAID",
        "TRANSACTION_INITIALIZE_SESSION",
    ]
    assert emitted_events.by(lambda: shopper.complete(checkout)) == [
        "ORDER_CONFIRMED",
        "ORDER_CREATED",
        "ORDER_FULLY_PAID",
        "ORDER_PAID",
        "ORDER_UPDATED",
    ]
    order = recorder.of("ORDER_CREATED")[0].body["order"]
    assert order["metadata"] == [*METADATA, *write]
    assert (order["paymentStatus"], order["userEmail"]) == ("FULLY_CHARGED", "ada@example.com")


def test_authorized_then_charged_then_refunded_then_cancelled(
    shop: SaleorSandbox, recorder: Recorder, emitted_events: EmittedEvents
) -> None:
    shopper = Shopper(shop)
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("AUTHORIZATION_SUCCESS")
    recorder.answers["TRANSACTION_CHARGE_REQUESTED"] = succeed("CHARGE_SUCCESS", psp="ch_1")
    references = iter(("re_1", "re_2"))
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = lambda _: as_json(
        {"pspReference": next(references), "result": "REFUND_SUCCESS"}
    )
    checkout = shopper.checkout()
    transaction = shopper.initialize(checkout)["transaction"]
    orders: list[Any] = []
    emitted = emitted_events.by(lambda: orders.append(shopper.complete(checkout)["order"]))
    assert emitted == ["ORDER_CONFIRMED", "ORDER_CREATED"]

    def acted(kind: str, amount: float) -> list[str]:
        found = emitted_events.by(lambda: request_action(shop, transaction, kind, amount))
        return [name for name in found if name.startswith("ORDER_")]

    assert acted("CHARGE", 36) == ["ORDER_FULLY_PAID", "ORDER_PAID", "ORDER_UPDATED"]
    assert acted("REFUND", 10) == ["ORDER_REFUNDED", "ORDER_UPDATED"]
    assert acted("REFUND", 26) == ["ORDER_FULLY_REFUNDED", "ORDER_REFUNDED", "ORDER_UPDATED"]
    order = recorder.of("ORDER_FULLY_REFUNDED")[0].body["order"]
    assert (order["chargeStatus"], order["paymentStatus"], order["isPaid"]) == ("NONE", "NOT_CHARGED", False)
    cancel = "mutation($i:ID!){orderCancel(id:$i){errors{code}}}"
    assert emitted_events.by_staff(cancel, i=orders[0]["id"]) == ["ORDER_CANCELLED", "ORDER_UPDATED"]
    assert staff(shop, cancel, i=orders[0]["id"])["orderCancel"]["errors"] == [
        {"code": "CANNOT_CANCEL_ORDER"}
    ]


def test_order_metadata_is_not_an_update(
    shop: SaleorSandbox, recorder: Recorder, emitted_events: EmittedEvents
) -> None:
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
    order, _ = Shopper(shop).buy()
    assert emitted_events.by_staff(UPDATE_METADATA, i=order["id"], m=METADATA) == ["ORDER_METADATA_UPDATED"]


def test_a_product_from_cradle_to_grave(
    shop: SaleorSandbox, recorder: Recorder, emitted_events: EmittedEvents
) -> None:
    create = "mutation($i:ProductCreateInput!){productCreate(input:$i){product{id} errors{code}}}"
    known = first_product(shop)
    values = {
        "name": "Öre Cup",
        "productType": known["productType"]["id"],
        "category": known["category"]["id"],
    }
    assert emitted_events.by_staff(create, i=values) == ["PRODUCT_CREATED"]
    product = recorder.of("PRODUCT_CREATED")[0].body["product"]
    assert (product["channelListings"], product["variants"]) == ([], [])
    channel = staff(shop, "{channels{id}}")["channels"][0]["id"]
    listing = (
        "mutation($i:ID!,$c:ID!){productChannelListingUpdate(id:$i,input:{updateChannels:[{channelId:$c,"
        "isPublished:true,isAvailableForPurchase:true}]}){errors{code}}}"
    )
    assert emitted_events.by_staff(listing, i=product["id"], c=channel) == ["PRODUCT_UPDATED"]
    assert recorder.received[0].body["product"]["updatedAt"] == product["updatedAt"]
    variant = (
        'mutation($p:ID!){productVariantCreate(input:{product:$p,attributes:[],sku:"CUP"}){errors{code}}}'
    )
    assert emitted_events.by_staff(variant, p=product["id"]) == ["PRODUCT_VARIANT_CREATED"]
    made = recorder.received[0].body["productVariant"]
    unnamed = variant.replace(',sku:"CUP"', "").replace("{errors{code}}}", "{productVariant{id name}}}")
    named_by_id = staff(shop, unnamed, p=product["id"])["productVariantCreate"]["productVariant"]
    assert named_by_id["name"] == named_by_id["id"]
    price = (
        "mutation($i:ID!,$c:ID!,$p:PositiveDecimal!){productVariantChannelListingUpdate(id:$i,input:[{channelId:$c,"
        "price:$p}]){errors{code}}}"
    )
    for _ in range(2):  # even to the same value
        assert emitted_events.by_staff(price, i=made["id"], c=channel, p=7.5) == ["PRODUCT_VARIANT_UPDATED"]
    given = '{name:"Cup",metadata:[{key:"a",value:"b"}]}'
    rename = f"mutation($i:ID!){{productUpdate(id:$i,input:{given}){{errors{{code}}}}}}"
    assert emitted_events.by_staff(rename, i=product["id"]) == ["PRODUCT_UPDATED"]
    both = ["PRODUCT_METADATA_UPDATED", "PRODUCT_UPDATED"]
    assert emitted_events.by_staff(UPDATE_METADATA, i=product["id"], m=METADATA) == both
    both = ["PRODUCT_VARIANT_METADATA_UPDATED", "PRODUCT_VARIANT_UPDATED"]
    assert emitted_events.by_staff(UPDATE_METADATA, i=made["id"], m=METADATA) == both
    delete = "mutation($i:ID!){productDelete(id:$i){errors{code}}}"
    assert emitted_events.by_staff(delete, i=product["id"]) == ["PRODUCT_DELETED"]
    gone = recorder.received[0].body["product"]
    assert (gone["id"], gone["name"]) == (product["id"], "Cup")
    assert (gone["variants"], gone["channelListings"], gone["media"]) == ([], [], [])


def test_a_price_finer_than_the_currency_is_refused(
    shop: SaleorSandbox, emitted_events: EmittedEvents
) -> None:
    variant = first_product(shop)["variants"][0]
    channel = staff(shop, "{channels{id}}")["channels"][0]["id"]
    price = (
        "mutation($i:ID!,$c:ID!,$p:PositiveDecimal!){productVariantChannelListingUpdate(id:$i,input:[{channelId:$c,"
        "price:$p}]){errors{code}}}"
    )
    refused = staff(shop, price, i=variant["id"], c=channel, p=7.505)["productVariantChannelListingUpdate"]
    assert refused["errors"] == [{"code": "INVALID"}]


def test_asking_attributes_of_a_deleted_variant_gives_null_without_errors(
    shop: SaleorSandbox, recorder: Recorder
) -> None:
    query = subscription("PRODUCT_VARIANT_DELETED", "productVariant { id attributes { values { name } } }")
    hook = {"name": "odd", "targetUrl": f"{recorder.served.url}/hooks", "query": query}
    recorder.changed = {"webhooks": [{**hook, "asyncEvents": ["PRODUCT_VARIANT_DELETED"]}]}
    shop.install(recorder.manifest_url)
    variant = first_product(shop)["variants"][0]
    delete = "mutation($i:ID!){productVariantDelete(id:$i){errors{code}}}"
    assert staff(shop, delete, i=variant["id"])["productVariantDelete"]["errors"] == []
    shop.drain(10)
    body = recorder.of("PRODUCT_VARIANT_DELETED")[0].body
    assert body["productVariant"] is None
    assert "errors" not in body


def test_asking_private_metadata_of_a_deleted_customer_makes_the_user_null(
    shop: SaleorSandbox, recorder: Recorder
) -> None:
    query = subscription("CUSTOMER_DELETED", f"{USER[:-1]} privateMetadata {{ key }} }}")
    hook = {"name": "odd", "targetUrl": f"{recorder.served.url}/hooks", "query": query}
    recorder.changed = {"webhooks": [{**hook, "asyncEvents": ["CUSTOMER_DELETED"]}]}
    shop.install(recorder.manifest_url)
    create = 'mutation{customerCreate(input:{email:"a@example.com"}){user{id} errors{code}}}'
    user = staff(shop, create)["customerCreate"]["user"]
    staff(shop, "mutation($i:ID){customerDelete(id:$i){errors{code}}}", i=user["id"])
    shop.drain(10)
    body = recorder.of("CUSTOMER_DELETED")[0].body
    assert body["user"] is None
    assert body["errors"][0]["extensions"]["exception"]["code"] == "PermissionDenied"


def test_an_app_without_the_permission_gets_nothing(shop: SaleorSandbox, recorder: Recorder) -> None:
    shop.install(recorder.manifest_url, permissions=["HANDLE_PAYMENTS"])
    product = first_product(shop)
    staff(shop, UPDATE_METADATA, i=product["id"], m=METADATA)
    shop.drain(10)
    assert recorder.received == []


def test_order_payloads_are_built_late_and_product_payloads_at_once(
    shop: SaleorSandbox, recorder: Recorder, app: App
) -> None:
    product = shop.host.store.products[0]
    with shop.host.store.lock:
        shop.host.emit("PRODUCT_UPDATED", product=product)
        product.name = "Renamed later"
        shop.host.flush()
    shop.drain(10)
    assert recorder.of("PRODUCT_UPDATED")[0].body["product"]["name"] == "Lantern Mug"
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
    Shopper(shop).buy()
    shop.drain(10)
    recorder.forget()
    order = shop.host.store.orders[0]
    with shop.host.store.lock:
        shop.host.emit("ORDER_UPDATED", order=order)
        order.metadata["late"] = "yes"
        shop.host.flush()
    shop.drain(10)
    assert recorder.received[0].body["order"]["metadata"] == [{"key": "late", "value": "yes"}]


def test_disorder_shuffles_the_order_of_arrival(recorder: Recorder) -> None:
    orders = set()
    with SaleorSandbox(disorder=True) as shop:
        shop.install(recorder.manifest_url)
        recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
        for _ in range(6):
            recorder.forget()
            Shopper(shop).buy()
            shop.drain(10)
            orders.add(tuple(each for each in recorder.names() if each.startswith("ORDER_")))
    assert len({tuple(sorted(each)) for each in orders}) == 1
    assert len(orders) > 1


def test_a_channel_keeps_its_id_when_its_slug_changes(shop: SaleorSandbox) -> None:
    first, second = staff(shop, "{channels{id slug}}")["channels"][:2]
    change = "mutation($i:ID!,$s:String!){channelUpdate(id:$i,input:{slug:$s}){channel{id slug}errors{field code}}}"
    taken = staff(shop, change, i=first["id"], s=second["slug"])["channelUpdate"]
    assert taken["errors"] == [{"field": "slug", "code": "UNIQUE"}]
    for _ in range(2):
        changed = staff(shop, change, i=first["id"], s="renamed")["channelUpdate"]
        assert (changed["errors"], changed["channel"]) == ([], {"id": first["id"], "slug": "renamed"})
    assert staff(shop, "{channels{id slug}}")["channels"][0] == {"id": first["id"], "slug": "renamed"}
