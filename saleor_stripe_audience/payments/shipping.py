"""The shipping address reaches Stripe once there is an order; before the payment it is the browser's to tell.

It stands on the charge, where Stripe takes it at any time (https://docs.stripe.com/api/charges/update). An address that
the shopper gave with the payment, as Express Checkout does, is left as it is.
"""

from typing import Any

import structlog
from pydantic import ValidationError

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments.descriptions import shipping_of
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.outcomes import latest_charge
from saleor_stripe_audience.payments.payloads import Address

log = structlog.get_logger(__name__)

Json = dict[str, Any]


def add_shipping(event: Event) -> None:
    """Doing it again changes nothing. What Stripe refuses stays without: no money depends on it."""
    order = (event.payload or {}).get("order")
    if not isinstance(order, dict) or not order.get("checkoutId"):
        return
    shipping = _shipping_of(order)
    if not shipping:
        return
    paid_for = Payment.objects.filter(installation_id=event.origin, source_id=order["checkoutId"])
    for payment in paid_for.select_related("account"):
        try:
            _add(payment, shipping)
        except Rejected as error:
            log.warning("charge without shipping", payment_intent=payment.payment_intent_id, code=error.code)


def _add(payment: Payment, shipping: Json) -> None:
    intent = client.retrieve_payment_intent(payment.account, payment.payment_intent_id).to_dict()
    charge = latest_charge(intent)
    if charge is not None and charge["status"] != "failed" and not charge.get("shipping"):
        client.update_charge(payment.account, charge["id"], {"shipping": shipping})


def _shipping_of(order: Json) -> Json:
    try:
        return shipping_of(Address.model_validate(order.get("shippingAddress") or {}))
    except ValidationError:
        return {}
