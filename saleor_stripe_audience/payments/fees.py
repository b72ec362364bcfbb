"""A payment's proceeds: gross, Stripe's fee and net, in the currency of the account's balance.

Refunds and disputes are booked apart and not counted here: Stripe retains the fee of a payment that is refunded.
"""

from dataclasses import dataclass

from django.db.models import Q

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import balance_transactions, payment_intents
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import BalanceTransaction, Charge, PaymentIntent
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import ownership, records
from saleor_stripe_audience.payments.models import Payment

OF_A_PAYMENT = frozenset({"charge", "payment"})  # cards, and all other methods


@dataclass(frozen=True)
class Settled:
    """What reached the balance: net is gross minus fee."""

    gross: Money
    fee: Money
    net: Money


def settled_by(bookings: list[BalanceTransaction]) -> Settled | None:
    """Sum up a charge's bookings; None if there are none yet. `Rejected` if their currencies differ."""
    own = [each for each in bookings if each.type in OF_A_PAYMENT]
    if not own:
        return None
    nothing = Money(0, own[0].currency)
    return Settled(
        gross=sum((Money(each.amount, each.currency) for each in own), nothing),
        fee=sum((Money(each.fee, each.currency) for each in own), nothing),
        net=sum((Money(each.net, each.currency) for each in own), nothing),
    )


def fetch_fees(
    account: StripeAccount, intent_id: str, charge_id: str, labelled: PaymentIntent | Charge
) -> Write | None:
    """Fetch what was booked for the charge; returns a function that stores it, or None if there is nothing to store.

    `labelled` is the object of Stripe's event, whose metadata counts where our row is lost: then the intent is
    checked before the row is created again.
    """
    rows = Payment.objects.filter(account=account, payment_intent_id=intent_id)
    is_known = rows.exists()
    if not is_known and not labelled.belongs_to(account.installation_id):
        return None
    settled = settled_by(balance_transactions.list_for(account, charge_id))
    if settled is None:
        return None
    lost = None if is_known else _recognize(account, intent_id)

    def write() -> None:
        if lost is not None:
            records.save(account, lost)
        # The proceeds of a hold captured in parts only grow: a lower sum was read before the last part.
        rows.filter(Q(gross_minor=None) | Q(gross_minor__lte=settled.gross.minor)).update(
            gross_minor=settled.gross.minor,
            fee_minor=settled.fee.minor,
            net_minor=settled.net.minor,
            settled_currency=settled.gross.currency,
        )

    return write


def _recognize(account: StripeAccount, intent_id: str) -> PaymentIntent | None:
    """The intent, unless it only names a transaction of the shop: `report.report_foreign` is for that."""
    try:
        return ownership.recognize(account, payment_intents.retrieve(account, intent_id))
    except Rejected as error:
        if error.code not in ownership.NOT_OURS:
            raise
        return None
