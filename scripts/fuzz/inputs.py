"""The requests: each depends only on its number and the seed, so that a failed one can be sent again."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_from_bytes, urlencode

import stripe

from saleor_stripe_audience.sandbox.saleor.signing import SigningKey

from . import odd
from .queries import Queries

Json = dict[str, Any]

PATHS = (
    "/", "/healthz", "/readyz", "/api/manifest", "/api/register", "/graphql/", "/api/audience/export.csv",
    "/dashboard/", "/storefront/graphql/", "/static/dashboard/page.js", "/audience/confirm/x", "/api/webhooks/saleor/x",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "BREW")


@dataclass(frozen=True)
class Request:
    """A request; `number` reproduces it."""

    number: int
    method: str
    target: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What a caller with all permissions knows: keys, tokens, ids and paths that the app accepts."""

    api_url: str
    app_id: str
    key: SigningKey
    api_key: str
    storefront_key: str
    staff_claims: Json
    account_id: str
    webhook_secret: str
    synchronous: list[str]
    asynchronous: list[str]
    stripe_kinds: list[str]
    links: list[str]
    mail_addresses: list[str]
    fragments: list[tuple[str, str]]  # method and path of each part of the Dashboard's page


class Inputs:
    """Creates the request of a number."""

    def __init__(self, known: Known, seed: int, api: Queries, storefront: Queries) -> None:
        self._known, self._seed = known, seed
        self._api, self._storefront = api, storefront
        self._makers: tuple[Callable[[random.Random, int], Request], ...] = (
            self._saleor_webhook,
            self._saleor_webhook,
            self._stripe_webhook,
            self._graphql,
            self._graphql,
            self._storefront_graphql,
            self._page,
            self._download,
            self._register,
            self._link,
            self._mail_report,
            self._anything,
        )

    def make(self, number: int) -> Request:
        """Return the request with that number."""
        chance = random.Random(f"{self._seed} {number}")
        return chance.choice(self._makers)(chance, number)

    def _saleor_webhook(self, chance: random.Random, number: int) -> Request:
        known = self._known
        event = chance.choice(known.synchronous + known.asynchronous)
        body = odd.mutated(_saleor_payload(event, known.app_id, number), chance)
        headers = {
            "Content-Type": "application/json",
            "Saleor-Api-Url": known.api_url,
            "Saleor-Event": event,
            "Saleor-Signature": known.key.signature(body),
        }
        _spoil(headers, chance)
        return Request(number, "POST", f"/api/webhooks/saleor/{event.replace('_', '-')}", body, headers)

    def _stripe_webhook(self, chance: random.Random, number: int) -> Request:
        known = self._known
        body = odd.mutated(_stripe_event(chance.choice(known.stripe_kinds), number), chance)
        timestamp = int(time.time()) + chance.choice((0, 0, 0, 0, 0, 0, 0, -4000, 4000))
        signed = f"{timestamp}.".encode() + body
        signature = stripe.WebhookSignature._compute_signature(  # noqa: SLF001 - the library has no public way to sign
            signed.decode("utf-8", "replace"), known.webhook_secret
        )
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={timestamp},v1={signature}"}
        _spoil(headers, chance)
        whose = chance.choice((known.account_id, known.account_id, known.account_id, "connect"))
        return Request(number, "POST", f"/api/webhooks/stripe/{whose}", body, headers)

    def _graphql(self, chance: random.Random, number: int) -> Request:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._known.api_key}"}
        return self._operation(self._api, "/graphql/", headers, chance, number)

    def _storefront_graphql(self, chance: random.Random, number: int) -> Request:
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self._known.storefront_key}",
            "Origin": "https://shop.example.com",
            "X-Forwarded-For": f"192.0.2.{chance.randrange(256)}",
        }
        return self._operation(self._storefront, "/storefront/graphql/", headers, chance, number)

    def _operation(
        self, queries: Queries, path: str, headers: dict[str, str], chance: random.Random, number: int
    ) -> Request:
        operation = queries.operation(chance)
        is_whole = chance.random() < 0.8
        body = (
            json.dumps(operation).encode("utf-8", "surrogatepass")
            if is_whole
            else odd.mutated(operation, chance)
        )
        _spoil(headers, chance)
        return Request(number, "POST", path, body, headers)

    def _page(self, chance: random.Random, number: int) -> Request:
        known = self._known
        method, path = chance.choice(known.fragments)
        headers = {"Authorization": f"Bearer {_token(known, chance)}", "Saleor-Api-Url": known.api_url}
        names = ("channel", "publishable_key", "secret_key", "paused", "message", "sends_receipts",
                 "descriptor_suffix", "accepted", f"channel:{_plain(odd.text(chance))}",
                 "channel:default-channel")  # fmt: skip
        form = [(chance.choice(names), _plain(odd.text(chance))) for _ in range(chance.randrange(5))]
        body = b""
        if method == "POST":
            body = urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            if chance.random() < 0.1:
                headers["Content-Type"] = chance.choice(
                    ("multipart/form-data; boundary=x", "text/plain", "☃")
                )
        _spoil(headers, chance)
        return Request(number, method, path + _query(chance), body, headers)

    def _download(self, chance: random.Random, number: int) -> Request:
        headers = {"Authorization": f"Bearer {self._known.api_key}"}
        return Request(number, "GET", "/api/audience/export.csv" + _query(chance), b"", headers)

    def _register(self, chance: random.Random, number: int) -> Request:
        body = odd.mutated({"auth_token": "token"}, chance)
        headers = {
            "Content-Type": "application/json",
            "Saleor-Api-Url": chance.choice((self._known.api_url, odd.text(chance))),
            "Saleor-Domain": odd.text(chance),
            "Saleor-Schema-Version": chance.choice(("3.23", odd.text(chance))),
            "X-Forwarded-For": f"198.51.100.{chance.randrange(256)}",
        }
        return Request(number, "POST", "/api/register" + _query(chance), body, headers)

    def _link(self, chance: random.Random, number: int) -> Request:
        link = chance.choice(self._known.links)
        if chance.random() < 0.5:
            place = chance.randrange(len(link))
            link = link[:place] + quote(_plain(odd.text(chance))) + link[place + 1 :]
        method = chance.choice(("GET", "POST"))
        body = urlencode({"choice": chance.choice(("subscribe", "unsubscribe", ""))}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        return Request(number, method, link, body if method == "POST" else b"", headers)

    def _mail_report(self, chance: random.Random, number: int) -> Request:
        body = odd.mutated([_mail_event(chance), _mail_event(chance)], chance)
        kind = chance.choice(
            ("application/json", "application/json", "application/x-www-form-urlencoded", "text/plain")
        )
        headers = {"Content-Type": kind}
        _spoil(headers, chance)
        target = chance.choice((*self._known.mail_addresses, "/api/webhooks/mail/x"))
        return Request(number, chance.choice(("POST", "POST", "POST", "HEAD", "GET")), target, body, headers)

    def _anything(self, chance: random.Random, number: int) -> Request:
        path = chance.choice(PATHS)
        if chance.random() < 0.5:
            path += quote_from_bytes(odd.text(chance).encode("utf-8", "surrogatepass"))
        headers = {
            odd.text(chance): odd.text(chance),
            "Accept-Language": odd.text(chance),
            "Cookie": odd.text(chance),
        }
        body = odd.mutated({"query": "{ __typename }"}, chance) if chance.random() < 0.5 else b""
        return Request(number, chance.choice(METHODS), path + _query(chance), body, headers)


def _mail_event(chance: random.Random) -> Json:
    """Use the names of several services at once: each parser reads its own."""
    kind = chance.choice(
        ("bounce", "Bounce", "dropped", "spamreport", "SpamComplaint", "hard_bounce", "failed", "x")
    )
    to = chance.choice(("known@example.com", "nobody@example.com"))
    return {
        "event": kind, "RecordType": kind, "Type": "HardBounce", "type": f"email.{kind}", "email": to, "Email": to,
        "Recipient": to, "recipient": to, "timestamp": 1_790_000_000, "BouncedAt": "2026-11-20T10:00:00Z",
        "sg_event_id": "1", "MessageID": "2", "reason": "550", "event-data": {"event": kind, "recipient": to},
        "msg": {"email": to, "state": kind}, "data": {"to": [to], "email_id": "3"},
    }  # fmt: skip


def _plain(text: str) -> str:
    """Remove surrogates, which a form cannot contain."""
    return text.encode("utf-8", "replace").decode()


def _query(chance: random.Random) -> str:
    names = (
        "audience",
        "segment",
        "status",
        "ads",
        "saleorApiUrl",
        "locale",
        "theme",
        "id",
        "variant",
        "page",
        "x",
    )
    values = [
        f"{chance.choice(names)}={quote_from_bytes(odd.text(chance).encode('utf-8', 'surrogatepass'))}"
        for _ in range(chance.choice((0, 0, 1, 2)))
    ]
    return f"?{'&'.join(values)}" if values else ""


def _spoil(headers: dict[str, str], chance: random.Random) -> None:
    """Replace or remove one header in ten."""
    if chance.random() < 0.1:
        name = chance.choice(sorted(headers))
        if chance.random() < 0.5:
            del headers[name]
        else:
            headers[name] = odd.text(chance)


def _token(known: Known, chance: random.Random) -> str:
    now = int(time.time())
    claims = known.staff_claims | {"iat": now, "exp": now + 300}
    if chance.random() < 0.1:
        claims[chance.choice(sorted(claims))] = chance.choice((None, 7, "x", [], {}))
    return known.key.token(claims)


def _saleor_payload(event: str, app_id: str, number: int) -> Json:
    money = {"amount": 12.3, "currency": "USD"}
    order = _order(number)
    user, variant = order["user"], order["lines"][0]["variant"]
    checkout = order | {
        "id": f"Q2hlY2tvdXQ6{number % 50}",
        "email": user["email"],
        "totalPrice": {"gross": money},
    }
    return {
        "recipient": {"id": app_id},
        "version": "3.23.28",
        "issuedAt": "2026-11-20T10:00:00+00:00",
        "issuingPrincipal": {"__typename": "User", "id": user["id"]},
        "idempotencyKey": f"key-{number % 500}",
        "merchantReference": f"VHJhbnNhY3Rpb25JdGVtOjE{number % 500}",
        "action": {"amount": 12.3, "currency": "USD", "actionType": "CHARGE"},
        "transaction": {"id": f"VHJhbnNhY3Rpb25JdGVtOjE{number % 500}", "pspReference": "", "events": []},
        "sourceObject": {"__typename": "Checkout", **checkout},
        "data": {"paymentIntent": {"paymentMethod": "card"}},
        "amount": 12.3,
        "currency": "USD",
        "paymentMethodId": "pm_1",
        "id": "pm_1",
        "order": order,
        "checkout": checkout,
        "user": user,
        "customer": user,
        "product": variant["product"],
        "productVariant": variant,
        "event": event,
    }


def _order(number: int) -> Json:
    """Return an order with its buyer, channel and line, as in Saleor's events."""
    money = {"amount": 12.3, "currency": "USD"}
    address = {
        "firstName": "Ada",
        "lastName": "L",
        "city": "Paris",
        "country": {"code": "FR"},
        "phone": "+33 1",
    }
    user = {"id": f"VXNlcjo{number % 50}", "email": f"buyer{number % 50}@example.com", "isConfirmed": True,
            "metadata": [{"key": "marketing_consent", "value": "true"}], "languageCode": "EN"}  # fmt: skip
    channel = {"id": "Q2hhbm5lbDox", "slug": "default-channel", "currencyCode": "USD"}
    variant = {"id": "UHJvZHVjdFZhcmlhbnQ6MQ==", "name": "S", "sku": "s",
               "product": {"id": "UHJvZHVjdDox", "name": "Tea", "description": None}}  # fmt: skip
    line = {
        "id": "T3JkZXJMaW5lOjE=",
        "quantity": 1,
        "productName": "Tea",
        "variant": variant,
        "totalPrice": {"gross": money},
    }
    return {"id": f"T3JkZXI6{number % 50}", "number": str(number), "userEmail": user["email"], "user": user,
            "channel": channel, "total": {"gross": money}, "totalCharged": money, "lines": [line],
            "created": "2026-11-20T10:00:00+00:00", "updatedAt": "2026-11-20T10:00:00+00:00", "metadata": [],
            "billingAddress": address, "shippingAddress": address, "status": "UNFULFILLED"}  # fmt: skip


def _stripe_event(kind: str, number: int) -> Json:
    thing = kind.rpartition(".")[0]
    whole = {
        "id": f"obj_{number % 500}",
        "object": thing,
        "amount": 1230,
        "currency": "usd",
        "status": "succeeded",
        "payment_intent": f"pi_{number % 500}",
        "charge": f"ch_{number % 500}",
        "client_secret": "pi_1_secret_2",
        "metadata": {"saleor_transaction_id": "VHJhbnNhY3Rpb25JdGVtOjE="},
        "created": 1_790_000_000,
    }
    return {
        "id": f"evt_{number}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "type": kind,
        "created": 1_790_000_000,
        "livemode": False,
        "account": "acct_1",
        "data": {"object": whole, "previous_attributes": {}},
    }
