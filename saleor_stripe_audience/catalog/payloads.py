"""Saleor's products as typed values, ready to be sent to Stripe."""

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from saleor_stripe_audience.saleor.payloads import Payload, Price, Text, read

MOST_IMAGES = 8  # Stripe's limit: https://docs.stripe.com/api/products/object#product_object-images
LONGEST_DESCRIPTION = 5000


class Channel(Payload):
    slug: str
    currency_code: str


class Listing(Payload):
    channel: Channel
    price: Price | None = None
    is_published: bool = True


class Variant(Payload):
    id: str
    name: Text = ""
    sku: str | None = None
    channel_listings: list[Listing] | None = None


class Media(Payload):
    url: str
    type: Text = "IMAGE"


class Product(Payload):
    id: str
    name: Text = ""
    description: str | None = None
    media: list[Media] | None = None
    variants: list[Variant] | None = None
    channel_listings: list[Listing] | None = None


class Reference(Payload):
    id: str
    product: Product | None = None


@dataclass(frozen=True)
class Item:
    """One variant as it is to be in Stripe; `prices` are by channel."""

    product_id: str
    variant_id: str
    name: str
    sku: str
    description: str
    images: tuple[str, ...]
    prices: tuple[tuple[str, Price], ...]


def read_product(payload: Any) -> Product:
    """The product of an event; `Rejected` if it is not one."""
    return read(Product, payload, "product")


def read_reference(payload: Any) -> Reference:
    """A deleted product or variant, or a variant with its product."""
    return read(Reference, payload, "product")


def items_of(product: Product) -> list[Item]:
    """The product's variants as they are to be in Stripe."""
    variants = product.variants or []
    shared = {
        "product_id": product.id,
        "description": plain_text(product.description)[:LONGEST_DESCRIPTION],
        "images": _images(product),
    }
    return [
        Item(
            variant_id=variant.id,
            name=_name(product, variant, alone=len(variants) == 1),
            sku=variant.sku or "",
            prices=_prices(variant),
            **shared,  # type: ignore[arg-type]  # the fields all items of a product share
        )
        for variant in variants
    ]


def plain_text(description: str | None) -> str:
    """The text of Saleor's rich text (EditorJS blocks), one paragraph a line."""
    if not description:
        return ""
    try:
        blocks = json.loads(description)["blocks"]
    except (ValueError, KeyError, TypeError):
        return _strip_tags(description)
    lines = [line for block in blocks if isinstance(block, dict) for line in _lines(block.get("data"))]
    return "\n".join(line for line in lines if line)


def _lines(data: Any) -> list[str]:
    if not isinstance(data, dict):
        return []
    listed = [
        item if isinstance(item, str) else str(item.get("content", "")) for item in data.get("items", [])
    ]
    return [_strip_tags(text) for text in [str(data.get("text", "")), *listed]]


def _strip_tags(text: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", text)).strip()


def _images(product: Product) -> tuple[str, ...]:
    public = [
        each.url for each in product.media or [] if each.type == "IMAGE" and each.url.startswith("https://")
    ]
    return tuple(public[:MOST_IMAGES])


def _name(product: Product, variant: Variant, *, alone: bool) -> str:
    plain = alone or not variant.name or variant.name in (product.name, variant.id)
    return (product.name if plain else f"{product.name} \N{EN DASH} {variant.name}")[:250]


def _prices(variant: Variant) -> tuple[tuple[str, Price], ...]:
    listings = variant.channel_listings or []
    return tuple(
        (listing.channel.slug, listing.price)
        for listing in listings
        if listing.price and listing.price.amount > 0
    )
