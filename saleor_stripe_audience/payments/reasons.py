"""Why staff refunded: free text that may be about the customer, so it is exported and erased with that person.

Requests remain as anonymous figures. Saleor and Stripe have the reason too, and erase it by their own means.
"""

from django.db.models import QuerySet

from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments.models import StaffRequest
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.shops.people import Json, PersonalData, Sources, register


def _with_reason(installation: Installation, sources: Sources) -> QuerySet[StaffRequest]:
    own = StaffRequest.objects.filter(payment__installation=installation, payment__source_id__in=sources)
    return own.exclude(reason="")


def export_reasons(installation: Installation, sources: Sources) -> list[Json]:
    """Return the requests that have a reason, without the staff member's address."""
    found = _with_reason(installation, sources).select_related("payment").order_by("created_at", "pk")
    return [
        {
            "source": each.payment.source_id,
            "kind": each.kind,
            "amount": str(Money(each.amount_minor, each.payment.currency)),
            "reason": each.reason,
            "created_at": each.created_at,
        }
        for each in found
    ]


def erase_reasons(installation: Installation, sources: Sources) -> int:
    """Delete the reasons."""
    return _with_reason(installation, sources).update(reason="")


register(PersonalData("refund reasons", export_reasons, erase_reasons))
