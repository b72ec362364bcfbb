"""transactionInitialize and transactionProcess: what is sent, what is refused, and the effect of a response."""

import threading
from typing import Any

import pytest
from werkzeug.wrappers import Response

from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.sandbox import GraphQLFailed
from saleor_stripe_audience.sandbox.saleor.state import App

from .conftest import Shopper, staff, succeed
from .recorder import Received, Recorder, as_json

INITIALIZE, PROCESS = "TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION"


def test_the_same_key_and_amount_sends_again_to_the_same_transaction(
    recorder: Recorder, shopper: Shopper
) -> None:
    recorder.answers[INITIALIZE] = succeed("CHARGE_ACTION_REQUIRED")
    checkout = shopper.checkout()
    first = shopper.initialize(checkout, "key-1", 36)
    again = shopper.initialize(checkout, "key-1", 36)
    assert first["transaction"]["id"] == again["transaction"]["id"]
    keys = [each.body["idempotencyKey"] for each in recorder.of(INITIALIZE)]
    assert keys == ["key-1", "key-1"]


def test_another_amount_under_the_same_key_is_refused(recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers[INITIALIZE] = succeed("CHARGE_ACTION_REQUIRED")
    checkout = shopper.checkout()
    shopper.initialize(checkout, "key-1", 36)
    for amount in (30, 36.01):
        refused = shopper.initialize(checkout, "key-1", amount)
        assert [each["code"] for each in refused["errors"]] == ["UNIQUE"]
    assert len(recorder.of(INITIALIZE)) == 1


def test_a_new_reference_for_an_authorized_key_becomes_a_failure(
    shop: SaleorSandbox, recorder: Recorder, shopper: Shopper
) -> None:
    channel = staff(shop, "{channels{id slug}}")["channels"][0]
    flow = "mutation($i:ID!){channelUpdate(id:$i,input:{paymentSettings:{defaultTransactionFlowStrategy:AUTHORIZATION}}){errors{code}}}"  # noqa: E501
    assert staff(shop, flow, i=channel["id"])["channelUpdate"]["errors"] == []
    checkout = shopper.checkout()
    recorder.answers[INITIALIZE] = succeed("AUTHORIZATION_SUCCESS", psp="pi_1")
    assert shopper.initialize(checkout, "key-1", 36)["transactionEvent"]["type"] == "AUTHORIZATION_SUCCESS"
    recorder.answers[INITIALIZE] = succeed("AUTHORIZATION_SUCCESS", psp="pi_2")
    again = shopper.initialize(checkout, "key-1", 36)
    assert again["transactionEvent"]["type"] == "AUTHORIZATION_FAILURE"
    assert again["transaction"]["authorizedAmount"]["amount"] == 36.0


@pytest.mark.parametrize("result", ["CHARGE_SUCCESS", "CHARGE_FAILURE", "CHARGE_REQUEST"])
def test_after_a_final_answer_process_sends_nothing(
    recorder: Recorder, shopper: Shopper, result: str
) -> None:
    recorder.answers[INITIALIZE] = succeed(result)
    opened = shopper.initialize(shopper.checkout())
    processed = shopper.process(opened["transaction"])
    assert processed["transactionEvent"]["type"] == result
    assert processed["data"] is None
    assert recorder.of(PROCESS) == []


def test_after_action_required_process_asks_again(recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers[INITIALIZE] = succeed("CHARGE_ACTION_REQUIRED", data={"step": 1})
    recorder.answers[PROCESS] = succeed("CHARGE_SUCCESS", data={"step": 2})
    checkout = shopper.checkout()
    opened = shopper.initialize(checkout)
    assert opened["data"] == {"step": 1}
    assert shopper.complete(checkout)["errors"][0]["code"] == "CHECKOUT_NOT_FULLY_PAID"
    done = shopper.process(opened["transaction"], {"confirmed": True})
    assert done["data"] == {"step": 2}
    assert recorder.of(PROCESS)[0].body["data"] == {"confirmed": True}
    assert shopper.complete(checkout)["order"]["isPaid"]


def test_after_a_mere_delivery_failure_process_asks(recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers[INITIALIZE] = lambda _: as_json({"error": "no"}, 500)
    recorder.answers[PROCESS] = succeed("CHARGE_SUCCESS")
    opened = shopper.initialize(shopper.checkout())
    assert opened["transactionEvent"]["message"] == "Failed to delivery request."
    assert shopper.process(opened["transaction"])["transactionEvent"]["type"] == "CHARGE_SUCCESS"


def test_a_pending_charge_completes_the_checkout(recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers[INITIALIZE] = succeed("CHARGE_REQUEST")
    order, transaction = shopper.buy()
    assert transaction["chargePendingAmount"]["amount"] == 36.0
    assert (order["isPaid"], order["chargeStatus"]) == (False, "NONE")


UNDELIVERED = {
    "status 500": as_json({"pspReference": "pi_1", "result": "CHARGE_SUCCESS"}, 500),
    "status 400": as_json({"pspReference": "pi_1", "result": "CHARGE_SUCCESS"}, 400),
    "redirect": Response("", 302, {"Location": "/elsewhere"}),
    "no JSON": Response("<html>", 200),
    "empty": Response("", 200),
}


@pytest.mark.parametrize("answer", UNDELIVERED.values(), ids=UNDELIVERED.keys())
def test_what_counts_as_not_delivered(recorder: Recorder, shopper: Shopper, answer: Response) -> None:
    recorder.answers[INITIALIZE] = lambda _: answer
    failed = shopper.initialize(shopper.checkout())
    assert failed["transactionEvent"]["type"] == "CHARGE_FAILURE"
    assert failed["transactionEvent"]["message"] == "Failed to delivery request."
    assert failed["data"] is None


CARD = {"type": "CARD", "name": "Visa"}
REJECTED: dict[str, dict[str, Any]] = {
    "no result": {"pspReference": "pi_1"},
    "unknown result": {"pspReference": "pi_1", "result": "PAID"},
    "success without reference": {"result": "CHARGE_SUCCESS"},
    "reference is a number": {"result": "CHARGE_SUCCESS", "pspReference": 1},
    "bad externalUrl": {"result": "CHARGE_SUCCESS", "pspReference": "pi_1", "externalUrl": "dashboard"},
    "bad time": {"result": "CHARGE_SUCCESS", "pspReference": "pi_1", "time": "yesterday"},
    "long brand": {
        "result": "CHARGE_SUCCESS",
        "pspReference": "pi_1",
        "paymentMethodDetails": {**CARD, "brand": "x" * 41},
    },
    "unknown method": {
        "result": "CHARGE_SUCCESS",
        "pspReference": "pi_1",
        "paymentMethodDetails": {"type": "SEPA", "name": "Debit"},
    },
}


@pytest.mark.parametrize("answer", REJECTED.values(), ids=REJECTED.keys())
def test_a_bad_answer_is_rejected_whole_but_its_data_goes_through(
    recorder: Recorder, shopper: Shopper, answer: dict[str, Any]
) -> None:
    recorder.answers[INITIALIZE] = lambda _: as_json({**answer, "data": {"kept": True}})
    failed = shopper.initialize(shopper.checkout())
    assert failed["transactionEvent"]["type"] == "CHARGE_FAILURE"
    assert failed["transactionEvent"]["message"]
    assert failed["transaction"]["chargedAmount"]["amount"] == 0
    assert failed["data"] == {"kept": True}


def test_an_array_crashes_the_mutation(recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers[INITIALIZE] = lambda _: as_json([1])
    with pytest.raises(GraphQLFailed, match="'list' object has no attribute 'get'"):
        shopper.initialize(shopper.checkout())


def test_what_saleor_accepts(recorder: Recorder, shopper: Shopper) -> None:
    answer: dict[str, Any] = {
        "amount": 9999,
        "message": "m" * 600,
        "actions": ["REFUND", "DANCE"],
        "unknown": 1,
    }
    recorder.answers[INITIALIZE] = succeed("CHARGE_SUCCESS", **answer)
    taken = shopper.initialize(shopper.checkout())
    assert taken["transaction"]["chargedAmount"]["amount"] == 9999.0
    assert taken["transaction"]["actions"] == ["REFUND"]
    assert len(taken["transactionEvent"]["message"]) == 512


def test_a_late_answer_is_ignored(recorder: Recorder, shopper: Shopper) -> None:
    released = threading.Event()

    def slow(_received: Received) -> Response:
        released.wait(10)
        return as_json({"pspReference": "pi_1", "result": "CHARGE_SUCCESS"})

    recorder.answers[INITIALIZE] = slow
    failed = shopper.initialize(shopper.checkout())
    released.set()
    assert failed["transactionEvent"]["message"] == "Failed to delivery request."
    assert failed["transaction"]["chargedAmount"]["amount"] == 0


def test_the_app_may_call_back_while_it_is_asked(
    shop: SaleorSandbox, recorder: Recorder, shopper: Shopper
) -> None:
    seen: list[Any] = []

    def curious(_received: Received) -> Response:
        seen.append(shop.gql("{app{identifier}}", token=recorder.token)["app"])
        return as_json({"pspReference": "pi_1", "result": "CHARGE_SUCCESS"})

    recorder.answers[INITIALIZE] = curious
    assert shopper.initialize(shopper.checkout())["errors"] == []
    assert seen == [{"identifier": "test.recorder"}]


def test_a_storefront_may_not_choose_the_flow(shopper: Shopper) -> None:
    checkout = shopper.checkout()
    with pytest.raises(GraphQLFailed, match="HANDLE_PAYMENTS") as refused:
        shopper.mutate(
            "transactionInitialize",
            {
                "id": "ID!",
                "paymentGateway": "PaymentGatewayToInitialize!",
                "action": "TransactionFlowStrategyEnum",
            },
            {"id": checkout["id"], "paymentGateway": {"id": "test.recorder"}, "action": "AUTHORIZATION"},
            "errors { code }",
        )
    assert refused.value.errors[0]["extensions"]["exception"]["code"] == "PermissionDenied"


@pytest.mark.parametrize(
    ("key", "gateway", "code"), [("", "test.recorder", "INVALID"), ("k", "no.app", "NOT_FOUND")]
)
def test_empty_keys_and_unknown_gateways_are_refused(
    shopper: Shopper, key: str, gateway: str, code: str
) -> None:
    refused = shopper.mutate(
        "transactionInitialize",
        {"id": "ID!", "paymentGateway": "PaymentGatewayToInitialize!", "idempotencyKey": "String"},
        {"id": shopper.checkout()["id"], "paymentGateway": {"id": gateway}, "idempotencyKey": key},
        "errors { code }",
    )
    assert refused["errors"] == [{"code": code}]


def gateway_config(shopper: Shopper, checkout: Any) -> Any:
    return shopper.mutate(
        "paymentGatewayInitialize",
        {"id": "ID!", "paymentGateways": "[PaymentGatewayToInitialize!]"},
        {"id": checkout["id"], "paymentGateways": [{"id": "test.recorder", "data": {"asked": 1}}]},
        "gatewayConfigs { id data errors { code } } errors { code }",
    )["gatewayConfigs"][0]


def test_gateway_data_passes_both_ways(recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers["PAYMENT_GATEWAY_INITIALIZE_SESSION"] = lambda _: as_json({"data": {"key": "pk"}})
    config = gateway_config(shopper, shopper.checkout())
    assert config == {"id": "test.recorder", "data": {"key": "pk"}, "errors": []}
    [asked] = recorder.of("PAYMENT_GATEWAY_INITIALIZE_SESSION")
    assert (asked.body["data"], asked.body["amount"]) == ({"asked": 1}, 36.0)


def test_a_gateway_answer_without_data_is_an_error(recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers["PAYMENT_GATEWAY_INITIALIZE_SESSION"] = lambda _: as_json({"stripe": "pk"})
    assert gateway_config(shopper, shopper.checkout())["errors"] == [{"code": "INVALID"}]


def test_an_inactive_app_is_not_a_gateway(shop: SaleorSandbox, shopper: Shopper, app: App) -> None:
    checkout = shopper.checkout()
    shop.set_active(app, active=False)
    assert gateway_config(shopper, checkout)["errors"] == [{"code": "NOT_FOUND"}]
    assert [each["code"] for each in shopper.initialize(checkout)["errors"]] == ["NOT_FOUND"]


def test_concurrent_sessions_under_one_key_are_one_transaction(
    shop: SaleorSandbox, recorder: Recorder, shopper: Shopper
) -> None:
    recorder.answers[INITIALIZE] = succeed("CHARGE_SUCCESS")
    checkout = shopper.checkout()
    threads = [threading.Thread(target=shopper.initialize, args=(checkout, "key-1", 36)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = staff(shop, "{transactions(first:9){edges{node{chargedAmount{amount}}}}}")["transactions"][
        "edges"
    ]
    assert found == [{"node": {"chargedAmount": {"amount": 36.0}}}]
