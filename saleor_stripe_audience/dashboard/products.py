"""The shop's products in Stripe: the list with search, filters and pages; one product; and the job that sends all."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from saleor_stripe_audience.catalog import sync
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.pages import read_page
from saleor_stripe_audience.dashboard.sections import PRODUCTS, Note, refuse, show
from saleor_stripe_audience.dashboard.sites import choices_of
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.catalogue import dashboard_url
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.shops.channels import in_order
from saleor_stripe_audience.shops.models import Channel
from saleor_stripe_audience.wording import Wording

LONGEST_SEARCH = 200
FILTERS = ("q", "status", "account", "problems")
State = CatalogProduct.State
HAS_PROBLEMS = ~Q(problems=[]) | ~Q(last_errors={})
DISCONNECTED = "disconnected"  # shown instead of the state: nothing is sent to the account any more

BADGES: dict[str, tuple[str, Wording]] = {
    State.SYNCED: ("good", gettext_lazy("In Stripe")),
    State.SENDING: ("todo", gettext_lazy("Sending")),
    State.WAITING: ("todo", gettext_lazy("Waiting")),
    State.FAILED: ("bad", gettext_lazy("Failed")),
    State.NOT_SOLD: ("plain", gettext_lazy("Not sold")),
    State.ARCHIVED: ("plain", gettext_lazy("Archived")),
    DISCONNECTED: ("plain", gettext_lazy("Account disconnected")),
}
# What could not be synced to Stripe as it is in Saleor: docs/catalogue.md.
PROBLEMS: dict[str, Wording] = {
    "no_price": gettext_lazy("It has no price in this channel."),
    "price_zero": gettext_lazy("It costs nothing in this channel, so no price was sent."),
    "below_minimum": gettext_lazy("The price is below Stripe's minimum charge, so it was not sent."),
    "below_one_dollar": gettext_lazy("The price is below the equivalent of one US dollar."),
    "price_refused": gettext_lazy("Stripe refused the price."),
    "price_invalid": gettext_lazy("The price cannot be charged: it has too many decimals, or is negative."),
    "image_left_out": gettext_lazy("An image was left out: it is an SVG, not public, or the ninth."),
    "images_refused": gettext_lazy("Stripe refused the images: the rest was sent without them."),
    "url_refused": gettext_lazy("Stripe refused the product's URL: the rest was sent without it."),
    "tax_code_refused": gettext_lazy("Stripe refused the tax code: the rest was sent without it."),
    "unit_label_refused": gettext_lazy("Stripe refused the unit: the rest was sent without it."),
    "name_cut": gettext_lazy("The name was truncated because it is longer than Stripe allows."),
    "unit_label_cut": gettext_lazy("The unit label was truncated because it is longer than Stripe allows."),
    "description_cut": gettext_lazy("The description was truncated because it is longer than Stripe allows."),
    "lookup_key_taken": gettext_lazy(
        "Another price already has the readable lookup key, so this one has a longer key."
    ),
}
JOB_STATES: dict[str, tuple[str, Wording]] = {
    Job.State.QUEUED: ("todo", gettext_lazy("Queued")),
    Job.State.RUNNING: ("todo", gettext_lazy("Running")),
    Job.State.PAUSED: ("plain", gettext_lazy("Paused")),
    Job.State.CANCELLED: ("plain", gettext_lazy("Cancelled")),
    Job.State.DONE: ("good", gettext_lazy("Done")),
    Job.State.DIFFERS: ("good", gettext_lazy("Done, differences were corrected")),
    Job.State.FAILED: ("bad", gettext_lazy("Failed")),
}


@dataclass(frozen=True, slots=True)
class ProductRow:
    product: CatalogProduct
    color: str
    state: Wording
    prices: tuple[str, ...]
    link: str
    is_sent: bool  # when it changes in Saleor


@require_safe
@for_staff(PRODUCTS)
def products(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return show_products(request, user)


def show_products(
    request: HttpRequest, user: DashboardUser, note: Note | None = None, status: int = 200
) -> HttpResponse:
    params = request.GET
    accounts = accounts_of(user.installation.pk)
    found = chosen(user, params, accounts).select_related("account").prefetch_related("prices")
    page = read_page(found, params, "name", is_ascending=True)
    names = _channel_names(user)
    return show(
        request,
        user,
        PRODUCTS,
        note=note,
        status=status,
        rows=[_row(each, names) for each in page.rows],
        page=page,
        params=params,
        is_narrowed=any(params.get(name) for name in FILTERS),
        states=_states(accounts),
        accounts=choices_of(accounts),
        **_progress(user),
    )


def _states(accounts: list[StripeAccount]) -> list[tuple[str, tuple[str, Wording]]]:
    """Return the states that the shop's products can have."""
    has_former = any(is_disconnected(each) for each in accounts)
    return [(name, badge) for name, badge in BADGES.items() if has_former or name != DISCONNECTED]


def chosen(user: DashboardUser, params: QueryDict, accounts: list[StripeAccount]) -> QuerySet[CatalogProduct]:
    """Return the shop's products that match the query. Anything in it that does not exist matches none."""
    found = CatalogProduct.objects.filter(installation=user.installation)
    if text := params.get("q", "").strip()[:LONGEST_SEARCH].replace("\0", ""):
        found = found.filter(Q(name__icontains=text) | Q(sku__iexact=text))
    status, account, problems = (params.get(name, "") for name in ("status", "account", "problems"))
    disconnected = [each for each in accounts if is_disconnected(each)]
    if status == DISCONNECTED:
        found = found.filter(account__in=disconnected)
    elif status:
        found = found.filter(state=status if status in BADGES else "").exclude(account__in=disconnected)
    if account:
        found = found.filter(account__in=[each for each in accounts if str(each.pk) == account])
    elif len(accounts) > 1:
        found = found.exclude(_only_elsewhere())
    if problems:
        found = found.filter(HAS_PROBLEMS).exclude(account__in=disconnected)
    return found


def _only_elsewhere() -> Q:
    """What an account does not sell and another account of the shop lists: a list of all accounts has it once."""
    same = CatalogProduct.objects.filter(
        installation=OuterRef("installation"),
        saleor_product_id=OuterRef("saleor_product_id"),
        saleor_variant_id=OuterRef("saleor_variant_id"),
        account__state=StripeAccount.State.CONNECTED,
    )
    listed = same.filter(~Q(state=State.NOT_SOLD) | HAS_PROBLEMS | Q(pk__lt=OuterRef("pk")))
    return Q(Exists(listed.exclude(pk=OuterRef("pk"))), ~HAS_PROBLEMS, state=State.NOT_SOLD)


def is_disconnected(account: StripeAccount) -> bool:
    return account.state == StripeAccount.State.DISCONNECTED


def _row(product: CatalogProduct, names: dict[str, str]) -> ProductRow:
    is_sent = not is_disconnected(product.account)
    shown = product.state if is_sent else DISCONNECTED
    color, state = BADGES.get(shown, ("plain", shown))
    active = _active_prices(product, names)
    prices = dict.fromkeys(format_amount(each.amount_minor, each.currency) for each in active)
    return ProductRow(product, color, state, tuple(prices), stripe_link(product), is_sent)


def _active_prices(product: CatalogProduct, names: dict[str, str]) -> list[CatalogPrice]:
    """Return the prices in the order of their channels' names."""
    places = {slug: place for place, slug in enumerate(names)}
    active = [each for each in product.prices.all() if each.is_active]
    return sorted(active, key=lambda each: (places.get(each.channel_slug, len(places)), each.channel_slug))


def _channel_names(user: DashboardUser) -> dict[str, str]:
    """Return the names of the shop's channels by slug, in the order of every list."""
    return {each.slug: each.name for each in in_order(Channel.objects.filter(installation=user.installation))}


def stripe_link(product: CatalogProduct) -> str:
    """Return the product's URL in Stripe's Dashboard; empty while Stripe does not have it."""
    return dashboard_url(product.account, product.stripe_product_id) if product.stripe_product_id else ""


# ---- one product ----


@require_safe
@for_staff(PRODUCTS)
def product(request: HttpRequest, user: DashboardUser, product_id: int) -> HttpResponse:
    found = find(user, product_id)
    return not_found(request, user) if found is None else show_product(request, user, found)


def find(user: DashboardUser, product_id: int) -> CatalogProduct | None:
    """Return the product, if it is one of the user's shop."""
    own = CatalogProduct.objects.filter(installation=user.installation)
    return (
        own.select_related("account", "installation").prefetch_related("prices").filter(pk=product_id).first()
    )


def not_found(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return refuse(request, 404, _("This product was not found."), user)


@dataclass(frozen=True, slots=True)
class PriceRow:
    price: CatalogPrice
    channel: str
    amount: str


def show_product(
    request: HttpRequest,
    user: DashboardUser,
    found: CatalogProduct,
    note: Note | None = None,
    status: int = 200,
) -> HttpResponse:
    names = _channel_names(user)
    return show(
        request,
        user,
        PRODUCTS,
        note=note,
        status=status,
        template="product",
        row=_row(found, names),
        product=found,
        prices=[
            PriceRow(
                each,
                names.get(each.channel_slug, each.channel_slug),
                format_amount(each.amount_minor, each.currency),
            )
            for each in _active_prices(found, names)
        ],
        problems=[_problem(each, names) for each in found.problems],
    )


def _problem(problem: dict[str, str], channels: dict[str, str]) -> str:
    text = str(PROBLEMS.get(problem.get("code", ""), problem.get("message", "")))
    channel = problem.get("channel") or ""
    return f"{channels.get(channel, channel)} – {text}" if channel else text


# ---- the job that sends all of them ----

MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Sync:
    """An account and the last job that sent it the catalogue."""

    account: StripeAccount
    job: Job | None
    color: str = ""
    state: Wording = ""
    minutes: int = 0

    @property
    def processed(self) -> int:
        return self.job.done + self.job.failed if self.job is not None else 0

    @property
    def is_moving(self) -> bool:
        return self.job is not None and self.job.state in Job.MOVING

    @property
    def may_resume(self) -> bool:
        return self.job is not None and self.job.state in (Job.State.PAUSED, Job.State.FAILED)

    @property
    def is_open(self) -> bool:
        return self.job is not None and self.job.state in Job.OPEN


def _syncs(user: DashboardUser) -> list[Sync]:
    accounts = sync.usable_accounts(user.installation)
    own = Job.objects.filter(installation=user.installation, kind=Job.Kind.CATALOGUE)
    newest: dict[str, Job] = {}
    for job in own.order_by("-created_at")[: 10 * len(accounts) + 1]:
        newest.setdefault(job.key, job)
    return [_sync(each, newest.get(str(each.pk))) for each in accounts]


def _sync(account: StripeAccount, job: Job | None) -> Sync:
    if job is None:
        return Sync(account, None)
    color, state = JOB_STATES[job.state]
    minutes = round(job.eta.total_seconds() / 60) + 1 if job.eta is not None else 0
    return Sync(account, job, color, state, minutes)


def _without_variant(syncs: list[Sync]) -> list[str]:
    """Return the names of the products without variants, each once: the jobs of several accounts find the same."""
    found = [name for each in syncs if each.job is not None for name in sync.names_without_variant(each.job)]
    return list(dict.fromkeys(found))


def _progress(user: DashboardUser) -> dict[str, Any]:
    """Return what the page shows of the jobs, which it polls."""
    syncs = _syncs(user)
    names = _without_variant(syncs)
    listed = ", ".join(names[:MOST_NAMES]) + ("" if len(names) <= MOST_NAMES else " …")
    return {"syncs": syncs, "without_variant": listed, "without_variant_count": len(names)}


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(PRODUCTS)
def sync_products(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Show the progress of the jobs, which the page polls; POST starts, pauses, resumes or cancels one."""
    if request.method != "POST":
        return show(request, user, PRODUCTS, template="products_sync", **_progress(user))
    try:
        text = _do(user, request.POST)
    except Rejected as error:
        return show_products(request, user, Note("bad", str(error.translatable), "sync"), 422)
    return show_products(request, user, Note("good", text, "sync"))


def _do(user: DashboardUser, sent: QueryDict) -> str:
    name = sent.get("do", "")
    if name == "start":
        for account in sync.usable_accounts(user.installation):
            sync.start(account, user.email)
        return _("All products are being sent to Stripe.")
    job = jobs.find(user.installation, sent.get("job", ""))
    if job.kind != Job.Kind.CATALOGUE:
        raise Rejected(_("This is not a job of the catalogue."), code="not_found")
    if name == "pause":
        jobs.pause(job)
        return _("Will pause after the current page.")
    if name == "resume":
        jobs.start(jobs.resume(job))
        return _("Continued.")
    jobs.cancel(job)
    return _("Cancelled. What was sent stays in Stripe.")


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
