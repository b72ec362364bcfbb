"""Attributes of contacts: those of Saleor's metadata that the merchant chose to keep, by key, and none besides.

Metadata holds whatever storefronts and other apps write, so an audience keeps nothing of it until its merchant names
the keys. A key that is taken off the list is forgotten with all its values.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import NEVER, Contact, ContactAttribute

LONGEST_VALUE = 500
_WHOLE = "metadata"  # in a contact's `known_at`: when an account told all of its metadata last
LARGEST = Decimal(10) ** 15  # what the column of numbers holds


def keep(contact: Contact, metadata: Sequence[Any], said_at: datetime, *, is_whole: bool) -> None:
    """Keep what the metadata says under the audience's keys; the newest saying of each key counts.

    An account tells all of its metadata (`is_whole`): a key that is missing there was taken away.
    """
    keys = contact.audience.attribute_keys
    if not keys:
        return
    moment = said_at.astimezone(UTC).isoformat(timespec="microseconds")
    if moment <= contact.known_at.get(_WHOLE, ""):
        return  # all of it was told since
    if is_whole:
        contact.known_at[_WHOLE] = moment
        contact.save(update_fields=["known_at", "updated_at"])
    pairs = [pair for pair in metadata if isinstance(pair, dict)]
    told = {str(pair.get("key")): str(pair.get("value") or "").strip() for pair in pairs}
    known = {row.key: row for row in contact.attributes.all()}
    for key in keys:
        value = told.get(key, "") if key in told or is_whole else None
        if value is None or len(value) > LONGEST_VALUE or "\0" in value:
            continue
        row = known.get(key)
        if row is None and value:
            row = ContactAttribute(contact=contact, key=key, said_at=NEVER)
        if row is not None and said_at > row.said_at:
            row.value, row.number, row.said_at = value, number_in(value), said_at.astimezone(UTC)
            row.save()
            mark_changed(contact)


def number_in(text: str) -> Decimal | None:
    """The number that the text is, to three places; None for any other text."""
    try:
        number = Decimal(text)
        return number.quantize(Decimal("0.001")) if number.is_finite() and abs(number) < LARGEST else None
    except InvalidOperation:
        return None


def move(absorbed: Contact, kept: Contact) -> None:
    """Of two contacts that become one the one that goes on has the newest value of each key; the caller saves it."""
    whole = max(absorbed.known_at.get(_WHOLE, ""), kept.known_at.get(_WHOLE, ""))
    if whole:
        kept.known_at[_WHOLE] = whole
    known = {row.key: row for row in kept.attributes.all()}
    for row in absorbed.attributes.all():
        other = known.get(row.key)
        if other is not None and other.said_at >= row.said_at:
            continue
        if other is not None:
            other.delete()
        row.contact = kept
        row.save(update_fields=["contact"])
