"""The catalogue's handlers of Saleor's product events."""

from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from saleor_stripe_audience.catalog import labels, push, refetch, refresh, sync, waiting
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.catalog.payloads import (
    Product,
    names_of,
    read_media,
    read_named,
    read_product,
    read_reference,
)
from saleor_stripe_audience.errors import Blocked, Failure, Unavailable
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.events import object_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import StripePrice, StripeProduct
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor.client import installation_of
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)


def push_product(event: Event) -> Write | None:
    return _push(event, _part(event, "product"))


def push_variant(event: Event) -> Write | None:
    """Push the variant's whole product, which is in the payload: a variant's name in Stripe depends on the other
    variants.
    """
    variant = _part(event, "productVariant")
    return _push(event, variant.get("product") if isinstance(variant, dict) else None)


def fetch_product_of_media(event: Event) -> Write | None:
    """Fetch the product after an image was added, changed or removed: the payload only has the product's id."""
    if _part(event, "productMedia") is None:
        _log_missing_object(event)
        return None
    media = read_media(_part(event, "productMedia"))
    if not media.product_id or _is_followed_by_another(event, media.product_id):
        return None
    return refetch.fetch(installation_of(event), {"ids": [media.product_id]}, f"event {event.pk}")


def _is_followed_by_another(event: Event, product_id: str) -> bool:
    """Whether a later event about an image of the product waits: in a burst, only the last one fetches the product."""
    waiting = Event.objects.filter(handled_at=None, source=event.source, origin=event.origin, pk__gt=event.pk)
    later = waiting.filter(kind__startswith="product_media_", payload__productMedia__productId=product_id)
    return later.exists()


def follow_category(event: Event) -> Write | None:
    """Send a category's new name to all of its products in Stripe, which have it as metadata."""
    return _follow_label(event, "category", "categories")


def follow_collection(event: Event) -> Write | None:
    return _follow_label(event, "collection", "collections")


def _follow_label(event: Event, part: str, chosen_by: str) -> Write | None:
    if _part(event, part) is None:
        _log_missing_object(event)
        return None
    installation, named = installation_of(event), read_named(_part(event, part))
    if not labels.is_renamed(installation, named.id, named.name):
        return None
    record = refetch.fetch(installation, {chosen_by: [named.id]}, f"event {event.pk}")

    def write() -> None:
        record()
        labels.store(installation, {named.id: named.name})

    return write


def archive_product(event: Event) -> Write | None:
    """Archive the product, using the stored variants, because the payload no longer has any."""
    if _part(event, "product") is None:
        _log_missing_object(event)
        return None
    deleted = read_reference(_part(event, "product"))
    _archive(event, deleted.id, saleor_product_id=deleted.id)
    installation = installation_of(event)
    accounts = waiting.waiting_accounts(installation)
    return lambda: waiting.keep(installation, accounts, deleted.id, None, event.occurred_at)


def archive_variant(event: Event) -> Write | None:
    if _part(event, "productVariant") is None:
        _log_missing_object(event)
        return None
    deleted = read_reference(_part(event, "productVariant"))
    _archive(event, deleted.id, saleor_variant_id=deleted.id)
    installation = installation_of(event)
    accounts = waiting.waiting_accounts(installation)
    record = _fetch_last_sibling(installation, deleted.id, f"event {event.pk}")

    def write() -> None:
        waiting.forget_variant(accounts, deleted.id)
        record()

    return write


def _fetch_last_sibling(installation: Installation, deleted_id: str, why: str) -> Write:
    """Fetch the product if one variant remains: its name in Stripe no longer needs the variant's."""
    rows = CatalogProduct.objects.filter(installation=installation)
    products = rows.filter(saleor_variant_id=deleted_id).values("saleor_product_id")
    siblings = rows.filter(saleor_product_id__in=products).exclude(saleor_variant_id=deleted_id)
    remaining = siblings.exclude(state=CatalogProduct.State.ARCHIVED)
    found = set(remaining.values_list("saleor_product_id", "saleor_variant_id"))
    if len(found) != 1:
        return lambda: None
    return refetch.fetch(installation, {"ids": [product_id for product_id, _ in found]}, why)


def start_sync(event: Event) -> None:
    """Send the whole catalogue to an account that has become usable, or got another channel."""
    account = account_of(event)
    if account.pk in {each.pk for each in sync.usable_accounts(account.installation)}:
        sync.start_again(account)


def send_what_waited(event: Event) -> None:
    account = account_of(event)
    waiting.drain(account.installation, account)


def follow_product(event: Event) -> None:
    """Check a Product that was changed in Stripe; those of other shops, and unchanged ones, are ignored."""
    account, found = account_of(event), object_of(event, StripeProduct)
    if not _is_followed(account) or found.shop not in ("", str(account.installation_id)):
        return
    if not refresh.is_as_sent(account, found) or refresh.is_noted(account, found.id):
        refresh.check(account, found.id)


def follow_price(event: Event) -> Write | None:
    """Check a Price that was added, changed or deleted in Stripe; recurring prices are ignored.

    If one of the app's Prices was archived, it is created again, unless it is part of a change that staff decide on.
    """
    account, found = account_of(event), object_of(event, StripePrice)
    if found.product is None or found.is_recurring or not _is_followed(account):
        return None
    is_current = refresh.is_current_price(account, found.id)
    if found.active and is_current:
        return None
    refresh.check(account, found.product)
    if not is_current or refresh.is_noted(account, found.product):
        return None
    return refresh.replace_archived_price(account, found.id, f"event {event.pk}")


def _is_followed(account: StripeAccount) -> bool:
    """Whether the account has a catalogue of the shop."""
    return account.pk in {each.pk for each in sync.usable_accounts(account.installation)}


def _push(event: Event, payload: Any) -> Write | None:
    """Push the product; if an account is blocked, the product waits for it, but not for the other accounts."""
    if payload is None:
        _log_missing_object(event)
        return None
    installation = installation_of(event)
    product = read_product(payload)
    failed = _push_to_accounts(installation, product, event.occurred_at)
    blocked = [account for account, error in failed.items() if isinstance(error, Blocked)]
    accounts = [*waiting.waiting_accounts(installation), *blocked]

    def write() -> None:
        waiting.keep(installation, accounts, product.id, payload, event.occurred_at)

    labels.store(installation, names_of(product))
    if others := [error for account, error in failed.items() if account not in blocked]:
        with transaction.atomic():
            write()
        raise _most_transient(others)
    return write if accounts else None


def _push_to_accounts(
    installation: Installation, product: Product, issued_at: datetime
) -> dict[StripeAccount, Failure]:
    """Returns the accounts that failed."""
    failed: dict[StripeAccount, Failure] = {}
    for account, channels in push.accounts_for(installation, product.id).items():
        try:
            refused = push.push_product(account, channels, product, issued_at)
        except Failure as error:
            failed[account] = error
        else:
            if refused:
                failed[account] = next(iter(refused.values()))
    return failed


def _archive(event: Event, deleted_id: str, **which: str) -> None:
    """Archive the product; for an account that fails it is retried, without delaying the other accounts.

    The event waits for an account whose key is refused, unless it was disconnected: it may never come back.
    """
    push.store_deletion(installation_of(event), deleted_id, event.occurred_at)
    rows = CatalogProduct.objects.filter(installation_id=event.origin, **which)
    active = rows.exclude(state=CatalogProduct.State.ARCHIVED)
    failed: list[Failure] = []
    for product in active.select_related("account"):
        try:
            push.archive(product, event.occurred_at)
        except Failure as error:
            if isinstance(error, Blocked) and _is_disconnected(product.account):
                log.warning("product not archived", account=str(product.account_id), code=error.code)
                continue
            failed.append(error)
    if failed:
        raise _most_transient(failed)


def _is_disconnected(account: StripeAccount) -> bool:
    """Whether it is now: what waited for the account continued when it was disconnected, and would not do so again."""
    return StripeAccount.objects.filter(pk=account.pk, state=StripeAccount.State.DISCONNECTED).exists()


def _most_transient(failed: list[Failure]) -> Failure:
    """Return the failure that a retry may resolve first: the retry will raise the others again."""
    return min(failed, key=lambda error: (not isinstance(error, Unavailable), not isinstance(error, Blocked)))


def _log_missing_object(event: Event) -> None:
    """Log that Saleor sent null: the object was deleted before the payload was built, or is not visible to the app."""
    log.info("event without its object", event_id=event.pk, kind=event.kind)


def _part(event: Event, name: str) -> Any:
    return (event.payload or {}).get(name)
