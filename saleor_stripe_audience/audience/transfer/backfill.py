"""Backfill of older data: all customers and orders from Saleor, and data from Stripe that Saleor does not have.

A page is fetched outside any transaction, then each of its objects is stored in its own transaction, as its event would
be: storing it again changes nothing. The page is counted last, so a page of a killed worker is processed again.
"""

from collections.abc import Mapping

from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.transfer import from_saleor, from_stripe
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor import listing
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

SOURCES: Mapping[str, jobs.ProcessPage] = {
    Job.Kind.SALEOR.value: from_saleor.process_page,
    Job.Kind.STRIPE.value: from_stripe.process_page,
}
jobs.PROCESSORS.update(SOURCES)


def get_or_create(installation: Installation, source: str, actor: str) -> Job:
    """Return the open backfill from that source ("saleor" or "stripe"), or a new one, which no worker processes yet.

    Saleor's orders must be imported first, because they show which Stripe charges are not orders. `Rejected` otherwise,
    for an unknown source, and if the app has no access to customers and orders.
    """
    if source not in SOURCES:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "There is no source {source}. There are: {known}."),
                source=source[:40],
                known=", ".join(SOURCES),
            ),
            code="source",
        )
    if source == Job.Kind.SALEOR and not all(
        listing.may_list(installation, each) for each in ("customers", "orders")
    ):
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The app was installed without access to customers and orders. Install it again with the full manifest "
                "to import them.",
            ),
            code="without_audience",
        )
    if source == Job.Kind.STRIPE:
        finished = Job.objects.filter(installation=installation, kind=Job.Kind.SALEOR)
        if not finished.filter(state__in=[Job.State.DONE, Job.State.DIFFERS]).exists():
            raise Rejected(
                pgettext_lazy(
                    "staff",
                    "Import Saleor's customers and orders first: they show which charges are not orders.",
                ),
                code="saleor_first",
            )
    return jobs.get_or_create(installation, source, actor)
