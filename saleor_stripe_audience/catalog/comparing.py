"""A Product in Stripe compared with what was sent and with what Saleor has now, field by field.

A change on both sides is a conflict, in which Saleor's value is kept.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from saleor_stripe_audience.catalog.edit import check_price
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.catalog.offers import Wanted
from saleor_stripe_audience.catalog.payloads import Item, Product, is_public_image
from saleor_stripe_audience.catalog.rewriting import normalized
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.objects import StripePrice, StripeProduct
from saleor_stripe_audience.money import Money

NAME, DESCRIPTION, IMAGES, PRICE = "name", "description", "images", "price"
TEXTS = (NAME, DESCRIPTION, IMAGES)
FIELDS = (*TEXTS, "url", "tax_code", "unit_label", "shippable")
DASH = " \N{EN DASH} "

# Why something cannot be applied in Saleor.
SALEOR_DECIDES = "saleor_decides"  # the app derives the value from other fields in Saleor
UNCLEAR_NAME = "unclear_name"
CUT = "description_cut"
NOT_PUBLIC = "not_public"
LEFT_OUT = "image_left_out"
OTHER_SHOP = "other_shop"
SUBSCRIPTION = "subscription"
NO_PRICE = "no_price"
NO_CHANNEL = "no_channel"
PRICE_TOO_SMALL = "price_too_small"

Json = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """One difference. The two values are for display, `details` for applying it; `reason` is why it cannot be
    applied.
    """

    field: str
    stripe_value: str
    saleor_value: str = ""
    details: Json = dataclass_field(default_factory=dict)
    is_conflict: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Saleors:
    """A variant's current data in Saleor."""

    product: Product
    item: Item
    wanted: Wanted


def sent_of(item: Item, url: str, refused: Collection[str]) -> Json:
    """Return what was sent to Stripe, for later comparisons, without the fields that it refused."""
    sent: Json = {
        NAME: item.name,
        DESCRIPTION: _digest(item.description),
        IMAGES: list(item.images),
        "url": url,
        "tax_code": item.tax_code,
        "unit_label": item.unit_label,
    }
    if item.shippable is not None:
        sent["shippable"] = item.shippable
    return {name: value for name, value in sent.items() if name not in refused} | {
        "image_ids": list(item.image_ids)
    }


def _digest(text: str) -> str:
    return hashlib.sha256(normalized(text).encode()).hexdigest()[:16]


def changed_fields(row: CatalogProduct, prices: Collection[str], found: StripeProduct) -> list[str]:
    """Return the fields in which Stripe's value differs from what was sent; `prices` are the row's active ones by
    id.
    """
    has: Json = {
        NAME: found.name,
        DESCRIPTION: _digest(found.description),
        IMAGES: list(found.images),
        "url": found.url,
        "tax_code": found.tax_code,
        "unit_label": found.unit_label,
        "shippable": found.shippable,
    }
    changed = [name for name in FIELDS if name in row.sent and _plain(row.sent[name]) != _plain(has[name])]
    return changed if found.default_price_id in prices else [*changed, PRICE]


def _plain(value: Any) -> Any:
    """Return the value without surrounding spaces and the trailing slash, which Stripe may remove or add."""
    return value.strip().rstrip("/") if isinstance(value, str) else value


def compare(
    row: CatalogProduct,
    prices: Mapping[str, str],
    found: StripeProduct,
    now: Saleors,
    channels: Mapping[str, str],
) -> list[Found]:
    """Return the changes made in Stripe that differ from Saleor's current data.

    `prices` are the channels of the row's active Prices by id, `channels` the currencies of the account's channels.
    """
    fields = changed_fields(row, prices, found)
    differences = [_OF_FIELD.get(name, _other)(name, row, found, now) for name in fields if name != PRICE]
    if PRICE in fields:
        differences.append(_price(row, prices, found, now, channels))
    return [each for each in differences if each is not None]


def _name(name: str, row: CatalogProduct, found: StripeProduct, now: Saleors) -> Found | None:
    item, new = now.item, found.name
    if new == item.name:
        return None
    details, reason = {}, ""
    ending, beginning = f"{DASH}{item.label}", f"{now.product.name}{DASH}"
    if not item.label:
        details = {"product": new}
    elif new.endswith(ending):
        details = {"product": new.removesuffix(ending)}
    elif new.startswith(beginning) and new != beginning:
        details = {"variant": new.removeprefix(beginning)}
    else:
        reason = UNCLEAR_NAME
    return Found(name, new, item.name, details, item.name != row.sent[name], reason)


def _description(name: str, row: CatalogProduct, found: StripeProduct, now: Saleors) -> Found | None:
    has, new = now.item.description, found.description
    if normalized(new) == normalized(has):
        return None
    is_cut = any(each.code == CUT for each in now.item.problems)
    details = {} if is_cut else {"text": new}
    return Found(name, new, has, details, _digest(has) != row.sent[name], CUT if is_cut else "")


def _images(name: str, row: CatalogProduct, found: StripeProduct, now: Saleors) -> Found | None:
    sent, ids = row.sent[name], row.sent.get("image_ids", [])
    added = [each for each in found.images if each not in sent]
    removed = [id_ for url, id_ in zip(sent, ids, strict=False) if url not in found.images]
    values = "\n".join(found.images), "\n".join(now.item.images)
    is_conflict = list(now.item.image_ids) != ids
    if not added and not removed:
        return Found(name, *values, {}, is_conflict, SALEOR_DECIDES)  # another order
    is_left_out = any(each.code == LEFT_OUT for each in now.item.problems)
    reason = LEFT_OUT if is_left_out else "" if all(map(is_public_image, added)) else NOT_PUBLIC
    return Found(name, *values, {"added": added, "removed": removed}, is_conflict, reason)


def _other(name: str, row: CatalogProduct, found: StripeProduct, _now: Saleors) -> Found:
    return Found(name, str(getattr(found, name)), str(row.sent[name]), {}, reason=SALEOR_DECIDES)


type _Compare = Callable[[str, CatalogProduct, StripeProduct, Saleors], Found | None]
_OF_FIELD: dict[str, _Compare] = {NAME: _name, DESCRIPTION: _description, IMAGES: _images}


def _price(
    row: CatalogProduct,
    prices: Mapping[str, str],
    found: StripeProduct,
    now: Saleors,
    channels: Mapping[str, str],
) -> Found:
    """Another default Price is a new price in the first of the channels with its currency."""
    new = found.default_price if isinstance(found.default_price, StripePrice) else None
    if new is None:
        return Found(PRICE, "", _first_price(now), reason=NO_PRICE)
    if (money := new.money) is None:
        return Found(PRICE, "", _first_price(now), reason=SUBSCRIPTION if new.is_recurring else NO_PRICE)
    # A channel with that currency: one in which the variant has a price, the default one first; otherwise any.
    fitting = [*now.wanted.prices, *prices.values(), *sorted(channels)]
    channel = next((each for each in fitting if channels.get(each) == money.currency), None)
    if channel is None:
        return Found(PRICE, str(money), _first_price(now), reason=NO_CHANNEL)
    current = now.wanted.prices.get(channel)
    stored = row.prices.filter(channel_slug=channel, is_active=True).first()
    is_conflict = current is not None and (stored is None or stored.amount_minor != current.money.minor)
    details = {"channel": channel, "price": str(money.amount), "price_id": new.id}
    return Found(
        PRICE,
        str(money),
        str(current.money) if current is not None else "",
        details,
        is_conflict,
        "" if _is_enough(money) else PRICE_TOO_SMALL,
    )


def _first_price(now: Saleors) -> str:
    return next((str(each.money) for each in now.wanted.prices.values()), "")


def _is_enough(money: Money) -> bool:
    try:
        check_price(money.amount, money.currency)
    except Rejected:
        return False
    return True


def classify(
    found: StripeProduct, prices: list[StripePrice], channels: Mapping[str, str]
) -> tuple[bool, Found]:
    """Return whether a Product that is not the app's can be added to Saleor, or why not, with its prices."""
    if found.shop:
        return False, Found("", "", reason=OTHER_SHOP)
    if any(each.is_recurring for each in prices):
        return False, Found("", "", reason=SUBSCRIPTION)
    once = [(each, each.money) for each in prices]
    amounts = [(each, money) for each, money in once if money is not None and not money.is_zero]
    shown = ", ".join(str(money) for _, money in amounts)
    if not amounts:
        return False, Found("", shown, reason=NO_PRICE)
    # The default Price before others of its currency.
    amounts.sort(key=lambda pair: pair[0].id != found.default_price_id)
    chosen: dict[str, Json] = {}
    reason = NO_CHANNEL
    for channel, currency in sorted(channels.items()):
        used = {each["id"] for each in chosen.values()}
        fitting = [pair for pair in amounts if pair[1].currency == currency and pair[0].id not in used]
        enough = [pair for pair in fitting if _is_enough(pair[1])]
        if enough:
            price, money = enough[0]
            chosen[channel] = {"id": price.id, "amount": str(money.amount)}
        elif fitting:
            reason = PRICE_TOO_SMALL
    details = {
        "description": found.description,
        "images": [each for each in found.images if is_public_image(each)],
        "prices": chosen,
    }
    return True, Found("", shown, "", details, reason="" if chosen else reason)
