"""Attributes of contacts: values of Saleor's metadata under the keys that the merchant chose.

Metadata holds whatever storefronts and other apps write, so an audience stores none of it until its merchant names the
keys. Removing a key from the list deletes all its values.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import NEVER, Contact, ContactAttribute

MAX_VALUE_LENGTH = 500
MAX_NUMBER = Decimal(10) ** 12  # with three decimals, SQLite stores up to fifteen digits exactly
_ALL_METADATA = "metadata"  # in `Contact.known_at`: when an account last sent all of its metadata


def store(contact: Contact, metadata: Sequence[Any], said_at: datetime, *, is_whole: bool) -> None:
    """Store the metadata under the audience's keys; the newest value of each key counts.

    An account sends all of its metadata (`is_whole`), so a key that is missing there was deleted.
    """
    keys = contact.audience.attribute_keys
    if not keys:
        return
    moment = said_at.astimezone(UTC).isoformat(timespec="microseconds")
    if moment <= contact.known_at.get(_ALL_METADATA, ""):
        return  # all of it was sent again later
    if is_whole:
        contact.known_at[_ALL_METADATA] = moment
        contact.save(update_fields=["known_at", "updated_at"])
    pairs = [pair for pair in metadata if isinstance(pair, dict)]
    values = {str(pair.get("key")): str(pair.get("value") or "").strip() for pair in pairs}
    rows = {row.key: row for row in contact.attributes.all()}
    for key in keys:
        value = values.get(key, "") if key in values or is_whole else None
        if value is None or len(value) > MAX_VALUE_LENGTH or "\0" in value:
            continue
        row = rows.get(key)
        if row is None and value:
            row = ContactAttribute(contact=contact, key=key, said_at=NEVER)
        if row is not None and said_at > row.said_at:
            row.value, row.number, row.said_at = value, parse_number(value), said_at.astimezone(UTC)
            row.save()
            mark_changed(contact)


def parse_number(text: str) -> Decimal | None:
    """Return the text as a number with three decimals, or None if it is not a number."""
    try:
        number = Decimal(text)
        rounded = number.quantize(Decimal("0.001")) if number.is_finite() else MAX_NUMBER
        return rounded if abs(rounded) < MAX_NUMBER else None
    except InvalidOperation:
        return None


def merge(absorbed: Contact, kept: Contact) -> None:
    """Move the attributes of `absorbed` to `kept`; the newer value of each key wins. The caller saves `kept`."""
    last_sent = max(absorbed.known_at.get(_ALL_METADATA, ""), kept.known_at.get(_ALL_METADATA, ""))
    if last_sent:
        kept.known_at[_ALL_METADATA] = last_sent
    rows = {row.key: row for row in kept.attributes.all()}
    for row in absorbed.attributes.all():
        other = rows.get(row.key)
        if other is not None and other.said_at >= row.said_at:
            continue
        if other is not None:
            other.delete()
        row.contact = kept
        row.save(update_fields=["contact"])
