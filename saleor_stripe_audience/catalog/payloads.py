"""Saleor's products as typed values, ready to be sent to Stripe."""

import base64
import binascii
import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from saleor_stripe_audience.catalog.rich_text import plain_text
from saleor_stripe_audience.saleor.payloads import Payload, Price, Text, read
from saleor_stripe_audience.utc import Moment

MOST_IMAGES = 8  # Stripe's limit: https://docs.stripe.com/api/products/object#product_object-images
LONGEST_IMAGE_URL = 2048
LONGEST_NAME = 250
LONGEST_DESCRIPTION = 5000
LONGEST_VALUE = 500  # of metadata: https://docs.stripe.com/metadata#data
LONGEST_UNIT_LABEL = 12
ALWAYS = datetime.min.replace(tzinfo=UTC)


class TaxConfiguration(Payload):
    prices_entered_with_tax: bool | None = None


class Channel(Payload):
    slug: str
    currency_code: str
    metafield: str | None = None  # the address of a product in this channel's storefront
    tax_configuration: TaxConfiguration | None = None


class Listing(Payload):
    channel: Channel
    price: Price | None = None
    is_published: bool = True
    published_at: Moment | None = None
    is_available_for_purchase: bool | None = None
    available_for_purchase_at: Moment | None = None


class Variant(Payload):
    id: str
    name: Text = ""
    sku: str | None = None
    channel_listings: list[Listing] | None = None


class Media(Payload):
    id: Text = ""
    url: str
    type: Text = "IMAGE"


class Named(Payload):
    id: str
    name: Text = ""


class ProductType(Payload):
    is_shipping_required: bool | None = None


class TaxClass(Payload):
    metafield: str | None = None


class Product(Payload):
    id: str
    name: Text = ""
    slug: Text = ""
    description: str | None = None
    metafields: dict[str, Any] | None = None
    product_type: ProductType | None = None
    category: Named | None = None
    collections: list[Named] | None = None
    tax_class: TaxClass | None = None
    media: list[Media] | None = None
    variants: list[Variant] | None = None
    channel_listings: list[Listing] | None = None


class Reference(Payload):
    id: str
    product: Product | None = None


class MediaReference(Payload):
    id: str
    product_id: str | None = None


@dataclass(frozen=True)
class Problem:
    """Something that is not in Stripe as the merchant may expect; `channel` is empty if it is about the whole
    variant.
    """

    code: str
    message: str
    channel: str = ""

    def as_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "channel": self.channel}


@dataclass(frozen=True)
class Offer:
    """A variant in one channel. It is sold from `sold_from` on; never if that is None, or without a `price`."""

    channel: str
    price: Price | None
    sold_from: datetime | None
    tax_behavior: str
    url: str

    def is_sold(self, now: datetime) -> bool:
        return self.sold_from is not None and self.sold_from <= now


@dataclass(frozen=True)
class Item:
    """One variant as it should be in Stripe. `image_keys` identify the images regardless of how their URLs are signed.

    `image_ids` are Saleor's. `label` is what distinguishes the variant in the name; empty if the name is the product's.
    """

    product_id: str
    variant_id: str
    name: str
    sku: str
    lookup_name: str
    description: str = ""
    images: tuple[str, ...] = ()
    image_keys: tuple[str, ...] = ()
    image_ids: tuple[str, ...] = ()
    label: str = ""
    shippable: bool | None = None
    tax_code: str = ""
    unit_label: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    offers: tuple[Offer, ...] = ()
    problems: tuple[Problem, ...] = field(default=())


def read_product(payload: Any) -> Product:
    """The product of an event; `Rejected` if it is not one."""
    return read(Product, payload, "product")


def read_reference(payload: Any) -> Reference:
    """A deleted product or variant, or a variant with its product."""
    return read(Reference, payload, "product")


def read_media(payload: Any) -> MediaReference:
    """An image that was added, changed or removed."""
    return read(MediaReference, payload, "image")


def read_named(payload: Any) -> Named:
    """A category or collection."""
    return read(Named, payload, "category")


def names_of(product: Product) -> dict[str, str]:
    """The names of the product's category and collections, by their ids."""
    named = [*([product.category] if product.category else []), *(product.collections or [])]
    return {each.id: each.name for each in named}


def items_of(product: Product) -> list[Item]:
    """Return the product's variants as they should be in Stripe."""
    variants = product.variants or []
    return [_item(product, variant, alone=len(variants) == 1) for variant in variants]


def _item(product: Product, variant: Variant, *, alone: bool) -> Item:
    name, description = _name(product, variant, alone=alone), plain_text(product.description)
    public = [each for each in product.media or [] if each.type == "IMAGE" and is_public_image(each.url)]
    images = public[:MOST_IMAGES]
    given = product.metafields or {}
    return Item(
        product_id=product.id,
        variant_id=variant.id,
        name=name[:LONGEST_NAME],
        sku=variant.sku or "",
        lookup_name=variant.sku or "-".join(filter(None, (product.slug, number_of(variant.id)))),
        description=description[:LONGEST_DESCRIPTION],
        images=tuple(each.url for each in images),
        image_keys=tuple(_image_key(each) for each in images),
        image_ids=tuple(each.id for each in images),
        label=_label(product, variant, alone=alone),
        shippable=product.product_type.is_shipping_required if product.product_type else None,
        tax_code=_text(given.get("stripe_tax_code"))
        or _text(product.tax_class.metafield if product.tax_class else None),
        unit_label=_text(given.get("stripe_unit_label"))[:LONGEST_UNIT_LABEL],
        labels=_labels(product),
        offers=_offers(product, variant, _text(given.get("stripe_url"))),
        problems=_problems(product, name, description, images, _text(given.get("stripe_unit_label"))),
    )


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def number_of(global_id: str) -> str:
    """The number in one of Saleor's ids: "12" of "UHJvZHVjdFZhcmlhbnQ6MTI="; the id itself if it has none."""
    try:
        padded = global_id + "=" * (-len(global_id) % 4)
        decoded = base64.b64decode(padded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return global_id
    return decoded.partition(":")[2] or global_id


def is_id_of(kind: str, text: str) -> bool:
    """Whether it is one of Saleor's ids of that kind, such as "Product"."""
    try:
        return base64.b64decode(text, validate=True).decode().startswith(f"{kind}:")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False


def _name(product: Product, variant: Variant, *, alone: bool) -> str:
    """Return the product's name, and what distinguishes the variant from the others."""
    label = _label(product, variant, alone=alone)
    if not label:
        return product.name
    room = max(
        LONGEST_NAME - len(label) - 3, LONGEST_NAME // 2
    )  # a long title leaves the variant's name readable
    return f"{product.name[:room]} \N{EN DASH} {label}"


def _label(product: Product, variant: Variant, *, alone: bool) -> str:
    """Return what distinguishes the variant from the others: its name or, without one, its SKU; empty if it is the only
    one.
    """
    if alone or variant.name == product.name:
        return ""
    # Saleor uses a variant's own id as its name if it has no other.
    has_name = variant.name and number_of(variant.name) == variant.name
    return variant.name if has_name else variant.sku or ""


def _labels(product: Product) -> tuple[tuple[str, str], ...]:
    """The names of the category and the collections, as metadata."""
    category = product.category.name if product.category else ""
    collections = ", ".join(sorted(each.name for each in product.collections or []))
    return (("category", category[:LONGEST_VALUE]), ("collections", collections[:LONGEST_VALUE]))


def is_public_image(url: str) -> bool:
    """Whether Stripe can show the image: by https, at a public host, and not an SVG, which may contain scripts."""
    if len(url) > LONGEST_IMAGE_URL:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme != "https" or parts.path.lower().endswith((".svg", ".svgz")):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost"))


def _image_key(media: Media) -> str:
    """Return a key that only changes with the image: its URL may be signed again, or later refer to a thumbnail."""
    parts = urlsplit(media.url)
    return f"{parts.scheme}://{parts.netloc}/{media.id or parts.path}"


def _offers(product: Product, variant: Variant, own_url: str) -> tuple[Offer, ...]:
    """Return the offers; a variant that is not in any channel, as before it gets a price, has no price in any of the
    product's channels.
    """
    shown = {each.channel.slug: each for each in product.channel_listings or []}
    listings = list(shown.values()) if variant.channel_listings == [] else variant.channel_listings or []
    return tuple(_offer(product, listing, shown.get(listing.channel.slug), own_url) for listing in listings)


def _offer(product: Product, listing: Listing, shown: Listing | None, own_url: str) -> Offer:
    is_known = product.channel_listings is not None
    channel = shown.channel if shown is not None else listing.channel
    template = _text(channel.metafield)  # an address with {slug} in it
    url = template.replace("{slug}", product.slug) if template.startswith("https://") else ""
    return Offer(
        channel=listing.channel.slug,
        price=listing.price,
        sold_from=_sold_from(shown) if shown is not None else None if is_known else ALWAYS,
        tax_behavior=_tax_behavior(channel),
        url=own_url or url,
    )


def _sold_from(listing: Listing) -> datetime | None:
    """Return from when it is published and available for purchase; both may start at a date."""
    if not listing.is_published:
        return None
    if listing.available_for_purchase_at is None and listing.is_available_for_purchase is False:
        return None
    dates = [each for each in (listing.published_at, listing.available_for_purchase_at) if each is not None]
    return max(dates, default=ALWAYS)


def _tax_behavior(channel: Channel) -> str:
    entered_with_tax = channel.tax_configuration and channel.tax_configuration.prices_entered_with_tax
    if entered_with_tax is None:
        return ""
    return "inclusive" if entered_with_tax else "exclusive"


def _problems(
    product: Product, name: str, description: str, images: list[Media], unit_label: str
) -> tuple[Problem, ...]:
    found = []
    if len(name) > LONGEST_NAME or not name.startswith(product.name):
        found.append(Problem("name_cut", f"The name is longer than Stripe's {LONGEST_NAME} characters."))
    if len(description) > LONGEST_DESCRIPTION:
        message = f"The description is longer than Stripe's {LONGEST_DESCRIPTION} characters."
        found.append(Problem("description_cut", message))
    if len(unit_label) > LONGEST_UNIT_LABEL:
        message = f"The unit label is longer than Stripe's {LONGEST_UNIT_LABEL} characters."
        found.append(Problem("unit_label_cut", message))
    given = [each for each in product.media or [] if each.type == "IMAGE"]
    if any(not is_public_image(each.url) for each in given):
        message = "Images are left out that Stripe cannot show: they need a public https address and may not be SVG."
        found.append(Problem("image_left_out", message))
    elif len(given) > len(images):
        found.append(Problem("image_left_out", f"Stripe shows {MOST_IMAGES} images of a product at most."))
    return tuple(found)
