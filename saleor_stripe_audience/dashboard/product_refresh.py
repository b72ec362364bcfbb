"""Refreshing products: changes made in Stripe are shown next to Saleor's values; staff tick those to apply."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.catalog import comparing, edit, refresh
from saleor_stripe_audience.catalog.models import Difference
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import format_count
from saleor_stripe_audience.dashboard.sections import PRODUCTS, Note, show
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway.catalogue import dashboard_url
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import Wording

FORM = "differences"
SECONDS = 45.0
SIZE = refresh.MOST_AT_ONCE

KINDS: dict[str, Wording] = {
    Difference.Kind.NEW: gettext_lazy("New in Stripe"),
    Difference.Kind.CHANGED: gettext_lazy("Changed in Stripe"),
    Difference.Kind.GONE: gettext_lazy("Archived or deleted in Stripe"),
    Difference.Kind.STRAY: gettext_lazy("Not sold in Saleor"),
    Difference.Kind.FOREIGN: gettext_lazy("Not of this shop"),
}
FIELDS: dict[str, Wording] = {
    "name": gettext_lazy("Name"),
    "description": gettext_lazy("Description"),
    "images": gettext_lazy("Images"),
    "price": gettext_lazy("Price"),
    "url": gettext_lazy("URL"),
    "tax_code": gettext_lazy("Tax code"),
    "unit_label": gettext_lazy("Unit label"),
    "shippable": gettext_lazy("Shippable"),
}
VALUES: dict[str, Wording] = {
    "True": gettext_lazy("Yes"),
    "False": gettext_lazy("No"),
    "None": "",
}  # of the fields that are not texts


@dataclass(frozen=True, slots=True)
class Row:
    difference: Difference
    kind: Wording
    field: Wording
    stripe_value: Wording
    saleor_value: Wording
    may_be_applied: bool
    link: str


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(PRODUCTS)
def refresh_products(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Look for differences, apply the ticked ones in Saleor, or keep Saleor's values. Repeating it has no further
    effect.
    """
    if request.method != "POST":
        return _show(request, user)
    try:
        with deadline(SECONDS):
            note = _do(user, request.POST)
    except Failure as error:
        return _show(request, user, Note("bad", str(error.translatable), FORM), 422)
    return _show(request, user, note, 200 if note.kind == "good" else 422)


def _do(user: DashboardUser, sent: QueryDict) -> Note:
    name = sent.get("do", "")
    if name == "start":
        if not refresh.start_all(user.installation, user.email):
            return Note("bad", _("No Stripe account can be checked at the moment."), FORM)
        return Note("good", _("Stripe's products are being compared. Check again in a moment."), FORM)
    chosen = refresh.find(user.installation, _numbers(sent.getlist("difference")))
    if not chosen:
        return Note("bad", _("Select at least one change."), FORM)
    if name == "keep":
        refresh.keep_saleors(user.installation, chosen, user.id)
        return Note("good", _("Saleor's values are being sent to Stripe again."), FORM)
    target = refresh.Target(sent.get("product_type", ""), sent.get("category", ""))
    outcomes = refresh.apply(user.installation, chosen, target, user.id)
    failed = [each for each in outcomes if each.error is not None]
    if failed:
        lines = [
            f"{each.difference.title}: {each.error.translatable}" for each in failed if each.error is not None
        ]
        return Note("bad", " ".join(lines), FORM)
    count = len(outcomes)
    text = ngettext("%(n)s change was applied.", "%(n)s changes were applied.", count)
    return Note("good", text % {"n": format_count(count)}, FORM)


def _numbers(texts: list[str]) -> list[int]:
    if any(not each.isdecimal() or len(each) > 18 for each in texts):  # noqa: PLR2004 - a column's digits
        raise Rejected(_("This difference was not found."), code="not_found")
    return [int(each) for each in texts]


def _show(
    request: HttpRequest, user: DashboardUser, note: Note | None = None, status: int = 200
) -> HttpResponse:
    differences = refresh.open_differences(user.installation).exclude(kind=Difference.Kind.FOREIGN)
    found = differences.exclude(account__state=StripeAccount.State.DISCONNECTED)
    shown = list(found.select_related("account").order_by("pk")[: SIZE + 1])
    newest = Job.objects.filter(installation=user.installation, kind=Job.Kind.REFRESH).order_by("-created_at")
    job = newest.first()
    choices, trouble = None, ""
    if any(each.kind == Difference.Kind.NEW for each in shown):
        try:
            with deadline(SECONDS):
                choices = edit.choices(user.installation)
        except Failure as error:
            trouble = str(error.translatable)
    return show(
        request,
        user,
        PRODUCTS,
        note=note,
        status=status,
        template="product_refresh",
        rows=[_row(each) for each in shown[:SIZE]],
        has_more=len(shown) > SIZE,
        choices=choices,
        trouble=trouble,
        job=job,
        is_moving=job is not None and job.state in Job.MOVING,
    )


def _row(difference: Difference) -> Row:
    return Row(
        difference,
        KINDS.get(difference.kind, difference.kind),
        FIELDS.get(difference.field, difference.field),
        _in_words(difference.field, difference.stripe_value),
        _in_words(difference.field, difference.saleor_value),
        difference.may_be_applied,
        dashboard_url(difference.account, difference.stripe_product_id),
    )


def _in_words(field: str, value: str) -> Wording:
    return value if field in comparing.TEXTS else VALUES.get(value, value)
