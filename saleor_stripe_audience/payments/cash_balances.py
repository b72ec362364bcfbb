"""Money of bank transfers that no payment has taken: Stripe keeps it in the Customer's cash balance.

It is there when too much arrived, when a transfer arrived after its payment was canceled, or when a payment was
canceled, or paid otherwise, after a part had arrived. Stripe itself applies it to the Customer's other payments that
wait for a transfer (https://docs.stripe.com/payments/customer-balance/reconciliation): those are booked like any other
payment, on their own transaction. What is left is a problem of the shop until the balance is empty; if Stripe emptied
it into the account's balance, because it could not return the money, until staff have paid the shopper otherwise.

Whatever the event said, the current balance is fetched from Stripe: repeating it changes nothing.
"""

import structlog

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import cash_balances, payment_intents
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import CashMove, customer_url, dashboard_url
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.money import from_minor
from saleor_stripe_audience.payments import notices, order_matching, ownership, staff_messages
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import listed, with_values

log = structlog.get_logger(__name__)

PREFIX = "cash-"  # begins the keys of problems; the account's id and the Customer's follow
ID_LENGTH = 36  # characters of the account's id, a UUID


def check(account: StripeAccount, customer_id: str) -> None:
    """Report what is left in the cash balance of a Customer with payments of the shop, or clear the problem."""
    left = cash_balances.left_of(account, customer_id)
    payment = _payment_of(account, customer_id) if left else None
    message = None
    if payment is not None:
        number = _order_number_of(payment)
        message = with_values(
            staff_messages.LEFT_OF_ORDER if number else staff_messages.LEFT_OF_CHECKOUT,
            amount=listed([with_values("{money}", money=each) for each in left]),
            number=number,
            customer=customer_url(customer_id, livemode=account.livemode),
            url=dashboard_url(payment.payment_intent_id, livemode=account.livemode),
        )
    problems.report_or_clear(account.installation, _key(account, customer_id), message)


def report_swept(account: StripeAccount, customer_id: str, move: CashMove) -> None:
    """Report what Stripe moved to the account's balance: only staff know when the shopper has got it."""
    payment = _payment_of(account, customer_id)
    if payment is None:
        return
    money = from_minor(-move.net_amount, move.currency)
    note = notices.Note(
        reference=f"{move.id}{notices.FAILED}",
        state="failed",
        message=with_values(staff_messages.TRANSFER_NOT_RETURNED, money=money),
        money=money,
        to_do=True,
    )
    notices.notify(account.installation, ownership.retrieve(payment), [note])


def check_reported(shop: Installation) -> None:
    """Check the Customers with a problem again, in case Stripe's event about its end was lost.

    The app no longer knows about those of an account that was disconnected.
    """
    accounts = {str(each.pk): each for each in StripeAccount.objects.filter(installation=shop)}
    for key in Problem.objects.filter(installation=shop, key__startswith=PREFIX).values_list(
        "key", flat=True
    ):
        with apart("checking a cash balance", installation=str(shop.pk), problem=key):
            whose = key.removeprefix(PREFIX)
            account = accounts.get(whose[:ID_LENGTH])
            if account is None or account.state != StripeAccount.State.CONNECTED or account.has_left:
                problems.clear(shop, key)
            else:
                check(account, whose[ID_LENGTH + 1 :])


def _payment_of(account: StripeAccount, customer_id: str) -> Payment | None:
    """Return the shop's payment that the money was for; None if it was for something else at Stripe.

    A transfer that no payment has taken names none: then it is the Customer's newest one.
    """
    moves = cash_balances.moves_since_empty(account, customer_id)
    intents = [each.payment_intent for each in moves if each.payment_intent]
    if not intents:
        intents = payment_intents.newest_of_customer(account, customer_id)
    own = {
        each.payment_intent_id: each
        for each in Payment.objects.filter(account=account, payment_intent_id__in=intents)
    }
    return next((own[each] for each in intents if each in own), None)


def _order_number_of(payment: Payment) -> str:
    """Return the number of the payment's order; empty if it has none, or Saleor no longer knows the payment."""
    if payment.order_number:
        return payment.order_number
    try:
        source = order_matching.fetch_source(payment.installation, payment.transaction_id)
    except Rejected as error:
        log.warning("order not looked up", payment_intent=payment.payment_intent_id, code=error.code)
        return ""
    return source.number if source is not None else ""


def _key(account: StripeAccount, customer_id: str) -> str:
    return f"{PREFIX}{account.pk}-{customer_id}"[: order_matching.LONGEST_KEY]
