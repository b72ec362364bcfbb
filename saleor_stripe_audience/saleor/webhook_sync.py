"""Keeps a shop's webhooks up to date with this version of the app, because Saleor never reads the manifest again.

Every shop is checked when the app starts, every hour, and when its version changes. The same check notices that a shop
has removed the app; at the start and every hour, the shop's channels are fetched too.
"""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.db.models import Q
from django.tasks import task
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.saleor import client, trouble
from saleor_stripe_audience.saleor.channels import sync_channels
from saleor_stripe_audience.saleor.client import InstalledWebhook
from saleor_stripe_audience.saleor.documents import read_version
from saleor_stripe_audience.saleor.manifest import manifest
from saleor_stripe_audience.saleor.permissions import names_of
from saleor_stripe_audience.shops import problems, removal
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import for_staff, with_values

log = structlog.get_logger(__name__)

Json = dict[str, Any]

OURS = "/api/webhooks/saleor/"  # the path shows that a webhook is ours: PUBLIC_URL may have changed since
CHECKED_EVERY_MINUTE = timedelta(days=1)  # how long a shop that refuses the app is checked that often
PERMISSIONS, WEBHOOKS = trouble.PERMISSIONS, "webhooks"  # the keys of the two problems

PERMISSIONS_MISSING = pgettext_lazy(
    "staff",
    "The app does not have these permissions in Saleor: {names}. Grant them in Saleor's Dashboard under Extensions, or "
    "remove the app and install it again; its data is kept.",
)
WEBHOOKS_REFUSED = pgettext_lazy("staff", "Saleor refused to change the app's webhooks. {why}")


@task
def sync_all_webhooks() -> dict[str, str]:
    """At the start and every hour, for every shop; one that fails does not stop the others. Returns each result."""
    results: dict[str, str] = {}
    for installation in Installation.objects.order_by("registered_at"):
        with apart("upkeep", installation=str(installation.pk)) as failures:
            done = sync_webhooks(installation)
            if installation.is_active:
                done += sync_channels(installation)
            results[installation.saleor_api_url] = ", ".join(done) or "as it should be"
        if failures.any:
            results[installation.saleor_api_url] = " ".join(failures.messages)
    return results


@task
def continue_accepted_shops() -> int:
    """Every minute: shops that refused the app's token and now accept it continue; returns how many.

    An app that was deactivated for a few minutes must not wait for the hourly check. After a day only that one asks.
    """
    just_removed = Q(removed_at=None) | Q(removed_at__gte=timezone.now() - CHECKED_EVERY_MINUTE)
    continued = 0
    for installation in Installation.objects.filter(just_removed, problems__key=trouble.TOKEN):
        with apart("asking a shop that refused the app", installation=str(installation.pk)):
            if _accepts_the_app(installation):
                sync_webhooks(installation)
                continued += 1
    return continued


def _accepts_the_app(installation: Installation) -> bool:
    try:
        client.fetch_installed(installation)
    except Rejected as error:
        if error.code == trouble.APP_UNKNOWN:
            return False
        raise
    return True


@task
def sync_webhooks_of(installation_id: str) -> list[str]:
    """For one shop, whose version changed."""
    installation = Installation.objects.filter(pk=uuid.UUID(installation_id)).first()
    return sync_webhooks(installation) if installation is not None else []


def sync_webhooks(installation: Installation) -> list[str]:
    """Make the shop's webhooks what this version of the app needs; returns what was done, in words.

    A token that is refused means that the app was removed or deactivated. `Unavailable` if the shop cannot be queried
    now. What the shop refuses is reported as a problem of the shop.
    """
    try:
        installed = client.fetch_installed(installation)
    except Rejected as error:
        if error.code != trouble.APP_UNKNOWN:
            raise
        removal.mark_removed(installation)
        return ["marked as removed"]
    removal.resume(installation)
    trouble.resolve(installation)
    _update_version(installation, installed.schema_version)
    _update_name(installation, installed.shop_name)
    wanted = manifest(installation.variant, read_version(installed.schema_version))
    missing = _missing_permissions(wanted["permissions"], installed.permissions)
    problems.report_or_clear(installation, PERMISSIONS, missing)
    return _apply(installation, wanted["webhooks"], installed.webhooks)


def fetch_differences(installation: Installation) -> list[str]:
    """What `sync_webhooks` would do, and what it could not; nothing is changed."""
    installed = client.fetch_installed(installation)
    wanted = manifest(installation.variant, read_version(installed.schema_version))
    missing = _missing_permissions(wanted["permissions"], installed.permissions)
    to_do = [f"not yet {what}" for what, _ in _changes(installation, wanted["webhooks"], installed.webhooks)]
    return [for_staff(missing).rstrip("."), *to_do] if missing else to_do


def is_other_version(installation: Installation, version: str) -> bool:
    """Whether Saleor now runs another version than the webhooks were made for."""
    return bool(version) and read_version(version) != read_version(installation.schema_version)


def _update_version(installation: Installation, version: str) -> None:
    if version and version != installation.schema_version:
        installation.schema_version = version[:20]
        installation.save(update_fields=["schema_version"])


def _update_name(installation: Installation, shop_name: str) -> None:
    if shop_name and shop_name != installation.shop_name:
        installation.shop_name = shop_name
        installation.save(update_fields=["shop_name"])


def _missing_permissions(wanted: list[str], granted: frozenset[str]) -> Promise | None:
    """The message about them; None if there are none."""
    missing = sorted(set(wanted) - granted)
    if not missing:
        return None
    return with_values(PERMISSIONS_MISSING, names=names_of(missing))


def _apply(installation: Installation, wanted: list[Json], installed: list[InstalledWebhook]) -> list[str]:
    done: list[str] = []
    refused: list[str] = []
    for what, change in _changes(installation, wanted, installed):
        try:
            change()
        except Rejected as error:
            refused.append(f"{what}: {error.message}")
        else:
            done.append(what)
    message = with_values(WEBHOOKS_REFUSED, why=" ".join(refused)) if refused else None
    problems.report_or_clear(installation, WEBHOOKS, message)
    if done or refused:
        log.info("webhooks synced", installation=str(installation.pk), done=len(done), refused=len(refused))
    return done


def _changes(
    installation: Installation, wanted: list[Json], installed: list[InstalledWebhook]
) -> Iterator[tuple[str, Any]]:
    """What is to be changed, each with its name and the call that does it."""
    ours: dict[str, list[InstalledWebhook]] = {}
    for webhook in installed:
        if urlsplit(webhook.target_url).path.startswith(OURS):
            ours.setdefault(" ".join(sorted(webhook.events)), []).append(webhook)
    for each in wanted:
        fields = input_of(each)
        event = " ".join(sorted([*fields["syncEvents"], *fields["asyncEvents"]]))
        same, *extra = ours.pop(event, [None])
        if same is None:
            yield f"created {each['name']}", lambda fields=fields: client.create_webhook(installation, fields)
        elif not _is_up_to_date(same, fields):
            yield (
                f"updated {each['name']}",
                lambda same=same, fields=fields: client.update_webhook(installation, same.id, fields),
            )
        yield from _deletions(installation, [webhook for webhook in extra if webhook is not None])
    for unwanted in ours.values():
        yield from _deletions(installation, unwanted)


def _deletions(installation: Installation, webhooks: list[InstalledWebhook]) -> Iterator[tuple[str, Any]]:
    for webhook in webhooks:
        yield (
            f"deleted {webhook.name}",
            lambda webhook=webhook: client.delete_webhook(installation, webhook.id),
        )


def input_of(webhook: Json) -> Json:
    """A webhook of the manifest as the input of Saleor's mutations: older versions know no identifiers."""
    return {
        "name": webhook["name"],
        "targetUrl": webhook["targetUrl"],
        "isActive": True,
        "query": webhook["query"],
        "syncEvents": webhook.get("syncEvents", []),
        "asyncEvents": webhook.get("asyncEvents", []),
    }


def _is_up_to_date(webhook: InstalledWebhook, fields: Json) -> bool:
    same_address = webhook.target_url == fields["targetUrl"] and webhook.is_active
    # Saleor returns the text that it was given; only where it has another one do both have to be parsed.
    installed, wanted = webhook.query, fields["query"]
    return same_address and (installed == wanted or _normalize(installed) == _normalize(wanted))


def _normalize(query: str) -> str:
    """The query without spaces and comments."""
    from graphql import GraphQLError, parse, print_ast  # noqa: PLC0415 - large, and needed here only

    try:
        return print_ast(parse(query))
    except GraphQLError:
        return query
