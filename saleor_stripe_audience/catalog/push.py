"""A variant as a Product and Prices of Stripe: sent when it differs from what was sent last, and only then.

Everything is sent before anything is written here, each effect under a key made of its content: if writing fails, the
repeat finds the same objects at Stripe.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.catalog.payloads import Item, Price
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import catalogue
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.money import Money, from_decimal
from saleor_stripe_audience.saleor.models import Installation

Wanted = dict[str, Money]  # by channel


@dataclass
class Sent:
    """What Stripe has now of one variant, to be written down."""

    account: StripeAccount
    item: Item
    stripe_product_id: str
    sent_hash: str
    issued_at: datetime
    prices: dict[str, tuple[Money, str]] = field(default_factory=dict)


def push(
    installation: Installation,
    item: Item,
    issued_at: datetime,
    failed: dict[StripeAccount, Failure] | None = None,
) -> list[Sent]:
    """Bring the variant into every account whose channels sell it; what is unchanged or older sends nothing.

    What fails at one account is put into `failed`, if that is given, and keeps no other from its turn.
    """
    sent = []
    for account, wanted in _by_account(installation, item).items():
        if failed is not None and account in failed:
            continue
        known = CatalogProduct.objects.filter(account=account, saleor_variant_id=item.variant_id).first()
        digest = _digest(item, wanted)
        if known is not None and (
            known.issued_at > issued_at or (known.is_active and known.sent_hash == digest)
        ):
            continue
        if known is None and not wanted:
            continue
        try:
            sent.append(_push_to(account, item, wanted, known, digest, issued_at))
        except Failure as error:
            if failed is None:
                raise
            failed[account] = error
    return sent


def archive(product: CatalogProduct) -> None:
    """The variant is sold no more: its Product is archived, never deleted, and its Prices with it.

    Stripe refuses to archive the default Price of a Product; of an archived Product none can be used.
    """
    catalogue.update_product(product.account, product.stripe_product_id, {"active": False})


def write(installation: Installation, sent: list[Sent]) -> None:
    """Remember what Stripe has; inside the caller's transaction."""
    for each in sent:
        product, _ = CatalogProduct.objects.update_or_create(
            account=each.account,
            saleor_variant_id=each.item.variant_id,
            defaults={
                "installation": installation,
                "saleor_product_id": each.item.product_id,
                "name": each.item.name,
                "sku": each.item.sku,
                "stripe_product_id": each.stripe_product_id,
                "is_active": True,
                "sent_hash": each.sent_hash,
                "issued_at": each.issued_at,
            },
        )
        _write_prices(product, each.prices)


def write_archived(products: list[CatalogProduct], issued_at: datetime) -> None:
    """Remember that these are sold no more."""
    for product in products:
        CatalogProduct.objects.filter(pk=product.pk).update(is_active=False, issued_at=issued_at)
        product.prices.filter(is_active=True).update(is_active=False)


def _by_account(installation: Installation, item: Item) -> dict[StripeAccount, Wanted]:
    """The variant's prices by the account that takes the channel's payments; channels without one are left out."""
    mappings = AccountChannel.objects.filter(
        installation=installation, account__state=StripeAccount.State.CONNECTED
    ).select_related("account")
    prices = dict(item.prices)
    found: dict[StripeAccount, Wanted] = {}
    for mapping in mappings:
        if not mapping.account.takes_payments:
            continue  # what is told meanwhile waits: see waiting.py
        wanted = found.setdefault(mapping.account, {})
        if mapping.channel_slug in prices:
            wanted[mapping.channel_slug] = _money(prices[mapping.channel_slug])
    return found


def _money(price: Price) -> Money:
    return from_decimal(price.amount, price.currency)


def _digest(item: Item, wanted: Wanted) -> str:
    content = [
        item.name,
        item.sku,
        item.description,
        item.images,
        sorted((k, str(v)) for k, v in wanted.items()),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _push_to(
    account: StripeAccount,
    item: Item,
    wanted: Wanted,
    known: CatalogProduct | None,
    digest: str,
    issued_at: datetime,
) -> Sent:
    product_id = _product(account, item, known, active=bool(wanted))
    sent = Sent(account, item, product_id, digest, issued_at)
    current = {price.channel_slug: price for price in known.prices.filter(is_active=True)} if known else {}
    for channel, money in wanted.items():
        old = current.get(channel)
        same = old is not None and (old.amount_minor, old.currency) == (money.minor, money.currency)
        price_id = (
            old.stripe_price_id
            if old is not None and same
            else _price(account, item, channel, money, product_id)
        )
        sent.prices[channel] = (money, price_id)
    _set_default(account, product_id, sent)
    for channel, price in current.items() if sent.prices else ():
        if channel not in sent.prices or sent.prices[channel][1] != price.stripe_price_id:
            catalogue.archive_price(account, price.stripe_price_id)
    return sent


def _product(account: StripeAccount, item: Item, known: CatalogProduct | None, *, active: bool) -> str:
    params: dict[str, Any] = {
        "name": item.name,
        "description": item.description or item.name,
        "images": list(item.images),
        "active": active,
        "metadata": {"saleor_product": item.product_id, "saleor_variant": item.variant_id, "sku": item.sku},
    }
    if known is not None:
        catalogue.update_product(account, known.stripe_product_id, params)
        return known.stripe_product_id
    key = f"product:{account.pk}:{item.variant_id}:{_hash(params)}"
    return catalogue.create_product(account, params, key)


def _price(account: StripeAccount, item: Item, channel: str, money: Money, product_id: str) -> str:
    params: dict[str, Any] = {
        "product": product_id,
        "currency": money.currency.lower(),
        "unit_amount": money.minor,
        "lookup_key": _hash([str(account.installation_id), item.variant_id, channel]),
        "transfer_lookup_key": True,
        "metadata": {"saleor_variant": item.variant_id, "saleor_channel": channel},
    }
    # A price that goes up and down again is a new Price each time: the count of earlier ones keeps the keys apart.
    earlier = CatalogPrice.objects.filter(
        product__account=account, product__saleor_variant_id=item.variant_id, channel_slug=channel
    ).count()
    return catalogue.create_price(account, params, f"price:{account.pk}:{earlier}:{_hash(params)}")


def _set_default(account: StripeAccount, product_id: str, sent: Sent) -> None:
    """Stripe refuses to archive the price a Product starts with: the first channel's current price becomes it."""
    if sent.prices:
        first = sent.prices[min(sent.prices)][1]
        catalogue.update_product(account, product_id, {"default_price": first})


def _write_prices(product: CatalogProduct, prices: dict[str, tuple[Money, str]]) -> None:
    """The Prices of a Product that is not sold now stay as they are: Stripe keeps them too, for its return."""
    if not prices:
        return
    with transaction.atomic():
        kept = [price_id for _, price_id in prices.values()]
        product.prices.filter(is_active=True).exclude(stripe_price_id__in=kept).update(is_active=False)
        for channel, (money, price_id) in prices.items():
            CatalogPrice.objects.update_or_create(
                stripe_price_id=price_id,
                defaults={
                    "product": product,
                    "channel_slug": channel,
                    "currency": money.currency,
                    "amount_minor": money.minor,
                    "is_active": True,
                },
            )


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]
