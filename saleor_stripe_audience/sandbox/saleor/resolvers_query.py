"""The queries: single records and connections."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from .access import Info, call_of, denied, needs
from .changes import WAREHOUSES
from .channels import in_channel
from .fields import resolves
from .ids import key_of, split_id
from .paging import connection
from .state import App, Channel, Checkout, Order, Product, Transaction, User

_COUNTRIES = {"US": "United States of America", "PL": "Poland", "FR": "France", "DE": "Germany"}


def country_view(code: str) -> dict[str, str]:
    """Return a country as the API shows it; a few have names, the others their code."""
    return {"code": code, "country": _COUNTRIES.get(code, code)}


def by_id[T](records: Iterable[T], given: str | None, *types: str) -> T | None:
    """Return the record with a global id of one of these types, or None."""
    key = key_of(given, *types)
    return next((each for each in records if getattr(each, "key", None) == key), None) if key else None


def _first[T](records: Iterable[T], wanted: Callable[[T], bool]) -> T | None:
    return next((record for record in records if wanted(record)), None)


@resolves("Query", "shop")
def shop(_root: Any, info: Info) -> dict[str, Any]:
    host = call_of(info).host
    secure = host.url.startswith("https://")
    return {
        "id": "U2hvcDo=",
        "name": "Saleor sandbox",
        "domain": {"host": host.domain, "sslEnabled": secure, "url": f"{host.url}/"},
        "version": host.full_version,
        "schemaVersion": host.version,
        "channelCurrencies": sorted({channel.currency_code for channel in host.store.channels}),
    }


@resolves("Shop", "version")
def shop_version(shop: dict[str, Any], info: Info) -> str:
    if not call_of(info).is_staff:
        raise denied("AUTHENTICATED_STAFF_USER", "AUTHENTICATED_APP")
    return str(shop["version"])


@resolves("Query", "refundSettings")
def refund_settings(_root: Any, _info: Info) -> dict[str, Any]:
    return {"reasonReferenceType": None}


@resolves("Query", "channels")
def channels(_root: Any, info: Info) -> list[Channel]:
    call = call_of(info)
    if not call.is_staff:
        raise denied("AUTHENTICATED_APP", "AUTHENTICATED_STAFF_USER")
    return call.host.store.channels


@resolves("Query", "channel")
def channel(_root: Any, info: Info, id_: str | None = None, slug: str | None = None) -> Channel | None:
    found = call_of(info).host.store.channels
    return by_id(found, id_, "Channel") or _first(found, lambda each: each.slug == slug)


@resolves("Channel", "defaultCountry")
def default_country(channel: Channel, _info: Info) -> dict[str, str]:
    return country_view(channel.country)


@resolves("Channel", "warehouses")
def warehouses(_channel: Channel, info: Info) -> list[dict[str, str]]:
    if not call_of(info).is_staff:
        raise denied("AUTHENTICATED_APP", "AUTHENTICATED_STAFF_USER")
    return list(WAREHOUSES)


@resolves("Channel", "hasOrders")
def has_orders(channel: Channel, info: Info) -> bool:
    return any(order.channel is channel for order in call_of(info).host.store.orders)


@resolves("Channel", "orderSettings")
def order_settings(channel: Channel, _info: Info) -> dict[str, Any]:
    return {
        "automaticallyConfirmAllNewOrders": channel.confirms_orders,
        "expireOrdersAfter": None,
        "markAsPaidStrategy": "TRANSACTION_FLOW",
        "allowUnpaidOrders": channel.allows_unpaid_orders,
    }


@resolves("Channel", "checkoutSettings")
def checkout_settings(_channel: Channel, _info: Info) -> dict[str, Any]:
    return {"useLegacyErrorFlow": True, "automaticallyCompleteFullyPaidCheckouts": False}


@resolves("Channel", "paymentSettings")
def payment_settings(channel: Channel, _info: Info) -> dict[str, Any]:
    return {"defaultTransactionFlowStrategy": channel.flow}


# --- products ------------------------------------------------------------------------------------


def _in_channel(records: Iterable[Product], slug: str | None) -> list[Product]:
    return [
        product
        for product in records
        if any(each.channel.slug == slug and each.is_published for each in product.channel_listings)
    ]


def _visible(info: Info, slug: str | None) -> list[Product]:
    """Staff and apps see all products; others see those published in the channel that they request."""
    call = call_of(info)
    products = call.host.store.products
    if slug is None and call.may("MANAGE_PRODUCTS", "MANAGE_ORDERS"):
        return list(products)
    if call.may("MANAGE_PRODUCTS", "MANAGE_ORDERS"):
        return [each for each in products if any(i.channel.slug == slug for i in each.channel_listings)]
    return _in_channel(products, slug)


def between(value: datetime, bounds: dict[str, datetime] | None) -> bool:
    """Whether a time is in a DateTimeRangeInput; without a range, always."""
    low, high = (bounds or {}).get("gte"), (bounds or {}).get("lte")
    return (low is None or value >= low) and (high is None or value <= high)


def matches_text(value: str | None, condition: dict[str, Any] | None) -> bool:
    """Whether a value meets a StringFilterInput."""
    if not condition:
        return True
    return value == condition["eq"] if "eq" in condition else value in (condition.get("oneOf") or ())


def matches_time(value: datetime, condition: dict[str, Any] | None) -> bool:
    """Whether a value meets a DateTimeFilterInput."""
    if not condition:
        return True
    if "eq" in condition or "oneOf" in condition:
        return value == condition.get("eq") or value in (condition.get("oneOf") or ())
    return between(value, condition.get("range"))


def _listed(product: Product, slug: str | None) -> bool:
    return any(slug in (None, each.channel.slug) and each.is_published for each in product.channel_listings)


def _product_meets(product: Product, slug: str | None, wanted: dict[str, Any], search: str | None) -> bool:
    term = wanted.get("search") or search
    slugs = wanted.get("slugs")
    visibility = [wanted[name] for name in ("isAvailable", "isPublished") if wanted.get(name) is not None]
    return (
        (wanted.get("ids") is None or product.id in wanted["ids"])
        and (not term or term.lower() in product.name.lower())
        and (not slugs or product.slug in slugs)
        and matches_text(product.slug, wanted.get("slug"))
        and (not wanted.get("categories") or getattr(product.category, "id", None) in wanted["categories"])
        and (not wanted.get("collections") or any(i.id in wanted["collections"] for i in product.collections))
        and all(_listed(product, slug) is wanted for wanted in visibility)
    )


def sorted_by(records: list[Any], order: dict[str, str] | None, keys: dict[str, str]) -> list[Any]:
    """Sort by one of the fields in `keys` (API name to attribute), otherwise by creation."""
    if not order or order.get("field") not in keys:
        return records
    attribute = keys[order["field"]]
    return sorted(records, key=lambda each: getattr(each, attribute), reverse=order["direction"] == "DESC")


_PRODUCT_SORT = {
    "NAME": "name",
    "LAST_MODIFIED": "updated_at",
    "LAST_MODIFIED_AT": "updated_at",
    "DATE": "updated_at",
    "CREATED_AT": "created",
}


def _as_shown(info: Info, record: Any, slug: str | None) -> Any:
    named = (each for each in call_of(info).host.store.channels if each.slug == slug)
    return in_channel(record, next(named, None))


@resolves("Query", "products")
def products(
    _root: Any,
    info: Info,
    *,
    channel: str | None = None,
    filter_: dict[str, Any] | None = None,
    where: dict[str, Any] | None = None,
    sort_by: dict[str, str] | None = None,
    search: str | None = None,
    **page: Any,
) -> dict[str, Any]:
    found = [
        each
        for each in _visible(info, channel)
        if _product_meets(each, channel, filter_ or {}, search)
        and _product_meets(each, channel, where or {}, None)
        and between(each.updated_at, (filter_ or {}).get("updatedAt"))
        and matches_time(each.updated_at, (where or {}).get("updatedAt"))
    ]
    shown = [_as_shown(info, each, channel) for each in sorted_by(found, sort_by, _PRODUCT_SORT)]
    return connection(shown, "products", **page)


@resolves("Query", "product")
def product(
    _root: Any,
    info: Info,
    id_: str | None = None,
    slug: str | None = None,
    external_reference: str | None = None,
    channel: str | None = None,
) -> Any:
    found = _visible(info, channel)
    if id_ is not None:
        chosen = by_id(found, id_, "Product")
    elif slug is not None:
        chosen = _first(found, lambda each: each.slug == slug)
    else:
        chosen = _first(found, lambda each: each.external_reference == external_reference)
    return _as_shown(info, chosen, channel)


@resolves("Query", "productVariant")
def product_variant(
    _root: Any,
    info: Info,
    id_: str | None = None,
    sku: str | None = None,
    external_reference: str | None = None,
    channel: str | None = None,
) -> Any:
    found = [variant for product in _visible(info, channel) for variant in product.variants]
    if id_ is not None:
        chosen = by_id(found, id_, "ProductVariant")
    elif sku is not None:
        chosen = _first(found, lambda each: each.sku == sku)
    else:
        chosen = _first(found, lambda each: each.external_reference == external_reference)
    return _as_shown(info, chosen, channel)


@resolves("Query", "productVariants")
def product_variants(
    _root: Any,
    info: Info,
    ids: list[str] | None = None,
    channel: str | None = None,
    **page: Any,
) -> dict[str, Any]:
    found = [variant for product in _visible(info, channel) for variant in product.variants]
    wanted = [_as_shown(info, each, channel) for each in found if ids is None or each.id in ids]
    return connection(wanted, "productVariants", **page)


@resolves("Query", "category")
def category(_root: Any, info: Info, id_: str | None = None, slug: str | None = None) -> Any:
    found = call_of(info).host.store.categories
    return by_id(found, id_, "Category") or _first(found, lambda each: each.slug == slug)


@resolves("Query", "categories")
def categories(_root: Any, info: Info, **page: Any) -> dict[str, Any]:
    return connection(call_of(info).host.store.categories, "categories", **page)


@resolves("Query", "collections")
def collections(_root: Any, info: Info, **page: Any) -> dict[str, Any]:
    return connection(call_of(info).host.store.collections, "collections", **page)


@resolves("Query", "productTypes")
def product_types(_root: Any, info: Info, **page: Any) -> dict[str, Any]:
    return connection(call_of(info).host.store.product_types, "productTypes", **page)


# --- people --------------------------------------------------------------------------------------


@resolves("Query", "me")
def me(_root: Any, info: Info) -> User | None:
    return call_of(info).user


@resolves("Query", "user")
@needs("MANAGE_STAFF", "MANAGE_USERS", "MANAGE_ORDERS")
def user(
    _root: Any,
    info: Info,
    id_: str | None = None,
    email: str | None = None,
    external_reference: str | None = None,
) -> User | None:
    found = call_of(info).host.store.users
    if id_ is not None:
        return by_id(found, id_, "User")
    if email is not None:
        return _first(found, lambda each: each.email == email)
    return _first(found, lambda each: each.external_reference == external_reference)


def _customer_meets(user: User, filtered: dict[str, Any], where: dict[str, Any], search: str | None) -> bool:
    term = (filtered.get("search") or search or "").lower()
    ids = [each["ids"] for each in (filtered, where) if each.get("ids") is not None]
    return (
        all(user.id in each for each in ids)
        and (not term or term in f"{user.email} {user.first_name} {user.last_name}".lower())
        and matches_text(user.email, where.get("email"))
        and between(user.updated_at, filtered.get("updatedAt"))
        and between(user.updated_at, where.get("updatedAt"))
    )


_USER_SORT = {"EMAIL": "email", "CREATED_AT": "created", "LAST_MODIFIED_AT": "updated_at"}


@resolves("Query", "customers")
@needs("MANAGE_ORDERS", "MANAGE_USERS")
def customers(
    _root: Any,
    info: Info,
    filter_: dict[str, Any] | None = None,
    where: dict[str, Any] | None = None,
    sort_by: dict[str, str] | None = None,
    search: str | None = None,
    **page: Any,
) -> dict[str, Any]:
    people = [each for each in call_of(info).host.store.users if not each.is_staff]
    found = [each for each in people if _customer_meets(each, filter_ or {}, where or {}, search)]
    return connection(sorted_by(found, sort_by, _USER_SORT), "customers", **page)


# --- orders, checkouts, transactions ----------------------------------------------------------------


def _order_meets(order: Order, filtered: dict[str, Any], where: dict[str, Any]) -> bool:
    ids = [each["ids"] for each in (filtered, where) if each.get("ids") is not None]
    numbers, checkouts = filtered.get("numbers"), filtered.get("checkoutIds")
    term = (filtered.get("search") or "").lower()
    checkout = where.get("checkoutId") or {}
    checkout_ids = [checkout["eq"]] if "eq" in checkout else checkout.get("oneOf") or checkouts
    return (
        all(order.id in each for each in ids)
        and (not numbers or order.number in numbers)
        and (not checkout_ids or order.checkout_id in checkout_ids)
        and (not term or term in f"{order.user_email} {order.number}".lower())
        and matches_text(order.user_email, where.get("userEmail"))
        and between(order.updated_at, filtered.get("updatedAt"))
        and between(order.updated_at, where.get("updatedAt"))
    )


_ORDER_SORT = {
    "NUMBER": "number",
    "CREATED_AT": "created",
    "CREATION_DATE": "created",
    "LAST_MODIFIED_AT": "updated_at",
}


@resolves("Query", "orders")
@needs("MANAGE_ORDERS")
def orders(
    _root: Any,
    info: Info,
    channel: str | None = None,
    filter_: dict[str, Any] | None = None,
    where: dict[str, Any] | None = None,
    sort_by: dict[str, str] | None = None,
    **page: Any,
) -> dict[str, Any]:
    newest_first = reversed(call_of(info).host.store.orders)
    found = [
        each
        for each in newest_first
        if channel in (None, each.channel.slug) and _order_meets(each, filter_ or {}, where or {})
    ]
    return connection(sorted_by(found, sort_by, _ORDER_SORT), "orders", **page)


@resolves("Query", "order")
def order(
    _root: Any, info: Info, id_: str | None = None, external_reference: str | None = None
) -> Order | None:
    # The id is a UUID: anyone who knows it may see the order, but not all of its fields.
    found = call_of(info).host.store.orders
    return by_id(found, id_, "Order") or _first(
        found, lambda each: external_reference is not None and each.external_reference == external_reference
    )


@resolves("Query", "checkout")
def checkout(_root: Any, info: Info, id_: str | None = None, token: str | None = None) -> Checkout | None:
    found = call_of(info).host.store.checkouts
    return by_id(found, id_, "Checkout") or _first(found, lambda each: each.key == token)


@resolves("Query", "checkouts")
@needs("MANAGE_CHECKOUTS", "HANDLE_PAYMENTS")
def checkouts(_root: Any, info: Info, channel: str | None = None, **page: Any) -> Any:
    found = [each for each in call_of(info).host.store.checkouts if channel in (None, each.channel.slug)]
    return connection(found, "checkouts", **page)


@resolves("Query", "transaction")
@needs("HANDLE_PAYMENTS")
def transaction(
    _root: Any, info: Info, id_: str | None = None, token: str | None = None
) -> Transaction | None:
    found = call_of(info).host.store.transactions
    return by_id(found, id_, "TransactionItem") or _first(found, lambda each: each.key == token)


def _transaction_meets(each: Transaction, where: dict[str, Any]) -> bool:
    return (
        (where.get("ids") is None or each.id in where["ids"])
        and matches_text(each.psp_reference, where.get("pspReference"))
        and matches_text(each.app_identifier, where.get("appIdentifier"))
        and between(each.created, where.get("createdAt"))
        and between(each.updated_at, where.get("modifiedAt"))
    )


@resolves("Query", "transactions")
@needs("HANDLE_PAYMENTS")
def transactions(_root: Any, info: Info, where: dict[str, Any] | None = None, **page: Any) -> dict[str, Any]:
    held = call_of(info).host.store.transactions
    return connection(
        [each for each in held if _transaction_meets(each, where or {})], "transactions", **page
    )


# --- apps ----------------------------------------------------------------------------------------


@resolves("Query", "app")
def app(_root: Any, info: Info, id_: str | None = None) -> App | None:
    call = call_of(info)
    if call.app is not None and (id_ is None or call.app.id == id_):
        return call.app
    if not call.may("MANAGE_APPS") and not (call.user and call.user.is_staff):
        raise denied("AUTHENTICATED_STAFF_USER", "MANAGE_APPS")
    return by_id(call.host.store.installed(), id_, "App")


@resolves("Query", "apps")
def apps(_root: Any, info: Info, filter_: dict[str, Any] | None = None, **page: Any) -> dict[str, Any]:
    call = call_of(info)
    if not call.may("MANAGE_APPS") and not (call.user and call.user.is_staff):
        raise denied("AUTHENTICATED_STAFF_USER", "MANAGE_APPS")
    wanted = filter_ or {}
    found = [
        each
        for each in call.host.store.installed()
        if wanted.get("search", "").lower() in each.name.lower()
        and wanted.get("isActive") in (None, each.is_active)
        and wanted.get("type") in (None, "THIRDPARTY")
    ]
    return connection(found, "apps", **page)


@resolves("Query", "appsInstallations")
@needs("MANAGE_APPS")
def apps_installations(_root: Any, info: Info) -> Any:
    return call_of(info).host.store.installations


@resolves("Query", "webhook")
def webhook(_root: Any, info: Info, id_: str) -> Any:
    call = call_of(info)
    parts = split_id(id_)
    if call.app is not None:
        return by_id(call.app.webhooks, id_, "Webhook")
    call.require("MANAGE_APPS")
    return by_id(call.host.store.webhooks(), id_, "Webhook") if parts else None
