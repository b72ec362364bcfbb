"""Events and their delivery."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from saleor_stripe_audience.sandbox.stripe import StripeSandbox


def listen(client: stripe.StripeClient, receiver: Any, *kinds: str) -> Any:
    """Create an endpoint for these types of events, or all."""
    params: Any = {
        "url": receiver.url,
        "enabled_events": list(kinds) or ["*"],
        "api_version": "2026-10-28.endive",
    }
    return client.v1.webhook_endpoints.create(params)


def test_events_are_signed_so_that_the_library_takes_them(
    client: stripe.StripeClient, sandbox: StripeSandbox, receiver: Any, pay: Callable[..., Any]
) -> None:
    endpoint = listen(client, receiver)
    paid = pay(metadata={"order": "7"})
    assert sandbox.drain()
    kinds = receiver.kinds()
    assert sorted(kinds) == [
        "charge.succeeded",
        "charge.updated",
        "payment_intent.created",
        "payment_intent.succeeded",
    ]
    body, header = receiver.received[kinds.index("payment_intent.succeeded")]
    event = stripe.Webhook.construct_event(body.decode(), header, endpoint.secret)
    assert event.api_version == "2026-10-28.endive"
    assert event.data.object["id"] == paid.id
    assert event.data.object["metadata"]["order"] == "7"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body.decode() + " ", header, endpoint.secret)


def test_the_secret_is_shown_once(client: stripe.StripeClient, receiver: Any) -> None:
    endpoint = listen(client, receiver)
    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in client.v1.webhook_endpoints.retrieve(endpoint.id).to_dict()
    assert all("secret" not in each.to_dict() for each in client.v1.webhook_endpoints.list().data)


def test_only_what_was_asked_for_is_sent(
    client: stripe.StripeClient, sandbox: StripeSandbox, receiver: Any, pay: Callable[..., Any]
) -> None:
    endpoint = listen(client, receiver, "payment_intent.succeeded")
    pay()
    assert sandbox.drain()
    assert receiver.kinds() == ["payment_intent.succeeded"]
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    pay()
    client.v1.webhook_endpoints.delete(endpoint.id)
    pay()
    assert sandbox.drain()
    assert receiver.kinds() == ["payment_intent.succeeded"]


def test_delivery_is_tried_until_it_is_taken(
    client: stripe.StripeClient, sandbox: StripeSandbox, receiver: Any
) -> None:
    receiver.answers = [500, 302]
    listen(client, receiver, "product.created")
    client.v1.products.create({"name": "Shirt"})
    assert sandbox.drain()
    assert [attempt.status for attempt in sandbox.deliveries()] == [500, 302, 200]
    assert len({event["id"] for event in receiver.events()}) == 1
    assert sandbox.events("product.created")[0]["pending_webhooks"] == 0


def test_a_snapshot_does_not_change_afterwards(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    product = client.v1.products.create({"name": "Shirt"})
    client.v1.products.update(product.id, {"name": "Blouse"})
    made, changed = sandbox.events("product.created")[0], sandbox.events("product.updated")[0]
    assert made["data"]["object"]["name"] == "Shirt"
    assert changed["data"]["object"]["name"] == "Blouse"
    assert changed["data"]["previous_attributes"]["name"] == "Shirt"


def test_lost_webhooks_can_be_fetched(
    client: stripe.StripeClient, sandbox: StripeSandbox, receiver: Any, pay: Callable[..., Any]
) -> None:
    listen(client, receiver)
    sandbox.lose_webhooks()
    pay()
    assert sandbox.drain()
    assert receiver.received == []
    listed = client.v1.events.list({"types": ["payment_intent.succeeded"]}).data
    assert [event.type for event in listed] == ["payment_intent.succeeded"]
    every = client.v1.events.list({"type": "payment_intent.*"}).data
    assert [event.type for event in every] == ["payment_intent.succeeded", "payment_intent.created"]


def test_an_event_comes_again_and_out_of_order(
    client: stripe.StripeClient, sandbox: StripeSandbox, receiver: Any, pay: Callable[..., Any], url: str
) -> None:
    endpoint = listen(client, receiver)
    sandbox.lose_webhooks()
    pay()
    sandbox.drain()
    sandbox.lose_webhooks(losing=False)
    late_first = [event["id"] for event in reversed(sandbox.events())]
    for name in late_first:
        body = {"events": [name], "endpoint": endpoint.id}
        assert requests.post(f"{url}/sandbox/control/redeliver", json=body, timeout=5).json() == {"sent": 1}
        assert sandbox.drain()
    assert [event["id"] for event in receiver.events()] == late_first


def test_events_are_listed_for_30_days(client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
    client.v1.products.create({"name": "Shirt"})
    event = client.v1.events.list().data[0]
    sandbox.advance(30 * 24 * 3600)
    assert client.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.events.retrieve(event.id)
    assert refused.value.http_status == 404


def test_pages_of_events_by_cursor_and_time(client: stripe.StripeClient) -> None:
    for number in range(5):
        client.v1.products.create({"name": f"Shirt {number}"})
    first = client.v1.events.list({"limit": 2})
    assert first.has_more
    rest = client.v1.events.list({"limit": 100, "starting_after": first.data[-1].id})
    assert (len(rest.data), rest.has_more) == (3, False)
    back = client.v1.events.list({"limit": 2, "ending_before": rest.data[0].id})
    assert [event.id for event in back.data] == [event.id for event in first.data]
    assert client.v1.events.list({"created": {"gt": first.data[0].created}}).data == []
    assert len(list(client.v1.events.list({"limit": 2}).auto_paging_iter())) == 5


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_has_1_to_100(client: stripe.StripeClient, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.events.list({"limit": limit})
    assert refused.value.param == "limit"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"url": "ftp://x", "enabled_events": ["*"]}, "url"),
        ({"url": "http://x.example", "enabled_events": ["order.burnt"]}, None),
        ({"url": "http://x.example"}, "enabled_events"),
        ({"url": "http://x.example", "enabled_events": ["*"], "api_version": "1999-01-01"}, "api_version"),
    ],
)
def test_bad_endpoints_are_refused(client: stripe.StripeClient, params: Any, param: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.webhook_endpoints.create(params)
    assert param in (None, refused.value.param)


def test_the_body_is_not_what_a_json_library_would_write(
    client: stripe.StripeClient, sandbox: StripeSandbox, receiver: Any
) -> None:
    """A receiver that verifies its own serialization instead of the raw body must fail here, as with Stripe."""
    listen(client, receiver, "product.created")
    client.v1.products.create({"name": "Shirt"})
    assert sandbox.drain()
    body = receiver.received[0][0]
    again = json.dumps(json.loads(body)).encode()
    assert hashlib.sha256(body).digest() != hashlib.sha256(again).digest()
