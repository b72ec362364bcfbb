"""The catalogue's handlers of Saleor's product events."""

from typing import Any

import structlog
from django.db import transaction

from saleor_stripe_audience.catalog import push, waiting
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.catalog.payloads import items_of, read_product, read_reference
from saleor_stripe_audience.errors import Blocked, Failure, Unavailable
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor.client import installation_of

log = structlog.get_logger(__name__)


def push_product(event: Event) -> Write | None:
    return _push(event, _part(event, "product"))


def push_variant(event: Event) -> Write | None:
    """The payload has the variant's whole product: a variant's name in Stripe depends on the other variants."""
    variant = _part(event, "productVariant")
    return _push(event, variant.get("product") if isinstance(variant, dict) else None)


def archive_product(event: Event) -> Write | None:
    """The payload has no variants any more, so the stored ones are used."""
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
    accounts = waiting.waiting_accounts(installation_of(event))
    return lambda: waiting.forget_variant(accounts, deleted.id)


def send_what_waited(event: Event) -> None:
    account = account_of(event)
    waiting.drain(account.installation, account)


def _push(event: Event, payload: Any) -> Write | None:
    """For a blocked account the product waits; the other accounts do not wait for it."""
    if payload is None:
        _log_missing_object(event)
        return None
    installation = installation_of(event)
    product = read_product(payload)
    failed: dict[StripeAccount, Failure] = {}
    for item in items_of(product):
        push.push(installation, item, event.occurred_at, failed)
    blocked = [account for account, error in failed.items() if isinstance(error, Blocked)]
    accounts = [*waiting.waiting_accounts(installation), *blocked]

    def write() -> None:
        waiting.keep(installation, accounts, product.id, payload, event.occurred_at)

    if others := [error for account, error in failed.items() if account not in blocked]:
        with transaction.atomic():
            write()
        raise _most_transient(others)
    return write if accounts else None


def _archive(event: Event, deleted_id: str, **which: str) -> None:
    """At an account that fails it is retried; the other accounts do not wait for it."""
    push.store_deletion(installation_of(event), deleted_id, event.occurred_at)
    active = CatalogProduct.objects.filter(installation_id=event.origin, is_active=True, **which)
    failed: list[Failure] = []
    for product in active.select_related("account"):
        try:
            push.archive(product, event.occurred_at)
        except Failure as error:
            failed.append(error)
    if failed:
        raise _most_transient(failed)


def _most_transient(failed: list[Failure]) -> Failure:
    """What a retry may resolve comes first: the retry meets the others again."""
    return min(failed, key=lambda error: (not isinstance(error, Unavailable), not isinstance(error, Blocked)))


def _log_missing_object(event: Event) -> None:
    """Saleor sends null if the object was deleted before the payload was made, or is not visible to the app."""
    log.info("event without its object", event_id=event.pk, kind=event.kind)


def _part(event: Event, name: str) -> Any:
    return (event.payload or {}).get(name)
