"""Stripe or a shop responds with something unusual, endless or enormous: a readable Failure in every client."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.utils import timezone
from werkzeug.wrappers import Request, Response

from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Unavailable
from saleor_stripe_audience.gateway import payment_intents
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.saleor import client, listing, missed_events, signatures, trouble
from saleor_stripe_audience.saleor.client import TransactionReport
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import account, installation, stripe_sandbox, stripe_url  # noqa: F401 - fixtures

from .peers import dripping, peer

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 0.6  # the whole deadline; no call is started with less than half a second left
DRIP = dripping(
    b"HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n" + b'{"data": {"app": null}}'.ljust(80), at_once=40
)
DEEP = b'{"data":' * 5000 + b"1" + b"}" * 5000
ODD: dict[str, bytes] = {
    "HTML": b"<html>Bad gateway</html>",
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "an empty object": b"{}",
    "no data": b'{"data": null}',
    "data is a text": b'{"data": "x"}',
    "data is a list": b'{"data": [1]}',
    "errors are a text": b'{"errors": "no"}',
    "errors are numbers": b'{"errors": [1]}',
    "an odd extension": b'{"errors": [{"extensions": "x"}]}',
    "deep": DEEP,
    "a huge number": b'{"data": {"app": {"id": 1' + b"0" * 5000 + b"}}}",
    "half a character": b'{"data": {"app": {"id": "\\ud800", "identifier": "x"}}}',
    "wrong types": json.dumps(
        {"data": dict.fromkeys(("app", "channels", "transaction", "orders", "webhookDelete"), 7)}
    ).encode(),
    "wrong types inside": json.dumps(
        {
            "data": {
                "app": {"id": [], "identifier": 7, "permissions": [3], "webhooks": [None]},
                "channels": [{"slug": None}],
                "transaction": {"events": [{"type": 1}]},
                "orders": {"edges": {}, "pageInfo": []},
                "webhookDelete": [],
                "transactionEventReport": {"errors": [3]},
            }
        }
    ).encode(),
}

Ask = Callable[[Installation], object]
REPORT = TransactionReport("t", "CHARGE_SUCCESS", "pi_1", amount=1)  # type: ignore[arg-type]  # any number will do
SALEOR: dict[str, Ask] = {
    "fetch_app": lambda shop: client.fetch_app(shop.saleor_api_url, shop.token),
    "fetch_channels": lambda shop: client.fetch_channels(shop.saleor_api_url, shop.token),
    "fetch_installed": client.fetch_installed,
    "fetch_transaction_events": lambda shop: client.fetch_transaction_events(shop, "t"),
    "report_transaction_event": lambda shop: client.report_transaction_event(shop, REPORT),
    "delete_webhook": lambda shop: client.delete_webhook(shop, "w"),
    "fetch_changed": lambda shop: list(client.fetch_changed(shop, "{ orders }", "orders", timezone.now())),
    "listing": lambda shop: listing.fetch_page(shop, "orders", None),
    "missed_events": missed_events.record_missed_events,
}


@contextmanager
def shop_at(url: str, installation: Installation, settings: Any) -> Iterator[Installation]:  # noqa: F811 - a fixture
    installation.saleor_api_url = f"{url}/graphql/"
    settings.ALLOWED_SALEOR_URLS = (installation.saleor_api_url,)
    yield installation


def answering(body: bytes, **headers: str) -> Served:
    @Request.application
    def answer(_: Request) -> Response:
        return Response(body, mimetype="application/json", headers=headers)

    return Served(answer)


def failure_of(ask: Ask, shop: Installation) -> Failure | None:
    """Return the Failure; any other exception fails the test."""
    try:
        ask(shop)
    except Failure as failure:
        return failure
    return None


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_unusual_responses_of_a_shop(installation: Installation, settings: Any, body: bytes) -> None:  # noqa: F811 - a fixture
    with answering(body) as served, shop_at(served.url, installation, settings) as shop:
        failures = {name: failure for name, ask in SALEOR.items() if (failure := failure_of(ask, shop))}
    assert all(failure.message for failure in failures.values())
    # No unusual response may start a removal.
    assert trouble.APP_UNKNOWN not in {failure.code for failure in failures.values()}


@pytest.mark.parametrize("ask", SALEOR.values(), ids=SALEOR)
def test_a_shop_that_drips(
    installation: Installation,  # noqa: F811 - a fixture
    settings: Any,
    ask: Ask,
) -> None:
    with (
        peer(DRIP) as url,
        shop_at(url, installation, settings) as shop,
        deadline(SECONDS),
        pytest.raises(Unavailable),
    ):
        ask(shop)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"keys": null}',
        b'{"keys": {}}',
        b'{"keys": "x"}',
        DEEP,
        b'{"keys": [' + b"1" * 300_000,
    ],
)
def test_keys_in_an_odd_form(installation: Installation, settings: Any, body: bytes) -> None:  # noqa: F811 - a fixture
    with (
        answering(body) as served,
        shop_at(served.url, installation, settings) as shop,
        pytest.raises(Unavailable),
    ):
        signatures.fetch_jwks(shop.saleor_api_url)


def test_keys_that_drip(installation: Installation, settings: Any) -> None:  # noqa: F811 - a fixture
    with (
        peer(DRIP) as url,
        shop_at(url, installation, settings) as shop,
        deadline(SECONDS),
        pytest.raises(Unavailable),
    ):
        signatures.fetch_jwks(shop.saleor_api_url)


def test_a_gigabyte_of_keys(installation: Installation, settings: Any) -> None:  # noqa: F811 - a fixture
    packed = gzip.compress(bytes(50 * 1024 * 1024))
    with (
        answering(packed, **{"Content-Encoding": "gzip"}) as served,
        shop_at(served.url, installation, settings) as shop,
        pytest.raises(Unavailable),
    ):
        signatures.fetch_jwks(shop.saleor_api_url)


@pytest.mark.parametrize(
    "body", [*ODD.values(), b'{"object": 7}', b'{"object": "payment_intent", "deep": ' + DEEP + b"}"]
)
def test_unusual_responses_of_stripe(
    account: StripeAccount,  # noqa: F811 - a fixture
    settings: Any,
    body: bytes,
) -> None:
    with answering(body) as served:
        settings.STRIPE_API_BASE = served.url
        with pytest.raises(Unavailable):
            payment_intents.retrieve(account, "pi_1")


def test_a_stripe_that_drips(account: StripeAccount, settings: Any) -> None:  # noqa: F811 - a fixture
    with peer(DRIP) as url:
        settings.STRIPE_API_BASE = url
        with deadline(SECONDS), pytest.raises(Unavailable):
            payment_intents.retrieve(account, "pi_1")


def test_a_gigabyte_of_stripe(account: StripeAccount, settings: Any) -> None:  # noqa: F811 - a fixture
    packed = gzip.compress(bytes(50 * 1024 * 1024))
    with answering(packed, **{"Content-Encoding": "gzip"}) as served:
        settings.STRIPE_API_BASE = served.url
        with pytest.raises(Unavailable):
            payment_intents.retrieve(account, "pi_1")
