"""What is known of the products that were sold: their category, type and collections, as orders told them last."""

from datetime import datetime

from saleor_stripe_audience.audience.people.payloads import Order, Product
from saleor_stripe_audience.audience.shopping.models import SoldProduct, SoldProductCollection
from saleor_stripe_audience.shops.models import Installation

LONGEST_NAME = 250


def remember(installation: Installation, order: Order, issued_at: datetime) -> None:
    """Keep what the order tells of its products, unless something newer is known."""
    products = {line.product.id: line.product for line in order.lines if line.product is not None}
    for product in products.values():
        _remember(installation, product, issued_at)


def _remember(installation: Installation, product: Product, issued_at: datetime) -> None:
    told = {
        "name": product.name,
        "saleor_category_id": product.category.id if product.category else "",
        "category_name": product.category.name[:LONGEST_NAME] if product.category else "",
        "saleor_product_type_id": product.product_type.id if product.product_type else "",
        "product_type_name": product.product_type.name[:LONGEST_NAME] if product.product_type else "",
        "issued_at": issued_at,
    }
    row, is_new = SoldProduct.objects.get_or_create(
        installation=installation, saleor_product_id=product.id, defaults=told
    )
    if not is_new:
        if row.issued_at >= issued_at:
            return
        for name, value in told.items():
            setattr(row, name, value)
        row.save()
    _set_collections(row, product)


def _set_collections(row: SoldProduct, product: Product) -> None:
    named = {each.id: each.name[:LONGEST_NAME] for each in product.collections}
    row.collections.exclude(saleor_collection_id__in=named).delete()
    SoldProductCollection.objects.bulk_create(
        [
            SoldProductCollection(product=row, saleor_collection_id=saleor_id, name=name)
            for saleor_id, name in named.items()
        ],
        update_conflicts=True,
        unique_fields=["product", "saleor_collection_id"],
        update_fields=["name"],
    )
