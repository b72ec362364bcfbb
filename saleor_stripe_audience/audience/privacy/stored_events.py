"""Stored events that tell of a person: found, and made empty when the person is erased."""

import json
import re
from collections.abc import Collection, Iterator
from itertools import batched

from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce, Now

from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation

ASKED_AT_ONCE = 50  # names in one query


def mentioning(
    installation: Installation, addresses: Collection[str], ids: Collection[str]
) -> Iterator[Event]:
    """The shop's stored events, of Saleor and Stripe, that hold one of the addresses or of Saleor's ids."""
    mention = _mention(addresses, ids)
    seen = set()
    for event in _candidates(_stored(installation), addresses, ids):
        if event.pk not in seen and mention.search(_text(event)):
            seen.add(event.pk)
            yield event


def drop(installation: Installation, addresses: Collection[str], ids: Collection[str]) -> int:
    """Make those events empty; what was still to be done with them is left undone. Returns how many."""
    found = [event.pk for event in mentioning(installation, addresses, ids)]
    for some in batched(found, ASKED_AT_ONCE):
        Event.objects.filter(pk__in=some).update(payload=None, handled_at=Coalesce(F("handled_at"), Now()))
    return len(found)


def _stored(installation: Installation) -> QuerySet[Event]:
    origins = [installation.pk, *installation.stripe_accounts.values_list("pk", flat=True)]
    return Event.objects.filter(origin__in=origins, payload__isnull=False)


def _candidates(stored: QuerySet[Event], addresses: Collection[str], ids: Collection[str]) -> Iterator[Event]:
    """All that may hold a name. The database compares letters of other alphabets as it likes: then every event may."""
    if not all(each.isascii() and "xn--" not in each for each in addresses):
        yield from stored.iterator()
        return
    told = stored.annotate(told=Cast("payload", TextField()))
    for some in batched(sorted({*addresses, *ids}), ASKED_AT_ONCE):
        names = Q()
        for name in some:
            names |= Q(told__icontains=name)
        yield from told.filter(names).iterator()


def _mention(addresses: Collection[str], ids: Collection[str]) -> re.Pattern[str]:
    """An id is a whole text; an address may stand inside one, but not inside another address."""
    written = {form for address in addresses for form in _forms(address)}
    forms = [rf"(?<![\w.+-]){re.escape(form)}(?![\w-]|\.\w)" for form in sorted(written)]
    whole = [f'"(?-i:{re.escape(each)})"' for each in sorted(ids)]
    return re.compile("|".join([*forms, *whole]), re.IGNORECASE)


def _forms(address: str) -> set[str]:
    """The address as it is kept, and with its domain as people write it."""
    local, _, domain = address.rpartition("@")
    return {address, f"{local}@{domain.encode().decode('idna')}"}


def _text(event: Event) -> str:
    return json.dumps(event.payload, ensure_ascii=False)
