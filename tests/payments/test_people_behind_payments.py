"""A cart, its declined payment, its order and a dispute, between both stand-ins: all belong to one contact."""

from datetime import timedelta
from typing import cast

from django.utils import timezone

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping import carts
from saleor_stripe_audience.audience.shopping.models import Cart, PaymentFact, Purchase
from saleor_stripe_audience.audience.timeline import Kind, timeline
from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.sandbox.demo.shopper import COMPLETE, change
from saleor_stripe_audience.sandbox.demo.stage import Stage

from .test_reporting import Town, town  # noqa: F401 - a fixture


def test_a_cart_declined_bought_and_disputed(town: Town) -> None:  # noqa: F811 - pytest's form
    town.begin()
    town.shop.drain()
    town.deliver_all([])
    cart = Cart.objects.select_related("contact__audience").get()
    robin = cart.contact
    assert robin is not None
    assert (robin.email, robin.status, cart.closed_at) == ("robin@example.com", "nonsubscribed", None)
    assert cart.lines.exclude(saleor_product_id="").exists()
    tomorrow = timezone.now() + timedelta(days=1)
    assert carts.abandoned(robin.audience, tomorrow).get() == cart

    town.pay("pm_card_chargeDeclinedInsufficientFunds")
    town.pay()
    town.deliver_all(town.events())
    change(cast("Stage", town), COMPLETE, None, id=cart.saleor_checkout_id)
    town.shop.drain()
    charge = town.api.payment_intents.retrieve(town.intent).latest_charge
    dispute = town.stripe.open_dispute(str(charge))
    town.stripe.end_dispute(dispute["id"], "won")
    town.deliver_all(town.events() * 2)

    cart.refresh_from_db()
    assert cart.saleor_order_id == Purchase.objects.get(contact=robin).saleor_order_id
    assert not carts.abandoned(robin.audience, tomorrow).exists()
    assert set(PaymentFact.objects.values_list("contact", "kind", "code", "outcome")) == {
        (robin.pk, "declined", "insufficient_funds", ""),
        (robin.pk, "disputed", "fraudulent", "won"),
    }
    assert PaymentFact.objects.count() == 2
    kinds = {entry.kind for entry in timeline(Contact.objects.get(), tomorrow).entries}
    assert kinds == {
        Kind.CREATED, Kind.CART_STARTED, Kind.CART_CLOSED, Kind.ORDER, Kind.PAYMENT_DECLINED, Kind.PAYMENT_DISPUTED,
        Kind.DISPUTE_DECIDED,
    }  # fmt: skip
    assert not Handling.objects.exclude(given_up_at=None).exists()
