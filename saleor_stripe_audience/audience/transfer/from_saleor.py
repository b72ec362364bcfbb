"""Imports all of Saleor's customers and orders, then compares both sides.

`cursor` has the phase and where its next page starts. Customers come first, so that their orders can be assigned.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet

from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.people.audiences import LockedShop, hold_shop
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.payloads import Account, read_account
from saleor_stripe_audience.audience.privacy import tombstones
from saleor_stripe_audience.audience.shopping import purchases
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.shopping.payloads import Order, read_order
from saleor_stripe_audience.audience.signup import metadata
from saleor_stripe_audience.audience.transfer.from_stripe import STRIPE_PREFIX
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.jobs.engine import Json, Page
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor import listing
from saleor_stripe_audience.shops.models import Installation

PHASES = ("count", "customers", "orders", "check customers", "check orders")


@dataclass(frozen=True)
class _Subject[Read]:
    """What a phase imports: how one is read, stored with its outcome, and its consent recorded."""

    read: Callable[[Json], Read]
    record: Callable[[LockedShop, Read, datetime], str]
    record_consent: Callable[[LockedShop, Read, datetime], None]


def process_page(job: Job) -> Page:
    """Process the page at the job's cursor."""
    phase, after = job.cursor.get("phase", PHASES[0]), job.cursor.get("after")
    if phase == "count":
        total = sum(listing.fetch_count(job.installation, each) for each in ("customers", "orders"))
        return Page({"phase": "customers", "after": None}, total=total)
    if phase == "customers":
        return _import(job, after, _Subject(read_account, _record_customer, metadata.record_account_consent))
    if phase == "orders":
        return _import(job, after, _Subject(read_order, _record_order, metadata.record_order_consent))
    return _check(job, phase, after)


def _import[Read](job: Job, after: str | None, subject: _Subject[Read]) -> Page:
    phase = job.cursor["phase"]
    fetched_at = datetime.now(UTC)  # before the request: events from later on are newer
    found = listing.fetch_page(job.installation, phase, after)
    page = Page(_next(phase, found.after))
    for node in found.nodes:
        try:
            read = subject.read(node)
            with hold_shop(job.installation) as shop:
                outcome = subject.record(shop, read, fetched_at)
                try:
                    subject.record_consent(shop, read, fetched_at)
                except Rejected as error:  # consent that proves nothing; the person is stored
                    page.counts["consents refused"] += 1
                    page.problems.append(_problem(phase, node, error))
            page.counts[f"{phase} {outcome}"] += 1
            page.done += 1
        except Rejected as error:
            page.failed += 1
            page.problems.append(_problem(phase, node, error))
    return page


def _record_customer(shop: LockedShop, account: Account, fetched_at: datetime) -> str:
    contact = identity.record_customer(shop, account, fetched_at)
    if not account.is_confirmed:
        return "unconfirmed"
    return "kept" if contact is not None else "erased"


def _record_order(shop: LockedShop, order: Order, fetched_at: datetime) -> str:
    purchase = purchases.record_order(shop, order, fetched_at)
    if purchase.contact_id is not None:
        return "kept"
    if order.is_anonymous:
        return "anonymous"
    return "without an address" if order.buyer(fetched_at) is None else "erased"


def _problem(phase: str, node: Json, error: Rejected) -> Json:
    return {"of": phase, "id": str(node.get("id", "")), "code": error.code, "message": error.message}


def _next(phase: str, after: str | None) -> Json:
    """Return the cursor of the phase's next page, or of the next phase."""
    if after is not None:
        return {"phase": phase, "after": after}
    return {"phase": PHASES[PHASES.index(phase) + 1], "after": None}


def _check(job: Job, phase: str, after: str | None) -> Page:
    """Compare a page of Saleor's ids with the stored ones; after the last page compare the totals."""
    what = phase.removeprefix("check ")
    fields = "id isConfirmed" if what == "customers" else "id"
    found = listing.fetch_short_page(job.installation, what, after, fields)
    compare = _compare_customers if what == "customers" else _compare_orders
    counts, missing = compare(job, found.nodes)
    counts[f"{what} listed"] = len(found.nodes)
    page = Page(job.cursor | {"after": found.after}, counts=counts)
    reasons = {each["id"]: each["message"] for each in job.report.get("problems", [])}
    page.differences = [
        _difference(what, "in Saleor and not here", each, reasons.get(each)) for each in missing
    ]
    if found.after is None:
        totals = Counter(job.report.get("counts", {})) + counts
        page.differences += _compare_totals(job, what, totals, found.total)
        page.counts[f"{what} in Saleor"] = found.total
        page.finished = what == "orders"
        page.cursor = {} if page.finished else _next(phase, None)
    return page


def _difference(of: str, what: str, identifier: str = "", why: str | None = None) -> Json:
    return {"of": of, "id": identifier, "what": what, "why": why or ""}


def _compare_customers(job: Job, nodes: list[Json]) -> tuple[Counter[str], list[str]]:
    """Compare confirmed accounts with contacts; unconfirmed accounts have no contact, and erased ones are skipped."""
    ids = {node["id"] for node in nodes if node.get("isConfirmed") is True}
    contacts = _with_account(job.installation).filter(saleor_user_id__in=ids)
    stored = set(contacts.values_list("saleor_user_id", flat=True))
    names = {tombstones.account(each): each for each in ids - stored}
    erased = {names[name] for name in tombstones.known(job.installation, names)} if names else set()
    counts = Counter(
        {
            "customers here": len(stored),
            "customers here before": _count_from_before(job, contacts),
            "customers erased, found": len(erased),
            "customers unconfirmed, found": len(nodes) - len(ids),
        }
    )
    return counts, sorted(ids - stored - erased)


def _compare_orders(job: Job, nodes: list[Json]) -> tuple[Counter[str], list[str]]:
    """Compare orders with purchases, with or without a contact."""
    ids = {node["id"] for node in nodes}
    orders = _orders(job.installation).filter(saleor_order_id__in=ids)
    stored = dict(orders.values_list("saleor_order_id", "contact"))
    counts = Counter(
        {
            "orders here": len(stored),
            "orders here before": orders.filter(placed_at__lt=job.started_at).count(),
            "orders that are nobody's": sum(contact is None for contact in stored.values()),
        }
    )
    return counts, sorted(ids - set(stored))


def _compare_totals(job: Job, what: str, counts: Counter[str], total: int) -> list[Json]:
    """Find what the ids do not show: incomplete pages, and objects that Saleor no longer has.

    Objects that arrived after the job started are not compared: the listing may not include them.
    """
    differences = []
    if counts[f"{what} listed"] != total:
        message = f"Saleor counts {total} and listed {counts[f'{what} listed']}: run it again"
        differences.append(_difference(what, message))
    if what == "customers":
        stored = _count_from_before(job, _with_account(job.installation))
    else:
        stored = _orders(job.installation).filter(placed_at__lt=job.started_at).count()
    surplus = stored - counts[f"{what} here before"]
    if surplus > 0:
        differences.append(_difference(what, f"{surplus} here that Saleor no longer has"))
    return differences


def _with_account(installation: Installation) -> QuerySet[Contact]:
    return Contact.objects.filter(audience__installation=installation).exclude(saleor_user_id=None)


def _count_from_before(job: Job, contacts: QuerySet[Contact]) -> int:
    """Count the accounts that existed before the job started; an account can be in several audiences."""
    older = contacts.filter(created_at__lt=job.started_at)
    return older.values("saleor_user_id").distinct().count()


def _orders(installation: Installation) -> QuerySet[Purchase]:
    return Purchase.objects.filter(installation=installation).exclude(
        saleor_order_id__startswith=STRIPE_PREFIX
    )
