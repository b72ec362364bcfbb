"""A variant as a Product with Prices in Stripe: sent only if it differs from what was last sent.

The shop's latest state wins, in whatever order events arrive and even if they are handled in parallel: each is sent and
stored in its turn. Each call has a key derived from its content: if storing fails, the retry finds the same objects in
Stripe.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from saleor_stripe_audience.catalog import comparing, send
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct, Deletion, Difference
from saleor_stripe_audience.catalog.offers import Wanted, wanted_of
from saleor_stripe_audience.catalog.payloads import Item, Product, items_of
from saleor_stripe_audience.catalog.turns import turn
from saleor_stripe_audience.errors import Blocked, Failure, Rejected
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import in_languages

LONGEST_SKU = 255  # Saleor's limit; nothing longer is stored, whatever was sent
CONFIRMED_AT_ONCE = 100  # variants in one statement

State = CatalogProduct.State
Accounts = Mapping[StripeAccount, frozenset[str]]  # the channels of each


@dataclass(frozen=True)
class Version:
    """A variant as an account should have it; `digest` covers everything that is sent to Stripe."""

    item: Item
    wanted: Wanted
    digest: str


def accounts_for(installation: Installation, product_id: str) -> Accounts:
    """Return the accounts that should have the product, with their channels; those that cannot have it yet are in
    waiting.py.

    An account that has lost its channels should no longer have it.
    """
    connected = StripeAccount.objects.filter(installation=installation, state=StripeAccount.State.CONNECTED)
    rows = CatalogProduct.objects.filter(
        installation=installation, saleor_product_id=product_id, is_active=True
    )
    former = set(rows.values_list("account_id", flat=True))
    channels: dict[object, set[str]] = {}
    for account_id, slug in AccountChannel.objects.filter(installation=installation).values_list(
        "account_id", "channel_slug"
    ):
        channels.setdefault(account_id, set()).add(slug)
    return {
        account: frozenset(channels.get(account.pk, ()))
        for account in connected
        if account.takes_payments and (account.pk in channels or account.pk in former)
    }


def push_product(
    account: StripeAccount, channels: frozenset[str], product: Product, issued_at: datetime
) -> dict[str, Rejected]:
    """Send all variants of the product; returns why some could not be sent, by their ids.

    A refused variant does not stop the others. Failures that would affect the others too are raised: `Blocked` and
    `Unavailable`. Variants that the product no longer has are archived, because the event of their deletion may be
    lost.
    """
    refused: dict[str, Rejected] = {}
    versions: list[Version] = []
    for item in items_of(product):
        try:
            wanted = wanted_of(item, channels, account.default_currency, timezone.now())
            versions.append(Version(item, wanted, _digest(item, wanted)))
        except Rejected as error:
            _store_failure(account, item, issued_at, error)
            refused[item.variant_id] = error
    for version in _what_is_due(account, versions, issued_at):
        try:
            _push(account, version, issued_at)
        except Rejected as error:
            if is_of_the_account(error):
                raise
            refused[version.item.variant_id] = error
    if product.variants is not None:
        present = {each.id for each in product.variants}
        rows = CatalogProduct.objects.filter(
            account=account, saleor_product_id=product.id, issued_at__lt=issued_at
        ).exclude(state=State.ARCHIVED)
        for row in rows.select_related("account"):
            if row.saleor_variant_id not in present:
                archive(row, issued_at)
    return refused


def is_of_the_account(error: Failure) -> bool:
    """Return whether the account itself is refused, whatever is sent."""
    return isinstance(error, Blocked)


def _push(account: StripeAccount, version: Version, issued_at: datetime) -> None:
    """Send the variant to the account in its turn, unless it has been sent in the meantime. A failure is stored on its
    row.
    """
    try:
        with turn(account, version.item.variant_id):
            if _what_is_due(account, [version], issued_at):
                _send(account, version, issued_at)
    except Failure as error:
        _store_failure(account, version.item, issued_at, error)
        raise


def _send(account: StripeAccount, version: Version, issued_at: datetime) -> None:
    item = version.item

    def store_new(product_id: str, channel: str, price: send.SentPrice) -> None:
        _store_new(account, item, product_id, {channel: price}, issued_at)

    sent = send.send(account, item, version.wanted, _known(account, item.variant_id), store_new)
    _store(account, version, sent, issued_at)
    if _deleted(account, [item], issued_at):  # while it was sent
        _archive(account, item.variant_id, issued_at)


def _what_is_due(account: StripeAccount, versions: list[Version], issued_at: datetime) -> list[Version]:
    """Return the variants to send. For those that are up to date in Stripe, only the time is stored, so that older
    states are ignored.

    All are looked up at once: when Saleor changes a hundred variants, it sends a hundred events with all of them.
    """
    deleted = _deleted(account, [each.item for each in versions], issued_at)
    ids = [each.item.variant_id for each in versions]
    rows = CatalogProduct.objects.filter(account=account, saleor_variant_id__in=ids)
    known = {row.saleor_variant_id: row for row in rows}
    due: list[Version] = []
    unchanged: list[tuple[CatalogProduct, Version]] = []
    for each in versions:
        row = known.get(each.item.variant_id)
        if not deleted.isdisjoint((each.item.product_id, each.item.variant_id)):
            continue
        if row is None:
            if each.item.offers:
                due.append(each)
        elif row.issued_at > issued_at:
            continue
        elif row.sent_hash != each.digest or row.state not in CatalogProduct.SETTLED:
            due.append(each)
        else:
            unchanged.append((row, each))
    _confirm(unchanged, issued_at)
    return due


def _confirm(unchanged: list[tuple[CatalogProduct, Version]], issued_at: datetime) -> None:
    """Store the time of variants that are up to date in Stripe; usually nothing else changes, so a few statements are
    enough.

    The digest is compared again, because another version may have been sent in the meantime.
    """
    alike: dict[tuple[datetime | None, str], list[Q]] = {}
    for row, each in unchanged:
        from_stripe = [problem for problem in row.problems if problem.get("code") in send.PROBLEMS]
        problems = [*(problem.as_json() for problem in each.wanted.problems), *from_stripe]
        key = (each.wanted.changes_at, json.dumps(problems))
        alike.setdefault(key, []).append(Q(pk=row.pk, sent_hash=each.digest))
    for (changes_at, problems_as_json), chosen in alike.items():
        for some in batched(chosen, CONFIRMED_AT_ONCE):
            CatalogProduct.objects.filter(Q.create(list(some), Q.OR), issued_at__lt=issued_at).update(
                issued_at=issued_at, changes_at=changes_at, problems=json.loads(problems_as_json)
            )


def _known(account: StripeAccount, variant_id: str) -> CatalogProduct | None:
    return CatalogProduct.objects.filter(account=account, saleor_variant_id=variant_id).first()


def _deleted(account: StripeAccount, items: Collection[Item], issued_at: datetime) -> set[str]:
    """The ids, of products and of variants, that were deleted since."""
    ids = {each.product_id for each in items} | {each.variant_id for each in items}
    deletions = Deletion.objects.filter(installation_id=account.installation_id, saleor_id__in=ids)
    return set(deletions.filter(issued_at__gte=issued_at).values_list("saleor_id", flat=True))


def store_deletion(installation: Installation, saleor_id: str, issued_at: datetime) -> None:
    """Record that the product or variant was deleted: older states are no longer sent, whenever they arrive."""
    deletion, is_new = Deletion.objects.get_or_create(
        installation=installation, saleor_id=saleor_id, defaults={"issued_at": issued_at}
    )
    if not is_new:
        Deletion.objects.filter(pk=deletion.pk, issued_at__lt=issued_at).update(issued_at=issued_at)


def archive(product: CatalogProduct, issued_at: datetime) -> None:
    """Archive the variant, unless a newer state has arrived in the meantime."""
    with turn(product.account, product.saleor_variant_id):
        _archive(product.account, product.saleor_variant_id, issued_at)


def _archive(account: StripeAccount, variant_id: str, issued_at: datetime) -> None:
    """Archive the Product with its Prices, in its turn; it is never deleted.

    Stripe refuses to archive the default Price of a Product, but no Price of an archived Product can be used.
    """
    known = _known(account, variant_id)
    if known is None or known.issued_at > issued_at:
        return
    if not known.stripe_product_id:
        known.delete()  # Stripe never had it
        return
    if known.is_active:
        send.archive(account, known.stripe_product_id)
    with transaction.atomic():
        CatalogProduct.objects.filter(pk=known.pk).update(
            is_active=False,
            state=State.ARCHIVED,
            issued_at=issued_at,
            sent_hash="",
            changes_at=None,
            problems=[],
            last_error_code="",
            last_errors={},
        )
        known.prices.filter(is_active=True).update(is_active=False)


def _digest(item: Item, wanted: Wanted) -> str:
    """Return a digest of everything that is sent to Stripe; the URLs of images may change while the images do not."""
    content = [
        [
            item.name,
            item.sku,
            item.description,
            item.image_keys,
            item.shippable,
            item.tax_code,
            item.unit_label,
        ],
        item.labels,
        wanted.url,
        [
            [channel, str(each.money), each.tax_behavior, each.lookup_key]
            for channel, each in wanted.prices.items()
        ],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _store_new(
    account: StripeAccount,
    item: Item,
    stripe_product_id: str,
    prices: dict[str, send.SentPrice],
    issued_at: datetime,
) -> None:
    """Store a new Product immediately: whatever fails afterwards, the next attempt continues with it.

    The Prices of a Product that Stripe no longer has are gone too.
    """
    made = _described(account, item) | {
        "stripe_product_id": stripe_product_id,
        "state": State.SENDING,
        "is_active": True,
        "sent_hash": "",
    }
    with transaction.atomic():
        product, _ = CatalogProduct.objects.update_or_create(
            account=account,
            saleor_variant_id=item.variant_id,
            defaults=made,
            create_defaults=made | {"issued_at": issued_at},
        )
        _store_prices(product, prices)


def _described(account: StripeAccount, item: Item) -> dict[str, object]:
    return {
        "installation_id": account.installation_id,
        "saleor_product_id": item.product_id,
        "name": item.name,
        "sku": item.sku[:LONGEST_SKU],
    }


def _store(account: StripeAccount, version: Version, sent: send.Sent, issued_at: datetime) -> None:
    """Store what Stripe has."""
    item = version.item
    is_active = bool(sent.prices)
    state = State.SYNCED if is_active else State.ARCHIVED if sent.stripe_product_id else State.NOT_SOLD
    with transaction.atomic():
        product, _ = CatalogProduct.objects.update_or_create(
            account=account,
            saleor_variant_id=item.variant_id,
            defaults=_described(account, item)
            | {
                "stripe_product_id": sent.stripe_product_id,
                "state": state,
                "is_active": is_active,
                "sent_hash": version.digest,
                "sent": comparing.sent_of(item, sent.url, sent.refused),
                "issued_at": issued_at,
                "pushed_at": timezone.now() if sent.stripe_product_id else None,
                "changes_at": version.wanted.changes_at,
                "problems": [each.as_json() for each in sent.problems],
                "last_error_code": "",
                "last_errors": {},
            },
        )
        _store_prices(product, sent.prices)
        # Whatever was changed in Stripe has been overwritten with Saleor's values.
        product.differences.filter(state=Difference.State.OPEN).update(
            state=Difference.State.OVERRULED, decided_at=timezone.now()
        )


def _store_prices(product: CatalogProduct, prices: dict[str, send.SentPrice]) -> None:
    """Store the Prices. Those of a Product that is not sold now stay as they are, as in Stripe, until it is sold
    again.
    """
    if not prices:
        return
    kept = [each.stripe_price_id for each in prices.values()]
    product.prices.filter(is_active=True).exclude(stripe_price_id__in=kept).update(is_active=False)
    for channel, price in prices.items():
        CatalogPrice.objects.update_or_create(
            stripe_price_id=price.stripe_price_id,
            defaults={
                "product": product,
                "channel_slug": channel,
                "currency": price.money.currency,
                "amount_minor": price.money.minor,
                "tax_behavior": price.tax_behavior,
                "lookup_key": price.lookup_key,
                "is_active": True,
            },
        )


def _store_failure(account: StripeAccount, item: Item, issued_at: datetime, error: Failure) -> None:
    """Store the failure. Stripe's data is unchanged, and the next attempt sends the variant again."""
    failure = {
        "state": State.FAILED,
        "last_error_code": error.code[:100],
        "last_errors": in_languages(error.translatable),
    }
    with transaction.atomic():
        row, is_new = CatalogProduct.objects.get_or_create(
            account=account,
            saleor_variant_id=item.variant_id,
            defaults=_described(account, item) | {"issued_at": issued_at, "is_active": False} | failure,
        )
        if not is_new:
            CatalogProduct.objects.filter(pk=row.pk, issued_at__lte=issued_at).update(**failure)


def note_waiting(account: StripeAccount, item: Item, issued_at: datetime) -> None:
    """Record that the variant waits for the account. Inside the caller's transaction."""
    row, is_new = CatalogProduct.objects.get_or_create(
        account=account,
        saleor_variant_id=item.variant_id,
        defaults=_described(account, item)
        | {"issued_at": issued_at, "is_active": False, "state": State.WAITING},
    )
    if not is_new:
        CatalogProduct.objects.filter(pk=row.pk, issued_at__lte=issued_at).update(state=State.WAITING)
