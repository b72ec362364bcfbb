"""A shopper's Customer that the merchant deleted at Stripe is forgotten here too: the next payment makes another."""

from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.customers import forget_customer
from saleor_stripe_audience.inbox.models import Event


def forget_deleted(event: Event) -> None:
    forget_customer(account_of(event), str((event.payload or {})["data"]["object"]["id"]))
