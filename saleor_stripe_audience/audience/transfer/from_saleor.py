"""Saleor's customers and orders, all of them; then both sides are held against each other.

`cursor`: the phase, and where its next page begins. Customers come first, for their orders are then known as theirs.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from django.db.models import QuerySet

from saleor_stripe_audience.audience.contacts import identity
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.payloads import read_account, read_order
from saleor_stripe_audience.audience.privacy import tombstones
from saleor_stripe_audience.audience.shopping import purchases
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.signup import metadata
from saleor_stripe_audience.audience.transfer.from_stripe import OF_STRIPE
from saleor_stripe_audience.audience.transfer.jobs import Json, Page
from saleor_stripe_audience.audience.transfer.models import Job
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor import listing
from saleor_stripe_audience.shops.models import Installation

PHASES = ("count", "customers", "orders", "check customers", "check orders")

Recording = Callable[[Installation, Json, datetime], str]
Words = Callable[[Installation, Json, datetime], None]


def work(job: Job) -> Page:
    """The next page; which it is, the job's cursor says."""
    phase, after = job.cursor.get("phase", PHASES[0]), job.cursor.get("after")
    if phase == "count":
        total = sum(listing.fetch_count(job.installation, each) for each in ("customers", "orders"))
        return Page({"phase": "customers", "after": None}, total=total)
    if phase == "customers":
        return _brought_in(job, after, _record_customer, metadata.record_account_consent)
    if phase == "orders":
        return _brought_in(job, after, _record_order, metadata.record_order_consent)
    return _checked(job, phase, after)


def _brought_in(job: Job, after: str | None, record: Recording, record_words: Words) -> Page:
    phase = job.cursor["phase"]
    looked = datetime.now(UTC)  # before asking: what is told of a later moment is newer
    found = listing.fetch_page(job.installation, phase, after)
    page = Page(_next(phase, found.after))
    for node in found.nodes:
        try:
            page.counts[f"{phase} {record(job.installation, node, looked)}"] += 1
            page.done += 1
        except Rejected as refused:
            page.failed += 1
            page.problems.append(_problem(phase, node, refused))
            continue
        try:
            record_words(job.installation, node, looked)
        except Rejected as refused:  # a consent that proves nothing; the person is kept
            page.counts["consents refused"] += 1
            page.problems.append(_problem(phase, node, refused))
    return page


def _record_customer(installation: Installation, node: Json, looked: datetime) -> str:
    kept = identity.record_customer(installation, node, looked)
    if not read_account(node).is_confirmed:
        return "unconfirmed"
    return "kept" if kept is not None else "erased"


def _record_order(installation: Installation, node: Json, looked: datetime) -> str:
    purchase = purchases.record_order(installation, node, looked)
    if purchase.contact_id is not None:
        return "kept"
    return "anonymous" if read_order(node).is_anonymous else "erased"


def _problem(phase: str, node: Json, refused: Rejected) -> Json:
    return {"of": phase, "id": str(node.get("id", "")), "code": refused.code, "message": refused.message}


def _next(phase: str, after: str | None) -> Json:
    """The phase's next page, or the next phase's first."""
    if after is not None:
        return {"phase": phase, "after": after}
    return {"phase": PHASES[PHASES.index(phase) + 1], "after": None}


def _checked(job: Job, phase: str, after: str | None) -> Page:
    """Hold a page of Saleor's ids against what is here; after the last, the counts."""
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
        so_far = Counter(job.report.get("counts", {})) + counts
        page.differences += _in_sum(job, what, so_far, found.total)
        page.counts[f"{what} in Saleor"] = found.total
        page.finished = what == "orders"
        page.cursor = {} if page.finished else _next(phase, None)
    return page


def _difference(of: str, what: str, identifier: str = "", why: str | None = None) -> Json:
    return {"of": of, "id": identifier, "what": what, "why": why or ""}


def _compare_customers(job: Job, nodes: list[Json]) -> tuple[Counter[str], list[str]]:
    """A customer is here as an account; unconfirmed accounts speak for nobody, and erased ones stay away."""
    ids = {node["id"] for node in nodes if node.get("isConfirmed") is True}
    here = _accounts(job.installation).filter(saleor_user_id__in=ids)
    held = set(here.values_list("saleor_user_id", flat=True))
    names = {tombstones.account(each): each for each in ids - held}
    erased = {names[name] for name in tombstones.known(job.installation, names)} if names else set()
    counts = Counter(
        {
            "customers here": len(held),
            "customers here before": _before(job, here),
            "customers erased, found": len(erased),
            "customers unconfirmed, found": len(nodes) - len(ids),
        }
    )
    return counts, sorted(ids - held - erased)


def _compare_orders(job: Job, nodes: list[Json]) -> tuple[Counter[str], list[str]]:
    """An order is here as a purchase, be it nobody's."""
    ids = {node["id"] for node in nodes}
    here = _orders(job.installation).filter(saleor_order_id__in=ids)
    held = dict(here.values_list("saleor_order_id", "contact"))
    counts = Counter(
        {
            "orders here": len(held),
            "orders here before": here.filter(placed_at__lt=job.started_at).count(),
            "orders that are nobody's": sum(contact is None for contact in held.values()),
        }
    )
    return counts, sorted(ids - set(held))


def _in_sum(job: Job, what: str, counts: Counter[str], total: int) -> list[Json]:
    """What the ids alone do not tell: pages that did not give all, and what Saleor no longer has.

    What came since the work began does not count there: the listing may not have shown it.
    """
    differences = []
    if counts[f"{what} listed"] != total:
        told = f"Saleor counts {total} and listed {counts[f'{what} listed']}: run it again"
        differences.append(_difference(what, told))
    if what == "customers":
        held = _before(job, _accounts(job.installation))
    else:
        held = _orders(job.installation).filter(placed_at__lt=job.started_at).count()
    more = held - counts[f"{what} here before"]
    if more > 0:
        differences.append(_difference(what, f"{more} here that Saleor no longer has"))
    return differences


def _accounts(installation: Installation) -> QuerySet[Contact]:
    return Contact.objects.filter(audience__installation=installation).exclude(saleor_user_id=None)


def _before(job: Job, accounts: QuerySet[Contact]) -> int:
    """How many accounts of them were here before the work began; one may be in several audiences."""
    known = accounts.filter(created_at__lt=job.started_at)
    return known.values("saleor_user_id").distinct().count()


def _orders(installation: Installation) -> QuerySet[Purchase]:
    return Purchase.objects.filter(installation=installation).exclude(saleor_order_id__startswith=OF_STRIPE)
