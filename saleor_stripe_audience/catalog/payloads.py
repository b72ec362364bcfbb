"""The host's products as values, ready to be sent to Stripe."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from html import unescape
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from saleor_stripe_audience.errors import Rejected

MOST_IMAGES = 8  # Stripe's limit: https://docs.stripe.com/api/products/object#product_object-images
LONGEST_DESCRIPTION = 5000

Amount = Annotated[
    Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)
]

# What the host's schema calls nullable may be null; to us it is then empty.
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Channel(_Part):
    slug: str
    currencyCode: str  # noqa: N815 - the host's name


class Price(_Part):
    amount: Amount
    currency: str


class Listing(_Part):
    channel: Channel
    price: Price | None = None
    isPublished: bool = True  # noqa: N815 - the host's name


class Variant(_Part):
    id: str
    name: Text = ""
    sku: str | None = None
    channelListings: list[Listing] | None = None  # noqa: N815 - the host's name


class Media(_Part):
    url: str
    type: Text = "IMAGE"


class Product(_Part):
    id: str
    name: Text = ""
    description: str | None = None
    media: list[Media] | None = None
    variants: list[Variant] | None = None
    channelListings: list[Listing] | None = None  # noqa: N815 - the host's name


class Reference(_Part):
    id: str
    product: Product | None = Field(default=None)


@dataclass(frozen=True)
class Item:
    """One variant as it shall stand in Stripe; `prices` are by channel."""

    product_id: str
    variant_id: str
    name: str
    sku: str
    description: str
    images: tuple[str, ...]
    prices: tuple[tuple[str, Price], ...]


def read_product(payload: Any) -> Product:
    """The product of an event; `Rejected` if it is not one."""
    return _read(Product, payload)


def read_reference(payload: Any) -> Reference:
    """A deleted product or variant, or a variant with its product."""
    return _read(Reference, payload)


def items_of(product: Product) -> list[Item]:
    """The product's variants as Stripe shall have them."""
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
    """The words of the host's rich text (EditorJS blocks), one paragraph a line."""
    if not description:
        return ""
    try:
        blocks = json.loads(description)["blocks"]
    except (ValueError, KeyError, TypeError):
        return _without_tags(description)
    lines = [line for block in blocks if isinstance(block, dict) for line in _lines(block.get("data"))]
    return "\n".join(line for line in lines if line)


def _lines(data: Any) -> list[str]:
    if not isinstance(data, dict):
        return []
    listed = [
        item if isinstance(item, str) else str(item.get("content", "")) for item in data.get("items", [])
    ]
    return [_without_tags(text) for text in [str(data.get("text", "")), *listed]]


def _without_tags(text: str) -> str:
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
    listings = variant.channelListings or []
    return tuple(
        (listing.channel.slug, listing.price)
        for listing in listings
        if listing.price and listing.price.amount > 0
    )


def _read[Model: BaseModel](model: type[Model], payload: Any) -> Model:
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "object"
        raise Rejected(f"Saleor's product came without a readable {place}.", code="payload") from None
