"""Products, variants and their prices: fields and mutations."""

import re
from datetime import datetime
from decimal import Decimal
from mimetypes import guess_type
from typing import Any
from urllib.parse import urlsplit

from . import changes
from .access import Call, Info, call_of, denied, needs
from .channels import channel_of, in_channel, plain
from .fields import Refused, Silenced, constant, mutation, resolves
from .ids import global_id
from .money import quantize, taxed
from .resolvers_metadata import metadata_from
from .resolvers_query import by_id
from .state import (
    Channel,
    Money,
    Product,
    ProductListing,
    ProductMedia,
    Variant,
    VariantListing,
    now,
)

PLENTY = 50
LONGEST_NAME = {"Product": 250, "ProductVariant": 255}
LARGEST_FILE = 10 * 1024 * 1024
LONGEST_ALT = 250
# The images that Saleor accepts: its `core/utils/validators.py` and `thumbnail/__init__.py`.
MIME_TYPES = frozenset(
    [f"image/{kind}" for kind in ("jpeg", "jpg", "png", "gif", "bmp", "tiff", "webp", "avif")]
)

constant("Product", seoTitle=None, seoDescription=None, weight=None, attributes=[], taxClass=None)
constant(
    "Channel",
    taxConfiguration={"pricesEnteredWithTax": True, "chargeTaxes": True, "displayGrossPrices": True},
)
constant("ProductVariant", weight=None, quantityLimitPerCustomer=None)
constant("Category", seoTitle=None, seoDescription=None, description=None, level=0, parent=None)
constant("Collection", seoTitle=None, seoDescription=None, description=None)
constant("ProductType", hasVariants=True, isDigital=False, kind="NORMAL")
constant("ProductMedia", type="IMAGE", oembedData="{}")
constant("ProductChannelListing", discountedPrice=None)
constant("ProductPricingInfo", onSale=False, discount=None, displayGrossPrices=True)
constant("VariantPricingInfo", onSale=False, discount=None)


def media_url(info: Info, media: ProductMedia, size: int = 4096) -> str:
    """Return the URL of a picture."""
    return f"{call_of(info).host.pictures_url}/thumbnail/{media.id}/{size}/"


@resolves("Product", "channel")
@resolves("ProductVariant", "channel")
def shown_channel(source: Any, _info: Info) -> str | None:
    channel = channel_of(source)
    return channel.slug if channel else None


@resolves("Product", "variants")
def variants(source: Any, _info: Info) -> list[Any]:
    channel = channel_of(source)
    listed = [v for v in source.variants if channel is None or v.listing_in(channel)]
    return [in_channel(variant, channel) for variant in listed]


@resolves("Product", "defaultVariant")
def default_variant(source: Any, info: Info) -> Any:
    return next(iter(variants(source, info)), None)


@resolves("ProductVariant", "product")
def product_of(source: Any, _info: Info) -> Any:
    return in_channel(plain(source).product, channel_of(source))


@resolves("Product", "thumbnail")
def thumbnail(source: Product, info: Info, size: int | None = None) -> dict[str, Any] | None:
    if not source.media:
        return None
    return {"url": media_url(info, source.media[0], size or 256), "alt": source.media[0].alt}


@resolves("ProductMedia", "url")
def url(media: ProductMedia, info: Info, size: int | None = None, **_: Any) -> str:
    return media_url(info, media, size or 4096)


@resolves("ProductVariant", "media")
def variant_media(_source: Any, _info: Info) -> list[ProductMedia]:
    return []


@resolves("ProductType", "assignedVariantAttributes")
def attributes_of_variants(source: Any, _info: Info, **_arguments: Any) -> list[dict[str, Any]]:
    return [{"attribute": {"name": each, "valueRequired": True}} for each in source.required_attributes]


@resolves("ProductVariant", "attributes")
def variant_attributes(source: Any, _info: Info) -> list[Any]:
    if source.deleted:
        raise Silenced("A deleted variant has lost its attributes.")
    return []


@resolves("ProductVariant", "trackInventory")
def track_inventory(source: Any, _info: Info) -> bool:
    return bool(source.track_inventory)


@resolves("ProductVariant", "quantityAvailable")
def quantity_available(source: Any, _info: Info, **_: Any) -> int:
    return available(source)


def available(variant: Variant) -> int:
    """Return how many can be bought; if stock is not tracked, Saleor's limit per line."""
    return PLENTY if not variant.track_inventory or variant.stock is None else min(variant.stock, PLENTY)


@resolves("ProductVariant", "stocks")
def stocks(source: Any, info: Info, **_: Any) -> list[dict[str, Any]]:
    if not call_of(info).is_staff:
        raise denied("AUTHENTICATED_APP", "AUTHENTICATED_STAFF_USER")
    if source.stock is None:
        return []
    [warehouse] = changes.WAREHOUSES
    stock = {"id": global_id("Stock", source.key), "warehouse": warehouse}
    return [{**stock, "quantity": source.stock, "quantityAllocated": 0}]


@resolves("Product", "channelListings")
@resolves("ProductVariant", "channelListings")
def channel_listings(source: Any, info: Info) -> Any:
    if not call_of(info).is_staff:
        raise denied("AUTHENTICATED_APP", "AUTHENTICATED_STAFF_USER")
    return source.channel_listings


@resolves("ProductChannelListing", "isAvailableForPurchase")
def listing_is_available(listing: ProductListing, _info: Info) -> bool:
    return listing.is_available_for_purchase


@resolves("ProductChannelListing", "publicationDate")
def publication_date(listing: ProductListing, _info: Info) -> Any:
    return listing.published_at.date() if listing.published_at else None


def _listing_money(listing: VariantListing, amount: Decimal | None) -> Money | None:
    return None if amount is None else Money(amount, listing.channel.currency_code)


@resolves("ProductVariantChannelListing", "price")
def listing_price(listing: VariantListing, _info: Info) -> Money | None:
    return _listing_money(listing, listing.price)


@resolves("ProductVariantChannelListing", "costPrice")
def listing_cost(listing: VariantListing, _info: Info) -> Money | None:
    return _listing_money(listing, listing.cost_price)


@resolves("ProductVariantChannelListing", "priorPrice")
def listing_prior(listing: VariantListing, _info: Info) -> Money | None:
    return _listing_money(listing, listing.prior_price)


@resolves("ProductVariant", "pricing")
def variant_pricing(source: Any, _info: Info) -> dict[str, Any] | None:
    channel = channel_of(source)
    listing = source.listing_in(channel) if channel else None
    if channel is None or listing is None:
        return None
    price = taxed(listing.price, channel.currency_code)
    return {"price": price, "priceUndiscounted": price, "onSale": False, "discount": None}


@resolves("Product", "pricing")
def product_pricing(source: Any, _info: Info) -> dict[str, Any] | None:
    channel = channel_of(source)
    if channel is None:
        return None
    listings = (variant.listing_in(channel) for variant in source.variants)
    prices = [listing.price for listing in listings if listing]
    if not prices:
        return None
    ends = (taxed(each, channel.currency_code) for each in (min(prices), max(prices)))
    span = dict(zip(("start", "stop"), ends, strict=True))
    return {
        "onSale": False,
        "discount": None,
        "displayGrossPrices": True,
        "priceRange": span,
        "priceRangeUndiscounted": span,
    }


def listing_of(product: Product, channel: Channel | None) -> ProductListing | None:
    """Return a product's listing in a channel."""
    return next((each for each in product.channel_listings if each.channel is channel), None)


@resolves("Product", "isAvailable", "isAvailableForPurchase")
def is_available(source: Any, _info: Info) -> bool | None:
    channel = channel_of(source)
    listing = listing_of(plain(source), channel)
    if channel is None:
        return None
    return bool(listing and listing.is_published and listing.is_available_for_purchase)


@resolves("Product", "availableForPurchaseAt")
def available_at(source: Any, _info: Info) -> datetime | None:
    listing = listing_of(plain(source), channel_of(source))
    return listing.available_for_purchase_at if listing else None


# --- mutations -----------------------------------------------------------------------------------


def _found[T](record: T | None, field: str, given: str | None) -> T:
    if record is None:
        raise Refused(field, "NOT_FOUND", f"Couldn't resolve to a node: {given}")
    return record


def _product(call: Call, given: str | None, field: str = "id") -> Product:
    return _found(by_id(call.host.store.products, given, "Product"), field, given)


def _variant(call: Call, given: str | None, sku: str | None = None) -> Variant:
    held = call.host.store.variants()
    by_sku = next((each for each in held if sku is not None and each.sku == sku), None)
    return _found(by_id(held, given, "ProductVariant") or by_sku, "id", given or sku)


def slug_from(name: str, taken: set[str]) -> str:
    """Return an unused slug for a name."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "item"
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


_PRODUCT_FIELDS = {
    "name": "name",
    "slug": "slug",
    "description": "description",
    "chargeTaxes": "charge_taxes",
    "externalReference": "external_reference",
    "rating": "rating",
}


def _check_unique(records: list[Any], record: Any, given: dict[str, Any]) -> None:
    """Refuse a name that is too long, and an external reference that another record of the kind has."""
    longest = LONGEST_NAME[record.type_name]
    if len(given.get("name") or "") > longest:
        message = f"Ensure this value has at most {longest} characters (it has {len(given['name'])})."
        raise Refused("name", "INVALID", message)
    reference = given.get("externalReference")
    if reference and any(each.external_reference == reference for each in records if each is not record):
        kind = "Product" if record.type_name == "Product" else "Product variant"
        raise Refused("externalReference", "UNIQUE", f"{kind} with this External reference already exists.")


def _apply_product(call: Call, product: Product, given: dict[str, Any]) -> None:
    store = call.host.store
    _check_unique(store.products, product, given)
    for name, attribute in _PRODUCT_FIELDS.items():
        if name in given:
            setattr(product, attribute, given[name])
    if "category" in given:
        category = by_id(store.categories, given["category"], "Category")
        product.category = _found(category, "category", given["category"]) if given["category"] else None
    if "collections" in given:
        chosen = (by_id(store.collections, each, "Collection") for each in given["collections"] or [])
        product.collections = [_found(each, "collections", None) for each in chosen]
    product.metadata.update(metadata_from(given.get("metadata")))
    product.private_metadata.update(metadata_from(given.get("privateMetadata")))


def _check_slug(call: Call, slug: str | None, product: Product | None = None) -> None:
    taken = (each for each in call.host.store.products if each is not product)
    if slug is not None and any(each.slug == slug for each in taken):
        raise Refused("slug", "UNIQUE", "Product with this Slug already exists.")


@mutation("productCreate")
@needs("MANAGE_PRODUCTS")
def product_create(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    store = call.host.store
    kind = by_id(store.product_types, input_["productType"], "ProductType")
    _check_slug(call, input_.get("slug"))
    name = (input_.get("name") or "").strip()
    if not name:
        raise Refused("name", "REQUIRED", "This field cannot be blank.")
    slug = input_.get("slug") or slug_from(name, {each.slug for each in store.products})
    product = Product(name, slug, _found(kind, "productType", input_["productType"]))
    _apply_product(call, product, {**input_, "name": name, "slug": slug})
    store.products.append(product)
    changes.product_created(call, product)
    return {"product": product}


@mutation("productUpdate")
@needs("MANAGE_PRODUCTS")
def product_update(
    _root: Any, info: Info, *, input_: dict[str, Any], id_: str | None = None
) -> dict[str, Any]:
    call = call_of(info)
    product = _product(call, id_)
    _check_slug(call, input_.get("slug"), product)
    if "name" in input_ and not (input_["name"] or "").strip():
        raise Refused("name", "REQUIRED", "This field cannot be blank.")
    _apply_product(call, product, input_)
    changes.product_changed(call, product)
    return {"product": product}


@mutation("productDelete")
@needs("MANAGE_PRODUCTS")
def product_delete(_root: Any, info: Info, *, id_: str | None = None) -> dict[str, Any]:
    call = call_of(info)
    product = _product(call, id_)
    call.host.store.products.remove(product)
    changes.product_deleted(call, product)
    return {"product": product}


def _set_product_listing(product: Product, channel: Channel, given: dict[str, Any]) -> None:
    listing = listing_of(product, channel)
    if listing is None:
        listing = ProductListing(channel, is_published=False)
        product.channel_listings.append(listing)
    if given.get("isPublished") is not None:
        listing.is_published = given["isPublished"]
        listing.published_at = listing.published_at or (now() if listing.is_published else None)
    if given.get("isAvailableForPurchase") is not None:
        listing.available_for_purchase_at = now() if given["isAvailableForPurchase"] else None
    if given.get("visibleInListings") is not None:
        listing.visible_in_listings = given["visibleInListings"]
    for name, attribute in _LISTING_TIMES.items():
        if name in given:
            setattr(listing, attribute, given[name])


def _check_category(product: Product, given: dict[str, Any]) -> None:
    """Refuse to publish a product without a category."""
    shown = [
        each["channelId"]
        for each in given.get("updateChannels") or ()
        if each.get("isPublished") or each.get("isAvailableForPurchase")
    ]
    if shown and product.category is None:
        message = "You must select a category to be able to publish."
        raise Refused("isPublished", "PRODUCT_WITHOUT_CATEGORY", message, {"channels": shown})


def _remove_variants(product: Product, channel: Channel, removed: Any) -> None:
    """Remove variants from the channel; with the last one, the product leaves it too."""
    if not removed:
        return
    for variant in product.variants:
        if variant.id in removed:
            variant.channel_listings = [
                each for each in variant.channel_listings if each.channel is not channel
            ]
    if not any(variant.listing_in(channel) for variant in product.variants):
        product.channel_listings = [each for each in product.channel_listings if each.channel is not channel]


_LISTING_TIMES = {
    "publishedAt": "published_at",
    "availableForPurchaseAt": "available_for_purchase_at",
}


@mutation("productChannelListingUpdate")
@needs("MANAGE_PRODUCTS")
def product_channel_listing_update(
    _root: Any, info: Info, *, id_: str, input_: dict[str, Any]
) -> dict[str, Any]:
    call = call_of(info)
    product = _product(call, id_)
    _check_category(product, input_)
    for given in input_.get("updateChannels") or ():
        channel = _found(
            by_id(call.host.store.channels, given["channelId"], "Channel"),
            "updateChannels",
            given["channelId"],
        )
        _set_product_listing(product, channel, given)
        _remove_variants(product, channel, given.get("removeVariants") or ())
    removed = set(input_.get("removeChannels") or ())
    kept = [each for each in product.channel_listings if each.channel.id not in removed]
    product.channel_listings = kept
    for variant in product.variants:
        listings = [each for each in variant.channel_listings if each.channel.id not in removed]
        variant.channel_listings = listings
    changes.product_changed(call, product, touched=False)
    return {"product": product}


_VARIANT_FIELDS = {
    "name": "name",
    "sku": "sku",
    "trackInventory": "track_inventory",
    "externalReference": "external_reference",
}


def _apply_variant(call: Call, variant: Variant, given: dict[str, Any]) -> None:
    if given.get("attributes"):
        raise Refused("attributes", "INVALID", "The stand-in's product types have no attributes.")
    others = (each for each in call.host.store.variants() if each is not variant)
    _check_unique(call.host.store.variants(), variant, given)
    if given.get("sku") and any(each.sku == given["sku"] for each in others):
        raise Refused("sku", "UNIQUE", "Product variant with this Sku already exists.")
    for name, attribute in _VARIANT_FIELDS.items():
        if name in given:
            setattr(variant, attribute, given[name])
    variant.metadata.update(metadata_from(given.get("metadata")))
    variant.private_metadata.update(metadata_from(given.get("privateMetadata")))


@mutation("productVariantCreate")
@needs("MANAGE_PRODUCTS")
def product_variant_create(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    product = _product(call, input_["product"], "product")
    if product.product_type.required_attributes and not input_["attributes"]:
        raise Refused("attributes", "REQUIRED", "All required attributes must take a value.")
    variant = Variant(product, input_.get("name") or input_.get("sku") or "")
    variant.name = variant.name or variant.id  # as Saleor does: every variant has a name
    _apply_variant(call, variant, {**input_, "name": variant.name})
    if input_.get("stocks"):
        _check_warehouses(input_["stocks"])
        variant.stock = sum(each["quantity"] for each in input_["stocks"])
    product.variants.append(variant)
    changes.variant_created(call, variant)
    return {"productVariant": variant}


@mutation("productVariantUpdate")
@needs("MANAGE_PRODUCTS")
def product_variant_update(
    _root: Any,
    info: Info,
    *,
    input_: dict[str, Any],
    id_: str | None = None,
    sku: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    variant = _variant(call, id_, sku)
    _apply_variant(call, variant, input_)
    changes.variant_changed(call, variant)
    return {"productVariant": variant}


@mutation("productVariantDelete")
@needs("MANAGE_PRODUCTS")
def product_variant_delete(
    _root: Any, info: Info, *, id_: str | None = None, sku: str | None = None
) -> dict[str, Any]:
    call = call_of(info)
    variant = _variant(call, id_, sku)
    variant.product.variants.remove(variant)
    changes.variant_deleted(call, variant)
    return {"productVariant": variant}


@mutation("productVariantBulkUpdate")
@needs("MANAGE_PRODUCTS")
def product_variant_bulk_update(
    _root: Any, info: Info, *, product: str, variants: list[dict[str, Any]]
) -> dict[str, Any]:
    """All variants are changed first; then there is an event for each, so every payload shows all changes."""
    call = call_of(info)
    held = _product(call, product, "product")
    changed = [
        _found(by_id(held.variants, each["id"], "ProductVariant"), "id", each["id"]) for each in variants
    ]
    for variant, given in zip(changed, variants, strict=True):
        _apply_variant(call, variant, given)
    for variant in changed:
        changes.variant_changed(call, variant)
    results = [{"productVariant": each, "errors": []} for each in changed]
    return {"count": len(results), "results": results}


@mutation("productMediaCreate")
@needs("MANAGE_PRODUCTS")
def product_media_create(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    """Add an uploaded file, or a URL from which Saleor downloads; this stand-in only checks the URL."""
    call = call_of(info)
    image, address = input_.get("image"), input_.get("mediaUrl") or ""
    if not image and not address:
        raise Refused("input", "REQUIRED", "Image or external URL is required.")
    if image and address:
        raise Refused("input", "DUPLICATED_INPUT_ITEM", "Either image or external URL is required.")
    if len(input_.get("alt") or "") > LONGEST_ALT:
        raise Refused("input", "INVALID", f"Alt field exceeds the character limit of {LONGEST_ALT}.")
    product = _product(call, input_["product"], "product")
    media = ProductMedia(product.id, input_.get("alt") or "", (128, 128, 128), len(product.media))
    if image:
        _keep_upload(media, image)
    else:
        _check_address(address)
        media.source = address
    product.media.append(media)
    changes.product_changed(call, product)
    call.host.emit("PRODUCT_MEDIA_CREATED", call.requestor, productMedia=media)
    return {"product": product, "media": media}


def _keep_upload(media: ProductMedia, image: Any) -> None:
    if image.mimetype not in MIME_TYPES:
        raise Refused("image", "INVALID", "Invalid file type.")
    content = image.stream.read()
    if len(content) > LARGEST_FILE:
        raise Refused("image", "FILE_SIZE_LIMIT_EXCEEDED", "File size exceeds the limit.")
    media.content, media.mime_type, media.source = content, image.mimetype, image.filename or ""


def _check_address(address: str) -> None:
    """Check the URL: Saleor requests its content type, and refuses URLs that are not public."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or "missing" in parts.path:
        raise Refused("mediaUrl", "INVALID", "Enter a valid URL.")
    kind, _ = guess_type(parts.path)
    if kind is not None and kind not in MIME_TYPES:
        raise Refused("mediaUrl", "UNSUPPORTED_MIME_TYPE", "Invalid file type.")


@mutation("productMediaDelete")
@needs("MANAGE_PRODUCTS")
def product_media_delete(_root: Any, info: Info, *, id_: str) -> dict[str, Any]:
    call = call_of(info)
    holders = {media: each for each in call.host.store.products for media in each.media}
    media = _found(by_id(holders, id_, "ProductMedia"), "id", id_)
    product = holders[media]
    product.media.remove(media)
    changes.product_changed(call, product)
    call.host.emit("PRODUCT_MEDIA_DELETED", call.requestor, productMedia=media)
    return {"product": product, "media": media}


@mutation("categoryUpdate")
@needs("MANAGE_PRODUCTS")
def category_update(_root: Any, info: Info, *, id_: str, input_: dict[str, Any]) -> dict[str, Any]:
    """Products of the category do not count as changed."""
    call = call_of(info)
    category = _found(by_id(call.host.store.categories, id_, "Category"), "id", id_)
    category.name = input_.get("name") or category.name
    category.touch()
    call.host.emit("CATEGORY_UPDATED", call.requestor, category=category)
    return {"category": category}


def _set_price(variant: Variant, channel: Channel, given: dict[str, Any]) -> None:
    if listing_of(variant.product, channel) is None:
        raise Refused(
            "channelId", "PRODUCT_NOT_ASSIGNED_TO_CHANNEL", "Product not assigned to the channel.", {}
        )
    amounts = {name: given.get(name) for name in ("price", "costPrice", "priorPrice")}
    for name, amount in amounts.items():
        if amount is not None and amount != quantize(amount, channel.currency_code):
            raise Refused(name, "INVALID", "Value cannot have more decimals than the currency.")
    listing = variant.listing_in(channel)
    if listing is None:
        listing = VariantListing(channel, given["price"])
        variant.channel_listings.append(listing)
    listing.price = given["price"]
    listing.cost_price = given.get("costPrice", listing.cost_price)
    listing.prior_price = given.get("priorPrice", listing.prior_price)


@mutation("productVariantChannelListingUpdate")
@needs("MANAGE_PRODUCTS")
def product_variant_channel_listing_update(
    _root: Any,
    info: Info,
    *,
    input_: list[dict[str, Any]],
    id_: str | None = None,
    sku: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    variant = _variant(call, id_, sku)
    for given in input_:
        channel = by_id(call.host.store.channels, given["channelId"], "Channel")
        _set_price(variant, _found(channel, "channelId", given["channelId"]), given)
    changes.variant_changed(call, variant, touched=False)
    return {"variant": variant}


@mutation("productVariantStocksUpdate")
@needs("MANAGE_PRODUCTS")
def product_variant_stocks_update(
    _root: Any, info: Info, *, stocks: list[dict[str, Any]], variant_id: str | None = None
) -> dict[str, Any]:
    call = call_of(info)
    variant = _variant(call, variant_id)
    _check_warehouses(stocks)
    before = variant.stock
    for each in stocks:
        variant.stock = each["quantity"]
    changes.stock_changed(call, variant, before)
    return {"productVariant": variant}


def _check_warehouses(stocks: list[dict[str, Any]]) -> None:
    if any(each["warehouse"] != changes.MAIN_WAREHOUSE for each in stocks):
        raise Refused("warehouse", "NOT_FOUND", "There is no such warehouse.")
