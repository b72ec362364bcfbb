"""The storefront's checkout."""

import uuid
from typing import Any

from . import changes, orders
from .access import Call, Info, call_of
from .channels import in_channel
from .events import EventKind
from .fields import Refused, constant, mutation, resolves
from .money import taxed
from .resolvers_account import address_from
from .resolvers_catalogue import PLENTY, available, listing_of
from .resolvers_metadata import metadata_from
from .resolvers_query import by_id
from .state import Channel, Checkout, CheckoutLine, Money, ShippingMethod, Transaction, Variant
from .totals import (
    authorize_status,
    authorized,
    charge_status,
    charged,
    checkout_shipping,
    checkout_subtotal,
    checkout_total,
    unit_price,
)

constant(
    "Checkout",
    customerNote="",
    note="",
    discount=None,
    discountName=None,
    voucherCode=None,
    displayGrossPrices=True,
    availableCollectionPoints=[],
)
constant("CheckoutLine", isGift=False)


def method_view(method: ShippingMethod, currency: str) -> dict[str, Any]:
    """A shipping method as a checkout or order shows it."""
    price = Money(method.prices[currency], currency)
    shown = {"id": method.id, "name": method.name, "price": price, "active": True, "message": ""}
    return {"__typename": "ShippingMethod", **shown}


def _currency(checkout: Checkout) -> str:
    return checkout.channel.currency_code


@resolves("Checkout", "token")
def token(checkout: Checkout, _info: Info) -> str:
    return checkout.key


@resolves("Checkout", "lastChange")
def last_change(checkout: Checkout, _info: Info) -> Any:
    return checkout.updated_at


@resolves("Checkout", "shippingMethods", "availableShippingMethods")
def shipping_methods(checkout: Checkout, info: Info) -> list[dict[str, Any]]:
    if checkout.shipping_address is None or not needs_shipping(checkout):
        return []
    return [method_view(each, _currency(checkout)) for each in call_of(info).host.store.shipping_methods]


@resolves("Checkout", "shippingMethod", "deliveryMethod")
def shipping_method(checkout: Checkout, _info: Info) -> dict[str, Any] | None:
    return method_view(checkout.shipping_method, _currency(checkout)) if checkout.shipping_method else None


@resolves("Checkout", "availablePaymentGateways")
def payment_gateways(checkout: Checkout, info: Info) -> list[dict[str, Any]]:
    call = call_of(info)
    found = call.host.webhooks_for(EventKind("PAYMENT_GATEWAY_INITIALIZE_SESSION"))
    return [
        {
            "id": each.app.identifier,
            "name": each.app.name,
            "config": [],
            "currencies": [_currency(checkout)],
        }
        for each in found
    ]


def needs_shipping(checkout: Checkout) -> bool:
    """Whether any line must be shipped."""
    return any(line.variant.product.product_type.is_shipping_required for line in checkout.lines)


@resolves("Checkout", "isShippingRequired")
def is_shipping_required(checkout: Checkout, _info: Info) -> bool:
    return needs_shipping(checkout)


@resolves("Checkout", "quantity")
def quantity(checkout: Checkout, _info: Info) -> int:
    return sum(line.quantity for line in checkout.lines)


@resolves("Checkout", "shippingPrice")
def shipping_price(checkout: Checkout, _info: Info) -> dict[str, Any]:
    return taxed(checkout_shipping(checkout), _currency(checkout))


@resolves("Checkout", "subtotalPrice")
def subtotal_price(checkout: Checkout, _info: Info) -> dict[str, Any]:
    return taxed(checkout_subtotal(checkout), _currency(checkout))


@resolves("Checkout", "totalPrice")
def total_price(checkout: Checkout, _info: Info) -> dict[str, Any]:
    return taxed(checkout_total(checkout), _currency(checkout))


@resolves("Checkout", "totalBalance")
def total_balance(checkout: Checkout, info: Info) -> Money:
    return Money(charged(call_of(info).host.store, checkout) - checkout_total(checkout), _currency(checkout))


@resolves("Checkout", "transactions")
def transactions(checkout: Checkout, info: Info) -> list[Transaction]:
    call = call_of(info)
    call.require("MANAGE_CHECKOUTS", "HANDLE_PAYMENTS")
    return call.host.store.transactions_of(checkout)


@resolves("Checkout", "authorizeStatus")
def authorize(checkout: Checkout, info: Info) -> str:
    return authorize_status(call_of(info).host.store, checkout)


@resolves("Checkout", "chargeStatus")
def charge(checkout: Checkout, info: Info) -> str:
    return charge_status(call_of(info).host.store, checkout)


# Lines do not know their checkout, so the checkout returns views that do.
@resolves("Checkout", "lines")
def lines(checkout: Checkout, _info: Info) -> list[dict[str, Any]]:
    return [line_view(checkout, line) for line in checkout.lines]


def line_view(checkout: Checkout, line: CheckoutLine) -> dict[str, Any]:
    """A line as the API shows it."""
    price, currency = unit_price(checkout, line.variant), _currency(checkout)
    whole = price * line.quantity
    return {
        "__typename": "CheckoutLine",
        "id": line.id,
        "variant": in_channel(line.variant, checkout.channel),
        "quantity": line.quantity,
        "unitPrice": taxed(price, currency),
        "undiscountedUnitPrice": Money(price, currency),
        "totalPrice": taxed(whole, currency),
        "undiscountedTotalPrice": Money(whole, currency),
        "requiresShipping": line.variant.product.product_type.is_shipping_required,
        "isGift": False,
        "_record": line,
    }


# --- mutations -------------------------------------------------------------------------------------


def _checkout(call: Call, id_: str | None, token: str | None = None) -> Checkout:
    held = call.host.store.checkouts
    found = by_id(held, id_, "Checkout") or next((each for each in held if each.key == token), None)
    if found is None:
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {id_ or token}")
    return found


def _variant(call: Call, channel: Channel, given: dict[str, Any]) -> Variant:
    variant = by_id(call.host.store.variants(), given["variantId"], "ProductVariant")
    if variant is None:
        message = f"Could not resolve to a node with the global id list of '{given['variantId']}'."
        raise Refused("variantId", "NOT_FOUND", message)
    listing = listing_of(variant.product, channel)
    more = {"variants": [variant.id]}
    if listing is None or variant.listing_in(channel) is None:
        message = "Cannot add lines with unavailable variants."
        raise Refused("lines", "UNAVAILABLE_VARIANT_IN_CHANNEL", message, more)
    if not listing.is_published:
        raise Refused("lines", "PRODUCT_NOT_PUBLISHED", "Can't add unpublished product.", more)
    if not listing.is_available_for_purchase:
        message = "Can't add product unavailable for purchase."
        raise Refused("lines", "PRODUCT_UNAVAILABLE_FOR_PURCHASE", message, more)
    return variant


def _check_quantity(variant: Variant, quantity: int) -> None:
    more = {"variants": [variant.id]}
    if quantity > PLENTY:
        message = f"Cannot add more than {PLENTY} times this item: {variant.name}."
        raise Refused("quantity", "QUANTITY_GREATER_THAN_LIMIT", message, more)
    if quantity > available(variant):
        message = f"Could not add items {variant.name}. Only {available(variant)} remaining in stock."
        raise Refused("quantity", "INSUFFICIENT_STOCK", message, more)


def _add(call: Call, checkout: Checkout, given: dict[str, Any]) -> None:
    variant = _variant(call, checkout.channel, given)
    if given["quantity"] < 1:
        raise Refused("quantity", "ZERO_QUANTITY", "The quantity should be higher than zero.")
    line = next((each for each in checkout.lines if each.variant is variant), None)
    _check_quantity(variant, given["quantity"] + (line.quantity if line else 0))
    if line is None:
        line = CheckoutLine(variant, 0, key=str(uuid.uuid4()))
        checkout.lines.append(line)
    line.quantity += given["quantity"]
    line.metadata.update(metadata_from(given.get("metadata")))


def _set(call: Call, checkout: Checkout, given: dict[str, Any]) -> None:
    line = by_id(checkout.lines, given.get("lineId"), "CheckoutLine")
    if line is None and given.get("variantId"):
        variant = _variant(call, checkout.channel, {"variantId": given["variantId"]})
        line = next((each for each in checkout.lines if each.variant is variant), None)
        if line is None:
            _add(call, checkout, {"variantId": given["variantId"], "quantity": given["quantity"]})
            return
    if line is None:
        raise Refused("lineId", "NOT_FOUND", "There is no such line in the checkout.")
    wanted = given.get("quantity")
    if not wanted:
        checkout.lines.remove(line)
        return
    _check_quantity(line.variant, wanted)
    line.quantity = wanted


def _saved(call: Call, checkout: Checkout) -> dict[str, Any]:
    changes.checkout_changed(call, checkout)
    return {"checkout": checkout}


@mutation("checkoutCreate")
def checkout_create(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    if not input_.get("channel"):
        raise Refused("channel", "MISSING_CHANNEL_SLUG", "You need to provide channel slug.")
    channel = next((each for each in call.host.store.channels if each.slug == input_["channel"]), None)
    if channel is None:
        raise Refused("channel", "NOT_FOUND", f"Channel with '{input_['channel']}' slug does not exist.")
    if not channel.is_active:
        raise Refused("channel", "CHANNEL_INACTIVE", f"Channel with '{channel.slug}' is inactive.")
    checkout = Checkout(channel, key=str(uuid.uuid4()), user=call.user)
    known = call.user.email if call.user else None
    checkout.email = _email(input_["email"]) if input_.get("email") else known
    checkout.language_code = input_.get("languageCode") or "EN_US"
    checkout.shipping_address = address_from(input_.get("shippingAddress"))
    checkout.billing_address = address_from(input_.get("billingAddress"))
    checkout.metadata = metadata_from(input_.get("metadata"))
    if input_.get("privateMetadata"):
        call.require("MANAGE_CHECKOUTS")
        checkout.private_metadata = metadata_from(input_["privateMetadata"])
    for line in input_["lines"]:
        _add(call, checkout, line)
    call.host.store.checkouts.append(checkout)
    call.host.emit("CHECKOUT_CREATED", call.requestor, checkout=checkout)
    return {"checkout": checkout, "created": True}


def _email(given: str) -> str:
    if "@" not in given:
        raise Refused("email", "INVALID", "Enter a valid email address.")
    return given.strip().lower()


@mutation("checkoutLinesAdd")
def checkout_lines_add(
    _root: Any,
    info: Info,
    *,
    lines: list[dict[str, Any]],
    id_: str | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    checkout = _checkout(call, id_, token)
    for line in lines:
        _add(call, checkout, line)
    return _saved(call, checkout)


@mutation("checkoutLinesUpdate")
def checkout_lines_update(
    _root: Any,
    info: Info,
    *,
    lines: list[dict[str, Any]],
    id_: str | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    checkout = _checkout(call, id_, token)
    for line in lines:
        _set(call, checkout, line)
    return _saved(call, checkout)


@mutation("checkoutEmailUpdate")
def checkout_email_update(
    _root: Any, info: Info, *, email: str, id_: str | None = None, token: str | None = None
) -> dict[str, Any]:
    call = call_of(info)
    checkout = _checkout(call, id_, token)
    checkout.email = _email(email)
    return _saved(call, checkout)


@mutation("checkoutShippingAddressUpdate")
def checkout_shipping_address_update(
    _root: Any,
    info: Info,
    *,
    shipping_address: dict[str, Any],
    id_: str | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    checkout = _checkout(call, id_, token)
    checkout.shipping_address = address_from(shipping_address)
    return _saved(call, checkout)


@mutation("checkoutBillingAddressUpdate")
def checkout_billing_address_update(
    _root: Any,
    info: Info,
    *,
    billing_address: dict[str, Any],
    id_: str | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    checkout = _checkout(call, id_, token)
    checkout.billing_address = address_from(billing_address)
    return _saved(call, checkout)


@mutation("checkoutDeliveryMethodUpdate")
def checkout_delivery_method_update(
    _root: Any,
    info: Info,
    *,
    delivery_method_id: str | None = None,
    id_: str | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    checkout = _checkout(call, id_, token)
    if not needs_shipping(checkout):
        raise Refused("deliveryMethodId", "SHIPPING_NOT_REQUIRED", "This checkout needs no shipping.")
    if checkout.shipping_address is None:
        message = "Cannot choose a shipping method for a checkout without the shipping address."
        raise Refused("deliveryMethodId", "SHIPPING_ADDRESS_NOT_SET", message)
    method = by_id(call.host.store.shipping_methods, delivery_method_id, "ShippingMethod")
    if method is None and delivery_method_id is not None:
        raise Refused("deliveryMethodId", "NOT_FOUND", f"Couldn't resolve to a node: {delivery_method_id}")
    checkout.shipping_method = method
    return _saved(call, checkout)


def _check_complete(call: Call, checkout: Checkout) -> None:
    store = call.host.store
    if not checkout.lines:
        raise Refused("lines", "NO_LINES", "Cannot complete checkout without lines.")
    if not checkout.email:
        raise Refused("email", "EMAIL_NOT_SET", "Checkout email must be set.")
    if needs_shipping(checkout) and checkout.shipping_address is None:
        raise Refused("shippingAddress", "SHIPPING_ADDRESS_NOT_SET", "Shipping address is not set")
    if needs_shipping(checkout) and checkout.shipping_method is None:
        raise Refused("shippingMethod", "SHIPPING_METHOD_NOT_SET", "Shipping method is not set")
    if checkout.billing_address is None:
        raise Refused("billingAddress", "BILLING_ADDRESS_NOT_SET", "Billing address is not set")
    covered = charged(store, checkout) + authorized(store, checkout)
    if covered < checkout_total(checkout) and not checkout.channel.allows_unpaid_orders:
        message = "The authorized amount doesn't cover the checkout's total amount."
        raise Refused("id", "CHECKOUT_NOT_FULLY_PAID", message)
    for line in checkout.lines:
        _check_quantity(line.variant, line.quantity)


@mutation("checkoutComplete")
def checkout_complete(
    _root: Any,
    info: Info,
    *,
    id_: str | None = None,
    token: str | None = None,
    redirect_url: str | None = None,
    metadata: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    call = call_of(info)
    placed = next((each for each in call.host.store.orders if id_ and each.checkout_id == id_), None)
    if placed is not None:
        # Completing it again returns the order that was created the first time.
        return {"order": placed, "confirmationNeeded": False}
    try:
        checkout = _checkout(call, id_, token)
        _check_complete(call, checkout)
    except Refused as refusal:
        return {"confirmationNeeded": False, "errors": [refusal.as_error()]}
    order = orders.place(call.host, checkout, metadata_from(metadata), call.requestor)
    order.redirect_url = redirect_url
    return {"order": order, "confirmationNeeded": False}
