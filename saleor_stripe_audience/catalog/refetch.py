"""Products that are pushed again as they are in Saleor now, without an event from Saleor."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.saleor import listing
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

MOST_AT_ONCE = 50  # products in one request


def fetch(installation: Installation, chosen: Json, why: str) -> Write:
    """Fetch the products that match the filter; returns a function that records each in the inbox, like Saleor's own
    event.

    `why` distinguishes the records: a product is recorded once for the same reason.
    """
    fetched_at = timezone.now()  # before the request: events from later on are newer
    nodes = list(listing.fetch_products(installation, chosen))
    return lambda: record(installation, nodes, fetched_at, why)


def record(installation: Installation, nodes: Iterable[Json], fetched_at: datetime, why: str) -> None:
    """Record products in the inbox as if they had just changed. Inside the caller's transaction."""
    for node in nodes:
        payload = {
            "issuedAt": fetched_at.isoformat(),
            "recipient": {"id": installation.app_id},
            "product": node,
        }
        key = f"fetched:{why}:{node.get('id')}"[:255]
        inbox.record("saleor", installation.pk, key, "product_updated", payload, fetched_at)


def push_again(installation: Installation, rows: Iterable[CatalogProduct], why: str) -> None:
    """Push the variants as they are in Saleor now, because Stripe's data differs although nothing changed in Saleor."""
    rows = list(rows)
    ids = sorted({each.saleor_product_id for each in rows})
    CatalogProduct.objects.filter(pk__in=[each.pk for each in rows]).update(sent_hash="")
    for begin in range(0, len(ids), MOST_AT_ONCE):
        write = fetch(installation, {"ids": ids[begin : begin + MOST_AT_ONCE]}, why)
        with transaction.atomic():
            write()


def fetch_due() -> int:
    """Push the products whose publication or availability date has passed; returns how many were fetched."""
    due = CatalogProduct.objects.filter(changes_at__lte=timezone.now())
    fetched = 0
    for installation in Installation.objects.filter(pk__in=due.values("installation")):
        with apart("pushing what is sold from now on", installation=str(installation.pk)):
            fetched += _fetch_due(installation, due.filter(installation=installation))
    return fetched


def _fetch_due(installation: Installation, due: QuerySet[CatalogProduct]) -> int:
    ids = sorted(set(due.order_by("changes_at").values_list("saleor_product_id", flat=True)[:MOST_AT_ONCE]))
    now = timezone.now()
    store = fetch(installation, {"ids": ids}, f"due {now.isoformat()}")
    with transaction.atomic():
        store()
        due.filter(saleor_product_id__in=ids, changes_at__lte=now).update(changes_at=None)
    return len(ids)
