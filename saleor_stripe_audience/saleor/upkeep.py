"""An installed app is never refreshed from its manifest by the host: the app keeps its own webhooks as they should be.

Every shop is looked at when the app starts, every night, when its version changes, and hourly for as long as there
is something to mend. Whether the shop still knows us is seen by the way.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import structlog
from graphql import GraphQLError, parse, print_ast

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.saleor import client, trouble
from saleor_stripe_audience.saleor.client import InstalledWebhook
from saleor_stripe_audience.saleor.manifest import manifest, read_version
from saleor_stripe_audience.shops import problems, removal
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import Sentence, for_staff

log = structlog.get_logger(__name__)

Json = dict[str, Any]

OURS = "/api/webhooks/saleor/"  # the path says whose a webhook is: PUBLIC_URL may have changed since
PERMISSIONS, WEBHOOKS = trouble.PERMISSIONS, "webhooks"

PERMISSIONS_MISSING = Sentence(
    "The app lacks permissions in Saleor: {names}. Grant them in Saleor's Dashboard under Extensions, or remove the "
    "app and install it again; its data is kept.",
    "Il manque des autorisations à l'application dans Saleor : {names}. Accordez-les dans le Dashboard de Saleor, sous "
    "Extensions, ou supprimez l'application et installez-la de nouveau ; ses données sont conservées.",
)
WEBHOOKS_REFUSED = Sentence(
    "Saleor refused to change the app's webhooks. {why}",
    "Saleor a refusé de modifier les webhooks de l'application. {why}",
)


def sync_webhooks(installation: Installation) -> list[str]:
    """Make the shop's webhooks what this version of the app wants; returns what was done, in words.

    A token that is refused means that the app was removed or switched off. `Unavailable` when the shop cannot be
    asked now. What the shop refuses is told as a problem of the shop.
    """
    try:
        found = client.fetch_installed(installation)
    except Rejected as error:
        if error.code != client.KNOWN_NO_MORE:
            raise
        removal.mark_removed(installation)
        return ["marked as removed"]
    removal.resume(installation)
    trouble.end(installation)
    _keep_version(installation, found.schema_version)
    _keep_name(installation, found.shop_name)
    wanted = manifest(installation.variant, read_version(found.schema_version))
    problems.report_or_clear(installation, PERMISSIONS, _lacking(wanted["permissions"], found.permissions))
    return _mend(installation, wanted["webhooks"], found.webhooks)


def what_is_wrong(installation: Installation) -> list[str]:
    """What `keep_up` would do, and what it could not; nothing is changed."""
    found = client.fetch_installed(installation)
    wanted = manifest(installation.variant, read_version(found.schema_version))
    lacking = _lacking(wanted["permissions"], found.permissions)
    to_do = [f"not yet {what}" for what, _ in _changes(installation, wanted["webhooks"], found.webhooks)]
    return [lacking.rstrip("."), *to_do] if lacking else to_do


def is_other_version(installation: Installation, version: str) -> bool:
    """Whether the host now speaks another version of its API than the webhooks were made for."""
    return bool(version) and read_version(version) != read_version(installation.schema_version)


def _keep_version(installation: Installation, version: str) -> None:
    if version and version != installation.schema_version:
        installation.schema_version = version[:20]
        installation.save(update_fields=["schema_version"])


def _keep_name(installation: Installation, told: str) -> None:
    """What the merchant calls the shop in Saleor, on one line: mails to customers bear it."""
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in told).split())[:200]
    if name and name != installation.shop_name:
        installation.shop_name = name
        installation.save(update_fields=["shop_name"])


def _lacking(wanted: list[str], granted: frozenset[str]) -> str:
    missing = sorted(set(wanted) - granted)
    if not missing:
        return ""
    return for_staff(PERMISSIONS_MISSING, names=", ".join(missing))


def _mend(installation: Installation, wanted: list[Json], found: list[InstalledWebhook]) -> list[str]:
    done: list[str] = []
    refused: list[str] = []
    for what, change in _changes(installation, wanted, found):
        try:
            change()
        except Rejected as error:
            refused.append(f"{what}: {error.message}")
        else:
            done.append(what)
    message = for_staff(WEBHOOKS_REFUSED, why=" ".join(refused)) if refused else ""
    problems.report_or_clear(installation, WEBHOOKS, message)
    if done or refused:
        log.info("webhooks kept up", installation=str(installation.pk), done=len(done), refused=len(refused))
    return done


def _changes(
    installation: Installation, wanted: list[Json], found: list[InstalledWebhook]
) -> Iterator[tuple[str, Any]]:
    """What is to be done, each with its name and the call that does it."""
    ours: dict[str, list[InstalledWebhook]] = {}
    for webhook in found:
        if urlsplit(webhook.target_url).path.startswith(OURS):
            ours.setdefault(_event_of(webhook), []).append(webhook)
    for each in wanted:
        fields = input_of(each)
        same, *extra = ours.pop(_only_event(fields), [None])
        if same is None:
            yield f"created {each['name']}", lambda fields=fields: client.create_webhook(installation, fields)
        elif not _is_as_wanted(same, fields):
            yield (
                f"updated {each['name']}",
                lambda same=same, fields=fields: client.update_webhook(installation, same.id, fields),
            )
        yield from _deletions(installation, [webhook for webhook in extra if webhook is not None])
    for left in ours.values():
        yield from _deletions(installation, left)


def _deletions(installation: Installation, webhooks: list[InstalledWebhook]) -> Iterator[tuple[str, Any]]:
    for webhook in webhooks:
        yield (
            f"deleted {webhook.name}",
            lambda webhook=webhook: client.delete_webhook(installation, webhook.id),
        )


def input_of(webhook: Json) -> Json:
    """A webhook of the manifest as the input of the host's mutations: older hosts know no identifiers."""
    return {
        "name": webhook["name"],
        "targetUrl": webhook["targetUrl"],
        "isActive": True,
        "query": webhook["query"],
        "syncEvents": webhook.get("syncEvents", []),
        "asyncEvents": webhook.get("asyncEvents", []),
    }


def _only_event(fields: Json) -> str:
    return " ".join(sorted([*fields["syncEvents"], *fields["asyncEvents"]]))


def _event_of(webhook: InstalledWebhook) -> str:
    return " ".join(sorted(webhook.events))


def _is_as_wanted(webhook: InstalledWebhook, fields: Json) -> bool:
    same_address = webhook.target_url == fields["targetUrl"] and webhook.is_active
    return same_address and _normal(webhook.query) == _normal(fields["query"])


def _normal(query: str) -> str:
    """The query without what does not matter: spaces, and comments."""
    try:
        return print_ast(parse(query))
    except GraphQLError:
        return query


def sync_all_webhooks() -> dict[str, str]:
    """Every shop in turn; one that fails does not keep the others from their turn. Returns what became of each."""
    told: dict[str, str] = {}
    for installation in Installation.objects.order_by("registered_at"):
        with apart("upkeep", installation=str(installation.pk)) as failures:
            told[installation.saleor_api_url] = ", ".join(sync_webhooks(installation)) or "as it should be"
        if failures.any:
            told[installation.saleor_api_url] = " ".join(failures.messages)
    return told
