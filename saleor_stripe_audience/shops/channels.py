"""The channels of a shop, and how what is stored for them follows when staff rename them.

Saleor's events name a channel by its id and its slug; what is stored here names it by its slug.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from saleor_stripe_audience.shops.models import Channel, Installation

RenameCallback = Callable[[Installation, str, str], None]
ChangeCallback = Callable[[Installation], None]
_callbacks: list[RenameCallback] = []
_change_callbacks: list[ChangeCallback] = []


class NamedChannel(NamedTuple):
    """A channel as Saleor names it. The `id` stays when staff change the slug; in old events it is empty."""

    slug: str
    id: str = ""


class KnownChannels:
    """A shop's channels as they are stored, to find the one that an event names.

    A known id decides, no matter whether the event or the stored slug is older: everything about a channel is stored
    under the slug that is stored with its id, and follows it when the channels are fetched.
    """

    def __init__(self, rows: Iterable[tuple[str, str, bool]]) -> None:
        """Each row has the slug, Saleor's id, and whether the channel was deleted."""
        known = list(rows)
        self._ids = {slug: saleor_id for slug, saleor_id, is_deleted in known if not is_deleted}
        self._slugs = {saleor_id: slug for slug, saleor_id, _ in known if saleor_id}

    def slug_of(self, channel: NamedChannel) -> str:
        """Return the slug under which everything about the channel is stored."""
        return self._slugs.get(channel.id, channel.slug)

    def have(self, channel: NamedChannel) -> bool:
        """Whether the channel has exactly this slug and, where both are known, this id; and was not deleted."""
        stored = self._ids.get(channel.slug)
        if stored is None:
            return False
        return stored == channel.id or not channel.id or (not stored and channel.id not in self._slugs)

    def have_id_of(self, channel: NamedChannel) -> bool:
        """Whether the channel is known by its id, whatever its slug."""
        return channel.id in self._slugs

    def contradict(self, channel: NamedChannel) -> bool:
        """Whether the channel was created, renamed or deleted since the shop's channels were fetched.

        False if this is unknown: they were never fetched, or they were stored without ids.
        """
        return bool(self._slugs and channel.slug) and not self.have(channel)


def known_channels(installation_id: UUID) -> KnownChannels:
    """Read the shop's channels."""
    channels = Channel.objects.filter(installation=installation_id)
    return KnownChannels(channels.values_list("slug", "saleor_id", "is_deleted"))


def existing_channels(installation: Installation) -> QuerySet[Channel]:
    """Filter the shop's channels that still exist in Saleor; the others are kept for the payments that they had."""
    return Channel.objects.filter(installation=installation, is_deleted=False)


def in_order(channels: Iterable[Channel]) -> list[Channel]:
    """Return the channels as every list shows them: by name, whatever database has them; without a name, by slug."""
    return sorted(channels, key=lambda each: (_place(each.name or each.slug), each.slug))


def names_in_order(names: Iterable[str]) -> list[str]:
    """Return names of channels in the same order."""
    return sorted(names, key=_place)


def _place(name: str) -> tuple[str, str]:
    return name.casefold(), name


def names_of(channels: Iterable[Channel]) -> dict[str, str]:
    """Return the channels' names by slug, as the Dashboard shows them; if two have the same name, with the slug."""
    all_of_them = list(channels)
    count = Counter(each.name for each in all_of_them)
    return {
        each.slug: f"{each.name} ({each.slug})" if count[each.name] > 1 else each.name or each.slug
        for each in all_of_them
    }


def name_of(installation_id: UUID, slug: str) -> str:
    """Return the channel's name; the slug if the shop's channels have not been fetched since it was created."""
    return names_of(Channel.objects.filter(installation=installation_id)).get(slug, slug)


def on_rename(callback: RenameCallback) -> RenameCallback:
    """Run `callback(installation, before, after)` when a channel's slug changes: it changes its own rows.

    The new slug belongs to this channel now, so what a deleted channel has left under it must give way.
    """
    _callbacks.append(callback)
    return callback


def on_change(callback: ChangeCallback) -> ChangeCallback:
    """Run `callback(installation)` after channels were added, renamed or deleted."""
    _change_callbacks.append(callback)
    return callback


def announce_change(installation: Installation) -> None:
    """Run the callbacks of `on_change`."""
    for callback in _change_callbacks:
        callback(installation)


def rename(installation: Installation, slugs: Mapping[str, str]) -> None:
    """Let everything that is stored for the channels follow from their old slugs to their new ones."""
    steps = list(slugs.items())
    if slugs.keys() & set(slugs.values()):  # channels that exchange slugs pass through others
        passing = {before: f"~{number}" for number, before in enumerate(slugs)}
        steps = [*passing.items(), *((passing[before], after) for before, after in slugs.items())]
    with transaction.atomic():
        for before, after in steps:
            for callback in _callbacks:
                callback(installation, before, after)
            Channel.objects.filter(installation=installation, slug=after).delete()
            Channel.objects.filter(installation=installation, slug=before).update(slug=after)
