"""Segments that come with the app, useful for nearly every shop."""

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.segments.rules import Json, Rule, read
from saleor_stripe_audience.wording import ENGLISH, in_language

DECLINED_DAYS = 7
LAPSED_DAYS = 90

NAMES = {
    "first_time_buyers": pgettext_lazy("staff", "First-time buyers"),
    "big_spenders": pgettext_lazy("staff", "Big spenders"),
    "lapsed_90_days": pgettext_lazy("staff", "Lapsed for 90 days"),
    "abandoned_carts": pgettext_lazy("staff", "Abandoned carts"),
    "declined_this_week": pgettext_lazy("staff", "Declined this week"),
    "nonsubscribed_buyers": pgettext_lazy("staff", "Non-subscribed buyers"),
}


def title_of(segment: Segment) -> str:
    """Return the segment's name for a reader: a ready-made one has one in each language until it is renamed."""
    name = NAMES.get(segment.ready_made)
    return str(name) if name is not None and segment.name == in_language(name, ENGLISH) else segment.name


def ready_made(key: str, currency: str, big: str) -> Rule:
    """Return the rule of that key; `big` is the amount in `currency` from which a contact is a big spender."""
    conditions: dict[str, Json] = {
        "first_time_buyers": {"type": "ordersCount", "atLeast": 1, "atMost": 1},
        "big_spenders": {"type": "spent", "currency": currency, "atLeast": big},
        "lapsed_90_days": {"type": "lastOrder", "longerAgo": {"days": LAPSED_DAYS}},
        "abandoned_carts": {"type": "cart"},
        "declined_this_week": {"type": "paymentDeclined", "within": {"days": DECLINED_DAYS}},
        "nonsubscribed_buyers": {
            "type": "all",
            "of": [{"type": "status", "in": ["nonsubscribed"]}, {"type": "ordersCount", "atLeast": 1}],
        },
    }
    return read({"version": 1, "root": conditions[key]})
