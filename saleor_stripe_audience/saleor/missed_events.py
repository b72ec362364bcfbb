"""Events that Saleor could not deliver, or never sent: nothing is delivered while an app is deactivated.

Failed deliveries can be fetched for some days; orders, customers and products by when they changed. All of it is
recorded in the inbox as if it had been delivered: what arrived before is recognized there, as the same or as older.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.handlers import is_handled
from saleor_stripe_audience.saleor import client, freshness
from saleor_stripe_audience.saleor.documents import read_version
from saleor_stripe_audience.saleor.listing import LISTINGS, Listing, fetch_changed
from saleor_stripe_audience.saleor.manifest import manifest
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.strict_json import read_object

Json = dict[str, Any]

FIRST_PERIOD = timedelta(days=1)  # how far back the first run looks


def record_missed_events(installation: Installation, since: datetime | None = None) -> dict[str, int]:
    """Record what the inbox does not have yet; returns how many of each kind were new.

    It begins where the last run ended, or at `since`. `Rejected` or `Unavailable` if the shop cannot be queried.
    """
    failed = _fetch_failed(installation)
    recorded = {"failed deliveries": sum(_record_delivery(installation, kind, body) for kind, body in failed)}
    webhooks = manifest(installation.variant, read_version(installation.schema_version))["webhooks"]
    subscribed = {webhook["identifier"] for webhook in webhooks}
    for listing in LISTINGS.values():
        if listing.event in subscribed:
            recorded[f"changed {listing.name}"] = _record_changed(installation, listing, since)
    return recorded


def _fetch_failed(installation: Installation) -> Iterator[tuple[str, Any]]:
    """The event and the body of each asynchronous delivery that failed."""
    with client.reading_response():
        failed = [
            (str(edge["node"]["eventType"]).lower(), edge["node"]["payload"])
            for webhook in client.fetch_failed_deliveries(installation)
            if webhook["asyncEvents"]
            for edge in webhook["eventDeliveries"]["edges"]
        ]
    yield from failed


def _record_delivery(installation: Installation, kind: str, body: Any) -> bool:
    """Under the key that it would have had if it had arrived."""
    try:
        payload = read_object(body if isinstance(body, str) else "")
    except ValueError:
        return False  # Saleor retries some deliveries with an empty body: there is nothing in it
    recipient = payload.get("recipient")
    is_ours = isinstance(recipient, dict) and recipient.get("id") == installation.app_id
    if not is_ours or not is_handled("saleor", kind):
        return False
    key = hashlib.sha256(kind.encode() + b"\0" + body.encode()).hexdigest()
    occurred_at = freshness.issued_at(payload.get("issuedAt")) or datetime.now(UTC)
    return inbox.record("saleor", installation.pk, key, kind, payload, occurred_at)


def _record_changed(installation: Installation, listing: Listing, since: datetime | None) -> int:
    """Each changed object as the event of its change."""
    now = datetime.now(UTC)
    begin = since or cursors.begin(installation.pk, listing.name, now - FIRST_PERIOD)
    new = 0
    for node in fetch_changed(installation, listing.name, begin):
        payload = {"issuedAt": now.isoformat(), "recipient": {"id": installation.app_id}, listing.field: node}
        content = json.dumps(node, sort_keys=True)
        key = hashlib.sha256(f"{listing.event.upper()}\0caught up\0{content}".encode()).hexdigest()
        new += inbox.record("saleor", installation.pk, key, listing.event, payload, now)
    cursors.advance(installation.pk, listing.name, now)
    return new
