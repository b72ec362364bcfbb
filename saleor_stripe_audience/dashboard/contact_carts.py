"""A contact's carts: their contents and state."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.carts import CartState, states_of
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase
from saleor_stripe_audience.audience.shopping.visible import Slugs, carts_within
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.contact_rows import Badge

MOST_LINES = 5  # of one cart; the number of the others is shown

STATES: dict[CartState, Badge] = {
    CartState.OPEN: ("plain", gettext_lazy("In progress")),
    CartState.EMPTY: ("plain", gettext_lazy("Empty")),
    CartState.ABANDONED: ("todo", gettext_lazy("Abandoned")),
    CartState.ORDERED: ("good", gettext_lazy("Order placed")),
    CartState.ORDERED_SINCE: ("good", gettext_lazy("Ordered through another checkout")),
}


@dataclass(frozen=True, slots=True)
class CartRow:
    """`order` is the number of the order that it became, `more` the number of lines that are not shown."""

    cart: Cart
    color: str
    state: str | Promise
    total: str
    lines: list[str]
    more: int
    order: str


def carts_of(contact: Contact, slugs: Slugs, now: datetime, most: int) -> list[CartRow]:
    """Return the contact's carts in the channels, most recently changed first."""
    own = carts_within(contact.carts.prefetch_related("lines").order_by("-last_active_at", "-pk"), slugs)
    carts = list(own[:most])
    states = states_of(contact, carts, now, slugs)
    orders = Purchase.objects.filter(
        installation=contact.audience.installation_id,
        saleor_order_id__in=[each.saleor_order_id for each in carts if each.saleor_order_id],
    )
    numbers = dict(orders.values_list("saleor_order_id", "number"))
    return [_row(each, states[each.pk], numbers.get(each.saleor_order_id, "")) for each in carts]


def _row(cart: Cart, state: CartState, order: str) -> CartRow:
    color, title = STATES[state]
    lines = sorted(cart.lines.all(), key=lambda line: line.pk)
    return CartRow(
        cart=cart,
        color=color,
        state=title,
        total=format_amount(cart.total_minor, cart.currency),
        lines=[_describe(line.quantity, line.product_name, line.variant_name) for line in lines[:MOST_LINES]],
        more=max(0, len(lines) - MOST_LINES),
        order=order,
    )


def _describe(quantity: int, product: str, variant: str) -> str:
    """Return the name of the product and its variant; a single variant often has the product's name, or none."""
    return f"{quantity} × {product}" + (f" ({variant})" if variant not in ("", product) else "")
