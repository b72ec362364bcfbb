"""The names of categories and collections that Stripe's Products have as metadata."""

from django.db import transaction

from saleor_stripe_audience.catalog.models import Label
from saleor_stripe_audience.shops.models import Installation


def store(installation: Installation, names: dict[str, str]) -> None:
    """Store the names, by Saleor's ids, as products have them now."""
    known = dict(
        Label.objects.filter(installation=installation, saleor_id__in=names).values_list("saleor_id", "name")
    )
    new = [
        Label(installation=installation, saleor_id=saleor_id, name=name[:500])
        for saleor_id, name in names.items()
        if known.get(saleor_id) != name[:500]
    ]
    if new:
        with transaction.atomic():
            Label.objects.bulk_create(
                new,
                update_conflicts=True,
                unique_fields=["installation", "saleor_id"],
                update_fields=["name"],
            )


def is_renamed(installation: Installation, saleor_id: str, name: str) -> bool:
    """Return whether products have it under another name; False if no product has it."""
    rows = Label.objects.filter(installation=installation, saleor_id=saleor_id)
    return rows.exclude(name=name[:500]).exists()
