"""Stored events that mention a person: found for the right of access, emptied when the person is erased."""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import batched
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce, Now
from django.tasks import task
from django.utils import timezone

from saleor_stripe_audience.audience.people.addresses import in_unicode, normalize_email
from saleor_stripe_audience.audience.privacy import tombstones
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

BATCH_SIZE = 50  # names or events in one query
NAMES_BATCH_SIZE = 200  # events whose names are looked up together
CURSOR = "events of erased people"
_ADDRESS = re.compile(r"""[^\s"<>()\[\],;:\\]+@[^\s"<>()\[\],;:\\]+""")
_ACCOUNT = re.compile(r'"(VXNlcjo[A-Za-z0-9+/]+=*)"')  # Saleor's id of a User
LAST_ATTEMPT = 13  # each waits twice as long as the one before, the first a minute


def find_mentions(
    installation: Installation, addresses: Collection[str], ids: Collection[str]
) -> Iterator[Event]:
    """Yield the shop's stored events, from Saleor and Stripe, that contain one of the addresses or Saleor ids."""
    pattern = _pattern(addresses, ids)
    seen = set()
    for event in _candidates(_stored_events(installation), addresses, ids):
        if event.pk not in seen and pattern.search(json.dumps(event.payload, ensure_ascii=False)):
            seen.add(event.pk)
            yield event


def clear(installation: Installation, addresses: Collection[str], ids: Collection[str]) -> int:
    """Delete the payloads of those events, of unhandled ones once they are handled. Returns how many events there are.

    An order or payment that was not handled before the erasure still counts, without a contact.
    """
    found = [event.pk for event in find_mentions(installation, addresses, ids)]
    unhandled = _clear_handled(found)
    if unhandled:
        _clear_later(unhandled, 0)
    return len(found)


def _clear_handled(event_ids: Iterable[int]) -> list[int]:
    """Delete the payloads of the events that are handled, and return the others."""
    unhandled: list[int] = []
    for some in batched(event_ids, BATCH_SIZE):
        Event.objects.filter(pk__in=some, handled_at__isnull=False).update(payload=None)
        unhandled += Event.objects.filter(pk__in=some, handled_at=None).values_list("pk", flat=True)
    return unhandled


def _clear_later(event_ids: list[int], attempt: int) -> None:
    delay = timedelta(minutes=2**attempt)
    clear_when_handled.using(run_after=timezone.now() + delay).enqueue(event_ids, attempt)


@task
def clear_when_handled(event_ids: list[int], attempt: int) -> int:
    """Delete the payloads of events that mention an erased person and are handled by now; after eleven days, of all.

    Returns how many are left for the next attempt.
    """
    unhandled = _clear_handled(event_ids)
    if not unhandled:
        return 0
    if attempt == LAST_ATTEMPT:
        for some in batched(unhandled, BATCH_SIZE):
            Event.objects.filter(pk__in=some).update(
                payload=None, handled_at=Coalesce(F("handled_at"), Now())
            )
        log.warning("events of an erased person dropped before they could be handled", events=unhandled)
        return 0
    _clear_later(unhandled, attempt + 1)
    return len(unhandled)


def clear_later_events() -> int:
    """Delete the payloads of events that mention people who were erased before the events arrived; returns how many.

    Such an event is handled like any other, but creates no contact.
    """
    cleared = 0
    shops = Installation.objects.filter(tombstones__lifted_at=None).distinct()
    for installation in shops.order_by("registered_at"):
        with apart("clearing events of erased people", installation=str(installation.pk)):
            cleared += _clear_later_events_of(installation)
    return cleared


def _clear_later_events_of(installation: Installation) -> int:
    started_at = timezone.now()
    oldest = started_at - timedelta(days=settings.EVENT_RETENTION_DAYS)
    since = cursors.begin(installation.pk, CURSOR, otherwise=oldest)
    recent = _stored_events(installation).filter(received_at__gte=since)
    found: list[int] = []
    for some in batched(recent.order_by("pk").iterator(), NAMES_BATCH_SIZE):
        names = {event.pk: _names_in(event.payload) for event in some}
        erased = tombstones.known(installation, set[str]().union(*names.values()))
        found += [pk for pk, mentioned in names.items() if mentioned & erased]
    if unhandled := _clear_handled(found):
        _clear_later(unhandled, 0)
    cursors.advance(installation.pk, CURSOR, started_at)
    return len(found)


def _names_in(payload: Any) -> set[str]:
    """Return the addresses and Saleor accounts in the payload, as `tombstones` names them."""
    text = json.dumps(payload, ensure_ascii=False)
    names = {tombstones.account(each) for each in _ACCOUNT.findall(text)}
    for each in _ADDRESS.findall(text):
        with suppress(Rejected):
            names.add(tombstones.address(normalize_email(each.strip(".'"))))
    return names


def _stored_events(installation: Installation) -> QuerySet[Event]:
    origins = [installation.pk, *installation.stripe_accounts.values_list("pk", flat=True)]
    return Event.objects.filter(origin__in=origins, payload__isnull=False)


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
    composed = {*addresses, *map(in_unicode, addresses)}  # as Saleor may have it: in Unicode
    spellings = {*composed, *(unicodedata.normalize("NFD", each) for each in composed)}
    parts = [rf"(?<![\w.+-]){re.escape(spelling)}(?![\w-]|\.\w)" for spelling in sorted(spellings)]
    whole = [f'"(?-i:{re.escape(each)})"' for each in sorted(ids)]
    return re.compile("|".join([*parts, *whole]), re.IGNORECASE)
