"""A refund that staff granted on an order is paid once, by whichever of its requests comes first.

Saleor lets staff request it again after a failure, and twice if they do so at the same moment. It connects a refund
with the granted refund only by the response to a request, and the last response decides what became of it. So of two
at the same moment, the second waits for the first and gets the same response.
"""

from time import monotonic, sleep

from django.db import IntegrityError, transaction
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import refunds
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent, Refund
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import repeats
from saleor_stripe_audience.payments.models import ActionRequest
from saleor_stripe_audience.payments.payloads import Requested
from saleor_stripe_audience.wording import with_values

PATIENCE = 5.0  # seconds; Saleor waits longer
STEP = 0.2  # seconds
PAID = "grant_paid"
IN_PROGRESS = "grant_in_progress"
PAID_BEFORE = pgettext_lazy(
    "staff", "This granted refund was already paid: Stripe has the refund {reference}."
)
PENDING = pgettext_lazy(
    "staff", "This granted refund is already on its way: Stripe has the pending refund {reference}."
)
BEING_PAID = pgettext_lazy(
    "staff", "Another request is paying this granted refund right now. Please check again in a moment."
)


def find_paid_or_take(
    account: StripeAccount, intent: PaymentIntent, money: Money, requested: Requested, request: ActionRequest
) -> Refund | None:
    """Return the refund by which another request has paid the granted refund; None if this request may pay it now.

    Also None if nothing was granted. `Rejected` if another request pays it for longer than `PATIENCE`, or if Saleor
    already has the refund: then it can no longer connect it with the granted refund, which stays failed.
    """
    if requested.grantedRefund is None:
        return None
    grant, ends = requested.grantedRefund.id, monotonic() + PATIENCE
    while True:
        holder = _wait_for_other(grant, request, ends)
        paid = refunds.find_granted(account, intent.id, grant, but_for_key=request.key)
        if paid is not None:
            return _result(paid, money, requested)
        if _take(grant, request, holder):
            return None


def _wait_for_other(grant: str, request: ActionRequest, ends: float) -> ActionRequest | None:
    """Wait while another request pays the granted refund; return the one that had reserved it, if any.

    `Rejected` at `ends`, on the monotonic clock.
    """
    others = ActionRequest.objects.filter(installation=request.installation, grant=grant).exclude(
        pk=request.pk
    )
    being_tried = repeats.being_tried(request.installation)
    while (holder := others.first()) is not None and being_tried.filter(pk=holder.pk).exists():
        if monotonic() >= ends:
            raise Rejected(BEING_PAID, code=IN_PROGRESS)
        leave_database()
        sleep(STEP)
    return holder


def _result(paid: Refund, money: Money, requested: Requested) -> Refund:
    is_known = any(each.pspReference == paid.id for each in requested.transaction.events)
    if is_known or paid.amount != money.minor:
        message = PAID_BEFORE if paid.status == "succeeded" else PENDING
        raise Rejected(with_values(message, reference=paid.id), code=PAID)
    return paid


def _take(grant: str, request: ActionRequest, holder: ActionRequest | None) -> bool:
    """Reserve the granted refund for the request, which takes it over from the `holder` that did not pay it.

    Returns False if another request has reserved it since: that one may have paid it after the search in Stripe.
    """
    try:
        with transaction.atomic():
            if holder is not None:
                ActionRequest.objects.filter(pk=holder.pk).update(grant=None)
            ActionRequest.objects.filter(pk=request.pk).update(grant=grant)
    except IntegrityError:
        return False
    return True
