"""What a segment's condition can refer to, such as products, by the names that staff know."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.segments.ready_made import title_of
from saleor_stripe_audience.audience.shopping.models import (
    CartLine,
    Purchase,
    PurchaseLine,
    SoldProduct,
    SoldProductCollection,
)
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.dashboard.segment_controls import Option
from saleor_stripe_audience.shops.channels import in_order
from saleor_stripe_audience.shops.models import Channel

MOST_FOUND = 10
LONGEST_SEARCH = 100
MOST_ORDERS = 1_000  # from which the currency of most sales is known

Names = dict[str, str]  # by Saleor's id


@dataclass(frozen=True, slots=True)
class Things:
    """Things of one kind: the columns of their ids and names."""

    rows: QuerySet[SoldProduct] | QuerySet[SoldProductCollection] | QuerySet[CatalogProduct]
    key: str
    name: str

    def search(self, text: str) -> Names:
        found = self.rows.filter(**{f"{self.name}__icontains": text}).exclude(**{self.key: ""})
        return dict(
            found.order_by(self.name, self.key).values_list(self.key, self.name).distinct()[:MOST_FOUND]
        )

    def named(self, ids: Iterable[str]) -> Names:
        return dict(self.rows.filter(**{f"{self.key}__in": list(ids)}).values_list(self.key, self.name))


def _things(audience: Audience, kind: str) -> list[Things]:
    """Return where the names of a kind are stored; if several have a name, the first counts."""
    shop = audience.installation_id
    sold = SoldProduct.objects.filter(installation=shop)
    catalogue = CatalogProduct.objects.filter(installation=shop)
    return {
        "product": [
            Things(sold, "saleor_product_id", "name"),
            Things(catalogue, "saleor_product_id", "name"),
        ],
        "variant": [Things(catalogue, "saleor_variant_id", "name")],
        "collection": [
            Things(
                SoldProductCollection.objects.filter(product__installation=shop),
                "saleor_collection_id",
                "name",
            )
        ],
        "category": [Things(sold, "saleor_category_id", "category_name")],
        "productType": [Things(sold, "saleor_product_type_id", "product_type_name")],
    }[kind]


def search(audience: Audience, kind: str, text: str) -> Names:
    """Find at most ten things of the kind whose name contains the text."""
    found: Names = {}
    for things in _things(audience, kind):
        found = things.search(text[:LONGEST_SEARCH]) | found
    return dict(sorted(found.items(), key=lambda pair: pair[1].casefold())[:MOST_FOUND])


def names_of(audience: Audience, ids: Mapping[str, set[str]]) -> Names:
    """Return the names of things, given their ids by kind; ids without a known name are returned as they are."""
    found: Names = {}
    for kind, some in ids.items():
        named: Names = {}
        for things in _things(audience, kind):
            named = things.named(some) | named
        if kind == "variant" and (missing := some - named.keys()):
            named |= _named_in_orders(audience, missing)
        found |= named
    return found


def _named_in_orders(audience: Audience, variants: set[str]) -> Names:
    """Find the names of variants in orders and carts, even if the catalogue no longer has them."""
    shop = audience.installation_id
    columns = ("saleor_variant_id", "product_name", "variant_name")
    lines = PurchaseLine.objects.filter(purchase__installation=shop, saleor_variant_id__in=variants)
    carts = CartLine.objects.filter(cart__installation=shop, saleor_variant_id__in=variants)
    rows = [
        *carts.order_by().distinct().values_list(*columns),
        *lines.order_by().distinct().values_list(*columns),
    ]
    return {key: " – ".join(filter(None, (product, variant))) for key, product, variant in rows}


def options_of(audience: Audience, without: UUID) -> dict[str, list[Option]]:
    """Return what can be chosen from lists: the audience's tags, its other segments, currencies, channels, keys."""
    channels = in_order(Channel.objects.filter(installation=audience.installation_id))
    segments = audience.segments.exclude(pk=without).order_by("name")
    return {
        "tags": [(str(each.pk), each.name) for each in audience.tags.order_by("name")],
        "segments": [(str(each.pk), title_of(each)) for each in segments],
        "currencies": [(each, each) for each in currencies_of(audience)],
        "channels": [(each.slug, each.name) for each in channels],
        "attribute_keys": [(each, each) for each in audience.attribute_keys],
    }


def currencies_of(audience: Audience) -> list[str]:
    """Return the currencies of the shop's channels, with the one that the audience's contacts bought in most first.

    If none of them bought, it is the one of the shop's latest orders, then of its first channel: a list preselects it.
    """
    channels = Channel.objects.filter(installation=audience.installation_id).order_by("is_deleted", "pk")
    known = list(dict.fromkeys(channels.values_list("currency", flat=True)))
    latest = Purchase.objects.paid().filter(installation=audience.installation_id)
    newest_first = latest.order_by("-placed_at", "-pk").values_list("currency", "contact__audience")
    sold = [(currency, owner) for currency, owner in newest_first[:MOST_ORDERS] if currency in known]
    orders = Counter(currency for currency, owner in sold if owner == audience.pk)
    orders = orders or Counter(currency for currency, _owner in sold)
    return sorted(known, key=lambda each: (each != max(known, key=orders.__getitem__), each))
