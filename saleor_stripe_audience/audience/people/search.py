"""Contacts by what their address or name begins with: an index cannot find text in the middle."""

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower

from saleor_stripe_audience.audience.people.models import Contact, FormerAddress

LAST_CHARACTER = "\U0010ffff"


def search[Rows: QuerySet[Contact]](rows: Rows, audience_id: UUID, text: str) -> Rows:
    """Return the rows, which are the audience's, whose address, first name or last name begins with the text.

    Of two words, one may be the whole first or last name and the other the beginning of the other name. A former
    address is found as a whole.
    """
    begins = text.strip()
    first, _space, second = begins.partition(" ")
    address = begins.lower()
    found = _begins("email", address, f"{address}{LAST_CHARACTER}")
    for name in ("first", "last"):
        found |= _name_begins(name, begins)
    if second := second.strip():
        for one, other in (("first", "last"), ("last", "first")):
            found |= Q(**{one: Lower(Value(first))}) & _name_begins(other, second)
    if former := former_holders(audience_id, begins):
        found |= Q(pk__in=former)
    return rows.alias(first=Lower("first_name"), last=Lower("last_name")).filter(found)


def former_holders(audience_id: UUID, address: str) -> list[UUID]:
    """Return the contact of the audience that had the address before, if there is one."""
    held = FormerAddress.objects.filter(audience=audience_id, email=address.lower())
    return list(held.values_list("contact_id", flat=True)) if "@" in address else []


def _name_begins(name: str, text: str) -> Q:
    """As the database lowers the names: SQLite does so with ASCII only."""
    return _begins(name, Lower(Value(text)), Lower(Value(f"{text}{LAST_CHARACTER}")))


def _begins(column: str, text: Any, end: Any) -> Q:
    """PostgreSQL has indexes for patterns. SQLite compares by characters, so in its index a beginning is a range."""
    if connection.vendor == "postgresql":
        return Q(**{f"{column}__startswith": text})
    return Q(**{f"{column}__gte": text, f"{column}__lt": end})
