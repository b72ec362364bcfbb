"""Stripe's Products and Prices: one function for each call, each effect under an idempotency key."""

from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.client import errors_of, stripe_of, under_new_keys
from saleor_stripe_audience.gateway.failures import MISSING
from saleor_stripe_audience.gateway.models import StripeAccount

Json = dict[str, Any]


def create_product(account: StripeAccount, params: dict[str, Any], idempotency_key: str) -> tuple[str, str]:
    """Create a Product; returns its id and that of its default Price, which is empty if `params` ask for none.

    If Stripe fails half-way a second one may result: `catalog.sync` finds and archives it.
    """

    def create(key: str) -> tuple[str, str]:
        with errors_of(account):
            made = stripe_of(account).v1.products.create(params, {"idempotency_key": key})  # type: ignore[arg-type]  # built in parts
            return made.id, str(made.default_price or "")

    return under_new_keys(idempotency_key, create)


def update_product(account: StripeAccount, product_id: str, params: dict[str, Any]) -> None:
    """Set the Product's fields; setting them again changes nothing."""
    with errors_of(account):
        stripe_of(account).v1.products.update(product_id, params)  # type: ignore[arg-type]  # built in parts


def create_price(account: StripeAccount, params: dict[str, Any], idempotency_key: str) -> str:
    """Create a Price; returns its id. Its amount and currency never change. A second one does no harm, either."""

    def create(key: str) -> str:
        with errors_of(account):
            return stripe_of(account).v1.prices.create(params, {"idempotency_key": key}).id  # type: ignore[arg-type]  # built in parts

    return under_new_keys(idempotency_key, create)


def update_price(account: StripeAccount, price_id: str, params: dict[str, Any]) -> None:
    """Set the Price's fields, such as its lookup key; setting them again changes nothing."""
    with errors_of(account):
        stripe_of(account).v1.prices.update(price_id, params)  # type: ignore[arg-type]  # built in parts


def archive_price(account: StripeAccount, price_id: str) -> None:
    """Archive the Price: it can no longer be used. Repeating it changes nothing, nor does one that is not there."""
    try:
        update_price(account, price_id, {"active": False})
    except Rejected as error:
        if error.code != MISSING:
            raise


def metadata_by_lookup_key(account: StripeAccount, lookup_key: str) -> dict[str, str] | None:
    """The metadata of the Price that has the lookup key; None if there is none."""
    with errors_of(account):
        found = stripe_of(account).v1.prices.list({"lookup_keys": [lookup_key], "limit": 1}).data
        return found[0].to_dict().get("metadata") if found else None


def list_active(account: StripeAccount, after: str) -> tuple[list[Json], bool]:
    """Return a hundred of the account's active Products, the newest first, and whether there are more.

    They start after the Product with the id `after`.
    """
    with errors_of(account):
        params: Any = {"limit": 100, "active": True} | ({"starting_after": after} if after else {})
        page = stripe_of(account).v1.products.list(params)
        return [each.to_dict() for each in page.data], page.has_more


def dashboard_url(account: StripeAccount, product_id: str) -> str:
    """Where a person looks at the Product in Stripe."""
    return f"https://dashboard.stripe.com/{'' if account.livemode else 'test/'}products/{product_id}"
