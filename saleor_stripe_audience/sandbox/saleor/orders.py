"""Orders: completing a checkout, the effect of payments, cancellation, and the events of each."""

import uuid

from .access import Requestor
from .fields import Refused
from .host import Host
from .ledger import Amounts
from .state import App, Checkout, Money, Order, OrderEvent, OrderLine, User
from .totals import checkout_shipping, held, is_fully_charged, order_total, unit_price


def note(order: Order, kind: str, requestor: Requestor = None, **more: object) -> None:
    """Add an event to the order's history."""
    event = OrderEvent(
        kind,
        user=requestor if isinstance(requestor, User) else None,
        app=requestor if isinstance(requestor, App) else None,
    )
    for name, value in more.items():
        setattr(event, name, value)
    order.events.append(event)


def _lines(checkout: Checkout) -> list[OrderLine]:
    currency = checkout.channel.currency_code
    return [
        OrderLine(
            line.variant,
            line.variant.product.name,
            line.variant.name,
            line.variant.sku,
            line.variant.id,
            line.quantity,
            Money(unit_price(checkout, line.variant), currency),
            is_shipping_required=line.variant.product.product_type.is_shipping_required,
            key=str(uuid.uuid4()),
        )
        for line in checkout.lines
    ]


def _account_for(host: Host, checkout: Checkout, requestor: Requestor) -> User | None:
    """Return the order's account. A guest's order is assigned to the account with the same address (observed on
    3.23.28; `assign_checkout_user` in Saleor's source), although nobody has signed in.
    """
    if checkout.user is not None or isinstance(requestor, User):
        return checkout.user
    email = (checkout.email or "").lower()
    return next((each for each in host.store.users if each.is_active and each.email.lower() == email), None)


def place(host: Host, checkout: Checkout, metadata: dict[str, str], requestor: Requestor) -> Order:
    """Turn a checkout into an order; its metadata is copied, and its transactions move to the order."""
    store = host.store
    store.order_number += 1
    order = Order(
        checkout.channel,
        str(store.order_number),
        checkout.email or "",
        checkout.id,
        status="UNFULFILLED" if checkout.channel.confirms_orders else "UNCONFIRMED",
        user=_account_for(host, checkout, requestor),
        language_code=checkout.language_code,
        billing_address=checkout.billing_address,
        shipping_address=checkout.shipping_address,
        shipping_method=checkout.shipping_method,
        shipping_amount=checkout_shipping(checkout),
        gift_cards=checkout.gift_cards,
        lines=_lines(checkout),
        metadata={**checkout.metadata, **metadata},
        private_metadata={**checkout.private_metadata},
        key=str(uuid.uuid4()),
    )
    _move(host, checkout, order)
    note(order, "PLACED", requestor)
    _tell_of_new(host, order, requestor)
    return order


def _move(host: Host, checkout: Checkout, order: Order) -> None:
    for transaction in host.store.transactions_of(checkout):
        transaction.order, transaction.checkout = order, None
    for line in checkout.lines:
        if line.variant.stock is not None and line.variant.track_inventory:
            line.variant.stock -= line.quantity
    host.store.checkouts.remove(checkout)
    host.store.orders.append(order)


def _tell_of_new(host: Host, order: Order, requestor: Requestor) -> None:
    emit = host.emit
    emit("ORDER_CREATED", requestor, order=order)
    if held(host.store, order, "charged") > 0:
        emit("ORDER_PAID", requestor, order=order)
        emit("ORDER_UPDATED", requestor, order=order)
        if is_fully_charged(host.store, order):
            emit("ORDER_FULLY_PAID", requestor, order=order)
            note(order, "ORDER_FULLY_PAID", requestor)
    if order.status != "UNCONFIRMED":
        emit("ORDER_CONFIRMED", requestor, order=order)
        note(order, "CONFIRMED", requestor)


def payment_changed(host: Host, order: Order, before: Amounts, after: Amounts, requestor: Requestor) -> None:
    """Emit the order's events that follow from a change of a transaction's amounts."""
    names: list[str] = []
    if after.charged > before.charged:
        names += ["ORDER_PAID"]
        if is_fully_charged(host.store, order):
            names += ["ORDER_FULLY_PAID"]
            if order.status in ("CANCELED", "EXPIRED"):
                order.status = "UNFULFILLED"  # Saleor computes it from the fulfillments only
        names += ["ORDER_UPDATED"]
    elif after.charged != before.charged or after.authorized != before.authorized:
        names += ["ORDER_UPDATED"]
    if after.refunded > before.refunded:
        names = [*names, "ORDER_UPDATED", "ORDER_REFUNDED"]
        names += ["ORDER_FULLY_REFUNDED"] if _is_fully_refunded(host, order) else []
        note(order, "PAYMENT_REFUNDED", requestor, amount=after.refunded - before.refunded)
    order.touch()
    for name in dict.fromkeys(names):
        host.emit(name, requestor, order=order)


def _is_fully_refunded(host: Host, order: Order) -> bool:
    return held(host.store, order, "refunded") >= order_total(order)


def cancel(host: Host, order: Order, requestor: Requestor) -> None:
    """Cancel an order; what was charged stays charged."""
    if order.status in ("CANCELED", "DRAFT", "EXPIRED"):
        raise Refused("order", "CANNOT_CANCEL_ORDER", "This order can't be canceled.")
    order.status = "CANCELED"
    order.touch()
    note(order, "CANCELED", requestor)
    host.emit("ORDER_UPDATED", requestor, order=order)
    host.emit("ORDER_CANCELLED", requestor, order=order)
