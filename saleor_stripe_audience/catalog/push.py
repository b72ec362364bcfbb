"""A variant as a Product and Prices of Stripe: sent only if it differs from what was sent last.

The latest state of the shop wins, in whatever order events arrive and even if they are handled in parallel: each is
sent and stored in its turn. Each call has a key made of its content: if storing fails, the retry finds the same objects
in Stripe.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct, Deletion
from saleor_stripe_audience.catalog.payloads import Item
from saleor_stripe_audience.catalog.turns import turn
from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.gateway import catalogue
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.money import Money, from_decimal
from saleor_stripe_audience.shops.models import Installation

Wanted = dict[str, Money]  # by channel


@dataclass
class Sent:
    """What Stripe now has of one variant, to be stored."""

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
) -> None:
    """Send the variant to every account whose channels sell it; nothing is sent if it is unchanged or older.

    A failure at one account is added to `failed`, if that is given, and does not stop the others.
    """
    for account, wanted in _by_account(installation, item).items():
        if failed is not None and account in failed:
            continue
        try:
            _push_to_account(account, item, wanted, issued_at)
        except Failure as error:
            if failed is None:
                raise
            failed[account] = error


def _push_to_account(account: StripeAccount, item: Item, wanted: Wanted, issued_at: datetime) -> None:
    digest = _digest(item, wanted)
    if not _is_due(account, item, wanted, digest, issued_at):
        return
    with turn(account, item.variant_id):
        if not _is_due(account, item, wanted, digest, issued_at):
            return
        known = _known(account, item.variant_id)
        _store(_send(account, item, wanted, known, digest, issued_at))
        if _is_deleted(account, item, issued_at):  # while it was sent
            _archive(account, item.variant_id, issued_at)


def _is_due(account: StripeAccount, item: Item, wanted: Wanted, digest: str, issued_at: datetime) -> bool:
    """Whether it is to be sent. If Stripe has it already, only its time is stored: older states are ignored then."""
    if _is_deleted(account, item, issued_at):
        return False
    known = _known(account, item.variant_id)
    if known is None:
        return bool(wanted)
    if known.issued_at > issued_at:
        return False
    if not known.is_active or known.sent_hash != digest:
        return True
    CatalogProduct.objects.filter(pk=known.pk, sent_hash=digest, issued_at__lt=issued_at).update(
        issued_at=issued_at
    )
    return False


def _known(account: StripeAccount, variant_id: str) -> CatalogProduct | None:
    return CatalogProduct.objects.filter(account=account, saleor_variant_id=variant_id).first()


def _is_deleted(account: StripeAccount, item: Item, issued_at: datetime) -> bool:
    ids = (item.product_id, item.variant_id)
    deletions = Deletion.objects.filter(installation_id=account.installation_id, saleor_id__in=ids)
    return deletions.filter(issued_at__gte=issued_at).exists()


def store_deletion(installation: Installation, saleor_id: str, issued_at: datetime) -> None:
    """The product or variant was deleted: older states are not sent any more, whenever they arrive."""
    deletion, is_new = Deletion.objects.get_or_create(
        installation=installation, saleor_id=saleor_id, defaults={"issued_at": issued_at}
    )
    if not is_new:
        Deletion.objects.filter(pk=deletion.pk, issued_at__lt=issued_at).update(issued_at=issued_at)


def archive(product: CatalogProduct, issued_at: datetime) -> None:
    """Archive the variant, unless a newer state arrived meanwhile."""
    with turn(product.account, product.saleor_variant_id):
        _archive(product.account, product.saleor_variant_id, issued_at)


def _archive(account: StripeAccount, variant_id: str, issued_at: datetime) -> None:
    """In its turn: archive the Product, never delete it, and with it its Prices.

    Stripe refuses to archive the default Price of a Product, but no Price of an archived Product can be used.
    """
    known = _known(account, variant_id)
    if known is None or not known.is_active or known.issued_at > issued_at:
        return
    catalogue.update_product(account, known.stripe_product_id, {"active": False})
    with transaction.atomic():
        CatalogProduct.objects.filter(pk=known.pk).update(is_active=False, issued_at=issued_at)
        known.prices.filter(is_active=True).update(is_active=False)


def _store(sent: Sent) -> None:
    """Store what Stripe has."""
    account, item = sent.account, sent.item
    with transaction.atomic():
        product, _ = CatalogProduct.objects.update_or_create(
            account=account,
            saleor_variant_id=item.variant_id,
            defaults={
                "installation_id": account.installation_id,
                "saleor_product_id": item.product_id,
                "name": item.name,
                "sku": item.sku,
                "stripe_product_id": sent.stripe_product_id,
                "is_active": True,
                "sent_hash": sent.sent_hash,
                "issued_at": sent.issued_at,
            },
        )
        _store_prices(product, sent.prices)


def _by_account(installation: Installation, item: Item) -> dict[StripeAccount, Wanted]:
    """The variant's prices by the account of the channel; channels without an account are left out."""
    mappings = AccountChannel.objects.filter(
        installation=installation, account__state=StripeAccount.State.CONNECTED
    ).select_related("account")
    prices = dict(item.prices)
    found: dict[StripeAccount, Wanted] = {}
    for mapping in mappings:
        if not mapping.account.takes_payments:
            continue  # its products wait: see waiting.py
        wanted = found.setdefault(mapping.account, {})
        if mapping.channel_slug in prices:
            price = prices[mapping.channel_slug]
            wanted[mapping.channel_slug] = from_decimal(price.amount, price.currency)
    return found


def _digest(item: Item, wanted: Wanted) -> str:
    content = [
        item.name,
        item.sku,
        item.description,
        item.images,
        sorted((k, str(v)) for k, v in wanted.items()),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _send(
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
    """Stripe refuses to archive a Product's default Price, so the first channel's current Price becomes the default."""
    if sent.prices:
        first = sent.prices[min(sent.prices)][1]
        catalogue.update_product(account, product_id, {"default_price": first})


def _store_prices(product: CatalogProduct, prices: dict[str, tuple[Money, str]]) -> None:
    """The Prices of a Product that is not sold now stay as they are, as they do in Stripe, until it is sold again."""
    if not prices:
        return
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
