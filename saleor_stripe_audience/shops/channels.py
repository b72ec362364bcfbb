"""Renamed channels: Saleor's events name a channel by its slug, and so does what is stored here."""

from collections.abc import Callable, Mapping

from django.db import transaction

from saleor_stripe_audience.shops.models import Channel, Installation

RenameCallback = Callable[[Installation, str, str], None]
_callbacks: list[RenameCallback] = []


def on_rename(callback: RenameCallback) -> RenameCallback:
    """Run `callback(installation, before, after)` when a channel's slug changes: it changes its own rows.

    The new slug belongs to this channel now, so what a deleted channel has left under it must give way.
    """
    _callbacks.append(callback)
    return callback


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
