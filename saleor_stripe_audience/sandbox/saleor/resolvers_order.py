"""Orders: fields and the staff's mutations."""

import uuid
from decimal import Decimal
from typing import Any

from . import orders
from .access import Call, Info, call_of, denied, needs
from .fields import Refused, constant, mutation, resolves
from .money import quantize, taxed
from .payments import grant_view
from .resolvers_checkout import method_view
from .resolvers_metadata import metadata_from
from .resolvers_query import by_id
from .state import Channel, GrantedRefund, Money, Order, OrderEvent, OrderLine, Transaction, TransactionEvent
from .totals import (
    ZERO,
    authorize_status,
    charge_status,
    held,
    is_fully_charged,
    order_subtotal,
    order_total,
)

constant(
    "Order",
    trackingClientId="",
    fulfillments=[],
    original=None,
    origin="CHECKOUT",
    payments=[],
    shippingTaxRate=0.0,
    voucherCode=None,
    customerNote="",
    discount=None,
    discountName=None,
    discounts=[],
    displayGrossPrices=True,
    errors=[],
    actions=[],
)
constant(
    "OrderLine",
    taxRate=0.0,
    thumbnail=None,
    unitDiscountReason=None,
    translatedProductName="",
    translatedVariantName="",
    voucherCode=None,
    isGift=False,
)

_PAYMENT_STATUS = {
    "NONE": "NOT_CHARGED",
    "PARTIAL": "PARTIALLY_CHARGED",
    "FULL": "FULLY_CHARGED",
    "OVERCHARGED": "FULLY_CHARGED",
}
_PAYMENT_WORDS = {
    "NOT_CHARGED": "Not charged",
    "PARTIALLY_CHARGED": "Partially charged",
    "FULLY_CHARGED": "Fully charged",
}
_SUMS = {
    "totalAuthorized": "authorized",
    "totalCaptured": "charged",
    "totalCharged": "charged",
    "totalCanceled": "canceled",
    "totalRefunded": "refunded",
    "totalRefundPending": "refund_pending",
    "totalAuthorizePending": "authorize_pending",
    "totalChargePending": "charge_pending",
    "totalCancelPending": "cancel_pending",
}


def _money(order: Order, amount: Any) -> Money:
    return Money(amount, order.channel.currency_code)


@resolves("Order", *_SUMS)
def summed(order: Order, info: Info) -> Money:
    return _money(order, held(call_of(info).host.store, order, _SUMS[info.field_name]))


@resolves("Order", "totalBalance")
def total_balance(order: Order, info: Info) -> Money:
    return _money(order, held(call_of(info).host.store, order, "charged") - order_total(order))


@resolves("Order", "grantedRefunds")
def granted_refunds(order: Order, _info: Info) -> list[dict[str, Any]]:
    return [grant_view(each) for each in order.granted_refunds]


@resolves("Order", "totalGrantedRefund")
def total_granted(order: Order, _info: Info) -> Money:
    return _money(order, _granted(order))


@resolves("Order", "totalRemainingGrant")
def remaining_grant(order: Order, info: Info) -> Money:
    store = call_of(info).host.store
    refunded = held(store, order, "refunded") + held(store, order, "refund_pending")
    return _money(order, max(_granted(order) - refunded, ZERO))


def _granted(order: Order) -> Decimal:
    return sum((each.amount for each in order.granted_refunds), ZERO)


@resolves("Order", "undiscountedShippingPrice")
def undiscounted_shipping(order: Order, _info: Info) -> Money:
    return _money(order, order.shipping_amount)


@resolves("Order", "total", "undiscountedTotal")
def total(order: Order, _info: Info) -> dict[str, Any]:
    return taxed(order_total(order), order.channel.currency_code)


@resolves("Order", "subtotal")
def subtotal(order: Order, _info: Info) -> dict[str, Any]:
    return taxed(order_subtotal(order), order.channel.currency_code)


@resolves("Order", "shippingPrice")
def shipping_price(order: Order, _info: Info) -> dict[str, Any]:
    return taxed(order.shipping_amount, order.channel.currency_code)


@resolves("Order", "isPaid")
def is_paid(order: Order, info: Info) -> bool:
    return is_fully_charged(call_of(info).host.store, order)


@resolves("Order", "chargeStatus")
def charge(order: Order, info: Info) -> str:
    return charge_status(call_of(info).host.store, order)


@resolves("Order", "authorizeStatus")
def authorize(order: Order, info: Info) -> str:
    return authorize_status(call_of(info).host.store, order)


@resolves("Order", "paymentStatus")
def payment_status(order: Order, info: Info) -> str:
    return _PAYMENT_STATUS[charge(order, info)]


@resolves("Order", "paymentStatusDisplay")
def payment_status_display(order: Order, info: Info) -> str:
    return _PAYMENT_WORDS[payment_status(order, info)]


@resolves("Order", "statusDisplay")
def status_display(order: Order, _info: Info) -> str:
    return order.status.replace("_", " ").capitalize()


@resolves("Order", "token")
def token(order: Order, _info: Info) -> str:
    return order.key


@resolves("Order", "languageCode")
def language_code(order: Order, _info: Info) -> str:
    return order.language_code.lower().replace("_", "-")


@resolves("Order", "languageCodeEnum")
def language_code_enum(order: Order, _info: Info) -> str:
    return order.language_code


def _is_owner(call: Call, order: Order) -> bool:
    return call.user is not None and order.user is call.user


@resolves("Order", "userEmail")
def user_email(order: Order, info: Info) -> str:
    call = call_of(info)
    if call.may("MANAGE_ORDERS") or _is_owner(call, order):
        return order.user_email
    # Someone else who knows the id sees that there is an address, but not which one.
    name, _, domain = order.user_email.partition("@")
    return f"{name[:1]}...@{domain[:1]}..."


@resolves("Order", "user")
def user(order: Order, info: Info) -> Any:
    call = call_of(info)
    if order.user is None:
        return None
    if _is_owner(call, order) or call.may("MANAGE_USERS", "MANAGE_ORDERS", "HANDLE_PAYMENTS"):
        return order.user
    raise denied("OWNER", "MANAGE_USERS", "MANAGE_ORDERS", "HANDLE_PAYMENTS")


@resolves("Order", "transactions")
def transactions(order: Order, info: Info) -> list[Transaction]:
    call = call_of(info)
    call.require("MANAGE_ORDERS", "HANDLE_PAYMENTS")
    return call.host.store.transactions_of(order)


@resolves("Order", "events")
def events(order: Order, info: Info) -> list[OrderEvent]:
    call_of(info).require("MANAGE_ORDERS")
    return order.events


@resolves("OrderEvent", "date")
def event_date(event: OrderEvent, _info: Info) -> Any:
    return event.created


@resolves("OrderEvent", "orderNumber")
def event_number(_event: OrderEvent, _info: Info) -> None:
    return None


@resolves("Order", "shippingMethod", "deliveryMethod")
def shipping_method(order: Order, _info: Info) -> dict[str, Any] | None:
    if order.shipping_method is None:
        return None
    return method_view(order.shipping_method, order.channel.currency_code)


@resolves("Order", "shippingMethodName")
def shipping_method_name(order: Order, _info: Info) -> str | None:
    return order.shipping_method.name if order.shipping_method else None


@resolves("Order", "isShippingRequired")
def is_shipping_required(order: Order, _info: Info) -> bool:
    return any(line.is_shipping_required for line in order.lines)


@resolves("OrderLine", "unitPrice", "undiscountedUnitPrice")
def unit_price(line: OrderLine, _info: Info) -> dict[str, Any]:
    return taxed(line.unit_price.amount, line.unit_price.currency)


@resolves("OrderLine", "totalPrice", "undiscountedTotalPrice")
def line_total(line: OrderLine, _info: Info) -> dict[str, Any]:
    return taxed(line.unit_price.amount * line.quantity, line.unit_price.currency)


@resolves("OrderLine", "unitDiscount")
def unit_discount(line: OrderLine, _info: Info) -> Money:
    return Money(ZERO, line.unit_price.currency)


@resolves("OrderLine", "quantityToFulfill")
def quantity_to_fulfill(line: OrderLine, _info: Info) -> int:
    return line.quantity - line.quantity_fulfilled


@resolves("OrderLine", "variant")
def line_variant(line: OrderLine, _info: Info) -> Any:
    return None if line.variant is None or line.variant.deleted else line.variant


# --- mutations -------------------------------------------------------------------------------------


def _order(call: Call, given: str) -> Order:
    found = by_id(call.host.store.orders, given, "Order")
    if found is None:
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {given}")
    return found


@mutation("orderCancel")
@needs("MANAGE_ORDERS")
def order_cancel(_root: Any, info: Info, *, id_: str) -> dict[str, Any]:
    call = call_of(info)
    order = _order(call, id_)
    orders.cancel(call.host, order, call.requestor)
    return {"order": order}


@mutation("orderGrantRefundCreate")
@needs("MANAGE_ORDERS")
def order_grant_refund_create(_root: Any, info: Info, *, id_: str, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    order = _order(call, id_)
    paid_by = by_id(call.host.store.transactions_of(order), input_["transactionId"], "TransactionItem")
    if paid_by is None:
        raise Refused("transactionId", "NOT_FOUND", "The order has no such transaction.")
    amount = input_.get("amount")
    if amount is None or amount <= 0:
        raise Refused("amount", "REQUIRED", "The stand-in does not calculate an amount from lines.")
    if amount > paid_by.amounts.charged:
        raise Refused("amount", "AMOUNT_GREATER_THAN_AVAILABLE", "The transaction has not charged as much.")
    grant = GrantedRefund(order, paid_by, quantize(amount, paid_by.currency), input_.get("reason") or "")
    order.granted_refunds.append(grant)
    order.touch()
    call.host.emit("ORDER_UPDATED", call.requestor, order=order)
    return {"order": order, "grantedRefund": grant_view(grant)}


@mutation("orderConfirm")
@needs("MANAGE_ORDERS")
def order_confirm(_root: Any, info: Info, *, id_: str) -> dict[str, Any]:
    call = call_of(info)
    order = _order(call, id_)
    if order.status != "UNCONFIRMED":
        raise Refused(
            "id", "INVALID", "Provided order id belongs to an order with status different than unconfirmed."
        )
    order.status = "UNFULFILLED"
    order.touch()
    orders.note(order, "CONFIRMED", call.requestor)
    call.host.emit("ORDER_CONFIRMED", call.requestor, order=order)
    return {"order": order}


@mutation("orderMarkAsPaid")
@needs("MANAGE_ORDERS")
def order_mark_as_paid(
    _root: Any, info: Info, *, id_: str, transaction_reference: str | None = None
) -> dict[str, Any]:
    call = call_of(info)
    order = _order(call, id_)
    if call.host.store.transactions_of(order):
        message = "Orders with transactions can not be manually marked as paid."
        raise Refused("transaction", "PAYMENT_ERROR", message)
    transaction = Transaction(
        "", order.channel.currency_code, order=order, name="Manual", key=str(uuid.uuid4())
    )
    paid = TransactionEvent("CHARGE_SUCCESS", order_total(order), transaction_reference or "")
    transaction.events.append(paid)
    transaction.psp_reference = transaction_reference or ""
    transaction.recalculate()
    call.host.store.transactions.append(transaction)
    orders.note(order, "ORDER_MARKED_AS_PAID", call.requestor)
    for name in ("ORDER_UPDATED", "ORDER_FULLY_PAID"):
        call.host.emit(name, call.requestor, order=order)
    return {"order": order}


@mutation("channelUpdate")
@needs("MANAGE_CHANNELS")
def channel_update(_root: Any, info: Info, *, id_: str, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    channel = by_id(call.host.store.channels, id_, "Channel")
    if channel is None:
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {id_}")
    others = [each.slug for each in call.host.store.channels if each is not channel]
    if input_.get("slug") in others:
        raise Refused("slug", "UNIQUE", "Channel with this Slug already exists.")
    _apply_channel(channel, input_)
    call.host.emit("CHANNEL_UPDATED", call.requestor, channel=channel)
    return {"channel": channel}


def _apply_channel(channel: Channel, given: dict[str, Any]) -> None:
    settings = {**(given.get("paymentSettings") or {}), **(given.get("orderSettings") or {})}
    values = {
        "name": given.get("name"),
        "slug": given.get("slug"),
        "is_active": given.get("isActive"),
        "flow": settings.get("defaultTransactionFlowStrategy"),
        "confirms_orders": settings.get("automaticallyConfirmAllNewOrders"),
        "allows_unpaid_orders": settings.get("allowUnpaidOrders"),
    }
    for name, value in values.items():
        if value is not None:
            setattr(channel, name, value)
    channel.metadata.update(metadata_from(given.get("metadata")))
