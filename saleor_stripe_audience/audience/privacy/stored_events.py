"""Stored events that mention a person: found for the right of access, emptied when the person is erased."""

import json
import re
from collections.abc import Collection, Iterator
from itertools import batched

from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce, Now

from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation

BATCH_SIZE = 50  # names in one query


def find_mentions(
    installation: Installation, addresses: Collection[str], ids: Collection[str]
) -> Iterator[Event]:
    """Yield the shop's stored events, from Saleor and Stripe, that contain one of the addresses or Saleor ids."""
    pattern = _pattern(addresses, ids)
    origins = [installation.pk, *installation.stripe_accounts.values_list("pk", flat=True)]
    stored = Event.objects.filter(origin__in=origins, payload__isnull=False)
    seen = set()
    for event in _candidates(stored, addresses, ids):
        if event.pk not in seen and pattern.search(json.dumps(event.payload, ensure_ascii=False)):
            seen.add(event.pk)
            yield event


def clear(installation: Installation, addresses: Collection[str], ids: Collection[str]) -> int:
    """Delete the payloads of those events, and drop their pending work. Returns how many there were."""
    found = [event.pk for event in find_mentions(installation, addresses, ids)]
    for some in batched(found, BATCH_SIZE):
        Event.objects.filter(pk__in=some).update(payload=None, handled_at=Coalesce(F("handled_at"), Now()))
    return len(found)


def _candidates(stored: QuerySet[Event], addresses: Collection[str], ids: Collection[str]) -> Iterator[Event]:
    """Yield all events that could contain a name.

    Databases differ in how they compare letters outside ASCII; with such an address every event is a candidate.
    """
    if not all(each.isascii() and "xn--" not in each for each in addresses):
        yield from stored.iterator()
        return
    searchable = stored.annotate(text=Cast("payload", TextField()))
    for some in batched(sorted({*addresses, *ids}), BATCH_SIZE):
        names = Q()
        for name in some:
            names |= Q(text__icontains=name)
        yield from searchable.filter(names).iterator()


def _pattern(addresses: Collection[str], ids: Collection[str]) -> re.Pattern[str]:
    """Match an id only as a whole JSON string, an address also inside one, but not inside another address."""
    spellings = set(addresses)
    for address in addresses:
        local, _, domain = address.rpartition("@")
        spellings.add(f"{local}@{domain.encode().decode('idna')}")  # as Saleor may have it: in Unicode
    parts = [rf"(?<![\w.+-]){re.escape(spelling)}(?![\w-]|\.\w)" for spelling in sorted(spellings)]
    whole = [f'"(?-i:{re.escape(each)})"' for each in sorted(ids)]
    return re.compile("|".join([*parts, *whole]), re.IGNORECASE)
