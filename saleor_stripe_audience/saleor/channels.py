"""Keeps the shop's channels up to date: Saleor reports changes only to apps with the permission to manage channels.

They are fetched when the app is installed, when it starts, every hour, and when an order, a checkout or a payment is
in a channel that is not stored with this id and slug.
"""

import uuid
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Max
from django.tasks import task
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.inbox import cursors
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.shops.channels import (
    KnownChannels,
    NamedChannel,
    announce_change,
    known_channels,
    rename,
)
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.task_engine import enqueue_once

log = structlog.get_logger(__name__)

FETCHED = "channels"  # the name of the cursor that says when the stored channels were requested
MOST_ATTEMPTS = 6  # of an event that waits for the channels: about two minutes; then the inbox has two more
BEFORE_EVENTS = 10  # the task's priority: events wait for it

UNKNOWN = pgettext_lazy(
    "staff", "The app does not know the event's channel yet. It is fetching the shop's channels."
)


@task
def sync_channels_of(installation_id: str) -> list[str]:
    """Sync the channels of one shop, in which an unknown one has appeared."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id), is_active=True).first()
    return sync_channels(installation) if installation is not None else []


def fetch_soon(installation_id: uuid.UUID) -> None:
    """Enqueue a task that fetches the shop's channels, unless one is waiting, which is late enough."""
    shop = str(installation_id)
    enqueue_once(sync_channels_of, f"channels {shop}", shop, priority=BEFORE_EVENTS)


def notice_unknown(installation_id: uuid.UUID, channel: NamedChannel) -> None:
    """Fetch the channels soon if this one is new, was renamed, or had the name of one that was deleted."""
    if not known_channels(installation_id).have(channel):
        fetch_soon(installation_id)


def are_outdated(event: Event, known: KnownChannels, channel: NamedChannel) -> bool:
    """Whether the event names a channel that was created, renamed or deleted after the channels were fetched.

    Otherwise the event is the older of the two: nothing new would be fetched.
    """
    if not known.contradict(channel):
        return False
    fetched_at = cursors.reached(event.origin, FETCHED)
    return fetched_at is None or fetched_at < event.received_at


def check_known(event: Event, known: KnownChannels, channel: NamedChannel) -> None:
    """`Unavailable` if only the shop knows which channel the event's slug means, until the channels are fetched.

    After a few attempts without an answer, the slug alone has to do: the event must not wait for ever.
    """
    if known.have_id_of(channel):
        return
    tried = event.handlings.aggregate(most=Max("attempts"))["most"] or 0
    if tried < MOST_ATTEMPTS:
        raise Unavailable(UNKNOWN, code="unknown_channel")


def sync_channels(installation: Installation) -> list[str]:
    """Fetch the shop's channels; returns what changed, in words.

    `Rejected` or `Unavailable` if the shop does not list them.
    """
    fetched_at = timezone.now()
    found = client.fetch_channels(installation.saleor_api_url, installation.token)
    return store_channels(installation, found, fetched_at)


def store_channels(
    installation: Installation, channels: list[client.ChannelData], fetched_at: datetime | None = None
) -> list[str]:
    """Add and update the shop's channels, and follow renamed and deleted ones; returns what changed, in words.

    `fetched_at` is when the request began, by default now. If later ones are stored, nothing changes.
    """
    fetched_at = fetched_at or timezone.now()
    with transaction.atomic():
        # Not the whole key: events that refer to the shop are stored meanwhile, and `rename` waits for their lock.
        Installation.objects.select_for_update(no_key=True).get(pk=installation.pk)
        stored_at = cursors.reached(installation.pk, FETCHED)
        if stored_at is not None and stored_at > fetched_at:
            return []
        cursors.advance(installation.pk, FETCHED, fetched_at)
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
        if known:  # an installation is no change
            announce_change(installation)
    return done
