"""The stand-in's state: accounts with their keys and objects, and the current call.

Objects are stored as the JSON that Stripe would send, with references unexpanded. Everything here is used under the
sandbox's lock.
"""

import copy
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .cards import Behavior
from .errors import missing
from .idempotency import Answers

API_VERSION = "2026-10-28.endive"

type Json = dict[str, Any]
type Handler = Callable[[Call], Json]
type Job = Callable[[Call], None]

_LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return an id that looks like Stripe's: prefix, underscore, letters and digits."""
    return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(frozen=True)
class ApiKey:
    """A key of an account. `scopes` is None if everything is allowed; a write scope includes reading."""

    text: str
    kind: str
    scopes: frozenset[str] | None = None

    @property
    def is_publishable(self) -> bool:
        """A publishable key only allows what a browser does, with an object's client secret."""
        return self.kind == "publishable"


@dataclass
class Account:
    """One Stripe account in one mode, with everything that belongs to it."""

    id: str
    name: str
    created: int
    livemode: bool = False
    country: str = "US"
    default_currency: str = "usd"
    keys: dict[str, ApiKey] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    tables: dict[str, dict[str, Json]] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)
    behaviors: dict[str, Behavior] = field(default_factory=dict)
    unverified_domains: set[str] = field(default_factory=set)
    secrets: dict[str, str] = field(default_factory=dict)
    used_methods: set[str] = field(default_factory=set)
    shipping_by_secret_key: set[str] = field(default_factory=set)  # PaymentIntents
    multicapture: bool = False  # depends on the contract with Stripe
    is_platform: bool = False  # signed up for Connect
    is_restricted: bool = False  # Stripe requires documents before it allows payments again
    connection: "Connection | None" = None
    connect_endpoints: set[str] = field(default_factory=set)

    def table(self, name: str) -> dict[str, Json]:
        """All objects of one kind (such as "payment_intent") by id, oldest first."""
        return self.tables.setdefault(name, {})

    def put(self, item: Json) -> Json:
        """Store a new object under its own kind."""
        self.table(item["object"])[item["id"]] = item
        return item

    def addressed(self, name: str, identifier: str, param: str = "id") -> Json:
        """Return the object whose id is in the path; 404 if there is none."""
        return self._find(name, identifier, param, 404)

    def referred(self, name: str, identifier: str, param: str) -> Json:
        """Return the object whose id is in a parameter; 400 if there is none, or it is deleted."""
        item = self._find(name, identifier, param, 400)
        if item.get("deleted"):
            raise missing(name, identifier, param)
        return item

    def _find(self, name: str, identifier: str, param: str, status: int) -> Json:
        item = self.table(name).get(identifier)
        if item is None:
            raise missing(name, identifier, param, status)
        return item


@dataclass
class Connection:
    """The connection of an account to the platform that created it, until the owner ends it."""

    platform: Account
    stage: str = "started"  # of the onboarding; see connect.py
    email: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    links: dict[str, "Link"] = field(default_factory=dict)
    is_revoked: bool = False


@dataclass
class Link:
    """A link to the hosted onboarding, valid for one visit."""

    expires_at: int
    refresh_url: str
    return_url: str
    is_visited: bool = False
    is_left: bool = False


class Outbox(Protocol):
    """Accepts what happens after the response: webhooks to send, and what Stripe does some time later."""

    def send(self, account: Account, event: Json) -> None:
        """Deliver an event to the account's endpoints."""

    def later(self, account: Account, job: Job) -> None:
        """Run a job on the account a little later, under the sandbox's lock."""


@dataclass
class Call:
    """One request, or one thing that Stripe does by itself (then without request and key)."""

    account: Account
    now: int
    outbox: Outbox
    base_url: str
    params: Json = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    address: str = ""
    key: ApiKey | None = None
    request_id: str | None = None
    idempotency_key: str | None = None
    accounts: dict[str, Account] = field(default_factory=dict)

    @property
    def by_browser(self) -> bool:
        """Whether the caller only has a publishable key."""
        return self.key is not None and self.key.is_publishable

    def emit(self, kind: str, item: Json, before: Json | None = None) -> None:
        """Record an event with a snapshot of the object, and send it to the endpoints that subscribe to it."""
        event = self._event(kind, item, before)
        self.account.put(event)
        self.outbox.send(self.account, event)

    def later(self, job: Job) -> None:
        """Do something after this response."""
        self.outbox.later(self.account, job)

    def _event(self, kind: str, item: Json, before: Json | None) -> Json:
        data: Json = {"object": copy.deepcopy(item)}
        if before is not None:
            data["previous_attributes"] = changes(before, item)
        return {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": self.account.livemode,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": kind,
        }


def changes(before: Json, after: Json) -> Json:
    """Return previous_attributes: the former values of the fields that changed."""
    return {name: copy.deepcopy(before.get(name)) for name in after if before.get(name) != after[name]}


def snapshot(item: Json) -> Json:
    """Return a copy to compare with later."""
    return copy.deepcopy(item)
