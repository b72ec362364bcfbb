"""The app's own documents, installed into the stand-in and filled by a purchase: every field has a value."""

from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from saleor_stripe_audience.saleor.documents import Version, operation, read_version, subscription
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.schema import VERSIONS, schema_for
from tests.recordings import genuine_schema

from .conftest import ADDRESS, Shopper, request_action, staff, succeed
from .recorder import Recorder

ROOT = Path(__file__).parents[3] / "graphql"
WEBHOOKS = sorted(ROOT.glob("webhooks/*.graphql"))
DOCUMENTS = [*WEBHOOKS, *sorted(ROOT.glob("operations/*.graphql"))]


def sent(path: Path, version: Version = (3, 23)) -> str:
    """Return the document as the app sends it to a shop of that version, with its fragments inlined."""
    make = subscription if path.parent.name == "webhooks" else operation
    return make(path.stem, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_real_schema_accepts_the_stand_in_accepts(version: str) -> None:
    genuine = genuine_schema(version)
    for path in DOCUMENTS:
        document = parse(sent(path, read_version(version)))
        if not validate(genuine, document):
            assert validate(schema_for(version), document) == [], path.name


def manifest_webhooks(recorder: Recorder) -> list[dict[str, Any]]:
    return [
        {
            "name": path.stem,
            "targetUrl": f"{recorder.served.url}/hooks",
            "query": sent(path),
        }
        for path in WEBHOOKS
    ]


@pytest.mark.skipif(not WEBHOOKS, reason="the app has no webhook documents yet")
def test_every_payload_is_whole(shop: SaleorSandbox, recorder: Recorder) -> None:
    recorder.changed = {"webhooks": manifest_webhooks(recorder)}
    app = shop.install(recorder.manifest_url)
    assert [each.events for each in app.webhooks] == [[path.stem] for path in WEBHOOKS]
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("AUTHORIZATION_SUCCESS", actions=["CHARGE"])
    recorder.answers["TRANSACTION_CHARGE_REQUESTED"] = succeed("CHARGE_SUCCESS", psp="ch_1")
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = succeed("REFUND_SUCCESS", psp="re_1")
    order, transaction = Shopper(shop).buy()
    request_action(shop, transaction, "CHARGE", 20)
    request_action(shop, transaction, "REFUND", 5)
    request_action(shop, transaction, "CANCEL", 16)
    staff(shop, "mutation($i:ID!){orderCancel(id:$i){errors{code}}}", i=order["id"])
    given = {"email": "new@example.com", "defaultBillingAddress": ADDRESS}
    create = "mutation($i:UserCreateInput!){customerCreate(input:$i){user{id} errors{code}}}"
    user = staff(shop, create, i=given)["customerCreate"]["user"]
    update = 'mutation($i:ID){customerUpdate(id:$i,input:{firstName:"A"}){errors{code}}}'
    staff(shop, update, i=user["id"])
    products = staff(shop, "{products(first:1){edges{node{id variants{id}}}}}")["products"]["edges"]
    product = products[0]["node"]
    staff(shop, 'mutation($i:ID){productUpdate(id:$i,input:{name:"B"}){errors{code}}}', i=product["id"])
    for variant in product["variants"]:
        change = 'mutation($i:ID){productVariantUpdate(id:$i,input:{name:"C"}){errors{code}}}'
        staff(shop, change, i=variant["id"])
        staff(shop, "mutation($i:ID){productVariantDelete(id:$i){errors{code}}}", i=variant["id"])
    staff(shop, "mutation($i:ID){productDelete(id:$i){errors{code}}}", i=product["id"])
    shop.drain(20)
    came = set(recorder.names())
    for received in recorder.received:
        assert "errors" not in received.body, (received.event, received.body["errors"])
    assert {"ORDER_CREATED", "PRODUCT_DELETED", "CUSTOMER_UPDATED", "TRANSACTION_REFUND_REQUESTED"} <= came
    assert shop.host.events.failures == []
    assert shop.host.actions.failures == []
