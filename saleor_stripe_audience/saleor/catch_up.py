"""What the host told and we did not hear, and what it never told: while an app is switched off nothing is delivered.

Failed deliveries can be read for some days, orders, customers and products by when they changed. All of it is
recorded in the inbox as if it had been delivered: what was heard already is known there as a double or is older.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from graphql import DocumentNode, FieldNode, InlineFragmentNode, OperationDefinitionNode, parse, print_ast

from saleor_stripe_audience.documents import read_document
from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.saleor import client, freshness
from saleor_stripe_audience.saleor.manifest import manifest, read_version, trimmed
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.strict_json import read_object

Json = dict[str, Any]

FIRST_LOOK = timedelta(days=1)
PAGE = 50
CHANGED = {
    "ORDER_UPDATED": ("orders", "order"),
    "CUSTOMER_UPDATED": ("customers", "user"),
    "PRODUCT_UPDATED": ("products", "product"),
}  # the event as which a changed object is recorded: the query that lists it, the event's field that holds it


def catch_up(installation: Installation, since: datetime | None = None) -> dict[str, int]:
    """Record what the inbox lacks; how many of each kind were new to it.

    `since` overrides where the last look ended. `Rejected` or `Unavailable` when the shop cannot be asked.
    """
    told = {
        "failed deliveries": sum(
            _recorded_delivery(installation, kind, body) for kind, body in _failed(installation)
        )
    }
    wanted = {name.upper() for name in _events(installation)}
    for event, (listing, _) in CHANGED.items():
        if event in wanted:
            told[f"changed {listing}"] = _changed(installation, event, since)
    return told


def _events(installation: Installation) -> Iterator[str]:
    version = read_version(installation.schema_version)
    for webhook in manifest(installation.variant, version)["webhooks"]:
        yield webhook["identifier"]


def _failed(installation: Installation) -> Iterator[tuple[str, Any]]:
    """The event and the body of each asynchronous delivery that failed."""
    with client.reading_answer():
        failed = [
            (str(edge["node"]["eventType"]).lower(), edge["node"]["payload"])
            for webhook in client.fetch_failed_deliveries(installation)
            if webhook["asyncEvents"]
            for edge in webhook["eventDeliveries"]["edges"]
        ]
    yield from failed


def _recorded_delivery(installation: Installation, kind: str, body: Any) -> bool:
    """The delivery under the key that it would have had, had it come."""
    try:
        payload = read_object(body if isinstance(body, str) else "")
    except ValueError:
        return False  # the host repeats with an empty body what it could not deliver: nothing is in it
    recipient = payload.get("recipient")
    is_ours = isinstance(recipient, dict) and recipient.get("id") == installation.app_id
    if not is_ours or not is_handled("saleor", kind):
        return False
    key = hashlib.sha256(kind.encode() + b"\0" + body.encode()).hexdigest()
    return inbox.record("saleor", installation.pk, key, kind, payload, _occurred_at(payload))


def _occurred_at(payload: Json) -> datetime:
    return freshness.issued_at(payload.get("issuedAt")) or datetime.now(UTC)


def _changed(installation: Installation, event: str, since: datetime | None) -> int:
    listing, part = CHANGED[event]
    looked = datetime.now(UTC)
    begin = since or cursors.begin(installation.pk, listing, looked - FIRST_LOOK)
    query = listing_query(event, installation.schema_version)
    new = 0
    for found in client.fetch_changed(installation, query, listing, begin):
        payload = {"issuedAt": looked.isoformat(), "recipient": {"id": installation.app_id}, part: found}
        content = json.dumps(found, sort_keys=True)
        key = hashlib.sha256(f"{event}\0caught up\0{content}".encode()).hexdigest()
        new += inbox.record("saleor", installation.pk, key, event.lower(), payload, looked)
    cursors.advance(installation.pk, listing, looked)
    return new


@cache
def listing_query(event: str, schema_version: str) -> str:
    """A query for what changed, with the very fields that the event's own document asks for."""
    listing, _ = CHANGED[event]
    fields = fields_of(event, schema_version)
    return (
        f"query Changed($since: DateTime!, $after: String) {{ {listing}(first: {PAGE}, after: $after, "
        f"filter: {{updatedAt: {{gte: $since}}}}) "
        f"{{ pageInfo {{ hasNextPage endCursor }} edges {{ node {fields} }} }} }}"
    )


def fields_of(event: str, schema_version: str) -> str:
    """What the event's own document asks of its object, in braces."""
    _, part = CHANGED[event]
    document = parse(
        trimmed(read_document(f"graphql/webhooks/{event}.graphql"), read_version(schema_version))
    )
    return print_ast(_selection(document, part).selection_set)


def _selection(document: DocumentNode, part: str) -> Any:
    """The field `part` of the event that the document subscribes to."""
    [operation] = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    [event] = [each for each in operation.selection_set.selections if isinstance(each, FieldNode)]
    inside = event.selection_set.selections if event.selection_set else ()
    for fragment in inside:
        if isinstance(fragment, InlineFragmentNode):
            for field in fragment.selection_set.selections:
                if isinstance(field, FieldNode) and field.name.value == part:
                    return field
    raise LookupError(part)
