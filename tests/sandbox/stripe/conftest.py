"""The stand-in over real HTTP, called with Stripe's own library."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import stripe
from werkzeug.wrappers import Request, Response

from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import RESTRICTED_KEY, SECRET_KEY, StripeSandbox


@dataclass
class Receiver:
    """A webhook endpoint that responds as configured, and stores what it receives."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: list[tuple[bytes, str]] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        """The events in order of arrival."""
        return [json.loads(body) for body, _ in self.received]

    def kinds(self) -> list[str]:
        """The types of the events, in order of arrival."""
        return [event["type"] for event in self.events()]

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Receive one delivery."""
        request = Request(environ)
        self.received.append((request.get_data(), request.headers["Stripe-Signature"]))
        return Response(status=self.answers.pop(0) if self.answers else 200)(environ, start_response)


@pytest.fixture
def sandbox() -> Iterator[StripeSandbox]:
    """A stand-in with short delays for retries and later effects."""
    with StripeSandbox(webhook_retry_seconds=0.01, later_seconds=0.01) as made:
        yield made


@pytest.fixture
def url(sandbox: StripeSandbox) -> Iterator[str]:
    """The stand-in's URL."""
    with Served(sandbox.wsgi) as served:
        yield served.url


@pytest.fixture
def client(url: str) -> stripe.StripeClient:
    """The library with the secret key, never retrying by itself."""
    return client_for(url, SECRET_KEY)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A served webhook endpoint."""
    made = Receiver()
    with Served(made.wsgi) as served:
        made.url = served.url + "/hook"
        yield made


@pytest.fixture
def pay(client: stripe.StripeClient) -> Callable[..., Any]:
    """Create and confirm a PaymentIntent on the server, without methods that redirect."""

    def paid(method: str = "pm_card_visa", amount: int = 1000, **more: Any) -> Any:
        params: dict[str, Any] = {
            "amount": amount,
            "currency": "usd",
            "payment_method": method,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        whole: Any = {**params, **more}
        return client.v1.payment_intents.create(whole)

    return paid


@pytest.fixture
def hold(pay: Callable[..., Any]) -> Callable[..., Any]:
    """Authorize a payment, which then waits for its capture."""
    return functools.partial(pay, capture_method="manual")


@pytest.fixture
def restricted(url: str) -> stripe.StripeClient:
    """The library with the restricted key."""
    return client_for(url, RESTRICTED_KEY)


def client_for(url: str, key: str) -> stripe.StripeClient:
    """Return the library with a key, never retrying by itself."""
    return stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0)
