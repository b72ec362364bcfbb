"""Sums over checkouts and orders, and the statuses that follow from them."""

from decimal import Decimal

from .money import total
from .state import Checkout, Order, Store, Variant

ZERO = Decimal(0)


def checkout_subtotal(checkout: Checkout) -> Decimal:
    """The lines without shipping."""
    return total(unit_price(checkout, line.variant) * line.quantity for line in checkout.lines)


def unit_price(checkout: Checkout, variant: Variant) -> Decimal:
    """A variant's price in the checkout's channel; nothing if it is no longer sold there."""
    listing = variant.listing_in(checkout.channel)
    return listing.price if listing else ZERO


def checkout_shipping(checkout: Checkout) -> Decimal:
    """The price of the chosen shipping."""
    method = checkout.shipping_method
    return method.prices[checkout.channel.currency_code] if method else ZERO


def checkout_total(checkout: Checkout) -> Decimal:
    """Return what the shopper has to pay: gift cards pay the rest."""
    return max(checkout_without_gift_cards(checkout) - checkout.gift_cards, ZERO)


def checkout_without_gift_cards(checkout: Checkout) -> Decimal:
    """Lines and shipping, as if there were no gift cards."""
    return checkout_subtotal(checkout) + checkout_shipping(checkout)


def order_subtotal(order: Order) -> Decimal:
    """The lines without shipping."""
    return total(line.unit_price.amount * line.quantity for line in order.lines)


def order_total(order: Order) -> Decimal:
    """Return what the order costs after gift cards."""
    return max(order_subtotal(order) + order.shipping_amount - order.gift_cards, ZERO)


def total_of(source: Checkout | Order) -> Decimal:
    """Return the total of a checkout or an order."""
    return order_total(source) if isinstance(source, Order) else checkout_total(source)


def held(store: Store, source: Checkout | Order, name: str) -> Decimal:
    """Add up one of the ledger's amounts over all transactions of a checkout or an order."""
    return total(getattr(each.amounts, name) for each in store.transactions_of(source))


def charged(store: Store, source: Checkout | Order) -> Decimal:
    """Return what is charged; for a checkout, a pending charge counts as well."""
    pending = held(store, source, "charge_pending") if isinstance(source, Checkout) else ZERO
    return held(store, source, "charged") + pending


def authorized(store: Store, source: Checkout | Order) -> Decimal:
    """Return what is authorized; for a checkout, a pending authorization counts as well."""
    pending = held(store, source, "authorize_pending") if isinstance(source, Checkout) else ZERO
    return held(store, source, "authorized") + pending


def outstanding(store: Store, source: Checkout | Order) -> Decimal:
    """Return what no transaction covers yet. As observed, it ignores a checkout's gift cards, so it is too much."""
    due = order_total(source) if isinstance(source, Order) else checkout_without_gift_cards(source)
    names = ("authorized", "authorize_pending", "charged", "charge_pending")
    return max(due - total(held(store, source, name) for name in names), ZERO)


def charge_status(store: Store, source: Checkout | Order) -> str:
    """NONE, PARTIAL, FULL or OVERCHARGED."""
    paid, due = charged(store, source), total_of(source)
    if paid <= 0 < due:
        return "NONE"
    if paid < due:
        return "PARTIAL"
    return "FULL" if paid == due else "OVERCHARGED"


def authorize_status(store: Store, source: Checkout | Order) -> str:
    """NONE, PARTIAL or FULL; charged money counts as authorized."""
    covered, due = authorized(store, source) + charged(store, source), total_of(source)
    if covered <= 0 < due:
        return "NONE"
    return "PARTIAL" if covered < due else "FULL"


def is_fully_charged(store: Store, source: Checkout | Order) -> bool:
    """Whether nothing is left to charge."""
    return charge_status(store, source) in ("FULL", "OVERCHARGED")
