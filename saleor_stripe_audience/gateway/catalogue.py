"""Stripe's Products and Prices: one function for each call, each effect under an idempotency key.

Stripe's events contain the key of the request that caused them, so the app recognizes its own changes by `MARK`.
"""

import uuid
from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.client import errors_of, stripe_of, under_new_keys
from saleor_stripe_audience.gateway.failures import MISSING
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import StripePrice, StripeProduct, parse, parse_readable

MARK = "saleor-catalogue:"  # the prefix of the keys of all these requests
PAGE_SIZE = 100  # Stripe's limit
PRICES_OF_A_PRODUCT = 100  # that are looked at

Json = dict[str, Any]


def create_product(account: StripeAccount, params: dict[str, Any], idempotency_key: str) -> tuple[str, str]:
    """Create a Product; returns its id and that of its default Price, which is empty if `params` ask for none.

    If Stripe fails halfway, there may be a second one: `catalog.sync` finds and archives it.
    """

    def create(key: str) -> tuple[str, str]:
        with errors_of(account):
            made = stripe_of(account).v1.products.create(params, {"idempotency_key": MARK + key})  # type: ignore[arg-type]  # built in parts
            return made.id, str(made.default_price or "")

    return under_new_keys(idempotency_key, create)


def update_product(account: StripeAccount, product_id: str, params: dict[str, Any]) -> None:
    """Set the Product's fields; setting them again changes nothing."""
    with errors_of(account):
        stripe_of(account).v1.products.update(product_id, params, _marked())  # type: ignore[arg-type]  # built in parts


def create_price(account: StripeAccount, params: dict[str, Any], idempotency_key: str) -> str:
    """Create a Price; returns its id. Its amount and currency never change. A second one does no harm either."""

    def create(key: str) -> str:
        with errors_of(account):
            made = stripe_of(account).v1.prices.create(params, {"idempotency_key": MARK + key})  # type: ignore[arg-type]  # built in parts
            return made.id

    return under_new_keys(idempotency_key, create)


def update_price(account: StripeAccount, price_id: str, params: dict[str, Any]) -> None:
    """Set the Price's fields, such as its lookup key; setting them again changes nothing."""
    with errors_of(account):
        stripe_of(account).v1.prices.update(price_id, params, _marked())  # type: ignore[arg-type]  # built in parts


def archive_price(account: StripeAccount, price_id: str) -> None:
    """Archive the Price: it can no longer be used. Repeating this, or archiving a Price that does not exist, changes
    nothing.
    """
    try:
        update_price(account, price_id, {"active": False})
    except Rejected as error:
        if error.code != MISSING:
            raise


def price_by_lookup_key(account: StripeAccount, lookup_key: str) -> tuple[str, dict[str, str]] | None:
    """Return the id and metadata of the Price that has the lookup key; None if there is none."""
    with errors_of(account):
        found = stripe_of(account).v1.prices.list({"lookup_keys": [lookup_key], "limit": 1}).data
        return (found[0].id, found[0].to_dict().get("metadata") or {}) if found else None


def _marked() -> Any:
    """Return a different key for each request: setting a field again is harmless, an earlier response may be out of
    date.
    """
    return {"idempotency_key": f"{MARK}{uuid.uuid4()}"}


def is_own(event: Json) -> bool:
    """Whether an event about a Product or Price was caused by a request from here, or from this app in another shop."""
    if not str(event.get("type", "")).startswith(("product.", "price.")):
        return False
    request = event.get("request")
    key = request.get("idempotency_key") if isinstance(request, dict) else None
    return isinstance(key, str) and key.startswith(MARK)


def list_active(account: StripeAccount, after: str) -> tuple[list[StripeProduct], str | None]:
    """Return a hundred of the account's active Products with their default Prices, newest first.

    They start after the Product with the id `after`; the second value is where the next page starts, or None at the
    end.
    """
    with errors_of(account):
        params: Any = {"limit": PAGE_SIZE, "active": True, "expand": ["data.default_price"]}
        page = stripe_of(account).v1.products.list(params | ({"starting_after": after} if after else {}))
        found = [each.to_dict() for each in page.data]
        following = found[-1]["id"] if found and page.has_more else None
        return list(parse_readable(StripeProduct, found)), following


def fetch_product(account: StripeAccount, product_id: str) -> StripeProduct | None:
    """The Product as it is now, with its default Price; None if it was deleted."""
    try:
        with errors_of(account):
            params: Any = {"expand": ["default_price"]}
            found = stripe_of(account).v1.products.retrieve(product_id, params).to_dict()
            return None if found.get("deleted") else parse(StripeProduct, found)
    except Rejected as error:
        if error.code != MISSING:
            raise
        return None


def fetch_price(account: StripeAccount, price_id: str) -> StripePrice | None:
    """The Price as it is now; None if there is none of that id."""
    try:
        with errors_of(account):
            return parse(StripePrice, stripe_of(account).v1.prices.retrieve(price_id).to_dict())
    except Rejected as error:
        if error.code != MISSING:
            raise
        return None


def list_prices(account: StripeAccount, product_id: str) -> list[StripePrice]:
    """The active Prices of a Product, newest first."""
    with errors_of(account):
        params: Any = {"product": product_id, "active": True, "limit": PRICES_OF_A_PRODUCT}
        page = stripe_of(account).v1.prices.list(params)
        return list(parse_readable(StripePrice, (each.to_dict() for each in page.data)))


def dashboard_url(account: StripeAccount, product_id: str) -> str:
    """Return the URL of the Product in Stripe's Dashboard."""
    return f"https://dashboard.stripe.com/{'' if account.livemode else 'test/'}products/{product_id}"
