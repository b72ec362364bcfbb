"""The webhook view, with requests that a shop signed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor import signatures
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from saleor_stripe_audience.shops.models import Installation

pytestmark = pytest.mark.django_db(transaction=True)

ISSUED = "2026-11-23T13:11:04.784355+00:00"
ORDER = {"issuedAt": ISSUED, "recipient": {"id": "QXBwOjg="}, "order": {"id": "T3JkZXI6MQ=="}}


@pytest.fixture
def shop(settings: Any) -> Iterator[SaleorSandbox]:
    signatures._fetched_at.clear()
    with SaleorSandbox() as sandbox:
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        yield sandbox


@pytest.fixture
def installation(shop: SaleorSandbox) -> Installation:
    return Installation.objects.create(
        saleor_api_url=shop.api_url, app_id="QXBwOjg=", token="t", registered_at=timezone.now()
    )


def send(installation: Installation, key: SigningKey, event: str, body: bytes, **headers: str) -> Any:
    return Client().post(
        f"/api/webhooks/saleor/{event}",
        body,
        content_type="application/json",
        headers={
            "Saleor-Api-Url": installation.saleor_api_url,
            "Saleor-Event": event.replace("-", "_"),
            "Saleor-Signature": key.signature(body),
            **headers,
        },
    )


def test_an_event_is_written_down_once(shop: SaleorSandbox, installation: Installation) -> None:
    body = json.dumps(ORDER).encode()
    first = send(installation, shop.host.key, "order-created", body)
    second = send(installation, shop.host.key, "order-created", body)
    assert (first.json(), second.json()) == ({"ok": True, "new": True}, {"ok": True, "new": False})
    event = Event.objects.get()
    assert (event.kind, event.origin, event.occurred_at.isoformat()) == (
        "order_created",
        installation.pk,
        ISSUED,
    )


def test_another_shops_key_is_refused(shop: SaleorSandbox, installation: Installation) -> None:
    forger = SigningKey.generate()
    answer = send(installation, forger, "order-created", json.dumps(ORDER).encode())
    assert answer.status_code in (401, 503)
    assert not Event.objects.exists()


def test_an_unknown_shop_is_refused(shop: SaleorSandbox, installation: Installation) -> None:
    body = json.dumps(ORDER).encode()
    headers = {"Saleor-Api-Url": "https://other.example.com/graphql/"}
    answer = send(installation, shop.host.key, "order-created", body, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unknown_installation")


def test_the_event_of_the_header_must_be_that_of_the_address(
    shop: SaleorSandbox, installation: Installation
) -> None:
    body = json.dumps(ORDER).encode()
    answer = send(installation, shop.host.key, "order-created", body, **{"Saleor-Event": "order_paid"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "event_mismatch")


def test_an_event_of_another_app_is_refused(shop: SaleorSandbox, installation: Installation) -> None:
    body = json.dumps(ORDER | {"recipient": {"id": "QXBwOjk="}}).encode()
    answer = send(installation, shop.host.key, "order-created", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "wrong_recipient")
    assert not Event.objects.exists()


def test_while_keys_are_unavailable_an_event_is_requested_again(
    shop: SaleorSandbox, installation: Installation
) -> None:
    shop.faults.jwks_down = True
    body = json.dumps(ORDER).encode()
    assert send(installation, shop.host.key, "order-created", body).status_code == 503
    shop.faults.jwks_down = False
    signatures._fetched_at.clear()
    assert send(installation, shop.host.key, "order-created", body).status_code == 200


UNREADABLE = [b"", b"not json", b"[]", b"null", b'"text"', b"[" * 10_000, b'{"a": NaN}', b"\xff\xfe"]


@pytest.mark.parametrize("body", UNREADABLE)
def test_unreadable_events_are_refused_without_a_trace(
    shop: SaleorSandbox, installation: Installation, body: bytes
) -> None:
    answer = send(installation, shop.host.key, "order-created", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unreadable")
    assert not Event.objects.exists()


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize(
    ("event", "result"),
    [
        ("transaction-charge-requested", "CHARGE_FAILURE"),
        ("transaction-refund-requested", "REFUND_FAILURE"),
        ("transaction-cancelation-requested", "CANCEL_FAILURE"),
        ("transaction-initialize-session", "CHARGE_ACTION_REQUIRED"),  # the payment may exist
    ],
)
def test_synchronous_events_without_content_are_answered_200_and_in_their_own_form(
    shop: SaleorSandbox, installation: Installation, event: str, result: str, body: bytes
) -> None:
    answer = send(installation, shop.host.key, event, body)
    assert (answer.status_code, answer.json()["result"]) == (200, result)
    assert answer.json()["message"]


def test_two_megabytes_are_too_much(shop: SaleorSandbox, installation: Installation) -> None:
    answer = send(installation, shop.host.key, "order-created", b" " * (2 * 1024 * 1024 + 1))
    assert answer.status_code == 413


def test_an_event_that_nobody_asked_for_is_not_found(shop: SaleorSandbox, installation: Installation) -> None:
    assert send(installation, shop.host.key, "gift-card-sent", b"{}").status_code == 404
