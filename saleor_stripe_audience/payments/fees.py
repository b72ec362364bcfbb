"""What a payment brought: gross, Stripe's fee and net, in the currency of the account's balance.

Refunds and disputes are bookings of their own and not counted here: Stripe keeps the fee of a payment that is refunded.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import balance, client
from saleor_stripe_audience.gateway.accounts import account_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.money import Money, from_minor
from saleor_stripe_audience.payments import ownership
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

OF_A_PAYMENT = frozenset({"charge", "payment"})  # cards, and all other methods


@dataclass(frozen=True)
class Settled:
    """What the balance got: net is gross less fee."""

    gross: Money
    fee: Money
    net: Money


def note_fees(event: Event) -> Write | None:
    """Where the money is captured asynchronously it is booked later, and charge.updated tells of it."""
    account, told = account_of(event), (event.payload or {})["data"]["object"]
    is_charge = told.get("object") == "charge"
    intent_id, charge_id = (
        (told.get("payment_intent"), told["id"]) if is_charge else (told["id"], told.get("latest_charge"))
    )
    if not intent_id or not charge_id or not _is_ours(account, intent_id, told):
        return None
    installation = Installation.objects.get(pk=account.installation_id)
    settled = settled_by(balance.entries_of(account, charge_id))
    if settled is None:
        return None
    return _write(installation, account, intent_id, settled)


def _is_ours(account: StripeAccount, intent_id: str, told: Json) -> bool:
    """By our own row; by the metadata where the row is lost, which is then looked into before it is written again."""
    known = Payment.objects.filter(account=account, payment_intent_id=intent_id)
    return known.exists() or ownership.is_ours(told, account.installation_id)


def settled_by(entries: list[Json]) -> Settled | None:
    """The sum of a charge's bookings; None where there are none yet."""
    own = [each for each in entries if each["type"] in OF_A_PAYMENT]
    if not own:
        return None
    gross, fee, net = (_sum(own, name) for name in ("amount", "fee", "net"))
    return Settled(gross, fee, net)


def _sum(entries: list[Json], name: str) -> Money:
    first, *others = (from_minor(int(each[name]), each["currency"]) for each in entries)
    return sum(others, first)


def _write(installation: Installation, account: StripeAccount, intent_id: str, settled: Settled) -> Write:
    rows = Payment.objects.filter(account=account, payment_intent_id=intent_id)
    # A row that was lost is written again first: what is noted must not fall into nothing.
    lost = None if rows.exists() else _recognized(account, intent_id)

    def write() -> None:
        if lost is not None:
            ownership.remember(installation, account, lost, "")
        # What a hold that is captured in parts brought only grows: a lower sum was read before the last part.
        rows.filter(Q(gross_minor=None) | Q(gross_minor__lte=settled.gross.minor)).update(
            gross_minor=settled.gross.minor,
            fee_minor=settled.fee.minor,
            net_minor=settled.net.minor,
            settled_currency=settled.gross.currency,
        )

    return write


def _recognized(account: StripeAccount, intent_id: str) -> Json | None:
    """The intent, unless it only names a transaction of the shop: `payments.reporting` tells of that."""
    intent = client.retrieve_payment_intent(account, intent_id).to_dict()
    try:
        return ownership.recognize(account, intent)
    except Rejected as error:
        if error.code not in ownership.NOT_OURS:
            raise
        return None
