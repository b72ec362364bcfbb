"""The shop's initial data: two channels, six invented products, staff and shipping."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from .events import names_of
from .resolvers_catalogue import slug_from
from .schema import VERSIONS
from .state import (
    Category,
    Channel,
    Collection,
    Product,
    ProductListing,
    ProductMedia,
    ProductType,
    ShippingMethod,
    Store,
    User,
    Variant,
    VariantListing,
    now,
)

STAFF_EMAIL = "admin@example.com"
STAFF_PASSWORD = "admin"
_STOCK = 10_000


class _Variant(NamedTuple):
    name: str
    sku: str
    usd: str
    pln: str


class _Product(NamedTuple):
    name: str
    description: str
    category: str
    color: tuple[int, int, int]
    variants: tuple[_Variant, ...]


_PRODUCTS = (
    _Product(
        "Lantern Mug",
        "A stoneware mug with a glaze that glows a little at dusk. Holds 350 ml.",
        "Kitchen",
        (196, 110, 52),
        (_Variant("One size", "LAN-MUG", "18.00", "75.00"),),
    ),
    _Product(
        "Harbour Sweater",
        "Knitted from heavy wool, for quays and early ferries.",
        "Clothing",
        (38, 84, 124),
        (
            _Variant("S", "HAR-SWE-S", "64.00", "259.00"),
            _Variant("M", "HAR-SWE-M", "64.00", "259.00"),
            _Variant("L", "HAR-SWE-L", "68.50", "279.00"),
        ),
    ),
    _Product(
        "Pocket Atlas of Clouds",
        "Forty kinds of cloud, one drawing each, and room for your own.",
        "Books",
        (120, 150, 170),
        (
            _Variant("Paperback", "ATL-CLO-P", "12.40", "49.90"),
            _Variant("Hardback", "ATL-CLO-H", "21.00", "84.00"),
        ),
    ),
    _Product(
        "Fern Candle",
        "Smells of a wood after rain. Burns for about thirty hours.",
        "Home",
        (70, 120, 72),
        (_Variant("200 g", "FER-CAN", "9.99", "39.99"),),
    ),
    _Product(
        "Tidewater Tea",
        "Black tea with seaweed and orange peel. Better than it sounds.",
        "Kitchen",
        (140, 60, 60),
        (_Variant("50 g", "TID-TEA-50", "6.50", "26.00"), _Variant("250 g", "TID-TEA-250", "24.00", "96.00")),
    ),
    _Product(
        "Paper Kite",
        "Folds flat, flies in a breeze of two metres a second.",
        "Outdoors",
        (214, 170, 40),
        (_Variant("Red", "KIT-RED", "15.00", "60.00"), _Variant("Blue", "KIT-BLU", "15.00", "60.00")),
    ),
)


def fill(store: Store, version: str = VERSIONS[-1]) -> None:
    """Fill an empty store with the initial data."""
    store.channels = [
        Channel("default-channel", "Channel USD", "USD", "US"),
        Channel("channel-pln", "Channel PLN", "PLN", "PL"),
    ]
    store.shipping_methods = [
        ShippingMethod("1", "Parcel", {"USD": Decimal("5.00"), "PLN": Decimal("20.00")}),
        ShippingMethod("2", "Slow boat", {"USD": Decimal(0), "PLN": Decimal(0)}),
    ]
    store.product_types = [
        ProductType("Goods", "goods"),
        ProductType("Downloads", "downloads", is_shipping_required=False),
    ]
    store.collections = [Collection("Featured", "featured")]
    store.users = [_staff(version)]
    for given in _PRODUCTS:
        store.products.append(_product(store, given))


def _staff(version: str) -> User:
    permissions = names_of(version, "PermissionEnum")
    return User(
        STAFF_EMAIL, STAFF_PASSWORD, "Sandbox", "Staff", is_staff=True, permissions=frozenset(permissions)
    )


def _category(store: Store, name: str) -> Category:
    known = next((each for each in store.categories if each.name == name), None)
    if known is None:
        known = Category(name, slug_from(name, set()))
        store.categories.append(known)
    return known


def description(text: str) -> str:
    """Return a text as EditorJS in a JSON string, as Saleor stores it."""
    block = {"id": "text", "type": "paragraph", "data": {"text": text}}
    return json.dumps({"time": 0, "blocks": [block], "version": "2.24.3"})


def _product(store: Store, given: _Product) -> Product:
    product = Product(
        given.name,
        slug_from(given.name, set()),
        store.product_types[0],
        category=_category(store, given.category),
        description=description(given.description),
        created=now() - timedelta(days=30),
    )
    product.media = [ProductMedia(product.id, given.name, given.color)]
    product.channel_listings = [
        ProductListing(each, published_at=product.created, available_for_purchase_at=product.created)
        for each in store.channels
    ]
    product.variants = [_variant(store, product, each) for each in given.variants]
    return product


def _variant(store: Store, product: Product, given: _Variant) -> Variant:
    variant = Variant(product, given.name, given.sku, stock=_STOCK, created=product.created)
    amounts = (given.usd, given.pln)
    variant.channel_listings = [
        VariantListing(channel, Decimal(amount))
        for channel, amount in zip(store.channels, amounts, strict=True)
    ]
    return variant
