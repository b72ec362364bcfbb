"""Changes made in Stripe: found, shown, and applied in Saleor if staff choose to.

Stripe's events report changes as they happen, and a refresh, a long-running job, lists all of Stripe's Products. Each
difference is a row: staff apply it, through Saleor's API, or keep Saleor's value. Changes that were not applied are
overruled by the next push, or by the nightly comparison.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.catalog import comparing, edit, refetch, send
from saleor_stripe_audience.catalog.comparing import Found, Saleors
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct, Difference
from saleor_stripe_audience.catalog.offers import wanted_of
from saleor_stripe_audience.catalog.payloads import Product, items_of, read_product
from saleor_stripe_audience.catalog.rewriting import rewrite
from saleor_stripe_audience.catalog.sync import ITSELF, usable_accounts
from saleor_stripe_audience.catalog.sync import start as sync_catalogue
from saleor_stripe_audience.catalog.turns import turn
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import catalogue
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.objects import StripePrice, StripeProduct
from saleor_stripe_audience.gateway.pace import pace_for, paced
from saleor_stripe_audience.inbox.handlers import Write
from saleor_stripe_audience.isolation import apart
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.engine import Page
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.saleor import listing, products
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.wording import ENGLISH, Wording, in_languages, with_values

TOO_MANY = pgettext_lazy("staff", "Apply up to {most} differences at once.")

MOST_AT_ONCE = 10  # differences that one request applies: each takes several calls to both sides
UNSPECIFIED = "unspecified"  # Stripe's word for a Price without a tax behavior
MOST_FOREIGN = 500  # of a refresh that are listed; all of them are counted

Json = dict[str, Any]
Kind, State = Difference.Kind, Difference.State
SETTLED = (CatalogProduct.State.SYNCED, CatalogProduct.State.WAITING)  # Stripe has what was sent last
LARGEST_KEY = 2**63 - 1  # of a row; databases refuse larger numbers


@dataclass(frozen=True)
class Target:
    """Where a new product belongs in Saleor, by Saleor's ids."""

    product_type: str = ""
    category: str = ""


@dataclass(frozen=True)
class Outcome:
    """A difference after the attempt to apply it; `error` is why it was not."""

    difference: Difference
    error: Failure | None = None


# Finding them.


def start(account: StripeAccount, actor: str) -> Job:
    """Start the account's refresh, or return the open one. Repeating it is harmless."""
    job = jobs.get_or_create(account.installation, Job.Kind.REFRESH, actor, key=str(account.pk))
    jobs.start(job)
    return job


def start_all(installation: Installation, actor: str) -> list[Job]:
    """Start a refresh of each account that can be queried now."""
    return [start(each, actor) for each in usable_accounts(installation)]


def start_night(account: StripeAccount) -> None:
    """Refresh, then sync, so that changes overruled by the sync are on record. Repeating it is harmless."""
    if start(account, ITSELF).actor != ITSELF:  # one that staff started is open, and ends without a sync
        sync_catalogue(account, ITSELF)


def open_differences(installation: Installation) -> QuerySet[Difference]:
    """Return the differences to be decided, and those that are only listed."""
    return Difference.objects.filter(installation=installation, state=State.OPEN)


def process_page(job: Job) -> Page:
    """Compare a page of Stripe's active Products; after the last one, look for those that are gone."""
    account = StripeAccount.objects.filter(pk=UUID(job.key), installation=job.installation).first()
    if account is None or account.state != StripeAccount.State.CONNECTED or not account.takes_payments:
        raise Rejected(
            pgettext_lazy("staff", "The Stripe account of this job cannot be compared at the moment."),
            code="not_ready",
        )
    listed_at = timezone.now()  # what is pushed from now on may be newer than what Stripe lists
    with paced(pace_for(account)):
        found, after = catalogue.list_active(account, job.cursor.get("after") or "")
        page = Page({"after": after}, done=len(found), finished=after is None)
        _compare_page(job, account, found, listed_at, page)
    if after is None:
        _end(job, account, page)
    return page


jobs.PROCESSORS[Job.Kind.REFRESH.value] = process_page


def _compare_page(
    job: Job, account: StripeAccount, found: list[StripeProduct], listed_at: datetime, page: Page
) -> None:
    rows = _rows_of(account, [each.id for each in found])
    prices = _prices_of(rows.values())
    CatalogProduct.objects.filter(pk__in=[each.pk for each in rows.values()]).update(checked_at=listed_at)
    changed = []
    for each in found:
        row = rows.get(each.id)
        if row is None:
            _note_unknown(job, account, each, page)
        elif not row.is_active:
            _note_stray(job, account, each, row, page)
        elif _is_settled(row, listed_at) and comparing.changed_fields(row, prices[row.pk], each):
            changed.append(row)
    for begin in range(0, len(changed), refetch.MOST_AT_ONCE):
        some = changed[begin : begin + refetch.MOST_AT_ONCE]
        shown = _fetch(account.installation, [each.saleor_product_id for each in some])
        for row in some:
            page.counts["changed"] += bool(_check_row(account, row, shown.get(row.saleor_product_id)))


def _rows_of(account: StripeAccount, ids: list[str]) -> dict[str, CatalogProduct]:
    """Return the variants by their Products' ids; a variant that was linked but not yet pushed is not the app's."""
    rows = CatalogProduct.objects.filter(account=account, stripe_product_id__in=ids)
    return {each.stripe_product_id: each for each in rows.exclude(pushed_at=None)}


def _prices_of(rows: Iterable[CatalogProduct]) -> dict[int, dict[str, str]]:
    """By the variants' keys: the channels of their active Prices, by Stripe's ids."""
    rows = list(rows)
    prices: dict[int, dict[str, str]] = {each.pk: {} for each in rows}
    active = CatalogPrice.objects.filter(product__in=rows, is_active=True)
    for product_id, price_id, channel in active.values_list("product_id", "stripe_price_id", "channel_slug"):
        prices[product_id][price_id] = channel
    return prices


def _is_settled(row: CatalogProduct, listed_at: datetime) -> bool:
    """Whether Stripe's list shows what was last pushed; unknown after a push that failed halfway."""
    return row.state in SETTLED and row.pushed_at is not None and row.pushed_at < listed_at


def _fetch(installation: Installation, ids: list[str]) -> dict[str, Product]:
    """The products as Saleor has them now, by their ids."""
    nodes = listing.fetch_products(installation, {"ids": sorted(set(ids))})
    return {each.id: each for each in map(read_product, nodes)}


def check(account: StripeAccount, stripe_product_id: str) -> None:
    """Check one Product now, because Stripe reported something about it."""
    row = _rows_of(account, [stripe_product_id]).get(stripe_product_id)
    if row is None:
        found = catalogue.fetch_product(account, stripe_product_id)
        if found is None or not found.active:
            _open(account, stripe_product_id).delete()
        elif not found.shop:
            _note_foreign(account, found)
    elif row.is_active and row.state in SETTLED:
        shown = _fetch(account.installation, [row.saleor_product_id])
        _check_row(account, row, shown.get(row.saleor_product_id))


def is_as_sent(account: StripeAccount, found: StripeProduct) -> bool:
    """Whether one of the app's Products is in Stripe as it was sent; False for other Products."""
    row = _rows_of(account, [found.id]).get(found.id)
    if row is None or row.is_active != found.active:
        return False
    return not row.is_active or not comparing.changed_fields(row, _prices_of([row])[row.pk], found)


def is_noted(account: StripeAccount, stripe_product_id: str) -> bool:
    """Whether a difference of the Product is open."""
    return _open(account, stripe_product_id).exists()


def is_current_price(account: StripeAccount, price_id: str) -> bool:
    """Whether the Price is what the app has for a variant that is sold."""
    return CatalogPrice.objects.filter(
        product__account=account, stripe_price_id=price_id, is_active=True, product__is_active=True
    ).exists()


def replace_archived_price(account: StripeAccount, price_id: str, why: str) -> Write | None:
    """Fetch the variant from Saleor; returns a function that has it pushed with a new Price, or None if this Price is
    active.
    """
    price = CatalogPrice.objects.filter(product__account=account, stripe_price_id=price_id, is_active=True)
    current = price.select_related("product").first()
    now = catalogue.fetch_price(account, price_id)
    if current is None or (now is not None and now.active):
        return None
    record = refetch.fetch(account.installation, {"ids": [current.product.saleor_product_id]}, why)

    def write() -> None:
        price.update(is_active=False)
        CatalogProduct.objects.filter(pk=current.product.pk).update(sent_hash="")
        record()

    return write


def _open(account: StripeAccount, stripe_product_id: str) -> QuerySet[Difference]:
    return Difference.objects.filter(account=account, stripe_product_id=stripe_product_id, state=State.OPEN)


def _check_row(account: StripeAccount, row: CatalogProduct, shown: Product | None) -> list[Difference]:
    """Store how the variant differs now, in its turn, so that nothing is pushed in the meantime."""
    with turn(account, row.saleor_variant_id):
        row.refresh_from_db()
        if row.state not in SETTLED:
            return []
        found = catalogue.fetch_product(account, row.stripe_product_id)
        if found is None or not found.active:
            return [_note_gone(account, row, "archived" if found else "deleted")]
        differences = _differences(account, row, found, shown)
        kept = [_note(account, found, Kind.CHANGED, each, row) for each in differences]
        _open(account, row.stripe_product_id).exclude(pk__in=[each.pk for each in kept]).delete()
        return kept


def _differences(
    account: StripeAccount, row: CatalogProduct, found: StripeProduct, shown: Product | None
) -> list[Found]:
    """Return the differences; None if Saleor no longer has the variant: the event of its deletion archives it."""
    now = None if shown is None else _saleors(account, row, shown)
    if now is None or not row.is_active:
        return []
    return comparing.compare(row, _prices_of([row])[row.pk], found, now, _channels(account))


def _saleors(account: StripeAccount, row: CatalogProduct, shown: Product) -> Saleors | None:
    item = next((each for each in items_of(shown) if each.variant_id == row.saleor_variant_id), None)
    if item is None:
        return None
    return Saleors(shown, item, wanted_of(item, _channels(account), account.default_currency, timezone.now()))


def _channels(account: StripeAccount) -> dict[str, str]:
    """The currencies of the account's channels."""
    slugs = AccountChannel.objects.filter(account=account).values("channel_slug")
    known = Channel.objects.filter(installation=account.installation, slug__in=slugs)
    return dict(known.values_list("slug", "currency"))


def _note_unknown(job: Job, account: StripeAccount, found: StripeProduct, page: Page) -> None:
    """Store a difference for a Product without a record in the app, or whose record was never pushed."""
    if found.shop == str(account.installation_id):
        _note_stray(job, account, found, None, page)
        return
    if found.shop:
        page.counts["left alone"] += 1
        listed = job.report.get("counts", {}).get("left alone", 0) + page.counts["left alone"]
        if listed <= MOST_FOREIGN:
            _note_foreign(account, found)
        return
    difference = _note_foreign(account, found)
    page.counts["new" if difference.kind == Kind.NEW else "left alone"] += 1


def _note_foreign(account: StripeAccount, found: StripeProduct) -> Difference:
    prices = [] if found.shop else catalogue.list_prices(account, found.id)
    may_be_added, what = comparing.classify(found, prices, _channels(account))
    return _note(account, found, Kind.NEW if may_be_added else Kind.FOREIGN, what, None)


def _note_stray(
    job: Job, account: StripeAccount, found: StripeProduct, row: CatalogProduct | None, page: Page
) -> None:
    """Store a difference for one of the app's Products that is not sold: the nightly comparison archives it. A new one
    may be about to be stored.
    """
    if found.created < job.created_at.timestamp():
        page.counts["not sold in Saleor"] += 1
        _note(account, found, Kind.STRAY, Found("", "active", reason=comparing.SALEOR_DECIDES), row)


def _note_gone(account: StripeAccount, row: CatalogProduct, how: str) -> Difference:
    known = StripeProduct(id=row.stripe_product_id, name=row.name)
    active = row.prices.filter(is_active=True).order_by("channel_slug")
    prices = ", ".join(str(Money(each.amount_minor, each.currency)) for each in active)
    return _note(account, known, Kind.GONE, Found("", how, prices), row)


def _note(
    account: StripeAccount, found: StripeProduct, kind: str, what: Found, row: CatalogProduct | None
) -> Difference:
    """Store the difference in its row; one that staff left alone stays that way until it changes."""
    values: Json = {
        "installation_id": account.installation_id,
        "product": row,
        "kind": kind,
        "title": found.name[:500],
        "stripe_value": what.stripe_value,
        "saleor_value": what.saleor_value,
        "details": what.details,
        "is_conflict": what.is_conflict,
        "reason": what.reason,
    }
    difference, is_new = Difference.objects.get_or_create(
        account=account,
        stripe_product_id=found.id,
        field=what.field,
        defaults=values | {"found_at": timezone.now()},
    )
    if is_new:
        return difference
    is_same = difference.kind == kind and difference.stripe_value == what.stripe_value
    stays = difference.state == State.KEPT and is_same and kind in (Kind.NEW, Kind.FOREIGN)
    for name, value in values.items():
        setattr(difference, name, value)
    difference.found_at = timezone.now()
    if not stays:
        difference.state, difference.errors = State.OPEN, difference.errors if is_same else {}
        difference.decided_at, difference.decided_by = None, ""
    difference.save()
    return difference


def _end(job: Job, account: StripeAccount, page: Page) -> None:
    """Store Products that Stripe should list but does not as gone, and delete differences that were not found again."""
    started = job.created_at  # `started_at` is the end of the first page
    rows = CatalogProduct.objects.filter(account=account, is_active=True).exclude(stripe_product_id="")
    unseen = Q(checked_at=None) | Q(checked_at__lt=started)
    for row in rows.filter(unseen, state=CatalogProduct.State.SYNCED, pushed_at__lt=started):
        _note_gone(account, row, "archived or deleted")
        page.counts["gone"] += 1
    Difference.objects.filter(account=account, state=State.OPEN, found_at__lt=started).delete()
    if job.actor == ITSELF:
        sync_catalogue(account, ITSELF)


def find(installation: Installation, numbers: Iterable[int]) -> list[Difference]:
    """The shop's differences with these keys. `Rejected` unless it has all of them."""
    wanted = list(dict.fromkeys(numbers))
    possible = [each for each in wanted if 0 < each <= LARGEST_KEY]
    rows = Difference.objects.filter(installation=installation, pk__in=possible)
    found = {each.pk: each for each in rows.select_related("account__installation", "product")}
    if missing := [each for each in wanted if each not in found]:
        raise Rejected(f"The shop has no difference {missing[0]}.", code="not_found")
    return [found[each] for each in wanted]


def as_json(difference: Difference) -> Json:
    """The difference as an operator reads it."""
    return {
        "number": difference.pk,
        "account": difference.account.stripe_id,
        "kind": difference.kind,
        "field": difference.field,
        "title": difference.title,
        "product": difference.stripe_product_id,
        "stripe": difference.stripe_value,
        "saleor": difference.saleor_value,
        "conflict": difference.is_conflict,
        "reason": difference.reason,
        "state": difference.state,
        "error": difference.errors.get(ENGLISH, ""),
    }


# Deciding about them.


def apply(
    installation: Installation, differences: Iterable[Difference], target: Target, actor: str
) -> list[Outcome]:
    """Write each to Saleor, from where it is pushed to Stripe. A failure does not stop the others.

    Applying one again does nothing. `Rejected` for too many at once; `Unavailable` while one of the variants is being
    pushed.
    """
    chosen = list(differences)
    if len(chosen) > MOST_AT_ONCE:
        raise Rejected(with_values(TOO_MANY, most=MOST_AT_ONCE), code="too_many_values")
    rows = {each.product.pk: each.product for each in chosen if each.product is not None}
    with ExitStack() as turns:
        # Saleor's event about one change must not overwrite in Stripe what is to be applied next.
        for row in sorted(rows.values(), key=lambda each: (each.account_id, each.saleor_variant_id)):
            turns.enter_context(turn(row.account, row.saleor_variant_id))
        outcomes = [_try(installation, each, target, actor) for each in chosen]
        _push_once(installation, [each.difference for each in outcomes if each.error is None])
    return outcomes


def _push_once(installation: Installation, applied: Iterable[Difference]) -> None:
    """Push the variants with everything that was applied, and not as Saleor's events had them in the meantime.

    If Saleor cannot be queried, its events are pushed one after the other; the last one has everything.
    """
    ids = sorted({each.product.saleor_product_id for each in applied if each.product is not None})
    fetched_at = timezone.now()
    with apart("pushing what was applied", installation=str(installation.pk)):
        nodes = list(listing.fetch_products(installation, {"ids": ids})) if ids else []
        rows = CatalogProduct.objects.filter(
            installation=installation, saleor_product_id__in=[each["id"] for each in nodes]
        )
        with transaction.atomic():
            rows.filter(issued_at__lt=fetched_at).update(issued_at=fetched_at)
            refetch.record(installation, nodes, fetched_at, f"applied {fetched_at.isoformat()}")


def _try(installation: Installation, difference: Difference, target: Target, actor: str) -> Outcome:
    # It may have been overruled before it was our turn; or Stripe was compared again, and it was gone.
    state = Difference.objects.filter(pk=difference.pk).values_list("state", flat=True).first()
    if state is None:
        return Outcome(difference, _changed_again())
    difference.state = state
    if difference.state == State.APPLIED:
        return Outcome(difference)
    try:
        note = _apply(installation, difference, target)
    except Failure as error:
        Difference.objects.filter(pk=difference.pk).update(errors=in_languages(error.translatable))
        difference.refresh_from_db()
        return Outcome(difference, error)
    _decide([difference], State.APPLIED, actor, note)
    return Outcome(difference)


def _decide(differences: list[Difference], state: str, actor: str, error: Wording = "") -> None:
    errors = in_languages(error) if error else {}
    for each in differences:
        each.state, each.decided_at, each.decided_by, each.errors = state, timezone.now(), actor[:128], errors
        each.save(update_fields=["state", "decided_at", "decided_by", "errors"])


def _apply(installation: Installation, difference: Difference, target: Target) -> Wording:
    """Apply one difference; returns the parts that could not be applied. `Rejected` if none could."""
    if difference.state != State.OPEN:
        raise Rejected(
            pgettext_lazy("staff", "Saleor's values have been sent to Stripe again in the meantime."),
            code="overruled",
        )
    _check_applicable(difference)
    if difference.kind == Kind.NEW:
        return _add(installation, difference, target)
    if difference.product is None:
        raise _no_product()
    shown = products.fetch_product(installation, difference.product.saleor_product_id)
    if shown is None:
        raise _no_product()
    product = read_product(shown)
    if difference.kind == Kind.GONE:
        _stop_selling(installation, difference, product)
    else:
        _change(installation, difference, difference.product, product)
    return ""


def _check_applicable(difference: Difference) -> None:
    if difference.is_conflict:
        message = pgettext_lazy("staff", "This was also changed in Saleor. Saleor's value is kept.")
        raise Rejected(message, code="conflict")
    if difference.reason:
        raise Rejected(
            pgettext_lazy("staff", "This cannot be applied in Saleor; nothing was changed."),
            code="not_applicable",
        )


def _no_product() -> Rejected:
    return Rejected(
        pgettext_lazy("staff", "This product no longer exists in Saleor."), code="product_unknown"
    )


def _change(
    installation: Installation, difference: Difference, row: CatalogProduct, product: Product
) -> None:
    """Apply Stripe's current value, if it is still what staff saw. If both values are equal by now, there is nothing to
    do.
    """
    account = difference.account
    found = catalogue.fetch_product(account, difference.stripe_product_id)
    if found is None or not found.active:
        raise _changed_again()
    current = {each.field: each for each in _differences(account, row, found, product)}
    what = current.get(difference.field)
    if what is None:
        return
    is_same = what.stripe_value == difference.stripe_value
    refreshed = _note(account, found, Kind.CHANGED, what, row)
    if not is_same:
        raise _changed_again()
    _check_applicable(refreshed)
    _write(installation, account, row, product, what)


def _changed_again() -> Rejected:
    return Rejected(
        pgettext_lazy("staff", "This has been changed in Stripe again. Check it again."),
        code="changed_again",
    )


def _write(
    installation: Installation, account: StripeAccount, row: CatalogProduct, product: Product, what: Found
) -> None:
    details = what.details
    if "product" in details:
        products.update_product(installation, product.id, {"name": details["product"]})
    elif "variant" in details:
        products.update_variant(installation, row.saleor_variant_id, {"name": details["variant"]})
    elif "text" in details:
        text = rewrite(product.description, details["text"])
        products.update_product(installation, product.id, {"description": text})
    elif "price" in details:
        _adopt_price(account, row, details)
        channel = _channel_ids(installation)[details["channel"]]
        products.set_prices(installation, row.saleor_variant_id, {channel: details["price"]})
    else:
        for url in details["added"]:
            products.link_image(installation, product.id, url)
        present = {each.id for each in product.media or []}
        for image_id in details["removed"]:
            if image_id in present:
                products.delete_image(installation, image_id)


def _channel_ids(installation: Installation) -> dict[str, str]:
    return {each.slug: each.id for each in products.fetch_choices(installation).channels}


def _adopt_price(account: StripeAccount, row: CatalogProduct, details: Json) -> None:
    """Make the merchant's new Price the variant's, so that the push needs no other Price for the same amount.

    The previous Price is archived, which Stripe allows because it is no longer the default.
    """
    price = catalogue.fetch_price(account, details["price_id"])
    if price is None or (money := price.money) is None:
        raise _changed_again()
    channel = details["channel"]
    _mark_price(account, row, channel, price.id)
    replaced = row.prices.filter(channel_slug=channel, is_active=True).exclude(stripe_price_id=price.id)
    for each in replaced:
        catalogue.archive_price(account, each.stripe_price_id)
    with transaction.atomic():
        replaced.update(is_active=False)
        _store_adopted(row, channel, price, money)
        CatalogProduct.objects.filter(pk=row.pk).update(sent_hash="")


def _mark_price(account: StripeAccount, row: CatalogProduct, channel: str, price_id: str) -> None:
    """Name the variant in the Price's metadata."""
    metadata = {
        "saleor_installation": str(account.installation_id),
        "saleor_variant": row.saleor_variant_id,
        "saleor_channel": channel,
    }
    catalogue.update_price(account, price_id, {"metadata": metadata})


def _store_adopted(row: CatalogProduct, channel: str, price: StripePrice, money: Money) -> None:
    CatalogPrice.objects.update_or_create(
        stripe_price_id=price.id,
        defaults={
            "product": row,
            "channel_slug": channel,
            "currency": money.currency,
            "amount_minor": money.minor,
            "lookup_key": price.lookup_key,
            "tax_behavior": "" if price.tax_behavior == UNSPECIFIED else price.tax_behavior,
            "is_adopted": True,
            "is_active": True,
        },
    )


def _add(installation: Installation, difference: Difference, target: Target) -> Wording:
    """Add a product in Saleor for this Product in Stripe: it is linked before it has a price there."""
    account, details = difference.account, difference.details
    found = catalogue.fetch_product(account, difference.stripe_product_id)
    if found is None or not found.active:
        raise _changed_again()
    prices = catalogue.list_prices(account, found.id)
    may_be_added, what = comparing.classify(found, prices, _channels(account))
    if not may_be_added or what.details != details or found.name[:500] != difference.title:
        _note(account, found, Kind.NEW if may_be_added else Kind.FOREIGN, what, None)
        raise _changed_again()
    draft = edit.Draft(
        title=found.name[: edit.LONGEST_TITLE],
        description=found.description,
        prices={slug: Decimal(each["amount"]) for slug, each in details["prices"].items()},
        product_type=target.product_type,
        category=target.category,
        image_urls=tuple(details["images"]),
    )
    by_id = {each.id: each for each in prices}

    def link(product_id: str, variant_id: str) -> None:
        row = _link(account, found, product_id, variant_id)
        for channel, each in details["prices"].items():
            price = by_id[each["id"]]
            _mark_price(account, row, channel, price.id)
            _store_adopted(row, channel, price, Money(price.unit_amount or 0, price.currency))

    added = edit.add_under(installation, draft, f"stripe:{found.id}", link)
    # Saleor's own events may be older than the link, which they must not undo; this one is newer.
    write = refetch.fetch(installation, {"ids": [added.product_id]}, f"stripe {found.id}")
    with transaction.atomic():
        write()
    refused = [each.translatable for each in added.refused_images]
    return format_lazy(" ".join("{}" for _ in refused), *refused) if refused else ""


def _link(account: StripeAccount, found: StripeProduct, product_id: str, variant_id: str) -> CatalogProduct:
    """Link the variant's row to this Product: the next push changes it instead of creating another.

    Older states of the variant, which had no price yet, would archive it: they are ignored.
    """
    row, _ = CatalogProduct.objects.update_or_create(
        account=account,
        saleor_variant_id=variant_id,
        defaults={
            "installation_id": account.installation_id,
            "saleor_product_id": product_id,
            "name": found.name[:500],
            "stripe_product_id": found.id,
            "state": CatalogProduct.State.SENDING,
            "is_active": True,
            "sent_hash": "",
            "issued_at": timezone.now(),
        },
    )
    return row


def _stop_selling(installation: Installation, difference: Difference, product: Product) -> None:
    """Stop selling what was archived in Stripe in the account's channels; its sibling variants are still sold."""
    row = difference.product
    found = catalogue.fetch_product(difference.account, difference.stripe_product_id)
    if found is not None and found.active:
        raise _changed_again()
    if row is None or row.saleor_variant_id not in {each.id for each in product.variants or []}:
        raise _no_product()
    listed = {each.channel.slug for each in product.channel_listings or []} & set(
        _channels(difference.account)
    )
    ids = _channel_ids(installation)
    is_alone = len(product.variants or []) == 1
    change: Json = (
        {"isAvailableForPurchase": False} if is_alone else {"removeVariants": [row.saleor_variant_id]}
    )
    if listed:
        products.list_product(
            installation, product.id, [{"channelId": ids[slug]} | change for slug in sorted(listed)]
        )


def keep_saleors(installation: Installation, differences: Iterable[Difference], actor: str) -> None:
    """Send Saleor's values to Stripe again, and leave new Products there alone from now on. Repeating it changes
    nothing.
    """
    chosen = [each for each in differences if each.state == State.OPEN]
    for each in chosen:
        if each.kind == Kind.STRAY:
            send.archive(each.account, each.stripe_product_id)
    differing = [each for each in chosen if each.kind in (Kind.CHANGED, Kind.GONE)]
    rows = [each.product for each in differing if each.product is not None]
    refetch.push_again(installation, rows, f"keep {timezone.now().isoformat()}")
    _decide(chosen, State.KEPT, actor)


def count_open(installation: Installation) -> Mapping[str, int]:
    """How many differences of each kind are to be decided."""
    found = open_differences(installation).values_list("kind").annotate(count=Count("pk"))
    return dict.fromkeys(Kind.values, 0) | dict(found)
