"""Products and Prices.

Source: "How products and prices work", "Manage products and prices": a Price's amount and currency never
change; a lookup key belongs to one active Price and moves with transfer_lookup_key.
"""

import copy
import re
from urllib.parse import urlsplit

from . import listing, metadata
from .currencies import LARGEST, check_currency, check_whole
from .descriptors import check_descriptor
from .errors import Refusal, invalid, missing, required
from .state import Account, Call, Json, new_id

MOST_IMAGES = 8
MOST_LOOKUP_KEYS = 10
LONGEST_LOOKUP_KEY = 200
LONGEST_UNIT_LABEL = 12
_TAX_CODE = re.compile(r"txcd_\d{8}")  # https://docs.stripe.com/tax/tax-codes
_PRODUCT_FIELDS = (
    "description",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
)


def create_product(call: Call) -> Json:
    """POST /v1/products"""
    given = call.params
    _check_product(given)
    product = _product(call)
    if product["id"] in call.account.table("product"):
        raise invalid(f"Product already exists: {product['id']}", "id", "resource_already_exists")
    _change_product(product, given)
    if "default_price_data" in given:
        _check_default_price(given["default_price_data"])
    call.account.put(product)
    if "default_price_data" in given:
        price = _new_price(call, {**given["default_price_data"], "product": product["id"]})
        product["default_price"] = price["id"]
        call.emit("price.created", price)
    call.emit("product.created", product)
    return product


def retrieve_product(call: Call) -> Json:
    """GET /v1/products/{id}"""
    return call.account.addressed("product", call.path["id"])


def update_product(call: Call) -> Json:
    """POST /v1/products/{id}"""
    product = retrieve_product(call)
    given = call.params
    _check_product(given)
    before = copy.deepcopy(product)
    changed = copy.deepcopy(product)
    _change_product(changed, given)
    if "default_price" in given:
        changed["default_price"] = _own_price(call.account, product, given["default_price"])
    product.update(changed, updated=call.now)
    call.emit("product.updated", product, before)
    return product


def delete_product(call: Call) -> Json:
    """DELETE /v1/products/{id}: only products without prices can be deleted."""
    product = retrieve_product(call)
    if any(price["product"] == product["id"] for price in call.account.table("price").values()):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.", "id")
    del call.account.table("product")[product["id"]]
    call.emit("product.deleted", product)
    return {"id": product["id"], "object": "product", "deleted": True}


def list_products(call: Call) -> Json:
    """GET /v1/products"""
    ids = call.params.get("ids")
    fields = ("active", "shippable", "url", "type")
    return listing.page(call, "product", fields, keep=lambda item: not ids or item["id"] in ids)


def create_price(call: Call) -> Json:
    """POST /v1/prices"""
    given = call.params
    _check_amount(given)
    product = _product_of(call, given)
    if "lookup_key" in given:
        _claim(call, given["lookup_key"], None)
    if product is None:
        product = _inline_product(call, given["product_data"])
    price = _new_price(call, {**given, "product": product["id"]})
    call.emit("price.created", price)
    return price


def retrieve_price(call: Call) -> Json:
    """GET /v1/prices/{id}"""
    return call.account.addressed("price", call.path["id"], "price")


def update_price(call: Call) -> Json:
    """POST /v1/prices/{id}: everything except the amount."""
    price = retrieve_price(call)
    given = call.params
    if "active" in given and not given["active"]:
        _check_not_default(call.account, price)
    before = copy.deepcopy(price)
    values = metadata.merge(price["metadata"], given.get("metadata"))
    if given.get("lookup_key"):
        _claim(call, given["lookup_key"], price)
    price["metadata"] = values
    for name in ("active", "nickname", "tax_behavior", "lookup_key"):
        if name in given:
            price[name] = given[name] if given[name] != "" else None
    call.emit("price.updated", price, before)
    return price


def list_prices(call: Call) -> Json:
    """GET /v1/prices"""
    keys = call.params.get("lookup_keys")
    if keys and len(keys) > MOST_LOOKUP_KEYS:
        raise invalid(f"You can give up to {MOST_LOOKUP_KEYS} lookup_keys.", "lookup_keys")
    fields = ("active", "currency", "product", "type")
    return listing.page(call, "price", fields, keep=lambda item: not keys or item["lookup_key"] in keys)


def _check_product(given: Json) -> None:
    images = given.get("images") or []
    if len(images) > MOST_IMAGES:
        raise invalid(f"A product has up to {MOST_IMAGES} images; {len(images)} were given.", "images")
    for position, image in enumerate(images):
        _check_url(image, f"images[{position}]")
    if given.get("url"):
        _check_url(given["url"], "url")
    if given.get("statement_descriptor"):
        check_descriptor(given["statement_descriptor"])
    if given.get("tax_code") and not _TAX_CODE.fullmatch(given["tax_code"]):
        raise missing("tax code", given["tax_code"], "tax_code")
    if len(given.get("unit_label", "")) > LONGEST_UNIT_LABEL:
        raise invalid(f"unit_label must be at most {LONGEST_UNIT_LABEL} characters", "unit_label")


def _check_url(text: str, param: str) -> None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid(f"Not a valid URL: {text}", param, "url_invalid")


def _product(call: Call) -> Json:
    return {
        "id": call.params.get("id") or new_id("prod", 14),
        "object": "product",
        "active": True,
        "created": call.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": call.account.livemode,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": call.params.get("type", "service"),
        "unit_label": None,
        "updated": call.now,
        "url": None,
    }


def _change_product(product: Json, given: Json) -> None:
    for name in ("name", "active"):
        product[name] = given.get(name, product[name])
    for name in _PRODUCT_FIELDS:
        if name in given:
            product[name] = given[name] if given[name] != "" else None
    for name in ("images", "marketing_features"):
        if name in given:
            product[name] = given[name] or []
    product["metadata"] = metadata.merge(product["metadata"], given.get("metadata"))


def _own_price(account: Account, product: Json, identifier: str) -> str | None:
    if identifier == "":
        return None
    price = account.referred("price", identifier, "default_price")
    if price["product"] != product["id"]:
        raise invalid("The default price must be a price of this product.", "default_price")
    if not price["active"]:
        raise invalid("The default price must be active.", "default_price")
    return identifier


def _check_not_default(account: Account, price: Json) -> None:
    if account.table("product")[price["product"]]["default_price"] == price["id"]:
        message = "This price cannot be archived because it is the default price of its product."
        raise invalid(message, "active")


def _check_amount(given: Json) -> None:
    given["currency"] = check_currency(given["currency"])
    named = [name for name in ("unit_amount", "unit_amount_decimal", "custom_unit_amount") if name in given]
    if not named:
        raise required("unit_amount")
    if len(named) > 1:
        raise invalid(f"Only one of {' and '.join(named)} may be given.", named[1])
    amount = given.get("unit_amount", 0)
    if amount < 0:
        raise invalid("Invalid non-negative integer", "unit_amount", "parameter_invalid_integer")
    if amount > LARGEST * 10_000:
        raise invalid("unit_amount is too large.", "unit_amount", "parameter_invalid_integer")
    check_whole(amount, given["currency"], "unit_amount")


def _check_default_price(given: Json) -> None:
    """Call `_check_amount`, with the parameter's name as it was sent in refusals."""
    try:
        _check_amount(given)
    except Refusal as refusal:
        refusal.error["param"] = f"default_price_data[{refusal.error.get('param')}]"
        raise


def _product_of(call: Call, given: Json) -> Json | None:
    if "product" in given and "product_data" in given:
        raise invalid("Give either product or product_data, not both.", "product_data")
    if "product" not in given:
        if "product_data" not in given:
            raise required("product")
        return None
    product = call.account.table("product").get(given["product"])
    if product is None:
        raise missing("product", given["product"], "product")
    return product


def _inline_product(call: Call, given: Json) -> Json:
    product = _product(call) | {"id": given.get("id") or new_id("prod", 14)}
    _change_product(product, given)
    call.account.put(product)
    call.emit("product.created", product)
    return product


def _claim(call: Call, key: str, price: Json | None) -> None:
    """Take the lookup key from the price that has it, with transfer_lookup_key; otherwise refuse it."""
    if len(key) > LONGEST_LOOKUP_KEY:
        raise invalid(f"A lookup key has at most {LONGEST_LOOKUP_KEY} characters.", "lookup_key")
    holders = [
        item
        for item in call.account.table("price").values()
        if item["lookup_key"] == key and item is not price
    ]
    if holders and not call.params.get("transfer_lookup_key"):
        message = f"A price (`{holders[0]['id']}`) uses that lookup key: transfer_lookup_key moves it."
        raise invalid(message, "lookup_key")
    for holder in holders:
        before = copy.deepcopy(holder)
        holder["lookup_key"] = None
        call.emit("price.updated", holder, before)


def _new_price(call: Call, given: Json) -> Json:
    amount = given.get("unit_amount")
    recurring = given.get("recurring")
    return call.account.put(
        {
            "id": new_id("price"),
            "object": "price",
            "active": given.get("active", True),
            "billing_scheme": given.get("billing_scheme", "per_unit"),
            "created": call.now,
            "currency": given["currency"],
            "custom_unit_amount": given.get("custom_unit_amount"),
            "livemode": call.account.livemode,
            "lookup_key": given.get("lookup_key"),
            "metadata": metadata.merge({}, given.get("metadata")),
            "nickname": given.get("nickname"),
            "product": given["product"],
            "recurring": recurring
            and {"interval_count": 1, "meter": None, "usage_type": "licensed", **recurring},
            "tax_behavior": given.get("tax_behavior", "unspecified"),
            "tiers_mode": given.get("tiers_mode"),
            "transform_quantity": given.get("transform_quantity"),
            "type": "recurring" if recurring else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": given.get("unit_amount_decimal", None if amount is None else str(amount)),
        }
    )
