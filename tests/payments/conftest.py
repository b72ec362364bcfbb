"""A shop whose requests are signed as by Saleor, and a Stripe stand-in over real HTTP."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
import requests
from django.test import Client
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.saleor.webhooks import type_of
from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.sandbox.stripe import PUBLISHABLE_KEY, SECRET_KEY, StripeSandbox
from saleor_stripe_audience.shops.models import Installation
from tests import recordings

Json = dict[str, Any]
CHANNEL_ID = "Q2hhbm5lbDox"
APP = "QXBwOjE="
GOOD, DECLINED, STOLEN, SECURE = (
    "4242424242424242",
    "4000000000000002",
    "4000000000009979",
    "4000000000003220",
)


@cache
def signing_key() -> SigningKey:
    return SigningKey.generate()


# Saleor publishes the schema of both responses about a payment method under the name of a third event, without one.
SCHEMA_FILES = {
    "payment_method_initialize_tokenization_session": "PaymentGatewayInitializeTokenizationSession",
    "payment_method_process_tokenization_session": "PaymentGatewayInitializeTokenizationSession",
}
GATEWAY_READY = {
    "type": "object",
    "required": ["result"],
    "properties": {
        "result": {"enum": ["SUCCESSFULLY_INITIALIZED", "FAILED_TO_INITIALIZE", "FAILED_TO_DELIVER"]},
        "error": {"type": ["string", "null"]},
    },
}


@cache
def validator(schema: str) -> Validator:
    """Return the validator for a JSON schema; the schema itself is checked once."""
    read = json.loads(schema)
    kind = validator_for(read)
    kind.check_schema(read)
    made: Validator = kind(read)
    return made


def check_answer(event: str, answer: Json) -> None:
    """Check the response against Saleor's own schema, if there is one."""
    if event == "payment_gateway_initialize_tokenization_session":
        validator(json.dumps(GATEWAY_READY)).validate(answer)
        return
    name = SCHEMA_FILES.get(event) or "".join(part.capitalize() for part in event.split("_"))
    schema = recordings.answer_schema(name)
    if schema is not None:
        validator(json.dumps(schema)).validate(answer)
    assert isinstance(answer, dict)


def post_signed(installation: Installation, event: str, body: bytes) -> Any:
    """Post a body, signed as by Saleor; return the response."""
    headers = {
        "Saleor-Event": event,
        "Saleor-Api-Url": installation.saleor_api_url,
        "Saleor-Signature": signing_key().signature(body),
    }
    path = f"/api/webhooks/saleor/{event.replace('_', '-')}"
    return Client().post(path, body, content_type="application/json", headers=headers)


@dataclass
class Buy:
    """One of Saleor's transactions, with the events of its requests."""

    installation: Installation
    stripe_url: str
    flow: str = "CHARGE"
    amount: str = "12.30"
    currency: str = "USD"
    channel: str = "default-channel"
    id: str = field(default_factory=lambda: f"VHJhbnNhY3Rpb25JdGVtOg=={uuid.uuid4().hex}")
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    psp: str = ""
    secret: str = ""
    events: list[Json] = field(default_factory=list)

    def send(self, event: str, **more: Any) -> Json:
        """Send a synchronous webhook; check that the response is 200 and valid by Saleor's schema."""
        payload = {
            "__typename": type_of(event),
            "issuedAt": datetime.now(UTC).isoformat(),
            "recipient": {"id": APP},
            **more,
        }
        response = post_signed(self.installation, event, json.dumps(payload).encode())
        assert response.status_code == 200
        answer: Json = response.json()
        check_answer(event, answer)
        return answer

    def session(self, event: str, **more: Any) -> Json:
        """Send TRANSACTION_INITIALIZE_SESSION or _PROCESS_SESSION, as recorded from Saleor."""
        whole = {
            "data": None,
            "merchantReference": self.id,
            "customerIpAddress": "127.0.0.1",
            "idempotencyKey": self.key,
            "action": {"amount": float(self.amount), "currency": self.currency, "actionType": self.flow},
            "transaction": {"id": self.id, "pspReference": self.psp},
            "sourceObject": {
                "__typename": "Checkout",
                "id": "Q2hlY2tvdXQ6MQ==",
                "channel": {"id": CHANNEL_ID, "slug": self.channel, "currencyCode": self.currency},
            },
        }
        return self.send(event, **(whole | more))

    def initialize(self, **more: Any) -> Json:
        answer = self.session("transaction_initialize_session", **more)
        self.psp = answer.get("pspReference", "")
        self.secret = answer["data"]["paymentIntent"].get("stripeClientSecret", "")
        return answer

    def process(self, **more: Any) -> Json:
        return self.session("transaction_process_session", **more)

    def pay(self, card: str = GOOD) -> None:
        """Confirm the payment, as Stripe's script does in the shopper's browser."""
        requests.post(
            f"{self.stripe_url}/v1/payment_intents/{self.psp}/confirm",
            data={
                "client_secret": self.secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": card,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2034",
                "payment_method_data[card][cvc]": "123",
                "return_url": "https://shop.example.com/checkout",
            },
            headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
            timeout=10,
        )

    def paid(self, card: str = GOOD) -> "Buy":
        """Start the payment and pay it."""
        self.initialize()
        self.pay(card)
        self.process()
        return self

    def request(self, kind: str, amount: str | None, *, again: bool = False) -> Json:
        """Request a charge, refund or cancelation as staff; with `again` Saleor repeats its last request."""
        if not again:
            self.events.append(self._request_event(kind, amount))
        event = f"transaction_{ {'CANCEL': 'CANCELATION'}.get(kind, kind) }_requested".lower()
        action = {
            "actionType": kind,
            "amount": None if amount is None else float(amount),
            "currency": self.currency,
        }
        transaction = {
            "id": self.id,
            "pspReference": self.psp,
            "events": self.events,
            "order": {"id": "T3JkZXI6MQ==", "channel": {"id": CHANNEL_ID, "slug": self.channel}},
            "checkout": None,
        }
        answer = self.send(event, action=action, transaction=transaction)
        if not again:
            self.events[-1]["pspReference"] = answer.get("pspReference") or ""
        return answer

    def _request_event(self, kind: str, amount: str | None) -> Json:
        return {
            "type": f"{kind}_REQUEST",
            "idempotencyKey": str(uuid.uuid4()),
            "pspReference": "",
            "createdAt": datetime.now(UTC).isoformat(),
            "amount": {"amount": float(amount or self.amount), "currency": self.currency},
        }

    def row(self) -> Payment:
        return Payment.objects.get(installation=self.installation, transaction_id=self.id)


@pytest.fixture
def stripe_sandbox() -> Iterator[StripeSandbox]:
    with StripeSandbox(webhook_retry_seconds=0.01, later_seconds=0.01) as made:
        yield made


@pytest.fixture
def stripe_url(stripe_sandbox: StripeSandbox, settings: Any) -> Iterator[str]:
    with Served(stripe_sandbox.wsgi) as served:
        stripe_sandbox.base_url = served.url
        settings.STRIPE_API_BASE = served.url
        yield served.url


def install(name: str = "shop") -> Installation:
    return Installation.objects.create(
        saleor_api_url=f"http://127.0.0.1:9/{name}/graphql/",
        app_id=APP,
        token="a-token",
        jwks={"keys": [signing_key().jwk()]},
        registered_at=datetime.now(UTC),
    )


def connect(installation: Installation, *channels: str, secret_key: str = SECRET_KEY) -> StripeAccount:
    account = StripeAccount.objects.create(
        installation=installation,
        name="Sandbox Shop",
        publishable_key=PUBLISHABLE_KEY,
        secret_key=secret_key,
        stripe_id=f"acct_{uuid.uuid4().hex[:16]}",
        livemode=False,
        webhook_secret="whsec_of_the_test",
    )
    for slug in channels:
        AccountChannel.objects.create(installation=installation, account=account, channel_slug=slug)
    return account


@pytest.fixture
def installation(transactional_db: None) -> Installation:
    return install()


@pytest.fixture
def account(installation: Installation) -> StripeAccount:
    return connect(installation, "default-channel")


@pytest.fixture
def buy(installation: Installation, account: StripeAccount, stripe_url: str) -> Callable[..., Buy]:
    """Return a function that creates a transaction of the shop."""
    return lambda **more: Buy(installation, stripe_url, **more)


def as_amount(answer: Json) -> Decimal:
    return Decimal(str(answer["amount"]))
