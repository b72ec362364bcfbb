"""Webhook endpoints and the list of events.

Source: "Webhook endpoints", "Events": the secret is returned once, when the endpoint is created; events are listed
for 30 days.
"""

import copy
import fnmatch
import hashlib
import hmac
from typing import get_args
from urllib.parse import urlsplit

import stripe

from . import listing, metadata
from .errors import invalid, missing
from .state import Account, Call, Json, new_id

KEPT_SECONDS = 30 * 24 * 3600
MOST_ENDPOINTS = 16
MOST_TYPES = 20
EVENT_TYPES: frozenset[str] = frozenset(get_args(stripe.Event.__annotations__["type"]))


def create(call: Call) -> Json:
    """POST /v1/webhook_endpoints: the only response that contains the secret."""
    given = call.params
    _check(call, given)
    if given.get("connect") and not call.account.is_platform:
        raise invalid("Only an account that signed up for Connect has Connect webhooks.", "connect")
    if len(call.account.table("webhook_endpoint")) >= MOST_ENDPOINTS:
        raise invalid(f"You have reached the maximum of {MOST_ENDPOINTS} webhook endpoints.")
    endpoint = call.account.put(_endpoint(call))
    call.account.secrets[endpoint["id"]] = new_id("whsec", 32)
    if given.get("connect"):
        call.account.connect_endpoints.add(endpoint["id"])
    return {**endpoint, "secret": call.account.secrets[endpoint["id"]]}


def retrieve(call: Call) -> Json:
    """GET /v1/webhook_endpoints/{id}"""
    return call.account.addressed("webhook_endpoint", call.path["id"], "webhook_endpoint")


def update(call: Call) -> Json:
    """POST /v1/webhook_endpoints/{id}"""
    endpoint = retrieve(call)
    given = call.params
    _check(call, given)
    values = metadata.merge(endpoint["metadata"], given.get("metadata"))
    for name in ("url", "enabled_events", "description"):
        endpoint[name] = given.get(name, endpoint[name])
    if "disabled" in given:
        endpoint["status"] = "disabled" if given["disabled"] else "enabled"
    endpoint["metadata"] = values
    return endpoint


def delete(call: Call) -> Json:
    """DELETE /v1/webhook_endpoints/{id}: nothing more is sent to it."""
    endpoint = retrieve(call)
    del call.account.table("webhook_endpoint")[endpoint["id"]]
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def list_(call: Call) -> Json:
    """GET /v1/webhook_endpoints"""
    return listing.page(call, "webhook_endpoint")


def retrieve_event(call: Call) -> Json:
    """GET /v1/events/{id}; gone after 30 days."""
    event = call.account.addressed("event", call.path["id"])
    if not _fresh(call, event):
        raise missing("event", event["id"], "id", 404)
    return event


def list_events(call: Call) -> Json:
    """GET /v1/events: those of the last 30 days."""
    given = call.params
    if "type" in given and "types" in given:
        raise invalid("Give either type or types, not both.", "types")
    if len(given.get("types", ())) > MOST_TYPES:
        raise invalid(f"You can give up to {MOST_TYPES} types.", "types")
    patterns = given.get("types") or [given.get("type", "*")]
    return listing.page(
        call, "event", keep=lambda event: _fresh(call, event) and _listed(event, patterns, given)
    )


def listeners(account: Account, event: Json) -> list[tuple[Account, Json]]:
    """Return the endpoints that get an event, each with its owner: the account, or the platform that created it."""
    found = [(account, each) for each in _wanting(account, event, connect=False)]
    tie = account.connection
    if tie is not None and not tie.is_revoked:
        found += [(tie.platform, each) for each in _wanting(tie.platform, event, connect=True)]
    return found


def _wanting(account: Account, event: Json, *, connect: bool) -> list[Json]:
    return [
        endpoint
        for endpoint in account.table("webhook_endpoint").values()
        if endpoint["status"] == "enabled"
        and {"*", event["type"]} & set(endpoint["enabled_events"])
        and (endpoint["id"] in account.connect_endpoints) == connect
    ]


def signature(secret: str, body: bytes, moment: int) -> str:
    """Return the Stripe-Signature header: HMAC-SHA256 of "time.body". Source: "Verify webhook signatures manually"."""
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


def render(event: Json, endpoint: Json) -> Json:
    """Return the event as this endpoint gets it: in the endpoint's API version."""
    return {**copy.deepcopy(event), "api_version": endpoint["api_version"] or event["api_version"]}


def _fresh(call: Call, event: Json) -> bool:
    return bool(call.now - event["created"] < KEPT_SECONDS)


def _listed(event: Json, patterns: list[str], given: Json) -> bool:
    if "delivery_success" in given and given["delivery_success"] != (event["pending_webhooks"] == 0):
        return False
    return any(fnmatch.fnmatchcase(event["type"], pattern) for pattern in patterns)


def _check(call: Call, given: Json) -> None:
    if "url" in given:
        _check_url(given["url"], call.account.livemode)
    unknown = [kind for kind in given.get("enabled_events", ()) if kind != "*" and kind not in EVENT_TYPES]
    if unknown:
        raise invalid(f"Invalid enabled_events: {unknown[0]} is not an event type.", "enabled_events")


def _check_url(url: str, livemode: bool) -> None:
    """Live endpoints need https. Unlike Stripe, the sandbox also delivers to this machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid"
        )
    if livemode and parts.scheme != "https":
        raise invalid("Invalid URL: In live mode the webhook's URL must be https.", "url", "url_invalid")


def _endpoint(call: Call) -> Json:
    given = call.params
    return {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": given.get("api_version"),
        "application": None,
        "created": call.now,
        "description": given.get("description"),
        "enabled_events": given["enabled_events"],
        "livemode": call.account.livemode,
        "metadata": metadata.merge({}, given.get("metadata")),
        "status": "enabled",
        "url": given["url"],
    }
