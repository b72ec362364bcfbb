"""The body of a webhook: the app's own subscription, executed for the event."""

import json
from typing import Any

from graphql import ExecutionResult, GraphQLError, execute_sync, parse

from .access import Call
from .events import EventKind
from .fields import Silenced
from .host import Host
from .resolvers import executable_schema
from .state import App, User, Webhook, now


def build(
    host: Host, webhook: Webhook, event: EventKind, fields: dict[str, Any], principal: App | User | None
) -> bytes | None:
    """Return the payload as ASCII JSON; None, and nothing is sent, if the subscription selects nothing of this event.

    Call it while holding the store's lock.
    """
    root = {
        "event": {
            "__typename": event.type_name,
            "issuedAt": now(),
            "version": host.full_version,
            "issuingPrincipal": principal,
            "recipient": webhook.app,
            **fields,
        }
    }
    call = Call(host, webhook.app, building_payload=True)
    result = execute_sync(
        executable_schema(host.version), parse(webhook.query), root_value=root, context_value=call
    )
    return _encoded(result)


def _encoded(result: ExecutionResult) -> bytes | None:
    body: dict[str, Any] = dict((result.data or {}).get("event") or {})
    errors = [shown(error) for error in result.errors or () if not _silent(error)]
    if errors:
        body["errors"] = errors
    return json.dumps(body).encode("ascii") if body else None


def _silent(error: GraphQLError) -> bool:
    return isinstance(error, Silenced) or isinstance(error.original_error, Silenced)


def shown(error: GraphQLError) -> dict[str, Any]:
    """Return an error in Saleor's format, with the exception's code and no other details."""
    formatted: dict[str, Any] = {**error.formatted}
    extensions = formatted.get("extensions") or {}
    if "exception" not in extensions:
        original = error.original_error
        code = type(original).__name__ if original is not None else "GraphQLError"
        formatted["extensions"] = {**extensions, "exception": {"code": code, "stacktrace": []}}
    return formatted
