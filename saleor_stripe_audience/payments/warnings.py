"""Stripe's warnings about a payment that is paid: Radar's reviews and the banks' early fraud warnings."""

from collections.abc import Callable
from typing import Any

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.money import Money, from_minor
from saleor_stripe_audience.payments import notices, ownership
from saleor_stripe_audience.payments.notices import Note
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]


def tell_review(event: Event) -> None:
    _tell(event, notices.of_review)


def tell_fraud_warning(event: Event) -> None:
    _tell(event, notices.of_fraud_warning)


def _tell(event: Event, note_of: Callable[[Json, Money], Note]) -> None:
    account = account_of(event)
    warning: Json = (event.payload or {})["data"]["object"]
    intent_id = _intent_of(account, warning)
    if not intent_id:
        return
    intent = client.retrieve_payment_intent(account, intent_id).to_dict()
    try:
        intent = ownership.recognize(account, intent)
    except Rejected as error:
        if error.code not in ownership.NOT_OURS:
            raise
        return
    installation = Installation.objects.get(pk=account.installation_id)
    money = from_minor(int(intent["amount"]), intent["currency"])
    notices.tell(installation, intent, [note_of(warning, money)])


def _intent_of(account: StripeAccount, warning: Json) -> str:
    """Stripe leaves the PaymentIntent out of some; their charge names it."""
    if told := warning.get("payment_intent"):
        return str(told)
    charge = warning.get("charge")
    return client.payment_intent_of_charge(account, charge) if isinstance(charge, str) else ""
