"""The products that were sold: their category, type and collections, as last reported in orders."""

from datetime import datetime

from saleor_stripe_audience.audience.shopping.models import SoldProduct, SoldProductCollection
from saleor_stripe_audience.audience.shopping.payloads import Order, Product
from saleor_stripe_audience.shops.models import Installation

MAX_NAME_LENGTH = 250


def record_products(installation: Installation, order: Order, issued_at: datetime) -> None:
    """Store the order's products, unless newer data is stored."""
    products = {line.product.id: line.product for line in order.lines if line.product is not None}
    for product in products.values():
        _record_product(installation, product, issued_at)


def _record_product(installation: Installation, product: Product, issued_at: datetime) -> None:
    fields = {
        "name": product.name,
        "saleor_category_id": product.category.id if product.category else "",
        "category_name": product.category.name[:MAX_NAME_LENGTH] if product.category else "",
        "saleor_product_type_id": product.product_type.id if product.product_type else "",
        "product_type_name": product.product_type.name[:MAX_NAME_LENGTH] if product.product_type else "",
        "issued_at": issued_at,
    }
    row, is_new = SoldProduct.objects.get_or_create(
        installation=installation, saleor_product_id=product.id, defaults=fields
    )
    if not is_new:
        if row.issued_at >= issued_at:
            return
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()
    collections = {each.id: each.name[:MAX_NAME_LENGTH] for each in product.collections}
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
