"""A payment in Stripe that names a transaction of the shop but is not that transaction's payment.

Anybody with access to the Stripe account can write our metadata on a payment of their own. It is never booked; the
merchant reads of it, until no money is in it any more.
"""

from typing import Any

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import staff_messages as words
from saleor_stripe_audience.payments.outcomes import refunded_minor
from saleor_stripe_audience.payments.staff_messages import for_staff
from saleor_stripe_audience.shops import problems

Json = dict[str, Any]

HOLDS_MONEY = frozenset({"processing", "requires_capture", "succeeded"})


def tell(account: StripeAccount, intent: Json) -> None:
    """Report the problem, or clear it once the payment was cancelled or given back. Repeating it changes nothing."""
    problems.report_or_clear(
        account.installation,
        f"foreign-{intent['id']}",
        for_staff(words.FOREIGN, payment=intent["id"], account=account.name) if _needs_a_look(intent) else "",
    )


def _needs_a_look(intent: Json) -> bool:
    return intent["status"] in HOLDS_MONEY and _left(intent) > 0


def _left(intent: Json) -> int:
    """What is still paid or held, in the smallest unit."""
    if intent["status"] != "succeeded":
        return int(intent["amount"])
    return int(intent["amount_received"]) - refunded_minor(intent)
