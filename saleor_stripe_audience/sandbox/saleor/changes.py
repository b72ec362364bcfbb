"""The events that a change of a record emits, as observed; those of orders are in orders.py."""

from dataclasses import replace

from .access import Call
from .ids import global_id
from .state import Channel, Checkout, Collection, Order, Product, Record, Transaction, User, Variant

MAIN_WAREHOUSE = global_id("Warehouse", "1")
WAREHOUSES = ({"__typename": "Warehouse", "id": MAIN_WAREHOUSE, "name": "Main", "slug": "main"},)


def product_changed(call: Call, product: Product, *, touched: bool = True) -> None:
    """A product or one of its listings changed; a listing does not change `updatedAt`."""
    if touched:
        product.touch()
    call.host.emit("PRODUCT_UPDATED", call.requestor, product=product, category=product.category)


def product_created(call: Call, product: Product) -> None:
    """A product was created; it has no listings yet."""
    call.host.emit("PRODUCT_CREATED", call.requestor, product=product, category=product.category)


def product_deleted(call: Call, product: Product) -> None:
    """A product was deleted: there are no events for its variants, and the payload has nothing that belonged to it."""
    product.deleted = True
    shown = replace(product, variants=[], channel_listings=[], media=[], collections=[])
    call.host.emit("PRODUCT_DELETED", call.requestor, product=shown, category=product.category)


def variant_changed(call: Call, variant: Variant, *, touched: bool = True) -> None:
    """A variant or its price changed; a price does not change `updatedAt`."""
    if touched:
        variant.touch()
    call.host.emit("PRODUCT_VARIANT_UPDATED", call.requestor, productVariant=variant)


def variant_created(call: Call, variant: Variant) -> None:
    """A variant was created."""
    call.host.emit("PRODUCT_VARIANT_CREATED", call.requestor, productVariant=variant)


def variant_deleted(call: Call, variant: Variant) -> None:
    """A variant was deleted."""
    variant.deleted = True
    shown = replace(variant, channel_listings=[])
    call.host.emit("PRODUCT_VARIANT_DELETED", call.requestor, productVariant=shown)


def user_changed(call: Call, user: User) -> None:
    """A customer's data changed."""
    user.touch()
    call.host.emit("CUSTOMER_UPDATED", call.requestor, user=user)


def user_deleted(call: Call, user: User) -> None:
    """A customer was deleted; the payload still has the name and metadata, but no address."""
    shown = replace(user, addresses=[], default_billing_address=None, default_shipping_address=None)
    user.deleted = shown.deleted = True
    call.host.emit("CUSTOMER_DELETED", call.requestor, user=shown)


def account_deleted(call: Call, user: User) -> None:
    """A customer deleted their own account; there is no CUSTOMER_DELETED in addition."""
    user.deleted = True
    call.host.emit("ACCOUNT_DELETED", call.requestor, user=user, channel=None)


def stock_changed(call: Call, variant: Variant, before: int | None) -> None:
    """The stock of a variant changed, perhaps to or from zero."""
    emit, principal = call.host.emit, call.requestor
    fields = {"productVariant": variant, "warehouse": WAREHOUSES[0]}
    if variant.stock == 0 and before != 0:
        emit("PRODUCT_VARIANT_OUT_OF_STOCK", principal, **fields)
    if variant.stock and before == 0:
        emit("PRODUCT_VARIANT_BACK_IN_STOCK", principal, **fields)
    emit("PRODUCT_VARIANT_STOCK_UPDATED", principal, **fields)


def checkout_changed(call: Call, checkout: Checkout) -> None:
    """Lines, address, email or delivery of a checkout changed."""
    checkout.touch()
    call.host.emit("CHECKOUT_UPDATED", call.requestor, checkout=checkout)


def metadata_changed(call: Call, record: Record) -> None:
    """Metadata or private metadata changed."""
    record.touch()
    emit, principal = call.host.emit, call.requestor
    match record:
        case User():
            emit("CUSTOMER_UPDATED", principal, user=record)
            emit("CUSTOMER_METADATA_UPDATED", principal, user=record)
        case Checkout():
            emit("CHECKOUT_METADATA_UPDATED", principal, checkout=record)
            emit("CHECKOUT_UPDATED", principal, checkout=record)
        case Order():
            emit("ORDER_METADATA_UPDATED", principal, order=record)
        case Product():
            emit("PRODUCT_UPDATED", principal, product=record, category=record.category)
            emit("PRODUCT_METADATA_UPDATED", principal, product=record, category=record.category)
        case Variant():
            emit("PRODUCT_VARIANT_UPDATED", principal, productVariant=record)
            emit("PRODUCT_VARIANT_METADATA_UPDATED", principal, productVariant=record)
        case Collection():
            emit("COLLECTION_METADATA_UPDATED", principal, collection=record)
        case Channel():
            emit("CHANNEL_METADATA_UPDATED", principal, channel=record)
        case Transaction():
            emit("TRANSACTION_ITEM_METADATA_UPDATED", principal, transaction=record)
