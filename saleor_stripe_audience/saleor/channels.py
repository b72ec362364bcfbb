"""Keeps the shop's channels up to date: Saleor reports changes only to apps with the permission to manage channels.

They are fetched when the app is installed, when it starts, every hour, and when a payment is requested in an unknown
one.
"""

import uuid

import structlog
from django.db import transaction
from django.tasks import task

from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.shops.channels import rename
from saleor_stripe_audience.shops.models import Channel, Installation

log = structlog.get_logger(__name__)


@task
def sync_channels_of(installation_id: str) -> list[str]:
    """Sync the channels of one shop, in which an unknown one has appeared."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id), is_active=True).first()
    return sync_channels(installation) if installation is not None else []


def sync_channels(installation: Installation) -> list[str]:
    """Fetch the shop's channels; returns what changed, in words.

    `Rejected` or `Unavailable` if the shop does not list them.
    """
    found = client.fetch_channels(installation.saleor_api_url, installation.token)
    return store_channels(installation, found)


def notice_unknown(installation: Installation, slug: str) -> None:
    """Fetch the channels soon if this one is new, was renamed, or had the name of one that was deleted."""
    if not Channel.objects.filter(installation=installation, slug=slug, is_deleted=False).exists():
        sync_channels_of.enqueue(str(installation.pk))


def store_channels(installation: Installation, channels: list[client.ChannelData]) -> list[str]:
    """Add and update the shop's channels, and follow renamed and deleted ones; returns what changed, in words."""
    with transaction.atomic():
        Installation.objects.select_for_update().get(pk=installation.pk)
        known = dict(Channel.objects.filter(installation=installation).values_list("slug", "saleor_id"))
        slugs = {saleor_id: slug for slug, saleor_id in known.items() if saleor_id}
        renamed = {
            slugs[each.saleor_id]: each.slug
            for each in channels
            if slugs.get(each.saleor_id, each.slug) != each.slug
        }
        if renamed:
            rename(installation, renamed)
        for channel in channels:
            Channel.objects.update_or_create(
                installation=installation,
                slug=channel.slug,
                defaults={
                    "saleor_id": channel.saleor_id, "name": channel.name, "currency": channel.currency,
                    "is_deleted": False,
                },
            )  # fmt: skip
        others = Channel.objects.filter(installation=installation, is_deleted=False)
        deleted = others.exclude(slug__in=[each.slug for each in channels])
        gone = sorted(deleted.values_list("slug", flat=True))
        deleted.update(is_deleted=True)
    new = {each.slug for each in channels} - {*known, *renamed.values()}
    done = [f"channel {before} renamed to {after}" for before, after in sorted(renamed.items())]
    done += [f"channel {slug} added" for slug in sorted(new)]
    done += [f"channel {slug} deleted" for slug in gone]
    if done:
        log.info("channels changed", installation=str(installation.pk), changes=done)
    return done
