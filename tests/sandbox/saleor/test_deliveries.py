"""How the shop sends webhooks: signed, with the recorded headers, and retried when Saleor retries."""

import base64
import json
import threading
import time
from typing import Any

import pytest
import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from werkzeug.wrappers import Response

from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.state import App
from tests import recordings

from .conftest import Shopper, request_action, staff, succeed
from .recorder import Received, Recorder, as_json


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(shop: SaleorSandbox, received: Received) -> None:
    """Check a signature with the shop's JWKS, as any app would."""
    jwks = requests.get(f"{shop.url}/.well-known/jwks.json", timeout=5).json()
    head, payload, signature = received.headers["saleor-signature"].split(".")
    protected = json.loads(unpadded(head))
    assert protected == {
        "alg": "RS256",
        "b64": False,
        "crit": ["b64"],
        "kid": protected["kid"],
        "typ": "JWT",
    }
    assert payload == ""
    key = next(each for each in jwks["keys"] if each["kid"] == protected["kid"])
    numbers = [int.from_bytes(unpadded(key[name]), "big") for name in ("e", "n")]
    public = rsa.RSAPublicNumbers(*numbers).public_key()
    signed = head.encode() + b"." + received.raw
    public.verify(unpadded(signature), signed, padding.PKCS1v15(), hashes.SHA256())


def change_product(shop: SaleorSandbox, name: str = "Other") -> None:
    found = staff(shop, "{products(first:1){edges{node{id}}}}")["products"]["edges"][0]["node"]
    query = "mutation($i:ID,$n:String){productUpdate(id:$i,input:{name:$n}){errors{code}}}"
    assert staff(shop, query, i=found["id"], n=name)["productUpdate"]["errors"] == []


def test_signature_verifies_and_a_flipped_byte_does_not(
    shop: SaleorSandbox, recorder: Recorder, app: App
) -> None:
    change_product(shop)
    shop.drain(10)
    [received] = recorder.received
    verify(shop, received)
    received.raw = received.raw[:-1] + b" "
    with pytest.raises(InvalidSignature):
        verify(shop, received)


def test_rotated_keys_sign_at_once_and_are_the_only_ones_shown(
    shop: SaleorSandbox, recorder: Recorder, app: App
) -> None:
    before = shop.host.key.kid
    kid = shop.rotate_keys()
    jwks = requests.get(f"{shop.url}/.well-known/jwks.json", timeout=5).json()
    assert [each["kid"] for each in jwks["keys"]] == [kid]
    assert kid != before
    change_product(shop)
    shop.drain(10)
    verify(shop, recorder.received[0])


def test_headers_are_those_recorded(shop: SaleorSandbox, recorder: Recorder, app: App) -> None:
    deliveries = recordings.lines("deliveries.jsonl")
    recorded = next(each for each in deliveries if each["path"].endswith("product-updated"))
    change_product(shop)
    shop.drain(10)
    names = {name.lower() for name, _ in recorded["headers"]}
    found = recorder.received[0].headers
    assert names <= found.keys()
    same = {name.lower(): value for name, value in recorded["headers"]}
    for name in ("user-agent", "content-type", "saleor-event", "x-saleor-event", "host"):
        assert found[name] == same[name]
    assert found["saleor-domain"] == shop.host.domain
    assert found["saleor-api-url"] == shop.api_url


class Scripted:
    """Responds with each status in turn, then always with the last one."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)

    def __call__(self, _received: Received) -> Response:
        return as_json({}, self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])


def test_5xx_is_tried_again_with_the_same_body(shop: SaleorSandbox, recorder: Recorder, app: App) -> None:
    recorder.answers["PRODUCT_UPDATED"] = Scripted(500, 503, 200)
    change_product(shop)
    shop.drain(10)
    tries = recorder.of("PRODUCT_UPDATED")
    assert len(tries) == 3
    assert len({(each.raw, each.headers["saleor-signature"]) for each in tries}) == 1
    [delivery] = shop.delivered("PRODUCT_UPDATED")
    assert delivery.status == "SUCCESS"


@pytest.mark.parametrize(("status", "tries"), [(500, 6), (404, 1), (400, 1), (302, 1), (200, 1)])
def test_what_is_retried_and_how_often(
    shop: SaleorSandbox, recorder: Recorder, app: App, status: int, tries: int
) -> None:
    recorder.answers["PRODUCT_UPDATED"] = Scripted(status)
    change_product(shop)
    shop.drain(20)
    assert len(recorder.of("PRODUCT_UPDATED")) == tries
    assert shop.delivered("PRODUCT_UPDATED")[0].status == ("SUCCESS" if status == 200 else "FAILED")


def test_the_app_reads_its_failed_payloads_and_can_have_them_again(
    shop: SaleorSandbox, recorder: Recorder, app: App
) -> None:
    recorder.answers["PRODUCT_UPDATED"] = Scripted(404)
    change_product(shop, "Lost")
    shop.drain(10)
    webhook = next(each for each in app.webhooks if "PRODUCT_UPDATED" in each.events)
    query = (
        "query($i:ID!){webhook(id:$i){eventDeliveries(first:5,filter:{status:FAILED}){edges{node{id eventType"
        " payload attempts(first:5){edges{node{responseStatusCode}}}}}}}}"
    )
    found = shop.gql(query, {"i": webhook.id}, recorder.token)["webhook"]["eventDeliveries"]["edges"]
    [delivery] = [each["node"] for each in found]
    assert json.loads(delivery["payload"])["product"]["name"] == "Lost"
    assert delivery["attempts"]["edges"][0]["node"]["responseStatusCode"] == 404
    del recorder.answers["PRODUCT_UPDATED"]
    retry = "mutation($i:ID!){eventDeliveryRetry(id:$i){errors{code}}}"
    assert shop.gql(retry, {"i": delivery["id"]}, recorder.token)["eventDeliveryRetry"]["errors"] == []
    shop.drain(10)
    assert [each.raw for each in recorder.of("PRODUCT_UPDATED")] == [delivery["payload"].encode()] * 2
    assert shop.gql(query, {"i": webhook.id}, recorder.token)["webhook"]["eventDeliveries"]["edges"] == []


def test_an_app_that_is_down_is_tried_until_it_is_back(shop: SaleorSandbox) -> None:
    recorder = Recorder()
    with recorder.served:
        shop.install(recorder.manifest_url)
    change_product(shop)
    shop.drain(20)
    [delivery] = shop.delivered("PRODUCT_UPDATED")
    assert [each.status for each in delivery.attempts] == [None] * 6


# --- requested actions ------------------------------------------------------------------------------


@pytest.fixture
def charged(shop: SaleorSandbox, recorder: Recorder, shopper: Shopper) -> Any:
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
    return shopper.buy()[1]


def events_of(shop: SaleorSandbox, transaction: Any) -> list[dict[str, Any]]:
    query = "query($i:ID){transaction(id:$i){events{type pspReference message amount{amount}}}}"
    found: list[dict[str, Any]] = staff(shop, query, i=transaction["id"])["transaction"]["events"]
    return found


def test_a_5xx_answer_to_a_refund_is_followed_by_empty_bodies_and_a_failure(
    shop: SaleorSandbox, recorder: Recorder, charged: Any
) -> None:
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = Scripted(500)
    request_action(shop, charged, "REFUND", 5)
    first, *rest = recorder.of("TRANSACTION_REFUND_REQUESTED")
    assert first.raw
    assert [each.raw for each in rest] == [b""] * 5
    for received in (first, *rest):
        verify(shop, received)
    newest = events_of(shop, charged)[0]
    assert newest["type"] == "REFUND_FAILURE"
    assert newest["message"] == "Failed to delivery request."


def test_below_500_the_body_decides(shop: SaleorSandbox, recorder: Recorder, charged: Any) -> None:
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = lambda _: as_json(
        {"pspReference": "re_400", "result": "REFUND_SUCCESS"}, 400
    )
    request_action(shop, charged, "REFUND", 5)
    assert [each["type"] for each in events_of(shop, charged)][:2] == ["REFUND_SUCCESS", "REFUND_REQUEST"]


def test_a_bare_reference_leaves_the_refund_pending(
    shop: SaleorSandbox, recorder: Recorder, charged: Any
) -> None:
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = lambda _: as_json({"pspReference": "re_1"})
    request_action(shop, charged, "REFUND", 5)
    query = "query($i:ID){transaction(id:$i){refundPendingAmount{amount} chargedAmount{amount}}}"
    assert staff(shop, query, i=charged["id"])["transaction"] == {
        "refundPendingAmount": {"amount": 5.0},
        "chargedAmount": {"amount": 31.0},
    }


@pytest.mark.parametrize(
    "answer",
    [
        as_json({"pspReference": "re_1", "result": "CHARGE_SUCCESS"}),
        as_json({"result": "REFUND_SUCCESS"}),
        as_json({"pspReference": "re_1", "result": "REFUND_SUCCESS", "externalUrl": "nowhere"}),
        Response("thank you", 200),
    ],
    ids=["wrong result", "no reference", "bad address", "no JSON"],
)
def test_an_unusable_answer_fails_the_refund(
    shop: SaleorSandbox, recorder: Recorder, charged: Any, answer: Response
) -> None:
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = lambda _: answer
    request_action(shop, charged, "REFUND", 5)
    assert events_of(shop, charged)[0]["type"] == "REFUND_FAILURE"
    assert len(recorder.of("TRANSACTION_REFUND_REQUESTED")) == 1


def test_a_slow_answer_to_a_refund_fails_it_at_once(
    shop: SaleorSandbox, recorder: Recorder, charged: Any
) -> None:
    released = threading.Event()

    def slow(_received: Received) -> Response:
        released.wait(10)
        return as_json({"pspReference": "re_1", "result": "REFUND_SUCCESS"})

    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = slow
    started = time.monotonic()
    request_action(shop, charged, "REFUND", 5)
    assert time.monotonic() - started < 8
    released.set()
    assert events_of(shop, charged)[0]["message"] == "Failed to delivery request."
    assert len(recorder.of("TRANSACTION_REFUND_REQUESTED")) == 1


def test_two_equal_refunds_have_two_keys(shop: SaleorSandbox, recorder: Recorder, charged: Any) -> None:
    numbers = iter(range(1, 9))
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = lambda _: as_json(
        {"pspReference": f"re_{next(numbers)}", "result": "REFUND_SUCCESS"}
    )
    for _ in range(2):
        request_action(shop, charged, "REFUND", 5)
    asked = [each.body["transaction"]["events"][0] for each in recorder.of("TRANSACTION_REFUND_REQUESTED")]
    assert [each["pspReference"] for each in asked] == ["", ""]
    assert len({each["idempotencyKey"] for each in asked}) == 2


def test_more_than_is_charged_is_cut_and_an_app_without_the_webhook_is_named(
    shop: SaleorSandbox, recorder: Recorder, charged: Any, app: App
) -> None:
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = succeed("REFUND_SUCCESS", psp="re_1")
    request_action(shop, charged, "REFUND", 5000)
    [asked] = recorder.of("TRANSACTION_REFUND_REQUESTED")
    assert asked.body["action"] == {"actionType": "REFUND", "amount": 36.0, "currency": "USD"}
    shop.set_active(app, active=False)
    answer = request_action(shop, charged, "REFUND", 5)
    assert answer["errors"][0]["code"] == "MISSING_TRANSACTION_ACTION_REQUEST_WEBHOOK"
