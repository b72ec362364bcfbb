"""The shop that is measured: its requests, signed as Saleor signs them, and its Stripe's events.

Configure Django's settings before importing this.
"""

import hmac
import io
import json
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.saleor.webhooks import type_of
from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

FIRST_PORT, APP, CHANNEL = 9, "QXBwOjE=", "default-channel"
VERSION = "3.23.28"
WEBHOOK_SECRET = "whsec_only-for-this-run"
ADDRESS = {
    "firstName": "Robin", "lastName": "Vale", "companyName": "", "streetAddress1": "1 Harbour Street",
    "streetAddress2": "", "city": "Oswego", "postalCode": "13126", "countryArea": "NY", "phone": "+13155550123",
    "country": {"code": "US"},
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request as it arrives: the app's path, headers and body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def environ(self) -> Json:
        """Return the request as a WSGI environment."""
        fields = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        return {
            **fields, "REQUEST_METHOD": self.method, "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "",
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(self.body)), "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body), "wsgi.errors": io.StringIO(), "wsgi.version": (1, 0),
            "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        }  # fmt: skip

    def raw(self) -> bytes:
        """Return the request as bytes on the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: app", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + self.body


class Shop:
    """An installed shop with one Stripe account for its one channel; each `number` is another shop."""

    def __init__(self, number: int = 0) -> None:
        self._api_url = f"http://127.0.0.1:{FIRST_PORT + number}/graphql/"
        self._key = SigningKey.generate()
        self.installation = Installation.objects.create(
            saleor_api_url=self._api_url, app_id=APP, token="t", schema_version=VERSION, domain="shop.example",
            jwks={"keys": [self._key.jwk()]}, registered_at=datetime.now(UTC),
        )  # fmt: skip
        self.account = StripeAccount.objects.create(
            installation=self.installation, name="Shop", publishable_key="pk_test_1", secret_key="rk_test_1",
            stripe_id=f"acct_{number + 1}", livemode=False, webhook_secret=WEBHOOK_SECRET, webhook_endpoint_id="we_1",
        )  # fmt: skip
        AccountChannel.objects.create(
            installation=self.installation, account=self.account, channel_slug=CHANNEL
        )

    def signed(self, event: str, payload: Json) -> Request:
        """Return a webhook request, signed by the shop."""
        whole = {
            "__typename": type_of(event), "issuedAt": datetime.now(UTC).isoformat(), "version": VERSION,
            "recipient": {"id": APP, "identifier": "app"}, **payload,
        }  # fmt: skip
        body = json.dumps(whole).encode()
        headers = {
            "Saleor-Event": event, "Saleor-Api-Url": self._api_url, "Saleor-Domain": "127.0.0.1",
            "Saleor-Signature": self._key.signature(body), "User-Agent": "Saleor/3.23", "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
        }  # fmt: skip
        return Request("POST", f"/api/webhooks/saleor/{event.replace('_', '-')}", headers, body)

    def initialize(self, *, address: bool = False, shopper: str = "") -> Request:
        """Start a checkout's payment: a guest's, one with a billing address, or a signed-in shopper's."""
        return self.signed("transaction_initialize_session", session(address=address, shopper=shopper))

    def process(self, initialized: Request, answer: Json) -> Request:
        """Ask for the result of a payment."""
        payload = json.loads(initialized.body)
        for name in ("__typename", "issuedAt", "version", "recipient"):
            del payload[name]
        payload["transaction"]["pspReference"] = answer["pspReference"]
        return self.signed("transaction_process_session", payload)

    def gateway(self) -> Request:
        """Ask for what the storefront needs before it shows the form."""
        return self.signed(
            "payment_gateway_initialize_session",
            {"data": None, "amount": 40.0, "sourceObject": session()["sourceObject"]},
        )

    def order_created(self, number: int) -> Request:
        """Send an order of a buyer who is not a contact yet."""
        return self.signed("order_created", {"order": order(number)})

    def stripe_event(self) -> Request:
        """Send Stripe's event of a successful payment."""
        intent = {
            "id": f"pi_{uuid.uuid4().hex}", "object": "payment_intent", "amount": 4000, "amount_received": 4000,
            "currency": "usd", "status": "succeeded", "livemode": False, "client_secret": "secret", "metadata": {},
        }  # fmt: skip
        event = {
            "id": f"evt_{uuid.uuid4().hex}", "object": "event", "api_version": "2026-10-28",
            "created": int(time.time()), "livemode": False,
            "pending_webhooks": 1, "type": "payment_intent.succeeded", "data": {"object": intent},
            "request": {"id": None, "idempotency_key": None},
        }  # fmt: skip
        body, now = json.dumps(event).encode(), int(time.time())
        mac = hmac.new(WEBHOOK_SECRET.encode(), f"{now}.".encode() + body, sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={now},v1={mac}", "User-Agent": "Stripe/1.0", "Accept": "*/*"}
        return Request("POST", f"/api/webhooks/stripe/{self.account.pk}", headers, body)


def manifest() -> Request:
    """Request the manifest, as Saleor does to install the app."""
    return Request("GET", "/api/manifest", {"Saleor-Schema-Version": "3.23", "User-Agent": "Saleor/3.23"})


def session(*, address: bool = False, shopper: str = "") -> Json:
    """Return a session that pays a whole checkout, with the fields of the app's subscription."""
    place = ADDRESS if address or shopper else None
    return {
        "issuingPrincipal": {"__typename": "User", "id": shopper} if shopper else None,
        "idempotencyKey": str(uuid.uuid4()), "data": None, "merchantReference": "m", "customerIpAddress": "127.0.0.1",
        "action": {"amount": 40.0, "currency": "USD", "actionType": "CHARGE"},
        "transaction": {"id": f"VHJhbnNhY3Rpb25JdGVtOg=={uuid.uuid4().hex}", "pspReference": ""},
        "sourceObject": {
            "__typename": "Checkout", "id": f"Q2hlY2tvdXQ6{uuid.uuid4().hex}", "email": "robin@shop.example",
            "languageCode": "EN_US", "channel": {"slug": CHANNEL, "currencyCode": "USD"},
            "totalPrice": {"gross": {"amount": 40.0, "currency": "USD"}}, "checkoutTransactions": [],
            "user": {"id": shopper, "email": "robin@shop.example"} if shopper else None,
            "shippingAddress": ADDRESS, "billingAddress": place,
        },
    }  # fmt: skip


def order(number: int) -> Json:
    """Return an order with two lines, of a buyer whose address no other order has."""
    lines = [
        {
            "id": f"T3JkZXJMaW5lOg=={number}-{each}", "productName": "Monospace Tee", "variantName": "S",
            "productSku": "328223580", "productVariantId": f"UHJvZHVjdFZhcmlhbnQ6{each}", "quantity": 1,
            "quantityFulfilled": 0, "unitPrice": money(20.0), "undiscountedUnitPrice": money(20.0),
            "totalPrice": money(20.0),
            "variant": {"id": f"UHJvZHVjdFZhcmlhbnQ6{each}", "product": {"id": "UHJvZHVjdDox"}},
        }
        for each in range(2)
    ]  # fmt: skip
    now = datetime.now(UTC).isoformat()
    return {
        "id": f"T3JkZXI6{uuid.uuid4().hex}", "number": str(number), "created": now, "updatedAt": now,
        "status": "UNFULFILLED", "origin": "CHECKOUT", "paymentStatus": "FULLY_CHARGED", "chargeStatus": "FULL",
        "authorizeStatus": "FULL", "isPaid": True, "userEmail": f"buyer-{uuid.uuid4().hex}@shop.example",
        "languageCodeEnum": "EN_US", "checkoutId": f"Q2hlY2tvdXQ6{uuid.uuid4().hex}", "externalReference": None,
        "customerNote": "", "channel": {"id": "Q2hhbm5lbDox", "slug": CHANNEL, "currencyCode": "USD"},
        "total": money(40.0), "undiscountedTotal": money(40.0), "subtotal": money(40.0), "shippingPrice": money(0.0),
        "totalCharged": {"amount": 40.0, "currency": "USD"}, "totalAuthorized": {"amount": 0.0, "currency": "USD"},
        "totalRefunded": {"amount": 0.0, "currency": "USD"}, "totalBalance": {"amount": 0.0, "currency": "USD"},
        "discounts": [], "voucherCode": None, "metadata": [], "user": None, "billingAddress": {"id": "a", **ADDRESS},
        "shippingAddress": {"id": "b", **ADDRESS}, "lines": lines, "transactions": [],
    }  # fmt: skip


def money(amount: float) -> Json:
    """Return a TaxedMoney without taxes."""
    whole = {"amount": amount, "currency": "USD"}
    return {"gross": whole, "net": whole, "tax": {"amount": 0.0, "currency": "USD"}}
