"""A checkout has no number. Once it is an order, its payments at Stripe say which: that is what merchants look for."""

import structlog

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.descriptions import order_description
from saleor_stripe_audience.payments.models import Payment

LONGEST_NUMBER = 64

log = structlog.get_logger(__name__)


def tell_order_number(event: Event) -> None:
    """Saying it again changes nothing. What Stripe refuses to rename keeps its name: no money hangs on it."""
    order = (event.payload or {}).get("order")
    number, checkout = (order.get("number"), order.get("checkoutId")) if isinstance(order, dict) else ("", "")
    if not number or not checkout:
        return
    paid_for = Payment.objects.filter(installation_id=event.origin, source_id=checkout)
    for payment in paid_for.select_related("account"):
        name_by_order(payment, str(number))


def name_by_order(payment: Payment, number: str) -> None:
    """The payment at Stripe is called by its order, and our row knows the number."""
    words = {"description": order_description(number), "metadata": {ownership.ORDER_NUMBER: number}}
    try:
        client.update_payment_intent(payment.account, payment.payment_intent_id, words)
    except Rejected as error:
        if not client.is_refusal(error):
            raise
        log.warning("payment not renamed", payment_intent=payment.payment_intent_id, code=error.code)
    Payment.objects.filter(pk=payment.pk).update(order_number=number[:LONGEST_NUMBER])
