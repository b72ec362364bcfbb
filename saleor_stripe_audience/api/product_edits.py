"""Adding and editing products over the API: written to Saleor, whose events sync them to Stripe."""

from decimal import Decimal
from typing import Annotated

import strawberry
from strawberry import Info
from strawberry.file_uploads import Upload

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.amounts import Money, money_of
from saleor_stripe_audience.api.context import needs
from saleor_stripe_audience.api.errors import Error, ErrorCode, InvalidInput, Payload, error_of, mutation
from saleor_stripe_audience.api.filters import MOST_VALUES
from saleor_stripe_audience.catalog import edit

_ProductId = Annotated[strawberry.ID, strawberry.argument(description="Saleor's id of the product.")]


@strawberry.type(description="A channel in which a product may be sold.")
class ProductChannelChoice:
    channel: str = strawberry.field(description="Slug of the channel.")
    name: str = strawberry.field(description="Its name.")
    currency: str = strawberry.field(description="ISO 4217 code in upper case.")
    smallest_price: Money | None = strawberry.field(
        description="The minimum price there, which is at least Stripe's minimum and the equivalent of one US "
        "dollar; null if unknown."
    )


@strawberry.type(description="A product type or a category of the shop.")
class ProductChoice:
    saleor_id: str = strawberry.field(description="Saleor's id.")
    name: str = strawberry.field(description="Its name.")


@strawberry.type(description="The options for a new product: at most 100 types and 100 categories.")
class ProductChoices:
    channels: list[ProductChannelChoice] = strawberry.field(description="The shop's channels.")
    product_types: list[ProductChoice] = strawberry.field(
        description="The shop's product types whose variants have no required attributes."
    )
    categories: list[ProductChoice] = strawberry.field(description="The shop's categories.")


@strawberry.type(description="An image of a product.")
class ProductImage:
    saleor_id: str = strawberry.field(description="Saleor's id of the image.")
    url: str = strawberry.field(description="The URL of the image, at most 1,024 pixels wide.")


@strawberry.type(description="The price of a variant in a channel, in Saleor.")
class ProductChannelPrice:
    channel: str = strawberry.field(description="Slug of the channel.")
    amount: Decimal = strawberry.field(description="The price, in major units of the channel's currency.")


@strawberry.type(description="A variant as it is in Saleor now.")
class EditableVariant:
    saleor_id: str = strawberry.field(description="Saleor's id of the variant.")
    name: str = strawberry.field(description="Its name.")
    sku: str = strawberry.field(description="The stock keeping unit; empty if none.")
    prices: list[ProductChannelPrice] = strawberry.field(description="Its prices.")


@strawberry.type(description="A product as it is in Saleor now.")
class EditableProduct:
    saleor_id: str = strawberry.field(description="Saleor's id of the product.")
    title: str = strawberry.field(description="Its name.")
    description: str = strawberry.field(description="Its description as plain text, one paragraph per line.")
    images: list[ProductImage] = strawberry.field(description="Its images.")
    variants: list[EditableVariant] = strawberry.field(description="Its variants.")


@strawberry.input(description="A price in a channel.")
class ChannelPriceInput:
    channel: str = strawberry.field(description="Slug of the channel.")
    amount: Decimal = strawberry.field(
        description='In major units of the channel\'s currency, such as "12.30".'
    )


@strawberry.input(description="A product to add, with one variant.")
class ProductCreateInput:
    key: str = strawberry.field(
        description="An idempotency key of up to 100 characters: repeating it does not add the product again."
    )
    title: str = strawberry.field(description="Its name, up to 250 characters.")
    prices: list[ChannelPriceInput] = strawberry.field(description="Its price in each channel that sells it.")
    category: strawberry.ID = strawberry.field(description="Saleor's id of its category.")
    description: str = strawberry.field(default="", description="Plain text; each line is a paragraph.")
    product_type: strawberry.ID | None = strawberry.field(
        default=None, description="Saleor's id of its product type; the shop's first one if omitted."
    )
    sku: str = strawberry.field(default="", description="The stock keeping unit.")
    image: Upload | None = strawberry.field(
        default=None, description="A PNG, JPEG, GIF or WebP of up to 3 MB, in a multipart request."
    )


@strawberry.input(description="Changes to a product; omitted fields do not change.")
class ProductUpdateInput:
    title: str | None = strawberry.field(default=None, description="Its name.")
    description: str | None = strawberry.field(
        default=None, description="Plain text; unchanged parts keep their formatting."
    )
    variant: strawberry.ID | None = strawberry.field(
        default=None, description="Saleor's id of the variant whose prices change, if there are several."
    )
    prices: list[ChannelPriceInput] = strawberry.field(default_factory=list, description="New prices.")
    image: Upload | None = strawberry.field(
        default=None,
        description="An additional PNG, JPEG, GIF or WebP of up to 3 MB, in a multipart request.",
    )
    removed_images: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Saleor's ids of images to delete."
    )


@strawberry.type(description="The product that was added.")
class ProductCreate(Payload):
    saleor_product_id: str | None = strawberry.field(default=None, description="Saleor's id of the product.")
    saleor_variant_id: str | None = strawberry.field(default=None, description="Saleor's id of its variant.")
    image_errors: list[Error] = strawberry.field(
        default_factory=list,
        description="Why Saleor did not accept the image; the product was added anyway.",
    )


@strawberry.type(description="The product that was changed.")
class ProductUpdate(Payload):
    saleor_product_id: str | None = strawberry.field(default=None, description="Saleor's id of the product.")


def _choices(info: Info) -> ProductChoices:
    found = edit.choices(ids.own_shop(info))
    return ProductChoices(
        channels=[
            ProductChannelChoice(
                channel=each.slug,
                name=each.name,
                currency=each.currency,
                smallest_price=money_of(each.smallest.minor, each.smallest.currency)
                if each.smallest
                else None,
            )
            for each in found.channels
        ],
        product_types=[ProductChoice(saleor_id=each.id, name=each.name) for each in found.product_types],
        categories=[ProductChoice(saleor_id=each.id, name=each.name) for each in found.categories],
    )


def _read(info: Info, product: _ProductId) -> EditableProduct:
    found = edit.read(ids.own_shop(info), product)
    return EditableProduct(
        saleor_id=found.product_id,
        title=found.title,
        description=found.description,
        images=[ProductImage(saleor_id=each.id, url=each.url) for each in found.images],
        variants=[
            EditableVariant(
                saleor_id=each.id,
                name=each.name,
                sku=each.sku,
                prices=[
                    ProductChannelPrice(channel=slug, amount=amount) for slug, amount in each.prices.items()
                ],
            )
            for each in found.variants
        ],
    )


def _create(
    info: Info,
    input: Annotated[  # noqa: A002 - as in Saleor
        ProductCreateInput, strawberry.argument(description="The product.")
    ],
) -> ProductCreate:
    draft = edit.Draft(
        title=input.title,
        description=input.description,
        prices=_prices(input.prices),
        product_type=input.product_type or "",
        category=input.category,
        sku=input.sku,
        image=_image(input.image),
    )
    added = edit.add(ids.own_shop(info), draft, input.key)
    return ProductCreate(
        saleor_product_id=added.product_id,
        saleor_variant_id=added.variant_id,
        image_errors=[error_of(each) for each in added.refused_images],
    )


def _update(
    info: Info,
    product: _ProductId,
    input: Annotated[  # noqa: A002 - as in Saleor
        ProductUpdateInput, strawberry.argument(description="The changes.")
    ],
) -> ProductUpdate:
    changes = edit.Changes(
        title=input.title,
        description=input.description,
        prices=_prices(input.prices),
        image=_image(input.image),
        removed_images=_images(input.removed_images),
    )
    edit.change(ids.own_shop(info), product, changes, input.variant or "")
    return ProductUpdate(saleor_product_id=product)


def _prices(given: list[ChannelPriceInput]) -> dict[str, Decimal]:
    if len(given) > MOST_VALUES:
        raise InvalidInput(f"Give up to {MOST_VALUES} prices.", ErrorCode.TOO_MANY_VALUES, "prices")
    return {each.channel: each.amount for each in given}


def _images(given: list[strawberry.ID]) -> tuple[str, ...]:
    if len(given) > MOST_VALUES:
        raise InvalidInput(f"Give up to {MOST_VALUES} images.", ErrorCode.TOO_MANY_VALUES, "removedImages")
    return tuple(given)


def _image(given: Upload | None) -> edit.Image | None:
    """Return the file of a multipart request; anything else in its place is not a file."""
    if given is None:
        return None
    read = getattr(given, "read", None)
    if read is None:
        message = "Send the image as a file of a multipart request."
        raise InvalidInput(message, ErrorCode.INVALID, "image")
    return edit.read_image(read(edit.LARGEST_IMAGE + 1))


@strawberry.type
class ProductEditQueries:
    product_choices: ProductChoices = strawberry.field(
        resolver=_choices,
        permission_classes=[needs("catalogue:write")],
        description="The options for a new product, from Saleor. Needs the scope catalogue:write.",
    )
    product_to_edit: EditableProduct = strawberry.field(
        resolver=_read,
        permission_classes=[needs("catalogue:write")],
        description="A product as it is in Saleor now. Needs the scope catalogue:write.",
    )


@strawberry.type
class ProductEditMutations:
    product_create: ProductCreate = mutation(
        _create,
        "catalogue:write",
        "Add a product in Saleor; the app then syncs it to Stripe. It is published in the "
        "channels that have a price.",
    )
    product_update: ProductUpdate = mutation(
        _update, "catalogue:write", "Change a product in Saleor; the app then syncs the change to Stripe."
    )
