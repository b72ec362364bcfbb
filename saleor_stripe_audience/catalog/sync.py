"""Sends a shop's whole catalogue to one Stripe account, and compares both sides: a long-running job.

It starts automatically when an account can take payments or gets another channel, and every night. First, every product
from Saleor is pushed; those that are up to date in Stripe cost no calls. Those that Saleor did not list are archived if
it no longer has them. Then Stripe's Products are listed: those that differ are sent again, and those that Saleor does
not sell are archived. Other Products are counted and left alone.

A shop with two accounts has a job for each, which run in parallel.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.catalog import comparing, labels, push, refetch, send
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.catalog.payloads import names_of, read_product
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import catalogue
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.gateway.objects import StripeProduct
from saleor_stripe_audience.gateway.pace import pace_for, paced
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.engine import Page
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor import listing
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]

THREADS = 4  # products at once: with Stripe's usual response times enough for its rate limit in test mode
ITSELF = "the app"  # the actor of a job that nobody requested
PUSH, UNLISTED, COMPARE = "push", "unlisted", "compare"
NO_VARIANT = "no_variant"  # the code of a product without variants


def start(account: StripeAccount, actor: str) -> Job:
    """Start the account's job, or return the open one. Repeating it is harmless."""
    job = jobs.get_or_create(account.installation, Job.Kind.CATALOGUE, actor, key=str(account.pk))
    jobs.start(job)
    return job


def start_again(account: StripeAccount) -> None:
    """Start the account's job, from the beginning if one is open, because the account has another channel."""
    with transaction.atomic():
        job = start(account, ITSELF)
        current = Job.objects.select_for_update().get(pk=job.pk)
        if current.step and current.state in Job.OPEN:
            current.step += 1  # a page that is being processed does not count any more
            current.cursor, current.report, current.done, current.failed = {}, {}, 0, 0
            current.save()
            jobs.start(current)


def usable_accounts(installation: Installation | None = None) -> list[StripeAccount]:
    """Return the accounts that can receive products now: of the shop, or of all shops.

    They have channels, or had some and still sell products.
    """
    mapped = Q(pk__in=AccountChannel.objects.values("account_id"))
    selling = Q(pk__in=CatalogProduct.objects.filter(is_active=True).values("account_id"))
    rows = StripeAccount.objects.filter(
        mapped | selling,
        state=StripeAccount.State.CONNECTED,
        blocked_at=None,
        installation__is_active=True,
    ).select_related("installation")
    if installation is not None:
        rows = rows.filter(installation=installation)
    return [each for each in rows.order_by("created_at") if each.takes_payments]


def process_page(job: Job) -> Page:
    """Process the page at the job's cursor."""
    account = StripeAccount.objects.filter(pk=UUID(job.key), installation=job.installation).first()
    if account is None or account.state != StripeAccount.State.CONNECTED or not account.takes_payments:
        raise Rejected(
            pgettext_lazy("staff", "The Stripe account of this job cannot receive products at the moment."),
            code="not_ready",
        )
    phase = job.cursor.get("phase", PUSH)
    if phase == PUSH:
        return _push_page(job, account)
    if phase == UNLISTED:
        return _archive_unlisted(job, account, job.cursor["after"])
    return _compare_page(job, account, job.cursor["after"])


def _push_page(job: Job, account: StripeAccount) -> Page:
    fetched_at = timezone.now()  # before the request: events from later on are newer
    found = listing.fetch_page(job.installation, "products", job.cursor.get("after"))
    page = Page({"phase": PUSH, "after": found.after}, total=found.total)
    if found.after is None:
        page.cursor = {"phase": UNLISTED, "after": ""}
    pace = pace_for(account)

    def push_one(node: Json) -> tuple[Counter[str], list[Json]]:
        try:
            with paced(pace):
                return _push_product(account, node, fetched_at)
        finally:
            connection.close()  # the thread's own

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(push_one, found.nodes))  # raises the first failure that a retry may resolve
    for counts, problems in results:
        page.counts += counts
        page.problems += problems
        has_failed = any(
            each["code"] != NO_VARIANT for each in problems
        )  # without a variant, nothing had to be sent
        page.failed += has_failed
        page.done += not has_failed
    return page


def _push_product(
    account: StripeAccount, node: Json, fetched_at: datetime
) -> tuple[Counter[str], list[Json]]:
    """Push the product; returns problems for the parts that cannot be sent. `Unavailable` and `Blocked` are raised."""
    counts: Counter[str] = Counter({"products in Saleor": 1})
    try:
        product = read_product(node)
        channels = push.accounts_for(account.installation, product.id).get(account, frozenset())
        refused = push.push_product(account, channels, product, fetched_at)
    except Rejected as error:
        if push.is_of_the_account(error):
            raise
        return counts, [_problem(str(node.get("id", "")), error)]
    labels.store(account.installation, names_of(product))
    counts["variants in Saleor"] = len(product.variants or [])
    problems = [_problem(variant_id, error) for variant_id, error in refused.items()]
    if product.variants == []:
        message = f"“{product.name}” has no variant, so nobody can buy it. Add one in Saleor."
        problem = {"of": "products", "id": product.id, "code": NO_VARIANT, "message": message}
        problems.append(problem | {"name": product.name})
    return counts, problems


def names_without_variant(job: Job) -> list[str]:
    """Return the names of products without variants that the job found: nobody can buy them, and Stripe has no Product
    for them.
    """
    return [each["name"] for each in job.report.get("problems", []) if each["code"] == NO_VARIANT]


def _problem(saleor_id: str, error: Failure) -> Json:
    return {"of": "products", "id": saleor_id, "code": error.code, "message": error.message}


def _archive_unlisted(job: Job, account: StripeAccount, after: str) -> Page:
    """Archive some products that Saleor did not list and no longer has: the events of their deletion were lost.

    Nothing is delivered while the app is deactivated, and a deleted product is not among those that changed.
    """
    fetched_at = timezone.now()
    rows = CatalogProduct.objects.filter(account=account, is_active=True, issued_at__lt=job.created_at)
    ids = rows.filter(saleor_product_id__gt=after).order_by("saleor_product_id")
    some = list(ids.values_list("saleor_product_id", flat=True).distinct()[: refetch.MOST_AT_ONCE])
    if not some:
        return _compare_page(job, account, "")
    page = Page({"phase": UNLISTED, "after": some[-1]})
    gone = set(some) - listing.fetch_present(account.installation, "products", some)
    for row in rows.filter(saleor_product_id__in=gone).select_related("account__installation"):
        with paced(pace_for(account)):
            push.archive(row, fetched_at)
        page.differences.append(
            _difference(row.saleor_variant_id, "sold in Stripe and deleted in Saleor", "archived")
        )
    return page


def _compare_page(job: Job, account: StripeAccount, after: str) -> Page:
    """Compare a page of Stripe's active Products with the stored ones; after the last one look for missing ones."""
    with paced(pace_for(account)):
        found, end = catalogue.list_active(account, after)
        page = Page({"phase": COMPARE, "after": end}, finished=end is None)
        ours = [each for each in found if each.shop == str(account.installation_id)]
        page.counts["products in Stripe"] = len(ours)
        page.counts["products of others in Stripe"] = len(found) - len(ours)
        rows = {
            each.stripe_product_id: each
            for each in _rows(account).filter(stripe_product_id__in=[each.id for each in ours])
        }
        to_send = _compare(job, account, ours, rows, page)
    if end is None:
        to_send += _find_missing(job, account, page)
    refetch.push_again(account.installation, to_send, f"job {job.pk} {job.step}")
    return page


def _rows(account: StripeAccount) -> QuerySet[CatalogProduct]:
    return CatalogProduct.objects.filter(account=account, is_active=True).exclude(stripe_product_id="")


def _compare(
    job: Job,
    account: StripeAccount,
    ours: list[StripeProduct],
    rows: dict[str, CatalogProduct],
    page: Page,
) -> list[CatalogProduct]:
    """Archive what Saleor does not sell; returns what differs."""
    started = job.started_at or job.created_at
    prices: dict[int, list[str]] = {}
    active = CatalogPrice.objects.filter(product__in=rows.values(), is_active=True)
    for product_id, price_id in active.values_list("product_id", "stripe_price_id"):
        prices.setdefault(product_id, []).append(price_id)
    differing = []
    for each in ours:
        row = rows.get(each.id)
        if row is None:
            if each.created < started.timestamp():  # a newer one may be about to be stored
                send.archive(account, each.id)
                page.differences.append(_difference(each.id, "in Stripe and not sold in Saleor", "archived"))
        elif comparing.changed_fields(row, prices.get(row.pk, ()), each):
            differing.append(row)
            page.differences.append(
                _difference(row.saleor_variant_id, "changed in Stripe", "sent again as Saleor has it")
            )
    CatalogProduct.objects.filter(pk__in=[each.pk for each in rows.values()]).update(
        checked_at=timezone.now()
    )
    return differing


def _find_missing(job: Job, account: StripeAccount, page: Page) -> list[CatalogProduct]:
    """Return the variants that Stripe should list but does not: archived or deleted in its Dashboard."""
    started = job.started_at or job.created_at
    unseen = Q(checked_at=None) | Q(checked_at__lt=started)
    missing = list(_rows(account).filter(unseen, pushed_at__lt=started).exclude(pushed_at=None))
    page.differences += [
        _difference(each.saleor_variant_id, "sold in Saleor and not active in Stripe", "sent again")
        for each in missing
    ]
    page.counts["variants active"] = _rows(account).count()
    return missing


def _difference(identifier: str, what: str, why: str) -> Json:
    return {"of": "products", "id": identifier, "what": what, "why": why}


jobs.PROCESSORS[Job.Kind.CATALOGUE.value] = process_page
