"""Stored events that mention a person: found for the right of access, emptied when the person is erased.

An address in an event may have belonged to another person at that time, who has the same rights.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import batched
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce, Now
from django.tasks import task
from django.utils import timezone

from saleor_stripe_audience.audience.people.addresses import in_unicode, normalize_email
from saleor_stripe_audience.audience.privacy import tombstones
from saleor_stripe_audience.audience.privacy.owners import Holders, Owner, owners_of
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

BATCH_SIZE = 50  # names or events in one query
NAMES_BATCH_SIZE = 200  # events whose names are looked up together
CURSOR = "events of erased people"
# What may be an address if it has an @. Possessive: a search for the @ itself would start again at every character.
_WORD = re.compile(r"""[^\s"<>()\[\],;:\\]++""")
_ACCOUNT = re.compile(r'"(VXNlcjo[A-Za-z0-9+/]+=*)"')  # Saleor's id of a User
LAST_ATTEMPT = 13  # each waits twice as long as the one before, the first a minute


@dataclass(frozen=True)
class Names:
    """What identifies a person in events: contacts; addresses, also former ones that others have now; Saleor's ids."""

    installation: Installation
    contacts: Collection[UUID]
    addresses: Collection[str]
    ids: Collection[str]

    @cached_property
    def _holders(self) -> Holders:
        return Holders(self.installation, self.addresses)

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {address: _pattern([address], []) for address in self.addresses}

    @cached_property
    def _ids_pattern(self) -> re.Pattern[str] | None:
        return _pattern([], self.ids) if self.ids else None

    def have_id_in(self, text: str) -> bool:
        """Whether the text contains one of the ids."""
        return self._ids_pattern is not None and self._ids_pattern.search(text) is not None

    def had_address_in(self, text: str, event: Event, owner: Owner) -> bool:
        """Whether the event's text contains an address that was the person's."""
        return any(
            self.had(address, event, owner)
            for address, pattern in self._patterns.items()
            if pattern.search(text)
        )

    def had(self, address: str, event: Event, owner: Owner) -> bool:
        """Whether the address was the person's at the time of the event, and never its owner's, if that is another."""
        who = self._holders.at(address, event.occurred_at)
        if who and who.isdisjoint(self.contacts):
            return False
        if not owner.contacts:
            return True
        is_owners = address in owner.addresses or not owner.contacts.isdisjoint(self._holders.ever(address))
        return not is_owners or not owner.contacts.isdisjoint(self.contacts)


def find_own(names: Names) -> Iterator[Event]:
    """Yield the stored events that are about the person, for the person to read.

    What is about another person is left out, even if it mentions this one: their rights come first (GDPR, 15 (4)).
    """
    for event, text, owner in _mentions(names):
        if owner.contacts:
            if not owner.contacts.isdisjoint(names.contacts):
                yield event
        elif names.have_id_in(text) or names.had_address_in(text, event, owner):
            yield event


def clear(names: Names) -> int:
    """Delete the payloads of the stored events that mention the person, of unhandled ones once they are handled.

    Returns how many events there are. An order or payment that was not handled before the erasure still counts,
    without a contact. What only mentions an address that was another person's stays.
    """
    found = [
        event.pk
        for event, text, owner in _mentions(names)
        if names.have_id_in(text) or names.had_address_in(text, event, owner)
    ]
    unhandled = _clear_handled(found)
    if unhandled:
        _clear_later(unhandled, 0)
    return len(found)


def _mentions(names: Names) -> Iterator[tuple[Event, str, Owner]]:
    """Yield the shop's stored events, from Saleor and Stripe, that contain one of the names, with text and owner."""
    pattern, seen = _pattern(names.addresses, names.ids), set()
    stored = _stored_events(names.installation)
    for some in batched(_candidates(stored, names.addresses, names.ids), BATCH_SIZE):
        found = []
        for event in some:
            text = _text_of(event)
            if event.pk not in seen and pattern.search(text):
                seen.add(event.pk)
                found.append((event, text))
        owners = owners_of(names.installation, [event.payload for event, _ in found])
        for (event, text), owner in zip(found, owners, strict=True):
            yield event, text, owner


def _text_of(event: Event) -> str:
    return json.dumps(event.payload, ensure_ascii=False)


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
        found += _of_erased(
            installation, {event: both for event in some if (both := names[event.pk] & erased)}
        )
    if unhandled := _clear_handled(found):
        _clear_later(unhandled, 0)
    cursors.advance(installation.pk, CURSOR, started_at)
    return len(found)


def _of_erased(installation: Installation, erased: Mapping[Event, set[str]]) -> list[int]:
    """Return those of the events that mention erased people, each with their names.

    An address that was also another person's, who is not erased, is not enough.
    """
    addresses = {event: tombstones.addresses_in(names) for event, names in erased.items()}
    found = [event.pk for event, names in erased.items() if len(names) > len(addresses[event])]
    unsure = [event for event in erased if event.pk not in found]
    if not unsure:
        return found
    erased_people = Names(installation, (), set[str]().union(*addresses.values()), ())
    for event, owner in zip(unsure, owners_of(installation, [each.payload for each in unsure]), strict=True):
        if any(erased_people.had(address, event, owner) for address in addresses[event]):
            found.append(event.pk)
    return found


def _names_in(payload: Any) -> set[str]:
    """Return the addresses and Saleor accounts in the payload, as `tombstones` names them."""
    text = json.dumps(payload, ensure_ascii=False)
    names = {tombstones.account(each) for each in _ACCOUNT.findall(text)}
    for each in {found[0] for found in _WORD.finditer(text) if "@" in found[0]}:
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
