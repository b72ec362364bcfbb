"""What a payment at Stripe says about its order, once there is one: the number and the shipping address.

A checkout has no number. The browser sends the shipping address before the payment; afterwards it is added to the
charge, where Stripe accepts it at any time (https://docs.stripe.com/api/charges/update). An address that the shopper
gave with the payment, as Express Checkout does, is left as it is.
"""

from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import charges, failures, payment_intents
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.payments.descriptions import order_description, shipping_of
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.payments.payloads import Address

log = structlog.get_logger(__name__)

LONGEST_NUMBER = 64
LONGEST_ID = 200


def set_order(payment: Payment, order_id: str, number: str) -> None:
    """Name the payment at Stripe after its order, which is what merchants look for; our row gets number and id, too.

    If Stripe refuses the new name, the old one is kept: no money depends on it.
    """
    changes = {"description": order_description(number), "metadata": {names.ORDER_NUMBER: number}}
    try:
        payment_intents.update(payment.account, payment.payment_intent_id, changes)
    except Rejected as error:
        if not failures.is_refusal(error):
            raise
        log.warning(
            "order number not added to payment", payment_intent=payment.payment_intent_id, code=error.code
        )
    Payment.objects.filter(pk=payment.pk).update(
        order_id=order_id[:LONGEST_ID], order_number=number[:LONGEST_NUMBER]
    )


def add_shipping(payment: Payment, address: Any) -> None:
    """Add the order's shipping address, given as Saleor's event has it, to the charge; repeating changes nothing.

    Only what Stripe refuses is left out: no money depends on it.
    """
    try:
        shipping = shipping_of(Address.model_validate(address or {}))
    except ValidationError:
        return
    if not shipping:
        return
    try:
        charge = payment_intents.retrieve(payment.account, payment.payment_intent_id).charge
        if charge is not None and charge.status != "failed" and not charge.shipping:
            failures.send_accepted(
                {"shipping": shipping}, partial(charges.update, payment.account, charge.id)
            )
    except Rejected as error:
        log.warning(
            "shipping address not added to charge", payment_intent=payment.payment_intent_id, code=error.code
        )
