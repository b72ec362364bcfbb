"""Bringing in what was there before the app: from Saleor all customers and orders, from Stripe what Saleor lacks.

A page is fetched with no transaction open, then each of its objects is recorded in a transaction of its own, as its
event would be: recording again changes nothing. The page is counted last, so a killed worker's page is worked again.
"""

from collections.abc import Mapping

from saleor_stripe_audience.audience.transfer import from_saleor, from_stripe, jobs
from saleor_stripe_audience.audience.transfer.models import Job
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

SOURCES: Mapping[str, jobs.Work] = {
    Job.Kind.SALEOR.value: from_saleor.work,
    Job.Kind.STRIPE.value: from_stripe.work,
}
jobs.WORK.update(SOURCES)


def begin(installation: Installation, source: str, actor: str) -> Job:
    """The open backfill from that source ("saleor" or "stripe"), or a new one; nobody works it yet.

    Stripe's charges are told from Saleor's orders by what is here of the orders: those are brought in first.
    """
    if source not in SOURCES:
        raise Rejected(f"There is no source {source[:40]}. There are: {', '.join(SOURCES)}.", code="source")
    if source == Job.Kind.STRIPE:
        finished = Job.objects.filter(installation=installation, kind=Job.Kind.SALEOR)
        if not finished.filter(state__in=[Job.State.DONE, Job.State.DIFFERS]).exists():
            raise Rejected(
                "Bring in Saleor's customers and orders first: by them is seen which charges are no orders.",
                code="saleor_first",
            )
    return jobs.begin(installation, source, actor)
