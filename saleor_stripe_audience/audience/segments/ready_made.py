"""Segments that come with the app, for the questions of nearly every shop."""

from saleor_stripe_audience.audience.segments.rules import Json, Rule, read

DECLINED_DAYS = 7
LAPSED_DAYS = 90

NAMES = {
    "first_time_buyers": "First-time buyers",
    "big_spenders": "Big spenders",
    "lapsed_90_days": "Lapsed for 90 days",
    "abandoned_carts": "Abandoned carts",
    "declined_this_week": "Declined this week",
    "nonsubscribed_buyers": "Non-subscribed buyers",
}


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
