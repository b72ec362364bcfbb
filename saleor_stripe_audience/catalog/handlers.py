"""What the catalogue does with the host's product events."""

from typing import Any

from saleor_stripe_audience.catalog import push
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.catalog.payloads import items_of, read_product, read_reference
from saleor_stripe_audience.inbox.handlers import Write, handles_outside
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.saleor.client import installation_of


@handles_outside("saleor", "product_created", "product_updated")
def push_product(event: Event) -> Write | None:
    return _push(event, _part(event, "product"))


@handles_outside("saleor", "product_variant_created", "product_variant_updated")
def push_variant(event: Event) -> Write | None:
    """The payload brings the variant's whole product: a variant's name in Stripe depends on its siblings."""
    variant = _part(event, "productVariant")
    return _push(event, variant.get("product") if isinstance(variant, dict) else None)


@handles_outside("saleor", "product_deleted")
def archive_product(event: Event) -> Write | None:
    """The payload has no variants any more: they are known here."""
    deleted = read_reference(_part(event, "product"))
    return _archive(event, saleor_product_id=deleted.id)


@handles_outside("saleor", "product_variant_deleted")
def archive_variant(event: Event) -> Write | None:
    deleted = read_reference(_part(event, "productVariant"))
    return _archive(event, saleor_variant_id=deleted.id)


def _push(event: Event, payload: Any) -> Write | None:
    installation = installation_of(event)
    items = items_of(read_product(payload))
    sent = [each for item in items for each in push.push(installation, item, event.occurred_at)]
    return (lambda: push.write(installation, sent)) if sent else None


def _archive(event: Event, **which: str) -> Write | None:
    active = CatalogProduct.objects.filter(installation_id=event.origin, is_active=True, **which)
    products = list(active.select_related("account"))
    for product in products:
        push.archive(product)
    return (lambda: push.write_archived(products, event.occurred_at)) if products else None


def _part(event: Event, name: str) -> Any:
    return (event.payload or {}).get(name)
