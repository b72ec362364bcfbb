"""A refund that staff granted on an order is paid once, by whichever of its requests comes first.

Saleor lets staff request it again after a failure, and twice if they do so at the same moment. It connects a refund
with the granted refund only by the response to a request.
"""

from django.db import IntegrityError, transaction
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import refunds
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.gateway.objects import PaymentIntent, Refund
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import repeats
from saleor_stripe_audience.payments.models import ActionRequest
from saleor_stripe_audience.payments.payloads import Requested
from saleor_stripe_audience.wording import with_values

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

    Also None if nothing was granted. `Rejected` while another request pays it, or if Saleor already has the refund:
    then it can no longer connect it with the granted refund, which stays failed.
    """
    if requested.grantedRefund is None:
        return None
    grant = requested.grantedRefund.id
    others = ActionRequest.objects.filter(installation_id=request.installation_id).exclude(pk=request.pk)
    holder = others.filter(grant=grant).first()
    if holder is not None and repeats.being_tried(request.installation).filter(pk=holder.pk).exists():
        raise Rejected(BEING_PAID, code=IN_PROGRESS)
    paid = refunds.find_granted(account, intent.id, grant, but_for_key=request.key)
    if paid is None:
        _take(grant, request, holder)
        return None
    is_known = any(each.pspReference == paid.id for each in requested.transaction.events)
    if is_known or paid.amount != money.minor:
        message = PAID_BEFORE if paid.status == "succeeded" else PENDING
        raise Rejected(with_values(message, reference=paid.id), code=PAID)
    return paid


def _take(grant: str, request: ActionRequest, holder: ActionRequest | None) -> None:
    """Reserve the granted refund for the request, which takes it over from one that did not pay it."""
    try:
        with transaction.atomic():
            if holder is not None:
                ActionRequest.objects.filter(pk=holder.pk).update(grant=None)
            ActionRequest.objects.filter(pk=request.pk).update(grant=grant)
    except IntegrityError as error:
        raise Rejected(BEING_PAID, code=IN_PROGRESS) from error
