"""The products that were sold: their category, type and collections, as last reported in orders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from saleor_stripe_audience.audience.people.audiences import LockedShop
from saleor_stripe_audience.audience.shopping.models import SoldProduct, SoldProductCollection
from saleor_stripe_audience.audience.shopping.payloads import Order, Product
from saleor_stripe_audience.composed import composed_once
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.statements import insert_rows

MAX_NAME_LENGTH = 250
FIELDS = ("name", "saleor_category_id", "category_name", "saleor_product_type_id", "product_type_name")


@dataclass(frozen=True, slots=True)
class _Reported:
    product: Product
    issued_at: datetime


def record_products(shop: LockedShop, order: Order, issued_at: datetime) -> None:
    """Store the order's products, unless newer data is stored; once for all orders, at the end of `hold_shop`."""
    gathered: dict[str, _Reported] = shop.gathered[_store]
    for product in (line.product for line in order.lines if line.product is not None):
        if product.id not in gathered or gathered[product.id].issued_at < issued_at:
            gathered[product.id] = _Reported(product, issued_at)


def _store(shop: LockedShop, reported: Mapping[str, _Reported]) -> None:
    stored = _stored(shop.installation, reported)
    newer = [
        each
        for product_id, each in sorted(reported.items())
        if product_id not in stored or stored[product_id].issued_at < each.issued_at
    ]
    if not newer:
        return
    rows = [
        SoldProduct(
            installation=shop.installation,
            saleor_product_id=product.id,
            name=product.name,
            saleor_category_id=product.category.id if product.category else "",
            category_name=product.category.name[:MAX_NAME_LENGTH] if product.category else "",
            saleor_product_type_id=product.product_type.id if product.product_type else "",
            product_type_name=product.product_type.name[:MAX_NAME_LENGTH] if product.product_type else "",
            issued_at=each.issued_at,
        )
        for each in newer
        for product in [each.product]
    ]
    insert_rows(rows, unique=["installation", "saleor_product_id"], update=[*FIELDS, "issued_at"])
    for row, each in zip(rows, newer, strict=True):
        known = stored[each.product.id].collections if each.product.id in stored else {}
        collections = {named.id: named.name[:MAX_NAME_LENGTH] for named in each.product.collections}
        if collections != known:
            _store_collections(row, collections)


@dataclass(frozen=True, slots=True)
class _Stored:
    issued_at: datetime
    collections: dict[str, str]  # names by Saleor's id


def _stored(installation: Installation, ids: Collection[str]) -> dict[str, _Stored]:
    found: dict[str, _Stored] = {}
    for product_id, issued_at, collection_id, name in _with_collections(installation.pk, sorted(ids)):
        stored = found.setdefault(product_id, _Stored(issued_at, {}))
        if collection_id is not None:
            stored.collections[collection_id] = name
    return found


@composed_once
def _with_collections(
    installation_id: UUID, product_ids: Sequence[str]
) -> QuerySet[SoldProduct, tuple[str, datetime, str | None, str]]:
    products = SoldProduct.objects.filter(installation=installation_id, saleor_product_id__in=product_ids)
    collection = ("collections__saleor_collection_id", "collections__name")
    return products.values_list("saleor_product_id", "issued_at", *collection)


def _store_collections(row: SoldProduct, collections: Mapping[str, str]) -> None:
    """Replace the product's collections, names by Saleor's id."""
    row.collections.exclude(saleor_collection_id__in=collections).delete()
    SoldProductCollection.objects.bulk_create(
        [
            SoldProductCollection(product=row, saleor_collection_id=saleor_id, name=name)
            for saleor_id, name in collections.items()
        ],
        update_conflicts=True,
        unique_fields=["product", "saleor_collection_id"],
        update_fields=["name"],
    )
