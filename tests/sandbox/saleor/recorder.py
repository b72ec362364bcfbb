"""A small payment app that records what the shop sends and responds as configured."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

from saleor_stripe_audience.sandbox.serving import Served

CHECKOUT = (
    "... on Checkout { id email channel { slug currencyCode } totalPrice { gross { amount currency } } }"
)
ORDER = (
    "id number userEmail isPaid chargeStatus paymentStatus total { gross { amount currency } }"
    " metadata { key value } lines { productName quantity } transactions { id events { type } }"
)
SESSION = (
    "transaction { id token pspReference events { type idempotencyKey pspReference amount { amount } } }"
    " data merchantReference customerIpAddress action { amount currency actionType }"
    f" sourceObject {{ __typename {CHECKOUT} ... on Order {{ id number }} }}"
)
ACTION = (
    "transaction { id pspReference events { type idempotencyKey pspReference amount { amount } } }"
    " action { actionType amount currency }"
)
PRODUCT = (
    "product { id name description updatedAt media { url } channelListings { channel { slug } isPublished }"
    " variants { id sku channelListings { channel { slug currencyCode } price { amount currency } } } }"
)
VARIANT = "productVariant { id name sku channelListings { channel { slug } price { amount } } }"
USER = "user { id email firstName languageCode isConfirmed metadata { key value } addresses { city } }"
COMMON = "__typename issuedAt version recipient { id identifier } issuingPrincipal { __typename }"

SYNC = {
    "PAYMENT_GATEWAY_INITIALIZE_SESSION": f"data amount sourceObject {{ __typename {CHECKOUT} }}",
    "TRANSACTION_INITIALIZE_SESSION": f"{SESSION} idempotencyKey",
    "TRANSACTION_PROCESS_SESSION": SESSION,
    "TRANSACTION_CHARGE_REQUESTED": ACTION,
    "TRANSACTION_REFUND_REQUESTED": f"{ACTION} grantedRefund {{ id }}",
    "TRANSACTION_CANCELATION_REQUESTED": ACTION,
    "LIST_STORED_PAYMENT_METHODS": "user { id email } channel { slug }",
}
_ORDERS = ("CREATED", "CONFIRMED", "PAID", "FULLY_PAID", "REFUNDED", "FULLY_REFUNDED", "UPDATED", "CANCELLED")
_CHECKOUTS = ("CREATED", "UPDATED", "FULLY_PAID", "FULLY_AUTHORIZED", "METADATA_UPDATED")
_KINDS = ("CREATED", "UPDATED", "DELETED", "METADATA_UPDATED")
ASYNC = {
    **{f"ORDER_{each}": f"order {{ {ORDER} }}" for each in (*_ORDERS, "METADATA_UPDATED", "EXPIRED")},
    **{f"CHECKOUT_{each}": "checkout { id email metadata { key value } }" for each in _CHECKOUTS},
    **{f"PRODUCT_{each}": PRODUCT for each in _KINDS},
    **{f"PRODUCT_VARIANT_{each}": VARIANT for each in _KINDS},
    **{f"CUSTOMER_{each}": USER for each in _KINDS},
    "ACCOUNT_CONFIRMATION_REQUESTED": f"{USER} channel {{ slug }} token",
    "ACCOUNT_CONFIRMED": f"{USER} token",
    "ACCOUNT_CHANGE_EMAIL_REQUESTED": f"{USER} newEmail token",
    "ACCOUNT_EMAIL_CHANGED": f"{USER} newEmail",
    "ACCOUNT_DELETE_REQUESTED": f"{USER} token",
    "ACCOUNT_DELETED": USER,
    "PRODUCT_VARIANT_STOCK_UPDATED": "productVariant { id stocks { quantity warehouse { slug } } }",
    "PRODUCT_VARIANT_OUT_OF_STOCK": "productVariant { id } warehouse { slug }",
    "APP_DELETED": "app { id identifier }",
    "APP_STATUS_CHANGED": "app { id isActive }",
}
PERMISSIONS = ["HANDLE_PAYMENTS", "MANAGE_CHECKOUTS", "MANAGE_ORDERS", "MANAGE_PRODUCTS", "MANAGE_USERS"]


def type_name(event: str) -> str:
    return "".join(word.capitalize() for word in event.split("_"))


def subscription(event: str, selection: str) -> str:
    return f"subscription {{ event {{ ... on {type_name(event)} {{ {COMMON} {selection} }} }} }}"


@dataclass
class Received:
    """One request from the shop."""

    event: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


type Answer = Callable[[Received], Response]


def as_json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")


@dataclass
class Recorder:
    """The app. `answers` has a function for each event name; others get an empty 200."""

    received: list[Received] = field(default_factory=list)
    manifest_requests: list[dict[str, str]] = field(default_factory=list)
    registers: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    register_answer: Callable[[], Response] = field(default=lambda: as_json({"success": True}))
    changed: dict[str, Any] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    token: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.served = Served(Request.application(self._answer))

    @property
    def manifest_url(self) -> str:
        return f"{self.served.url}/api/manifest"

    def manifest(self) -> dict[str, Any]:
        """Return the manifest; `changed` overrides parts of it."""
        shared = {"targetUrl": f"{self.served.url}/hooks"}
        hooks = [
            {**shared, "name": name, "query": subscription(name, wanted), f"{kind}Events": [name]}
            for kind, listed in (("sync", SYNC), ("async", ASYNC))
            for name, wanted in listed.items()
            if name not in self.without
        ]
        return {
            "id": "test.recorder",
            "name": "Recorder",
            "version": "1.0.0",
            "author": "Tests",
            "permissions": PERMISSIONS,
            "appUrl": f"{self.served.url}/app",
            "tokenTargetUrl": f"{self.served.url}/api/register",
            "webhooks": hooks,
            **self.changed,
        }

    def _answer(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers}
        with self._lock:
            if request.path == "/api/manifest":
                self.manifest_requests.append(headers)
                return as_json(self.manifest())
            if request.path == "/api/register":
                given = json.loads(request.get_data())
                self.registers.append((headers, given))
                self.token = given["auth_token"]
                return self.register_answer()
            event = headers["saleor-event"].upper()
            received = Received(event, headers, request.get_data())
            self.received.append(received)
        answer = self.answers.get(event)
        return answer(received) if answer else as_json({})

    def of(self, event: str) -> list[Received]:
        """Return the requests of one event."""
        with self._lock:
            return [each for each in self.received if each.event == event]

    def names(self) -> list[str]:
        """Return the names of the events in order of arrival."""
        with self._lock:
            return [each.event for each in self.received]

    def forget(self) -> None:
        """Forget all requests so far."""
        with self._lock:
            self.received.clear()
