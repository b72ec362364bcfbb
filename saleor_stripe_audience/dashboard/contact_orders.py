"""A contact's orders: whether each is paid, what was refunded of it, and whether it counts."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import NOT_SALES, Purchase
from saleor_stripe_audience.audience.shopping.visible import Slugs, orders_within
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.contact_rows import Badge

# Saleor's statuses of orders that are no sales, and its charge statuses of the others.
BADGES: dict[str, Badge] = {
    "CANCELED": ("plain", gettext_lazy("Cancelled")),
    "EXPIRED": ("plain", gettext_lazy("Expired")),
    "DRAFT": ("plain", gettext_lazy("Draft")),
    "NONE": ("todo", gettext_lazy("Not paid")),
    "PARTIAL": ("todo", gettext_lazy("Partially paid")),
    "FULL": ("good", gettext_lazy("Paid")),
    "OVERCHARGED": ("good", gettext_lazy("Overpaid")),
}
REFUNDED: Badge = ("plain", gettext_lazy("Refunded"))
PARTLY_REFUNDED: Badge = ("plain", gettext_lazy("Partially refunded"))


@dataclass(frozen=True, slots=True)
class OrderRow:
    purchase: Purchase
    badge: Badge
    total: str
    refunded: str


def orders_of(contact: Contact, slugs: Slugs, most: int) -> list[OrderRow]:
    """Return the contact's orders in the channels, newest first."""
    own = orders_within(contact.purchases.order_by("-placed_at", "-pk"), slugs)
    return [_row(each) for each in own[:most]]


def refunded_of(purchase: Purchase) -> str:
    """Return what was refunded of the order, in words; empty if nothing was."""
    if not purchase.refunded_minor:
        return ""
    amount = format_amount(purchase.refunded_minor, purchase.currency)
    return _("%(amount)s refunded") % {"amount": amount}


def _row(purchase: Purchase) -> OrderRow:
    total = format_amount(purchase.total_minor, purchase.currency)
    refunded = format_amount(purchase.refunded_minor, purchase.currency) if purchase.refunded_minor else ""
    return OrderRow(purchase, _badge(purchase), total, refunded)


def _badge(purchase: Purchase) -> Badge:
    if purchase.refunded_minor:
        return REFUNDED if purchase.refunded_minor >= purchase.charged_minor else PARTLY_REFUNDED
    state = purchase.status if purchase.status in NOT_SALES else purchase.charge_status
    return BADGES.get(state, ("plain", state))
