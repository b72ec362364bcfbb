"""Products that staff add and edit in the app: written to Saleor, whose own events then sync them to Stripe.

This also works without Stripe: products are sent once an account can receive them.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.catalog.minimums import smallest_price
from saleor_stripe_audience.catalog.models import UploadedImage
from saleor_stripe_audience.catalog.payloads import Product, Variant, is_id_of, read_product
from saleor_stripe_audience.catalog.rewriting import normalized, rewrite, rich_text
from saleor_stripe_audience.catalog.rich_text import plain_text
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money, from_decimal, largest_charge
from saleor_stripe_audience.saleor import products as saleor
from saleor_stripe_audience.saleor.products import REFERENCE_TAKEN, Choice, ProductType
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

LONGEST_TITLE = 250  # Saleor's and Stripe's limit
LONGEST_DESCRIPTION = 20_000
LONGEST_KEY = 100
LONGEST_SKU = 255
LARGEST_IMAGE = 3 * 1024 * 1024  # bytes; a request may have 4 MB
REFERENCE = "saleor-stripe-audience:"

Json = dict[str, Any]
Between = Callable[[str, str], None]  # gets the ids of a new product and its variant before it has a price

# The first bytes of each kind of image that Saleor and Stripe show. SVG is text, and may contain scripts.
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"GIF87a", "image/gif", "gif"),
    (b"GIF89a", "image/gif", "gif"),
)


@dataclass(frozen=True)
class Image:
    """An uploaded image, after its check."""

    content: bytes
    mime_type: str
    ending: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class ChannelChoice:
    """A channel, with the minimum price of a product there; None if it is unknown. `warehouses` are ids."""

    id: str
    slug: str
    name: str
    currency: str
    smallest: Money | None
    warehouses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What the form for a product offers. A product of an `unusable` type can only be added in Saleor."""

    channels: tuple[ChannelChoice, ...]
    product_types: tuple[ProductType, ...]
    categories: tuple[Choice, ...]
    unusable: tuple[ProductType, ...] = ()


@dataclass(frozen=True)
class EditableImage:
    id: str
    url: str


@dataclass(frozen=True)
class EditableVariant:
    """`prices` are by the slugs of the channels."""

    id: str
    name: str
    sku: str
    prices: Mapping[str, Decimal]


@dataclass(frozen=True)
class Editable:
    """A product as it is in Saleor now; `description` is plain text, one paragraph per line."""

    product_id: str
    title: str
    description: str
    images: tuple[EditableImage, ...]
    variants: tuple[EditableVariant, ...]


@dataclass(frozen=True)
class Draft:
    """A product to add. `prices` are by channel slug: it is sold in these channels.

    `product_type` and `category` are Saleor's ids; if no type is given, the first suitable one is used. Saleor does not
    publish products without a category.
    """

    title: str
    description: str = ""
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    product_type: str = ""
    category: str = ""
    sku: str = ""
    image: Image | None = None
    image_urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """Changes to a product; None leaves a text unchanged. `removed_images` are Saleor's ids."""

    title: str | None = None
    description: str | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    image: Image | None = None
    removed_images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Added:
    """A product that was added, and why Saleor did not accept some of its images."""

    product_id: str
    variant_id: str
    refused_images: tuple[Rejected, ...] = ()


def read_image(content: bytes) -> Image:
    """Check an upload by its content, whatever its name says. `Rejected` if it is not an image, or too large."""
    if len(content) > LARGEST_IMAGE:
        message = pgettext_lazy("staff", "The image is larger than {megabytes} MB.")
        raise Rejected(with_values(message, megabytes=LARGEST_IMAGE // 2**20), code="image_size")
    for beginning, mime_type, ending in _BEGINNINGS:
        if content.startswith(beginning):
            return Image(content, mime_type, ending)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Image(content, "image/webp", "webp")
    raise Rejected(
        pgettext_lazy("staff", "This is not a PNG, JPEG, GIF or WebP image. SVG is not accepted."),
        code="image_type",
    )


def choices(installation: Installation) -> Choices:
    """Return the form's options, with one call to Saleor."""
    found = saleor.fetch_choices(installation)
    channels = tuple(
        ChannelChoice(
            each.id, each.slug, each.name, each.currency, smallest_price(each.currency), each.warehouses
        )
        for each in found.channels
    )
    usable = tuple(each for each in found.product_types if not each.required)
    unusable = tuple(each for each in found.product_types if each.required)
    return Choices(channels, usable, found.categories, unusable)


def read(installation: Installation, product_id: str) -> Editable:
    """The product as it is now. `Rejected` if the shop has none of that id."""
    product = _fetch(installation, product_id)
    return Editable(
        product.id,
        product.name,
        plain_text(product.description),
        tuple(EditableImage(each.id, each.url) for each in product.media or [] if each.type == "IMAGE"),
        tuple(
            EditableVariant(each.id, each.name, each.sku or "", _prices_of(each))
            for each in product.variants or []
        ),
    )


def _fetch(installation: Installation, product_id: str) -> Product:
    found = saleor.fetch_product(installation, product_id) if is_id_of("Product", product_id) else None
    if found is None:
        raise Rejected(pgettext_lazy("staff", "The shop has no such product."), code="product_unknown")
    return read_product(found)


def _prices_of(variant: Variant) -> dict[str, Decimal]:
    return {
        each.channel.slug: each.price.amount
        for each in variant.channel_listings or []
        if each.price is not None
    }


def add(installation: Installation, draft: Draft, key: str) -> Added:
    """Add a product with one variant to Saleor; the same key adds it once, and continues where an attempt ended.

    `Rejected` says which field is wrong; then nothing was added, unless Saleor itself refused a later step.
    """
    if not 1 <= len(key) <= LONGEST_KEY:
        message = pgettext_lazy("staff", "The key must have 1 to {longest} characters.")
        raise Rejected(with_values(message, longest=LONGEST_KEY), code="product_key")
    return add_under(installation, draft, REFERENCE + key)


def add_under(
    installation: Installation, draft: Draft, reference: str, between: Between | None = None
) -> Added:
    """The same with the caller's external reference; `between` runs before the product has a price."""
    title = _checked_title(draft.title)
    _check_description(draft.description)
    if len(draft.sku) > LONGEST_SKU:
        message = pgettext_lazy("staff", "The SKU can have at most {longest} characters.")
        raise Rejected(with_values(message, longest=LONGEST_SKU), code="sku")
    offered = choices(installation)
    prices = _checked_prices(offered, draft.prices)
    if not prices:
        raise Rejected(pgettext_lazy("staff", "Enter a price for at least one channel."), code="price")
    product_id = _find_or_create_product(installation, offered, draft, title, reference)
    warehouses = {id_ for each in offered.channels if each.slug in prices for id_ in each.warehouses}
    variant_id = _find_or_create_variant(installation, product_id, draft.sku, reference, sorted(warehouses))
    product = _fetch(installation, product_id)
    refused = () if product.media else _add_images(installation, product_id, draft)
    _list_in(installation, product, prices)
    if between is not None:
        between(product_id, variant_id)
    saleor.set_prices(installation, variant_id, {id_: str(money.amount) for id_, money in prices.values()})
    return Added(product_id, variant_id, refused)


def _find_or_create_product(
    installation: Installation, offered: Choices, draft: Draft, title: str, reference: str
) -> str:
    if (found := saleor.find_product(installation, reference)) is not None:
        return read_product(found).id
    product_type = _checked_type(offered, draft.product_type)
    if not draft.category:
        raise Rejected(
            pgettext_lazy("staff", "Choose a category: Saleor does not publish products without one."),
            code="category",
        )
    fields: Json = {
        "name": title,
        "productType": product_type,
        "category": draft.category,
        "externalReference": reference,
    }
    if normalized(draft.description):
        fields["description"] = rich_text(draft.description)
    try:
        return saleor.create_product(installation, fields)
    except Rejected as error:
        if error.code != REFERENCE_TAKEN:
            raise
        if (found := saleor.find_product(installation, reference)) is None:
            raise
        return read_product(found).id  # another process was faster


def _checked_type(offered: Choices, chosen: str) -> str:
    """Return the chosen product type or the first one; `Rejected` if its variants have required attributes."""
    found = chosen or next((each.id for each in offered.product_types), "")
    if not found and not offered.unusable:
        raise Rejected(pgettext_lazy("staff", "Create a product type in Saleor first."), code="product_type")
    unusable = [each for each in offered.unusable if found in ("", each.id)]
    if unusable:
        message = pgettext_lazy(
            "staff",
            "Saleor requires a value of {attributes} for each variant of the product type “{name}”. Choose another "
            "product type, or add the product in Saleor.",
        )
        values = {"attributes": ", ".join(unusable[0].required), "name": unusable[0].name}
        raise Rejected(with_values(message, **values), code="product_type")
    return found


def _find_or_create_variant(
    installation: Installation, product_id: str, sku: str, reference: str, warehouses: list[str]
) -> str:
    """Find or create the variant, without tracking stock: what is added here can be bought immediately.

    Without stock in a warehouse, Saleor refuses to fulfill its orders and does not list it as in stock. One item is
    enough, because Saleor does not count it down.
    """
    if found := saleor.find_variant(installation, reference):
        return found
    fields: Json = {
        "product": product_id,
        "attributes": [],
        "trackInventory": False,
        "externalReference": reference,
        "stocks": [{"warehouse": each, "quantity": 1} for each in warehouses],
    }
    if sku:
        fields["sku"] = sku
    try:
        return saleor.create_variant(installation, fields)
    except Rejected as error:
        if error.code != REFERENCE_TAKEN:
            raise
        return saleor.find_variant(installation, reference)


def _add_images(installation: Installation, product_id: str, draft: Draft) -> tuple[Rejected, ...]:
    """Add the images; an image that Saleor refuses does not keep the product from being added."""
    refused = []
    try:
        if draft.image is not None:
            _upload(installation, product_id, draft.image)
    except Rejected as error:
        refused.append(error)
    for url in draft.image_urls:
        try:
            saleor.link_image(installation, product_id, url)
        except Rejected as error:
            refused.append(error)
    return tuple(refused)


def change(installation: Installation, product_id: str, changes: Changes, variant_id: str = "") -> None:
    """Write what differs to Saleor; nothing is written twice. `variant_id` is needed if there are several variants."""
    title = None if changes.title is None else _checked_title(changes.title)
    _check_description(changes.description or "")
    product = _fetch(installation, product_id)
    prices: dict[str, tuple[str, Money]] = {}
    if changes.prices:
        variant = _chosen_variant(product, variant_id)
        current = _prices_of(variant)
        checked = _checked_prices(choices(installation), changes.prices)
        prices = {
            slug: (channel, money)
            for slug, (channel, money) in checked.items()
            if current.get(slug) != money.amount
        }
    if not {each.id for each in product.media or []}.issuperset(changes.removed_images):
        raise Rejected(pgettext_lazy("staff", "The product has no such image."), code="image_unknown")
    if fields := _changed_texts(product, title, changes.description):
        saleor.update_product(installation, product.id, fields)
    if changes.image is not None:
        _upload_once(installation, product, changes.image)
    for image_id in changes.removed_images:
        saleor.delete_image(installation, image_id)
    if prices:
        _list_in(installation, product, prices)
        saleor.set_prices(
            installation, variant.id, {id_: str(money.amount) for id_, money in prices.values()}
        )


def _changed_texts(product: Product, title: str | None, description: str | None) -> Json:
    fields: Json = {}
    if title is not None and title != product.name:
        fields["name"] = title
    if description is not None and normalized(description) != normalized(plain_text(product.description)):
        fields["description"] = rewrite(product.description, description)
    return fields


def _chosen_variant(product: Product, variant_id: str) -> Variant:
    variants = product.variants or []
    fitting = [each for each in variants if variant_id in ("", each.id)]
    if len(fitting) != 1:
        raise Rejected(
            pgettext_lazy("staff", "Choose the variant whose price you want to change."),
            code="variant_unknown",
        )
    return fitting[0]


def _list_in(installation: Installation, product: Product, prices: Mapping[str, tuple[str, Money]]) -> None:
    """Publish the product in the channels where it is not listed at all; elsewhere, staff's decision is kept."""
    listed = {each.channel.slug for each in product.channel_listings or []}
    new = [
        {"channelId": channel, "isPublished": True, "visibleInListings": True, "isAvailableForPurchase": True}
        for slug, (channel, _) in prices.items()
        if slug not in listed
    ]
    if new:
        saleor.list_product(installation, product.id, new)


def _upload(installation: Installation, product_id: str, image: Image) -> str:
    name = f"{image.digest[:16]}.{image.ending}"
    return saleor.upload_image(installation, product_id, image.content, name, image.mime_type)


def _upload_once(installation: Installation, product: Product, image: Image) -> None:
    """Upload the image, unless the product already has it."""
    present = {each.id for each in product.media or []}
    rows = UploadedImage.objects.filter(
        installation=installation, saleor_product_id=product.id, digest=image.digest
    )
    if rows.filter(saleor_media_id__in=present).exists():
        return
    media_id = _upload(installation, product.id, image)
    UploadedImage.objects.update_or_create(
        installation=installation,
        saleor_product_id=product.id,
        digest=image.digest,
        defaults={"saleor_media_id": media_id},
    )


def _checked_title(title: str) -> str:
    title = " ".join(title.split())
    if not title:
        raise Rejected(pgettext_lazy("staff", "Enter a title."), code="title_missing")
    if len(title) > LONGEST_TITLE:
        message = pgettext_lazy("staff", "The title can have at most {longest} characters.")
        raise Rejected(with_values(message, longest=LONGEST_TITLE), code="title_long")
    return title


def _check_description(description: str) -> None:
    if len(description) > LONGEST_DESCRIPTION:
        message = pgettext_lazy("staff", "The description can have at most {longest} characters.")
        raise Rejected(with_values(message, longest=LONGEST_DESCRIPTION), code="description_long")


def _checked_prices(offered: Choices, prices: Mapping[str, Decimal]) -> dict[str, tuple[str, Money]]:
    """Return the channel's id and the price, by channel slug. `Rejected` for a price that Stripe would not charge."""
    known = {each.slug: each for each in offered.channels}
    checked = {}
    for slug, amount in prices.items():
        if (channel := known.get(slug)) is None:
            message = pgettext_lazy("staff", "The shop has no channel “{channel}”.")
            raise Rejected(with_values(message, channel=slug[:100]), code="channel")
        try:
            checked[slug] = (channel.id, check_price(amount, channel.currency))
        except Rejected as error:
            raise Rejected(error.translatable, code=error.code, values={"channel": slug}) from error
    return checked


def check_price(amount: Decimal, currency: str) -> Money:
    """Return the price; `Rejected` if it is not an amount in that currency, or too small or too large to charge."""
    try:
        money = from_decimal(amount, currency)
    except Rejected as error:
        raise Rejected(error.translatable, code="price") from error
    if money.amount != amount:
        message = pgettext_lazy(
            "staff", "Stripe charges {nearest} for this amount. Enter a price that it can charge."
        )
        raise Rejected(with_values(message, nearest=money), code="price")
    smallest, largest = smallest_price(money.currency), largest_charge(money.currency)
    if money.is_zero or (smallest is not None and money.minor < smallest.minor):
        if smallest is None:
            raise Rejected(pgettext_lazy("staff", "Enter a price above zero."), code="price_too_small")
        message = pgettext_lazy("staff", "{price} is too low: a product must cost at least {smallest}.")
        raise Rejected(with_values(message, price=money, smallest=smallest), code="price_too_small")
    if money.minor > largest.minor:
        message = pgettext_lazy("staff", "{price} is too high: Stripe charges at most {largest}.")
        raise Rejected(with_values(message, price=money, largest=largest), code="price")
    return money
