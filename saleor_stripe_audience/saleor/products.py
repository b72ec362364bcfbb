"""What the app reads and changes of Saleor's products; the shop's own webhooks report every change back.

Saleor has no idempotency keys: a new product or variant has an external reference, which is unique in the shop, so that
a repeat finds what an attempt without a response created.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.client import REFUSED, Upload, call_shop, first_message, reading_response
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

Json = dict[str, Any]

REFERENCE_TAKEN = "reference_taken"
# By the field that Saleor names: what the caller chose and Saleor does not have.
_CODES = {"productType": "product_type", "category": "category"}


@dataclass(frozen=True)
class Choice:
    """Something to choose from in a form."""

    id: str
    name: str


@dataclass(frozen=True)
class ProductType(Choice):
    """A product type; `required` names the attributes without which Saleor adds no variant."""

    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChannelChoice:
    """A channel in which a product may be sold, with the ids of the warehouses that ship for it."""

    id: str
    slug: str
    name: str
    currency: str
    warehouses: tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """What a form for a new product offers: at most a hundred types and categories."""

    channels: tuple[ChannelChoice, ...]
    product_types: tuple[ProductType, ...]
    categories: tuple[Choice, ...]


def fetch_choices(installation: Installation) -> Choices:
    """The shop's channels, product types and categories."""
    data = call_shop(installation, "FetchProductChoices", {})
    with reading_response():
        return Choices(
            tuple(
                ChannelChoice(
                    each["id"],
                    each["slug"],
                    each["name"],
                    each["currencyCode"],
                    tuple(warehouse["id"] for warehouse in each["warehouses"]),
                )
                for each in data["channels"] or []
            ),
            tuple(_product_type(each["node"]) for each in data["productTypes"]["edges"]),
            tuple(Choice(each["node"]["id"], each["node"]["name"]) for each in data["categories"]["edges"]),
        )


def _product_type(node: Json) -> ProductType:
    attributes = [each["attribute"] for each in node["assignedVariantAttributes"] or []]
    required = tuple(each["name"] for each in attributes if each["valueRequired"])
    return ProductType(node["id"], node["name"], required)


def fetch_product(installation: Installation, product_id: str) -> Json | None:
    """The product with all that can be edited; None if the shop has none of that id."""
    return _product(installation, {"id": product_id})


def find_product(installation: Installation, reference: str) -> Json | None:
    """The product with that external reference."""
    return _product(installation, {"externalReference": reference})


def _product(installation: Installation, which: Json) -> Json | None:
    found = call_shop(installation, "FetchProduct", which).get("product")
    with reading_response():
        return None if found is None else dict(found)


def find_variant(installation: Installation, reference: str) -> str:
    """The id of the variant with that external reference; empty if there is none."""
    found = call_shop(installation, "FindVariant", {"externalReference": reference}).get("productVariant")
    with reading_response():
        return "" if found is None else str(found["id"])


def create_product(installation: Installation, fields: Json) -> str:
    """The id of a new product; `Rejected` with `REFERENCE_TAKEN` if there is one of its external reference."""
    return _changed(installation, "CreateProduct", "productCreate", {"input": fields}, "product")


def update_product(installation: Installation, product_id: str, fields: Json) -> None:
    """Set fields of the product."""
    _changed(installation, "UpdateProduct", "productUpdate", {"id": product_id, "input": fields}, "product")


def create_variant(installation: Installation, fields: Json) -> str:
    """The id of a new variant; `Rejected` with `REFERENCE_TAKEN` if there is one of its external reference."""
    return _changed(
        installation, "CreateVariant", "productVariantCreate", {"input": fields}, "productVariant"
    )


def update_variant(installation: Installation, variant_id: str, fields: Json) -> None:
    """Set fields of the variant."""
    variables = {"id": variant_id, "input": fields}
    _changed(installation, "UpdateVariant", "productVariantUpdate", variables, "productVariant")


def list_product(installation: Installation, product_id: str, listings: list[Json]) -> None:
    """Set how the product is shown and sold in channels; each listing is a ProductChannelListingAddInput."""
    variables = {"id": product_id, "input": {"updateChannels": listings}}
    _changed(installation, "ListProduct", "productChannelListingUpdate", variables, "product")


def set_prices(installation: Installation, variant_id: str, prices: dict[str, str]) -> None:
    """Set the variant's prices, as decimals by the ids of the channels."""
    listings = [{"channelId": channel, "price": price} for channel, price in prices.items()]
    variables = {"id": variant_id, "input": listings}
    _changed(installation, "SetPrices", "productVariantChannelListingUpdate", variables, "variant")


def upload_image(
    installation: Installation, product_id: str, content: bytes, name: str, mime_type: str
) -> str:
    """Add an image to the product; returns its id. Repeating it adds another."""
    upload = Upload(name, mime_type, content, "variables.input.image")
    variables = {"input": {"product": product_id, "image": None}}
    return _changed(installation, "CreateImage", "productMediaCreate", variables, "media", upload)


def link_image(installation: Installation, product_id: str, url: str) -> str:
    """Have Saleor download an image from a public address; returns its id. Repeating it adds another."""
    variables = {"input": {"product": product_id, "mediaUrl": url}}
    return _changed(installation, "CreateImage", "productMediaCreate", variables, "media")


def delete_image(installation: Installation, image_id: str) -> None:
    """Delete an image of a product."""
    _changed(installation, "DeleteImage", "productMediaDelete", {"id": image_id}, "media")


def _changed(
    installation: Installation,
    document: str,
    mutation: str,
    variables: Json,
    kind: str,
    upload: Upload | None = None,
) -> str:
    """The id of the object that the mutation returns."""
    data = call_shop(installation, document, variables, upload)
    with reading_response():
        payload = data[mutation]
        if errors := payload["errors"]:
            raise _refusal(errors)
        return str((payload[kind] or {}).get("id") or "")


def _refusal(errors: list[Json]) -> Rejected:
    field, code = errors[0].get("field"), errors[0].get("code")
    if code == "UNIQUE" and field == "externalReference":
        return Rejected("Saleor already has this external reference.", code=REFERENCE_TAKEN)
    if code == "NOT_FOUND" and field in ("id", "product"):
        return Rejected(
            pgettext_lazy("staff", "This product no longer exists in Saleor."), code="product_unknown"
        )
    message = with_values(REFUSED, reason=first_message(errors))
    return Rejected(message, code=_CODES.get(field or "", "product_refused"))
